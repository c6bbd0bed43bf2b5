"""Values, parts and gradients of the regularised loss against autograd of their definitions."""

import dataclasses
import itertools
import math
import re
from dataclasses import dataclass

import pytest
import references
import torch

from numerics import blocks as module
from numerics import memory
from numerics.directions import GoodDirections
from numerics.losses import LOSSES
from numerics.memory import WouldNotFit
from numerics.models import MODELS
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.sampling import generator, sphere
from numerics.terms.weights import R1_MODES, Parts, PenaltyWeights
from theory import Activation

SIGMA = Activation.parse("sin(z + pi/4)")
D, M, N, N_U, K = 5, 12, 30, 20, 1
SUBSETS = [modes for count in range(4) for modes in itertools.combinations(R1_MODES, count)]
KINKS = {"absolute": 0.0, "huber": 1.0, "hinge": 0.0}
"""Distance of the residual, or of 1 - y f, from zero at which a derivative of the loss jumps."""


def weights(modes: tuple[str, ...] = R1_MODES, power: int = 4) -> PenaltyWeights:
    """All regularisers at comparable sizes, but R2 with a weight that would show the least of it."""
    return PenaltyWeights(1.3, 1e6, 0.7, 0.05, modes, power)


@dataclass
class Problem:
    """A network with inputs, in ``dtype`` on ``device``, and the same as rounded in double precision on the CPU."""

    network: TwoLayerNetwork
    directions: GoodDirections
    x: torch.Tensor
    y: torch.Tensor
    unlabeled: torch.Tensor
    W: torch.Tensor

    @staticmethod
    def of(device: str = "cpu", dtype: torch.dtype = torch.float64, signs: bool = False) -> "Problem":
        network = TwoLayerNetwork(D, M, SIGMA, seed=1, dtype=dtype, device=device)
        gen = generator(2)
        x, unlabeled = (sphere(n, D, math.sqrt(D), gen).to(network.w) for n in (N, N_U))
        y, W = (torch.randn(shape, generator=gen, dtype=torch.float64).to(network.w) for shape in ((N,), (M, D)))
        return Problem(network, GoodDirections(network, K), x, y.sign() if signs else y, unlabeled, 0.3 * W)

    def objective(self, w: PenaltyWeights, **options: object) -> Objective:
        options = {"directions": self.directions, "unlabeled": self.unlabeled, **options}
        return Objective(self.network, self.x, self.y, w, **options)

    def twins(self, model: str, loss: str, W: torch.Tensor, directions: bool = True) -> list[dict[str, torch.Tensor]]:
        """The parts at W by definition, for R4 to the powers 4 and 8."""
        exact = references.exact(self.network)
        x, y, unlabeled = (t.double().cpu() for t in (self.x, self.y, self.unlabeled))
        good = {}
        if directions:
            P, sigma = references.projection(references.span(exact, K)), references.covariance(exact)
            good = {"projection": P, "sigma": sigma, "unlabeled": unlabeled}
        return [references.objective_parts(exact, x, y, W, model, loss, power, **good) for power in (4, 8)]

    def smooth(self, model: str, loss: str, margin: float) -> bool:
        """Whether every prediction is further than ``margin`` from a kink of the loss."""
        exact, x, y, W = references.exact(self.network), *(t.double().cpu() for t in (self.x, self.y, self.W))
        f = references.predict(exact, model, x, W)
        distance = 1 - y * f if loss == "hinge" else f - y
        return loss not in KINKS or float((distance.abs() - KINKS[loss]).abs().min()) > margin

    def rounding(self) -> float:
        """Relative to the sum of the parts' moduli.

        Sums of d terms for products with x, of m over neurons, of n over inputs, of m d and n_k for P and Sigma, each
        twice, with a dozen operations between; P moves by the root of the condition number of the span's Gram matrix.
        """
        values = torch.linalg.eigvalsh(self.directions._basis.gram)
        sums = D + M + N + M * D + self.directions.dimension + 12
        return float(torch.finfo(self.x.dtype).eps) * 2 * sums * float((values[-1] / values[0]).sqrt())


def gradients(parts: dict[str, torch.Tensor], W: torch.Tensor) -> dict[str, torch.Tensor]:
    return {name: torch.autograd.grad(part, W, retain_graph=True)[0] for name, part in parts.items()}


def detached(parts: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: float(part.detach()) for name, part in parts.items()}


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("model", MODELS)
def test_value_parts_and_gradient(model: str, loss: str, device: str, dtype: torch.dtype) -> None:
    """Every model, loss, set of modes of R1 and power of R4 against autograd; R2 with weight 10^6 is not seen."""
    problem = Problem.of(device, dtype, signs=loss in ("logistic", "hinge"))
    eps = problem.rounding()
    assert problem.smooth(model, loss, 10 * eps)
    W = problem.W.double().cpu().clone().requires_grad_()
    twins = problem.twins(model, loss, W)
    slopes, twins = [gradients(parts, W) for parts in twins], [detached(parts) for parts in twins]
    assert twins[0]["r2"] < 1e-28
    for modes, (power, parts, slope) in itertools.product(SUBSETS, zip((4, 8), twins, slopes, strict=True)):
        w = weights(modes, power)
        found, gradient = problem.objective(w, model=model, loss=loss).value_and_gradient(problem.W)
        factors = references.factors(w)
        assert gradient.dtype == dtype
        assert gradient.device.type == device

        expected = references.objective(w, parts)  # of positive parts
        assert abs(float(found.total) - expected) <= eps * expected
        for name in ("data", "r1_exact", "r1_training", "r1_unlabeled", "r2", "r3", "r4"):
            value = float(getattr(found, name))
            if name in factors:
                assert abs(value - parts[name]) <= eps * parts[name] + 1e-28
            else:
                assert math.isnan(value), "not computed"
        assert float(found.r2) == 0

        error = gradient.double().cpu() - sum(factors[name] * slope[name] for name in factors)
        atol = eps * sum(factors[name] * float(slope[name].abs().max()) for name in factors)
        assert float(error.abs().max()) <= atol
        # Planted: each weight, in its turn, off by one part in a hundred.
        for name in factors.keys() - {"r2"}:
            assert float((error - 0.01 * factors[name] * slope[name]).abs().max()) > atol, name


@pytest.mark.parametrize("model", MODELS)
def test_without_directions_r4_alone_applies(model: str, device: str, dtype: torch.dtype) -> None:
    problem = Problem.of(device, dtype)
    W = problem.W.double().cpu().clone().requires_grad_()
    parts = problem.twins(model, "squared", W, directions=False)[0]
    slope = gradients(parts, W)
    found, gradient = problem.objective(weights(), directions=None, model=model).value_and_gradient(problem.W)
    expected = slope["data"] + 0.05 * slope["r4"]
    atol = problem.rounding() * float((slope["data"].abs() + slope["r4"].abs()).max())
    assert float((gradient.double().cpu() - expected).abs().max()) <= atol
    assert float((gradient.double().cpu() - slope["data"]).abs().max()) > atol
    assert all(math.isnan(getattr(found, name)) for name in ("r1_exact", "r1_training", "r1_unlabeled", "r2", "r3"))


@pytest.mark.parametrize("name", ["r1", "r3", "r4"])
def test_a_weight_of_zero_switches_off(name: str) -> None:
    problem = Problem.of()
    W = problem.W.clone().requires_grad_()
    parts = problem.twins("taylor", "squared", W)[0]
    w = dataclasses.replace(weights(), **{name: 0.0})
    found, gradient = problem.objective(w).value_and_gradient(problem.W)
    slope, factors = gradients(parts, W), references.factors(w)
    error = gradient - sum(factors[part] * slope[part] for part in factors)
    assert float(error.abs().max()) <= problem.rounding() * sum(float(s.abs().max()) for s in slope.values())
    off = {"r1": ("r1_exact", "r1_training", "r1_unlabeled"), "r3": ("r3",), "r4": ()}[name]
    assert {f.name for f in dataclasses.fields(found) if math.isnan(getattr(found, f.name))} == set(off)


@pytest.mark.parametrize("model", MODELS)
def test_predictions(model: str, device: str, dtype: torch.dtype) -> None:
    problem = Problem.of(device, dtype)
    objective = problem.objective(weights(), model=model)
    x, W = problem.unlabeled.double().cpu(), problem.W.double().cpu()
    expected = references.predict(references.exact(problem.network), model, x, W)
    # |f| <= sqrt d |W| (1 + |W|) in sums of d and m terms.
    atol = float(torch.finfo(dtype).eps) * (D + M + 8) * math.sqrt(D) * float(W.norm()) * (1 + float(W.norm()))
    assert float((objective.predict(problem.unlabeled, problem.W).double().cpu() - expected).abs().max()) <= atol
    assert float((objective.predict(problem.unlabeled, 1.01 * problem.W).double().cpu() - expected).abs().max()) > atol
    zero = objective.predict(problem.unlabeled, torch.zeros_like(problem.W))
    assert float(zero.abs().max()) == 0


@pytest.mark.parametrize("numbers", [1, 7 * M // 2, 2**18])
@pytest.mark.parametrize("model", MODELS)
def test_cache_and_blocks_change_nothing(model: str, numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache in no bit, blocks only in the order of sums."""
    problem = Problem.of()
    whole, expected = problem.objective(weights(), model=model).value_and_gradient(problem.W)
    monkeypatch.setitem(module.BLOCK_NUMBERS, "cpu", numbers)
    kept, again = (problem.objective(weights(), model=model, cache=cache) for cache in (True, False))
    assert len(list(kept.blocks())) == math.ceil(N / max(1, numbers // (M // 2)))
    assert again._blocks._kept is None
    parts, gradient = kept.value_and_gradient(problem.W)
    other_parts, other = again.value_and_gradient(problem.W)
    assert torch.equal(gradient, other)
    assert all(torch.equal(getattr(parts, f.name), getattr(other_parts, f.name)) for f in dataclasses.fields(Parts))
    # The same parts, of gradients below 10 each, summed in another order.
    assert float((gradient - expected).abs().max()) <= problem.rounding() * 10
    assert abs(float(parts.total - whole.total)) <= problem.rounding() * 10


def test_a_wrong_block_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem.of()
    _, expected = problem.objective(weights()).value_and_gradient(problem.W)
    monkeypatch.setitem(module.BLOCK_NUMBERS, "cpu", 1)
    objective = problem.objective(weights())
    objective._blocks._kept[-1] = objective._blocks._kept[0]
    _, gradient = objective.value_and_gradient(problem.W)
    assert float((gradient - expected).abs().max()) > problem.rounding() * 10


def test_unlabeled_form_on_the_training_inputs_is_the_training_form() -> None:
    problem = Problem.of()
    both = problem.objective(weights(("training", "unlabeled")), unlabeled=problem.x)
    parts, _ = both.value_and_gradient(problem.W)
    torch.testing.assert_close(parts.r1_unlabeled, parts.r1_training, rtol=problem.rounding(), atol=0)
    other, _ = problem.objective(weights(("training", "unlabeled"))).value_and_gradient(problem.W)
    assert abs(float(other.r1_unlabeled / parts.r1_training) - 1) > 0.001
    _, one = problem.objective(weights(("training",))).value_and_gradient(problem.W)
    _, same = problem.objective(weights(("unlabeled",)), unlabeled=problem.x).value_and_gradient(problem.W)
    assert float((one - same).abs().max()) <= problem.rounding() * 10


@pytest.mark.parametrize("k", [0, 1])
def test_exact_r1_against_a_large_sample(k: int) -> None:
    """R1 in population against the mean of f_L(x; P_{>k} W)^2 over 10^6 inputs: within 4 standard errors.

    Chance of a false alarm 6e-5 for each k. A factor 1.02 is excluded: it is more than 8 standard errors.
    """
    samples, chunk, d, m = 10**6, 10**5, 3, 8
    network = TwoLayerNetwork(d, m, SIGMA, seed=4)
    directions = GoodDirections(network, k)
    W = torch.randn(m, d, generator=generator(5), dtype=torch.float64)
    x = sphere(4, d, math.sqrt(d), generator(6))
    parts, _ = Objective(network, x, x[:, 0], PenaltyWeights(r1_modes=("exact",)), directions).value_and_gradient(W)
    rest, gen, first, second = directions.complement(W), generator(7), 0.0, 0.0
    for _ in range(samples // chunk):
        squares = references.linear(network, sphere(chunk, d, math.sqrt(d), gen), rest).square()
        first, second = first + float(squares.sum()) / samples, second + float(squares.square().sum()) / samples
    stderr, exact = math.sqrt((second - first**2) / samples), float(parts.r1_exact)
    print(f"k={k}: exact {exact:.6f}, sample {first:.6f}, {abs(first - exact) / stderr:.2f} standard errors")
    assert abs(first - exact) <= 4 * stderr
    assert 8 * stderr < 0.02 * exact
    assert abs(first - 1.02 * exact) > 4 * stderr


@pytest.mark.parametrize("own", [False, True], ids=["shared inputs", "inputs of each"])
@pytest.mark.parametrize("model", MODELS)
def test_batch_is_the_loop_over_seeds(model: str, own: bool) -> None:
    seeds, problem = (1, 5, 9), Problem.of()
    networks, gen = TwoLayerNetwork(D, M, SIGMA, seed=seeds), generator(3)
    x, unlabeled, y = problem.x, problem.unlabeled, problem.y
    if own:
        x, unlabeled = (torch.stack([sphere(n, D, math.sqrt(D), gen) for _ in seeds]) for n in (N, N_U))
        y = torch.randn(3, N, generator=gen, dtype=torch.float64)
    W = 0.3 * torch.randn(3, M, D, generator=gen, dtype=torch.float64)
    many = Objective(networks, x, y, weights(), GoodDirections(networks, K), model, unlabeled=unlabeled)
    parts, gradient = many.value_and_gradient(W)
    assert parts.total.shape == (3,)
    assert gradient.shape == W.shape
    assert many.predict(x, W).shape == (3, N)
    for i, seed in enumerate(seeds):
        network = TwoLayerNetwork(D, M, SIGMA, seed=seed)
        mine = [t[i] if own else t for t in (x, y, unlabeled)]
        one = Objective(network, *mine[:2], weights(), GoodDirections(network, K), model, unlabeled=mine[2])
        expected, slope = one.value_and_gradient(W[i])
        assert float((gradient[i] - slope).abs().max()) <= problem.rounding() * 10
        assert float((gradient[i - 1] - slope).abs().max()) > problem.rounding() * 10
        for name, value in expected.numbers().items():
            assert parts.member(i).numbers()[name] == pytest.approx(value, rel=problem.rounding())
    with pytest.raises(ValueError, match=re.escape("parts of batch (3,): take member(i)")):
        parts.numbers()


def test_single_precision_is_close_to_double(device: str) -> None:
    """The gradient in float32 from float64 inputs: rounding the inputs moves it as much as the arithmetic does."""
    double, single = Problem.of(), Problem.of(device, torch.float32)
    _, exact = double.objective(weights()).value_and_gradient(double.W)
    _, rough = single.objective(weights()).value_and_gradient(single.W)
    error = float((rough.double().cpu() - exact).norm() / exact.norm())
    print(f"relative error of the gradient in float32: {error:.2g}")
    assert 1e-9 < error <= 2 * single.rounding()


def test_memory_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem.of()
    monkeypatch.setattr(memory, "SMALL", 1)
    tables = 2 * N * (M // 2) * 8  # sigma' and sigma''
    for there, kept in ((4 * tables, True), (4 * tables - 1, False)):
        for target in (memory, module):
            monkeypatch.setattr(target, "available_bytes", lambda device, there=there: there)
        objective = problem.objective(weights(()))
        assert (objective._blocks._kept is not None) == kept
    monkeypatch.setattr(memory, "available_bytes", lambda device: tables - 1)
    monkeypatch.setattr(module, "available_bytes", lambda device: tables - 1)
    with pytest.raises(WouldNotFit, match=f"first, second of n=30 inputs: .*cache=False, or n <= {N - 1}"):
        problem.objective(weights(()), cache=True)


P = Problem.of()
OTHER = GoodDirections(TwoLayerNetwork(D, M, SIGMA, seed=1), K)


@pytest.mark.parametrize(
    ("call", "needle"),
    [
        (lambda: Objective(P.network, P.x[:, :4], P.y), "x of shape (30, 4): needs (n, 5)"),
        (lambda: Objective(P.network, P.x[0], P.y), "x of shape (5,): needs (n, 5)"),
        (lambda: Objective(P.network, P.x[None], P.y), "x of shape (1, 30, 5): needs (n, 5)"),
        (lambda: Objective(P.network, P.x, P.y[:-1]), "y of shape (29,): needs (n, 5) and (n,)"),
        (lambda: Objective(P.network, P.x, P.y[:, None]), "y of shape (30, 1): needs (n, 5) and (n,)"),
        (
            lambda: Objective(P.network, P.x.float(), P.y),
            "x is torch.float32 on cpu: needs the network's torch.float64",
        ),
        (lambda: Objective(P.network, P.x, P.y, model="cubic"), "model='cubic': needs one of network, taylor"),
        (lambda: Objective(P.network, P.x, P.y, loss="exp"), "loss='exp': needs one of squared, absolute"),
        (lambda: P.objective(weights(), directions=OTHER), "directions belong to another network"),
        (lambda: P.objective(weights(), unlabeled=None), "r1_modes holds 'unlabeled': needs the argument unlabeled"),
        (lambda: P.objective(weights(), unlabeled=P.x.T), "unlabeled of shape (5, 30): needs (n, 5)"),
        (lambda: P.objective(weights(), unlabeled=P.x.float()), "unlabeled is torch.float32"),
        (lambda: PenaltyWeights(r1=-1.0), "r1=-1.0: needs a finite weight >= 0"),
        (lambda: PenaltyWeights(r2=math.inf), "r2=inf"),
        (lambda: PenaltyWeights(r4=math.nan), "r4=nan"),
        (lambda: PenaltyWeights(r1_modes=("sample",)), "r1_modes=('sample',): needs a tuple of distinct modes"),
        (lambda: PenaltyWeights(r1_modes=("exact", "exact")), "distinct modes out of exact, training, unlabeled"),
        (lambda: PenaltyWeights(r1_modes="exact"), "r1_modes='exact'"),
        (lambda: PenaltyWeights(r4_power=6), "r4_power=6: needs 4 or 8"),
    ],
)
def test_bad_input(call, needle: str) -> None:
    with pytest.raises(ValueError, match=re.escape(needle)):
        call()


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses(name: str, dtype: torch.dtype) -> None:
    """Value, slope and second derivative against autograd of the formula, and the Lipschitz bound."""
    loss, eps = LOSSES[name], float(torch.finfo(dtype).eps)
    gen = generator(0)
    y = torch.randn(400, generator=gen, dtype=torch.float64).sign().to(dtype)
    f = (4 * torch.randn(400, generator=gen, dtype=torch.float64)).to(dtype)
    exact, label = f.double().clone().requires_grad_(), y.double()
    value = references.LOSSES[name](exact, label)
    (first,) = torch.autograd.grad(value.sum(), exact, create_graph=True)
    second = torch.autograd.grad(first.sum(), exact)[0] if first.requires_grad else torch.zeros_like(exact)
    # A few operations on numbers of size up to |f| + 1, squared at most.
    atol = 8 * eps * (1 + float(f.abs().max())) ** 2
    for found, expected in ((loss.value, value), (loss.first, first), (loss.second, second)):
        assert found(f, y).dtype == dtype
        assert float((found(f, y).double() - expected.detach()).abs().max()) <= atol
        if found is loss.value:
            assert float((1.01 * found(f, y).double() - expected.detach()).abs().max()) > atol
    assert loss.name == name
    far = torch.tensor([-1e4, 1e4], dtype=dtype)
    assert bool(torch.isfinite(loss.value(far, torch.ones_like(far))).all())
    if loss.lipschitz is not None:
        steepest = float(loss.first(far, torch.ones_like(far)).abs().max())
        assert steepest == pytest.approx(loss.lipschitz)
