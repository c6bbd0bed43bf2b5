"""The network and its Taylor terms against their sums over neurons and derivatives along a ray."""

import math

import matplotlib
import pytest
import references
import sympy as sp
import torch

from numerics import Estimate, TwoLayerNetwork, generator, sphere
from numerics import network as module
from theory import Activation

SIGMA = Activation.parse("tanh(z + 1)")


def test_initial_output_is_exactly_zero() -> None:
    network = TwoLayerNetwork(7, 20, SIGMA)
    x = sphere(50, 7, math.sqrt(7), generator(0))
    assert torch.equal(
        network.forward(x, torch.zeros(20, 7, dtype=torch.float64)), torch.zeros(50, dtype=torch.float64)
    )


@pytest.mark.parametrize("text", ["tanh(z + 1)", "softplus(z)", "gelu(z)", "z**3/6 + z", "sigmoid(2*z)*z", "exp(z/2)"])
def test_terms_are_derivatives_along_a_ray(text: str) -> None:
    network = TwoLayerNetwork(5, 8, Activation.parse(text), seed=3)
    gen = generator(4)
    x = sphere(6, 5, math.sqrt(5), gen)
    W, V = (torch.randn(8, 5, generator=gen, dtype=torch.float64) for _ in range(2))

    def along(s: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return network.forward(x, s * W + t * V)

    zero = torch.zeros((), dtype=torch.float64)
    first = torch.func.jacfwd(along)
    torch.testing.assert_close(first(zero, zero), network.linear(x, W))
    torch.testing.assert_close(torch.func.jacfwd(first)(zero, zero) / 2, network.quadratic(x, W))
    torch.testing.assert_close(torch.func.jacfwd(first, argnums=1)(zero, zero), network.cross(x, W, V))
    both = network.quadratic(x, W) + network.cross(x, W, V) + network.quadratic(x, V)
    torch.testing.assert_close(network.quadratic(x, W + V), both)


@pytest.mark.parametrize("text", ["tanh(z + 1)", "gelu(z)"])
def test_terms_are_sums_over_neurons(text: str, device: str, dtype: torch.dtype) -> None:
    """Every term against one sum over all m neurons in double precision, in blocks of rows as well."""
    d, m, n = 5, 12, 9
    network, gen = TwoLayerNetwork(d, m, Activation.parse(text), seed=3, dtype=dtype, device=device), generator(4)
    x = sphere(n, d, math.sqrt(d), gen).to(network.w)
    W, V = (torch.randn(m, d, generator=gen, dtype=torch.float64).to(network.w) for _ in range(2))
    exact, (ex, eW, eV) = references.exact(network), (t.double().cpu() for t in (x, W, V))
    # Sums of d terms in products, of m over neurons, a dozen operations of sigma; |<W_r, x>| <= |W| |x| in each factor.
    size = 1 + math.sqrt(d) * float(W.norm())
    for name, arguments, slow in (
        ("forward", (W,), references.forward(exact, ex, eW)),
        ("linear", (W,), references.linear(exact, ex, eW)),
        ("quadratic", (W,), references.quadratic(exact, ex, eW)),
        ("cross", (W, V), references.cross(exact, ex, eW, eV)),
    ):
        atol = float(torch.finfo(dtype).eps) * (d + m + 12) * size ** (2 if name in ("quadratic", "cross") else 1)
        found = getattr(network, name)(x, *arguments)
        assert found.dtype == dtype
        assert found.device.type == device
        assert float((found.double().cpu() - slow).abs().max()) <= atol
        swapped = [torch.cat(argument.chunk(2)[::-1]) for argument in arguments]
        assert float((getattr(network, name)(x, *swapped).double().cpu() - slow).abs().max()) > atol


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network, x = TwoLayerNetwork(5, 8, SIGMA, seed=3), sphere(7, 5, math.sqrt(5), generator(0))
    W = torch.randn(8, 5, generator=generator(1), dtype=torch.float64)
    whole = [getattr(network, name)(x, W) for name in ("forward", "linear", "quadratic")]
    monkeypatch.setitem(module.OUTPUT_NUMBERS, "cpu", 3 * 4)
    for name, expected in zip(("forward", "linear", "quadratic"), whole, strict=True):
        # Rows are summed alike, but products of another shape may be ordered otherwise: d + m roundings.
        torch.testing.assert_close(getattr(network, name)(x, W), expected, rtol=0, atol=13 * 2**-52 * 10)


def test_batch_is_the_loop_over_seeds() -> None:
    seeds, gen = (3, 1, 4), generator(0)
    networks = TwoLayerNetwork(5, 8, SIGMA, seed=seeds)
    shared, own = sphere(6, 5, math.sqrt(5), gen), torch.stack([sphere(6, 5, math.sqrt(5), gen) for _ in seeds])
    W = torch.randn(3, 8, 5, generator=gen, dtype=torch.float64)
    assert networks.batch == (3,)
    for i, seed in enumerate(seeds):
        one, member = TwoLayerNetwork(5, 8, SIGMA, seed=seed), networks.member(i)
        assert torch.equal(member.w, one.w)
        assert torch.equal(networks.w[i], one.w)
        assert (member.batch, member.seed) == ((), seed)
        for name in ("forward", "linear", "quadratic", "preactivations"):
            arguments = () if name == "preactivations" else (W,)
            for x, mine in ((shared, shared), (own, own[i])):
                found = getattr(networks, name)(x, *arguments)[i]
                expected = getattr(one, name)(mine, *[W[i] for _ in arguments])
                torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)
    assert torch.equal(networks.collect(networks.scatter(W)), W)
    zero = networks.forward(shared, torch.zeros_like(W))
    assert torch.equal(zero, torch.zeros(3, 6, dtype=torch.float64))
    for index, network in ((3, networks), (-1, networks), (0, networks.member(0))):
        with pytest.raises(IndexError, match=f"index={index}: (needs an integer|there is one network)"):
            network.member(index)


def test_some_networks_of_a_batch() -> None:
    networks = TwoLayerNetwork(5, 8, SIGMA, seed=[3, 4, 5])
    some = networks.members([2, 0])
    assert torch.equal(some.w, TwoLayerNetwork(5, 8, SIGMA, seed=[5, 3]).w)
    assert (some.batch, some.seed) == ((2,), (5, 3))
    for wrong in ([], [3]):
        with pytest.raises(IndexError):
            networks.members(wrong)


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda: TwoLayerNetwork(2, 4, SIGMA), "d=2: needs d >= 3"),
        (lambda: TwoLayerNetwork(5, 3, SIGMA), "m=3: needs an even"),
        (lambda: TwoLayerNetwork(5, 0, SIGMA), "m=0: needs an even"),
        (lambda: sphere(0, 5, 1.0, generator(0)), "n=0: needs an integer n >= 1"),
        (lambda: sphere(4, 5, math.nan, generator(0)), "radius"),
        (lambda: TwoLayerNetwork(sp.Symbol("d"), 4, SIGMA), "integer d"),
        (lambda: TwoLayerNetwork(5, 4, SIGMA, seed=[]), "seed=\\[\\]: needs one seed or more"),
        (lambda: TwoLayerNetwork(5, 4, SIGMA).scatter(torch.zeros(6, 5)), "W of shape \\(6, 5\\): needs"),
        (lambda: Estimate.of(torch.tensor([1.0]), 0), "at least 2"),
    ],
)
def test_bad_input(call, needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        call()


def test_a_network_shows_itself() -> None:
    page = TwoLayerNetwork(5, 8, Activation.parse("exp(-z**2)"), (3, 4), dtype=torch.float32)._repr_html_()
    for part in ("2 two-layer networks", "m = 8", "(3, 4)", "float32 on cpu", "$\\displaystyle e^{- z^{2}}$"):
        assert part in page
    many = TwoLayerNetwork(5, 2, "z", range(200))._repr_html_()
    assert len(many) < 2000


def test_a_network_draws_its_terms_where_it_moved() -> None:
    matplotlib.use("Agg")
    network = TwoLayerNetwork(5, 8, SIGMA)
    W = torch.zeros(8, 5, dtype=torch.float64)
    W[:, 2] = torch.arange(1.0, 9.0).double()
    W[0, 4] = 0.5
    ax = network.plot(W=W)
    f, linear, quadratic, both = (torch.tensor(line.get_ydata()) for line in ax.get_lines())
    # The first singular vector is almost the third coordinate: the linear term is odd along the circle, f_Q even.
    x = torch.zeros(1, 5, dtype=torch.float64)
    vector = torch.linalg.svd(W).Vh[0]
    x[0] = vector * vector[2].sign() * math.sqrt(5)
    ends = {round(float(value), 9) for value in (f[0], f[180])}
    assert round(float(network.forward(x, W)), 9) in ends
    torch.testing.assert_close(both, linear + quadratic)
    assert [line.get_label() for line in ax.get_lines()] == ["f", "f_L", "f_Q", "f_L + f_Q"]
    assert len(network.plot().get_lines()) == 4
    assert len(TwoLayerNetwork(5, 8, "relu(z)").plot(W=W).get_lines()) == 2, "no quadratic term"
    with pytest.raises(ValueError, match=r"take network.member"):
        TwoLayerNetwork(5, 8, SIGMA, (0, 1)).plot()
    with pytest.raises(ValueError, match="W of shape"):
        network.plot(W=W[:4])
