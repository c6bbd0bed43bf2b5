r"""Taylor terms of the two-layer network at its initialisation, derived by differentiation.

f(x; W0 + W) = m^{-1/2} sum_r a_r sigma(<w_r + W_r, x>). Along the ray s -> W0 + s W,

.. math:: f_L = \partial_s f|_0, \qquad f_Q = \tfrac12 \partial_s^2 f|_0, \qquad
          |f - f_L - f_Q| \le \tfrac16 m^{-1/2} \sup|\sigma'''| \sum_r |\langle W_r, x\rangle|^3

at antisymmetric initialisation, where f(x; W0) = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp
from flint import arb

from theory.activations import Activation, Z
from theory.enclosure import supremum
from theory.sphere import check_degree


def check_width(m: int) -> int:
    """Return ``m`` when it is an even integer >= 2; ValueError otherwise."""
    if isinstance(m, bool) or not isinstance(m, int) or m < 2 or m % 2:
        raise ValueError(f"m={m!r}: needs an even integer m >= 2, because neurons come in antisymmetric pairs")
    return m


@dataclass(frozen=True)
class TaylorTerms:
    """A concrete small network and its Taylor terms, each derived by SymPy from ``network``.

    Attributes:
        signs, initial, displacement, second, x: the symbols a (m), w (m, d), W (m, d), V (m, d), x (d).
        network: f(x; W0 + W).
        linear: f_L(x; W).
        quadratic: f_Q(x; W).
        cross: f_Q(x; W, V), with f_Q(W + V) = f_Q(W) + f_Q(W, V) + f_Q(V).
    """

    signs: tuple[sp.Symbol, ...]
    initial: sp.Matrix
    displacement: sp.Matrix
    second: sp.Matrix
    x: sp.Matrix
    network: sp.Expr
    linear: sp.Expr
    quadratic: sp.Expr
    cross: sp.Expr


def neuron_term(activation: Activation, order: int) -> sp.Expr:
    r"""The order-j Taylor term of one neuron, sigma^{(j)}(z) h^j / j!, with z = <w_r, x> and h = <W_r, x>.

    The network's term of order j is m^{-1/2} sum_r a_r times this; order 1 is f_L, order 2 is f_Q.

    >>> neuron_term(Activation.parse("sin(z)"), 2)
    -h**2*sin(z)/2
    """
    order = check_degree(order, "order")
    h = sp.Symbol("h", real=True)
    return activation.derivative(order) * h**order / sp.factorial(order)


def taylor_terms(activation: Activation, d: int, m: int) -> TaylorTerms:
    """f and its Taylor terms for a network of ``m`` neurons in dimension ``d``, as SymPy expressions.

    The terms come from differentiating the network itself, not from the formulas of :func:`neuron_term`.

    Raises:
        ValueError: d < 1, or m not even and positive.

    Cost: an expression of O(m d) nodes per term; meant for m d up to a few hundred.
    """
    check_width(m)
    activation.derivative(2)  # refuses an activation without a second derivative
    if d < 1:
        raise ValueError(f"d={d}: needs d >= 1")
    real = {"real": True}
    signs = tuple(sp.Symbol(f"a_{r}", **real) for r in range(m))
    w, big_w, v = (
        sp.Matrix(m, d, lambda r, i, name=name: sp.Symbol(f"{name}_{r}_{i}", real=True)) for name in ("w", "W", "V")
    )
    x = sp.Matrix(d, 1, lambda i, _: sp.Symbol(f"x_{i}", real=True))
    s, u = sp.symbols("s u", real=True)

    def network(displacement: sp.Matrix) -> sp.Expr:
        z = (w + displacement) * x
        return sp.Add(*(signs[r] * activation.expr.subs(Z, z[r]) for r in range(m))) / sp.sqrt(m)

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


def third_derivative_bound(activation: Activation, radius: float) -> arb:
    """A certified upper bound of the supremum of ``|sigma'''|`` on [-radius, radius], at most 0.1 % above it.

    For inputs of norm sqrt(d) and unit w_r the range in use is ``radius = sqrt(d) (1 + max_r |W_r|)``.

    >>> float(third_derivative_bound(Activation.parse("sin(z)"), 10.0)) <= 1.001
    True
    """
    return supremum(activation.derivative(3), -radius, radius)
