r"""Taylor terms of the two-layer network at its initialisation, derived by differentiation.

f(x; W0 + W) = m^{-1/2} sum_r a_r sigma(<w_r + W_r, x>), equation :eq:`network` of docs/mathematics. Along the ray
s -> W0 + s W,

.. math:: f_L = \partial_s f|_0, \qquad f_Q = \tfrac12 \partial_s^2 f|_0, \qquad
          |f - f_L - f_Q| \le \tfrac16 m^{-1/2} \sup|\sigma'''| \sum_r |\langle W_r, x\rangle|^3

at antisymmetric initialisation, where f(x; W0) = 0. Inputs have |x| = sqrt(d), initial weights |w_r| = 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set, Sized
from dataclasses import dataclass
from typing import Any

import sympy as sp
from flint import arb, ctx

from theory.activations import Activation, ActivationLike, Z
from theory.balls.enclosure import supremum
from theory.balls.exact import ExactlyEqual, as_ball
from theory.balls.precision import exclusive
from theory.harmonics.sphere import as_integer, check_degree, check_size, integer_dimension, shown
from theory.harmonics.work import evaluation, watched

MAX_WEIGHTS = 10_000
"""Largest number m d of weights of a network that is written out."""


def check_width(m: int) -> int:
    """Return ``m`` when it is an even integer >= 2; ValueError otherwise."""
    number = as_integer(m)
    if number is None or number < 2 or number % 2:
        raise ValueError(f"m={shown(m)}: needs an even integer m >= 2, because neurons come in antisymmetric pairs")
    return number


def by_neuron(name: str, values: Sequence[Any]) -> list[Any]:
    """``values`` in the order of the neurons; ValueError for what is no list, tuple, array or column."""
    ordered = isinstance(values, Sized) and isinstance(values, Iterable)
    if ordered and not isinstance(values, str | bytes | bytearray | Mapping | Set) and getattr(values, "ndim", 1) != 0:
        return list(values)
    raise ValueError(f"{name}={shown(values)}: needs a list with a number for each neuron")


@dataclass(frozen=True, eq=False)
class TaylorTerms(ExactlyEqual):
    """A concrete small network and its Taylor terms, each derived by SymPy from ``network``.

    Attributes:
        signs, initial, displacement, second, x: the symbols a (m), w (m, d), W (m, d), V (m, d), x (d).
        network: f(x; W0 + W).
        linear: f_L(x; W).
        quadratic: f_Q(x; W).
        cross: f_Q(x; W, V), with f_Q(W + V) = f_Q(W) + f_Q(W, V) + f_Q(V).
    """

    signs: tuple[sp.Symbol, ...]
    initial: sp.ImmutableMatrix
    displacement: sp.ImmutableMatrix
    second: sp.ImmutableMatrix
    x: sp.ImmutableMatrix
    network: sp.Expr
    linear: sp.Expr
    quadratic: sp.Expr
    cross: sp.Expr


def neuron_term(activation: ActivationLike, order: int) -> sp.Expr:
    r"""The order-j Taylor term of one neuron, sigma^{(j)}(z) h^j / j!, with z = <w_r, x> and h = <W_r, x>.

    The network's term of order j is m^{-1/2} sum_r a_r times this; order 1 is f_L, order 2 is f_Q (:eq:`taylor-terms`).

    Raises:
        ValueError: order < 0 or no integer, or a derivative that is a distribution (a kink); use a smooth activation.

    >>> neuron_term(Activation.parse("sin(z)"), 2)
    -h**2*sin(z)/2
    """
    activation = Activation.of(activation)
    order = check_degree(order, "order")
    h = sp.Symbol("h", real=True)
    return activation.derivative(order) * h**order / sp.factorial(order)


def taylor_terms(activation: ActivationLike, d: int, m: int) -> TaylorTerms:
    """f and its Taylor terms for a network of ``m`` neurons in dimension ``d``, as SymPy expressions.

    The terms come from differentiating the network itself, not from the formulas of :func:`neuron_term`.

    Raises:
        ValueError: d < 1, m not even and positive, m d above 10,000, or no second derivative (a kink).
        WorkLimit: it took longer than :func:`theory.work_limit` allows.

    Cost: an expression of O(m d) nodes per term; meant for m d up to a few hundred.
    Source: docs/mathematics, :eq:`network`, :eq:`taylor-terms` and :eq:`cross-term`.
    """
    activation = Activation.of(activation)
    m, number = check_width(m), as_integer(d)
    if number is None or number < 1:
        raise ValueError(f"d={shown(d)}: needs an integer d >= 1")
    if number * m > MAX_WEIGHTS:
        raise ValueError(
            f"d={shown(number)}, m={shown(m)}: needs d m <= {MAX_WEIGHTS} to be written out; taylor_sums has any width"
        )
    activation.derivative(2)  # refuses an activation without a second derivative
    with evaluation(f"the Taylor terms of {activation} at d={number}, m={m}"):
        return watched(_written_out, activation, number, m)


def _written_out(activation: Activation, d: int, m: int) -> TaylorTerms:
    real = {"real": True}
    signs = tuple(sp.Symbol(f"a_{r}", **real) for r in range(m))
    w, big_w, v = (
        sp.ImmutableMatrix(m, d, lambda r, i, name=name: sp.Symbol(f"{name}_{r}_{i}", real=True))
        for name in ("w", "W", "V")
    )
    x = sp.ImmutableMatrix(d, 1, lambda i, _: sp.Symbol(f"x_{i}", real=True))
    s, u = sp.symbols("s u", real=True)

    def network(displacement: sp.Matrix) -> sp.Expr:
        z = (w + displacement) * x
        return sp.Add(*(signs[r] * activation.expr.subs(Z, z[r]) for r in range(m))) / sp.sqrt(m)

    # Taylor terms along the ray s W, and the mixed derivative for the cross term of W and V.
    along = network(s * big_w)
    both = network(s * big_w + u * v)
    return TaylorTerms(
        signs=signs,
        initial=w,
        displacement=big_w,
        second=v,
        x=x,
        network=network(big_w),
        linear=sp.diff(along, s).subs(s, 0),
        quadratic=sp.diff(along, s, 2).subs(s, 0) / 2,
        cross=sp.diff(both, s, u).subs({s: 0, u: 0}),
    )


@dataclass(frozen=True)
class TaylorSums:
    """The network and its Taylor terms at a symbolic width, as SymPy sums over the neurons r = 1..m.

    Attributes:
        width: the symbol m.
        neuron: the summation index r.
        signs: a, indexed by r, each -1 or 1.
        before: z, with z[r] = <w_r, x>.
        step: h, with h[r] = <W_r, x>.
        second: v, with v[r] = <V_r, x>.
        third_bound: the symbol M_3 >= 0, any upper bound of |sigma'''| on the range in use.
        network: f(x; W0 + W).
        linear: f_L(x; W).
        quadratic: f_Q(x; W).
        cross: f_Q(x; W, V), with f_Q(W + V) = f_Q(W) + f_Q(W, V) + f_Q(V).
        remainder: the bound m^{-1/2} M_3 sum |h[r]|^3 / 6 of |f - f_L - f_Q|.
    """

    width: sp.Symbol
    neuron: sp.Symbol
    signs: sp.IndexedBase
    before: sp.IndexedBase
    step: sp.IndexedBase
    second: sp.IndexedBase
    third_bound: sp.Symbol
    network: sp.Expr
    linear: sp.Expr
    quadratic: sp.Expr
    cross: sp.Expr
    remainder: sp.Expr


def taylor_sums(activation: ActivationLike) -> TaylorSums:
    r"""f, f_L, f_Q, the cross term and the remainder bound as sums over a symbolic number m of neurons.

    Each term is a derivative of the summand a_r sigma(z_r + s h_r + u v_r) at s = u = 0. The remainder bound is the
    third-order term of the extreme function M_3 z^3/6, whose third derivative is M_3 everywhere, with each neuron's
    share made positive: by Taylor's theorem no sigma with |sigma'''| <= M_3 has a larger remainder.

    Raises:
        ValueError: a derivative up to the third is a distribution (a kink).

    Cost: independent of m. Source: docs/mathematics, :eq:`taylor-terms`, :eq:`cross-term` and :eq:`remainder-bound`.

    >>> terms = taylor_sums(Activation.parse("sin(z)"))
    >>> terms.linear
    Sum(cos(z[r])*a[r]*h[r], (r, 1, m))/sqrt(m)
    >>> terms.remainder
    Sum(M_3*Abs(h[r])*h[r]**2/6, (r, 1, m))/sqrt(m)
    """
    activation = Activation.of(activation)
    activation.derivative(3)  # refuses an activation without a third derivative
    m, r = sp.Symbol("m", integer=True, positive=True), sp.Symbol("r", integer=True, positive=True)
    signs, before, step, second = (sp.IndexedBase(name, real=True) for name in ("a", "z", "h", "v"))
    bound = sp.Symbol("M_3", nonnegative=True)
    s, u = sp.symbols("s u", real=True)

    def summand(sigma: sp.Expr) -> sp.Expr:
        return signs[r] * sigma.subs(Z, before[r] + s * step[r] + u * second[r])

    def total(term: sp.Expr) -> sp.Expr:
        return sp.Sum(term, (r, 1, m)) / sp.sqrt(m)

    def order(sigma: sp.Expr, *variables: sp.Symbol) -> sp.Expr:
        return sp.diff(summand(sigma), *variables).subs({s: 0, u: 0})

    sigma = activation.expr
    extreme = order(bound * Z**3 / 6, s, s, s) / 6
    return TaylorSums(
        width=m,
        neuron=r,
        signs=signs,
        before=before,
        step=step,
        second=second,
        third_bound=bound,
        network=total(summand(sigma).subs({s: 1, u: 0})),
        linear=total(order(sigma, s)),
        quadratic=total(order(sigma, s, s) / 2),
        cross=total(order(sigma, s, u)),
        remainder=total(sp.Abs(extreme).subs(sp.Abs(signs[r]), 1)),
    )


def range_radius(d: int, length: float) -> float:
    """A double that is not below sqrt(d) (1 + length), the range of sigma's argument.

    It contains <w_r + s W_r, x> for all |x| = sqrt(d), |w_r| = 1, |W_r| <= length, 0 <= s <= 1. Computed as
    ``math.sqrt(d) * (1 + length)`` it could lie below, because that is rounded to nearest.

    Raises:
        ValueError: d < 3, length < 0 or not finite.

    >>> range_radius(4, 0.5) >= 3.0, range_radius(4, 0.5) < 3.0001
    (True, True)
    """
    d = integer_dimension(d)
    check_size("length", length)
    with exclusive, ctx.workprec(64):
        return _rounded_up(arb(d).sqrt() * (1 + as_ball("length", length)))


def _rounded_up(exact: arb) -> float:
    """The double next above a ball."""
    rounded = float(exact.mid()) + float(exact.rad())  # upper() would round by the precision of the process
    while not arb(rounded) >= exact:
        rounded = math.nextafter(rounded, math.inf)
    return rounded


def third_derivative_bound(activation: ActivationLike, radius: float) -> arb:
    """A certified upper bound of the supremum of ``|sigma'''|`` on [-radius, radius], at most 0.1 % above it.

    For inputs of norm sqrt(d) and unit w_r the range in use is sqrt(d) (1 + max_r |W_r|). ``radius`` is taken as the
    exact double, so it must be rounded upwards: use :func:`range_radius`.

    Raises:
        ValueError: radius < 0 or not finite, or sigma''' is a distribution (a kink).
        Undecided: the bound did not converge.

    >>> float(third_derivative_bound(Activation.parse("sin(z)"), 10.0)) <= 1.001
    True
    """
    activation = Activation.of(activation)
    check_size("radius", radius)
    end = _rounded_up(as_ball("radius", radius))
    return supremum(activation.derivative(3), -end, end)


def remainder_bound(activation: ActivationLike, d: int, norms: Sequence[float]) -> arb:
    r"""A certified bound of |f - f_L - f_Q| over all inputs |x| = sqrt(d), all signs and all unit w_r.

    .. math:: \tfrac16 m^{-1/2} \sup_{|z| \le \sqrt d (1 + \max_r |W_r|)} |\sigma'''(z)| \sum_{r=1}^m (\sqrt d |W_r|)^3,

    from Taylor's theorem for each neuron, |w_r| = 1 and |<W_r, x>| <= sqrt(d) |W_r|. It is attained for sigma = z^3
    and W_r parallel to a_r x. The initial network f(x; W0) must vanish (antisymmetric initialisation).

    Args:
        activation: sigma, three times differentiable.
        d: dimension, 3 <= d <= 10**6.
        norms: |W_r| for r = 1..m, m even; each double is taken as exact, so a computed norm is to be rounded upwards.

    Returns:
        An exact number not below the bound, at most 0.1 % and rounding above it.

    Raises:
        ValueError: a norm < 0 or not finite, m odd or zero, d < 3, or sigma''' is a distribution (a kink).
        Undecided: the supremum of |sigma'''| did not converge.

    Cost: one branch and bound and O(m). Source: docs/mathematics, :eq:`remainder-bound`.

    >>> float(remainder_bound(Activation.parse("sin(z)"), 4, [0.5, 0.5])) <= 1.001 * 2**0.5 / 6
    True
    """
    activation = Activation.of(activation)
    d, given = integer_dimension(d), by_neuron("norms", norms)
    m = check_width(len(given))
    for r, norm in enumerate(given):
        check_size(f"norms[{r}]", norm)
    with exclusive, ctx.workprec(64):
        sizes = [as_ball(f"norms[{r}]", norm) for r, norm in enumerate(given)]
        cubes = sum((size**3 for size in sizes), arb(0))
    # sigma''' is bounded on the range of the longest displacement, which holds those of the others.
    longest = max(_rounded_up(size) for size in sizes)
    largest = third_derivative_bound(activation, range_radius(d, longest))
    with exclusive, ctx.workprec(64):
        return (largest * arb(d) ** 1.5 * cubes / (6 * arb(m).sqrt())).upper()
