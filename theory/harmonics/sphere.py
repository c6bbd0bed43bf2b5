"""Dimensions and moments on the sphere, exact for an integer d and symbolic in d.

Normalisation: inputs x are uniform on S^{d-1}(sqrt d), so |x|^2 = d. ``t`` is the first coordinate of a
uniform point of the unit sphere; its law tau_d has density proportional to (1 - t^2)^{(d-3)/2} on [-1, 1].
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar, overload

import sympy as sp
from flint import arb

MAX_DIMENSION = 10**6
LONGEST = 40
"""Digits up to which an integer is written out; Python itself refuses to write out more than 4300."""

Dimension: TypeAlias = "int | sp.Expr"
Value = TypeVar("Value")


def as_integer(value: Any) -> int | None:
    """The integer that ``value`` is (of Python, NumPy, SymPy or a tensor), None for a bool, float, array or text."""
    if type(value) is int:
        return value
    if not is_number(value):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def is_number(value: Any) -> bool:
    """Whether ``value`` may count as one real number: not a bool, a text, an array or a complex number."""
    if type(value) in (int, float):
        return True
    if isinstance(value, bool | str | bytes | bytearray) or "bool" in str(getattr(value, "dtype", "")):
        return False
    # For Python every real number is Complex too, so that only what is Complex and not Real is refused.
    return not getattr(value, "ndim", 0) and (not isinstance(value, numbers.Complex) or isinstance(value, numbers.Real))


def check_size(name: str, value: Any) -> float:
    """Return ``value`` as a float when it is a real number, finite and >= 0; ValueError otherwise.

    Admits the real numbers of Python, NumPy and SymPy, a ball (its midpoint) and a tensor without axes.
    """
    number = math.nan
    if is_number(value):
        with suppress(TypeError, ValueError, OverflowError):  # no number, or none that a double holds: refused below
            number = float(value)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{name}={shown(value)}: needs a finite number >= 0")
    return number


def shown(value: Any) -> str:
    """``repr`` of a value for an error message, an integer of very many digits rounded."""
    if isinstance(value, int) and abs(value) >= 10**LONGEST:
        return short(value)
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def short(count: int) -> str:
    """An integer, in scientific notation when it has more than LONGEST digits.

    >>> short(10**3), short(7 * 10**5000)
    ('1000', '7.000000e+5000')
    """
    return str(count) if abs(count) < 10**LONGEST else str(arb(count).str(7, radius=False))


def by_degree(name: str, table: Mapping[Any, Value]) -> dict[int, Value]:
    """A mapping with its keys as integers >= 0; ValueError for any other key, or two that are the same degree."""
    if not isinstance(table, Mapping):
        raise ValueError(f"{name}={shown(table)}: needs a dictionary by degree, such as {{1: 1.0, 2: 0.5}}")
    result: dict[int, Value] = {}
    for key, value in table.items():
        degree = as_integer(key)
        if degree is None or degree < 0:
            remedy = "; JSON turns keys into text, turn them back with int()" if isinstance(key, str) else ""
            raise ValueError(f"{name}, degree={shown(key)}: needs an integer degree >= 0{remedy}")
        if degree in result:
            raise ValueError(f"{name}, degree={degree}: needs one value for each degree, two keys mean this one")
        result[degree] = value
    return result


def check_dimension(d: Dimension) -> Dimension:
    """Return ``d`` when it is a SymPy expression with a symbol or an integer 3 <= d <= 10**6.

    Raises:
        ValueError: naming the value, the requirement and the way out.
    """
    if isinstance(d, sp.Expr) and not d.is_number:
        return d
    number = as_integer(d)
    if number is None:
        raise ValueError(f"d={shown(d)}: needs an integer d >= 3, or a SymPy symbol")
    if number < 3:
        raise ValueError(f"d={short(number)}: needs d >= 3; on the circle (d = 2) use Fourier series instead")
    if number > MAX_DIMENSION:
        raise ValueError(f"d={short(number)}: needs d <= {MAX_DIMENSION}; for larger d use ntk_limit or a symbolic d")
    return number


def integer_dimension(d: Dimension) -> int:
    """Return ``d`` when it is an integer 3 <= d <= 10**6; ValueError for anything else, a symbol included."""
    checked = check_dimension(d)
    if not isinstance(checked, int):
        raise ValueError(f"d={d}: needs an integer d here; for a symbol use the _expr function")
    return checked


def check_degree(degree: int, name: str = "degree") -> int:
    """Return ``degree`` when it is an integer >= 0, else raise ValueError."""
    number = as_integer(degree)
    if number is None or number < 0:
        raise ValueError(f"{name}={shown(degree)}: needs an integer {name} >= 0")
    return number


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

    Source: Stein & Weiss, Introduction to Fourier Analysis on Euclidean Spaces, IV.2; docs/mathematics,
    :eq:`multiplicity`.

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
    if isinstance(d, int):
        return (2 * degree + d - 2) * math.comb(degree + d - 3, degree - 1) // degree
    # The rising product (d-1) d ... (d+l-3) is C(l+d-3, l-1) (l-1)!: polynomial in d, no symbolic factorials.
    numerator = 2 * degree + d - 2
    for i in range(1, degree):
        numerator = numerator * (d - 2 + i)
    return sp.expand(numerator / sp.factorial(degree))


def cumulative_multiplicity(d: int, k: int) -> int:
    r"""n_k = \sum_{l <= k} N(d,l) = Theta(d^k), the dimension of polynomials of degree <= k on the sphere.

    Raises:
        ValueError: d < 3 or k < 0.

    Source: docs/mathematics, :eq:`multiplicity`.

    >>> cumulative_multiplicity(10, 1)
    11
    """
    return sum(multiplicity(d, degree) for degree in range(check_degree(k, "k") + 1))


def moment(d: Dimension, power: int) -> sp.Expr:
    r"""E_{tau_d}[t^p]: 0 for odd p, and for p = 2q the value below.

    .. math:: E[t^{2q}] = \frac{(2q-1)!!}{d(d+2)\cdots(d+2q-2)}.

    Derivation: the Beta integral of (1-t^2)^{(d-3)/2} t^{2q}. Exact rational in d.

    Raises:
        ValueError: d < 3 or power < 0.

    >>> moment(sp.Symbol("d"), 4)
    3/(d*(d + 2))
    """
    return unchecked_moment(sp.sympify(check_dimension(d)), check_degree(power, "power"))


def unchecked_moment(d: sp.Expr, power: int) -> sp.Expr:
    """:func:`moment` for any expression ``d``: the Rodrigues form needs d + 2l beyond the range of d."""
    if power % 2:
        return sp.Integer(0)
    return sp.Mul(sp.factorial2(power - 1), *(1 / (d + 2 * i) for i in range(power // 2)))
