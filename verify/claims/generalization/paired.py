"""Arms compared on the same draws, which N5, N6 and N9 share: their cells, which activations, ratios of risks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

import theory
from verify.cells.trained import TrainedModels
from verify.cells.training import Arm, Weights
from verify.claims.activations import SETTLED, in_high_dimension, scaled_samples, trainable
from verify.judging.claim import Evidence
from verify.judging.rules import CENSORED
from verify.predictions.sample_counts import r4_weight
from verify.running.experiment import Numbers
from verify.sizes.profile import Profile

TUNED: tuple[Arm, ...] = ("joint", "r1_population", "r1_training")
"""Arms whose l1 is chosen."""
SHORT: tuple[Arm, ...] = ("quadntk", "no_r1_r3", "permuted_labels", "random_directions")
"""Arms whose risks settle sooner, and the controls."""


def paired(p: Profile) -> tuple[str, ...]:
    """The activations for which d is large."""
    return in_high_dimension(p, p.risks.dimension[p.k], p.risks.ratio[p.k], p.risks.largest_share)


def paired_cell(p: Profile, activation: str, arm: Arm) -> TrainedModels:
    """An arm on the draws that all arms share."""
    s, d = p.risks, p.risks.dimension[p.k]
    steps = s.free_steps if arm in SHORT else s.lazy_steps[p.k] if arm == "lazy" else s.steps
    choices = candidates(p, activation, arm)
    return TrainedModels(
        base_seed=p.base_seed,
        activation=activation,
        device=p.device,
        d=d,
        m=s.width[p.k] * d,
        n=scaled_samples(p, activation, d, s.ratio[p.k]),
        k=p.k,
        draws=s.draws[p.k],
        steps=steps,
        start=p.training.start,
        arm=arm,
        candidates=choices,
        validation=s.validation if arm == "ntk" or len(choices) > 1 else 0,
        constructed=arm in ("joint", "lazy"),
    )


def sparse_floor(p: Profile, activation: str) -> float:
    """The least expected risk of every method linear in the labels, for the sparse part of energy 1."""
    cell = paired_cell(p, activation, "joint")
    return float(theory.risk_floor(cell.d, cell.n, {p.k + 1: 1}))


def least_share(p: Profile, activation: str) -> float:
    """The least <f, f_sp> of a predictor whose risk is at that floor: risk >= (1 - <f, f_sp>)^2."""
    return 1 - math.sqrt(sparse_floor(p, activation))


def candidates(p: Profile, activation: str, arm: Arm) -> tuple[Weights, ...]:
    """The pairs (l1, l4) that an arm chooses from.

    The arms of :data:`TUNED` take every l1 with every l4, the QuadNTK and joint training without R1 and R3 every l4;
    the NTK has a ridge instead. Controls have one pair: with random directions the largest l1, where directions
    matter most; on permuted labels the smallest, and in the lazy scaling none is used.
    """
    s = p.risks
    if arm == "ntk":
        return ()
    if arm in ("random_directions", "permuted_labels", "lazy"):
        fixed = s.penalties[-1] if arm == "random_directions" else s.penalties[0]
        return ((fixed, r4_weight(activation, p.k, s.dimension[p.k], s.shares[0])),)
    shares = s.quadratic_shares if arm == "quadntk" else s.shares
    penalties = s.penalties if arm in TUNED else (1.0,)
    return tuple((l1, r4_weight(activation, p.k, s.dimension[p.k], share)) for l1 in penalties for share in shares)


def column(numbers: Numbers, name: str) -> np.ndarray:
    """A number of all draws; NaN where a draw diverged."""
    values = numbers.get(name, [None] * len(numbers["risk"]))
    return np.array([math.nan if value is None else value for value in values], dtype=float)


def falls(numbers: Numbers) -> np.ndarray:
    """By how much each risk fell in the second half of the steps, relative to the last one; 0 for the NTK."""
    last = column(numbers, "risk")
    return column(numbers, "risk_halfway") / last - 1 if "risk_halfway" in numbers else 0 * last


def paired_logs(p: Profile, evidence: Evidence, arm: Arm, rival: Arm) -> list[float]:
    """log(risk of arm / risk of rival) for every draw.

    NaN where the steps that are left out could speak for the rival: where the arm's risk rose, or the rival's fell, by
    more than :data:`SETTLED` in the second half of the steps. NaN too where a draw diverged, and where both risks are
    equal in every bit: the same run twice is no measurement.
    """
    logs: list[np.ndarray] = []
    for activation in paired(p):
        own, other = (evidence[paired_cell(p, activation, name)] for name in (arm, rival))
        a, b = column(own, "risk"), column(other, "risk")
        usable = (falls(own) >= -SETTLED) & (falls(other) <= SETTLED) & (a != b)
        logs.append(np.where(usable, np.log(a / b), math.nan))
    return [float(log) for log in np.concatenate(logs)]


def paired_mean(p: Profile, evidence: Evidence, arm: Arm, name: str = "risk") -> float:
    """Mean of a number of an arm over all draws that did not diverge."""
    found = np.concatenate([column(evidence[paired_cell(p, a, arm)], name) for a in paired(p)])
    return float(np.nanmean(found)) if not np.isnan(found).all() else math.nan


def chosen(p: Profile, evidence: Evidence, arm: Arm) -> str:
    """The weights that validation chose, by activation, such as "l1 = 1, 10, 10"."""
    found = [evidence[paired_cell(p, a, arm)]["chosen"] for a in paired(p)]
    pairs = [candidates(p, a, arm)[i] for a, i in zip(paired(p), found, strict=True)]
    shares = [l4 / r4_weight(a, p.k, p.risks.dimension[p.k], 1.0) for a, (_, l4) in zip(paired(p), pairs, strict=True)]
    parts = [f"l1 = {', '.join(f'{l1:g}' for l1, _ in pairs)}"] if arm in TUNED else []
    return "; ".join([*parts, f"share = {', '.join(f'{share:.2g}' for share in shares)}"])


def setting(p: Profile) -> str:
    """The sizes of the paired runs in a few sentences."""
    cells, s = [paired_cell(p, a, "joint") for a in paired(p)], p.risks
    sizes = "; ".join(
        f"{c.activation}: n = {c.n}, {c.n / theory.multiplicity(c.d, p.k + 1):.2f} N(d,{p.k + 1})" for c in cells
    )
    missing = [a for a in p.activations if a not in paired(p)]
    note = f" For {', '.join(missing)} this d is not large (n would exceed the share below)." if missing else ""
    return (
        f"The network f itself at d = {cells[0].d}, m = {cells[0].m}, {cells[0].draws} draws of network, data and "
        f"target for each activation ({sizes}), energies 1 + 1 in degrees {p.k} and {p.k + 1}; {s.steps} steps of "
        f"gradient descent ({s.free_steps} without R1 and R3). d counts as large when n is at most {s.largest_share:g} "
        f"N(d,{p.k + 1}): then no kernel method can know more than that share of a direction of degree {p.k + 1}.{note}"
        f" Every arm's weights, and the NTK's ridge, are the best on {s.validation} further draw"
        f"{'s' if s.validation > 1 else ''}, left out here; l1 out of {', '.join(f'{x:g}' for x in s.penalties)}."
    )


def obstacles(p: Profile, evidence: Evidence, arms: Sequence[Arm], falling: Sequence[Arm] = ()) -> tuple[str, ...]:
    """Sentences on draws that diverged, and on arms whose risk the steps do not settle.

    Args:
        p: of a case.
        evidence: of the case.
        arms: whose draws count.
        falling: those whose risk may not fall any more, because they are rivals.
    """
    found = []
    for arm in arms:
        rows = {activation: evidence[paired_cell(p, activation, arm)] for activation in paired(p)}
        for activation, numbers in rows.items():
            cell = paired_cell(p, activation, arm)
            where = f"arm {arm} with {activation} at d = {cell.d}, n = {cell.n}"
            lost = int(np.isnan(column(numbers, "risk")).sum())
            if lost:
                found.append(f"{where}: {lost} of {cell.draws} draws diverged; their observations are missing")
        moves = np.concatenate([falls(numbers) for numbers in rows.values()])
        restless = int((moves > SETTLED).sum()) if arm in falling else int((moves < -SETTLED).sum())
        if restless > CENSORED * len(moves):
            cell, name = paired_cell(p, paired(p)[0], arm), "free_steps" if arm in SHORT else "steps"
            found.append(
                f"arm {arm} at d = {cell.d}: the risk of {restless} of {len(moves)} draws still moves by more than "
                f"{SETTLED:.0%} in the second half of the steps; risks.{name} = {2 * cell.steps} would resolve it"
            )
    return tuple(found)


def _at(p: Profile) -> int:
    return p.risks.dimension[p.k]


HYPOTHESES = trainable(_at, paired, "n small enough against N(d, k+1); take a larger risks.dimension")
