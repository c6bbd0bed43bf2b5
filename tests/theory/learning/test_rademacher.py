"""Bounds against Monte Carlo: the exact supremum over each class on fixed draws, with fixed seeds."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from flint import arb

from theory import Activation, ntk_trace
from theory.learning.rademacher import linear_rademacher, quadratic_rademacher

DRAWS = 4000
SIGMAS = 4.0  # standard errors granted to a Monte-Carlo mean
Function = Callable[[np.ndarray], np.ndarray]


def inputs(rng: np.random.Generator, d: int, n: int) -> np.ndarray:
    x = rng.standard_normal((n, d))
    return x * math.sqrt(d) / np.linalg.norm(x, axis=1, keepdims=True)


def weights(rng: np.random.Generator, d: int, m: int) -> np.ndarray:
    w = rng.standard_normal((m // 2, d))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    return np.concatenate([w, w])


def mean(values: list[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))


def linear_supremum(derivative: Function, d: int, n: int, m: int) -> tuple[float, float]:
    """E |(1/n) sum_i eps_i phi(x_i)|, the supremum over |W|_F <= 1."""
    rng = np.random.default_rng(5)
    w, values = weights(rng, d, m), []
    for _ in range(DRAWS):
        x, eps = inputs(rng, d, n), rng.choice([-1.0, 1.0], n)
        rows = (derivative(x @ w.T) * eps[:, None]).T @ x  # (m, d), up to the sign a_r
        values.append(float(np.linalg.norm(rows)) / (n * math.sqrt(m)))
    return mean(values)


def quadratic_supremum(derivative: Function, d: int, n: int, m: int) -> tuple[float, float]:
    """E of the supremum over |W|_{2,4} <= 1: half the root mean square of the largest eigenvalues of a_r M_r."""
    rng = np.random.default_rng(6)
    w, signs, values = weights(rng, d, m), np.repeat([1.0, -1.0], m // 2), []
    for _ in range(DRAWS):
        x, eps = inputs(rng, d, n), rng.choice([-1.0, 1.0], n)
        matrices = np.einsum("ir,ij,ik->rjk", derivative(x @ w.T) * eps[:, None] * signs / n, x, x)
        largest = np.linalg.eigvalsh(matrices)[:, -1].clip(min=0.0)
        values.append(0.5 * math.sqrt(float((largest**2).mean())))
    return mean(values)


def tanh_1(z: np.ndarray) -> np.ndarray:
    return 1 - np.tanh(z) ** 2


def tanh_2(z: np.ndarray) -> np.ndarray:
    return -2 * np.tanh(z) * tanh_1(z)


@pytest.mark.parametrize(
    ("text", "derivative"), [("tanh(z)", tanh_1), ("sin(z + pi/4)", lambda z: np.cos(z + math.pi / 4))]
)
@pytest.mark.parametrize(("d", "n"), [(3, 4), (5, 12)])
def test_linear_bound(text: str, derivative: Function, d: int, n: int) -> None:
    """The bound holds and Jensen loses less than a tenth, so that a constant wrong by 1.2 is noticed."""
    # Checks :eq:`linear-rademacher`.
    measured, stderr = linear_supremum(derivative, d, n, 8)
    bound = float(linear_rademacher(Activation.parse(text), d, n, 1.0))
    assert measured - SIGMAS * stderr <= bound
    assert measured - SIGMAS * stderr > bound / 1.2
    doubled = linear_rademacher(Activation.parse(text), d, n, 2.0)
    assert float(doubled) == pytest.approx(2 * bound, rel=1e-14)


def test_linear_bound_is_certified() -> None:
    """sigma = z: K(x,x) = d exactly, so the bound is B sqrt(d/n)."""
    ball = linear_rademacher(Activation.parse("z"), 7, 5, arb("0.3"), digits=40)
    exact = arb("0.3") * (arb(7) / 5).sqrt()
    assert ball.overlaps(exact)
    assert not ball.overlaps(exact * (1 + arb(10) ** -12))


@pytest.mark.parametrize(("text", "derivative"), [("tanh(z)", tanh_2), ("sin(z)", lambda z: -np.sin(z))])
@pytest.mark.parametrize(("d", "n"), [(3, 4), (5, 12), (8, 200)])
def test_quadratic_bound(text: str, derivative: Function, d: int, n: int) -> None:
    """The bound holds; with sup|sigma''|, in which it is linear, taken ten times too small it would not."""
    # Checks :eq:`quadratic-rademacher`.
    measured, stderr = quadratic_supremum(derivative, d, n, 4)
    bound = float(quadratic_rademacher(Activation.parse(text), d, n, 1.0))
    assert measured + SIGMAS * stderr <= bound
    assert measured - SIGMAS * stderr > bound / 10


def test_quadratic_bound_step_by_step() -> None:
    """Each inequality of the docstring on samples: Cauchy-Schwarz, the Rademacher series, matrix Chernoff."""
    # Checks :eq:`quadratic-rademacher` and :eq:`matrix-moment`.
    d, n, m, rng = 4, 10, 6, np.random.default_rng(7)
    w = weights(rng, d, m)
    squares, variances, grams = [], [], []
    for _ in range(500):
        x = inputs(rng, d, n)
        coefficients = tanh_2(x @ w.T) / n  # (n, m)
        a = np.einsum("i,ij,ik->ijk", coefficients[:, 0], x, x)
        variances.append(float(np.linalg.norm((a @ a).sum(0), 2)))
        grams.append(float(np.linalg.norm(x.T @ x, 2)))
        signs = rng.choice([-1.0, 1.0], (40, n))
        matrices = np.einsum("si,ijk->sjk", signs, a)
        squares.append(float((np.linalg.norm(matrices, 2, axis=(1, 2)) ** 2).mean()))
        assert squares[-1] < 2 * (1 + math.log(2 * d)) * variances[-1]
        W = rng.standard_normal((m, d))
        all_matrices = np.einsum("ir,ij,ik->rjk", coefficients * signs[0][:, None], x, x)
        form = abs(float(np.einsum("rj,rjk,rk->", W, all_matrices, W))) / (2 * math.sqrt(m))
        norms = np.linalg.norm(all_matrices, 2, axis=(1, 2))
        budget = math.sqrt(float((np.linalg.norm(W, axis=1) ** 4).sum()))
        assert form <= budget / 2 * math.sqrt(float((norms**2).mean()))
    assert np.mean(squares) > np.mean(variances)  # planted: without 2 (1 + log 2d) the series step is false
    gram, stderr = mean(grams)
    assert gram + SIGMAS * stderr < (math.e - 1) * n + d * math.log(d)
    assert gram - SIGMAS * stderr > n  # planted: without the Chernoff term the step is false


def test_rate_in_n_and_d() -> None:
    """For n >> d log d the bound is B^2 s sqrt((e-1) d (1 + log 2d)/(2n)), s = sup|sigma''|."""
    activation, n, s = Activation.parse("sin(z)"), 10**12, 1.0
    for d in (10, 100, 1000):
        bound = float(quadratic_rademacher(activation, d, n, 1.0))
        assert bound == pytest.approx(s * math.sqrt((math.e - 1) * d * (1 + math.log(2 * d)) / (2 * n)), rel=2e-3)


@pytest.mark.parametrize("digits", [1, 15, 50, 200])
def test_as_many_digits_as_were_asked_for(digits: int) -> None:
    """B sqrt(K/n) from a trace of more digits lies inside."""
    ball = linear_rademacher("tanh(z + 1)", 10, 40, 2.0, digits)
    assert ball.rel_accuracy_bits() >= digits * math.log2(10)
    assert ball.overlaps(2 * (ntk_trace("tanh(z + 1)", 10, 2 * digits) / 40).sqrt())


@pytest.mark.parametrize("bound", [linear_rademacher, quadratic_rademacher])
@pytest.mark.parametrize(
    ("n", "radius", "needle"),
    [
        (0, 1.0, "n=0"),
        (True, 1.0, "n=True"),
        (5, -1.0, "radius=-1.0"),
        (5, math.nan, "radius=nan"),
        (5, arb(-1), "radius"),
    ],
)
def test_bad_input(bound: Callable[..., arb], n: int, radius: float, needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        bound(Activation.parse("sin(z)"), 5, n, radius)


def test_kinks_are_refused() -> None:
    with pytest.raises(ValueError, match="distribution"):
        quadratic_rademacher(Activation.parse("relu(z)"), 5, 10, 1.0)
