"""SymPy expressions as activations: mapped on z and rewritten into the grammar of grammar.py, or refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import sympy as sp

from theory.activations.builder import Builder
from theory.activations.grammar import MAX_NODES, Refused, reason, shown
from theory.balls.functions import SMOOTH, Z

MAX_DEPTH = 100
"""Levels of a SymPy tree, so that reading it cannot exhaust the stack."""


def admitted(expr: object) -> sp.Expr:
    """The expression in z, in the grammar of :mod:`theory.activations.grammar`, that equals ``expr`` for every real z.

    Args:
        expr: SymPy expression with at most one free symbol, whatever its name and assumptions; a constant is z**0.

    Raises:
        ValueError: another object, several symbols, or a part that is not admitted, with the remedy.
    """
    if not isinstance(expr, sp.Expr):
        raise ValueError(
            f"expr of type {type(expr).__name__}: needs a SymPy expression in one symbol; "
            f"texts are read by Activation.parse, such as Activation.parse('tanh(z + 1)')"
        )
    try:
        return _admitted(expr)
    except RecursionError:
        raise ValueError(f"expr of type {type(expr).__name__}: nested too deeply; write a smaller expression") from None


@lru_cache(maxsize=1024, typed=True)
def _admitted(expr: sp.Expr) -> sp.Expr:
    symbol = one_symbol(expr)
    try:
        return _Rewriter(symbol)(expr)
    except Refused as refusal:
        raise ValueError(f"activation {shown(expr)}: {refusal}") from None


def one_symbol(expr: sp.Expr, kind: str = "activation", variable: sp.Symbol = Z) -> sp.Symbol:
    """The symbol of an expression that has at most one and is not too large; ``variable`` where it has none.

    Raises:
        ValueError: several symbols, one that is not a real variable, or more than MAX_NODES parts.
    """
    # A loop, because a deep tree would exhaust the stack of a recursion before it could be refused.
    symbols: dict[sp.Symbol, None] = {}
    stack, nodes = [(expr, 0)], 0
    while stack:
        node, depth = stack.pop()
        nodes += 1
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise ValueError(
                f"{kind} of more than {MAX_NODES} symbols and operations, or more than {MAX_DEPTH} levels: "
                f"write a smaller expression"
            )
        if isinstance(node, sp.Symbol):
            symbols[node] = None
        stack += [(part, depth + 1) for part in node.args if isinstance(part, sp.Basic)]
    if len(symbols) > 1:
        names = ", ".join(sorted(shown(symbol) for symbol in symbols))
        raise ValueError(f"{kind} {shown(expr)}: needs one symbol, it has {names}; write it in {variable} alone")
    symbol = next(iter(symbols), variable)
    if symbol.is_commutative is False or symbol.is_extended_real is False:
        raise ValueError(
            f"{kind} {shown(expr)}: its symbol is not a real variable; use sp.symbols('{variable}', real=True)"
        )
    return symbol


class _Rewriter:
    """From a SymPy tree to the grammar, from the leaves up; each distinct part once."""

    def __init__(self, symbol: sp.Symbol) -> None:
        self.build = Builder()
        self._known: dict[sp.Basic, sp.Expr] = {symbol: Z}

    def __call__(self, expr: sp.Basic) -> sp.Expr:
        known = self._known.get(expr)
        if known is None:
            known = self._known[expr] = self._rewritten(expr)
        return known

    def _rewritten(self, expr: sp.Basic) -> sp.Expr:
        if not expr.args:
            return self.build.checked(expr)
        kind = type(expr)
        if kind is sp.Mul:
            return self._product(expr)
        if kind is sp.Pow:
            return self._power(*expr.args)
        if kind not in _RULES:
            raise Refused(f"{shown(expr)} is not admitted: {reason(expr)}")
        return _RULES[kind](self.build, *map(self, expr.args))

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        """sech^{2n} is a polynomial in tanh; every other power by its parts."""
        even = isinstance(exponent, sp.Integer) and exponent % 2 == 0
        if even and type(base) is (sp.sech if exponent > 0 else sp.cosh):
            square = self.build.checked(1 - sp.tanh(self(base.args[0])) ** 2)
            return self.build.power(square, abs(exponent) / 2)
        return self.build.power(self(base), self(exponent))

    def _product(self, expr: sp.Expr) -> sp.Expr:
        """Divisions last, when all that stands above them is known."""
        above, below = [], []
        for factor in expr.args:
            hyperbolic = isinstance(factor, sp.Pow) and type(factor.args[0]) in (sp.sech, sp.cosh)
            if isinstance(factor, sp.Pow) and factor.args[1].is_Integer and factor.args[1] < 0 and not hyperbolic:
                below.append(factor.args)
            else:
                above.append(self(factor))
        result = self.build.multiply(*above)
        for base, exponent in below:
            result = self.build.quotient(result, self(base), -int(exponent))
        return result


def _heaviside(build: Builder, u: sp.Expr, at_zero: sp.Expr) -> sp.Expr:
    if at_zero != sp.Rational(1, 2):
        raise Refused("use Heaviside(u), which is 1/2 at u = 0")
    return build.checked((1 + build.signum(u)) / 2)


def _folded(operation: Callable[[Builder, sp.Expr, sp.Expr], sp.Expr]) -> Callable[..., sp.Expr]:
    def rule(build: Builder, *parts: sp.Expr) -> sp.Expr:
        result = parts[0]
        for part in parts[1:]:
            result = operation(build, result, part)
        return result

    return rule


_RULES: dict[type, Callable[..., sp.Expr]] = {
    sp.Add: Builder.add,
    sp.UnevaluatedExpr: lambda build, u: u,
    **{kind: lambda build, u, kind=kind: build.checked(kind(u)) for kind in SMOOTH},
    sp.sinh: lambda build, u: build.checked((sp.exp(u) - sp.exp(-u)) / 2),
    sp.cosh: lambda build, u: build.checked((sp.exp(u) + sp.exp(-u)) / 2),
    sp.erfc: lambda build, u: build.checked(1 - sp.erf(u)),
    sp.log: Builder.logarithm,
    sp.Abs: Builder.absolute,
    sp.sign: Builder.signum,
    sp.Max: _folded(Builder.maximum),
    sp.Min: _folded(Builder.minimum),
    sp.Heaviside: _heaviside,
}
