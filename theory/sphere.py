"""Dimensions and moments on the sphere, exact for an integer d and symbolic in d.

Normalisation: inputs x are uniform on S^{d-1}(sqrt d), so |x|^2 = d. ``t`` is the first coordinate of a
uniform point of the unit sphere; its law tau_d has density proportional to (1 - t^2)^{(d-3)/2} on [-1, 1].
"""

from __future__ import annotations

from typing import TypeAlias, overload

import sympy as sp

MAX_DIMENSION = 10**6

Dimension: TypeAlias = "int | sp.Expr"


def check_dimension(d: Dimension) -> Dimension:
    """Return ``d`` when it is a SymPy expression with a symbol or an integer 3 <= d <= 10**6.

    Raises:
        ValueError: naming the value, the requirement and the way out.
    """
    if isinstance(d, sp.Expr) and not d.is_number:
        return d
    if isinstance(d, bool) or not isinstance(d, int | sp.Integer):
        raise ValueError(f"d={d!r}: needs an integer d >= 3, or a SymPy symbol")
    if d < 3:
        raise ValueError(f"d={d}: needs d >= 3; on the circle (d = 2) use Fourier series instead")
    if d > MAX_DIMENSION:
        raise ValueError(f"d={d}: needs d <= {MAX_DIMENSION}; for larger d use ntk_limit or a symbolic d")
    return int(d)


def integer_dimension(d: Dimension) -> int:
    """Return ``d`` when it is an integer 3 <= d <= 10**6; ValueError for anything else, a symbol included."""
    checked = check_dimension(d)
    if not isinstance(checked, int):
        raise ValueError(f"d={d}: needs an integer d here; for a symbol use the _expr function")
    return checked


def check_degree(degree: int, name: str = "degree") -> int:
    """Return ``degree`` when it is an integer >= 0, else raise ValueError."""
    if isinstance(degree, bool) or not isinstance(degree, int | sp.Integer) or degree < 0:
        raise ValueError(f"{name}={degree!r}: needs an integer {name} >= 0")
    return int(degree)


@overload
def multiplicity(d: int, degree: int) -> int: ...
@overload
def multiplicity(d: sp.Expr, degree: int) -> sp.Expr: ...
def multiplicity(d: Dimension, degree: int) -> int | sp.Expr:
    r"""Dimension of the degree-l spherical harmonics on S^{d-1}.

    .. math:: N(d,l) = \frac{2l+d-2}{l} \binom{l+d-3}{l-1}, \qquad N(d,0) = 1.

    Args:
        d: integer >= 3, or a SymPy symbol.
        degree: l >= 0.

    Returns:
        int, or a polynomial in d of degree l (SymPy) when ``d`` is a symbol.

    Raises:
        ValueError: d < 3 or degree < 0.

    Source: Stein & Weiss, Introduction to Fourier Analysis on Euclidean Spaces, IV.2.

    >>> [multiplicity(3, l) for l in range(5)]
    [1, 3, 5, 7, 9]
    >>> multiplicity(sp.Symbol("d"), 2)
    d**2/2 + d/2 - 1
    """
    return unchecked_multiplicity(check_dimension(d), check_degree(degree))


def unchecked_multiplicity(d: Dimension, degree: int) -> int | sp.Expr:
    """:func:`multiplicity` without a limit on d: the tail bound needs d + 2q beyond it."""
    if degree == 0:
        return 1 if isinstance(d, int) else sp.Integer(1)
    # The rising product (d-1) d ... (d+l-3) is C(l+d-3, l-1) (l-1)!: polynomial in d, no symbolic factorials.
    numerator = 2 * degree + d - 2
    for i in range(1, degree):
        numerator = numerator * (d - 2 + i)
    factorial = sp.factorial(degree)
    if isinstance(d, int):
        return int(numerator // int(factorial))
    return sp.expand(numerator / factorial)


def cumulative_multiplicity(d: int, k: int) -> int:
    r"""n_k = \sum_{l <= k} N(d,l) = Theta(d^k), the dimension of polynomials of degree <= k on the sphere.

    >>> cumulative_multiplicity(10, 1)
    11
    """
    return sum(multiplicity(d, degree) for degree in range(check_degree(k, "k") + 1))


def moment(d: Dimension, power: int) -> sp.Expr:
    r"""E_{tau_d}[t^p]: 0 for odd p, and for p = 2q the value below.

    .. math:: E[t^{2q}] = \frac{(2q-1)!!}{d(d+2)\cdots(d+2q-2)}.

    Derivation: the Beta integral of (1-t^2)^{(d-3)/2} t^{2q}. Exact rational in d.

    >>> moment(sp.Symbol("d"), 4)
    3/(d*(d + 2))
    """
    return unchecked_moment(sp.sympify(check_dimension(d)), check_degree(power, "power"))


def unchecked_moment(d: sp.Expr, power: int) -> sp.Expr:
    """:func:`moment` for any expression ``d``: the Rodrigues form needs d + 2l beyond the range of d."""
    if power % 2:
        return sp.Integer(0)
    return sp.Mul(sp.factorial2(power - 1), *(1 / (d + 2 * i) for i in range(power // 2)))
