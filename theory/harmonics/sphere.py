"""Dimensions and moments on the sphere, exact for an integer d and symbolic in d.

Normalisation: inputs x are uniform on S^{d-1}(sqrt d), so |x|^2 = d. ``t`` is the first coordinate of a
uniform point of the unit sphere; its law tau_d has density proportional to (1 - t^2)^{(d-3)/2} on [-1, 1].
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar, overload

import sympy as sp
from flint import arb, fmpq, fmpz

MAX_DIMENSION = 10**6
"""Largest integer d: of rounding and of time nothing beyond is known."""
HIGHEST = 10**6
"""Largest degree, power or order of anything that is computed step by step."""
LONGEST = 40
"""Digits up to which an integer is written out; Python itself refuses to write out more than 4300."""
LONGEST_COUNT = 500_000
"""Bits of a multiplicity up to which it is computed: seconds in one call, which nothing can end."""
MAX_POWER = {True: 10**6, False: 1000}
"""Largest power of t whose moment is written out, by whether d is an integer: seconds of exact arithmetic."""
MAX_SYMBOLIC = 500
"""Largest degree whose multiplicity is written out as a polynomial in a symbol d."""

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
        raise ValueError(f"d={shown(d)}: needs an integer d here; for a symbol use the _expr function")
    return checked


def check_degree(degree: int, name: str = "degree", most: int | None = HIGHEST) -> int:
    """Return ``degree`` when it is an integer >= 0 and at most ``most``, where that is no None; else ValueError."""
    number = as_integer(degree)
    if number is None or number < 0:
        raise ValueError(f"{name}={shown(degree)}: needs an integer {name} >= 0")
    if most is not None and number > most:
        raise ValueError(f"{name}={shown(number)}: needs {name} <= {most}; nothing beyond is computed in any time")
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
        ValueError: d < 3, degree < 0, or a number of more than 500,000 bits (a degree above 500 for a symbol).

    Source: Stein & Weiss, Introduction to Fourier Analysis on Euclidean Spaces, IV.2; docs/mathematics,
    :eq:`multiplicity`.

    >>> [multiplicity(3, l) for l in range(5)]
    [1, 3, 5, 7, 9]
    >>> multiplicity(sp.Symbol("d"), 2)
    d**2/2 + d/2 - 1
    """
    return unchecked_multiplicity(check_dimension(d), check_degree(degree, most=None))


def unchecked_multiplicity(d: Dimension, degree: int) -> int | sp.Expr:
    """:func:`multiplicity` without a limit on d: the tail bound needs d + 2q beyond it."""
    if degree == 0:
        return 1 if isinstance(d, int) else sp.Integer(1)
    if isinstance(d, int):
        return (2 * degree + d - 2) * _binomial(degree + d - 3, degree - 1, f"N({d},{short(degree)})") // degree
    if degree > MAX_SYMBOLIC:
        raise ValueError(f"degree={short(degree)}: needs degree <= {MAX_SYMBOLIC} for a symbol; give d as an integer")
    # The rising product (d-1) d ... (d+l-3) is C(l+d-3, l-1) (l-1)!: polynomial in d, no symbolic factorials.
    return sp.expand(
        rising_product([2 * degree + d - 2, *(d - 2 + i for i in range(1, degree))]) / math.factorial(degree)
    )


def rising_product(factors: Iterable[sp.Expr]) -> sp.Expr:
    """The expanded product of d + c for several c: by polynomials, for SymPy's expand takes minutes over a hundred."""
    return math.prod((sp.Poly(factor) for factor in factors), start=sp.Integer(1)).as_expr()


def _binomial(n: int, k: int, name: str) -> int:
    """C(n, k), refused under ``name`` where it is so long that nothing could end its computation."""
    few = min(k, n - k)
    # C(n, k) <= (e n/k)^k.
    if few > 0 and few * (1.4427 + math.log2(n) - math.log2(few)) > LONGEST_COUNT:
        raise ValueError(
            f"{name}: needs a number of at most {LONGEST_COUNT} bits; take a lower degree or a smaller dimension"
        )
    return math.comb(n, k)


@overload
def cumulative_multiplicity(d: int, k: int) -> int: ...
@overload
def cumulative_multiplicity(d: sp.Expr, k: int) -> sp.Expr: ...
def cumulative_multiplicity(d: Dimension, k: int) -> int | sp.Expr:
    r"""n_k = \sum_{l <= k} N(d,l) = Theta(d^k), the dimension of polynomials of degree <= k on the sphere.

    It is C(d+k-1, k) + C(d+k-2, k-1), for such polynomials are those of degree k and k-1 that are homogeneous.

    Raises:
        ValueError: d < 3, k < 0, or a number of more than 500,000 bits.

    Source: docs/mathematics, :eq:`multiplicity`.

    >>> cumulative_multiplicity(10, 1)
    11
    """
    d, k = check_dimension(d), check_degree(k, "k", None)
    if not isinstance(d, int):
        return sum(multiplicity(d, degree) for degree in range(k + 1))
    name = f"n_k at d={d}, k={short(k)}"
    return _binomial(d + k - 1, k, name) + (_binomial(d + k - 2, k - 1, name) if k else 0)


def moment(d: Dimension, power: int) -> sp.Expr:
    r"""E_{tau_d}[t^p]: 0 for odd p, and for p = 2q the value below.

    .. math:: E[t^{2q}] = \frac{(2q-1)!!}{d(d+2)\cdots(d+2q-2)}.

    Derivation: the Beta integral of (1-t^2)^{(d-3)/2} t^{2q}. Exact rational in d.

    Raises:
        ValueError: d < 3, power < 0, or an even power above 10**6 (1000 for a symbol).

    >>> moment(sp.Symbol("d"), 4)
    3/(d*(d + 2))
    """
    return unchecked_moment(sp.sympify(check_dimension(d)), check_degree(power, "power", None))


def _product(first: int, count: int) -> fmpz:
    """first (first + 2) ... of ``count`` factors, by halves, so that the numbers multiplied are of one size."""
    if count < 32:
        return fmpz(math.prod(first + 2 * i for i in range(count)))
    half = count // 2
    return _product(first, half) * _product(first + 2 * half, count - half)


def unchecked_moment(d: sp.Expr, power: int) -> sp.Expr:
    """:func:`moment` for any expression ``d``: the Rodrigues form needs d + 2l beyond the range of d."""
    if power % 2:
        return sp.Integer(0)
    limit = MAX_POWER[bool(d.is_Integer)]
    if power > limit:
        raise ValueError(f"power={short(power)}: needs an even power of at most {limit}, 10**6 for an integer d")
    if d.is_Integer:
        exact = fmpq(_product(1, power // 2), _product(int(d), power // 2))
        return sp.Rational(int(exact.p), int(exact.q))
    return sp.Mul(sp.factorial2(power - 1), *(1 / (d + 2 * i) for i in range(power // 2)))
