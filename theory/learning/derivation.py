r"""Derivations as data: numbered relations, each with its reason, checked step by step by SymPy.

A relation between quantities that depend on d (or m) holds to leading order as that variable grows; constants do not
contain it. ``Exponent(Q, d)`` is the exponent e of Q = Theta(d^e):

.. math:: \operatorname{Exponent}(Q, d) = \lim_{d \to \infty} \frac{d\,\partial_d Q}{Q}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sympy as sp
from sympy.core.function import AppliedUndef

from theory.balls.exact import ExactlyEqual

Kind = Literal["exact order", "upper bound", "sufficient", "necessary"]
Ground = Literal["definition", "elementary", "proved", "certified", "rate"]


@dataclass(frozen=True)
class Premise:
    """What a premise of a derivation rests on.

    Attributes:
        ground: "definition" - it names or chooses something; "elementary" - it holds for all numbers, functions or sets
            and needs nothing of this project; "proved" - the derivations of the equations ``by``; "certified" - the
            functions ``by`` of :mod:`theory` enclose or bound it; "rate" - the conclusions of the derivations ``by``.
        by: those names; empty for the first two alone.
        claims: ids of the claims that hold it against numbers. Where one of them FAILS, it is in doubt.

    Raises:
        ValueError: names where there must be none, or none where there must be some.
    """

    ground: Ground
    by: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.by) == (self.ground in ("definition", "elementary")):
            raise ValueError(f"premise {self.ground!r}, by={self.by!r}: names what proves it, and a definition nothing")

    def __str__(self) -> str:
        by = f" by {', '.join(self.by)}" if self.by else ""
        claims = f"; measured by {', '.join(self.claims)}" if self.claims else ""
        return f"{self.ground}{by}{claims}"


DEFINED, ELEMENTARY = Premise("definition"), Premise("elementary")


class Exponent(sp.Function):
    """The exponent of the second argument in the first; evaluated only while a derivation is checked."""

    nargs = 2

    def value(self) -> sp.Expr:
        """The limit above, or the expression itself where the quantity does not show the variable.

        Other symbols in the quantity count as constants.

        Raises:
            ValueError: the quantity is zero.

        >>> d, c = sp.symbols("d c", positive=True)
        >>> Exponent(c * d**2 / (d + 1), d).value()
        1
        """
        quantity, variable = self.args
        if not quantity.has(variable):
            return self
        if sp.simplify(quantity) == 0:
            raise ValueError(f"{quantity} = 0: needs a quantity that is not zero; zero has no exponent in {variable}")
        return sp.limit(sp.simplify(variable * sp.diff(quantity, variable) / quantity), variable, sp.oo)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = rf"\operatorname{{ord}}_{{{printer._print(self.args[1])}}}\left({printer._print(self.args[0])}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"


@dataclass(frozen=True)
class Step:
    """One relation of a derivation.

    Attributes:
        relation: a SymPy ``Eq``, ``Le`` or ``Ge``. An equation whose left side is a function of symbols, such as
            q(j), holds for every value of those symbols.
        reason: why it holds.
        uses: the numbers (from 1) of the earlier steps it follows from; empty for a premise.
        premise: what a premise rests on; None for a step that follows from others.
    """

    relation: sp.Rel
    reason: str
    uses: tuple[int, ...] = ()
    premise: Premise | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.relation, sp.Eq | sp.Le | sp.Ge):
            raise ValueError(f"relation={self.relation!r}: needs an Eq, Le or Ge that SymPy leaves unevaluated")
        if self.uses and self.premise is not None:
            raise ValueError(f"{self.relation}: follows from {self.uses}, so it rests on no premise of its own")


@dataclass(frozen=True, eq=False)
class Derivation(ExactlyEqual):
    """An exponent with the steps that lead to it.

    Attributes:
        name: its key in :data:`theory.learning.rates.RATES`.
        statement: what is claimed, text with LaTeX between dollar signs.
        kind: whether the exponent is an exact order, an upper bound, a number of samples (or size) that suffices, or
            one that is necessary.
        source: "[abstract]" or "derived: docs/mathematics, section N".
        symbols: each symbol of the steps with its meaning.
        steps: numbered from 1; the last one is the conclusion, Exponent(Q, d) = exponent.
    """

    name: str
    statement: str
    kind: Kind
    source: str
    symbols: Mapping[str, str]
    steps: tuple[Step, ...]

    @property
    def conclusion(self) -> sp.Eq:
        """The last relation; ValueError where there is no step."""
        if not self.steps:
            raise ValueError(f"{self.name}: has no steps; needs a last one Exponent(Q, d) = exponent")
        return self.steps[-1].relation

    @property
    def exponent(self) -> sp.Expr:
        """The right side of the conclusion."""
        return self.conclusion.rhs

    @property
    def premises(self) -> dict[int, Premise | None]:
        """What each premise rests on, by the number of its step; None where nothing is named."""
        return {number: step.premise for number, step in enumerate(self.steps, 1) if not step.uses}

    def check(self) -> None:
        """Verify that every step which is not a premise follows from the steps it names.

        Raises:
            ValueError: naming the first step that does not follow, that uses a later one, or a last step that is
                no conclusion about an exponent.

        Cost: up to about a second of SymPy.
        """
        for number, step in enumerate(self.steps, 1):
            if any(not 1 <= used < number for used in step.uses):
                raise ValueError(f"{self.name}, step {number}: uses {step.uses}, needs numbers of earlier steps")
            if step.uses and not follows(step.relation, [self.steps[used - 1].relation for used in step.uses]):
                raise ValueError(
                    f"{self.name}, step {number}: {step.relation} does not follow from "
                    + " and ".join(f"({used}) {self.steps[used - 1].relation}" for used in step.uses)
                )
        conclusion = self.conclusion
        derived = self.steps[-1].uses and isinstance(conclusion, sp.Eq)
        if not derived or not isinstance(conclusion.lhs, Exponent):
            raise ValueError(f"{self.name}, step {len(self.steps)}: needs a derived equation Exponent(Q, d) = exponent")

    def __str__(self) -> str:
        lines = [f"{self.name} ({self.kind}): {self.statement}", f"Source: {self.source}."]
        lines += [f"  {symbol}: {meaning}" for symbol, meaning in self.symbols.items()]
        for number, step in enumerate(self.steps, 1):
            resting = f"premise: {step.premise}" if step.premise else "premise"
            origin = f"from {', '.join(map(str, step.uses))}" if step.uses else resting
            relation = step.relation
            sign = {"==": "=", "<=": "<=", ">=": ">="}[relation.rel_op]
            lines.append(f"{number}. {relation.lhs} {sign} {relation.rhs}   [{origin}] {step.reason}")
        return "\n".join(lines)

    @property
    def latex(self) -> str:
        """The numbered relations as a LaTeX ``aligned`` block, without the reasons."""
        rows = []
        for number, step in enumerate(self.steps, 1):
            origin = (
                rf"\text{{from }} {', '.join(f'({used})' for used in step.uses)}" if step.uses else r"\text{premise}"
            )
            rows.append(rf"({number})&\quad {sp.latex(step.relation)} &&{origin}")
        return r"\begin{aligned}" + "\\\\\n".join(rows) + r"\end{aligned}"


def follows(relation: sp.Rel, facts: Iterable[sp.Rel]) -> bool:
    """Whether ``relation`` follows from ``facts`` by substitution, simplification, limits and scaled inequalities.

    Equations among the facts are substituted, left side by right side. An inequality a <= b then follows when b - a
    simplifies to something SymPy proves non-negative, or from a fact a' <= b' when f = a/a' is proved positive and
    b - f b' non-negative. Or b - a is a multiple, proved non-negative, of what the inequalities among the facts leave
    together, the sum of all b' - a'. False means not proved.

    >>> x, y, z = sp.symbols("x y z", positive=True)
    >>> follows(sp.Eq(x, z**2), [sp.Eq(x, y**2), sp.Eq(y, z)]), follows(sp.Eq(x, z**3), [sp.Eq(x, y**2), sp.Eq(y, z)])
    (True, False)
    >>> follows(sp.Le(x, z + 1), [sp.Le(x, y), sp.Le(y, z + 1)]), follows(sp.Le(x, z), [sp.Le(x, y), sp.Le(y, z + 1)])
    (True, False)
    """
    # Deliberately weak: what it does not see counts as not proved, and the derivation needs another step.
    known = list(facts)
    rules = [(fact.lhs, fact.rhs) for fact in known if isinstance(fact, sp.Eq)]
    if isinstance(relation, sp.Eq):
        left, right = (_evaluated(_substituted(side, rules)) for side in (relation.lhs, relation.rhs))
        return sp.simplify(left - right) == 0
    small, large = (_evaluated(_substituted(side, rules)) for side in (relation.lts, relation.gts))
    if sp.simplify(large - small).is_nonnegative:
        return True
    bounds = [
        tuple(_evaluated(_substituted(side, rules)) for side in (fact.lts, fact.gts))
        for fact in known
        if not isinstance(fact, sp.Eq)
    ]
    for below, above in bounds:
        factor = sp.simplify(small / below)
        if factor.is_positive and sp.simplify(large - factor * above).is_nonnegative:
            return True
    left_over = sp.simplify(sum(above - below for below, above in bounds))
    return left_over != 0 and bool(sp.simplify((large - small) / left_over).is_nonnegative)


def _substituted(expr: sp.Expr, rules: list[tuple[sp.Expr, sp.Expr]]) -> sp.Expr:
    # Each pass can bring in the left sides of other rules; a longer chain than there are rules is a circle.
    for _ in range(len(rules) + 1):
        before = expr
        for left, right in rules:
            if isinstance(left, AppliedUndef) and all(argument.is_Symbol for argument in left.args):
                expr = expr.replace(left.func, sp.Lambda(left.args, right))
            else:
                expr = expr.xreplace({left: right})
        if expr == before:
            break
    return expr


def _evaluated(expr: sp.Expr) -> sp.Expr:
    expr = expr.replace(lambda e: isinstance(e, Exponent), lambda e: e.value())
    return expr.replace(
        lambda e: isinstance(e, sp.Limit), lambda e: sp.limit(sp.simplify(sp.expand(e.args[0])), *e.args[1:3])
    )
