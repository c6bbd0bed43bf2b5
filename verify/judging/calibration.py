"""Error rates of the decision rules: how often a true claim comes out FAILS, and a false one does not.

Every rule is fed simulated measurements of a known truth, judged as in a run of all claims: FAILS needs a p value that
survives the strictest step of Holm's correction and Bonferroni's over the comparisons of the claim.

- *false FAILS*: the truth lies on the edge of the margin, the admitted truth that is hardest to tell from a false one.
- *missed FAILS*: the truth is displaced by the rule's stated alternative.
- *HOLDS*: the truth is the prediction itself; the share of verdicts that are HOLDS is the rule's power to confirm.

A share of simulated runs is itself a matter of chance, so each rate is judged by its Clopper-Pearson interval: a rule
errs too often when the whole interval lies above what is allowed, it is fine when none of it does, and otherwise there
were too few runs to tell. The intervals hold at once for all rates of a table with probability :data:`CERTAINTY`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.judging.claim import Claim
from verify.judging.multiplicity import LEVEL
from verify.judging.outcome import Verdict
from verify.judging.rules import DecisionRule
from verify.sizes.profile import Profile

FALSE_FAILS = 0.01
MISSED_FAILS = 0.05
"""What a rule is allowed."""
CERTAINTY = 0.99
"""Probability that no rule of a table is called worse, or better, than it is."""


def clopper_pearson(count: int, runs: int, level: float) -> tuple[float, float]:
    r"""Interval of a probability of which ``count`` of ``runs`` were seen; it holds with probability >= 1 - level.

    The ends are the probabilities at which as many, or as few, would be seen with probability level/2 (Clopper and
    Pearson 1934):

    .. math:: P_{low}(X \ge count) = P_{high}(X \le count) = level/2.
    """
    from scipy import special

    low = 0.0 if count == 0 else float(special.betaincinv(count, runs - count + 1, level / 2))
    high = 1.0 if count == runs else float(special.betaincinv(count + 1, runs - count, 1 - level / 2))
    return low, high


@dataclass(frozen=True)
class ErrorRates:
    """Error rates of one rule.

    Attributes:
        claim: its id.
        case: where it is used.
        rule: the rule.
        false_fails, missed_fails, holds: shares of the simulated runs.
        runs: simulated, for each of the three.
        together: rates of the same table, over which :data:`CERTAINTY` is shared.
    """

    claim: str
    case: str
    rule: DecisionRule
    false_fails: float
    missed_fails: float
    holds: float
    runs: int
    together: int = 2

    def _intervals(self) -> tuple[tuple[float, float, float], ...]:
        """(lower end, upper end, allowed) of the two rates."""
        level = (1 - CERTAINTY) / self.together
        pairs = ((self.false_fails, FALSE_FAILS), (self.missed_fails, MISSED_FAILS))
        return tuple((*clopper_pearson(round(rate * self.runs), self.runs, level), most) for rate, most in pairs)

    @property
    def admissible(self) -> bool:
        """Whether neither error rate is shown to be beyond what is allowed."""
        return all(low <= allowed for low, _, allowed in self._intervals())

    @property
    def decided(self) -> bool:
        """Whether there were runs enough to tell: the rule is not admissible, or both rates are shown to be within."""
        return not self.admissible or all(high <= allowed for _, high, allowed in self._intervals())


def error_rates(
    rule: DecisionRule, family: int, runs: int, generator: np.random.Generator
) -> tuple[float, float, float]:
    """Shares of false FAILS, missed FAILS and HOLDS over ``runs`` simulated runs each.

    Args:
        rule: to simulate.
        family: comparisons among which the level is shared.
        runs: simulated for each of the three.
        generator: of the simulated errors.
    """

    def fails(displacement: float) -> bool:
        return rule.simulate(displacement, generator).p_value <= LEVEL / family

    edges = rule.edges
    false = sum(fails(edges[i % len(edges)]) for i in range(runs)) / runs
    missed = sum(not fails(rule.alternative) for _ in range(runs)) / runs
    # A bound is confirmed as far on its good side as the alternative lies on the other.
    truth = 0.0 if rule.rule == "within" else -rule.alternative
    holds = sum(rule.simulate(truth, generator).verdict is Verdict.HOLDS for _ in range(runs)) / runs
    return false, missed, holds


Task = tuple[Claim, str, DecisionRule, int]
"""A rule to simulate: its claim, the label of a case that has it, itself, and comparisons among which the level is
shared."""


def calibrate(
    claims: Sequence[Claim],
    profile: Profile,
    runs: int,
    seed: int = 0,
    each: Callable[[Sequence[Task]], Iterable[Task]] = iter,
) -> list[ErrorRates]:
    """Error rates of every distinct statistical rule of the claims.

    Args:
        claims: those of the run; the level is shared among them.
        profile: whose sizes the rules have.
        runs: simulated for each rule and truth.
        seed: of the simulation.
        each: gives the rules by turns; whoever shows progress replaces it.

    Raises:
        ValueError: runs < 1, or seed < 0.
    """
    if runs < 1:
        raise ValueError(f"runs={runs}: needs an integer runs >= 1")
    if seed < 0:
        raise ValueError(f"seed={seed}: needs an integer seed >= 0")
    tasks: list[Task] = []
    for claim in claims:
        by_case = {case.label: claim.rules(case.profile) for case in claim.cases(profile)}
        comparisons = sum(len(rules) for rules in by_case.values())
        distinct: dict[DecisionRule, str] = {}
        for label, rules in by_case.items():
            for rule in rules:
                if isinstance(rule, DecisionRule):
                    distinct.setdefault(rule, label)
        tasks += [(claim, label, rule, comparisons * len(claims)) for rule, label in distinct.items()]
    results = []
    for place, (claim, label, rule, family) in enumerate(each(tasks)):
        rates = error_rates(rule, family, runs, np.random.default_rng([seed, place]))
        results.append(ErrorRates(claim.id, label, rule, *rates, runs, 2 * len(tasks)))
    return results


def as_json(rates: Sequence[ErrorRates]) -> dict[str, Any]:
    """One JSON object of the rates."""
    entries = [
        {
            "claim": r.claim,
            "case": r.case,
            "rule": r.rule.name,
            "false_fails": r.false_fails,
            "missed_fails": r.missed_fails,
            "holds": r.holds,
            "admissible": r.admissible,
            "decided": r.decided,
        }
        for r in rates
    ]
    return {"runs": rates[0].runs if rates else 0, "rules": entries}


HEADINGS = (
    "claim",
    "rule",
    "statistic",
    "margin",
    "alternative",
    "false FAILS",
    "missed FAILS",
    "HOLDS at the prediction",
)


def table(rates: Sequence[ErrorRates], markdown: bool = False) -> str:
    """The rates as aligned text or as a Markdown table, with the number of rules that err too often."""
    rows = [
        (
            r.claim,
            f"{r.rule.name}{f' ({r.case})' if r.case else ''}",
            f"{r.rule.statistic}, {r.rule.replicates}{f' x {len(r.rule.grid)}' if r.rule.grid else ''}",
            f"{r.rule.margin:.3g}" if r.rule.rule == "within" else r.rule.rule,
            f"{r.rule.alternative:+.3g}",
            f"{r.false_fails:.2%}",
            f"{r.missed_fails:.2%}",
            f"{r.holds:.1%}",
        )
        for r in rates
    ]
    if markdown:
        lines = [f"| {' | '.join(row)} |" for row in (HEADINGS, ("---",) * len(HEADINGS), *rows)]
    else:
        widths = [max(len(row[i]) for row in (HEADINGS, *rows)) for i in range(len(HEADINGS))]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in (HEADINGS, *rows)
        ]
    bad, open_ = sum(not r.admissible for r in rates), sum(not r.decided for r in rates)
    runs = rates[0].runs if rates else 0
    summary = f"{len(rates)} rules, {runs} simulated runs each: {bad} beyond {FALSE_FAILS:.0%} or {MISSED_FAILS:.0%}"
    if open_:
        summary += f", {open_} undecided (too few runs to tell; give more with --runs)"
    return "\n".join([*lines, "", summary] if markdown else [*lines, summary])
