"""Runs that look again: which claims, within which budget, and the same verdicts from the records."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from verify.cli.main import main
from verify.judging.claim import Claim, Control, Evidence
from verify.judging.judgement import Judgement
from verify.judging.looks import MOST
from verify.judging.outcome import Comparison, Interval, Verdict
from verify.judging.rules import DecisionRule, Rule
from verify.running.experiment import Cell, Numbers
from verify.running.store import Store
from verify.sequential import Repeating, looked, needed
from verify.session import Run, reload, verify
from verify.sizes.profile import QUICK, Profile


class Normal(Cell):
    """One normal number; slow ones sleep."""

    middle: float
    sleep: float = 0.0

    def run(self) -> Numbers:
        time.sleep(self.sleep)
        rng = np.random.default_rng([self.base_seed, self.replicate])
        return {"x": self.middle + float(rng.standard_normal())}


def claim(name: str, truth: float, margin: float = 0.5, sleep: float = 0.0, again: bool = True) -> Claim:
    """The mean of normal numbers is 0 up to the margin; in truth it is ``truth``. Twelve of them leave most open."""

    def design(p: Profile) -> tuple[Cell, ...]:
        return tuple(
            Normal(base_seed=p.base_seed, replicate=i, middle=truth, sleep=sleep) for i in range(p.taylor.replicates)
        )

    def rules(p: Profile) -> tuple[Rule, ...]:
        return (DecisionRule("mean", "mean", "within", margin, 2.0, 1.0, p.taylor.replicates),)

    def observe(p: Profile, evidence: Evidence) -> Mapping[str, list[float]]:
        return {"mean": [float(evidence[cell]["x"]) for cell in design(p)]}

    return Claim(
        id=name,
        title="a mean",
        statement="x",
        source="here",
        why="",
        refuted_by="",
        hypotheses=(),
        depends_on=(),
        design=design,
        rules=rules,
        predict=lambda p: {"mean": 0.0},
        observe=observe,
        controls=(Control("a mean of 20", predict=lambda p: {"mean": 20.0}),),
        activations="none",
        repetitions=("taylor.replicates",) if again else (),
    )


SIZES = QUICK.model_copy(update={"taylor": QUICK.taylor.model_copy(update={"replicates": 8})})


def run(folder: Path, *claims: Claim, repeating: Repeating | None = None, seed: int = 3) -> Run:
    return verify(claims, SIZES.model_copy(update={"base_seed": seed}), folder, repeating=repeating)


def one(found: Run, name: str) -> Judgement:
    return next(j for j in found.judgements if j.claim.id == name)


def test_open_verdicts_are_decided_and_only_they_are_repeated(tmp_path: Path) -> None:
    """A true, a false and an obvious claim: on data of the rival the verdict is FAILS."""
    told: list[list[str]] = []
    again = Repeating(on_look=lambda claims: told.append([c.id for c in claims]))
    claims = claim("X1", 0.0), claim("X2", 1.2), claim("X3", 0.0, margin=4.0)
    fixed = run(tmp_path / "fixed", *claims)
    assert [j.verdict for j in fixed.judgements] == [Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE, Verdict.HOLDS]
    assert all(j.look.number == 0 and j.open == (j.claim.id != "X3") for j in fixed.judgements)
    found = run(tmp_path / "again", *claims, repeating=again)
    assert [j.verdict for j in found.judgements] == [Verdict.HOLDS, Verdict.FAILS, Verdict.HOLDS]
    assert one(found, "X3").look.number == 1
    assert told[0] == ["X1", "X2"]
    for name in ("X1", "X2"):
        judgement = one(found, name)
        number = judgement.look.number
        assert sum(name in names for names in told) == number - 1 > 0
        assert judgement.cases[0].profile.taylor.replicates == 8 * 2 ** (number - 1)
        assert f"Looked at {number} times" in judgement.explanation


def test_numbers_of_earlier_looks_are_used_again(tmp_path: Path) -> None:
    found = run(tmp_path, claim("X1", 0.0), repeating=Repeating())
    judgement = found.judgements[0]
    with Store(tmp_path) as store:
        assert len(list(store.each())) == judgement.cases[0].profile.taylor.replicates
    once_more = run(tmp_path, claim("X1", 0.0), repeating=Repeating())
    assert once_more.judgements[0].computed == 0
    assert once_more.judgements[0].outcome == judgement.outcome


def test_the_records_say_how_often_a_claim_was_looked_at(tmp_path: Path) -> None:
    """Judged again from the records alone: the same looks, intervals and reasons, and no fixed-size verdict instead."""
    known = {c.id: c for c in (claim("X1", 0.0), claim("X4", 0.499))}
    found = run(tmp_path, *known.values(), repeating=Repeating(most=3))
    read = reload(tmp_path, known)
    for before, after in zip(found.judgements, read.judgements, strict=True):
        assert (before.look, before.halted, before.outcome) == (after.look, after.halted, after.outcome)
    assert one(read, "X1").look.number > 1
    assert "still open after 3 looks, which are all" in one(read, "X4").explanation
    with Store(tmp_path) as store:
        assert [entry["look"] for entry in store.verdicts()] == [j.look.number for j in found.judgements]


def test_a_budget_that_ends_leaves_a_sentence(tmp_path: Path) -> None:
    """The next look would take longer than is left: INCONCLUSIVE, with what would resolve it; nothing is lost."""
    found = run(tmp_path, claim("X1", 0.0, sleep=0.02), repeating=Repeating(budget=0.2))
    (judgement,) = found.judgements
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "the next needs about" in judgement.halted
    assert "and the budget leaves" in judgement.halted
    assert "times the repetitions would decide it" in judgement.halted
    with Store(tmp_path) as store:
        assert len(list(store.each())) == judgement.cases[0].profile.taylor.replicates < 8 * 2 ** (MOST - 1)


def test_what_cannot_be_repeated_is_left_alone(tmp_path: Path) -> None:
    found = run(tmp_path, claim("X1", 0.0, again=False), repeating=Repeating())
    assert found.judgements[0].verdict is Verdict.INCONCLUSIVE
    assert found.judgements[0].halted == ""
    assert found.judgements[0].look.number == 1
    hindered = replace(claim("X1", 0.0), obstacles=lambda p, evidence: ("runs were lost",))
    found = run(tmp_path / "hindered", hindered, repeating=Repeating())
    assert found.judgements[0].look.number == 1
    assert not found.judgements[0].open


def test_the_repetitions_needed_are_those_that_decide() -> None:
    """Chance of 0.3 and room for 0.1 with 0.02 of other errors: (0.3 / 0.08)^2; on either side of the margin."""
    for value in (0.4, 0.6):
        measured = Interval.student(value, 0.3 / 2.5758293035489004, slack=0.02)
        assert needed(Comparison("x", 0.0, measured, "within", 0.5)) == pytest.approx((0.3 / 0.08) ** 2)
    sure = Comparison("x", 0.0, Interval.student(0.0, 1e-3), "within", 0.5)
    assert needed(sure) == 1
    assert needed(replace(sure, measured=Interval.around(0.4, 0.2))) == 1  # no chance in it
    for nothing in (float("inf"), float("nan")):  # no prediction to come near to: a sentence, never an error
        assert needed(Comparison("x", nothing, Interval.student(0.0, 1.0), "within", 0.5)) == float("inf")
    stuck = Interval.student(0.49, 0.1, slack=0.02)
    assert needed(Comparison("x", 0.0, stuck, "within", 0.5)) == float("inf")
    assert needed(Comparison("x", 0.0, Interval.student(-0.1, 0.1), "below", 0.0)) == pytest.approx(2.5758293**2)


def test_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for budget in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="budget="):
            Repeating(budget)
    for entry in ({"look": -1}, {"look": MOST + 1}, {"look": True}, {"look": 1.0}, {"halted": 3}):
        with pytest.raises(ValueError, match="altered"):
            looked(entry)
    assert main(["verify", "--budget", "3m", "--out", str(tmp_path)]) == 2
    assert "--adaptive" in capsys.readouterr().err


def test_the_command_looks_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """S6 at 12 draws needs no second look; the record says that it was the first."""
    words = ["verify", "--claims", "S6", "--adaptive", "--budget", "10m", "--workers", "1", "--json"]
    small = ["--set", "spectral.gram_dimension={1=8}", "--set", "spectral.gram_samples={1=128}"]
    status = main([*words, *small, "--activation", "tanh(z + 1)", "--out", str(tmp_path)])
    assert status in (0, 1, 3)
    with Store(tmp_path) as store:
        (entry,) = store.verdicts()
    assert entry["look"] >= 1
    assert '"look"' in capsys.readouterr().out
