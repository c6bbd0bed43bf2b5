"""Hypotheses that claims share, decided exactly (parity and algebra) before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from theory import learnable, vanishes
from verify.claim import HypothesisViolated
from verify.profile import Profile


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
    if profile.sigma.derivative(1).has(sp.Abs, sp.sign):
        raise HypothesisViolated(
            f"activation={profile.activation!r}: sigma' has a kink, this claim needs it smooth; "
            f"use softplus or gelu instead of relu"
        )


def present(order: int) -> Callable[[Profile], None]:
    """sigma^{(order)} must not vanish identically: a polynomial of lower degree has no term of that order."""

    def hypothesis(profile: Profile) -> None:
        if sp.expand(profile.sigma.derivative(order)).is_zero:
            raise HypothesisViolated(
                f"activation={profile.activation!r}: derivative {order} is zero, this claim needs it non-zero; "
                f"use an activation that is no polynomial of degree below {order}, such as tanh(z + 1)"
            )

    return hypothesis


def nonzero(derivative: int, degrees: Callable[[Profile], Sequence[int]]) -> Callable[[Profile], None]:
    """lambda_j(sigma^{(derivative)}) must not vanish identically for these degrees."""

    def hypothesis(profile: Profile) -> None:
        expr = profile.sigma.derivative(derivative)
        for degree in degrees(profile):
            if vanishes(expr, degree):
                primes = "'" * derivative
                raise HypothesisViolated(
                    f"activation={profile.activation!r}: lambda_{degree}(sigma{primes}) = 0 by parity, this claim "
                    f"needs it non-zero; shift the argument, as in tanh(z + 1), with --activation"
                )

    return hypothesis


def learns(degrees: Callable[[Profile], Sequence[int]]) -> Callable[[Profile], None]:
    """Lambda_l must not vanish identically for these degrees."""

    def hypothesis(profile: Profile) -> None:
        for degree in degrees(profile):
            if not learnable(profile.sigma, degree):
                raise HypothesisViolated(
                    f"activation={profile.activation!r}: Lambda_{degree} = 0 by parity, this claim needs it non-zero; "
                    f"shift the argument, as in tanh(z + 1), with --activation"
                )

    return hypothesis
