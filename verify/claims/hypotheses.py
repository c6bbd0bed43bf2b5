"""Hypotheses that claims share, decided before anything is computed: by algebra, or by a ball that excludes zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import theory
from verify.judging.claim import HypothesisViolated
from verify.sizes.profile import Profile


def differentiable(order: int) -> Callable[[Profile], None]:
    """sigma^{(order)} must be a function."""

    def hypothesis(profile: Profile) -> None:
        try:
            profile.sigma.derivative(order)
        except ValueError as error:
            raise HypothesisViolated(str(error)) from None

    return hypothesis


def smooth(profile: Profile) -> None:
    """The double-precision quadratures and the tail bound need sigma' without kinks."""
    import sympy as sp

    if profile.sigma.derivative(1).has(sp.Abs, sp.sign):
        raise HypothesisViolated(
            f"activation={profile.activation!r}: sigma' has a kink, this claim needs it smooth; "
            f"use softplus or gelu instead of relu"
        )


def present(order: int) -> Callable[[Profile], None]:
    """sigma^{(order)} must not vanish identically: a polynomial of lower degree has no term of that order."""

    def hypothesis(profile: Profile) -> None:
        import sympy as sp

        if sp.expand(profile.sigma.derivative(order)).is_zero:
            raise HypothesisViolated(
                f"activation={profile.activation!r}: derivative {order} is zero, this claim needs it non-zero; "
                f"use an activation that is no polynomial of degree below {order}, such as tanh(z + 1)"
            )

    return hypothesis


def nonzero(
    derivative: int,
    degrees: Callable[[Profile], Sequence[int]],
    dimension: Callable[[Profile], int] | None = None,
) -> Callable[[Profile], None]:
    """lambda_j(sigma^{(derivative)}) must be proved non-zero for these degrees.

    At the profile's ``dimension``, or in the limit of large d where the claim is about that (None).
    """

    def hypothesis(profile: Profile) -> None:
        expr = profile.sigma.derivative(derivative)
        for degree in degrees(profile):
            at = f"d={dimension(profile)}" if dimension else "the limit of large d"
            sign = (
                theory.coefficient_sign(expr, degree, dimension(profile))
                if dimension
                else theory.hermite_sign(expr, degree)
            )
            if sign != "nonzero":
                why = "by parity" if theory.vanishes(expr, degree) else f"in {at}" if dimension is None else f"at {at}"
                finding = f"= 0 {why}" if sign == "zero" else f"is neither proved zero nor non-zero at {at}"
                raise HypothesisViolated(
                    f"activation={profile.activation!r}: lambda_{degree}(sigma{chr(39) * derivative}) {finding}, this "
                    f"claim needs it non-zero; shift the argument, as in tanh(z + 1), with --activation"
                )

    return hypothesis


def learns(
    degrees: Callable[[Profile], Sequence[int]],
    dimension: Callable[[Profile], int],
    kernel: Literal["NTK", "QuadNTK"] = "NTK",
) -> Callable[[Profile], None]:
    """Lambda_l (or Q_l) must be proved positive for these degrees at the profile's dimension."""
    symbol = "Lambda" if kernel == "NTK" else "Q"

    def hypothesis(profile: Profile) -> None:
        found = theory.learnable_degrees(profile.sigma, max(degrees(profile)), dimension(profile), kernel)
        for degree in degrees(profile):
            if degree not in found.learnable:
                finding = "is neither proved zero nor non-zero" if degree in found.undecided else "= 0 by parity"
                raise HypothesisViolated(
                    f"activation={profile.activation!r}: {symbol}_{degree} {finding}, this claim needs it non-zero; "
                    f"shift the argument, as in tanh(z + 1), with --activation"
                )

    return hypothesis


SETTLED = 0.25
"""Largest relative distance of d^{l-1} Lambda_l from its limit at the largest d; 0.06 is the largest among the
documentation's activations, at l = 4 and d = 200."""


def settled(
    degrees: Callable[[Profile], Sequence[int]], dimension: Callable[[Profile], int]
) -> Callable[[Profile], None]:
    """d^{l-1} Lambda_l must be near its limit, proved non-zero, at the largest dimension of the profile.

    Where the limit is small beside the corrections in 1/d the leading power shows only at larger d, and an exponent
    read off smaller ones is another term's.
    """
    limited = nonzero(1, lambda profile: [max(degree - 1, 0) if degree else 1 for degree in degrees(profile)])

    def hypothesis(profile: Profile) -> None:
        limited(profile)
        d = dimension(profile)
        for degree in degrees(profile):
            limit = float(theory.ntk_limit(profile.sigma, degree).mid())
            ratio = (
                float(theory.ntk_eigenvalue(profile.sigma, degree, d).mid()) * float(d) ** max(degree - 1, 0) / limit
            )
            if abs(ratio - 1) > SETTLED:
                raise HypothesisViolated(
                    f"activation={profile.activation!r}: at d={d} Lambda_{degree} is {ratio:.3g} times its leading "
                    f"term as d grows, this claim needs it within {SETTLED:.0%}; use larger d or another activation"
                )

    return hypothesis


def separated(dimension: Callable[[Profile], int]) -> Callable[[Profile], None]:
    """The n_k largest eigenvalues of the NTK must be those of degree <= k, proved by balls at the profile's k.

    Degrees beyond the listed ones have N(d,l) Lambda_l at most the trace that is left, and N(d,l) grows with l.
    """

    def hypothesis(profile: Profile) -> None:
        k, d = profile.k, dimension(profile)
        spectrum = theory.ntk_spectrum(profile.sigma, d, k + 4)
        later = (*spectrum.eigenvalues[k + 1 :], spectrum.tail / theory.multiplicity(d, k + 5))
        if not all(low > high for low in spectrum.eigenvalues[: k + 1] for high in later):
            raise HypothesisViolated(
                f"activation={profile.activation!r}: at d={d} the eigenvalues of degree <= {k} are not proved to "
                f"exceed the later ones, which this claim needs; use another d or an activation such as tanh(z + 1)"
            )

    return hypothesis


def every(
    hypothesis: Callable[[Profile], None], activations: Callable[[Profile], Sequence[str]] = lambda p: p.activations
) -> Callable[[Profile], None]:
    """A hypothesis of one activation asked of all that share the repetitions."""

    def of_all(profile: Profile) -> None:
        for activation in activations(profile):
            hypothesis(profile.model_copy(update={"activations": (activation,)}))

    return of_all
