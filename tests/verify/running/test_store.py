"""Records are what they say: damage is seen, other files are left alone, reading leaves no trace."""

import copy
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from verify.cli.difference import OTHER_MACHINE, ROUNDING, compare, lines
from verify.judging.judgement import judge
from verify.registry import CLAIMS
from verify.report import ReportError, write_report
from verify.running.database import SCHEMA, StoreError
from verify.running.experiment import Cell, CellFailed, Numbers, fingerprint
from verify.running.machine import KERNELS, SWITCHES, machine
from verify.running.rows import RunRow
from verify.running.store import Store, seal
from verify.running.sweep import Done, run_cells
from verify.session import reload, verify
from verify.sizes.profile import QUICK
from verify.state import design


class Value(Cell):
    x: int

    def run(self) -> Numbers:
        return {"y": [self.x / 7, 1e300], "text": "[0.5 +/- 1e-20]"}


class Odd(Cell):
    what: str

    def run(self) -> Numbers:
        deep: list = []
        for _ in range(100_000):
            deep = [deep]
        return {"nan": {"y": float("nan")}, "object": {"y": object()}, "deep": {"y": deep}, "huge": {"y": 10**5000}}[
            self.what
        ]


CELLS = [Value(x=i) for i in range(8)]
KEYS = {cell: cell.key(fingerprint()) for cell in CELLS}
VERDICTS = [{"id": "S1", "verdict": "HOLDS", "prediction": {}, "estimate": {}}]


def fill(folder: Path) -> dict[Cell, Any]:
    with Store(folder) as store:
        number = store.add_run("{}", ["S1"], "f", {"device": "cpu"})
        run_cells(CELLS, store, {"device": "cpu"})
        store.keep_verdicts(number, VERDICTS, [{"device": "cpu"}])
    return look(folder, create=False)


def look(folder: Path, create: bool) -> dict[Any, Any]:
    """Everything that a store says; what it refuses is None."""
    found: dict[Any, Any] = {}
    try:
        with Store(folder, create=create) as store:
            for cell in CELLS:
                try:
                    found[cell] = store.find(cell, fingerprint(), KEYS[cell])
                except StoreError:
                    found[cell] = None
            for name in ("verdicts", "run", "machines"):
                try:
                    found[name] = getattr(store, name)()
                except StoreError:
                    found[name] = None
    except StoreError:
        pass
    return found


def test_no_mutated_file_serves_other_numbers(tmp_path: Path) -> None:
    """800 files with bytes flipped, put in, cut out or cut off, some beside a journal of noise."""
    true = fill(tmp_path / "whole")
    assert all(value is not None for value in true.values())
    data = (tmp_path / "whole" / "records.sqlite").read_bytes()
    rng, refused, served = random.Random(9), 0, 0
    folder = tmp_path / "mutated"
    for trial in range(800):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        changed = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(changed))
            kind = rng.randrange(10)
            if kind < 7:
                changed[at] ^= 1 << rng.randrange(8)
            elif kind == 7:
                changed[at:at] = rng.randbytes(rng.randint(1, 40))
            elif kind == 8:
                del changed[at : at + rng.randint(1, 40)]
            else:
                del changed[max(at, 1) :]
        (folder / "records.sqlite").write_bytes(changed)
        if trial % 5 == 0:
            (folder / rng.choice(["records.sqlite-journal", "records.sqlite-wal"])).write_bytes(rng.randbytes(5000))
        for create in (False, True):
            for name, value in look(folder, create).items():
                refused += value is None
                served += value is not None
                assert value is None or value == true[name], (trial, create, name)
    assert min(refused, served) > 800


def test_a_damaged_record_is_computed_again_and_told(tmp_path: Path) -> None:
    claim = CLAIMS["S2"]
    before = verify([claim], QUICK, tmp_path)
    assert before.notes == ()
    with sqlite3.connect(tmp_path / "records.sqlite") as connection:
        connection.execute("UPDATE records SET numbers = replace(numbers, '0', '1')")
    connection.close()
    with pytest.raises(ValueError, match=r"does not match its checksum.*the same escape-ntk verify command"):
        reload(tmp_path, CLAIMS)
    again = verify([claim], QUICK, tmp_path)
    assert "did not match their checksum" in again.notes[0]
    assert [j.outcome for j in again.judgements] == [j.outcome for j in before.judgements]
    assert [j.outcome for j in reload(tmp_path, CLAIMS).judgements] == [j.outcome for j in before.judgements]


def bare(path: Path, application: int, version: int) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.execute(f"PRAGMA application_id={application}")
        connection.execute(f"PRAGMA user_version={version}")
    connection.close()


@pytest.mark.parametrize("create", [True, False])
def test_other_files_are_refused_and_left_alone(tmp_path: Path, create: bool) -> None:
    fill(tmp_path / "own")
    own = (tmp_path / "own" / "records.sqlite").read_bytes()
    first = b"CREATE TABLE records (\n    key TEXT PRIMARY KEY, kind TEXT NOT NULL"
    cases = {
        "foreign": (None, "another program"),
        "newer": (own[:60] + (SCHEMA + 1).to_bytes(4, "big") + own[64:], "a newer escape-ntk.*update"),
        "older": (own[:60] + (1).to_bytes(4, "big") + own[64:], "an older escape-ntk.*another folder"),
        "first": (own[:60] + bytes(12) + own[72:100] + first + own[200:], "an older escape-ntk"),
        "short": (own[:50], "no SQLite file"),
        "text": (b"not a database " * 400, "no SQLite file"),
    }
    for name, (content, needle) in cases.items():
        path = tmp_path / name / "records.sqlite"
        path.parent.mkdir()
        if content is None:
            bare(path, 17, SCHEMA)
        else:
            path.write_bytes(content)
        before = path.read_bytes()
        with pytest.raises(StoreError, match=needle):
            Store(path.parent, create)
        assert path.read_bytes() == before
        assert os.listdir(path.parent) == ["records.sqlite"]
    (tmp_path / "folder" / "records.sqlite").mkdir(parents=True)
    with pytest.raises(StoreError, match="is no file"):
        Store(tmp_path / "folder", create)
    with pytest.raises(StoreError):
        Store(tmp_path / ("x" * 300), create)
    with pytest.raises(StoreError):
        Store(tmp_path / "a\0b", create)


def test_an_empty_file_is_filled_but_not_read(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite").touch()
    with pytest.raises(StoreError, match="is empty"):
        Store(tmp_path, create=False)
    fill(tmp_path)


def test_odd_paths(tmp_path: Path) -> None:
    for name in ("a?b#c%20d", "\udce4 surrogate", "ü"):
        assert fill(tmp_path / name)["verdicts"] == VERDICTS


def test_reading_leaves_no_trace(tmp_path: Path) -> None:
    true = fill(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert look(tmp_path, create=False) == true
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_killed_writer_hides_nothing(tmp_path: Path) -> None:
    """Killed in mid-transaction: a hot journal lies there. Reading undoes it in a copy, writing in place."""
    true = fill(tmp_path)
    code = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA cache_size=1')\nc.execute('BEGIN')\n"
        "for i in range(400): c.execute('INSERT INTO runs VALUES (?,?,?,?,?,?,?)', (i + 50, *['x' * 900] * 6))\n"
        "c.execute(\"UPDATE records SET numbers = 'null'\")\nos._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "records.sqlite")], check=False)
    assert (tmp_path / "records.sqlite-journal").stat().st_size
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert look(tmp_path, create=False) == true
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert look(tmp_path, create=True) == true


def test_an_interrupted_run_does_not_hide_the_one_before(tmp_path: Path) -> None:
    done = verify([CLAIMS["S2"]], QUICK, tmp_path)
    with Store(tmp_path) as store:
        store.add_run(QUICK.model_dump_json(), ["S5"], "f", {})
    assert [j.claim.id for j in reload(tmp_path, CLAIMS).judgements] == ["S2"]
    assert "S2" in write_report(tmp_path).read_text()
    assert [j.outcome for j in reload(tmp_path, CLAIMS).judgements] == [j.outcome for j in done.judgements]


def test_storage_errors_are_no_failed_computation(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store._connection.execute("PRAGMA max_page_count=1")
        with pytest.raises(StoreError, match=r"full.*free some space"):
            run_cells([Value(x=i) for i in range(200)], store, {})
    with Store(tmp_path) as store, sqlite3.connect(tmp_path / "records.sqlite") as other:
        store._connection.execute("PRAGMA busy_timeout=10")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=r"locked.*another escape-ntk verify writes there"):
            store.find(CELLS[0], "f")
        other.rollback()
    other.close()


@pytest.mark.parametrize("what", ["nan", "object", "deep", "huge"])
def test_numbers_that_cannot_be_kept_are_the_cell_s_fault(what: str, tmp_path: Path) -> None:
    with Store(tmp_path) as store, pytest.raises(CellFailed, match=f'"what":"{what}"'):
        run_cells([Odd(what=what)], store, {})


def test_numbers_are_the_same_before_and_after_the_records(tmp_path: Path) -> None:
    class Table(Cell):
        def run(self) -> Numbers:
            return {"by_k": {1: (1, 2)}}

    with Store(tmp_path) as store:
        first = run_cells([Table()], store, {})[Table()]
        second = run_cells([Table()], store, {})[Table()]
    assert (first.stored, second.stored) == (False, True)
    assert first.numbers == second.numbers == {"by_k": {"1": [1, 2]}}


@lru_cache(maxsize=4)
def computed(claim: str) -> dict[Cell, Numbers]:
    """True numbers of a claim's cells; sampled ones repeat one value, without any scatter."""
    repeated = {"values": [1.0] * 3, "stderrs": [0.0] * 3}
    cells = design(CLAIMS[claim], QUICK)
    return {cell: repeated if type(cell).__name__ == "KernelMonteCarlo" else cell.run() for cell in cells}


def altered(claim: str, change: Any) -> Any:
    """A claim judged on numbers of which some balls are replaced."""
    numbers = copy.deepcopy(computed(claim))
    for cell, own in numbers.items():
        change(cell, own)
    return judge(CLAIMS[claim], QUICK, [Done(c, n, 0.0, True) for c, n in numbers.items()])


@pytest.mark.parametrize("claim", ["S2", "S4"])
@pytest.mark.parametrize("text", ["[0 +/- 1e300]", "[+/- inf]", "nan", "[5 +/- 1]"])
def test_a_wide_ball_decides_nothing(claim: str, text: str) -> None:
    def widen(cell: Cell, numbers: Numbers) -> None:
        for name in ("balls", "terms"):
            if name in numbers:
                numbers[name] = [text] * len(numbers[name])
        if "trace" in numbers:
            numbers |= {"trace": text, "partial": text}
        for bounds in numbers.get("bounds", []):
            if bounds is not None:
                wide = "[0 +/- 6]" if text == "[5 +/- 1]" else text  # the latter decides that a bound is positive
                bounds |= dict.fromkeys(("lower", "upper", "remainder"), wide)
                bounds["coefficients"] = [wide] * len(bounds["coefficients"])

    judgement = altered(claim, widen)
    assert judgement.verdict == "INCONCLUSIVE"
    assert {c.verdict for c in judgement.outcome.comparisons} == {"INCONCLUSIVE"}
    assert {c.verdict for control in judgement.controls for c in control.outcome.comparisons} == {"INCONCLUSIVE"}


def test_a_standard_error_of_zero_proves_nothing() -> None:
    judgement = altered("S1", lambda cell, numbers: None)
    sampled = [c for c in judgement.outcome.comparisons if "Monte Carlo" in c.label]
    assert len(sampled) == 9
    assert {(c.verdict, c.p_value) for c in sampled} == {("INCONCLUSIVE", 1.0)}


def test_provenance_names_what_the_digits_depend_on(tmp_path: Path) -> None:
    found = verify([CLAIMS["S2"]], QUICK, tmp_path).provenance
    assert set(KERNELS) <= found.keys()
    assert "torch: " in found["blas"]
    code = "import json; from verify.running.machine import machine; print(json.dumps(machine()))"
    free = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    slow = free | {"ATEN_CPU_CAPABILITY": "default"}
    done = subprocess.run([sys.executable, "-c", code], env=slow, capture_output=True, text=True, check=True)
    other = json.loads(done.stdout)
    assert other["switches"] == "ATEN_CPU_CAPABILITY=default"
    assert other["instructions"] != machine()["instructions"] or machine()["instructions"].endswith("DEFAULT")
    with Store(tmp_path, create=False) as store:
        assert store.machines() == [{name: found[name] for name in KERNELS}]


HERE = dict.fromkeys(KERNELS, "a")


@pytest.mark.parametrize(
    ("machines", "mark", "moved", "words"),
    [
        ([HERE], "f", 1e-7, "the same kind of machine: numbers must agree to 1e-09"),
        ([HERE | {"blas": "b"}], "f", 1e-3, "different machines (blas: a | b): numbers must agree to 0.0001"),
        ([HERE, HERE | {"blas": "b"}], "f", 1e-3, "different machines"),
        ([], "f", 1e-3, "machines that the records do not name"),
        ([HERE], "g", 0.3, "other code, sizes or seeds on the same kind of machine: intervals must overlap"),
    ],
)
def test_runs_are_compared_as_their_machines_allow(machines, mark, moved, words, tmp_path: Path) -> None:
    def entry(value: float) -> list[dict[str, Any]]:
        estimate = {"a": {"value": value, "lower": value - 0.1, "upper": value + 0.1}}
        return [{"id": "S1", "verdict": "HOLDS", "prediction": {"a": 1.0}, "estimate": estimate}]

    def write(name: str, value: float, kinds: list[dict[str, str]], code: str) -> Path:
        with Store(tmp_path / name) as store:
            store.keep_verdicts(store.add_run("{}", ["S1"], code, {}), entry(value), kinds)
        return tmp_path / name

    one = write("one", 1.0, [HERE], "f")
    for place, (shift, expected) in enumerate([(moved, 1), (moved / 1000, 0)]):
        (found,) = compare(one, write(f"two{place}", 1.0 + shift, machines, mark))
        assert len(found.moved) == expected
        assert words in found.held
        assert words in "\n".join(lines([found]))
    assert ROUNDING < OTHER_MACHINE


def test_a_report_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = verify([CLAIMS["S2"]], QUICK, tmp_path)
    for error in (OSError(28, "No space left on device"), KeyboardInterrupt()):

        def fail(*_: object, error: BaseException = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr("verify.files.os.replace", fail)
            with pytest.raises((ReportError, KeyboardInterrupt)):
                write_report(tmp_path, run)
        assert os.listdir(tmp_path) == ["records.sqlite"]


def test_seals_keep_every_bit() -> None:
    rows = [(1, 0.1), (1, 0.1 + 2**-56), (1.0, 0.1), ("1", 0.1), (None, 0.1), (b"1", 0.1), ("\udce4", 0.1)]
    assert len({seal(*row) for row in rows}) == len(rows)


def test_a_run_is_judged_again_when_its_code_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the code that it keeps; a new run measures anew."""
    before = verify([CLAIMS["S2"]], QUICK, tmp_path)
    monkeypatch.setattr("verify.running.experiment.written", lambda module, name="": "edited")
    assert [j.outcome for j in reload(tmp_path, CLAIMS).judgements] == [j.outcome for j in before.judgements]
    assert all(j.computed > 0 for j in verify([CLAIMS["S2"]], QUICK, tmp_path).judgements)
    assert all(j.computed == 0 for j in verify([CLAIMS["S2"]], QUICK, tmp_path).judgements)


def test_runs_repeat_each_other_where_the_classes_of_both_have_the_same_code() -> None:
    def row(profile: str = "{}", fingerprint: str = "f", **codes: str) -> RunRow:
        return RunRow(1, profile, [], json.dumps({"": fingerprint} | codes), {}, "")

    assert row(a="1", b="2").repeats(row(b="2", c="3"))
    assert not row(a="1", b="2").repeats(row(b="3"))
    assert not row(fingerprint="g").repeats(row())
    assert not row(profile="[]").repeats(row())
