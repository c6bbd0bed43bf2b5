r"""The noise that a rule states, held against the scatter of a stored run.

A rule says how much one observation scatters at most (:attr:`verify.judging.rules.DecisionRule.noise`), and all that
``escape-ntk calibrate`` simulates of it rests on that. Here the same number is estimated from records: with s the
sample standard deviation of what the rule judges, on f degrees of freedom, and normal errors,

.. math:: f s^2 / \sigma^2 \sim \chi^2_f ,

so that a run refutes a stated noise below the true one. The means of a "mean"'s groups are taken off first. Of
"exponent" the observations are logarithms, about their mean at each abscissa, less the factors of groups; of "mean
exponent", about the mean of their group there; of "clustered exponent", where a replicate gives one slope b,
:math:`\sigma^2 = \mathrm{Var}(b) \sum_j (\log x_j - \overline{\log x})^2`. A Monte-Carlo mean brings its own standard
error, which is compared without a test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.judging.calibration import markdown_table, stacked
from verify.judging.judgement import Judgement
from verify.judging.multiplicity import holm
from verify.judging.rules import DecisionRule, Measurement, Prediction

LEVEL = 0.01
"""Probability that any stated noise of a table is called too small though none is."""
GENEROUS = 3.0
"""A noise stated so many times too large is told: what is simulated with it says too little of the rule."""


@dataclass(frozen=True)
class Scatter:
    """Of one rule.

    Attributes:
        claim: its id.
        case: where it is used.
        rule: the rule.
        seen: the estimate s, in the rule's units.
        freedom: degrees of freedom f; 0 where s is the standard error that a measurement brings.
    """

    claim: str
    case: str
    rule: DecisionRule
    seen: float
    freedom: int

    @property
    def ratio(self) -> float:
        """Seen over stated."""
        return self.seen / self.rule.noise

    @property
    def p_value(self) -> float:
        """Probability of as much scatter or more, were the noise the stated one; 1 without degrees of freedom."""
        from scipy import special

        return float(special.chdtrc(self.freedom, self.freedom * self.ratio**2)) if self.freedom else 1.0

    @property
    def key(self) -> str:
        """Its name in a table."""
        return f"{self.claim} {self.case}: {self.rule.name}"


def scatters(judgements: Sequence[Judgement]) -> list[Scatter]:
    """Of every statistical rule of a stored run, case by case.

    A rule that more than one measurement may serve, and one without observations enough, are left out.

    Args:
        judgements: of a run of fixed sizes, such as :func:`verify.session.reload` gives.
    """
    found = []
    for judgement in judgements:
        claim = judgement.claim
        for case in judgement.cases:
            predicted = claim.predict(case.profile)
            measured = claim.observe(case.profile, judgement.evidence)
            for rule in claim.rules(case.profile):
                if isinstance(rule, DecisionRule):
                    one = measured[rule.name]
                    data = one.data if isinstance(one, Measurement) else one
                    estimate = _estimate(rule, Prediction.of(predicted[rule.name]), np.asarray(data, dtype=float))
                    if estimate is not None:
                        found.append(Scatter(claim.id, case.label, rule, *estimate))
    return found


def _estimate(rule: DecisionRule, prediction: Prediction, data: np.ndarray) -> tuple[float, int] | None:
    """s and f; None where there are not observations enough."""
    predicted, reduced = rule.reduced(prediction, data)
    unit = abs(predicted) if rule.relative else 1.0
    if rule.statistic == "normal mean":
        return float(reduced[1]) / unit, 0
    if rule.statistic == "mean":
        parts = [part[~np.isnan(part)] for part in np.array_split(reduced, rule.groups)]
        left = np.concatenate([part - part.mean() for part in parts if part.size])
        freedom = left.size - sum(bool(part.size) for part in parts)
        return (math.sqrt(float(left @ left) / freedom) / unit, freedom) if freedom > 0 else None
    log_x, logs = np.log(np.asarray(rule.grid)), np.log(reduced)
    if rule.statistic == "clustered exponent":
        whole = logs[~np.isnan(logs).any(axis=1)]
        if len(whole) < 2:
            return None
        centred = log_x - log_x.mean()
        slopes = whole @ centred / (centred @ centred)
        return float(slopes.std(ddof=1)) * math.sqrt(centred @ centred), len(slopes) - 1
    parts = np.array_split(logs, rule.groups)
    if rule.statistic == "mean exponent":
        left = np.concatenate([part - np.nanmean(part, axis=0) for part in parts])
        fitted = left.shape[1] * rule.groups
    else:
        left = np.concatenate([part - np.nanmean(part) for part in parts])
        left, fitted = left - np.nanmean(left, axis=0), left.shape[1] + rule.groups - 1
    freedom = int((~np.isnan(left)).sum()) - fitted
    return (math.sqrt(float(np.nansum(left**2)) / freedom), freedom) if freedom > 0 else None


def refuted(found: Sequence[Scatter]) -> set[str]:
    """Keys of the rules whose stated noise is too small, after Holm's correction over the table at :data:`LEVEL`."""
    return {key for key, too_small in holm({one.key: one.p_value for one in found}, LEVEL).items() if too_small}


def as_json(found: Sequence[Scatter]) -> dict[str, Any]:
    """One JSON object."""
    bad = refuted(found)
    entries = [
        {
            "claim": one.claim,
            "case": one.case,
            "rule": one.rule.name,
            "stated": one.rule.noise,
            "seen": one.seen,
            "degrees_of_freedom": one.freedom,
            "p_value": one.p_value,
            "refuted": one.key in bad,
        }
        for one in found
    ]
    return {"rules": entries}


HEADINGS = ("claim", "rule", "stated noise", "seen", "ratio", "degrees of freedom", "p")


def table(found: Sequence[Scatter], markdown: bool = False) -> str:
    """Every rule with its ratio, and which stated noises are refuted, as aligned text or Markdown."""
    rows = [
        (
            one.claim,
            f"{one.rule.name}{f' ({one.case})' if one.case else ''}",
            f"{one.rule.noise:.3g}",
            f"{one.seen:.3g}",
            f"{one.ratio:.2f}",
            str(one.freedom or ""),
            f"{one.p_value:.2g}" if one.freedom else "",
        )
        for one in found
    ]
    bad, generous = refuted(found), [one for one in found if one.ratio < 1 / GENEROUS]
    summary = (
        f"{len(found)} rules; stated noise shown to be too small (Holm at {LEVEL:.0%}): {len(bad)}; more than "
        f"{GENEROUS:g} times too large: {len(generous)}"
    )
    if markdown:
        return f"{markdown_table((HEADINGS, *rows))}\n\n{summary}"
    names = [f"{row[0]}  {row[1]}" for row in rows]
    return f"{stacked(HEADINGS[2:], names, [row[2:] for row in rows])}\n{summary}"
