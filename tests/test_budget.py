"""The budget of ratios and the command for a card, with made-up runs: what is accepted, repeated, left out, refused."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
sys.path.append(str(BENCHMARKS))

import card  # noqa: E402
import check  # noqa: E402
from measure import Bench, Ratio, parser  # noqa: E402

ENTRY = check.Entry(("a.py",), {"fast": 1.0, "slow": 2.0}, {"fast": "a target", "slow": "a reason"})


def runs(*medians: dict[str, float], skipped: dict[str, str] | None = None) -> check.Run:
    """A script that gives one set of medians after the other, and then the last one."""
    left: Iterator[dict[str, float]] = iter(medians)
    last = dict[str, float]()

    def run(command: tuple[str, ...]) -> tuple[dict[str, Ratio], dict[str, str]]:
        nonlocal last
        assert command == ("a.py",)
        last = next(left, last)
        return {name: Ratio(name, m, m, m, 5, "the other") for name, m in last.items()}, skipped or {}

    return run


def test_within_the_budget() -> None:
    said: list[str] = []
    assert check.regressions(ENTRY, runs({"fast": 0.9, "slow": 2.0}), said.append) == []
    assert len(said) == 2


def test_a_regression_is_named_after_four_runs() -> None:
    """One good median of four is enough: others may have kept the machine busy."""
    bad, good = {"fast": 1.2, "slow": 1.0}, {"fast": 0.99, "slow": 3.0}
    assert check.regressions(ENTRY, runs(bad, bad, bad, good), print) == []
    (sentence,) = check.regressions(ENTRY, runs(bad, bad, bad, bad, good), print)
    assert sentence == "fast: takes 1.2 times as long as the other, accepted 1 (a target)"


def test_what_is_missing_is_named_unless_the_script_says_why() -> None:
    said: list[str] = []
    (sentence,) = check.regressions(ENTRY, runs({"fast": 0.5}), said.append)
    assert sentence.startswith("slow: a.py no longer prints it")
    assert check.regressions(ENTRY, runs({"fast": 0.5}, skipped={"slow": "no such library"}), said.append) == []
    assert "slow: left out, no such library" in said
    (sentence,) = check.regressions(ENTRY, runs({"fast": 0.5}, skipped={"other": "no such library"}), said.append)
    assert sentence.startswith("slow: a.py no longer prints it")


def test_a_script_that_fails_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("import sys\nsys.exit('it differs')\n")
    monkeypatch.setattr(check, "HERE", tmp_path)
    with pytest.raises(check.Broken, match="status 1; it differs"):
        check.execute(("a.py",))


def test_every_ratio_has_a_reason_and_a_script() -> None:
    for entry in check.budget():
        assert (BENCHMARKS / entry.run[0]).exists()
        assert entry.accepted
        assert all(limit > 0 and entry.why[name] for name, limit in entry.accepted.items())


def test_the_table_takes_the_place_of_the_old_one() -> None:
    page = f"before\n{check.BEGIN}\nold\n{check.END}\nafter\n"
    scripts = {"a.py": ({"fast": Ratio("fast", 0.5, 0.25, 0.75, 7, "the other")}, {"slow": "no such library"})}
    written = check.put(page, check.table(scripts, "a machine"))
    assert "old" not in written
    assert "| fast | the other | 0.5 | 0.25 to 0.75 | 7 |" in written
    assert "Left out: slow (no such library)." in written
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert check.put(written, check.table(scripts, "a machine")) == written
    with pytest.raises(ValueError, match="needs the lines"):
        check.put("no marks", "text")
    assert check.BEGIN in check.PAGE.read_text(encoding="utf-8")


def options(*words: str) -> argparse.Namespace:
    return parser("").parse_args(words)


def test_a_ratio_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """In JSON as the budget reads it, and in words."""
    bench = Bench(options("--json"))
    bench.record("fast", [1.0, 4.0, 2.0, 3.0, 9.0], "the other")
    bench.skip("slow", "no such library")
    bench.say("nothing of this")
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert Ratio(**first) == Ratio("fast", 3.0, 1.0, 9.0, 5, "the other")
    assert second == {"name": "slow", "skipped": "no such library"}
    Bench(options()).compare({"a": lambda: 1, "b": lambda: 2}, {"a-b": ("a", "b")})
    assert "times b" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="needs 5 or more"):
        Bench(options("--repetitions", "4"))


def test_without_a_card_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for words, sentence in (([], "torch sees no CUDA device"), (["--device", "cpu"], "add --rehearse")):
        monkeypatch.setattr(sys, "argv", ["card.py", *words])
        assert card.main() == 2
        written = capsys.readouterr()
        assert written.out == ""
        assert sentence in written.err
        assert written.err.count("\n") == 1


def test_parts_end_stop_and_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that ended is not run again; one that was stopped is, and leaves no process."""
    mark = tmp_path / "alive"
    waits = f"import time, pathlib\ntime.sleep(30)\npathlib.Path({str(mark)!r}).touch()"
    ratio = '{"name": "fast", "ratio": 0.5, "low": 0.4, "high": 0.6, "repetitions": 5, "against": "the other"}'
    made = [
        card.Part("tests", (("-c", f"print('well')\nprint('''{ratio}''')"), ("-c", "import sys; sys.exit(3)")), 60),
        card.Part("authors", (("-c", waits),), 2),
    ]
    monkeypatch.setattr(card, "parts", lambda *_: made)
    monkeypatch.setattr(sys, "argv", ["card.py", "--device", "cpu", "--rehearse", "--out", str(tmp_path / "out")])
    assert card.main() == 1
    found = json.loads((tmp_path / "out/card.json").read_text())
    first, second = found["parts"]
    assert (first["how"], first["statuses"], first["last"]) == ("ended", [0, 3], ["well"])
    assert (second["how"], second["statuses"]) == ("stopped", [])
    assert found["ceilings"]["product TFLOP/s"] > 0
    page = (tmp_path / "out/card.md").read_text()
    assert "Rehearsal without a card" in page
    assert "| fast | the other | 0.5 | 0.4 to 0.6 |" in page

    made[:] = [card.Part("tests", (("-c", "raise SystemExit(9)"),), 60), card.Part("authors", (("-c", "pass"),), 60)]
    assert card.main() == 0
    first, second = json.loads((tmp_path / "out/card.json").read_text())["parts"]
    assert first["statuses"] == [0, 3]
    assert (second["how"], second["statuses"]) == ("ended", [0])
    assert not mark.exists()


def test_the_parts_fit_into_25_minutes(tmp_path: Path) -> None:
    """And every command is one that its program understands."""
    for device, rehearse in (("cuda", False), ("cpu", True)):
        found = card.parts(tmp_path, device, rehearse)
        assert sum(part.limit for part in found) <= 25 * 60
        command = next(command for part in found if part.name == "authors" for command in part.commands)
        if rehearse:
            words = [sys.executable, *command, "--dry-run"]
            done = subprocess.run(words, cwd=BENCHMARKS.parent, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
