"""Error rates of the decision rules: how often a true claim comes out FAILS, and a false one does not, or even HOLDS.

Every rule is fed simulated measurements of a known truth, judged as in a run of all claims: FAILS needs a p value that
survives the strictest step of Holm's correction and Bonferroni's over the comparisons of the claim.

- *false FAILS*: the truth lies on the edge of the margin, the admitted truth that is hardest to tell from a false one.
- *missed FAILS*: the truth is displaced by the rule's stated alternative.
- *false HOLDS*: so it is, and the verdict is HOLDS, the error that misleads most.
- *HOLDS*: the truth is the prediction itself; the share of verdicts that are HOLDS is the rule's power to confirm.

With ``adaptive`` each simulated run looks again while its verdict is open, as :mod:`verify.judging.looks` has it: the
data of a look are those of the one before and as many again. The repetitions that this takes in the mean are told in
units of a run of fixed sizes.

A share of simulated runs is itself a matter of chance, so each rate is judged by its Clopper-Pearson interval: a rule
errs too often when the whole interval lies above what is allowed, it is fine when none of it does, and otherwise there
were too few runs to tell. The intervals hold at once for all rates of a table with probability :data:`CERTAINTY`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from verify.judging.claim import Claim
from verify.judging.looks import FIXED, MOST, Look
from verify.judging.multiplicity import LEVEL
from verify.judging.outcome import Verdict
from verify.judging.rules import DecisionRule
from verify.sizes.profile import Profile

FALSE_FAILS = 0.01
MISSED_FAILS = 0.05
FALSE_HOLDS = 0.05
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
        false_fails, missed_fails, holds, false_holds: shares of the simulated runs.
        runs: simulated, for each of the three truths.
        together: rates of the same table, over which :data:`CERTAINTY` is shared.
        repetitions: mean number at the prediction, in units of a run of fixed sizes.
        rival_repetitions: the same at the alternative.
    """

    claim: str
    case: str
    rule: DecisionRule
    false_fails: float
    missed_fails: float
    holds: float
    runs: int
    together: int = 3
    false_holds: float = 0.0
    repetitions: float = 1.0
    rival_repetitions: float = 1.0

    def _intervals(self) -> tuple[tuple[float, float, float], ...]:
        """(lower end, upper end, allowed) of the three rates."""
        level = (1 - CERTAINTY) / self.together
        pairs = (
            (self.false_fails, FALSE_FAILS),
            (self.missed_fails, MISSED_FAILS),
            (self.false_holds, FALSE_HOLDS),
        )
        return tuple((*clopper_pearson(round(rate * self.runs), self.runs, level), most) for rate, most in pairs)

    @property
    def admissible(self) -> bool:
        """Whether no error rate is shown to be beyond what is allowed."""
        return all(low <= allowed for low, _, allowed in self._intervals())

    @property
    def decided(self) -> bool:
        """Whether there were runs enough to tell: the rule is not admissible, or all rates are shown to be within."""
        return not self.admissible or all(high <= allowed for _, high, allowed in self._intervals())


class Shares(NamedTuple):
    """Shares of simulated runs, and mean repetitions in units of a run of fixed sizes; see :class:`ErrorRates`."""

    false_fails: float
    missed_fails: float
    holds: float
    false_holds: float
    repetitions: float
    rival_repetitions: float


def error_rates(
    rule: DecisionRule, family: int, runs: int, generator: np.random.Generator, adaptive: bool = False
) -> Shares:
    """How a rule does in ``runs`` simulated runs at each of three truths.

    Args:
        rule: to simulate.
        family: comparisons among which the level is shared.
        runs: simulated for each truth.
        generator: of the simulated errors.
        adaptive: whether a run looks again while its verdict is open.
    """

    def ended(displacement: float) -> tuple[Verdict, int]:
        return _run(rule, displacement, family, generator, adaptive)

    edges = rule.edges
    false = sum(ended(edges[i % len(edges)])[0] is Verdict.FAILS for i in range(runs))
    # A bound is confirmed as far on its good side as the alternative lies on the other.
    true = [ended(0.0 if rule.rule == "within" else -rule.alternative) for _ in range(runs)]
    rival = [ended(rule.alternative) for _ in range(runs)]

    def share(found: Sequence[tuple[Verdict, int]], verdict: Verdict) -> float:
        return sum(one is verdict for one, _ in found) / runs

    def used(found: Sequence[tuple[Verdict, int]]) -> float:
        return sum(repetitions for _, repetitions in found) / runs

    missed = 1 - share(rival, Verdict.FAILS)
    confirmed, misled = share(true, Verdict.HOLDS), share(rival, Verdict.HOLDS)
    return Shares(false / runs, missed, confirmed, misled, used(true), used(rival))


def _run(
    rule: DecisionRule, displacement: float, family: int, generator: np.random.Generator, adaptive: bool
) -> tuple[Verdict, int]:
    """The verdict of one simulated run, and its repetitions in units of a run of fixed sizes."""
    look, factor = Look(1) if adaptive else FIXED, 1
    data = rule.simulated(displacement, generator)
    while True:
        found = rule.judge_simulated(data, look.share)
        if found.p_value / look.share <= LEVEL / family:
            return Verdict.FAILS, factor
        if found.verdict is Verdict.HOLDS:
            return Verdict.HOLDS, factor
        if not 0 < look.number < MOST:
            return Verdict.INCONCLUSIVE, factor
        data = rule.joined(data, rule.simulated(displacement, generator))
        rule, factor, look = rule.repeated(2), 2 * factor, look.next()


Task = tuple[Claim, str, DecisionRule, int]
"""A rule to simulate: its claim, the label of a case that has it, itself, and comparisons among which the level is
shared."""


def calibrate(
    claims: Sequence[Claim],
    profile: Profile,
    runs: int,
    seed: int = 0,
    adaptive: bool = False,
    each: Callable[[Sequence[Task]], Iterable[Task]] = iter,
) -> list[ErrorRates]:
    """Error rates of every distinct statistical rule of the claims.

    Args:
        claims: those of the run; the level is shared among them.
        profile: whose sizes the rules have.
        runs: simulated for each rule and truth.
        seed: of the simulation.
        adaptive: whether runs look again while a verdict is open.
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
        found = error_rates(rule, family, runs, np.random.default_rng([seed, place]), adaptive)
        results.append(ErrorRates(claim.id, label, rule, runs=runs, together=3 * len(tasks), **found._asdict()))
    return results


def as_json(rates: Sequence[ErrorRates]) -> dict[str, Any]:
    """One JSON object of the rates, of which :func:`laid_out` makes a table."""
    entries = [
        {
            "claim": r.claim,
            "case": r.case,
            "rule": r.rule.name,
            "statistic": f"{r.rule.statistic}, {r.rule.replicates}{f' x {len(r.rule.grid)}' if r.rule.grid else ''}",
            "margin": f"{r.rule.margin:.3g}" if r.rule.rule == "within" else r.rule.rule,
            "alternative": f"{r.rule.alternative:+.3g}",
            "false_fails": r.false_fails,
            "missed_fails": r.missed_fails,
            "holds": r.holds,
            "false_holds": r.false_holds,
            "repetitions": r.repetitions,
            "rival_repetitions": r.rival_repetitions,
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
    "false HOLDS",
    "HOLDS at the prediction",
    "repetitions there",
    "at the alternative",
)


def table(rates: Sequence[ErrorRates], markdown: bool = False) -> str:
    """The rates as aligned text or as a Markdown table, with the number of rules that err too often."""
    return laid_out(as_json(rates), markdown)


def laid_out(told: Mapping[str, Any], markdown: bool = False) -> str:
    """The same of what :func:`as_json` gives."""
    rules = told["rules"]
    rows = [
        (
            r["claim"],
            f"{r['rule']}{f' ({case})' if (case := r['case']) else ''}",
            r["statistic"],
            r["margin"],
            r["alternative"],
            f"{r['false_fails']:.2%}",
            f"{r['missed_fails']:.2%}",
            f"{r['false_holds']:.2%}",
            f"{r['holds']:.1%}",
            f"{r['repetitions']:.2f}",
            f"{r['rival_repetitions']:.2f}",
        )
        for r in rules
    ]
    bad, open_ = sum(not r["admissible"] for r in rules), sum(not r["decided"] for r in rules)
    summary = f"{len(rules)} rules, {told['runs']} simulated runs each: {bad} beyond {FALSE_FAILS:.0%} or "
    summary += f"{MISSED_FAILS:.0%}"
    if open_:
        summary += f", {open_} undecided (too few runs to tell; give more with --runs)"
    if markdown:
        return f"{markdown_table((HEADINGS, *rows))}\n\n{summary}"
    margins = [row[3] if row[3] in ("below", "above") else f"margin {row[3]}" for row in rows]
    names = [
        f"{row[0]}  {row[1]}: {row[2]}, {margin}, alternative {row[4]}"
        for row, margin in zip(rows, margins, strict=True)
    ]
    cells = [(*row[5:9], f"{row[9]}, {row[10]}") for row in rows]
    return f"{stacked(('false FAILS', 'missed FAILS', 'false HOLDS', 'HOLDS', 'repetitions'), names, cells)}\n{summary}"


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows, the first of them headings, as a Markdown table."""
    cells = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (cells[0], ("---",) * len(cells[0]), *cells[1:]))


def stacked(headings: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a terminal: a line for each name, which may be long, and its cells in a line under it."""
    table = (headings, *rows)
    widths = [max(len(row[i]) for row in table) for i in range(len(headings))]
    lines = [f"  {'  '.join(c.rjust(w) for c, w in zip(row, widths, strict=True))}".rstrip() for row in table]
    return "\n".join([lines[0], *(line for pair in zip(names, lines[1:], strict=True) for line in pair)])
