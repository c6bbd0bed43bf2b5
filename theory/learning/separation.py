r"""A separation of kernels and the network at finite size: a theorem for every d >= d_min, with numbers.

The target is a linear function of energy E_1 plus one harmonic of degree 2 and energy E_2 along a uniform direction.
With at most a share s of N(d,2) labels the risk of every kernel method is at least (1 - s) E_2 in the mean, while the
network of a stated width, whatever d, has a displacement at which its error is a small share of the target, with
probability 1 - delta. That training finds it from so many labels is not part of the theorem.

Derived in docs/mathematics, section 8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import sympy as sp
from flint import arb, ctx

from theory.activations import Activation, ActivationLike
from theory.balls.ball import refine
from theory.balls.exact import ExactlyEqual
from theory.balls.precision import exclusive
from theory.balls.tails import global_supremum
from theory.bounds.all_dimensions import check_smallest
from theory.funk_hecke.coefficient import hermite_ball, integral_bits
from theory.harmonics.sphere import as_integer, shown
from theory.learning.separation_error import MEANS, SUPREMA, Errors, bounds, errors, exact
from theory.learning.separation_text import certificate, explanation, outwards
from theory.network.taylor import check_width

BITS = 192
"""Working precision."""
DIGITS = 20
"""Of the Gaussian means."""
SLACK = arb("1.001")
"""By which a supremum is enlarged, so that whoever checks it has room."""
WIDEST = 2**60
"""A larger width is no theorem about networks."""


@dataclass(frozen=True, eq=False)
class SeparationTheorem(ExactlyEqual):
    """The statement with all that its proof uses.

    Attributes:
        activation: sigma.
        k: low degree, 1.
        d_min: the theorem is about every integer d >= d_min.
        dense, sparse: E_1 and E_2.
        share: s, at most s N(d,2) labels; (1 - s) E_2 is the least risk of the kernels.
        epsilon: error of the network, relative to the target, in L2.
        delta: probability that weights and signs fail.
        suprema: text of a bound of sup |sigma'|, ..., sup |sigma''''|, by name.
        means: text of a ball of each Gaussian mean, by name.
        taylor_width: m from which on f_L + f_Q has that error.
        network_width: m from which on the network has it.
    """

    activation: Activation
    k: int
    d_min: int
    dense: Fraction
    sparse: Fraction
    share: Fraction
    epsilon: Fraction
    delta: Fraction
    suprema: Mapping[str, str]
    means: Mapping[str, str]
    taylor_width: int
    network_width: int

    @property
    def floor(self) -> Fraction:
        """1 - s: the share of E_2 that kernels miss."""
        return 1 - self.share

    @property
    def allowed(self) -> Fraction:
        """delta eps^2 (E_1 + E_2), what the mean square error may be for Markov's inequality to give delta."""
        return self.delta * self.epsilon**2 * (self.dense + self.sparse)

    def balls(self) -> tuple[dict[str, arb], dict[str, arb]]:
        """Suprema and means as balls."""
        return {n: arb(t) for n, t in self.suprema.items()}, {n: arb(t) for n, t in self.means.items()}

    def bounds(self) -> dict[str, arb]:
        """The constants for every d >= d_min, of :func:`theory.learning.separation_error.bounds`.

        Source: docs/mathematics, :eq:`separation-constants`.
        """
        with exclusive, ctx.workprec(BITS):
            return bounds(self.d_min, (self.dense, self.sparse), *self.balls())

    def errors(self, m: int) -> Errors:
        """Root mean squares of the parts of the error at width m.

        Raises:
            ValueError: m that is no even integer >= 2.

        Source: docs/mathematics, :eq:`separation-taylor` and :eq:`separation-network`.
        """
        with exclusive, ctx.workprec(BITS):
            return errors(check_width(m), self.balls()[0], self.bounds())

    def ratio(self, m: int, network: bool = False) -> arb:
        """The bound of the mean square error at width m over what is allowed: at most 1 proves the theorem there.

        Raises:
            ValueError: m that is no even integer >= 2.
        """
        with exclusive, ctx.workprec(BITS):
            found = self.errors(m)
            return (found.network if network else found.taylor) / exact(self.allowed)

    def explain(self) -> str:
        """Theorem and proof in words."""
        return explanation(self)

    def certificate(self) -> dict[str, Any]:
        """All constants and inequalities as JSON data, which ``python -m verify.check`` reads."""
        return certificate(self)

    def __str__(self) -> str:
        return self.explain().partition("\n\n")[0]


def separation_theorem(
    activation: ActivationLike,
    k: int = 1,
    d_min: int = 100,
    *,
    share: Any = Fraction(3, 10),
    epsilon: Any = Fraction(1, 4),
    delta: Any = Fraction(1, 10),
    energies: tuple[Any, Any] = (1, 1),
) -> SeparationTheorem:
    r"""Kernels with at most s N(d,2) labels against the network of a stated width, for every integer d >= d_min.

    Args:
        activation: sigma with bounded sigma', ..., sigma''''; E[sigma'(G)] and E[sigma''(G)] must not vanish.
        k: low degree; 1 alone is proved.
        d_min: smallest dimension, >= 3. Where it is small the bounds are too wide and ValueError says so.
        share: s, 0 < s < 1.
        epsilon: relative L2 error of the network, 0 < eps < 1.
        delta: probability of failure, 0 < delta < 1.
        energies: E_1 >= 0 of the linear part and E_2 > 0 of the sparse part; ints, fractions or texts such as "1/2".

    Raises:
        ValueError: k other than 1, a number out of range, a derivative that is not bounded, a mean that may vanish at
            this d_min, or eps^2 (E_1 + E_2) >= (1 - s) E_2: then the two risks are not apart.
        Undecided: a supremum or a mean that is not reached.

    Cost: four suprema and four certified integrals, a second or two. Source: docs/mathematics,
    :eq:`separation-theorem`.

    >>> separation_theorem("sin(z + pi/4)").taylor_width
    31210
    """
    activation = Activation.of(activation)
    if as_integer(k) != 1:
        raise ValueError(f"k={shown(k)}: needs k = 1; the theorem is proved for a sparse part of degree 2")
    d_min = check_smallest(d_min)
    given = {"share": share, "epsilon": epsilon, "delta": delta}
    numbers = {name: _fraction(name, value) for name, value in given.items()}
    for name, value in numbers.items():
        if not 0 < value < 1:
            raise ValueError(f"{name}={shown(given[name])}: needs a number between 0 and 1")
    if not isinstance(energies, tuple | list) or len(energies) != 2:
        raise ValueError(f"energies={energies!r}: needs a pair (E_1, E_2), such as (1, 1)")
    dense, sparse = (_fraction(f"energies[{i}]", value) for i, value in enumerate(energies))
    if dense < 0 or sparse <= 0:
        raise ValueError(f"energies=({dense}, {sparse}): needs E_1 >= 0 and E_2 > 0")
    if numbers["epsilon"] ** 2 * (dense + sparse) >= (1 - numbers["share"]) * sparse:
        raise ValueError(
            f"epsilon={numbers['epsilon']}: eps^2 (E_1 + E_2) reaches the kernels' (1 - s) E_2, so nothing is separated"
        )
    suprema, means = _constants(activation)
    draft = SeparationTheorem(
        activation, 1, d_min, dense, sparse, **numbers, suprema=suprema, means=means, taylor_width=0, network_width=0
    )
    for name, least in draft.bounds().items():
        if name.startswith("least") and not least > 0:
            raise ValueError(
                f"d_min={d_min}: the bounds do not keep {name.removeprefix('least ')} of {activation} away from zero; "
                f"use a larger d_min, or an activation such as sin(z + pi/4)"
            )
    taylor, network = (_smallest(partial(draft.ratio, network=model)) for model in (False, True))
    return SeparationTheorem(
        activation,
        1,
        d_min,
        dense,
        sparse,
        **numbers,
        suprema=suprema,
        means=means,
        taylor_width=taylor,
        network_width=network,
    )


def _constants(activation: Activation) -> tuple[dict[str, str], dict[str, str]]:
    """Texts of the suprema, rounded up, and of the balls of the means."""
    derivatives = [activation.derivative(order) for order in range(1, 5)]
    if any(expr.has(sp.Abs, sp.sign) for expr in derivatives):
        raise ValueError(f"{activation}: a derivative has a kink; the theorem needs bounded sigma', ..., sigma''''")
    suprema = {
        name: outwards(global_supremum(expr) * SLACK, True, 12) for name, expr in zip(SUPREMA, derivatives, strict=True)
    }
    slope, curvature = derivatives[:2]
    means = {
        name: refine(
            partial(hermite_ball, expr, 0),
            DIGITS,
            max_bits=integral_bits(DIGITS, expr),
            subject=name,
        ).str(DIGITS, more=True)
        for name, expr in zip(MEANS, (slope**2, curvature**2, curvature, slope), strict=True)
    }
    return suprema, means


def _fraction(name: str, value: Any) -> Fraction:
    try:
        if isinstance(value, bool):
            raise TypeError
        return Fraction(str(value)) if isinstance(value, sp.Rational) else Fraction(value)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        raise ValueError(f"{name}={shown(value)}: needs a rational number, such as 1/4") from None


def _smallest(ratio: Callable[[int], arb]) -> int:
    """The smallest even m whose ratio is at most 1."""
    low, high = 0, 1
    while not ratio(2 * high) <= 1:
        low, high = high, 2 * high
        if high > WIDEST:
            raise ValueError(f"no width up to {2 * WIDEST} is enough; use a larger epsilon or delta")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if ratio(2 * middle) <= 1 else (middle, high)
    return 2 * high
