"""Activations: a SymPy expression in one real variable z, with its derivatives, and a safe parser.

The grammar admits only expressions that are finite for every real z, so a parsed activation needs no further
check of its domain: sums, products and non-negative integer powers of z, numbers and pi, under
sin, cos, exp, erf, tanh, sigmoid, softplus, gelu, relu. Division is by constants only.

Kinks are written with Abs and sign (relu(u) = (u + |u|)/2), whose argument must be affine in z: then the kink is
one known point, integrals split there exactly, and even and odd parts simplify by themselves.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import ctx

from theory.balls import ball, compare
from theory.precision import exclusive

Z = sp.Symbol("z", real=True)
"""The variable of every activation: the pre-activation <w, x>."""

MAX_TEXT = 400
MAX_POWER = 64
MAX_CONSTANT = 1e12
"""Every constant in an activation's text lies between 1/MAX_CONSTANT and MAX_CONSTANT in size, or is zero."""
MAX_NODES = 1000
"""Size of the expression tree: nested gelu doubles it at each level."""


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

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = rf"\operatorname{{softplus}}\left({printer._print(self.args[0])}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"


def sigmoid(u: sp.Expr) -> sp.Expr:
    """1/(1 + e^{-u}), written (1 + tanh(u/2))/2."""
    return (1 + sp.tanh(u / 2)) / 2


def gelu(u: sp.Expr) -> sp.Expr:
    """u Phi(u) with the Gaussian distribution function Phi (the exact form, not the tanh approximation)."""
    return u * (1 + sp.erf(u / sp.sqrt(2))) / 2


def relu(u: sp.Expr) -> sp.Expr:
    """max(u, 0), written (u + |u|)/2; ``u`` must be affine in z."""
    if u.diff(Z).has(Z) or u.has(sp.Abs, sp.sign):
        raise ValueError(f"relu({u}): needs an argument affine in z, such as relu(2*z + 1)")
    return (u + sp.Abs(u)) / 2


CATALOGUE: dict[str, Any] = {
    "sin": sp.sin,
    "cos": sp.cos,
    "exp": sp.exp,
    "erf": sp.erf,
    "tanh": sp.tanh,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "gelu": gelu,
    "relu": relu,
}
"""The functions that an activation's text may use, by name."""

_CONSTANTS = {"pi": sp.pi}


@dataclass(frozen=True)
class Activation:
    """An activation sigma(z): finite, real and (away from kinks) analytic on the whole real line.

    Attributes:
        expr: SymPy expression in :data:`theory.activations.Z`.
        text: how it was written, for printing; two activations are equal when their expressions are.

    >>> sigma = Activation.parse("tanh(z + 1)")
    >>> sigma.derivative(1)
    1 - tanh(z + 1)**2
    """

    expr: sp.Expr
    text: str = field(default="", compare=False)

    @staticmethod
    def parse(text: str) -> Activation:
        """Read an expression in z by a whitelist over Python's syntax tree; nothing is evaluated.

        Numbers are exact: ``0.1`` is the rational 1/10.

        Raises:
            ValueError: naming the offending token and what may stand there.

        >>> Activation.parse("sin(z + pi/4)").expr
        sin(z + pi/4)
        """
        return Activation(_parse(text), text.strip())

    def derivative(self, order: int = 1) -> sp.Expr:
        """The order-th derivative as a SymPy expression in z.

        Raises:
            ValueError: the derivative is a distribution (a second derivative at a kink), with the reason.
        """
        return _derivative(self.expr, order, str(self))

    @property
    def latex(self) -> str:
        """The expression in LaTeX."""
        return str(sp.latex(self.expr))

    def __str__(self) -> str:
        return self.text or str(self.expr)


@lru_cache(maxsize=512)
def _derivative(expr: sp.Expr, order: int, name: str) -> sp.Expr:
    if order < 0:
        raise ValueError(f"order={order}: needs a derivative of order >= 0")
    if order == 0:
        return expr
    # d|u|/dz = sign(u) u' holds away from the kink, which is a null set for every integral taken here.
    derived = sp.diff(_derivative(expr, order - 1, name), Z)
    return _without_point_masses(derived, name, order) if derived.has(sp.DiracDelta) else derived


def _without_point_masses(derived: sp.Expr, name: str, order: int) -> sp.Expr:
    """Drop h(z) delta(a z + b) where h vanishes at the kink, as in relu(z)**2; refuse any other point mass."""
    expanded = sp.expand(derived)
    kept = expanded
    for mass in expanded.atoms(sp.DiracDelta):
        weight = expanded.coeff(mass, 1)
        kink = -mass.args[0].subs(Z, 0) / mass.args[0].diff(Z)
        if not sp.simplify(weight.subs(Z, kink)).is_zero:
            raise ValueError(
                f"derivative {order} of {name} is a distribution (a point mass at a kink), not a function; "
                f"use a smooth activation such as softplus or gelu"
            )
        kept -= sp.expand(weight * mass)
    return kept


def _parse(text: str) -> sp.Expr:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"activation {text!r}: needs an expression in z, such as 'tanh(z + 1)'")
    if len(text) > MAX_TEXT:
        raise ValueError(f"activation of {len(text)} characters: needs at most {MAX_TEXT}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        token = getattr(error, "text", None) and getattr(error, "offset", None)
        where = f" near {text.strip()[max(token - 1, 0) :][:12]!r}" if token else ""
        raise ValueError(
            f"activation {text!r}: not an expression{where}; write it in z, such as 'tanh(z + 1)'"
        ) from None
    try:
        expr = _Reader(text.strip()).read(tree)
    except RecursionError:
        raise ValueError(f"activation {text!r}: nested too deeply") from None
    if not expr.has(Z):
        raise ValueError(f"activation {text!r}: does not depend on z; write an expression in z")
    return expr


class _Reader:
    """Syntax tree -> SymPy, one method per admitted node; anything else is refused by name."""

    def __init__(self, text: str) -> None:
        self.text = text

    def refuse(self, node: ast.AST, requirement: str) -> ValueError:
        token = ast.get_source_segment(self.text, node) or type(node).__name__
        return ValueError(f"activation {self.text!r}: {token!r} is not admitted; {requirement}")

    def read(self, node: ast.expr) -> sp.Expr:
        """The node's expression, refused when it has grown out of bounds."""
        expr = self.admitted(node)
        if sum(1 for _, _ in zip(sp.preorder_traversal(expr), range(MAX_NODES + 1), strict=False)) > MAX_NODES:
            raise self.refuse(node, f"write an expression of at most {MAX_NODES} symbols and operations")
        return expr if expr.has(Z) else self.bounded(node, expr)

    def bounded(self, node: ast.expr, constant: sp.Expr) -> sp.Expr:
        """A constant that is zero or of admitted size; so nothing built from it can blow up."""
        if constant.is_zero:
            return constant
        with exclusive, ctx.workprec(200):
            size = abs(ball(constant))
        if not (size >= 1 / MAX_CONSTANT and size <= MAX_CONSTANT):
            raise self.refuse(node, f"use constants of size {1 / MAX_CONSTANT:g} to {MAX_CONSTANT:g}")
        return constant

    def admitted(self, node: ast.expr) -> sp.Expr:
        """The node's expression by its kind."""
        match node:
            case ast.Constant():
                return self.number(node)
            case ast.Name():
                return self.name(node)
            case ast.UnaryOp(op=ast.USub()):
                return -self.read(node.operand)
            case ast.UnaryOp(op=ast.UAdd()):
                return self.read(node.operand)
            case ast.BinOp():
                return self.binary(node)
            case ast.Call():
                return self.call(node)
        raise self.refuse(node, "use numbers, z, pi, + - * / ** and " + ", ".join(CATALOGUE))

    def number(self, node: ast.Constant) -> sp.Expr:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise self.refuse(node, "use real numbers such as 2 or 0.5")
        token = (ast.get_source_segment(self.text, node) or "").replace("_", "")
        if not any(digit in token.lower().split("e")[0] for digit in "123456789"):
            return sp.Integer(0)
        if not 1 / MAX_CONSTANT <= abs(node.value) <= MAX_CONSTANT:
            raise self.refuse(node, f"use finite numbers of size {1 / MAX_CONSTANT:g} to {MAX_CONSTANT:g}")
        return sp.Integer(node.value) if isinstance(node.value, int) else sp.Rational(token)

    def name(self, node: ast.Name) -> sp.Expr:
        if node.id == "z":
            return Z
        if node.id in _CONSTANTS:
            return _CONSTANTS[node.id]
        known = "write it as a function, such as tanh(z)" if node.id in CATALOGUE else "use z or pi"
        raise self.refuse(node, known)

    def binary(self, node: ast.BinOp) -> sp.Expr:
        if isinstance(node.op, ast.BitXor):
            raise self.refuse(node, "write powers with **")
        if not isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.Pow):
            raise self.refuse(node, "use + - * / **")
        left, right = self.read(node.left), self.read(node.right)
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                if right.has(Z):
                    raise self.refuse(node, "divide by non-zero constants only (1/(1 + exp(-z)) is sigmoid(z))")
                if right.is_zero:  # any other constant here is bounded away from zero
                    raise self.refuse(node, "divide by a constant that is not zero")
                return left / right
        root = right == sp.Rational(1, 2) and not left.has(Z) and compare(left, sp.Integer(0)) > 0
        if not root and not (right.is_Integer and 0 <= right <= MAX_POWER):
            raise self.refuse(node, f"use integer exponents 0 to {MAX_POWER}")
        return left**right

    def call(self, node: ast.Call) -> sp.Expr:
        if not isinstance(node.func, ast.Name) or node.func.id not in CATALOGUE:
            raise self.refuse(node.func, "use " + ", ".join(CATALOGUE))
        if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
            raise self.refuse(node, "give each function exactly one argument")
        return CATALOGUE[node.func.id](self.read(node.args[0]))
