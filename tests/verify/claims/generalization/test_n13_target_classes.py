"""N13 on risks made up so that joint training wins in every class, or loses in one."""

import numpy as np
import pytest
from made_up import made_up, verdicts
from matplotlib.figure import Figure

from theory import risk_floor
from verify.cells.target_classes import TargetClassModels
from verify.claims.generalization.class_worlds import class_arms, level
from verify.claims.generalization.n13_target_classes import CLASSES, N13, _floor, class_cell, classes
from verify.judging.chance import Chance
from verify.judging.outcome import Verdict
from verify.judging.worlds import verdict_rates
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import FULL, GPU, QUICK, changed

FAMILY = 40
K1 = FULL.model_copy(update={"classes": FULL.classes.model_copy(update={"dimension": {1: 64}})})
"""The sizes of full at k = 1 alone, where the records leave nothing open."""
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


@pytest.mark.parametrize("profile", [FULL, GPU], ids=lambda p: p.name)
def test_worlds_have_the_numbers_of_the_design(profile) -> None:
    assert N13.world is not None
    for case in N13.cases(profile):
        numbers = N13.world.simulate(case.profile, 0.3, Chance((0, 7)))
        assert set(numbers) == set(N13.design(case.profile))
        assert all(len(found["risk"]) == cell.draws for cell, found in numbers.items())


def test_worlds_scatter_as_the_records_about_means_that_go_to_the_ntks() -> None:
    """2000 draws: means, scatter and correlations of arms and classes; the truth moves joint training alone."""
    p = changed(K1, {"classes": {"draws": {1: 2000}}}).model_copy(update={"k": 1})
    cells = [
        class_cell(p, "tanh(z + 1)", c, arm)
        for c in ("one direction", "product")
        for arm in ("joint", "ntk", "quadntk")
    ]
    worlds = [class_arms(cells, truth, Chance((5, 1))) for truth in (0.0, 0.5)]
    logs, moved = (np.log([numbers[cell]["risk"] for cell in cells]) for numbers in worlds)
    expected = [level(1, cell.target_class, cell.arm, cell.activation) for cell in cells]
    assert logs.mean(axis=1) == pytest.approx([mean for mean, _ in expected], abs=0.02)
    assert logs.std(axis=1) == pytest.approx([scatter for _, scatter in expected], rel=0.1)
    alike = np.corrcoef(logs)
    assert alike[0, 1] == pytest.approx(0.9 * 0.65, abs=0.06)
    assert alike[0, 2] == pytest.approx(0.9 * 0.5, abs=0.06)
    assert alike[0, 3] == pytest.approx(0.9**2 * 0.4, abs=0.06)
    assert moved[[1, 2, 4, 5]] == pytest.approx(logs[[1, 2, 4, 5]])
    assert (moved - logs)[0] == pytest.approx((expected[1][0] - expected[0][0]) / 2)


def test_further_draws_of_a_world_begin_with_the_same_ones() -> None:
    first, more = (
        class_arms(
            [class_cell(changed(K1, {"classes": {"draws": {1: n}}}), "gelu(z)", "huber", "joint")], 0.0, Chance((2,))
        )
        for n in (3, 6)
    )
    ((few,), (many,)) = first.values(), more.values()
    assert many["risk"][:3] == few["risk"]


def test_at_k_1_the_records_hold_and_the_ntks_risks_do_not() -> None:
    assert N13.world is not None
    theory, rival, beyond = (verdict_rates(N13, K1, truth, 6, FAMILY).counts for truth in (0.0, 1.0, 2.0))
    assert theory[Verdict.HOLDS] == 6
    assert rival[Verdict.HOLDS] == beyond[Verdict.HOLDS] == 0
    assert beyond[Verdict.FAILS] == 6


def test_four_draws_at_k_2_leave_full_open_even_where_the_records_are_right() -> None:
    counts = verdict_rates(N13, FULL, 0.0, 6, FAMILY).counts
    assert counts[Verdict.INCONCLUSIVE] == 6
