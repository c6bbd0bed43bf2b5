"""benchmarks/seeds.py: seen verdicts against those in worlds, and runs that go on where they stopped."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))

import seeds
from seeds import comparison, predicted_counts, same_rate

from verify.cli.main import main
from verify.judging.outcome import Verdict

HOLDS, FAILS, OPEN = Verdict.HOLDS, Verdict.FAILS, Verdict.INCONCLUSIVE


def tally(holds: int, fails: int, unclear: int) -> Counter[Verdict]:
    return Counter({HOLDS: holds, FAILS: fails, OPEN: unclear})


def by_definition(worlds: Counter[Verdict], seen: Counter[Verdict]) -> float:
    """Fisher's p value of HOLDS: of all tables with these margins, the share of those no likelier than the one seen."""
    first, second, both = sum(worlds.values()), sum(seen.values()), worlds[HOLDS] + seen[HOLDS]
    ways = {i: math.comb(first, i) * math.comb(second, both - i) for i in range(min(first, both) + 1) if both - i >= 0}
    least = ways[worlds[HOLDS]]
    return sum(w for w in ways.values() if w <= least) / math.comb(first + second, both)


def tables() -> Iterator[tuple[Counter[Verdict], Counter[Verdict]]]:
    for i in range(7):
        for j in range(5):
            yield tally(i, 0, 6 - i), tally(j, 4 - j, 0)


def test_the_p_value_is_that_of_all_tables_with_the_same_margins() -> None:
    for worlds, seen in tables():
        assert same_rate(worlds, seen, HOLDS) == pytest.approx(by_definition(worlds, seen), rel=1e-9)


def test_equal_rates_are_called_different_within_the_level() -> None:
    """Over all pairs of counts from one probability, weighted by their own: at most 5 % have p <= 5 %."""
    worlds, runs = 24, 8
    for rate in (0.1, 0.4, 0.7, 0.95):
        missed = 0.0
        for i in range(worlds + 1):
            for j in range(runs + 1):
                weight = math.comb(worlds, i) * math.comb(runs, j) * rate ** (i + j) * (1 - rate) ** (32 - i - j)
                if same_rate(tally(i, 0, worlds - i), tally(j, 0, runs - j), HOLDS) <= 0.05:
                    missed += weight
        assert missed <= 0.05


def test_a_claim_that_holds_in_worlds_and_not_in_runs_is_told_apart() -> None:
    worlds = {"N3": tally(107, 0, 3), "N6": tally(76, 0, 34), "N10": tally(88, 0, 22)}
    seen = {"N3": tally(8, 0, 0), "N6": tally(4, 0, 4), "N10": tally(0, 1, 7), "S3": tally(8, 0, 0)}
    lines, differing = comparison(worlds, seen)
    assert differing == ["N10"]
    assert lines[2].startswith("| N3 | 107/110 | 8/8 | 1 | 0/110 | 0/8 | 1 | same |")
    assert lines[4].startswith("| N10 | 88/110 | 0/8 | ")
    assert lines[4].endswith("| differs |")
    assert len(lines) == 5  # S3 has no worlds


def test_one_run_more_that_is_open_is_no_difference() -> None:
    _, differing = comparison({"N6": tally(76, 0, 34)}, {"N6": tally(3, 0, 5)})
    assert not differing


def test_the_correction_counts_every_comparison() -> None:
    """p = 0.0045 differs as one of two comparisons and stays within chance as one of forty."""
    worlds, seen = tally(40, 0, 0), tally(5, 0, 2)
    assert 0.05 / 40 < same_rate(worlds, seen, HOLDS) <= 0.05 / 2
    assert comparison({"A": worlds}, {"A": seen})[1] == ["A"]
    many = {f"N{i}": tally(40, 0, 0) for i in range(19)}
    assert comparison({"A": worlds, **many}, {"A": seen, **{name: tally(7, 0, 0) for name in many}})[1] == []


def test_the_prediction_is_what_calibrate_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "E1", "--worlds", "--runs", "3", "--json", "--quiet"]) == 0
    text = capsys.readouterr().out
    found = predicted_counts(text, "quick")
    assert found.keys() == {"E1"}
    assert sum(found["E1"].values()) == 3
    assert found["E1"][FAILS] == 0
    other = json.loads(text)
    for changes, sentence in (
        ({"profile": "full"}, "of the profile 'full'"),
        ({"adaptive": True}, "further looks"),
        ({"claims": [{"claim": "E1", "rates": []}]}, "is not from"),
    ):
        with pytest.raises(ValueError, match=sentence):
            predicted_counts(json.dumps(other | changes), "quick")
    with pytest.raises(ValueError, match="is not from"):
        predicted_counts("[]", "quick")


def test_a_base_seed_whose_records_are_there_is_not_computed_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worlds = {"step": 0.0, "counts": {"HOLDS": 40, "FAILS": 0, "INCONCLUSIVE": 0}}
    other = {"step": 0.0, "counts": {"HOLDS": 0, "FAILS": 40, "INCONCLUSIVE": 0}}
    for name, rates in (("right", worlds), ("wrong", other)):
        told = {"profile": "quick", "adaptive": False, "claims": [{"claim": "S1", "rates": [rates]}]}
        (tmp_path / f"{name}.json").write_text(json.dumps(told))
    sizes = ["--claims", "S1", "--workers", "1", "--out", str(tmp_path / "records")]
    small = ["--set", 'activations=["tanh(z + 1)"]', "--first", "400"]
    first = [*sizes, *small, "--seeds", "1"]
    assert seeds.main(first) == 0
    assert "seed 400: 2 cells computed, 0 from the records" in capsys.readouterr().out
    assert seeds.main([*sizes, *small, "--seeds", "3", "--predicted", str(tmp_path / "right.json")]) == 0
    said = capsys.readouterr().out
    assert "seed 400: 0 cells computed, 2 from the records" in said
    assert "seed 402: 1 cells computed, 1 from the records" in said  # the quadrature draws nothing
    assert "| S1 | 40/40 | 3/3 | 1 |" in said
    assert "the runs others in activations" in said
    assert seeds.main([*sizes, *small, "--seeds", "3", "--predicted", str(tmp_path / "wrong.json")]) == 1
    assert "402: 0 cells computed, 2 from the records" in capsys.readouterr().out


def test_runs_from_elsewhere_are_judged_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs in folders of their own, as from several machines; the tally is that of one folder for all."""
    sized = ["--set", 'activations=["tanh(z + 1)"]']
    for seed in (400, 401):
        command = ["verify", "--claims", "S1,T1", "--quiet", "--workers", "1", "--seed", str(seed), *sized]
        assert main([*command, "--out", str(tmp_path / str(seed))]) == 0
    folders = [str(tmp_path / "400"), str(tmp_path / "401")]
    capsys.readouterr()
    assert seeds.main(["--claims", "S1,T1", *sized, "--stored", *folders]) == 0
    said = capsys.readouterr().out
    assert "seed 400: {'HOLDS': 2}" in said
    assert "seed 401: {'HOLDS': 2}" in said
    assert "computed" not in said
    assert "| S1 | 2 HOLDS |" in said
    worlds = {"step": 0.0, "counts": {"HOLDS": 0, "FAILS": 40, "INCONCLUSIVE": 0}}
    told = {"profile": "quick", "adaptive": False, "claims": [{"claim": "S1", "rates": [worlds]}]}
    (tmp_path / "wrong.json").write_text(json.dumps(told))
    stored = ["--claims", "S1,T1", *sized, "--stored", *folders]
    assert seeds.main([*stored, "--predicted", str(tmp_path / "wrong.json")]) == 1
    assert "| S1 | 0/40 | 2/2 | 0.0012 |" in capsys.readouterr().out
    again = ["verify", "--claims", "S1,T1", "--quiet", "--workers", "1", "--seed", "402", *sized, "--adaptive"]
    assert main([*again, "--out", str(tmp_path / "402")]) == 0
    for words, sentence in (
        (["--claims", "S1,T1", *sized, "--stored", folders[0], folders[0]], "base seed 400 is in another folder too"),
        (["--claims", "T1,S1", "--stored", folders[0]], "its run has other sizes than quick"),
        (["--claims", "S1", *sized, "--stored", folders[0]], "holds claim T1"),
        (["--claims", "S1,T1,T2", *sized, "--stored", folders[0]], "its run has other claims than S1, T1, T2"),
        (["--claims", "S1,T1", *sized, "--stored", str(tmp_path)], "no records"),
        (["--claims", "S1,T1", *sized, "--stored", str(tmp_path / "402")], "was made with --adaptive"),
        ([*stored, "--first", "0", "--out", "x"], "--stored computes nothing; leave --first, --out out"),
    ):
        with pytest.raises(SystemExit) as stopped:
            seeds.main(words)
        assert stopped.value.code == 2
        assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--seeds", "0"],
        ["--workers", "0"],
        ["--set", "no.such=1"],
        ["--predicted", "nowhere.json"],
        ["--claims", "N13"],
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_computed(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        seeds.main([*words, "--out", str(tmp_path)])
    assert stopped.value.code == 2
    assert not list(tmp_path.iterdir())
