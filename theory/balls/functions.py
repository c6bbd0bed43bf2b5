"""The variable z, the functions of the catalogue, and the list of the true classes behind their names."""

from __future__ import annotations

import math
from typing import Any

import sympy as sp

Z = sp.Symbol("z", real=True)
"""The variable of every activation: the pre-activation <w, x>."""


def written(expr: sp.Basic) -> str:
    """An expression for a message: at most 200 characters, and its type where it has more digits than Python writes."""
    try:
        text = str(expr)
    except ValueError:  # an integer of more than 4300 digits
        return f"an expression of type {type(expr).__name__} with very long numbers"
    return text if len(text) <= 200 else f"{text[:197]}..."


EXPANDED = 16
"""Degree up to which a polynomial is expanded to see whether it is a quadratic one."""


def _degree(expr: sp.Expr) -> float:
    """A bound of the degree of a polynomial in z; infinite for anything else."""
    if not expr.has(Z):
        return 0
    if expr == Z:
        return 1
    if expr.is_Add or expr.is_Mul:
        parts = [_degree(part) for part in expr.args]
        return max(parts) if expr.is_Add else sum(parts)
    if expr.is_Pow and expr.args[1].is_Integer and expr.args[1] > 0:
        return _degree(expr.args[0]) * int(expr.args[1])
    return math.inf


def as_quadratic(expr: sp.Expr) -> sp.Poly | None:
    """The polynomial in z that ``expr`` is, of degree at most 2; None for any other, which is not expanded if long."""
    polynomial = expr.as_poly(Z) if _degree(expr) <= EXPANDED else None
    return polynomial if polynomial is not None and polynomial.degree() <= 2 else None


class softplus(sp.Function):  # noqa: N801 - printed and parsed under the field's name
    """log(1 + e^u), with softplus(-u) = softplus(u) - u applied so that parity can be read off."""

    @classmethod
    def eval(cls, u: sp.Expr) -> sp.Expr | None:
        """Canonical form, called by SymPy on construction."""
        if u.is_zero:
            return sp.log(2)
        if u.could_extract_minus_sign():
            return cls(-u) + u
        return None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The derivative, sigmoid."""
        return sigmoid(self.args[0])

    def _eval_is_extended_positive(self) -> bool | None:
        return True if self.args[0].is_extended_real else None

    def _eval_evalf(self, prec: int) -> Any:
        return sp.log(1 + sp.exp(self.args[0]))._eval_evalf(prec)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = rf"\operatorname{{softplus}}\left({printer._print(self.args[0])}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"


def sigmoid(u: sp.Expr) -> sp.Expr:
    """1/(1 + e^{-u}), written (1 + tanh(u/2))/2."""
    return (1 + sp.tanh(u / 2)) / 2


def gelu(u: sp.Expr) -> sp.Expr:
    """u Phi(u) with the Gaussian distribution function Phi (the exact form, not the tanh approximation)."""
    return u * (1 + sp.erf(u / sp.sqrt(2))) / 2


class powerlog(sp.Function):  # noqa: N801 - printed like other functions
    """x^n log x, n a positive integer, and 0 at x = 0: bounded where the logarithm alone is not."""

    nargs = (2,)


SMOOTH = frozenset({sp.sin, sp.cos, sp.exp, sp.erf, sp.tanh, softplus})
"""Functions that are analytic and real on the whole real line."""

KINKED = frozenset({sp.Abs, sp.sign})
"""Functions with a kink or a jump at zero; an activation has them of affine arguments only."""

GENUINE = (
    SMOOTH | KINKED | {sp.tan, sp.sinh, sp.cosh, sp.log, sp.gamma, sp.factorial, sp.acos, sp.asin, sp.atan, powerlog}
)
"""Classes that tables of functions may look up by name; ``sp.Function("tanh")`` bears a name and is another thing."""
