"""Derivatives of expressions in z, of bounded size, with jumps at kinks refused."""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from theory.activations.grammar import shown
from theory.balls.ball import ball, refine
from theory.balls.functions import Z
from theory.harmonics.work import Undecided, check_work, watched

MAX_ORDER = 64
MAX_DERIVED = 100_000
"""A bound of the nodes of a derivative before equal terms are collected, about ten times what is left of them."""
LONG = 2000
"""Nodes of a derivative from which on SymPy is watched while it differentiates: it may take seconds."""
_EXPANDED = 100
"""Nodes of a jump that is expanded to see whether it vanishes."""


@lru_cache(maxsize=512)
def derivative(expr: sp.Expr, order: int) -> sp.Expr:
    """The order-th derivative of an expression of the grammar of :mod:`theory.activations.grammar`.

    d|u|/dz = sign(u) u' and d sign(u)/dz = 0 hold away from the kink, which is a null set for every integral taken
    here; where the function itself jumps, its derivative is a distribution.

    Raises:
        ValueError: a distribution, or more than MAX_DERIVED nodes.
        WorkLimit: the work allowed is used up.
    """
    for _ in range(order):
        expr = _derived(expr)
    return expr


@lru_cache(maxsize=1024)
def _derived(before: sp.Expr) -> sp.Expr:
    """The first derivative."""
    check_work()
    size = _sizes(before, {})[1]
    if size > MAX_DERIVED:
        raise ValueError(
            f"it would have more than {MAX_DERIVED} symbols and operations; use an activation with fewer factors and "
            f"functions within functions"
        )
    derived = sp.diff(before, Z) if size <= LONG else watched(sp.diff, before, Z)
    if not derived.has(sp.DiracDelta):  # SymPy's derivative of sign; where nothing jumps, its factor is zero
        return derived
    _check_continuous(before)
    return derived.replace(sp.DiracDelta, lambda *_: sp.Integer(0))


def _sizes(expr: sp.Expr, known: dict[sp.Expr, tuple[int, int]]) -> tuple[int, int]:
    """Nodes of an expression and a bound of the nodes of its derivative, which is 0 for a constant."""
    if expr not in known:
        parts = [_sizes(part, known) for part in expr.args]
        nodes = 1 + sum(size for size, _ in parts)
        bounds = [bound for _, bound in parts if bound]
        if not bounds:
            known[expr] = (nodes, int(expr == Z))
        elif expr.is_Add:
            known[expr] = (nodes, 1 + sum(bounds))
        elif expr.is_Mul:
            known[expr] = (nodes, 1 + sum(nodes + bound for bound in bounds))
        else:  # the outer derivative is a few symbols around the argument, for every function of the grammar
            known[expr] = (nodes, 12 + 2 * nodes + sum(bounds))
    return known[expr]


def _check_continuous(expr: sp.Expr) -> None:
    """Refuse a jump: the limits from both sides of each kink must agree."""
    steps = {atom.args[0]: -atom.args[0].subs(Z, 0) / atom.args[0].diff(Z) for atom in expr.atoms(sp.sign, sp.Abs)}
    for kink in dict.fromkeys(steps[atom.args[0]] for atom in expr.atoms(sp.sign)):
        # Each sign and |.| just right and just left of this kink; those of other kinks have one sign there.
        sides: list[dict[sp.Expr, sp.Expr]] = [{}, {}]
        for argument, other in steps.items():
            where = _sign(argument.diff(Z) * (kink - other))
            slope = _sign(argument.diff(Z))
            for side, direction in zip(sides, (1, -1), strict=True):
                sign = where or slope * direction
                side[sp.sign(argument)] = sp.Integer(sign)
                side[sp.Abs(argument)] = sign * argument if where else sp.Integer(0)
        right, left = (expr.xreplace(side).xreplace({Z: kink}) for side in sides)
        if _sign(right - left):
            raise ValueError(
                "it is a distribution (a point mass at a kink), not a function; "
                "use a smooth activation such as softplus or gelu"
            )


def _sign(constant: sp.Expr) -> int:
    """-1, 0 or 1, proved by a ball or, for zero, by algebra.

    Raises:
        ValueError: neither decides.
    """
    if isinstance(constant, sp.Rational):
        return int(sp.sign(constant))
    try:
        return 1 if refine(lambda bits: ball(constant), 1, max_bits=512) > 0 else -1
    except Undecided:
        if _sizes(constant, {})[0] <= _EXPANDED and watched(sp.expand, constant) == 0:
            return 0
        raise ValueError(f"whether {shown(constant)} is zero at a kink is not decided; use simpler constants") from None
