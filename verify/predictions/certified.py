"""Certified values of theory as predictions: the middle of the ball as a double, its radius as the uncertainty."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import theory
from verify.cells.spectral import DIGITS, KernelName, ball_text, read_ball
from verify.judging.rules import Prediction
from verify.sizes.profile import parse

if TYPE_CHECKING:
    from flint import arb


def prediction(ball: arb) -> Prediction:
    """A ball, rounded outwards to doubles; NaN where it is too wide to stand for a number."""
    middle, low, high = read_ball(ball_text(ball))
    return Prediction(middle, (high - low) / 2)


@lru_cache(maxsize=256)
def eigenvalue(activation: str, degree: int, d: int, kernel: KernelName = "NTK") -> Prediction:
    """Lambda_l or Q_l [eq ntk-eigenvalue, quadntk-eigenvalue]. Cost: milliseconds."""
    formula = theory.ntk_eigenvalue if kernel == "NTK" else theory.quadntk_eigenvalue
    return prediction(formula(parse(activation), degree, d, DIGITS))


@lru_cache(maxsize=64)
def trace(activation: str, d: int, kernel: KernelName = "NTK") -> Prediction:
    """Sum of N(d,l) times the eigenvalues over all degrees."""
    formula = theory.ntk_trace if kernel == "NTK" else theory.quadntk_trace
    return prediction(formula(parse(activation), d, DIGITS))


@lru_cache(maxsize=256)
def limit(activation: str, degree: int) -> Prediction:
    """lim d^{l-1} Lambda_l, lim Lambda_0 at l = 0, by Gaussian integrals."""
    return prediction(theory.ntk_limit(parse(activation), degree, DIGITS))


@lru_cache(maxsize=64)
def closed_limits(activation: str, max_degree: int) -> tuple[str, ...] | None:
    """The same limits of degree 0 .. L as closed forms; None where there are none."""
    try:
        return tuple(str(theory.ntk_limit_expr(parse(activation), degree)) for degree in range(max_degree + 1))
    except theory.NoClosedForm:
        return None


@lru_cache(maxsize=256)
def smooth(activation: str, order: int) -> bool:
    """Whether sigma^{(order)} has no kink and grows at most like e^{c|z|}: then bounds for every d can be proved."""
    import sympy as sp

    from theory.balls.growth import Growth

    try:
        expr = parse(activation).derivative(order)
        Growth.of(expr)
    except ValueError:
        return False
    return not expr.has(sp.Abs, sp.sign)


@lru_cache(maxsize=256)
def learned(activation: str, max_degree: int, d: int, kernel: KernelName) -> tuple[bool, ...]:
    """Whether the kernel learns each of the degrees 0 .. L: its eigenvalue is not zero.

    Raises:
        ValueError: naming the degrees that theory cannot decide.
    """
    found = theory.learnable_degrees(parse(activation), max_degree, d, kernel)
    if found.undecided:
        raise ValueError(
            f"activation={activation!r}: degrees {found.undecided} of the {kernel} are not decided at d={d}"
        )
    return tuple(degree in found.learnable for degree in range(max_degree + 1))
