"""One formula, many number types: a SymPy expression as a straight-line program.

The same program runs over complex balls (certified integrals), real balls (certified bounds) and torch tensors
(the networks). Only the leaves and the named functions differ, so a formula is stated once and executed everywhere.
Common subexpressions are evaluated once per call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp

from theory.balls.functions import GENUINE


def power(base: Any, exponent: int) -> Any:
    """base^exponent by multiplication: in python-flint 0.9 the operator gives nan for a ball around exactly zero."""
    if exponent < 0:
        return 1 / power(base, -exponent)
    if exponent <= 1:
        return base if exponent else base**0
    half = power(base, exponent // 2)
    return half * half * base if exponent % 2 else half * half


class Program:
    """Straight-line program of one or several expressions in one variable.

    Args:
        expressions: SymPy expressions with ``variable`` as their only free symbol, built from +, *, integer powers,
            half-integer powers (by the function "sqrt") and functions named in the table given to :meth:`__call__`.
        variable: the free symbol.
        constant: maps a constant subexpression to the number type of the run (a ball, a float).

    Raises:
        TypeError: another power of the variable, another free symbol, or a function that only bears a known name.
    """

    def __init__(
        self,
        expressions: Sequence[sp.Expr],
        variable: sp.Symbol,
        constant: Callable[[sp.Expr], Any],
    ) -> None:
        self._variable = variable
        self._constant = constant
        self._steps: list[tuple[str, Any, tuple[int, ...]]] = []
        self._index: dict[sp.Expr, int] = {}
        self._outputs = tuple(self._compile(sp.sympify(e)) for e in expressions)

    def _emit(self, expr: sp.Expr, operation: str, payload: Any, arguments: tuple[int, ...]) -> int:
        self._steps.append((operation, payload, arguments))
        self._index[expr] = len(self._steps) - 1
        return self._index[expr]

    def _compile(self, expr: sp.Expr) -> int:
        """The number of the step that holds the value of ``expr``, with the steps it needs put before it."""
        if expr in self._index:  # a common subexpression
            return self._index[expr]
        if expr == self._variable:
            return self._emit(expr, "variable", None, ())
        if not expr.free_symbols:
            return self._emit(expr, "constant", self._constant(expr), ())
        if expr.is_Symbol:
            raise TypeError(f"{expr}: free symbol other than {self._variable}")
        if expr.is_Pow:
            base, exponent = expr.args
            if exponent.is_Rational and exponent.q == 2:
                root = sp.sqrt(base)
                if root != expr:
                    return self._emit(expr, "power", int(exponent.p), (self._compile(root),))
                return self._emit(expr, "call", "sqrt", (self._compile(base),))
            if not exponent.is_Integer:
                raise TypeError(f"{expr}: needs an integer exponent, or one half of it")
            return self._emit(expr, "power", int(exponent), (self._compile(base),))
        arguments = tuple(self._compile(a) for a in expr.args)
        if expr.is_Add or expr.is_Mul:
            return self._emit(expr, "add" if expr.is_Add else "multiply", None, arguments)
        if type(expr) not in GENUINE:
            raise TypeError(f"{expr}: no certified evaluation of {type(expr).__name__}")
        return self._emit(expr, "call", type(expr).__name__, arguments)

    def __call__(self, x: Any, functions: Mapping[str, Callable[..., Any]]) -> tuple[Any, ...]:
        """Values of the expressions at ``x``, with the named functions taken from ``functions``.

        Raises:
            TypeError: a function that the table does not name.
        """
        values: list[Any] = []
        for operation, payload, arguments in self._steps:
            match operation:
                case "variable":
                    value = x
                case "constant":
                    value = payload
                case "power":
                    value = power(values[arguments[0]], payload)
                case "call":
                    if payload not in functions:
                        raise TypeError(f"{payload}: not available here; known are {', '.join(functions)}")
                    value = functions[payload](*(values[i] for i in arguments))
                case _:
                    value = values[arguments[0]]
                    for argument in arguments[1:]:
                        value = value + values[argument] if operation == "add" else value * values[argument]
            values.append(value)
        return tuple(values[i] for i in self._outputs)
