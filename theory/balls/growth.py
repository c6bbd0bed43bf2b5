"""Certified bounds on how fast an activation grows, for the tails of Gaussian integrals."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp
from flint import arb

from theory.balls.ball import ball
from theory.balls.functions import Z, as_quadratic, softplus, written


@dataclass(frozen=True)
class Growth:
    """A certified bound |g(z)| <= scale (1+|z|)^power e^{rate |z|} for all real z."""

    scale: arb
    power: int
    rate: arb

    @staticmethod
    def of(expr: sp.Expr) -> Growth:
        """The bound of an expression in z, by its structure.

        Raises:
            ValueError: exp of something that grows faster than |z| and is not quadratic with a negative leading term.
        """
        if not expr.has(Z):
            return Growth(arb(abs(ball(expr)).upper()), 0, arb(0))
        if expr == Z:
            return Growth(arb(1), 1, arb(0))
        if expr.is_Add:
            parts = [Growth.of(a) for a in expr.args]
            scale = sum((p.scale for p in parts), arb(0))
            rate = parts[0].rate
            for part in parts[1:]:
                rate = rate.max(part.rate)
            return Growth(scale, max(p.power for p in parts), rate)
        if expr.is_Mul:
            result = Growth(arb(1), 0, arb(0))
            for argument in expr.args:
                part = Growth.of(argument)
                result = Growth(result.scale * part.scale, result.power + part.power, result.rate + part.rate)
            return result
        if expr.is_Pow and expr.args[1].is_Integer and expr.args[1] > 0:
            n, base = int(expr.args[1]), Growth.of(expr.args[0])
            return Growth(base.scale**n, base.power * n, base.rate * n)
        if isinstance(expr, sp.sin | sp.cos | sp.tanh | sp.erf | sp.sign):
            return Growth(arb(1), 0, arb(0))  # bounded by 1 for every real argument
        if isinstance(expr, sp.Abs | softplus):  # softplus(u) <= log 2 + |u|
            inner = Growth.of(expr.args[0])
            return inner if isinstance(expr, sp.Abs) else Growth(inner.scale + 1, inner.power, inner.rate)
        if isinstance(expr, sp.exp):
            return Growth._of_exponential(expr.args[0])
        raise ValueError(
            f"{written(expr)}: no bound on its growth is known; write it by polynomials, exp, sin, cos, tanh, erf and "
            f"softplus, or take the value at a given d"
        )

    @staticmethod
    def _of_exponential(argument: sp.Expr) -> Growth:
        polynomial = as_quadratic(argument)
        if polynomial is not None and polynomial.degree() == 1:
            slope, offset = polynomial.all_coeffs()
            return Growth(ball(offset).exp(), 0, abs(ball(slope)))
        if polynomial is not None and polynomial.degree() == 2:
            a, b, c = polynomial.all_coeffs()
            if ball(a) < 0:  # the vertex is the maximum
                return Growth(ball(c - b**2 / (4 * a)).exp(), 0, arb(0))
        inner = Growth.of(argument)
        if inner.power <= 1 and inner.rate.is_zero():  # |argument| <= scale (1 + |z|)^power
            return Growth(inner.scale.exp(), 0, inner.scale if inner.power else arb(0))
        raise ValueError(
            f"exp({written(argument)}): no bound on its growth is known, so its Gaussian tail is not certified; use "
            f"exp of what grows no faster than |z|, or take the value at a given d"
        )


def check_gaussian(expr: sp.Expr) -> None:
    """Refuse what has no Gaussian expectation, also where an odd function's would seem to be zero by symmetry.

    Raises:
        ValueError: a term has a factor exp(q z**2 + ...) with q >= 1/2, or exp of a polynomial that grows faster.
    """
    found = _too_fast(expr)
    if found is not None and expr.is_Mul:  # a factor exp(-z**2) may have been waiting for a sum
        found = _too_fast(sp.expand_mul(expr))
    if found is not None:
        raise ValueError(
            f"{written(found)}: needs a coefficient of z**2 below 1/2, and no higher power, for a Gaussian "
            f"expectation; take the value at a given d"
        )


def _too_fast(expr: sp.Expr) -> sp.Expr | None:
    """A factor of a term that no Gaussian weight makes integrable."""
    pending = [expr]
    while pending:
        part = pending.pop()
        if part.is_Add or part.is_Mul or part.is_Pow:  # inside other functions, such as tanh, growth may end
            pending.extend(part.args)
        elif isinstance(part, sp.exp) and (polynomial := part.args[0].as_poly(Z)) is not None:
            degree, leading = polynomial.degree(), polynomial.LC()
            grows = degree % 2 == 1 or ball(leading) > 0
            if (degree == 2 and ball(2 * leading) >= 1) or (degree > 2 and grows):
                return part
    return None
