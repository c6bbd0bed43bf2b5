"""Stored measurements as tables: all of them, each once, and nothing that does not verify."""

import builtins
import sqlite3
from pathlib import Path

import numpy as np
import pytest

import verify
from verify.running.database import StoreError
from verify.running.experiment import Cell
from verify.running.store import Store


class Risk(Cell):
    d: int
    name: str = "<b>joint</b>"


class Curve(Cell):
    points: tuple[int, ...] = (1, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Store(tmp_path) as store:
        for d in (8, 16):
            for replicate in (0, 1, 2):
                numbers = {"risk": d + replicate / 10, "energies": [[1.0, d], [0.0, replicate]], "ball": "[1 +/- 0.1]"}
                store.add(Risk(d=d, replicate=replicate), "new", numbers | {"d": 2 * d}, 0.5, {})
        store.add(Curve(), "new", {"risks": [1.0, None], "count": 2}, 0.1, {})
        store.add(Curve(replicate=1), "new", {"risks": [1.0], "more": 1}, 0.1, {})
    return tmp_path


def test_what_is_there(folder: Path) -> None:
    records = verify.load(folder)
    assert records.kinds == {"Curve": 2, "Risk": 6}
    assert records.varying("Risk") == ("replicate", "d")
    page = records._repr_html_()
    assert "<b>" not in page
    assert page.count("<tr>") == 3
    assert str(records).endswith("Risk: 6")
    assert sum(cell.seconds for cell in records.cells) == pytest.approx(3.2)
    assert verify.load(str(folder)) == records


def test_pandas(folder: Path) -> None:
    pytest.importorskip("pandas")
    frame = verify.load(folder).to_pandas("Risk")
    assert len(frame) == 6
    assert frame["d_measured"].tolist() == [16] * 3 + [32] * 3
    assert frame.groupby("d")["risk"].mean().to_dict() == pytest.approx({8: 8.1, 16: 16.1})
    assert frame["energies"][4] == [[1.0, 16], [0.0, 1]]


def test_xarray(folder: Path) -> None:
    pytest.importorskip("xarray")
    records = verify.load(folder)
    grid = records.to_xarray("Risk", ["d", "replicate"])
    assert dict(grid.sizes) == {"d": 2, "replicate": 3, "energies_0": 2, "energies_1": 2}
    assert float(grid["risk"].sel(d=16, replicate=2)) == 16.2
    assert grid["energies"].sel(d=8, replicate=1).values.tolist() == [[1.0, 8.0], [0.0, 1.0]]
    assert grid["ball"].sel(d=8, replicate=0).item() == "[1 +/- 0.1]"
    assert grid.attrs["kind"] == "Risk"
    flat = records.to_xarray("Risk")
    assert dict(flat.sizes)["cell"] == 6
    assert flat["replicate"].values.tolist() == [0, 1, 2] * 2
    curves = records.to_xarray("Curve", "replicate")
    assert curves["risks"].sel(replicate=1).item() == [1.0], "of another length: kept as it is"
    assert np.isnan(curves["count"].sel(replicate=1))
    with pytest.raises(ValueError, match="they differ in replicate: name one too"):
        records.to_xarray("Risk", ["d"])
    with pytest.raises(ValueError, match="has no field 'm'; it has base_seed, replicate, d, name"):
        records.to_xarray("Risk", ["m"])


def test_names(folder: Path, tmp_path: Path) -> None:
    records = verify.load(folder)
    with pytest.raises(ValueError, match=r"kind='Rsik': needs one of Curve, Risk; did you mean Risk\?"):
        records.to_pandas("Rsik")
    with pytest.raises(ValueError, match="kind=None: needs one of Curve, Risk"):
        records.of()
    with pytest.raises(StoreError, match=r"no records\.sqlite there"):
        verify.load(tmp_path / "nothing")


def test_a_field_is_one_dimension(folder: Path) -> None:
    pytest.importorskip("xarray")
    with pytest.raises(ValueError, match="needs each field once"):
        verify.load(folder).to_xarray("Risk", dims=("d", "d"))


def test_the_newest_counts_unless_every_one_is_asked_for(folder: Path) -> None:
    with Store(folder) as store:
        store.add(Curve(), "newer", {"count": 3}, 0.1, {})
    assert [cell.numbers["count"] for cell in verify.load(folder).of("Curve") if "count" in cell.numbers] == [3]
    assert verify.load(folder, every=True).kinds == {"Curve": 3, "Risk": 6}


def test_what_does_not_verify_is_left_out_and_counted(folder: Path) -> None:
    with sqlite3.connect(folder / "records.sqlite") as connection:
        connection.execute("UPDATE records SET numbers = '{\"count\": 7}' WHERE kind = 'Curve'")
    connection.close()
    records = verify.load(folder)
    assert (records.kinds, records.damaged) == ({"Risk": 6}, 2)
    assert "2 records do not match" in records._repr_html_()
    assert len(records.of()) == 6, "the only kind needs no name"


def test_without_the_extra_the_remedy_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: object) -> object:
        if name in ("pandas", "xarray"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    for call in (verify.load(folder).to_pandas, verify.load(folder).to_xarray):
        with pytest.raises(ImportError, match=r"pip install 'escape-ntk\[records\]'"):
            call("Risk")
