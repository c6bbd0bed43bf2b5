"""Texts as activations, or as kernels: a whitelist over Python's syntax tree; nothing is evaluated."""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

import sympy as sp

from theory.activations.builder import Builder
from theory.activations.grammar import Refused
from theory.balls.functions import Z, gelu, sigmoid, softplus

MAX_TEXT = 400
MAX_POWER = 64
MAX_CONSTANT = 1e12
"""Every constant that is written in an activation's text lies between 1/MAX_CONSTANT and MAX_CONSTANT, or is zero."""


_USUAL_SLOPE = sp.Rational(1, 100)


def _relu(build: Builder, u: sp.Expr) -> sp.Expr:
    """max(u, 0), written (u + |u|)/2; ``u`` must be affine in z."""
    return build.checked((u + build.kink(u)) / 2)


def _leaky_relu(build: Builder, u: sp.Expr, slope: sp.Expr = _USUAL_SLOPE) -> sp.Expr:
    """u for u > 0, slope * u elsewhere."""
    return build.checked(((1 + _constant(build, slope)) * u + (1 - slope) * build.kink(u)) / 2)


def _elu(build: Builder, u: sp.Expr, scale: sp.Expr = sp.S.One) -> sp.Expr:
    """u for u > 0, scale * (e^u - 1) elsewhere, that is relu(u) + scale * (e^{min(u, 0)} - 1)."""
    kink = build.kink(u)
    below = build.checked(sp.exp((u - kink) / 2) - 1)
    return build.checked((u + kink) / 2 + _constant(build, scale) * below)


def _clip(build: Builder, u: sp.Expr, low: sp.Expr, high: sp.Expr) -> sp.Expr:
    return build.maximum(low, build.minimum(u, high))


def _constant(build: Builder, value: sp.Expr) -> sp.Expr:
    if not build.is_constant(value):
        raise Refused("give a constant as its second argument")
    return value


def _simple(function: Callable[[sp.Expr], sp.Expr]) -> Callable[[Builder, sp.Expr], sp.Expr]:
    return lambda build, u: build.checked(function(u))


CATALOGUE: dict[str, Callable[..., sp.Expr]] = {
    "sin": _simple(sp.sin),
    "cos": _simple(sp.cos),
    "exp": _simple(sp.exp),
    "erf": _simple(sp.erf),
    "tanh": _simple(sp.tanh),
    "sigmoid": _simple(sigmoid),
    "softplus": _simple(softplus),
    "gelu": _simple(gelu),
    "relu": _relu,
}
"""The functions that an activation's text may use, by name."""

ALIASES: dict[str, Callable[..., sp.Expr]] = {
    "logistic": _simple(sigmoid),
    "silu": _simple(lambda u: u * sigmoid(u)),
    "swish": _simple(lambda u: u * sigmoid(u)),
    "mish": _simple(lambda u: u * sp.tanh(softplus(u))),
    "erfc": _simple(lambda u: 1 - sp.erf(u)),
    "sinh": _simple(lambda u: (sp.exp(u) - sp.exp(-u)) / 2),
    "cosh": _simple(lambda u: (sp.exp(u) + sp.exp(-u)) / 2),
    "sqrt": lambda build, u: build.power(u, sp.Rational(1, 2)),
    "log": Builder.logarithm,
    "abs": Builder.absolute,
    "sign": Builder.signum,
    "heaviside": lambda build, u: build.checked((1 + build.signum(u)) / 2),
    "relu6": lambda build, u: _clip(build, u, sp.Integer(0), sp.Integer(6)),
    "hardtanh": lambda build, u: _clip(build, u, sp.Integer(-1), sp.Integer(1)),
    "elu": _elu,
    "leakyrelu": _leaky_relu,
    "max": Builder.maximum,
    "min": Builder.minimum,
}
"""Further names that people use, in lower case without underscores, each rewritten exactly."""

_ARGUMENTS = {"max": (2, 2), "min": (2, 2), "elu": (1, 2), "leakyrelu": (1, 2)}
_NAMES = {**CATALOGUE, **ALIASES}
_CONSTANTS = {"pi": sp.pi, "E": sp.E}
_NOT_CARRIED = {
    "softsign": "z/(1 + |z|) has no certified evaluation; use erf or tanh",
    "selu": "write 1.0507*elu(z, 1.6733)",
    "tan": "it has poles; use tanh",
    "floor": "it jumps; use sign",
    "round": "it jumps; use sign",
    "arctan": "it has no certified evaluation; use erf or tanh",
    "atan": "it has no certified evaluation; use erf or tanh",
}
"""What people write and the grammar does not carry, with the reason and what to use."""


@dataclass(frozen=True, eq=False)
class Language:
    """What texts of a kind may say.

    Attributes:
        kind: what a text is called in messages.
        variable: the symbol it is written in.
        example: a text of the kind.
        functions: by name, in lower case without underscores, with :class:`Builder` and arguments.
        listed: the names that a message lists.
        remedies: what people write and the language does not carry, with the reason and what to use.
        builder: measures every result.
    """

    kind: str
    variable: sp.Symbol
    example: str
    functions: Mapping[str, Callable[..., sp.Expr]]
    listed: tuple[str, ...]
    remedies: Mapping[str, str]
    builder: Callable[[], Builder]


ACTIVATIONS = Language(
    "activation", Z, "tanh(z + 1)", _NAMES, tuple(CATALOGUE), _NOT_CARRIED, lambda: Builder(MAX_POWER)
)

_FOREIGN = re.compile(r"[^ -~]|[#$\\]")
# Also after a decimal point or an imaginary number: of 0.inf and 1jif Python warns, since in and if are keywords.
_GLUED = re.compile(r"\d\.?[A-DF-Za-df-ik-z]|\d\.?[eE](?![-+0-9])|\d\.?j\w")
_DECIMAL = re.compile(r"(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def clean(text: object, language: Language = ACTIVATIONS) -> str:
    """The text on one line, proved to be plain: what is stored and printed.

    Raises:
        ValueError: not a text, empty, too long, or with a character that no activation has.
    """
    kind = language.kind
    if not isinstance(text, str):
        raise ValueError(f"{kind} of type {type(text).__name__}: needs a text, such as '{language.example}'")
    line = re.sub(r"[ \t\r\n]+", " ", str(text)).strip(" ")
    if not line:
        raise ValueError(
            f"{kind} {text[:20]!a}: needs an expression in {language.variable}, such as '{language.example}'"
        )
    if len(line) > MAX_TEXT:
        raise ValueError(f"{kind} of {len(line)} characters: needs at most {MAX_TEXT}")
    if foreign := _FOREIGN.search(line):
        raise ValueError(
            f"{kind} {line!a}: the character {foreign[0]!a} is not admitted; "
            f"write plain ASCII, such as '{language.example}', without comments"
        )
    return line


_PARSING = threading.Lock()
"""CPython 3.11 counts the depth of a syntax tree under construction for all threads together: where a collection of
garbage lets another thread in, two trees at a time end in a SystemError."""


@lru_cache(maxsize=4096)
def read(line: str, language: Language = ACTIVATIONS) -> sp.Expr:
    """The expression of a text that :func:`clean` has passed. Numbers are exact: ``0.1`` is the rational 1/10.

    Raises:
        ValueError: naming the offending token and what may stand there.
    """
    kind, variable = language.kind, language.variable
    # Names may hold digits (log1p), so they are masked first, letter by letter to keep the positions.
    if glued := _GLUED.search(re.sub(r"(?<![\w.])[A-Za-z_]\w*", lambda name: "n" * len(name[0]), line)):
        raise ValueError(
            f"{kind} {line!r}: not an expression near {line[glued.start() :][:12]!r}; write products with *"
        )
    try:
        with _PARSING:
            tree = ast.parse(line, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        token = getattr(error, "text", None) and getattr(error, "offset", None)
        where = f" near {line[max(token - 1, 0) :][:12]!r}" if token else ""
        raise ValueError(
            f"{kind} {line!r}: not an expression{where}; write it in {variable}, such as '{language.example}'"
        ) from None
    try:
        expr = _Reader(line, language).read(tree)
    except RecursionError:
        raise ValueError(f"{kind} {line!r}: nested too deeply; write a smaller expression") from None
    if not expr.has(variable):
        raise ValueError(f"{kind} {line!r}: does not depend on {variable}; write an expression in {variable}")
    return expr


class _Reader:
    """Syntax tree -> SymPy, one method per admitted node; anything else is refused by name."""

    def __init__(self, text: str, language: Language) -> None:
        self.text = text
        self.language = language
        self.build = language.builder()

    def refuse(self, node: ast.AST, requirement: str) -> ValueError:
        token = ast.get_source_segment(self.text, node) or type(node).__name__
        return ValueError(f"{self.language.kind} {self.text!r}: {token!r} is not admitted; {requirement}")

    def read(self, node: ast.expr) -> sp.Expr:
        """The node's expression, refused when it has grown out of bounds."""
        try:
            expr = self.admitted(node)
            if self.build.is_constant(expr):
                self.bounded(expr)
        except Refused as refusal:
            raise self.refuse(node, str(refusal)) from None
        return expr

    def bounded(self, constant: sp.Expr) -> None:
        """A constant must be zero or of admitted size; so nothing built from it can blow up."""
        if constant == 0:
            return
        size = abs(constant if isinstance(constant, sp.Rational) else self.build.value(constant))
        if not (size * int(MAX_CONSTANT) >= 1 and size <= int(MAX_CONSTANT)):
            raise Refused(f"use constants of size {1 / MAX_CONSTANT:g} to {MAX_CONSTANT:g}")

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
        known = ", ".join(self.language.listed)
        raise self.refuse(node, f"use numbers, {self.language.variable}, pi, + - * / ** and {known}")

    def number(self, node: ast.Constant) -> sp.Expr:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise self.refuse(node, "use real numbers such as 2 or 0.5")
        token = (ast.get_source_segment(self.text, node) or "").replace("_", "")
        if not _DECIMAL.fullmatch(token):
            raise self.refuse(node, "use real numbers such as 2 or 0.5, in decimals")
        # Zero is told by its digits: Python reads 1e-400 as 0.0.
        if not any(digit in token.lower().split("e")[0] for digit in "123456789"):
            return sp.Integer(0)
        if not 1 / MAX_CONSTANT <= abs(node.value) <= MAX_CONSTANT:
            raise self.refuse(node, f"use finite numbers of size {1 / MAX_CONSTANT:g} to {MAX_CONSTANT:g}")
        return sp.Integer(node.value) if isinstance(node.value, int) else sp.Rational(token)

    def name(self, node: ast.Name) -> sp.Expr:
        variable = self.language.variable
        if node.id == variable.name:
            return variable
        if node.id in _CONSTANTS:
            return _CONSTANTS[node.id]
        if _folded(node.id) in self.language.functions:
            raise self.refuse(node, f"write it as a function, such as tanh({variable})")
        remedy = f"write the expression in {variable}"
        if len(node.id) > 1:
            remedy = self.meant(node.id) or f"use {variable} or pi"
        raise self.refuse(node, remedy)

    def meant(self, name: str) -> str:
        """A hint for a name that is not admitted; empty where none is near."""
        folded = _folded(name)
        if folded in self.language.remedies:
            return self.language.remedies[folded]
        near = get_close_matches(folded, self.language.functions, n=1, cutoff=0.6)
        return f"did you mean {near[0]}?" if near else ""

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
                return self.build.quotient(left, right)
        return self.build.power(left, right)

    def call(self, node: ast.Call) -> sp.Expr:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        folded = _folded(name)
        if folded not in self.language.functions:
            known = "use " + ", ".join(self.language.listed) if name else "write products with * and functions by name"
            raise self.refuse(node.func, self.meant(name) or known)
        least, most = _ARGUMENTS.get(folded, (1, 1))
        plain = not node.keywords and not any(isinstance(argument, ast.Starred) for argument in node.args)
        if not (plain and least <= len(node.args) <= most):
            counts = {(1, 1): "exactly one argument", (2, 2): "exactly two arguments", (1, 2): "one or two arguments"}
            raise self.refuse(node, f"give {folded} {counts[least, most]}, by position")
        return self.language.functions[folded](self.build, *(self.read(argument) for argument in node.args))


def _folded(name: str) -> str:
    """ReLU, Leaky_ReLU and relu are names that differ in case and underscores only; __import__ stays what it is."""
    return name.lower().replace("_", "") if not name.startswith("_") else name
