"""Cells from outside the package are keyed by everything that they run."""

import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from loky import get_reusable_executor

import verify
from verify.cells.kernels import RidgeCurve
from verify.running.experiment import Cell, CellFailed, fingerprint, sources
from verify.running.identity import Unidentified, digest
from verify.running.store import Store
from verify.running.sweep import execute, run_cells

HEAD = "from typing import ClassVar\nfrom verify.running.experiment import Cell\n"
BODY = """
import numpy as np
import sidekick
TABLE = {"a": [1, 2.0, {3, 4}], "b": np.arange(4)}
def half(x):
    return x / 2
def outer(f):
    def inner(x):
        return f(x)
    return inner
wrapped = outer(half)
class Base(Cell):
    x: float
    RATE: ClassVar[float] = 0.5
    def scale(self, power=2):
        return self.x**power * self.RATE
class Measure(Base):
    def run(self):
        import sidekick as late
        f = lambda y: y + TABLE["a"][0]
        return {"y": f(wrapped(self.scale())) + sidekick.shift(1) + late.CONSTANT + ("p" in {"p", "q"})}
"""
SIDEKICK = "CONSTANT = 5\ndef shift(x):\n    return inner(x) + 1\ndef inner(x):\n    return x\n"
EDITS = {
    "method": ("self.x**power", "self.x**power + 1"),
    "constant": ('TABLE = {"a": [1,', 'TABLE = {"a": [7,'),
    "set": ("{3, 4}", "{3, 5}"),
    "array": ("np.arange(4)", "np.arange(4.0)"),
    "function": ("return x / 2", "return x / 3"),
    "captured": ("wrapped = outer(half)", "wrapped = outer(abs)"),
    "default": ("power=2", "power=3"),
    "class variable": ("= 0.5", "= 0.6"),
    "lambda": ("y + TABLE", "y - TABLE"),
    "member of a set": ('{"p", "q"}', '{"p", "r"}'),
    "late import": ("late.CONSTANT", "late.shift(0)"),
}
SIDE_EDITS = {"nested": ("return x\n", "return x + 2\n"), "attribute": ("= 5", "= 6")}


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(body: str = BODY, side: str = SIDEKICK, name: str = "users_cells") -> ModuleType:
        (tmp_path / "sidekick.py").write_text(side)
        (tmp_path / f"{name}.py").write_text(HEAD + body)
        for module in ("sidekick", name):
            sys.modules.pop(module, None)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield load
    for module in ("sidekick", "users_cells", "other_cells"):
        sys.modules.pop(module, None)


@pytest.mark.parametrize("edit", [*EDITS, *SIDE_EDITS])
def test_every_edit_gives_another_key_and_none_the_same(load, edit: str) -> None:
    before = load().Measure(x=1.0).key("f")
    assert load().Measure(x=1.0).key("f") == before
    side = edit in SIDE_EDITS
    old, new = SIDE_EDITS[edit] if side else EDITS[edit]
    body, sidekick = (BODY, SIDEKICK.replace(old, new)) if side else (BODY.replace(old, new), SIDEKICK)
    assert (body, sidekick) != (BODY, SIDEKICK)
    assert load(body, sidekick).Measure(x=1.0).key("f") != before


def test_numbers_of_deleted_code_are_not_served(load, tmp_path: Path) -> None:
    with Store(tmp_path / "o") as store:
        for body, value in ((BODY, 9.25), (BODY.replace("x / 2", "x / 4"), 9.125)):
            cell = load(body).Measure(x=1.0)
            (done,) = run_cells([cell], store, {}).values()
            assert not done.stored
            assert done.numbers["y"] == value
            assert run_cells([cell], store, {})[cell].stored


def test_names_are_not_shared(load) -> None:
    """Neither with a class of that name in another module, nor with one of ours; seeds follow the name alone."""
    one, other = load(name="users_cells").Measure(x=1.0), load(name="other_cells").Measure(x=1.0)
    assert one.key("f") != other.key("f")
    assert one.seed("draw") == other.seed("draw")
    fields = "".join(
        f"    {name}: object = None\n" for name in RidgeCurve.model_fields if name not in Cell.model_fields
    )
    body = f"class RidgeCurve(Cell):\n{fields}"
    values = {"activation": "z", "device": "cpu", "d": 3, "m": 2, "samples": (2,), "dense": (), "ridges": ()}
    ours, theirs = RidgeCurve(**values), load(body).RidgeCurve(sparse=(), targets=8, **values)
    assert ours.specification == theirs.specification
    assert ours.key("f") != theirs.key("f")
    type(theirs).__module__ = RidgeCurve.__module__
    assert ours.key("f") != theirs.key("f"), "not even when it says that it is ours"


def test_a_notebook_cell_defined_again_has_another_key() -> None:
    def define(body: str) -> Cell:
        namespace = {"__name__": "__main__"}
        exec(HEAD + body, namespace)  # noqa: S102 - there is no file to read
        return namespace["C"](x=1.0)

    text = "FACTOR = 2\nclass C(Cell):\n    x: float\n    def run(self):\n        return {'y': FACTOR * self.x}\n"
    first = define(text)
    assert first.key("f") == define("\n\n# moved\n" + text).key("f")
    assert first.key("f") != define(text.replace("FACTOR *", "FACTOR +")).key("f")
    assert first.key("f") != define(text.replace("= 2", "= 3")).key("f")


def test_fields_outside_the_specification_count() -> None:
    class Hidden(Cell):
        _note: int = 0

        def run(self) -> dict:
            return {}

    one, two = Hidden(), Hidden()
    two._note = 1
    assert one.specification == two.specification
    assert one.key("f") != two.key("f")


MODEL = """
import pydantic
class Model(pydantic.BaseModel, frozen=True):
    a: float = pydantic.Field(1.0, alias="b", gt=0)
    c: tuple[int, ...] = pydantic.Field(default_factory=lambda: (1, 2))
    @pydantic.field_validator("a", mode="before")
    @classmethod
    def half(cls, value):
        return value / 2
class Measure(Cell):
    def run(self):
        return {"y": Model().a + len(Model().c)}
"""
MODEL_EDITS = {
    "default": ("Field(1.0", "Field(5.0"),
    "alias": ('"b"', '"c"'),
    "limit": ("gt=0", "ge=0"),
    "factory": ("(1, 2)", "(1, 2, 3)"),
    "when": ('"before"', '"after"'),
}


@pytest.mark.parametrize("edit", MODEL_EDITS)
def test_what_pydantic_takes_out_of_a_class_counts(load, edit: str) -> None:
    before = load(MODEL).Measure().key("f")
    assert load(MODEL).Measure().key("f") == before
    assert load(MODEL.replace(*MODEL_EDITS[edit])).Measure().key("f") != before


LOSSY = """
import pydantic
class Base(pydantic.BaseModel, frozen=True):
    z: int = 1
class Part(Base):
    y: float = 0.0
class Hidden(pydantic.BaseModel, frozen=True):
    y: float = pydantic.Field(0.0, exclude=True)
class Measure(Cell):
    part: Base = Base()
    rounded: float = 0.0
    hidden: Hidden = Hidden()
    @pydantic.field_serializer("rounded")
    def shown(self, value):
        return round(value)
    def run(self):
        return {"y": getattr(self.part, "y", 0.0) + self.rounded + self.hidden.y}
"""


def test_cells_that_json_does_not_tell_apart_have_records_of_their_own(load, tmp_path: Path) -> None:
    """A field of a derived class, one that is rounded when it is written, and one that is left out."""
    users = load(LOSSY)
    for name, wrap in (
        ("part", lambda y: users.Part(y=y)),
        ("rounded", float),
        ("hidden", lambda y: users.Hidden(y=y)),
    ):
        cells = [users.Measure(**{name: wrap(y)}) for y in (0.1, 0.2)]
        for stored in (False, True):
            with Store(tmp_path / name) as store:
                found = run_cells(cells, store, {})
            assert [found[cell].numbers["y"] for cell in cells] == [0.1, 0.2]
            assert all(found[cell].stored is stored for cell in cells)
    one, two = (users.Measure(part=users.Part(y=y)) for y in (0.1, 0.2))
    assert one.seed("draw") != two.seed("draw")


@pytest.mark.parametrize("value", [threading.Lock(), (n for n in (1, 2)), memoryview(b"1")])
def test_what_cannot_be_read_is_refused(value: object) -> None:
    with pytest.raises(Unidentified, match=r"cannot be identified .* or pass what it depends on as a field"):
        digest({"a": [value]})


def test_arrays_and_tensors_count_by_all_that_they_hold() -> None:
    names = [np.zeros(2, dtype=[(name, "i4")]) for name in "aab"]
    assert digest(names[0]) == digest(names[1]) != digest(names[2])
    view = torch.tensor([1j]).conj()
    assert digest(view) == digest(view.resolve_conj()) != digest(torch.tensor([1j]))
    for tensor in (torch.eye(2).to_sparse(), torch.empty(2, device="meta")):
        with pytest.raises(Unidentified, match="make it inside run"):
            digest(tensor)


def test_equal_content_is_equal_and_cycles_end() -> None:
    looped: list = [1]
    looped.append(looped)
    again: list = [1]
    again.append(again)
    assert digest(looped) == digest(again)
    assert digest((np.zeros(3), {"b", "a"})) == digest((np.zeros(3), {"a", "b"}))
    values = [1, 1.0, True, "1", b"1", (1,), [1], {1}, {1: 1}, np.ones(1), -0.0, 0.0, None, complex(1), len, int]
    assert len({digest(value) for value in values}) == len(values)


def key_of(cell: Cell) -> str:
    return cell.key("f")


def test_keys_agree_across_processes_and_other_code_is_refused(load, tmp_path: Path) -> None:
    """A worker that has loaded the file in another state would compute what the key does not say."""
    cell = load().Measure(x=1.0)
    pool = get_reusable_executor(1, reuse=False, kill_workers=True)
    assert pool.submit(key_of, cell).result() == cell.key("f")
    assert execute(cell, cell.key(fingerprint()))[0] == {"y": 9.25}
    edited = load(BODY.replace("x / 2", "x / 8")).Measure(x=1.0)
    with Store(tmp_path / "o") as store:
        with pytest.raises(CellFailed, match="restart the session, or reload the module"):
            run_cells([edited], store, {}, executor=pool)
        assert store.find(edited, fingerprint()) is None


def test_a_script_with_its_own_cell_and_a_file_named_as_python_s(tmp_path: Path) -> None:
    """Classes of __main__ reach the workers by value, and random.py beside the script does not reach them at all."""
    (tmp_path / "random.py").write_text("raise SystemExit('shadowed')\n")
    (tmp_path / "copy.py").write_text("raise SystemExit('shadowed')\n")
    (tmp_path / "job.py").write_text(
        "from pathlib import Path\nimport sys\n"
        "from verify.running.experiment import Cell\nfrom verify.running.store import Store\n"
        "from verify.running.sweep import run_cells\n"
        "class C(Cell):\n    x: float\n    def run(self):\n        import random, copy\n        return {'y': self.x}\n"
        "if __name__ == '__main__':\n    sys.path.insert(0, '')\n    with Store(Path('o')) as store:\n"
        "        run_cells([C(x=1.0), C(x=2.0)], store, {}, workers=2)\n"
        "        print(all(d.stored for d in run_cells([C(x=1.0), C(x=2.0)], store, {}).values()))\n"
    )
    path = os.environ | {"PYTHONPATH": str(Path(verify.__file__).parents[1])}
    line = [sys.executable, "-P", "job.py"]
    done = subprocess.run(line, cwd=tmp_path, env=path, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_what_a_cell_uses_of_the_package_counts(load) -> None:
    """By the source that it reaches: the name asked for, or the module where it is used as a whole."""
    body = (
        "from numerics.sampling import sphere\nimport theory\n"
        "class Drawn(Cell):\n    def run(self):\n        return {'y': float(sphere(3, 3, 1.0, theory)[0, 0])}\n"
    )
    asked: list[tuple[str, str]] = []

    def known(module: str, name: str) -> str:
        asked.append((module, name))
        return "unchanged"

    kind, files = load(body).Drawn, sources()
    before = digest(kind, files, known)
    assert {("numerics.sampling", "sphere"), ("theory", "")} <= set(asked)
    assert digest(kind, files, lambda module, name: "unchanged") == before
    for changed in (("numerics.sampling", "sphere"), ("theory", "")):
        assert digest(kind, files, lambda *place, at=changed: "unchanged" if place != at else "edited") != before
