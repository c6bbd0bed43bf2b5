"""Write docs/calibration.md and its figures: every error rate in them, simulated by ``escape-ntk calibrate``.

    python benchmarks/calibration.py --out out/calibration          hours of processor time, two parts at a time
    python benchmarks/calibration.py --out out/calibration --only rules

Each part is one command, whose JSON is kept in the folder; what is there already is not computed again. ``--only``
computes parts and writes no page. What the numbers mean, and what they leave open, stands in docs/error-rates.md.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from verify.judging.calibration import FALSE_HOLDS, MISSED_FAILS, error_rates, laid_out, markdown_table
from verify.judging.outcome import Verdict
from verify.judging.power import PowerCurve, draw, from_json, table
from verify.judging.rules import DecisionRule
from verify.judging.worlds import VerdictRates
from verify.registry import CLAIMS, judged_by
from verify.sizes.profile import load_profile

DOCS = Path(__file__).resolve().parent.parent / "docs"
PARTS: Mapping[str, tuple[str, ...]] = {
    "rules": ("--runs", "1000"),
    "rules-adaptive": ("--runs", "1000", "--adaptive"),
    "worlds": ("--worlds", "--runs", "200"),
    "worlds-adaptive": ("--worlds", "--steps", "0,1", "--runs", "1000", "--adaptive"),
    "worlds-full": ("--worlds", "--steps", "0,1", "--runs", "20", "--profile", "full"),
}
"""The options of each part's command."""
OFF = 0.2
"""Relative error of a constant that a claim had best see."""
MOST = 64
"""Times the repetitions that are asked about."""
ALONG = (-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)
"""Steps of the table of what HOLDS along the way."""

PREFACE = """\
# Calibration

How often verdicts err, by simulation. This page is written by

```console
$ python benchmarks/calibration.py --out out/calibration
```

which runs `escape-ntk calibrate` five times and keeps what it prints. [What these numbers mean, and what they leave
open](error-rates.md), is told beside it, with real runs at fresh base seeds.

## Whole claims in other worlds

A claim's *world* says which numbers its cells would store if one number of the theory were another: curves, draws and
searches, which activations and dimensions share as in a run. The claim is judged whole, with search, censoring,
obstacles, all comparisons and all controls, as one of a run of all claims. How much the numbers scatter comes from
records of the base seeds 100 to 103 at quick sizes, which no verdict uses; each `_worlds` module beside the claims says
which numbers these are. The rival is the nearest theory that says otherwise; where there is none, a constant off by
20 %."""
MARGIN = """\
The second table is about the claim's margin. Its place is searched towards the rival, in worlds with 32 times the
repetitions: *up to* is the last truth at which the claim HOLDS there, so that a FAILS is an error, and *from* the first
at which it FAILS, so that a HOLDS is one. "nowhere": no truth up to a quarter beyond the rival comes out FAILS."""
CURVES = """\
Each panel goes from the theory (0) to the nearest rival (1) and a quarter beyond, and where both sides are against the
claim the same way on the other side. Bands are 99 % intervals; the margin's place is shaded."""
LOOKS = """\
## With further looks

With `--adaptive` a verdict that chance leaves open is looked at again with twice the repetitions. The j-th look has the
share $2^{-j}$ of every level: a p value at look j counts $2^j$ times, and intervals have the confidence
$1 - 0.01\\cdot 2^{-j}$. Whatever makes one stop, with $\\tau$ the look at which that is,

$$P(2^\\tau p_\\tau \\le u) \\le \\sum_{j \\ge 1} P(p_j \\le 2^{-j} u) \\le u ,$$

so false FAILS stay within their level over all looks, and so do false HOLDS. Nothing is assumed of how the looks depend
on each other; a test gives every look the whole level instead and sees the errors exceed it. Repetitions are in units
of a run of fixed sizes, at the theory and at the rival:"""
RULES = """\
## Rule by rule

Each rule is fed numbers of a known truth with normal errors of its stated noise and judged as in a run of all claims:
FAILS must survive Holm's correction across the claims and Bonferroni's across all comparisons of the claim.

- *false FAILS*: the truth lies on the edge of the margin, the admitted truth nearest to FAILS. Allowed: 1 %.
- *missed FAILS*: the truth is displaced by the stated alternative. Allowed: 5 %.
- *false HOLDS*: so it is, and the verdict is HOLDS. Allowed: 5 %.
- *HOLDS at the prediction*: how often a true claim is confirmed; the rest is INCONCLUSIVE.

Margins and alternatives are in the units of each rule; "below" and "above" are bounds. The statistic is followed by the
number of independent observations (at each of the abscissae). What this takes for granted is normal errors no larger
than the stated noise."""
CONSTANTS = """\
## Constants off by 20 %

Rules about constants whose margin admits an error of 20 %, and how many times the repetitions of quick they would need
with a margin of 10 % to HOLD at the prediction, and to FAIL at 20 %, in 95 % of runs each:"""


def simulated(folder: Path, part: str) -> dict[str, Any]:
    """What a part's command printed; it is run where its file is not there."""
    file = folder / f"{part}.json"
    if not file.exists():
        command = [sys.executable, "-m", "verify", "calibrate", *PARTS[part], "--json", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):  # 1: a rate is beyond what is allowed, which the page says
            raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
        file.write_text(done.stdout, encoding="utf-8")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def curves_of(told: Mapping[str, Any]) -> list[PowerCurve]:
    """The curves in what ``calibrate --worlds --json`` printed, of the claims as they are.

    Raises:
        ValueError: a claim without a world, or with another.
    """
    found = []
    for entry in told["claims"]:
        claim = CLAIMS.get(entry["claim"])
        if claim is None or claim.world is None:
            raise ValueError(f"{entry['claim']}: has no world now; simulate again")
        found.append(from_json(entry, claim.world))
    return found


def along(curves: Sequence[PowerCurve]) -> str:
    """In how many worlds in a hundred each claim HOLDS along the way to its rival."""
    rows = [("claim", *(f"{step:g}" for step in ALONG))]
    for curve in curves:
        there = [curve.rates.get(step) for step in ALONG]
        rows.append(
            (curve.claim, *("" if r is None else f"{100 * r.counts[Verdict.HOLDS] / r.runs:.3g}" for r in there))
        )
    return markdown_table(rows)


def rarely_failing(curves: Sequence[PowerCurve]) -> str:
    """The claims that FAIL in less than 95 % of the rival's worlds, with what is seen a quarter beyond."""
    found = []
    for curve in curves:
        rival, beyond = curve.rates[1.0], curve.rates.get(1.25)
        if rival.counts[Verdict.FAILS] < (1 - MISSED_FAILS) * rival.runs:
            more = "" if beyond is None else f", a quarter beyond in {_failing(beyond)}"
            found.append(f"{curve.claim} in {_failing(rival)}{more}")
    return f"FAILS in less than 95 % of the rival's worlds: {'; '.join(found) or 'none'}."


def _failing(rates: VerdictRates) -> str:
    return f"{100 * rates.counts[Verdict.FAILS] / rates.runs:.3g} %"


def compared(fixed: Mapping[str, Any], adaptive: Mapping[str, Any]) -> str:
    """The worst rules without and with further looks."""

    def worst(told: Mapping[str, Any], key: str, most: bool = True) -> str:
        one = (max if most else min)(told["rules"], key=lambda rule: rule[key])
        value = f"{one[key]:.2f}" if "repetitions" in key else f"{100 * one[key]:.3g} %"
        return f"{value} ({one['claim']})"

    names = {
        "false FAILS, worst rule": ("false_fails", True),
        "missed FAILS, worst rule": ("missed_fails", True),
        "false HOLDS, worst rule": ("false_holds", True),
        "HOLDS at the prediction, worst rule": ("holds", False),
        "mean repetitions at the prediction, at most": ("repetitions", True),
        "mean repetitions at the alternative, at most": ("rival_repetitions", True),
    }
    rows = [(name, worst(fixed, *how), worst(adaptive, *how)) for name, how in names.items()]
    means = [f"{np.mean([rule['repetitions'] for rule in told['rules']]):.3f}" for told in (fixed, adaptive)]
    rows.append(("mean repetitions at the prediction, over rules", means[0], means[1]))
    return markdown_table([("", "fixed sizes", "adaptive"), *rows])


def constants(runs: int = 400) -> str:
    """What the rules that admit an error of :data:`OFF` would need to see it."""
    profile = load_profile("quick")
    claims = judged_by(profile)
    rows: list[tuple[str, ...]] = [("claim", "rule", "margin", "observations", "times the repetitions")]
    seen: set[tuple[str, DecisionRule]] = set()
    for claim in claims:
        for case in claim.cases(profile):
            rules = claim.rules(case.profile)
            for rule in rules:
                if isinstance(rule, DecisionRule) and admits(rule) and (claim.id, rule) not in seen:
                    seen.add((claim.id, rule))
                    needed = repetitions(rule, len(rules) * len(claims), runs)
                    told = f"more than {MOST}" if needed is None else str(needed)
                    rows.append((claim.id, rule.name, f"{rule.margin:.3g}", str(rule.replicates), told))
    return markdown_table(rows)


def admits(rule: DecisionRule) -> bool:
    """Whether a rule is about a constant, on both sides, and its margin contains an error of :data:`OFF`."""
    constant = rule.relative or rule.scale in ("ratio", "log ratio")
    return constant and rule.rule == "within" and rule.margin >= _off(rule)


def _off(rule: DecisionRule) -> float:
    return math.log1p(OFF) if rule.scale == "log ratio" else OFF


def repetitions(rule: DecisionRule, family: int, runs: int) -> int | None:
    """The least power of two times its repetitions with which a rule of half the margin tells 20 % from nothing."""
    narrow, factor = replace(rule, margin=_off(rule) / 2, alternative=_off(rule)), 1
    while factor <= MOST:
        found = error_rates(narrow.repeated(factor), family, runs, np.random.default_rng([0, factor]))
        if found.holds >= 1 - FALSE_HOLDS and found.missed_fails <= MISSED_FAILS:
            return factor
        factor *= 2
    return None


def page(told: Mapping[str, Mapping[str, Any]], needs: str) -> str:
    """The whole page.

    Args:
        told: what each part's command printed.
        needs: of :func:`constants`.
    """
    quick, looked, full = (curves_of(told[part]) for part in ("worlds", "worlds-adaptive", "worlds-full"))
    parts = [
        PREFACE,
        f"At the sizes of quick (`escape-ntk calibrate {' '.join(PARTS['worlds'])}`):",
        table(quick, markdown=True).replace("\n\n| claim | HOLDS up to", f"\n\n{MARGIN}\n\n| claim | HOLDS up to"),
        rarely_failing(quick),
        "![Shares of HOLDS, FAILS and INCONCLUSIVE against the truth, one panel for each claim](power-curves.svg)",
        CURVES,
        "HOLDS in a hundred worlds along the way; half way lies k + 1/2 for N3, N4 and N10:",
        along(quick),
        "## At the sizes of full",
        f"`escape-ntk calibrate {' '.join(PARTS['worlds-full'])}`; the scatter is that of quick:",
        table(full, markdown=True),
        rarely_failing(full),
        LOOKS,
        f"`escape-ntk calibrate {' '.join(PARTS['worlds-adaptive'])}`, sizes of quick:",
        table(looked, markdown=True),
        RULES,
        "Fixed sizes against further looks:",
        compared(told["rules"], told["rules-adaptive"]),
        f"`escape-ntk calibrate {' '.join(PARTS['rules'])} --markdown`, sizes of quick:",
        laid_out(told["rules"], markdown=True),
        CONSTANTS,
        needs,
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Simulate what is not there, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/calibration"), help="folder of the parts")
    parser.add_argument("--only", choices=PARTS, action="append", help="compute this part, and write no page")
    parser.add_argument("--workers", type=int, default=2, help="parts at a time")
    arguments = parser.parse_args()
    if arguments.workers < 1:
        parser.error("--workers needs an integer >= 1")
    arguments.out.mkdir(parents=True, exist_ok=True)
    parts = list(PARTS) if arguments.only is None else arguments.only
    with ThreadPoolExecutor(arguments.workers) as threads:
        told = dict(zip(parts, threads.map(lambda part: simulated(arguments.out, part), parts), strict=True))
    if arguments.only is None:
        (DOCS / "calibration.md").write_text(page(told, constants()), encoding="utf-8")
        draw(curves_of(told["worlds"]), DOCS / "power-curves.svg")


if __name__ == "__main__":
    main()
