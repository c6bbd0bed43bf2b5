r"""Certified spectra of zonal kernels: eigenvalues, the trace, what remains as d grows.

On harmonics of degree l the kernel K(x,x') = kappa(<x,x'>/d) has the eigenvalue, by the theorem of Funk and Hecke,

.. math:: \lambda_l = E_{\tau_d}[\kappa(t) P_l(t)], \qquad \sum_l N(d,l) \lambda_l = \kappa(1).

The second holds for continuous kernels, where the sum over l is taken in the sense of Abel if some lambda_l < 0; for
positive definite ones it converges (Mercer). For fixed l and d -> oo, with a_k = kappa^{(l+2k)}(0)/(2^k k!) and k the
first index with a_k not zero,

.. math:: d^{l+k} \lambda_l = a_k + \tfrac1d [a_{k+1} - (l+k)(l+k-1) a_k] + O(d^{-2}).

Derived in docs/mathematics, :eq:`zonal-kernel` and :eq:`zonal-expansion`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import sympy as sp
from flint import acb, arb, ctx

from theory.balls.ball import ball, check_digits, digits_to_bits, proved_zero, refine
from theory.balls.lens import ANGLES, lens_bound, lens_expectation, lens_table
from theory.balls.precision import exclusive
from theory.funk_hecke.coefficient import INTEGRAL_BITS
from theory.harmonics.gegenbauer import monomial_coefficients
from theory.harmonics.sphere import check_degree, integer_dimension, multiplicity
from theory.harmonics.work import Undecided, check_work, evaluation, seconds_for
from theory.spectra.expansions import Expansion
from theory.spectra.function_limits import UNBOUNDED
from theory.spectra.spectrum import GUARD_BITS, Spectrum
from theory.spectra.zonal_kernel import KernelLike, ZonalKernel
from theory.spectra.zonal_reading import T, vanishes_zonally

ZERO_BITS = 64
"""Bits, beyond the digits asked for and its expected size, at which an eigenvalue of a function on balls, which algebra
cannot read, is given up."""
MAX_TERMS = 4
"""Terms of the expansion in 1/d that are searched for the first one that is not zero."""


@lru_cache(maxsize=512)
def _bound(kernel: ZonalKernel, angle: float) -> arb | None:
    return lens_bound(kernel.on_angle(), angle)


@lru_cache(maxsize=256)
def _require_bounded(kernel: ZonalKernel) -> None:
    """Refuse a kernel that is not seen to be bounded on [-1, 1]."""
    if _bound(kernel, 0.0) is None and lens_bound(kernel.on_angle(), 0.0, analytic=False) is None:
        raise ValueError(
            f"kernel {kernel}: needs a bounded function on [-1, 1]; write (1-t)*log(1-t) as such a product, and a "
            f"function on balls in a form that stays finite on balls around t = 1 and t = -1"
        )


def zonal_eigenvalue(kernel: KernelLike, degree: int, d: int, digits: int = 15) -> arb:
    r"""lambda_l = E_{tau_d}[kappa(t) P_l(t)] of a zonal kernel, certified.

    Args:
        kernel: a :class:`ZonalKernel`, its text in t, a SymPy expression or a function on balls.
        degree: l >= 0.
        d: dimension, 3 <= d <= 10**6.
        digits: relative decimal digits to certify.

    Returns:
        A ball containing lambda_l; exactly zero where parity or algebra proves it. It may be negative.

    Raises:
        ValueError: d < 3, degree < 0, a kernel that is not admitted, not bounded or not real.
        Undecided: zero without a proof.

    Cost: one adaptive integral; a polynomial is exact.
    Source: docs/mathematics, :eq:`zonal-kernel`.

    >>> print(zonal_eigenvalue("exp(t - 1)", 2, 10).str(15, radius=False))
    0.00317687662729221
    >>> zonal_eigenvalue("(sqrt(1-t**2) + (pi - acos(t))*t)/pi", 3, 10)  # the arc-cosine kernel of order 1
    0
    """
    kernel, degree, d, digits = ZonalKernel.of(kernel), check_degree(degree), integer_dimension(d), check_digits(digits)
    subject = f"eigenvalue {degree} of {kernel} at d={d}"
    if kernel.polynomial is not None:
        return _constant(_polynomial_eigenvalue(kernel.polynomial, degree, d), digits, subject)
    size = _size_bits(degree, d)
    with evaluation(subject):
        _require_bounded(kernel)
        if _vanishes(kernel, degree):
            return arb(0)
        return refine(
            lambda bits: lens_expectation(kernel.on_angle(), degree, d, bits),
            digits,
            start_bits=digits_to_bits(digits) + 32 + size,
            max_bits=INTEGRAL_BITS + 4 * digits + 2 * size,
            subject=subject,
        )


def zonal_spectrum(kernel: KernelLike, d: int, max_degree: int, digits: int = 15) -> Spectrum:
    r"""The :class:`Spectrum` of a zonal kernel up to ``max_degree``, each eigenvalue certified to ``digits``.

    Zeros that parity or algebra proves are exact. An eigenvalue that cannot be told from zero, to 64 bits beyond
    ``digits`` and the size d^{-l}, is listed as a ball [0 +/- r] around zero, which is true and decides nothing:
    :func:`theory.eigenvalue_signs` names it as undecided. That happens for functions on balls, whose zeros no
    algebra proves.

    Args:
        kernel: a :class:`ZonalKernel`, its text in t, a SymPy expression or a function on balls.
        d: dimension, 3 <= d <= 10**6.
        max_degree: L >= 0.
        digits: relative decimal digits to certify for each eigenvalue; the tail is a difference and has fewer.

    Raises:
        ValueError: as :func:`zonal_eigenvalue`.
        WorkLimit: it took longer than :func:`theory.work_limit` allows.

    Cost: one set of nodes for all degrees where the kernel is analytic in the angle, see
    :func:`theory.balls.lens.lens_table`; else one adaptive integral for each degree.
    Source: docs/mathematics, :eq:`zonal-kernel` and :eq:`lens`.

    >>> print(zonal_spectrum("(sqrt(1-t**2) + (pi - acos(t))*t)/pi", 10, 3, digits=8))
    kernel (sqrt(1-t**2) + (pi - acos(t))*t)/pi on the sphere of radius sqrt(d), d = 10
    degree  multiplicity  eigenvalue, certified
         0             1  [0.33460242 +/- 3.35e-9]
         1            10  [0.050000000 +/- 3e-14]
         2            54  [0.0027653093 +/- 1.62e-11]
         3           210  0
    trace above degree 3: [0.016071 +/- 1.25e-7]
    """
    kernel, d, digits = ZonalKernel.of(kernel), integer_dimension(d), check_digits(digits)
    max_degree = check_degree(max_degree, "max_degree")
    degrees = tuple(range(max_degree + 1))
    counts = tuple(multiplicity(d, degree) for degree in degrees)
    polynomial = kernel.polynomial
    subject = f"the spectrum up to degree {max_degree} of {kernel} at d={d}"
    with evaluation(subject, seconds_for(max_degree)):
        if polynomial is not None:
            exact = [_polynomial_eigenvalue(polynomial, degree, d) for degree in degrees]
            values = tuple(_constant(value, digits, subject) for value in exact)
            rest = polynomial.as_expr().subs(T, 1) - sp.Add(*(n * v for n, v in zip(counts, exact, strict=True)))
            tail = arb(0) if proved_zero(rest) else _constant(rest, digits, subject)
        else:
            _require_bounded(kernel)
            values = _eigenvalues(kernel, max_degree, d, digits)
            with exclusive, ctx.workprec(digits_to_bits(digits) + GUARD_BITS):
                listed = sum((n * v for n, v in zip(counts, values, strict=True)), arb(0))
                tail = _trace(kernel, digits) - listed
    return Spectrum(kernel, d, degrees, counts, values, tail, "zonal", digits)


def zonal_trace(kernel: KernelLike, digits: int = 15) -> arb:
    """kappa(1) = sum_l N(d,l) lambda_l, certified, for every d; exactly zero where it is (:eq:`zonal-kernel`).

    Raises:
        ValueError: a kernel that is not admitted, not bounded or not real.
        Undecided: zero without a proof.

    >>> print(zonal_trace("exp(t - 1)"))
    1.00000000000000
    """
    kernel = ZonalKernel.of(kernel)
    if kernel.polynomial is None:
        with evaluation(f"the trace of {kernel}"):
            _require_bounded(kernel)
    return _trace(kernel, digits)


def _trace(kernel: ZonalKernel, digits: int) -> arb:
    """The trace of a kernel that is known to be bounded."""
    return refine(
        lambda bits: kernel.on_angle()(acb(0), False).real, digits, max_bits=4000, subject=f"kernel {kernel} at t=1"
    )


def _constant(value: sp.Expr, digits: int, subject: str) -> arb:
    """An exact constant as a ball; exactly zero where algebra says so."""
    return arb(0) if proved_zero(value) else refine(lambda bits: ball(value), digits, subject=subject)


def _polynomial_eigenvalue(polynomial: sp.Poly, degree: int, d: int) -> sp.Expr:
    """sum_p c_p E[t^p P_l]: only p >= l of the parity of l enter."""
    terms = [(power, c) for (power,), c in polynomial.terms() if power >= degree and (power - degree) % 2 == 0]
    return sp.expand(sp.Add(*(c * monomial_coefficients(power, d)[degree] for power, c in terms)))


def _vanishes(kernel: ZonalKernel, degree: int) -> bool:
    return kernel.expr is not None and vanishes_zonally(kernel.expr, degree)


def _size_bits(degree: int, d: int) -> int:
    """Bits by which lambda_l lies below one: it is kappa^{(l)}/(d (d+2) ... (d+2l-2)) somewhere."""
    return sum((d + 2 * i).bit_length() for i in range(degree))


def _eigenvalues(kernel: ZonalKernel, max_degree: int, d: int, digits: int) -> tuple[arb, ...]:
    """All of them from one table at rising precision, or by one integral each; see :func:`zonal_spectrum`."""
    goal = digits_to_bits(digits)
    spare = ZERO_BITS if kernel.expr is None else INTEGRAL_BITS
    limits = {
        degree: goal + spare + _size_bits(degree, d) * (1 if kernel.expr is None else 2)
        for degree in range(max_degree + 1)
        if not _vanishes(kernel, degree)
    }
    values, missing, found = [arb(0)] * (max_degree + 1), set(limits), set[int]()
    bits = goal + 32 + _size_bits(min(max_degree, 8), d)
    while missing:
        check_work()
        # The recurrence of P_l loses up to two bits a degree.
        with exclusive, ctx.workprec(bits + 2 * max_degree + 16):
            function = kernel.on_angle()
            table = lens_table(function, lambda angle: _bound(kernel, angle), max_degree, d, bits)
            for degree in missing:
                check_work()
                value = lens_expectation(function, degree, d, bits) if table is None else table[degree]
                # An integral that used up its evaluations is wider than the last one.
                if value.is_finite() and (degree not in found or value.rad() < values[degree].rad()):
                    values[degree] = value
                    found.add(degree)
        missing = {degree for degree in missing if not (degree in found and values[degree].rel_accuracy_bits() >= goal)}
        for degree in [degree for degree in missing if bits >= limits[degree]]:
            if degree not in found or not values[degree].contains(0):
                raise Undecided(
                    f"eigenvalue {degree} of {kernel} at d={d}: {digits} digits not certified at {bits} bits, the ball "
                    f"is {values[degree].str(5)}; its integral does not converge, give the kernel as a function of the "
                    f"angle"
                )
            values[degree] = arb(0, values[degree].abs_upper())
            missing.remove(degree)
        bits = min(2 * bits, max((limits[degree] for degree in missing), default=bits))
    return tuple(values)


def zonal_expansion(kernel: KernelLike, degree: int, digits: int = 15) -> Expansion:
    r"""Exponent, limit and first correction of lambda_l as d grows: lambda_l = d^e (limit + correction/d + O(1/d^2)).

    For kappa^{(l)}(0) not zero e = -l, the limit is kappa^{(l)}(0), and the correction kappa^{(l+2)}(0)/2 - l (l-1)
    kappa^{(l)}(0). kappa must be analytic at 0 and bounded on [-1, 1]; what it does at the ends does not matter.

    Args:
        kernel: as :func:`zonal_eigenvalue`.
        degree: l >= 0.
        digits: relative decimal digits to certify.

    Returns:
        The :class:`theory.Expansion`; exponent None and zeros where lambda_l is proved to be zero for every d.

    Raises:
        ValueError: a kernel that is not admitted or not bounded.
        Undecided: a derivative at 0 is zero, or nearly, without a proof, or no disc around 0 is known to be free of
            singularities.

    Source: docs/mathematics, :eq:`zonal-expansion`.

    >>> print(zonal_expansion("exp(t - 1)", 2).correction.str(10, radius=False))  # -3/(2e)
    -0.5518191618
    """
    kernel, degree = ZonalKernel.of(kernel), check_degree(degree)
    _require_bounded(kernel)
    if _vanishes(kernel, degree):
        return Expansion(None, arb(0), arb(0))
    for k in range(MAX_TERMS):
        limit = _term(kernel, degree, k, digits)
        if limit.is_zero():
            continue
        with exclusive, ctx.workprec(digits_to_bits(digits) + GUARD_BITS):
            correction = _term(kernel, degree, k + 1, digits) - (degree + k) * (degree + k - 1) * limit
        return Expansion(-degree - k, limit, correction)
    raise Undecided(f"the expansion of eigenvalue {degree} of {kernel}: its first {MAX_TERMS} terms are zero")


def _term(kernel: ZonalKernel, degree: int, k: int, digits: int) -> arb:
    """a_k = kappa^{(l+2k)}(0)/(2^k k!), exactly zero where algebra proves it."""
    order = degree + 2 * k
    if kernel.expr is not None and _derivative_vanishes(kernel.expr, order):
        return arb(0)
    scale = 2**k * math.factorial(k)
    subject = f"derivative {order} of {kernel} at t=0"
    with evaluation(subject):
        return refine(
            lambda bits: _taylor(kernel, order, bits) * math.factorial(order) / scale,
            digits,
            max_bits=INTEGRAL_BITS,
            subject=subject,
        )


@lru_cache(maxsize=1024)
def _derivative_vanishes(expr: sp.Expr, order: int) -> bool:
    value = sp.expand(expr.diff(T, order).subs(T, 0) if order else expr.subs(T, 0))
    # Where kappa is not analytic at 0, or not written so, SymPy finds no number; then nothing is proved.
    return not value.has(*UNBOUNDED, sp.I) and proved_zero(value)


def _taylor(kernel: ZonalKernel, order: int, bits: int) -> arb:
    r"""The coefficient of t^m by Cauchy's formula over n points of the circle |t| = R/2.

    The disc |t| <= R = tan(a) lies in the lens of half-angle a, for |arg((1+t)/(1-t))| <= 2 atan|t|. With |kappa| <= M
    there the n-point sum differs by at most M R^{-m} 2^{-n}/(1 - 2^{-n}), from the coefficients m + n, m + 2n, ...
    """
    found = next(((a, bound) for a in ANGLES[:-1] if (bound := _bound(kernel, a)) is not None), None)
    if found is None:
        raise Undecided(
            f"kernel {kernel}: no disc around t=0 is known on which it is analytic; write it in simpler terms"
        )
    radius, n = arb(found[0]).tan(), bits + 2 * order + 32
    function, total = kernel.on_angle(), acb(0)
    for j in range(n):
        check_work()
        turn = acb(arb(2 * j) / n).exp_pi_i()
        total += function((turn * radius / 2).acos(), False) / turn**order
    error = found[1] / radius**order * arb(2) ** -n * 2
    return (total / n).real / (radius / 2) ** order + arb(0, error.upper())
