"""N10: the theorem end to end, one run after another, and the phase diagram that it leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from theory import multiplicity
from verify.cells.end_to_end import Descended, EndToEnd
from verify.cells.training import Arm
from verify.claims.generalization import phase_diagram
from verify.claims.generalization.phase_diagram import (
    activations,
    capacity,
    floor,
    judged_ratio,
    largest,
    point,
    points,
    risks,
    steepness,
)
from verify.claims.hypotheses import differentiable, every, nonzero, smooth
from verify.claims.optimization.descent import DECREASE, RADIUS, STEP, TOLERANCE, WAIT
from verify.claims.optimization.o1_descent import (
    CURVATURE,
    FALL,
    FALL_OF_A_STEP,
    GRADIENT,
    LAMBDA_MIN,
    LANCZOS,
    LONG,
)
from verify.judging.claim import Claim, Control, Drawing, Evidence, HypothesisViolated
from verify.judging.outcome import Interval
from verify.judging.rules import Data, DecisionRule, ExactRule, Measurement, Prediction, Rule
from verify.judging.statistics import slope
from verify.predictions.sample_counts import drifts
from verify.sizes.profile import Profile

LOSS = "log(loss at the end / loss of the best construction), largest"
OVER_NTK = "log(joint / NTK) at the largest d"
OVER_QUADNTK = "log(joint / QuadNTK) at the largest d"
OVER_FLOOR = "joint / floor of kernel methods at the largest d"
RISES = "exponent of NTK / joint in d"
FLAT = "exponent of joint's n at equal risk, less k"
SIGNS = 8
"""Draws of S among which the reference is the best."""
SCATTER = 0.25
"""Standard deviation of the logarithm of a ratio of risks, at most: 0.1 to 0.2 within an activation in the pilot, and
0.1 to 0.2 between activations."""
WORSE = 0.7
"""The alternative of a comparison at the largest d: twice the risk, or a risk of 1.7 times the floor."""
SETTLED = 0.15
"""The QuadNTK has settled when its risk moves by at most this fraction in the second half of the steps. Of joint
training nothing is asked: more steps would only lower its risk."""
FEWEST = 3
"""Dimensions from which FLAT is judged: a factor log d is a quarter of a power on d = 32, 64, and a slope through two
dimensions is known less well than that."""
RANDOM: Arm = "random_directions"


def _fields(p: Profile, activation: str, draws: int) -> dict[str, Any]:
    """Fields of the runs through the whole theorem."""
    s, d = p.headline, p.headline.dimension[p.k]
    return {
        **phase_diagram.fields(p, activation, d, s.ratios[p.k][-1], draws),
        "weights": (s.penalty, capacity(p, activation, d, p.training.share)),
        "tolerance": TOLERANCE,
        "radius": RADIUS,
        "wait": WAIT,
        "decrease": DECREASE,
        "step": STEP,
        "most": s.most_steps,
    }


def runs(p: Profile, arm: Arm = "joint") -> tuple[EndToEnd, ...]:
    """The runs through the whole theorem, by activation; or descents on another arm's loss in their place."""
    s, d = p.headline, p.headline.dimension[p.k]
    own: dict[str, Any] = {"signs": SIGNS, "lanczos": LANCZOS, "ridges": s.ridges, "arm": arm}
    if arm != "joint":
        own["most"] = p.training.steps
    return tuple(
        EndToEnd(**_fields(p, a, s.runs) | own | {"capacities": tuple(capacity(p, a, d, share) for share in s.shares)})
        for a in activations(p)
    )


def _long(p: Profile) -> tuple[Descended, ...]:
    """Descents with steps that are too long."""
    return tuple(Descended(**_fields(p, a, p.headline.runs) | {"step": LONG, "most": 12}) for a in activations(p))


def _rivals(p: Profile) -> dict[str, Arm]:
    """At k = 2 no theorem separates joint training from the QuadNTK."""
    return {OVER_NTK: "ntk"} | ({OVER_QUADNTK: "quadntk"} if p.k == 1 else {})


def _drifted(p: Profile) -> dict[str, float]:
    """What FLAT allows: one factor log d, and the larger of the two exact corrections of n ~ d^k at finite d."""
    known = drifts(activations(p), p.k, p.headline.dimensions[p.k])
    return {"log d": known["log d"], "finite d": max(known["n_k"], known["||W_Q||^4"])}


def _rules(p: Profile) -> tuple[Rule, ...]:
    grid, count = tuple(float(d) for d in p.headline.dimensions[p.k]), len(activations(p)) * p.headline.draws[p.k]
    flat = (DecisionRule(FLAT, "exponent", "below", 0.0, 1.0, SCATTER, count, grid),)
    return (
        ExactRule(FALL_OF_A_STEP, "above"),
        ExactRule(GRADIENT, "below"),
        ExactRule(LAMBDA_MIN, "above"),
        ExactRule(LOSS, "below"),
        *(DecisionRule(name, "mean", "below", 0.0, WORSE, SCATTER, count) for name in _rivals(p)),
        DecisionRule(OVER_FLOOR, "mean", "below", 0.0, WORSE, SCATTER, count, scale="ratio"),
        DecisionRule(RISES, "exponent", "above", 0.0, -1.0, SCATTER, count, grid),
        *(flat if len(grid) >= FEWEST else ()),
    )


def _predict(p: Profile) -> dict[str, Prediction | float]:
    """A kernel's mean of risk / floor is at least 1, since the floor bounds its mean risk at the same n."""
    d, count = largest(p), len(activations(p)) * p.headline.draws[p.k]
    drifted = _drifted(p)
    flat = Prediction(sum(drifted.values()), budget={f"{name}, allowed": size for name, size in drifted.items()})
    return {
        FALL_OF_A_STEP: FALL,
        GRADIENT: TOLERANCE,
        LAMBDA_MIN: -CURVATURE,
        LOSS: 0.0,
        **dict.fromkeys(_rivals(p), 0.0),
        OVER_FLOOR: Prediction([floor(p, d, judged_ratio(p))] * count),
        RISES: 0.0,
        **({FLAT: flat} if len(p.headline.dimensions[p.k]) >= FEWEST else {}),
    }


Observed = dict[str, Measurement | Interval | Data]


def _fall(evidence: Evidence, cells: tuple[Descended, ...]) -> Observed:
    return {FALL_OF_A_STEP: Interval.around(min(v for cell in cells for v in evidence[cell]["fall"]), 0.0)}


def _ended(p: Profile, evidence: Evidence) -> list[dict[str, Any]]:
    """The numbers of the runs that ended by themselves."""
    found = []
    for row in (evidence[cell] for cell in runs(p)):
        for i, time in enumerate(row["reached"]):
            if time is not None:
                names = ("gradient", "curvature", "losses", "reference", "risks", "remainder")
                found.append({name: row[name][i] for name in names} | {"reached": time})
    return found


def _stationary(gradients: list[float], curvatures: list[list[float]]) -> Observed:
    value, residual = min(curvatures)
    return {
        GRADIENT: Interval.around(max(gradients), 0.0),
        LAMBDA_MIN: Measurement(Interval.around(value, residual), budget={"residual": residual}),
    }


def _loss(pairs: list[tuple[float, float]]) -> Observed:
    return {LOSS: Interval.around(max(float(np.log(end / reference)) for end, reference in pairs), 0.0)}


def _chain(p: Profile, evidence: Evidence) -> Observed:
    """What the runs show; of those that had not ended only the falls count."""
    ends = _ended(p, evidence)
    unknown: Observed = dict.fromkeys((GRADIENT, LAMBDA_MIN, LOSS), Interval.unknown(np.nan))
    if ends:
        unknown = _stationary([e["gradient"] for e in ends], [e["curvature"] for e in ends])
        unknown |= _loss([(e["losses"][1], e["reference"]) for e in ends])
    return _fall(evidence, runs(p)) | unknown


def _early(p: Profile, evidence: Evidence) -> Observed:
    rows = [evidence[cell] for cell in runs(p)]
    return _stationary([v for row in rows for v in row["early"]], [row["start_curvature"] for row in rows])


def _free(p: Profile, evidence: Evidence) -> Observed:
    """The ends of descent on the data term alone."""
    rows = [evidence[cell] for cell in runs(p, "unregularised")]
    return _loss([(e[1], r) for row in rows for e, r in zip(row["losses"], row["reference"], strict=True)])


def _at_largest(p: Profile, evidence: Evidence, arm: Arm) -> Observed:
    """An arm at the largest d, against the kernels and the floor. NaN where a run diverged or has not settled."""
    d, ratio = largest(p), judged_ratio(p)
    own = risks(p, evidence, arm, d, ratio)
    over = {name: np.log(own / _settled(p, evidence, rival, d, ratio)) for name, rival in _rivals(p).items()}
    return {**over, OVER_FLOOR: own}


def _settled(p: Profile, evidence: Evidence, arm: Arm, d: int, ratio: float) -> np.ndarray:
    end, halfway = risks(p, evidence, arm, d, ratio), risks(p, evidence, arm, d, ratio, "halfway")
    return np.where(np.abs(halfway / end - 1) <= SETTLED, end, np.nan)


def _growth(p: Profile, evidence: Evidence, arm: Arm = "joint", rival: Arm = "ntk") -> Observed:
    """The two ways from d to d, at the largest ratio."""
    grid, ratio = p.headline.dimensions[p.k], judged_ratio(p)
    own, other = (np.array([risks(p, evidence, a, d, ratio) for d in grid]).T for a in (arm, rival))
    found: Observed = {RISES: other / own}
    if len(grid) >= FEWEST:
        powers = 1 / np.repeat([steepness(p, evidence, arm, a) for a in activations(p)], p.headline.draws[p.k])
        found[FLAT] = own ** powers[:, None]
    return found


def _observe(p: Profile, evidence: Evidence) -> Observed:
    return {**_chain(p, evidence), **_at_largest(p, evidence, "joint"), **_growth(p, evidence)}


def _arms(p: Profile) -> tuple[Arm, ...]:
    """The arms that controls put in place of joint training."""
    return (*((RANDOM,) if p.k == 1 else ()), "permuted_labels", "lazy", "unregularised")


def _design(p: Profile) -> tuple[Any, ...]:
    ends = (point(p, a, arm, largest(p), judged_ratio(p)) for arm in _arms(p) for a in activations(p))
    return (*runs(p), *runs(p, "unregularised"), *_long(p), *points(p), *ends)


def _obstacles(p: Profile, evidence: Evidence) -> tuple[str, ...]:
    """Budgets that are spent, and runs that met numbers that are not finite."""
    found = []
    for cell in runs(p):
        row = evidence[cell]
        open_ = [i for i, time in enumerate(row["reached"]) if time is None]
        if open_:
            half, last = max((row["gradients"][i] for i in open_), key=lambda pair: pair[1])
            rate = np.log(half / last) / (cell.most / 2) if half > last > 0 else 0.0
            more = f"about {np.log(last / TOLERANCE) / rate + WAIT:.0f} more" if rate and last > TOLERANCE else "more"
            found.append(
                f"{cell.activation}, d = {cell.d}, n = {cell.n}: {len(open_)} of {cell.draws} runs had not ended after "
                f"{cell.most} steps, |grad| = {last:.2g} at most; {more} would do: raise headline.most_steps"
            )
    for place in (cell for cell in _design(p) if not isinstance(cell, Descended)):
        if evidence[place]["diverged"]:
            found.append(
                f"{place.activation}, arm {place.arm}, d = {place.d}, n = {place.n}: training diverged "
                f"({evidence[place]['diverged']})"
            )
    d, ratio = largest(p), judged_ratio(p)
    for rival in _rivals(p).values():
        lost = int(
            (np.isnan(_settled(p, evidence, rival, d, ratio)) & ~np.isnan(risks(p, evidence, rival, d, ratio))).sum()
        )
        if lost:
            found.append(
                f"{rival} at d = {d}: {lost} risks moved by more than {SETTLED:.0%} in the second half of "
                f"{p.training.steps} steps; raise training.steps"
            )
    return tuple(found)


def _described(p: Profile, evidence: Evidence) -> str:
    s, ends, d, ratio = p.headline, _ended(p, evidence), largest(p), judged_ratio(p)

    def mean(arm: Arm) -> float:
        return float(np.nanmean(risks(p, evidence, arm, d, ratio)))

    told = "no run ended. "
    if ends:
        times, falls = sorted(e["reached"] for e in ends), [e["losses"] for e in ends]
        told = (
            f"{len(ends)} of {len(activations(p)) * s.runs} runs ended, after {times[0]} to {times[-1]} steps; the "
            f"loss fell from {np.mean([a for a, _ in falls]):.2f} to {np.mean([b for _, b in falls]):.3f}, that of the "
            f"best construction is {np.mean([e['reference'] for e in ends]):.3f}; test risk "
            f"{np.mean([e['risks'] for e in ends]):.3f}, mean square of f - f_L - f_Q "
            f"{np.mean([e['remainder'] for e in ends]):.4f}. "
        )
    first = runs(p)[0]
    beside = ", ".join(
        f"{name} {np.mean([evidence[cell][arm]['risks'] for cell in runs(p)]):.3f}"
        for arm, name in (("ntk", "the NTK at its best ridge"), ("quadntk", "the QuadNTK at its best l4"))
    )
    exponents = {
        arm: slope(
            s.dimensions[p.k],
            [np.exp(np.nanmean(np.log(risks(p, evidence, arm, x, ratio)))) for x in s.dimensions[p.k]],
        )
        for arm in ("joint", "ntk")
    }
    controls = ", ".join(f"{arm.replace('_', ' ')} {mean(arm):.3f}" for arm in _arms(p))
    return (
        f"The network itself, {', '.join(activations(p))}, l1 = l3 = {s.penalty:g}. Perturbed descent at d = {first.d}, "
        f"m = {first.m}, n = {first.n}, start of scale {first.start:g}: {told}On the same data {beside}. At d = {d}, "
        f"n = {ratio:g} d^{p.k} = {first.n if d == first.d else point(p, activations(p)[0], 'joint', d, ratio).n}, mean "
        f"risks of {len(activations(p)) * s.draws[p.k]} draws: joint {mean('joint'):.3f}, NTK {mean('ntk'):.3f}, "
        f"QuadNTK {mean('quadntk'):.3f}, floor of kernel methods {floor(p, d, ratio):.3f}; as controls {controls}. "
        f"Exponents of the risk in d at this n / d^{p.k}: joint {exponents['joint']:.2f}, NTK {exponents['ntk']:.2f}."
    )


def _in_high_dimension(p: Profile) -> None:
    d, ratio, limit = largest(p), judged_ratio(p), p.headline.largest_share
    n, several = round(ratio * d**p.k), multiplicity(d, p.k + 1)
    if n > limit * several:
        raise HypothesisViolated(
            f"headline.dimensions[{p.k}]: d = {d} is too small: n = {n} is more than {limit:g} N(d,{p.k + 1}) = "
            f"{limit * several:.0f}, so kernels may know the sparse part too; use larger d or smaller headline.ratios"
        )


def _some(p: Profile) -> None:
    if not activations(p):
        raise HypothesisViolated(
            f"activations={list(p.activations)}: none has a finite A_{p.k} of at most training.largest_scale="
            f"{p.training.largest_scale:g}; use one such as sin(z + pi/4), with --activation"
        )


def _against(arm: Arm) -> Callable[[Profile, Evidence], Observed]:
    return lambda p, e: _at_largest(p, e, arm)


N10 = Claim(
    id="N10",
    title="The theorem end to end",
    statement=r"W_{t+1} = W_t - \tfrac1L \nabla L(W_t) \;\Rightarrow\; \|\nabla L\| \le \varepsilon,\ \lambda_{\min} "
    r"\ge -\sqrt\varepsilon,\ L \le \min_{a,b,S} L(aW_L + bSW_Q);\quad n = C d^k:\ \text{risk} < "
    r"\text{risk}_{\text{NTK}},\ \text{risk}_{\text{QuadNTK}} (k = 1),\ 1 - \tfrac{n}{N(d,k+1)}",
    source="abstract of arXiv:2206.03688; the floor and the allowance for log d: docs/mathematics, section 6",
    why="Descent with steps 1/L lowers the regularised loss at every step and ends where gradient and negative "
    "curvature are small; there the loss is at most that of W_L + S W_Q, whose norms are small enough for n ~ d^k "
    "samples. Kernel methods are linear in n labels and miss all but the share n / N(d,k+1) of a single direction "
    "of degree k + 1. So at n = C d^k joint training's risk stays as d grows, up to a factor log d in n, while the "
    "NTK's rises.",
    refuted_by="A step with less fall than the descent lemma promises, an end that is not stationary of second order or "
    "lies above the constructions, a mean risk at the largest d above a kernel's or the floor, or a risk that rises "
    "faster with d than the NTK's or than a factor log d in n explains.",
    equations=("regularised-loss", "risk-floor"),
    hypotheses=(
        _some,
        _in_high_dimension,
        every(differentiable(2), activations),
        every(smooth, activations),
        every(nonzero(1, lambda p: range(p.k + 1), largest), activations),
        every(nonzero(2, lambda p: [p.k - 1], largest), activations),
    ),
    depends_on=("O1", "G5"),
    design=_design,
    rules=_rules,
    predict=_predict,
    observe=_observe,
    controls=(
        Control(f"steps of length {LONG:g}/L", observe=lambda p, e: _fall(e, _long(p))),
        Control("the run judged after ten steps, and its curvature at the start", observe=_early),
        Control("no regulariser: descent on the data term alone, its end judged by the whole loss", observe=_free),
        Control("random directions in place of the good ones", observe=_against(RANDOM), ks=(1,)),
        Control("training on shuffled labels", observe=_against("permuted_labels")),
        Control("the NTK scaling in place of the network's own", observe=_against("lazy")),
        Control("the NTK's risks and the joint ones interchanged", observe=lambda p, e: _growth(p, e, "ntk", "joint")),
    ),
    describe=_described,
    drawings=(
        Drawing("phase", phase_diagram.draw_phases, 9.0, 3.4),
        Drawing("risk", phase_diagram.draw_risks, 9.0, 3.4),
    ),
    obstacles=_obstacles,
    ks=lambda p: tuple(p.headline.dimensions),
    activations="pooled",
)

CLAIMS = (N10,)
