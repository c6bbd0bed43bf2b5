"""The paired arms of N5, N6 and N9 in other worlds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from verify.cells.training import Arm
from verify.claims.generalization.paired import candidates, least_share, paired, paired_cell, sparse_floor
from verify.claims.generalization.risk_worlds import CARRIED, RISKS, draw_arm, toward
from verify.judging.chance import Chance
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import Profile


def paired_arms(
    p: Profile, arms: Sequence[Arm], truth: float, chance: Chance, rivals: Mapping[Arm, Arm]
) -> dict[Cell, Numbers]:
    """Every arm on the draws that all share, some of them moved a share ``truth`` of the way to a rival's risk.

    Args:
        p: of a case.
        arms: of the design.
        truth: 0 for the means of the records, 1 for the rival's.
        chance: of the world.
        rivals: by the arms that move.
    """
    moved = {a: {arm: {"risk": toward(truth, arm, to, a)} for arm, to in rivals.items()} for a in paired(p)}
    return {paired_cell(p, a, arm): _drawn(p, a, arm, chance, moved[a].get(arm, {})) for arm in arms for a in paired(p)}


def lazier(p: Profile, truth: float, chance: Chance) -> dict[Cell, Numbers]:
    """Networks a share ``truth`` of the way from those of the records to what a lazy regime admits.

    There the best method that is linear in the labels has a mean risk at the floor, hence 1 - floor^(1/2) of the sparse
    part, with the square of it as its energy, and moves the kernel by that share of the construction's movement. The
    logarithms go their way evenly.
    """
    found: dict[Cell, Numbers] = {}
    for a in paired(p):
        cell = paired_cell(p, a, "joint")
        share = math.log(least_share(p, a))
        ends = {
            "risk": math.log(sparse_floor(p, a)) - RISKS["joint"].scatter ** 2 / 2,
            "share": share,
            "quadratic": 2 * share,
            "movement": share + CARRIED["constructed"].of(a),
        }
        levels = {"risk": RISKS["joint"], **CARRIED}
        centres = {name: (1 - truth) * levels[name].of(a) + truth * end for name, end in ends.items()}
        found[cell] = _drawn(p, a, "joint", chance, centres)
        found[paired_cell(p, a, "lazy")] = _drawn(p, a, "lazy", chance, {})
    return found


def _drawn(p: Profile, activation: str, arm: Arm, chance: Chance, centres: Mapping[str, float]) -> Numbers:
    cell, choices = paired_cell(p, activation, arm), candidates(p, activation, arm)
    name = ("paired", activation, cell.d, cell.k)
    l1 = choices[-1][0] if choices else 1.0
    return draw_arm(arm, activation, cell.draws, chance, name, centres, l1, max(len(choices), 1))
