"""Runs through the whole theorem: perturbed descent on the network's regularised loss, and what its ends are like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from verify.cells.end_to_end import Descended, EndToEnd
from verify.cells.training import Arm
from verify.claims.activations import affordable
from verify.claims.descent import FALL_OF_A_STEP, GRADIENT, LAMBDA_MIN, LANCZOS, LONG, RADIUS, STEP, WAIT
from verify.claims.generalization.phase_diagram import fields, judged_ratio, point
from verify.judging.claim import Evidence
from verify.judging.outcome import Interval
from verify.judging.rules import Data, Measurement
from verify.predictions.sample_counts import r4_weight
from verify.sizes.profile import Profile

LOSS = "log(loss at the end / loss of the best construction), largest"
TOLERANCE = 4e-3
"""epsilon, of the gradient. Losses start near 2, gradients near 0.1; the risk moves by less than a tenth afterwards."""
CURVATURE, DECREASE = math.sqrt(TOLERANCE), TOLERANCE**1.5
"""sqrt(epsilon) and the decrease asked of the noise, as in O1. The starts have lambda_min near -0.25."""
SIGNS = 4
"""Draws of S among which the reference is the best."""
Observed = dict[str, "Measurement | Interval | Data"]


def _fields(p: Profile, activation: str, draws: int) -> dict[str, Any]:
    """Fields of the runs through the whole theorem."""
    s, d = p.headline, p.headline.dimension[p.k]
    return {
        **fields(p, activation, d, judged_ratio(p), draws),
        "weights": (s.penalty, r4_weight(activation, p.k, d, p.training.share)),
        "tolerance": TOLERANCE,
        "radius": RADIUS,
        "wait": WAIT,
        "decrease": DECREASE,
        "step": STEP,
        "most": s.most_steps,
    }


def runs(p: Profile, arm: Arm = "joint") -> tuple[EndToEnd, ...]:
    """The runs through the whole theorem, by activation; or descents on another arm's loss in their place."""
    own: dict[str, Any] = {"signs": SIGNS, "lanczos": LANCZOS, "arm": arm}
    if arm != "joint":
        own["most"] = p.headline.steps[p.k]
    return tuple(EndToEnd(**_fields(p, a, p.headline.runs) | own) for a in affordable(p))


def long_steps(p: Profile) -> tuple[Descended, ...]:
    """Descents with steps that are too long."""
    return tuple(Descended(**_fields(p, a, p.headline.runs) | {"step": LONG, "most": 12}) for a in affordable(p))


def falls(evidence: Evidence, cells: tuple[Descended, ...]) -> Observed:
    """The least fall of a step over step |grad|^2 in these runs."""
    return {FALL_OF_A_STEP: Interval.around(min(v for cell in cells for v in evidence[cell]["fall"]), 0.0)}


def ended(p: Profile, evidence: Evidence) -> list[dict[str, Any]]:
    """The numbers of the runs that ended by themselves."""
    found = []
    for row in (evidence[cell] for cell in runs(p)):
        for i, time in enumerate(row["reached"]):
            if time is not None:
                names = (
                    "gradient",
                    "curvature",
                    "losses",
                    "reference",
                    "risks",
                    "remainder",
                    "taylor",
                    "lower",
                    "apart",
                )
                found.append({name: row[name][i] for name in names} | {"reached": time})
    return found


def _stationary(gradients: Sequence[float], curvatures: Sequence[Sequence[float]]) -> Observed:
    value, residual = min(curvatures, key=lambda pair: pair[0])
    return {
        GRADIENT: Interval.around(max(gradients), 0.0),
        LAMBDA_MIN: Measurement(Interval.around(value, residual), budget={"residual": residual}),
    }


def _loss(pairs: Sequence[tuple[float, float]]) -> Observed:
    return {LOSS: Interval.around(max(float(np.log(end / reference)) for end, reference in pairs), 0.0)}


def chain(p: Profile, evidence: Evidence) -> Observed:
    """What the runs show; of those that had not ended only the falls count."""
    ends = ended(p, evidence)
    unknown: Observed = dict.fromkeys((GRADIENT, LAMBDA_MIN, LOSS), Interval.unknown(np.nan))
    if ends:
        unknown = _stationary([e["gradient"] for e in ends], [e["curvature"] for e in ends])
        unknown |= _loss([(e["losses"][1], e["reference"]) for e in ends])
    return falls(evidence, runs(p)) | unknown


def early(p: Profile, evidence: Evidence) -> Observed:
    """What the ends would be like after ten steps, and the curvature and the loss at the starts."""
    rows = [evidence[cell] for cell in runs(p)]
    starts = [(pair[0], r) for row in rows for pair, r in zip(row["losses"], row["reference"], strict=True)]
    found = _stationary([v for row in rows for v in row["early"]], [row["start_curvature"] for row in rows])
    return found | _loss(starts)


def free(p: Profile, evidence: Evidence) -> Observed:
    """The ends of descent on the data term alone."""
    rows = [evidence[cell] for cell in runs(p, "unregularised")]
    pairs = [(e[1], r) for row in rows for e, r in zip(row["losses"], row["reference"], strict=True)]
    return _loss([pair for pair in pairs if None not in pair])


def spent(p: Profile, evidence: Evidence) -> list[str]:
    """A sentence for each cell with runs that had not ended, with the steps that would do.

    They are read off the fall of |grad| over the second half of the steps, taken as exponential.
    """
    found = []
    for cell in runs(p):
        row = evidence[cell]
        rest = sorted(
            (i for i, time in enumerate(row["reached"]) if time is None), key=lambda i: row["losses"][i][1] is not None
        )
        if not rest:
            continue
        half, last = max((row["gradients"][i] for i in rest), key=lambda pair: float(pair[1]))
        if row["losses"][rest[0]][1] is None:
            found.append(f"{cell.activation}, arm joint, d = {cell.d}, n = {cell.n}: perturbed descent diverged")
            continue
        more = "more"
        if half > last > TOLERANCE:
            rate = math.log(half / last) / (cell.most / 2)
            more = f"about {math.log(last / TOLERANCE) / rate + WAIT:.0f} more"
        found.append(
            f"{cell.activation}, d = {cell.d}, n = {cell.n}: {len(rest)} of {cell.draws} runs had not ended after "
            f"{cell.most} steps, where |grad| = {last:.2g} at most; {more} would do: raise headline.most_steps"
        )
    return found


def described(p: Profile, evidence: Evidence) -> str:
    """What the runs were, and where they ended."""
    first, ends = runs(p)[0], ended(p, evidence)

    def mean(values: Sequence[float]) -> float:
        return math.fsum(values) / len(values)

    told = "no run ended."
    if ends:
        times = sorted(e["reached"] for e in ends)
        told = (
            f"{len(ends)} of {len(runs(p)) * first.draws} runs ended, after {times[0]} to {times[-1]} steps; the loss "
            f"fell from {mean([e['losses'][0] for e in ends]):.2f} to {mean([e['losses'][1] for e in ends]):.3f}, that "
            f"of the best construction is {mean([e['reference'] for e in ends]):.3f}; test risk "
            f"{mean([e['risks'] for e in ends]):.3f}, mean square of f - f_L - f_Q "
            f"{mean([e['remainder'] for e in ends]):.4f}. {_certified(ends)}"
        )
    kernels: dict[Arm, str] = {"ntk": "the NTK at its best ridge", "quadntk": "the QuadNTK at its best l4"}
    beside = []
    for arm, name in kernels.items():
        rows = [evidence[point(p, a, arm, first.d, judged_ratio(p))]["risk"][: first.draws] for a in affordable(p)]
        known = [risk for row in rows for risk in row if risk is not None]
        if known:
            beside.append(f"{name} {mean(known):.3f}")
    return (
        f"The network itself, {', '.join(affordable(p))}, l1 = l3 = {first.weights[0]:g}. Perturbed descent at d = "
        f"{first.d}, m = {first.m}, n = {first.n} from a start of scale {first.start:g}: {told} On the same data "
        f"{', '.join(beside)}."
    )


def _certified(ends: Sequence[dict[str, Any]]) -> str:
    """Each end against the certified bound of its Taylor model: no comparison, as no bound of the network is known.

    At these widths, m / 2 < n, the Taylor model's own bound is not near either (docs/mathematics, section 7).
    """
    rows = [
        f"{1 - e['lower'] / e['taylor']:.2f} ({e['losses'][1]:.3f} and {e['taylor']:.3f}, bound {e['lower']:.3f}, "
        f"{e['apart'] ** 0.5:.3f})"
        for e in ends
    ]
    return (
        f"Run by run, the relative gap of the Taylor model's loss at the end to its certified lower bound, and behind "
        f"it the losses of the network and of the model, the bound, and the root mean square of f - f_L - f_Q over the "
        f"training inputs, which bounds the distance of the roots of both losses: {'; '.join(rows)}."
    )
