"""Products with the Hessian of the regularised loss, and its extreme eigenvalues."""

import itertools
import math
import re

import numpy as np
import pytest
import references
import scipy.sparse.linalg
import torch
from objectives import blocks_of, training_problem

from numerics.curvature import Hessian, extreme_eigenvalue, hessian_vector, lipschitz_constant
from numerics.directions import GoodDirections
from numerics.losses import LOSSES
from numerics.models import MODELS
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.sampling import generator, sphere
from numerics.terms.weights import R1_MODES, PenaltyWeights
from numerics.train import small_start
from theory import Activation

SIGMA = Activation.parse("sin(z + pi/4)")
D, M, N, N_U, K = 5, 12, 30, 20, 1
SUBSETS = [modes for count in range(4) for modes in itertools.combinations(R1_MODES, count)]


def problem(device: str = "cpu", dtype: torch.dtype = torch.float64, signs: bool = False) -> tuple:
    """Network, directions, x, y, unlabeled, W, V."""
    network = TwoLayerNetwork(D, M, SIGMA, seed=1, dtype=dtype, device=device)
    gen = generator(2)
    x, unlabeled = (sphere(n, D, math.sqrt(D), gen).to(network.w) for n in (N, N_U))
    y, W, V = (torch.randn(shape, generator=gen, dtype=torch.float64) for shape in ((N,), (M, D), (M, D)))
    y = y.sign() if signs else y
    return network, GoodDirections(network, K), x, *(t.to(network.w) for t in (y, unlabeled, 0.3 * W, V))


def weights(modes: tuple[str, ...] = R1_MODES, power: int = 4) -> PenaltyWeights:
    return PenaltyWeights(1.3, 1e6, 0.7, 0.05, modes, power)


def rounding(directions: GoodDirections) -> float:
    """Relative to the sum of the parts' moduli: as for the gradient, twice as many factors in each product."""
    values = torch.linalg.eigvalsh(directions._basis.gram)
    sums = D + M + N + M * D + directions.dimension + 24
    return float(torch.finfo(directions.network.dtype).eps) * 4 * sums * float((values[-1] / values[0]).sqrt())


def good(network: TwoLayerNetwork, unlabeled: torch.Tensor) -> dict[str, torch.Tensor]:
    """Projection, covariance and unlabeled inputs for the twin."""
    exact = references.exact(network)
    P, sigma = references.projection(references.span(exact, K)), references.covariance(exact)
    return {"projection": P, "sigma": sigma, "unlabeled": unlabeled.double().cpu()}


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("model", MODELS)
def test_product_is_the_second_derivative(model: str, loss: str, device: str, dtype: torch.dtype) -> None:
    """Every model, loss, set of modes of R1 and power of R4 against double autograd, part by part."""
    network, directions, x, y, unlabeled, W, V = problem(device, dtype, loss in ("logistic", "hinge"))
    exact, (ex, ey, eW, eV) = references.exact(network), (t.double().cpu() for t in (x, y, W, V))
    terms, eps = good(network, unlabeled), rounding(directions)
    products = []
    for power in (4, 8):
        leaf = eW.clone().requires_grad_()
        parts = references.objective_parts(exact, ex, ey, leaf, model, loss, power, **terms)
        slopes = {name: torch.autograd.grad(part, leaf, create_graph=True)[0] for name, part in parts.items()}
        curves = {
            name: torch.autograd.grad((slope * eV).sum(), leaf, retain_graph=True, materialize_grads=True)[0]
            if slope.requires_grad
            else torch.zeros_like(eV)
            for name, slope in slopes.items()
        }
        products.append((curves, {name: slope.detach() for name, slope in slopes.items()}))
    for modes, (power, (curves, slopes)) in itertools.product(SUBSETS, zip((4, 8), products, strict=True)):
        w = weights(modes, power)
        objective = Objective(network, x, y, w, directions, model, loss, unlabeled)
        found = hessian_vector(objective, W, V)
        assert found.dtype == dtype
        factors = references.factors(w)
        error = found.double().cpu() - sum(factors[name] * curves[name] for name in factors)
        # Slopes of the loss enter as well, times second derivatives of the model.
        atol = eps * sum(factors[name] * float(curves[name].abs().max() + slopes[name].abs().max()) for name in factors)
        assert float(error.abs().max()) <= atol
        # Planted: each weight, in its turn, off by one part in a hundred; the gradient in place of the product.
        for name in factors.keys() - {"r2"}:
            if float(curves[name].abs().max()) > 0:
                assert float((error - 0.01 * factors[name] * curves[name]).abs().max()) > atol, name
        _, gradient = objective.value_and_gradient(W)
        assert float((found - gradient).abs().max()) > atol


def test_without_directions() -> None:
    network, _, x, y, _, W, V = problem()
    for model in MODELS:
        found = hessian_vector(Objective(network, x, y, weights(), None, model), W, V)
        expected = references.hessian_vector(
            lambda U, model=model: references.objective(weights(), references.objective_parts(network, x, y, U, model)),
            W,
            V,
        )
        assert float((found - expected).abs().max()) <= 1e-13 * float(expected.abs().max())


@pytest.mark.parametrize("model", MODELS)
def test_symmetric_and_linear(model: str, device: str, dtype: torch.dtype) -> None:
    network, directions, x, y, unlabeled, W, V = problem(device, dtype)
    objective = Objective(network, x, y, weights(), directions, model, unlabeled=unlabeled)
    U = torch.randn(M, D, generator=generator(5), dtype=torch.float64).to(V)
    HU, HV = (hessian_vector(objective, W, direction) for direction in (U, V))
    atol = rounding(directions) * float(HU.norm() * V.norm() + HV.norm() * U.norm())
    assert abs(float((U * HV).sum() - (V * HU).sum())) <= atol
    assert abs(float((U * HV).sum() - (V * HU).sum() * 1.01)) > atol
    # Rounding here is relative to the pieces: |H U| and |H V|.
    both = hessian_vector(objective, W, 2 * U - V)
    assert float((both - (2 * HU - HV)).norm()) <= rounding(directions) * float(2 * HU.norm() + HV.norm())
    assert float(hessian_vector(objective, W, torch.zeros_like(V)).abs().max()) == 0


def test_product_is_the_difference_of_gradients() -> None:
    """Central difference at step h: error h^2 |L''''| / 6 and rounding eps / h, balanced at h = 1e-5: about 1e-9."""
    network, directions, x, y, unlabeled, W, V = problem()
    for model in MODELS:
        objective = Objective(network, x, y, weights(), directions, model, "log-cosh", unlabeled)
        slopes = [objective.value_and_gradient(W + h * V)[1] for h in (1e-5, -1e-5)]
        found = hessian_vector(objective, W, V)
        difference = (slopes[0] - slopes[1]) / 2e-5
        assert float((found - difference).norm()) <= 1e-8 * float(found.norm()) * float(V.norm()) ** 2
        assert float((found - 1.01 * difference).norm()) > 1e-8 * float(found.norm()) * float(V.norm()) ** 2


def test_blocks_and_cache_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network, directions, x, y, unlabeled, W, V = problem()
    for model in MODELS:

        def product(cache: bool, model: str = model) -> torch.Tensor:
            made = Objective(network, x, y, weights(), directions, model, unlabeled=unlabeled, cache=cache)
            return hessian_vector(made, W, V)

        whole = product(True)
        blocks_of(7 * M // 2, monkeypatch)
        assert torch.equal(product(True), product(False))
        assert float((product(True) - whole).abs().max()) <= rounding(directions) * float(whole.abs().max())
        monkeypatch.undo()


def test_batch_is_the_loop_over_seeds() -> None:
    seeds = (1, 5)
    _, _, x, y, unlabeled, *_ = problem()
    networks, gen = TwoLayerNetwork(D, M, SIGMA, seed=seeds), generator(3)
    W, V = (0.3 * torch.randn(2, M, D, generator=gen, dtype=torch.float64) for _ in range(2))
    for model in MODELS:
        many = Objective(networks, x, y, weights(), GoodDirections(networks, K), model, unlabeled=unlabeled)
        found, largest = hessian_vector(many, W, V), lipschitz_constant(many, W)
        assert largest.shape == (2,)
        for i, seed in enumerate(seeds):
            network = TwoLayerNetwork(D, M, SIGMA, seed=seed)
            directions = GoodDirections(network, K)
            one = Objective(network, x, y, weights(), directions, model, unlabeled=unlabeled)
            expected = hessian_vector(one, W[i], V[i])
            atol = rounding(directions) * float(expected.abs().max())
            assert float((found[i] - expected).abs().max()) <= atol
            assert float((found[1 - i] - expected).abs().max()) > atol
            assert float(largest[i]) == pytest.approx(float(lipschitz_constant(one, W[i])), rel=1e-9)


def test_several_products_at_once_and_nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """One operator gives what single products give, on a stack of displacements and without memory to keep."""
    network, directions, x, y, unlabeled, W, V = problem()
    several = torch.stack([V, -2 * V, W])
    for model in MODELS:
        objective = Objective(network, x, y, weights(), directions, model, unlabeled=unlabeled)
        expected = torch.stack([hessian_vector(objective, W, one) for one in several])
        atol = rounding(directions) * float(expected.abs().max())
        kept = Hessian(objective, W)
        with monkeypatch.context() as patch:
            patch.setattr("numerics.curvature.SMALL", 0)
            patch.setattr("numerics.curvature.available_bytes", lambda device: 0)
            bare = Hessian(objective, W)
            patch.setattr("numerics.curvature.available_bytes", lambda device: 2**40)
            few = Hessian(objective, W, few=True)
            assert Hessian(objective, W)._kept is not None
        assert kept._kept is not None
        assert bare._kept is None
        assert few._kept is None
        for hessian in (kept, bare, few):
            found = hessian.matmul(several)
            assert float((found - expected).abs().max()) <= atol
            assert float((found - expected.roll(1, 0)).abs().max()) > atol
            assert torch.equal(hessian.matmul(V), expected[0]), "an operator gives the same again"


def dense_hessian(network, x, y, unlabeled, W, w, model) -> torch.Tensor:
    """By autograd of the twin, column by column, (m d, m d)."""
    terms = good(network, unlabeled)

    def value(U: torch.Tensor) -> torch.Tensor:
        return references.objective(w, references.objective_parts(network, x, y, U, model, **terms))

    identity = torch.eye(M * D, dtype=torch.float64).reshape(-1, M, D)
    return torch.stack([references.hessian_vector(value, W, column).flatten() for column in identity])


@pytest.mark.parametrize("model", MODELS)
def test_extreme_eigenvalues(model: str) -> None:
    """Against the dense spectrum: inside it, at its end to the tolerance, and some eigenvalue within the residual."""
    network, directions, x, y, unlabeled, W, _ = problem()
    w = PenaltyWeights()
    spectrum = torch.linalg.eigvalsh(dense_hessian(network, x, y, unlabeled, W, w, model))
    objective = Objective(network, x, y, w, directions, model)
    size = float(spectrum.abs().max())
    slack = rounding(directions) * size
    for end, expected in (("smallest", float(spectrum[0])), ("largest", float(spectrum[-1]))):
        found = extreme_eigenvalue(objective, W, end, 1e-8)
        assert float(spectrum[0]) - slack <= found.value <= float(spectrum[-1]) + slack
        assert abs(found.value - expected) <= 1e-8 * size + slack
        assert float((spectrum - found.value).abs().min()) <= found.residual + slack
        image = hessian_vector(objective, W, found.vector)
        assert abs(float((image - found.value * found.vector).norm()) - found.residual) <= slack
        assert float(found.vector.norm()) == pytest.approx(1, abs=1e-14)
        assert found.residual <= 1e-3 * size
        # Planted: the other end, and a residual of a vector that is none.
        other = float(spectrum[-1] if end == "smallest" else spectrum[0])
        assert abs(found.value - other) > 1e-8 * size + slack
        random = torch.randn(M, D, generator=generator(0), dtype=torch.float64)
        random = random / random.norm()
        image = hessian_vector(objective, W, random)
        assert float((image - (random * image).sum() * random).norm()) > 1e-3 * size
    # From below, and past the second largest modulus.
    constant, moduli = float(lipschitz_constant(objective, W, 200)), spectrum.abs().sort(descending=True).values
    assert float(moduli[1]) * 0.9 < constant <= float(moduli[0]) + slack
    assert float(lipschitz_constant(objective, W, 1)) < constant


def test_saddle_has_a_negative_eigenvalue() -> None:
    """At W = 0 of the quadratic model without regularisers H = -(2/n) sum_i y_i sigma'' x x^T / sqrt m: both signs."""
    network, _, x, y, *_ = problem()
    objective = Objective(network, x, y, PenaltyWeights(r4=0.0), None, "quadratic")
    zero = torch.zeros(M, D, dtype=torch.float64)
    smallest, largest = (extreme_eigenvalue(objective, zero, end).value for end in ("smallest", "largest"))
    assert smallest < 0 < largest
    # Antisymmetric signs a_r: the spectrum is symmetric about zero.
    assert smallest == pytest.approx(-largest, rel=1e-5)


def test_no_convergence_says_how_much_was_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    network, directions, x, y, _, W, _ = problem()

    def stuck(operator, **options):
        operator.matvec(np.ones(M * D))
        raise scipy.sparse.linalg.ArpackNoConvergence("no", np.zeros(0), np.zeros((0, 0)))

    monkeypatch.setattr(scipy.sparse.linalg, "eigsh", stuck)
    with pytest.raises(
        ArithmeticError, match="largest eigenvalue did not converge in 1 products; raise tolerance=1e-06"
    ):
        extreme_eigenvalue(Objective(network, x, y, PenaltyWeights(), directions), W, "largest")


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda o, W: extreme_eigenvalue(o, W, "middle"), "end='middle': needs 'smallest' or 'largest'"),
        (lambda o, W: extreme_eigenvalue(o, W[None], "largest"), "W of shape (1, 12, 5): needs one network"),
        (lambda o, W: extreme_eigenvalue(o, W[:6], "largest"), "W of shape (6, 5): needs one network"),
    ],
)
def test_bad_input(call, needle: str) -> None:
    network, directions, x, y, _, W, _ = problem()
    with pytest.raises(ValueError, match=re.escape(needle)):
        call(Objective(network, x, y, PenaltyWeights(), directions), W)


def test_measured_lipschitz_constant() -> None:
    """Against the two ends of the spectrum: never above the largest |eigenvalue|, and within 5 % of it."""
    for model in ("network", "taylor"):
        objective, _ = training_problem(model)
        W = small_start(objective.network, 1.0, 0)
        ends = [abs(extreme_eigenvalue(objective, W, end).value) for end in ("smallest", "largest")]
        assert 0.95 * max(ends) <= float(lipschitz_constant(objective, W)) <= max(ends) * (1 + 1e-9)


def test_hessian_is_the_movement_of_the_gradient() -> None:
    """A third route to the products with the Hessian: central differences, error O(h^2) + eps/h."""
    objective, _ = training_problem()
    W, V = (small_start(objective.network, 1.0, seed) for seed in (0, 1))
    h = 1e-5
    ahead, behind = (objective.value_and_gradient(W + sign * h * V)[1] for sign in (1, -1))
    torch.testing.assert_close((ahead - behind) / (2 * h), hessian_vector(objective, W, V), rtol=1e-6, atol=1e-8)


def test_eigenvalues_of_a_small_hessian_keep_their_digits() -> None:
    """Of size 1e-51: the tolerances of Lanczos have a floor, at which the residual was 1e-5 of the eigenvalue."""
    network = TwoLayerNetwork(6, 100, "exp(z - 60)", seed=3)
    x = sphere(60, 6, math.sqrt(6), generator(3))
    objective = Objective(network, x, 0 * x[:, 0], PenaltyWeights(r4=0.0))
    W = torch.randn(100, 6, generator=generator(4), dtype=torch.float64)
    found = extreme_eigenvalue(objective, W, "smallest", 1e-12)
    assert found.residual <= 1e-10 * abs(found.value)
