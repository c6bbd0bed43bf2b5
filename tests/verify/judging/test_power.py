"""Power curves: their grid, what a table says of them, and a rival too near to be told apart."""

from dataclasses import replace
from pathlib import Path

import pytest

from verify.cli.main import main
from verify.judging.outcome import Verdict
from verify.judging.power import draw, power_curves, steps, table, truth_at
from verify.registry import CLAIMS
from verify.sizes.profile import QUICK, load_profile

E1 = CLAIMS["E1"]
RUNS = 12


def test_the_grid_goes_from_the_theory_through_the_rival() -> None:
    assert E1.world is not None
    assert steps(E1.world) == (-1.25, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
    assert steps(replace(E1.world, two_sided=False)) == (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
    assert [truth_at(E1.world, t) for t in (0.0, 0.5, 1.0)] == [E1.world.theory, 0.75, E1.world.rival]


def test_a_claim_is_judged_over_its_grid_and_drawn(tmp_path: Path) -> None:
    (curve,) = power_curves([CLAIMS["S3"], E1], QUICK, RUNS, 36)
    assert curve.claim == "E1"
    assert curve.rates[0.0].counts[Verdict.HOLDS] >= RUNS - 2
    assert curve.rates[1.0].counts[Verdict.FAILS] == RUNS
    assert curve.rates[-1.0].counts[Verdict.FAILS] == RUNS
    assert curve.admissible
    entry = curve.as_json()
    assert (entry["theory"], entry["rival"], len(entry["rates"])) == (1.0, 0.5, 13)
    text = table([curve], markdown=True)
    assert "| E1 | factor on the mean squares | 1 | 0.5 (m independent neurons in place of pairs) |" in text
    assert "1%): none" in text
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    draw([curve], first)
    draw([curve], second)
    assert first.read_bytes() == second.read_bytes()
    assert "E1: factor on the mean squares" in first.read_text()


def test_the_margin_is_found_where_the_rules_have_it() -> None:
    """E1 admits a quarter on each side of its constants: HOLDS ends, and FAILS begins, close to the factor 3/4."""
    (curve,) = power_curves([E1], QUICK, RUNS, 36)
    assert curve.margin is not None
    admitted, refused = curve.margin.steps
    assert 0.75 < truth_at(curve.world, admitted) < 0.8
    assert 0.7 < truth_at(curve.world, refused) < 0.75
    assert curve.rates[admitted].counts[Verdict.FAILS] == curve.rates[refused].counts[Verdict.HOLDS] == 0
    assert list(curve.rates) == sorted({*steps(curve.world), admitted, refused})
    assert "| E1 | 0.77" in table([curve], markdown=True)


def test_a_bound_that_no_world_refuses_says_so() -> None:
    """O1's times end at the cap, so not even d^3 comes out FAILS."""
    (curve,) = power_curves([CLAIMS["O1"]], QUICK, RUNS, 36)
    assert curve.margin is not None
    assert curve.margin.refused is None
    assert "nowhere" in table([curve])


def test_steps_of_ones_own_replace_the_grid() -> None:
    (curve,) = power_curves([E1], QUICK, RUNS, 36, at=(1.0, 0.0, 0.5))
    assert (list(curve.rates), curve.margin) == ([0.0, 0.5, 1.0], None)


def test_a_claim_that_holds_where_it_is_refused_is_not_admissible() -> None:
    (curve,) = power_curves([E1], QUICK, RUNS, 36)
    assert curve.margin is not None
    assert curve.margin.refused is not None
    wrong = replace(curve.rates[0.0], counts={**dict.fromkeys(Verdict, 0), Verdict.HOLDS: RUNS})
    assert not replace(curve, rates={**curve.rates, curve.margin.refused: wrong}).admissible


def test_a_rival_inside_the_margin_holds_and_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert E1.world is not None
    near = replace(E1, world=replace(E1.world, rival=1.02, two_sided=False))
    (curve,) = power_curves([near], QUICK, RUNS, 36)
    assert not curve.admissible
    assert "1%): E1" in table([curve])
    monkeypatch.setitem(CLAIMS, "E1", near)
    assert main(["calibrate", "--worlds", "--claims", "E1", "--runs", str(RUNS), "--quiet"]) == 1


def test_the_command_draws_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "curves.svg"
    assert main(["calibrate", "E1", "--worlds", "--runs", "4", "--markdown", "--curves", str(path)]) == 0
    assert "| E1 |" in capsys.readouterr().out
    assert path.read_text().startswith("<?xml")
    for wrong, sentence in (
        (["S3", "--worlds"], "none has worlds"),
        (["N3", "--worlds", "--truth", "1"], "give one of them"),
        (["E1", "--curves", "x.svg"], "needs --worlds"),
        (["E1", "--worlds", "--curves", "x.png"], "ends in .svg"),
        (["E1", "--worlds", "--runs", "0"], "runs >= 1"),
        (["E1", "--steps", "0,1"], "needs --worlds"),
        (["E1", "--worlds", "--steps", "0.5"], "needs 0, the theory, and 1"),
        (["E1", "--worlds", "--steps", "0,nan"], "needs numbers with commas"),
        (["E1", "--worlds", "--steps", "0;1"], "needs numbers with commas"),
    ):
        assert main(["calibrate", *wrong]) == 2
        assert sentence in " ".join(capsys.readouterr().err.split())


def test_a_margin_is_searched_with_the_repetitions_that_the_profile_allows() -> None:
    """A2 of full has eight seeds of at most a hundred: the last looks would have more."""
    (curve,) = power_curves([CLAIMS["A2"]], load_profile("full"), 2, 39)
    assert curve.margin is not None
