"""What strangers may hand in, drawn by hypothesis, and what must come of it: a result, or one of the documented errors.

A :class:`Door` is a place where text or a file comes in. Its ``enter`` returns a word for what came of an input, such
as "read" or "refused", and raises whatever must not happen. The same strategies serve plain draws and guided ones.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import json
import math
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from expressions_fuzz import ALIASES, NOISE, NUMBERS, SMOOTH, UNKNOWN, UNSUPPORTED, random_text
from hypothesis import strategies as st

import verify.check
import verify.judging.calibration
import verify.judging.worlds
import verify.report
import verify.running.estimate
import verify.session
from theory import Activation, separation_theorem, work_limit
from theory.activations.reading import clean, read
from theory.spectra.zonal_reading import KERNELS
from verify.cli.difference import compare
from verify.cli.main import main
from verify.registry import CLAIMS
from verify.running.experiment import Cell
from verify.running.rows import Failure, seal
from verify.running.store import Store
from verify.sizes.profile import PROFILES, QUICK, Profile, load_profile

SECONDS, PATIENCE = 1.0, 1.0
"""Processor time that an input may take, and its factor on a machine of unknown speed."""
LONGEST = 1500
"""Characters of a sentence."""


class TooSlow(BaseException):
    """An input took more than its time. No ``except Exception`` on the way may swallow it."""


class Reached(BaseException):
    """The command got as far as the work itself, which is not what is fuzzed."""


@contextlib.contextmanager
def in_time(seconds: float = SECONDS) -> Iterator[None]:
    """Raise :class:`TooSlow` in this block after so much processor time."""
    seconds *= PATIENCE

    def stop(*_: object) -> None:
        raise TooSlow(f"more than {seconds} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    begun = time.process_time()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    if time.process_time() - begun > 1.5 * seconds:  # the alarm waits for the end of a call in C
        raise TooSlow(f"{time.process_time() - begun:.1f} s of processor time")


def sentence(error: BaseException | str, kind: type | None = None, naming: str = "") -> None:
    """An error has to say something, in one line of bounded length: of exactly this class, with this word."""
    text = str(error)
    assert kind is None or type(error) is kind, repr(error)
    assert naming in text, repr(error)
    assert text.strip(), f"{type(error).__name__} without words"
    assert "\n" not in text, f"several lines: {text!r}"
    assert len(text) <= LONGEST, f"{len(text)} characters: {text[:200]!r}"


@dataclass(frozen=True)
class Door:
    """A place where input comes in.

    Attributes:
        strategy: what is handed in. enter: hands it in; returns what came of it.
        seconds: processor time that an input may take.
    """

    strategy: st.SearchStrategy[Any]
    enter: Callable[[Any, Path], str]
    seconds: float = SECONDS

    def __call__(self, value: Any, folder: Path) -> str:
        """What came of an input, within its time and in an empty folder, which is emptied again."""
        before = os.getcwd()
        os.chdir(folder)
        try:
            with in_time(self.seconds):
                return self.enter(value, folder)
        finally:
            os.chdir(before)
            for entry in os.scandir(folder):
                shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)


# --- activations and kernels -----------------------------------------------------------------------------------------

TOKENS = (
    *SMOOTH,
    *ALIASES,
    *UNSUPPORTED,
    *UNKNOWN,
    *NUMBERS,
    *NOISE,
    *(
        "z",
        "t",
        "(",
        ")",
        "**",
        "//",
        "@",
        " ",
        ",",
        "lambda:",
        "if",
        "else",
        ":=",
        "'",
        '"',
        "...",
        "not",
        "in",
        "acos",
    ),
    *("\\\n", "\r", "0" * 50, "9" * 80, "((((", "))))", "**64", "max(z,", "elu(z,", "\u0661", "\ud800", "f''", "await"),
)
TEXTS = st.one_of(
    st.integers(0, 2**40).map(lambda n: random_text(random.Random(n))),
    st.lists(st.sampled_from(TOKENS), max_size=40).map("".join),
    st.text(max_size=60),
)


def parsed(text: str, _: Path) -> str:
    """An activation is read, or refused; what is read reads again from its own text as the same."""
    try:
        sigma = Activation.parse(text)
    except ValueError as error:
        sentence(error)
        return "refused"
    assert Activation.parse(str(sigma)) == sigma
    return "read"


def kernel(text: str, _: Path) -> str:
    """The same for a kernel in t."""
    try:
        read(clean(text, KERNELS), KERNELS)
    except ValueError as error:
        sentence(error)
        return "refused"
    return "read"


# --- certificates ----------------------------------------------------------------------------------------------------

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.sampled_from([10**30, 10**31, 10**400, -1, 0, 2**63, 2**64, 1e308, 5e-324, -0.0, math.nan, math.inf, -math.inf]),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["1e999", "-1e-999", "1/0", "0/1", "9" * 60 + "." + "9" * 60, "[1 +/- 0]", "[1 +/- 1e-999]", "nan"]
    ),
    st.sampled_from(["[nan +/- inf]", "[1e999 +/- 1e-12]", "0." + "0" * 59 + "1", "1e-999", "1e+308", "\ud800", "\0"]),
    st.sampled_from([{}, [], [[]], {"": None}, [1] * 100, {"fields": 1}, [[1, 2], [3]]]),
)


@lru_cache
def certificate() -> str:
    """A certificate that holds."""
    return json.dumps(separation_theorem("sin(z + pi/4)").certificate())


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        found += _places(value, (*path, key))
    return found


def edited(data: Any, edits: list[tuple[int, str, Any]]) -> Any:
    """A copy of JSON data with values replaced, removed, added or scaled, at places by number."""
    for number, what, value in edits:
        places = _places(data)
        if not places:
            break
        *path, last = places[number % len(places)]
        node = data = copy.deepcopy(data)
        for key in path:
            node = node[key]
        if what == "remove":
            del node[last]
        elif what == "add" and isinstance(node, dict):
            node[str(value)] = value
        elif what == "swap":
            other = places[(number // 7) % len(places)]
            source = data
            with contextlib.suppress(KeyError, IndexError, TypeError):
                for key in other:
                    source = source[key]
                node[last] = copy.deepcopy(source)
        else:
            node[last] = value
    return data


EDITS = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(["replace", "replace", "remove", "add", "swap"]), VALUES),
    min_size=1,
    max_size=4,
)
BYTES = st.lists(st.tuples(st.integers(0, 2**20), st.binary(max_size=6), st.integers(0, 8)), max_size=4)
"""Edits of a file: where, what is put there, and how many bytes are taken away."""


def damaged(content: bytes, edits: list[tuple[int, bytes, int]]) -> bytes:
    """The bytes with edits."""
    for place, new, gone in edits:
        at = place % (len(content) + 1)
        content = content[:at] + new + content[at + gone :]
    return content


CERTIFICATES = st.one_of(
    EDITS.map(lambda edits: _written(edited(json.loads(certificate()), edits))),
    BYTES.map(lambda edits: damaged(certificate().encode(), edits)),
    TEXTS.map(lambda text: _written({**json.loads(certificate()), "activation": text})),
    st.binary(max_size=40),
)


def _written(data: Any) -> bytes:
    """As JSON; what JSON has no word for is written as Python does, which is what a stranger's program may write."""
    return json.dumps(data).encode("utf-8", "surrogatepass")


def checked(content: bytes, folder: Path) -> str:
    """A certificate is refused in a sentence, or gets as far as the integrals, which take seconds."""

    def integrals(*_: object) -> Iterator[str]:
        raise Reached

    file, out = folder / "c.json", io.StringIO()
    file.write_bytes(content)
    whole = verify.check.integrals
    verify.check.integrals = integrals  # type: ignore[assignment]
    try:
        with contextlib.redirect_stdout(out):
            status = verify.check.main([str(file)])
    except Reached:
        return "integrated"
    finally:
        verify.check.integrals = whole
    lines = out.getvalue().splitlines()
    assert status == 1
    assert lines[-1].startswith("refused: ")
    assert all(line.startswith("holds: ") for line in lines[:-1])
    sentence(lines[-1])
    return "refused"


# --- profiles --------------------------------------------------------------------------------------------------------


def _fields(values: dict[str, Any], before: str = "") -> list[str]:
    found = []
    for name, value in values.items():
        found.append(before + name)
        if isinstance(value, dict):
            found += _fields({str(k): v for k, v in value.items()}, f"{before}{name}.")
    return found


FIELDS = st.one_of(
    st.sampled_from(_fields(QUICK.model_dump())),
    st.lists(st.sampled_from(["spectral", "k", "", "1", "a b", '"', "'x'", "__class__", "name", "\0"]), max_size=4).map(
        ".".join
    ),
)
TOML = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.sampled_from(["true", "[]", "{}", "{ 1 = 2 }", "{ 1 = [4, 8, 16] }", "[10, 20, 40, 80]", "nan", "-inf"]),
    st.sampled_from(["1979-05-27", "07:32:00", "0x1F", "[[1, 2]]", "'''", '"cuda:7"', "{ 99999999999999999999 = 1 }"]),
    st.sampled_from(["9" * 5000, "[" * 300, "{ 1 = { 1 = { 1 = 1 } } }", "['tanh(z + 1)']", "[" + "1," * 500 + "]"]),
    st.sampled_from(["[4, 8]", "0.5", "[0.5, 1.0]", "{ 1 = 0.5, 2 = 0.5 }", "2", "16", "{ 1 = 16, 2 = 16, 3 = 16 }"]),
    TEXTS.map(lambda text: json.dumps([text])),
    st.text(max_size=12).map(json.dumps),
    st.text(max_size=12),
)
SETTINGS = st.lists(st.tuples(FIELDS, TOML).map("=".join), max_size=4)
FILES = st.one_of(
    SETTINGS.map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")),
    st.tuples(st.sampled_from([*PROFILES, "huge"]), SETTINGS).map(
        lambda given: "\n".join([f"base = '{given[0]}'", *given[1]]).encode("utf-8", "surrogatepass")
    ),
    st.binary(max_size=60),
)


def profiled(given: tuple[bytes, list[str]], folder: Path) -> str:
    """A profile is refused in a sentence, or keeps its meaning in the records."""
    content, overrides = given
    (folder / "mine.toml").write_bytes(content)
    try:
        found = load_profile("mine.toml", overrides)
    except ValueError as error:
        sentence(error, ValueError)
        return "refused"
    text = found.model_dump_json()
    json.dumps(json.loads(text), allow_nan=False)
    assert Profile.model_validate_json(text) == found
    return "read"


# --- records ---------------------------------------------------------------------------------------------------------


class Risk(Cell):
    """A cell of a made-up kind."""

    d: int = 8


KEY = "key"
VERDICTS = [
    {
        "id": "S1",
        "verdict": "HOLDS",
        "prediction": {"a": 1.0},
        "estimate": {"a": {"value": 1.0, "lower": 0.5, "upper": None}},
    }
]


@lru_cache
def store() -> bytes:
    """The file of a small store with all of its tables filled."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        with Store(Path(place)) as kept:
            number = kept.add_run(QUICK.model_dump_json(), ["S1"], "f", {"device": "cpu"})
            for d in (8, 16, 32):
                numbers = {"risk": d / 7, "risks": [1.0, 2.0], "ball": "[1 +/- 0.1]", "none": None}
                kept.add(Risk(d=d), "f", numbers, 0.5, {"device": "cpu"}, None if d > 8 else KEY)
            kept.add_failure("k", Failure("Risk", 2, "died", "Traceback"), "f", {})
            kept.keep_verdicts(number, VERDICTS, [{"device": "cpu"}])
        return (Path(place) / "records.sqlite").read_bytes()


COLUMNS = {
    "records": ("key", "kind", "specification", "numbers", "seconds", "fingerprint", "provenance", "created", "digest"),
    "runs": ("id", "profile", "claims", "fingerprint", "provenance", "created", "digest"),
    "verdicts": ("run", "judgements", "digest"),
    "failures": (
        *("key", "specification", "attempts", "reason", "trace", "fingerprint", "provenance", "created", "digest"),
    ),
}
TEXTUAL = st.one_of(
    EDITS.map(lambda edits: edited({"kind": "Risk", "fields": {"base_seed": 0, "replicate": 0, "d": 8}}, edits)),
    EDITS.map(lambda edits: edited({"risk": 1.5, "risks": [1.0, 2.0], "ball": "[1 +/- 0.1]"}, edits)),
    EDITS.map(lambda edits: edited({"judgements": VERDICTS, "machines": [{"device": "cpu"}]}, edits)),
    VALUES,
).map(json.dumps)
ROWS = st.lists(
    st.tuples(
        st.sampled_from([(table, name) for table, names in COLUMNS.items() for name in names]),
        st.one_of(
            TEXTUAL, VALUES.filter(lambda v: not isinstance(v, dict | list)), st.binary(max_size=8), st.just("x" * 5000)
        ),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)
"""Columns of the tables with what is put there, and whether the rows are sealed anew, as a stranger could."""


def _rewritten(path: Path, rows: list[tuple[tuple[str, str], Any, bool]]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    for (table, name), value, sealed in rows:
        with contextlib.suppress(sqlite3.Error, OverflowError, UnicodeEncodeError, ValueError):  # SQLite cannot hold it
            connection.execute(f"UPDATE {table} SET {name} = ?", (value,))  # noqa: S608 (our own names)
            if sealed and name != "digest":
                columns = COLUMNS[table][:-1]
                found = connection.execute(f"SELECT rowid, {', '.join(columns)} FROM {table}").fetchall()  # noqa: S608
                for row, *values in found:
                    connection.execute(f"UPDATE {table} SET digest = ? WHERE rowid = ?", (seal(*values), row))  # noqa: S608
    connection.close()


def _planted(given: tuple[Any, Any], folder: Path) -> Path:
    edits, rows = given
    path = folder / "records.sqlite"
    path.write_bytes(store())
    if rows:
        _rewritten(path, rows)
    if edits:
        path.write_bytes(damaged(path.read_bytes(), edits))
    return path


def finite(value: Any) -> bool:
    """Whether JSON data holds no NaN and no infinity."""
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def recorded(given: tuple[Any, Any], folder: Path) -> str:
    """Records are read, left out as damaged, or refused in a sentence; the file stays as it is."""
    path = _planted(given, folder)
    before = path.read_bytes()
    words = set()
    for look in LOOKS:
        try:
            look(folder)
            words.add("read")
        except ValueError as error:
            sentence(error, naming="records.sqlite")
            words.add("refused")
    assert [entry.name for entry in folder.iterdir()] == ["records.sqlite"]
    assert path.read_bytes() == before
    return " and ".join(sorted(words))


def _loaded(folder: Path) -> None:
    records = verify.load(folder)
    str(records)
    records._repr_html_()
    for name in records.kinds:
        for cell in records.of(name):
            assert finite(cell.numbers)
        records.varying(name)


def _tabled(folder: Path) -> None:
    records = verify.load(folder, every=True)
    for name in records.kinds:
        for dims in ((), ("d",), ("replicate", "d")):
            with contextlib.suppress(ValueError):
                records.to_xarray(name, dims)
        records.to_pandas(name)


def _opened(folder: Path) -> None:
    with Store(folder, create=False) as kept:
        found = kept.find(Risk(), "f", KEY)
        assert found is None or (finite(found[0]) and math.isfinite(found[1]))
        kept.failures()
        for look in (kept.run, kept.verdicts, kept.machines, lambda: verify.session.stored_claims(folder)):
            try:
                look()
            except ValueError as error:
                sentence(error, naming="records.sqlite")
    compare(folder, folder)


LOOKS: tuple[Callable[[Path], None], ...] = (_loaded, _opened)
RECORDS = st.tuples(st.one_of(st.just([]), BYTES), st.one_of(st.just([]), ROWS))
"""Edits of the file's bytes after edits of its rows."""


def tabulated(given: tuple[Any, Any], folder: Path) -> str:
    """The same records as tables of pandas and xarray."""
    _planted(given, folder)
    try:
        _tabled(folder)
    except ValueError as error:
        sentence(error)
        return "refused"
    return "read"


# --- the command line ------------------------------------------------------------------------------------------------

assert CLAIMS, "all that a command imports is there before the first one is timed"
for library in ("pandas", "xarray"):
    with contextlib.suppress(ImportError):
        importlib.import_module(library)
COMMANDS = ("claims", "verify", "sweep plan", "sweep run", "sweep collect", "sweep failures", "report", "figure")
COMMANDS += ("explain", "compare", "calibrate", "certificate", "spectrum", "", "help", "sweep", "spectrm", "--version")
OPTIONS = (
    *("--profile", "--claims", "--claims-from", "--out", "--workers", "--time-limit", "--attempts", "--scheduler"),
    *("--slurm", "--dry-run", "--json", "--seed", "--activation", "--set", "--chunks", "--truth", "--runs", "--d"),
    *("--degrees", "--digits", "--kernel", "--latex", "--csv", "--markdown", "--d-min", "--share", "--epsilon"),
    *("--delta", "--explain", "--help", "-h", "--", "--no-json", "---", "-", "--out=", "--d=10", "--empty-set"),
)
WORDS = st.one_of(
    st.sampled_from(
        [
            *(
                "quick",
                "full",
                "S1",
                "N3",
                "s1,N5",
                "S1,S1",
                "QQ",
                "3",
                "10",
                "-1",
                "0",
                "1.5",
                "1e9",
                "nan",
                "inf",
                "1/0",
            ),
            *(
                "9" * 30,
                "9" * 5000,
                "99999999999999999999",
                "x.toml",
                "x.py",
                "x.json",
                ".",
                "..",
                "/",
                "",
                " ",
                "records",
            ),
            *("ntk", "quadntk", "zonal", "tanh(z + 1)", "sin(z + pi/4)", "exp(t - 1)", "t**2", "spectral.blocks=1000"),
            *(
                "k=9",
                "name=''",
                "2h",
                "0s",
                "90",
                "1e3m",
                "1/4",
                "tcp://",
                "plan/0.json",
                "records.sqlite",
                "\udcff",
                "\n",
            ),
            *("\x1b[31m", "\0", "a" * 300, "{}", "[]", "=", "=1", "*", "~", "%s", "{0}", "http://x/y.toml"),
        ]
    ),
    st.integers(-5, 2000).map(str),
    TEXTS,
    SETTINGS.map(lambda settings: settings[0] if settings else ""),
)
LINES = st.tuples(
    st.sampled_from(COMMANDS).map(str.split),
    st.lists(st.one_of(st.sampled_from(OPTIONS), WORDS), max_size=6),
    st.one_of(st.none(), RECORDS),
)


def _stop(*_: object, **__: object) -> Any:
    raise Reached


@contextlib.contextmanager
def _without_work() -> Iterator[None]:
    """The commands that measure stop where they would begin."""
    places = (
        (verify.session, "verify"),
        (verify.running.estimate, "estimate"),
        (verify.judging.calibration, "calibrate"),
        (verify.judging.worlds, "verdict_rates"),
    )
    kept = [getattr(module, name) for module, name in places]
    for module, name in places:
        setattr(module, name, _stop)
    try:
        yield
    finally:
        for (module, name), function in zip(places, kept, strict=True):
            setattr(module, name, function)


def commanded(given: tuple[list[str], list[str], Any], folder: Path) -> str:
    """The command ends with a documented status; where it refuses, in one line, and it leaves no file behind."""
    command, words, beside = given
    if beside is not None:
        _planted(beside, folder)
    (folder / "x.toml").write_text("[spectral]\nblocks = 1000\n")
    before = sorted(os.listdir(folder))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _without_work(), work_limit(0.3):
        try:
            status = main([*command, *words])
        except Reached:
            return "would run"
    said = err.getvalue()
    assert "Traceback" not in said, said
    assert status in (0, 1, 2, 3), status
    if status == 2:
        assert said.strip(), "refused without a word"
        sentence(said.strip())
        left = sorted(os.listdir(folder))
        assert left == before, f"left behind: {left}"
    return f"status {status}"


DOORS = {
    "activation": Door(TEXTS, parsed),
    "kernel": Door(TEXTS, kernel),
    "certificate": Door(CERTIFICATES, checked, 10.0),  # it may bisect; for how long verify.intervals.MOST_WORK limits
    "profile": Door(st.tuples(FILES, SETTINGS), profiled),
    "records": Door(RECORDS, recorded),
    "tables": Door(RECORDS, tabulated),
    "command": Door(LINES, commanded),
}
