"""Good directions: T Y by its definition, projection laws, features, sign energies and angles."""

import itertools
import math
import re
import statistics

import matplotlib
import pytest
import torch

from numerics import directions as module
from numerics.constructions import dense_construction, random_signs
from numerics.covariance import FeatureCovariance
from numerics.directions import GoodDirections
from numerics.memory import WouldNotFit
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from numerics.span import Span
from numerics.targets import Target
from theory import Activation, ntk_eigenvalue
from theory.harmonics.sphere import cumulative_multiplicity

SIGMA = Activation.parse("tanh(z + 1)")
D, M = 5, 40
METHODS = [("span", 0), ("span", 1), ("span", 2), ("span", 3), ("eigen", 0), ("eigen", 1), ("eigen", 2)]


def displacement(network: TwoLayerNetwork, seed: int, *shape: int) -> torch.Tensor:
    """Gaussian, of the network's shape, dtype and device."""
    drawn = torch.randn(*shape, *network.batch, network.m, network.d, generator=generator(seed), dtype=torch.float64)
    return drawn.to(network.w)


def rounding(network: TwoLayerNetwork, k: int, condition: float) -> float:
    """Of a projection, relative to |W|.

    The adjoint and the map sum m/2 products of k + 1 factors, then d^k entries; the basis sums n_k of these. Relative
    to the result the sums can be larger by the root of the condition number of the Gram matrix, once for each map.
    """
    sums = network.m // 2 + network.d**k + cumulative_multiplicity(network.d, k) + 4 * (k + 1)
    return float(torch.finfo(network.dtype).eps) * 2 * sums * condition


def condition(directions: GoodDirections) -> float:
    """Root of the condition number of T*T; 1 for a stored orthonormal basis."""
    if not isinstance(directions._basis, Span):
        return 1.0
    values = torch.linalg.eigvalsh(directions._basis.gram)
    return float((values[-1] / values[0]).sqrt())


@pytest.mark.parametrize(("method", "k"), METHODS)
def test_projection_laws(method: str, k: int, device: str, dtype: torch.dtype) -> None:
    network = TwoLayerNetwork(D, M, SIGMA, seed=1, dtype=dtype, device=device)
    directions = GoodDirections(network, k, method)
    W, V = displacement(network, 2), displacement(network, 3)
    P = directions.project
    atol = rounding(network, k, condition(directions)) * float(W.norm())
    assert directions.dimension == cumulative_multiplicity(D, k)
    assert directions.coordinates(W).shape == (directions.dimension,)
    assert float((P(P(W)) - P(W)).norm()) <= atol
    assert abs(float((P(W) * V).sum() - (W * P(V)).sum())) <= atol * float(V.norm())
    assert float((P(W) + directions.complement(W) - W).norm()) <= atol
    assert float((directions.combine(directions.coordinates(W)) - P(W)).norm()) <= atol
    assert abs(float(directions.coordinates(W).norm() - P(W).norm())) <= atol
    assert float(P(torch.cat([W[: M // 2]] * 2)).norm()) <= atol, "symmetric displacements have no good part"
    assert float(P(W).norm()) < float(W.norm())
    x = sphere(9, D, math.sqrt(D), generator(4)).to(device, dtype)
    # |f_L(x; V)| <= max |sigma'| |x| |V| = sqrt d |V|, rounded in sums of m/2 and of d products.
    limit = math.sqrt(D) * (atol + torch.finfo(dtype).eps * (M // 2 + D + 8) * float(W.norm()))
    features = directions.features(x)
    assert float((features @ directions.coordinates(W) - network.linear(x, P(W))).abs().max()) <= limit
    assert float((features @ directions.coordinates(V) - network.linear(x, P(W))).abs().max()) > limit
    # R2 vanishes identically: both copies of a neuron have the same square.
    assert float(network.quadratic(x, P(W)).abs().max()) == 0
    assert float(network.quadratic(x, W).abs().max()) > 0.1


@pytest.mark.parametrize(("method", "k"), METHODS)
def test_basis_is_orthonormal(method: str, k: int, device: str, dtype: torch.dtype) -> None:
    network = TwoLayerNetwork(D, M, SIGMA, seed=1, dtype=dtype, device=device)
    for directions in (GoodDirections(network, k, method), GoodDirections(network, k, method).random_subspace(3)):
        basis = directions.half_basis()
        assert basis.shape == (directions.dimension, M // 2, D)
        flat = basis.flatten(1).double()
        identity = torch.eye(len(flat), dtype=torch.float64, device=device)
        atol = rounding(network, k, condition(directions)) * math.sqrt(len(flat))
        assert float((2 * flat @ flat.T - identity).norm()) <= atol
        W = displacement(network, 4)
        whole = torch.cat([basis, -basis], 1)
        assert float(((whole * W).sum((1, 2)) - directions.coordinates(W)).norm()) <= atol * float(W.norm())


@pytest.mark.parametrize("method", ["span", "eigen"])
def test_batch_is_the_loop_over_seeds(method: str) -> None:
    networks = TwoLayerNetwork(D, M, SIGMA, seed=(1, 2))
    batch = GoodDirections(networks, 2, method)
    W, x = displacement(networks, 5), sphere(6, D, math.sqrt(D), generator(6))
    for i, seed in enumerate((1, 2)):
        one = GoodDirections(TwoLayerNetwork(D, M, SIGMA, seed=seed), 2, method)
        atol = 2 * rounding(one.network, 2, condition(one)) * float(W[i].norm())
        assert float((batch.project(W)[i] - one.project(W[i])).norm()) <= atol
        assert float((batch.sign_energy(W)[i] - one.sign_energy(W[i])).abs()) <= atol * float(W[i].norm())
        assert batch.half_basis()[i].shape == one.half_basis().shape
        fitted = (batch.features(x)[i] @ batch.coordinates(W)[i], one.features(x) @ one.coordinates(W[i]))
        assert float((fitted[0] - fitted[1]).abs().max()) <= math.sqrt(D) * atol
        assert float((batch.project(W)[i] - one.project(W[1 - i])).norm()) > atol
    shuffled = batch.random_subspace(1)
    assert float(batch.principal_angles(shuffled).min()) > 0.01
    assert batch.principal_angles(shuffled).shape == (2, batch.dimension)


@pytest.mark.parametrize(("method", "k"), [("span", 0), ("span", 1), ("eigen", 1)])
def test_sign_energy_is_the_mean_over_all_signs(method: str, k: int) -> None:
    """All 2^8 signs of m = 8 neurons."""
    network = TwoLayerNetwork(4, 8, SIGMA, seed=3)
    directions = GoodDirections(network, k, method)
    W = displacement(network, 4)
    signs = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=8)), dtype=torch.float64)
    coordinates = torch.stack([directions.coordinates(s[:, None] * W) for s in signs])
    energies = coordinates.square().sum(-1)
    found = directions.sign_energy(W)
    # 2^8 energies of at most |W|^2, each rounded as a projection.
    atol = 2 * rounding(network, k, condition(directions)) * float(W.square().sum()) + 2**8 * 2**-52 * float(found)
    assert abs(float(found - energies.mean())) <= atol
    assert abs(float(found - energies[: 2**7 - 1].mean())) > atol
    assert abs(float(found - directions.coordinates(W).square().sum())) > atol


def test_sign_energy_against_random_signs() -> None:
    """4000 draws at m = 40: within 5 standard errors (chance of a false alarm 6e-7); 1.05 times it is not."""
    network = TwoLayerNetwork(D, M, SIGMA, seed=3)
    directions = GoodDirections(network, 2)
    W, gen = displacement(network, 4), generator(8)
    energies = torch.stack(
        [directions.coordinates(random_signs(M, gen)[:, None] * W).square().sum() for _ in range(4000)]
    )
    stderr = float(energies.std()) / math.sqrt(len(energies))
    found = float(directions.sign_energy(W))
    print(f"deviation {abs(float(energies.mean()) - found) / stderr:.2f} standard errors")
    assert abs(float(energies.mean()) - found) <= 5 * stderr < 0.05 * found - 5 * stderr


def test_span_approaches_the_eigenspace() -> None:
    """The largest principal angle falls as m^{-1/2}: exponent over a factor 4 in m, 8 seeds each.

    Null: 1/2, within 4 standard errors (chance of a false alarm 6e-5); 0 and 1 are excluded by as much. Each factor 4
    in m divides the mean angle by 1.5 at least. A random subspace stays near a right angle.
    """
    widths, means, errors = (120, 480, 1920), [], []
    for m in widths:
        angles = []
        for seed in range(100, 108):
            network = TwoLayerNetwork(6, m, SIGMA, seed=seed)
            span, eigen = (GoodDirections(network, 1, method) for method in ("span", "eigen"))
            angles.append(float(span.principal_angles(eigen)[-1]))
            assert float(span.random_subspace(0).principal_angles(eigen)[-1]) > 1
        means.append(statistics.mean(angles))
        errors.append(statistics.stdev(angles) / math.sqrt(len(angles)) / means[-1])
    exponent, stderr = math.log(means[1] / means[2]) / math.log(4), math.hypot(*errors[1:]) / math.log(4)
    print(f"angles {', '.join(f'{a:.4f} at m={m}' for m, a in zip(widths, means, strict=True))}")
    print(f"exponent {exponent:.3f} +- {stderr:.3f}")
    assert means[0] > 1.5 * means[1] > 1.5**2 * means[2]
    assert abs(exponent - 0.5) <= 4 * stderr
    assert min(exponent, abs(exponent - 1)) > 4 * stderr


def test_eigen_needs_the_low_degrees_on_top() -> None:
    """tanh(z + 1) has Lambda_1 > Lambda_0: at k = 0 "eigen" is of degree 1, and nearly orthogonal to the span."""
    d, m = 6, 2000
    assert float(ntk_eigenvalue(SIGMA, 1, d)) > float(ntk_eigenvalue(SIGMA, 0, d)) > float(ntk_eigenvalue(SIGMA, 2, d))
    network = TwoLayerNetwork(d, m, SIGMA, seed=0)
    constant, linear = GoodDirections(network, 0), GoodDirections(network, 1)
    top = GoodDirections(network, 0, "eigen")
    # Within the span of degrees <= 1 up to an angle O(m^{-1/2}), but not in that of degree 0.
    assert float(top.principal_angles(linear)[-1]) < 10 / math.sqrt(m)
    assert float(top.principal_angles(constant)[-1]) > 1
    assert float(linear.principal_angles(GoodDirections(network, 1, "eigen"))[-1]) < 10 / math.sqrt(m)


def test_principal_angles_of_known_subspaces() -> None:
    """Planes turned by known angles, small ones to full relative accuracy; zero between a subspace and itself."""
    network = TwoLayerNetwork(D, M, SIGMA, seed=1)
    directions = GoodDirections(network, 1)
    n_k, size = directions.dimension, M // 2 * D
    frame = torch.linalg.qr(torch.randn(size, 2 * n_k, generator=generator(0), dtype=torch.float64)).Q.T
    angles = torch.tensor([1e-9, 1e-5, 0.3, 0.8, 1.2, math.pi / 2], dtype=torch.float64)
    turned = angles.cos()[:, None] * frame[:n_k] + angles.sin()[:, None] * frame[n_k:]
    first, second = directions.random_subspace(0), directions.random_subspace(1)
    for one, flat in ((first, frame[:n_k]), (second, turned)):
        one._basis = module.Dense(network, flat.reshape(n_k, M // 2, D) / math.sqrt(2))
    # Rounding of the products moves an angle by at most sums of m d / 2 terms.
    found = first.principal_angles(second)
    assert float((found - angles).abs().max()) <= size * 2**-52
    assert float((second.principal_angles(first) - found).abs().max()) <= size * 2**-52
    assert float(directions.principal_angles(directions).max()) <= 10 * size * 2**-52
    # A subspace of lower degree lies inside: as many angles as its dimension, all zero.
    inside = directions.principal_angles(GoodDirections(network, 0))
    assert inside.shape == (1,)
    assert float(inside.max()) <= 1e-12


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    network = TwoLayerNetwork(D, M, SIGMA, seed=1)
    x = sphere(9, D, math.sqrt(D), generator(4))
    for method in ("span", "eigen"):
        whole = GoodDirections(network, 2, method).features(x)
        monkeypatch.setitem(module.ROW_NUMBERS, "cpu", 1)
        torch.testing.assert_close(GoodDirections(network, 2, method).features(x), whole, rtol=1e-12, atol=1e-13)
        monkeypatch.undo()


def test_eigen_basis_is_the_top_of_sigma() -> None:
    network = TwoLayerNetwork(D, M, SIGMA, seed=1)
    values, vectors = torch.linalg.eigh(FeatureCovariance(network).dense())
    top = vectors[:, -6:]
    W = displacement(network, 2)
    expected = top @ (top.T @ W.flatten())
    gap = float(values[-6] - values[-7])
    # Eigenvectors move by the residual, rounding of m d terms, over the gap.
    atol = 10 * M * D * 2**-52 * float(values[-1]) / gap * float(W.norm())
    assert float((GoodDirections(network, 1, "eigen").project(W).flatten() - expected).norm()) <= atol


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda: GoodDirections(TwoLayerNetwork(D, 6, SIGMA), 1, "other"), "method='other': needs 'span', 'eigen' or"),
        (lambda: GoodDirections(TwoLayerNetwork(D, 6, SIGMA), -1), "k=-1"),
        (lambda: GoodDirections(TwoLayerNetwork(D, 8, SIGMA), 1, "jacobian"), "method='jacobian': needs x"),
        (
            lambda: GoodDirections(TwoLayerNetwork(D, 8, SIGMA), 1, count=3),
            "method='span': takes no inputs and no count",
        ),
        (lambda: GoodDirections(TwoLayerNetwork(D, 8, SIGMA), 1, x=torch.ones(9, D)), "takes no inputs"),
        (lambda: GoodDirections(TwoLayerNetwork(D, 6, SIGMA), 4, "eigen"), "use a wider network"),
        (lambda: GoodDirections(TwoLayerNetwork(D, 10, Activation.parse("cos(z)")), 1), "linearly dependent"),
        # gelu(z) - z/2 is even, so every coefficient of degree 3 vanishes.
        (lambda: GoodDirections(TwoLayerNetwork(D, 200, Activation.parse("gelu(z)")), 3), "linearly dependent"),
        (
            lambda: GoodDirections(TwoLayerNetwork(D, 8, SIGMA), 1).principal_angles(
                GoodDirections(TwoLayerNetwork(D, 8, SIGMA), 1)
            ),
            "different networks",
        ),
    ],
)
def test_bad_input(call, needle: str) -> None:
    with pytest.raises(ValueError, match=re.escape(needle)):
        call()


def test_memory_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    network = TwoLayerNetwork(D, M, SIGMA, seed=1)
    directions = GoodDirections(network, 1)

    def refuse(count: int, purpose: str, device: torch.device, remedy: str) -> None:
        raise WouldNotFit(f"{purpose}: {remedy}")

    monkeypatch.setattr(module, "require", refuse)
    for call in (
        directions.half_basis,
        lambda: directions.random_subspace(0),
        lambda: GoodDirections(network, 1, "eigen"),
    ):
        with pytest.raises(
            WouldNotFit, match="stored basis of n_k = 6 displacements at m=40: method='span' keeps none"
        ):
            call()
    directions.project(displacement(network, 2))


def test_directions_in_the_null_space_of_sigma() -> None:
    """sigma(z) = z: Sigma has rank d, so d + 1 directions are d and one that rounding picks."""
    network = TwoLayerNetwork(4, 20, Activation.parse("z"))
    values, _ = FeatureCovariance(network).top(5)
    assert float(values[4]) < 1e-14 < 0.1 < float(values[3])
    for call in (
        lambda: GoodDirections(network, 1, "eigen"),
        lambda: dense_construction(network, Target.dense(4, 1, 1.0, 0), 1, "eigen"),
    ):
        with pytest.raises(ValueError, match="Sigma has rank 4 to rounding"):
            call()


def test_directions_show_and_draw_their_angles() -> None:
    matplotlib.use("Agg")
    network = TwoLayerNetwork(D, M, SIGMA)
    span, eigen = GoodDirections(network, 1), GoodDirections(network, 1, "eigen")
    assert "n_k = 6 of m d = 200" in span._repr_html_()
    for directions, other in ((span, eigen), (eigen, span)):
        ax = directions.plot()
        assert directions.plot(ax) is ax
        own, control = (list(line.get_ydata()) for line in ax.get_lines()[:2])
        assert own == pytest.approx(directions.principal_angles(other).rad2deg().tolist(), abs=1e-6)
        assert max(own) < min(control), "a random subspace is far from them"
    random = span.random_subspace(1)
    assert "a control" in random._repr_html_()
    assert len(random.plot(other=eigen).get_lines()) == 1
    batch = GoodDirections(TwoLayerNetwork(D, M, SIGMA, (0, 1)), 0)
    assert len(batch.plot().get_lines()) == 4
