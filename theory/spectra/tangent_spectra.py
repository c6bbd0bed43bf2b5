"""Certified spectra of the tangent kernels as :class:`theory.Spectrum` objects: NTK, QuadNTK, NTK of both layers."""

from __future__ import annotations

from typing import Literal

from flint import arb, ctx

from theory.activations import Activation, ActivationLike
from theory.balls.ball import check_digits, digits_to_bits, square
from theory.balls.precision import exclusive
from theory.funk_hecke.closed_forms import is_polynomial
from theory.funk_hecke.tables import coefficient_list
from theory.harmonics.sphere import check_degree, integer_dimension, multiplicity, shown
from theory.harmonics.work import Undecided, WorkLimit, evaluation, seconds_for
from theory.spectra.eigenvalues import (
    FEATURES,
    NTK,
    QUADNTK,
    TangentKernel,
    exact_weights,
    kernel_eigenvalue,
    kernel_trace,
    remaining_trace,
)
from theory.spectra.spectrum import GUARD_BITS, Spectrum

BOTH = "both-layer NTK"
"""Name of the kernel of :func:`ntk_spectrum` with ``layers="both"``."""

CLOSE = 8
"""How many times the precision asked for a coefficient may take before the eigenvalues are computed one by one."""


def _spectrum(kernel: TangentKernel, activation: Activation, d: int, max_degree: int, digits: int) -> Spectrum:
    d, max_degree, digits = integer_dimension(d), check_degree(max_degree, "max_degree"), check_digits(digits)
    degrees = tuple(range(max_degree + 1))
    goal = digits_to_bits(digits)
    subject = f"the spectrum up to degree {max_degree} of the {kernel.name} of {activation} at d={d}"
    with evaluation(subject, seconds_for(max_degree)):
        values = _eigenvalues(kernel, activation, d, degrees, digits)
        # Precision of the sum alone: how wide the balls of the eigenvalues are is settled already.
        with exclusive, ctx.workprec(goal + GUARD_BITS):
            counts = tuple(multiplicity(d, degree) for degree in degrees)
            listed = sum((v * n for v, n in zip(values, counts, strict=True)), arb(0))
            tail = kernel_trace(kernel, activation, d, digits) - listed
        # The difference of two balls cannot tell a tail of zero, which a polynomial has above its degree.
        if tail.contains(0) and is_polynomial(activation.derivative(kernel.order)):
            tail = remaining_trace(kernel, activation, d, max_degree, digits)  # exactly zero, or small
    return Spectrum(activation, d, degrees, counts, values, tail, kernel.name, digits)


def _eigenvalues(
    kernel: TangentKernel, activation: Activation, d: int, degrees: tuple[int, ...], digits: int
) -> tuple[arb, ...]:
    """Each eigenvalue to ``digits``, from one list of coefficients or one by one."""
    expr, goal = activation.derivative(kernel.order), digits_to_bits(digits)
    try:
        # Two digits more than asked for each coefficient: its square and the sum of squares keep the digits asked.
        table = coefficient_list(
            expr,
            degrees[-1] + kernel.order,
            d,
            digits,
            spare=2,
            max_bits=CLOSE * goal,
            subject=f"a derivative of {activation}",
        )
    except WorkLimit:
        raise
    except Undecided:
        # One coefficient is zero without a proof, or so small that its own digits cost more than all the others, and
        # every eigenvalue may be positive all the same.
        return tuple(kernel_eigenvalue(kernel, activation, degree, d, digits) for degree in degrees)
    with exclusive, ctx.workprec(goal + GUARD_BITS):
        return tuple(
            sum((square(table[j]) * w for j, w in exact_weights(kernel, degree, d)), arb(0)) for degree in degrees
        )


def ntk_spectrum(
    activation: ActivationLike, d: int, max_degree: int, digits: int = 15, layers: Literal["first", "both"] = "first"
) -> Spectrum:
    """The NTK's :class:`Spectrum` up to ``max_degree``, each eigenvalue certified to ``digits``.

    Training the signs a_r = +-1 of the second layer too adds E_w[sigma(<w,x>) sigma(<w,x'>)] to the kernel, and so
    lambda_l(sigma)^2 to its eigenvalue of degree l. Weights are uniform on the unit sphere, as everywhere here. With
    Gaussian ones, w ~ N(0, I/d), the NTK of the first layer is the same for ReLU and for every sigma with sigma'(s z) =
    sigma'(z), s > 0; for others it is a mean over |w| that is not computed here.

    Args:
        activation: sigma, differentiable.
        d: dimension, 3 <= d <= 10**6.
        max_degree: L >= 0.
        digits: relative decimal digits to certify for each eigenvalue; the tail is a difference and has fewer.
        layers: "first", whose weights alone are trained, or "both".

    Raises:
        ValueError, Undecided: as :func:`theory.ntk_eigenvalue`; another ``layers``.

    Cost: one table of coefficients, see :func:`theory.coefficients`, and the trace; twice that for both layers.
    Source: docs/mathematics, :eq:`ntk-eigenvalue`; the tail from :eq:`trace`; both layers from :eq:`zonal-eigenvalue`.

    >>> print(ntk_spectrum("z**2", 10, 2, layers="both").eigenvalues[2])  # 8/(d + 2) + (2/(d + 2))^2
    [0.694444444444444 +/- 4.45e-16]
    """
    activation = Activation.of(activation)
    if not isinstance(layers, str) or layers not in ("first", "both"):
        raise ValueError(f"layers={shown(layers)}: needs 'first' or 'both'")
    first = _spectrum(NTK, activation, d, max_degree, digits)
    if layers == "first":
        return first
    second = _spectrum(FEATURES, activation, d, max_degree, digits)
    with exclusive, ctx.workprec(digits_to_bits(digits) + GUARD_BITS):
        values = tuple(a + b for a, b in zip(first.eigenvalues, second.eigenvalues, strict=True))
        tail = first.tail + second.tail
    return Spectrum(activation, first.d, first.degrees, first.multiplicities, values, tail, BOTH, first.digits)


def quadntk_spectrum(activation: ActivationLike, d: int, max_degree: int, digits: int = 15) -> Spectrum:
    """The QuadNTK's :class:`Spectrum`; arguments, errors and cost as :func:`ntk_spectrum`, sigma twice differentiable.

    Source: docs/mathematics, :eq:`quadntk-eigenvalue`; the tail from :eq:`trace`.

    >>> print(quadntk_spectrum(Activation.parse("z**2"), 10, 1).tail)  # <x,x'>^2: degrees 0 and 2
    90.0000000000000
    """
    activation = Activation.of(activation)
    return _spectrum(QUADNTK, activation, d, max_degree, digits)
