"""N13 on risks made up so that joint training wins in every class, or loses in one."""

import numpy as np
import pytest
from made_up import made_up, verdicts
from matplotlib.figure import Figure

from theory import risk_floor
from verify.cells.target_classes import TargetClassModels
from verify.claims.generalization.n13_target_classes import CLASSES, N13, _floor, classes
from verify.judging.outcome import Verdict
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import FULL, GPU, QUICK

LEVELS = {"joint": 0.55, "ntk": 1.3, "quadntk": 1.2, "permuted_labels": 3.0}


def numbers(cell: Cell, levels: dict[str, float] = LEVELS, lost: str = "") -> Numbers:
    """Risks relative to the floor, of single draws with a scatter of a tenth."""
    assert isinstance(cell, TargetClassModels)
    floor = float(risk_floor(cell.d, cell.n, {cell.k + 1: 1}))
    level = 2.5 if lost == cell.target_class and cell.arm == "joint" else levels[cell.arm]
    noise = np.random.default_rng([cell.n, len(cell.arm), len(cell.target_class)]).normal(size=cell.draws)
    risks = (level * floor * np.exp(0.1 * noise)).tolist()
    return {"risk": risks, "risk_halfway": risks}


@pytest.mark.parametrize("case", N13.cases(FULL), ids=lambda case: case.label)
def test_holds_where_joint_training_wins_and_the_control_fails(case) -> None:
    p = case.profile
    found = made_up(N13, p, numbers)
    assert N13.check(p, found).verdict is Verdict.HOLDS
    control = N13.check(p, found, N13.controls[0])
    assert control.verdict is Verdict.FAILS
    assert "one direction: joint" in N13.describe(p, found)


@pytest.mark.parametrize("lost", CLASSES)
def test_a_single_class_refutes(lost: str) -> None:
    p = N13.cases(FULL)[0].profile
    outcome = N13.check(p, made_up(N13, p, lambda cell: numbers(cell, lost=lost)))
    failed = {name for name, verdict in verdicts(outcome).items() if verdict is Verdict.FAILS}
    assert f"{lost}: log(joint / NTK)" in failed
    assert all(name.startswith(f"{lost}:") for name in failed)


def test_risks_that_still_move_are_no_evidence() -> None:
    p = N13.cases(FULL)[0].profile

    def rising(cell: Cell) -> Numbers:
        made = numbers(cell)
        return made | {"risk_halfway": [0.5 * r for r in made["risk"]]} if cell.arm == "joint" else made

    outcome = N13.check(p, made_up(N13, p, rising))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "classes.steps = 600 would resolve it" in outcome.obstacles[0]


def test_which_profiles_and_classes() -> None:
    """Not in quick; at k = 3 one class alone, and no floor; every case of the others meets the hypotheses."""
    assert N13.cases(QUICK) == ()
    for profile in (FULL, GPU):
        for case in N13.cases(profile):
            N13.require(case.profile)
            assert classes(case.profile) == (CLASSES if case.profile.k < 3 else CLASSES[:1])
            assert any("floor" in rule.name for rule in N13.rules(case.profile)) == (case.profile.k < 3)


def test_the_figure_shows_every_class() -> None:
    p = N13.cases(FULL)[0].profile
    canvas = Figure()
    ax = canvas.add_subplot()
    assert N13.figure is not None
    N13.figure(p, made_up(N13, p, numbers), ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(CLASSES)
    assert 0 < _floor(p, "sin(z + pi/4)", "one direction") < 1
