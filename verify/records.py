"""Stored measurements as tables: what ``escape-ntk verify`` has kept in a folder, for pandas and xarray."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.showing import table
from verify.running.store import Store
from verify.suggestions import did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

LARGEST_GRID = 10**7
"""Entries of one variable of an xarray Dataset."""


@dataclass(frozen=True)
class StoredCell:
    """One measurement as it was stored.

    Attributes:
        kind: the class of the cell. fields: its specification.
        numbers: what it gave; certified balls as their decimal text.
        seconds: of computing it. created: when, in UTC. code: hash of the code and libraries that computed it.
    """

    kind: str
    fields: dict[str, Any]
    numbers: dict[str, Any]
    seconds: float
    created: str
    code: str


@dataclass(frozen=True)
class Records:
    """The measurements of a folder: a table of what is there in a notebook, and tables of each kind.

    Attributes:
        folder: where they were read.
        cells: in the order in which they were stored.
        damaged: how many did not match their checksum and were left out.
    """

    folder: Path
    cells: tuple[StoredCell, ...]
    damaged: int = 0

    @property
    def kinds(self) -> dict[str, int]:
        """How many cells there are of each kind."""
        return dict(sorted(Counter(cell.kind for cell in self.cells).items()))

    def of(self, kind: str | None = None) -> list[StoredCell]:
        """The cells of one kind; of the only one when None.

        Raises:
            ValueError: no such kind, or several and none named.
        """
        known = list(self.kinds)
        if kind is None and len(known) == 1:
            return list(self.cells)
        if kind not in known:
            said = "" if kind is None else did_you_mean([str(kind)], known)
            raise ValueError(f"kind={kind!r}: needs one of {', '.join(known) or 'none, the folder is empty'}{said}")
        return [cell for cell in self.cells if cell.kind == kind]

    def varying(self, kind: str | None = None) -> tuple[str, ...]:
        """The fields in which the cells of a kind differ."""
        cells = self.of(kind)
        return tuple(name for name in cells[0].fields if len({json.dumps(cell.fields[name]) for cell in cells}) > 1)

    def to_pandas(self, kind: str | None = None) -> pd.DataFrame:
        """A DataFrame with a row for each cell: its fields, its numbers, seconds and created.

        A number that has the name of a field is called ``name_measured``. Lists stay lists: ``frame.explode("name")``
        makes rows of them.

        Raises:
            ValueError: no such kind, or several and none named.
            ImportError: pandas is not installed; with the command that installs it.
        """
        cells = self.of(kind)
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("pandas is not installed: pip install 'escape-ntk[records]'") from error
        return pd.DataFrame([{**c.fields, **_measured(c), "seconds": c.seconds, "created": c.created} for c in cells])

    def to_xarray(self, kind: str | None = None, dims: Sequence[str] = ()) -> xr.Dataset:
        """A Dataset of the numbers of a kind, with the fields as coordinates.

        Args:
            kind: of cell; may be left out where there is one.
            dims: fields that become dimensions, such as ``("d", "replicate")``. Without any there is one dimension,
                "cell". Places of the grid that nobody measured are NaN.

        Lists of numbers get dimensions of their own, called ``name_0``, ``name_1`` and so on, where all have the same
        shape; what is no number, or differs in shape, is kept as objects.

        Raises:
            ValueError: no such kind or field, two cells at one place of the grid (the sentence names the fields that
                tell them apart), or a grid of more than 10^7 places.
            ImportError: xarray is not installed; with the command that installs it.
        """
        cells = self.of(kind)
        try:
            import xarray as xr
        except ImportError as error:
            raise ImportError("xarray is not installed: pip install 'escape-ntk[records]'") from error
        names = (dims,) if isinstance(dims, str) else tuple(dims)
        if len(set(names)) < len(names):
            raise ValueError(f"dims={dims!r}: needs each field once")
        for name in names:
            if name not in cells[0].fields:
                raise ValueError(
                    f"dims={dims!r}: {cells[0].kind} has no field {name!r}; it has {', '.join(cells[0].fields)}"
                )
        values = {name: sorted({_plain(cell.fields[name]) for cell in cells}) for name in names}
        shape = tuple(map(len, values.values())) if names else (len(cells),)
        if math.prod(shape) > LARGEST_GRID:
            raise ValueError(
                f"dims={dims!r}: makes {math.prod(shape)} places for {len(cells)} cells; name fewer fields"
            )
        places = [
            tuple(values[name].index(_plain(cell.fields[name])) for name in names) if names else (row,)
            for row, cell in enumerate(cells)
        ]
        if len(set(places)) < len(places):
            others = ", ".join(name for name in self.varying(kind) if name not in names)
            raise ValueError(f"dims={dims!r}: several cells have the same place; they differ in {others}: name one too")
        axes = names or ("cell",)
        data = {}
        for name in dict.fromkeys(name for cell in cells for name in _measured(cell)):
            column = [_measured(cell).get(name) for cell in cells]
            array, extra = _array(column, places, shape, name)
            data[name] = ((*axes, *extra), array)
        coords: dict[str, Any] = dict(values)
        for name in cells[0].fields:
            if not names:
                coords[name] = ("cell", [_plain(cell.fields[name]) for cell in cells])
        constant = {name: _plain(cells[0].fields[name]) for name in cells[0].fields if name not in self.varying(kind)}
        return xr.Dataset(data, coords, {"kind": cells[0].kind, **{k: str(v) for k, v in constant.items()}})

    def _repr_html_(self) -> str:
        """What is there, for a notebook."""
        rows = []
        for kind, count in self.kinds.items():
            cells = self.of(kind)
            seconds = sum(cell.seconds for cell in cells)
            numbers = list(dict.fromkeys(name for cell in cells for name in cell.numbers))
            rows.append((kind, count, f"{seconds:.1f}", ", ".join(self.varying(kind)), ", ".join(numbers[:8])))
        note = f"{self.damaged} records do not match their checksum and are left out" if self.damaged else ""
        head = ("kind", "cells", "seconds", "fields that vary", "numbers")
        return table(f"records of {self.folder}", head, rows, note)

    def __str__(self) -> str:
        return "\n".join([f"records of {self.folder}", *(f"  {kind}: {count}" for kind, count in self.kinds.items())])


def load(folder: Path | str, every: bool = False) -> Records:
    """The stored measurements of a folder; nothing is computed and nothing is written.

    Args:
        folder: of ``escape-ntk verify --out``.
        every: also what older code or libraries computed for the same specification; by default the newest alone.

    Raises:
        StoreError: no records there, or a file of another program or version.

    >>> import tempfile
    >>> from verify.running.experiment import Cell
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with Store(Path(place)) as store:
    ...         store.add(Cell(replicate=3), "code", {"risk": 0.5}, 0.1, {})
    ...     records = load(place)
    >>> records.kinds, records.cells[0].fields["replicate"], records.cells[0].numbers
    ({'Cell': 1}, 3, {'risk': 0.5})
    """
    with Store(Path(folder), create=False) as store:
        rows = list(store.each())
        damaged = store.damaged
    cells: dict[tuple[str, ...], StoredCell] = {}
    for kind, specification, numbers, seconds, code, created in rows:
        fields = json.loads(specification)["fields"]
        place = (specification, code) if every else (specification,)
        cells.pop(place, None)  # so that the newest stands where it was stored
        cells[place] = StoredCell(kind, fields, numbers, seconds, created, code)
    return Records(Path(folder), tuple(cells.values()), damaged)


def as_csv(records: Records, kind: str | None = None) -> str:
    """A line for each measurement, as comma-separated values; lists and tables as JSON.

    Args:
        records: to write.
        kind: whose fields and numbers become columns; without it the columns are kind, fields, numbers, seconds,
            created and code.

    Raises:
        ValueError: no such kind.
    """
    cells = records.cells if kind is None else records.of(kind)
    if kind is None:
        rows = [
            {"kind": c.kind, "fields": c.fields, "numbers": c.numbers}
            | {"seconds": c.seconds, "created": c.created, "code": c.code}
            for c in cells
        ]
        columns = ["kind", "fields", "numbers", "seconds", "created", "code"]
    else:
        rows = [{**c.fields, **_measured(c), "seconds": c.seconds, "created": c.created} for c in cells]
        columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows({name: _entry(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def as_netcdf(records: Records, kind: str | None = None, dims: Sequence[str] = ()) -> bytes:
    """The Dataset of :meth:`Records.to_xarray` as netCDF 3; what is no grid of numbers there is JSON text.

    Raises:
        ValueError: as :meth:`Records.to_xarray`.
        ImportError: xarray is not installed; with the command that installs it.
    """
    found = records.to_xarray(kind, dims)
    for name, variable in found.variables.items():
        if variable.dtype == object:
            texts = np.array([_entry(value) for value in variable.values.ravel()], dtype=str)
            found[name] = (variable.dims, texts.reshape(variable.shape))
    return bytes(found.to_netcdf(engine="scipy"))


def _entry(value: Any) -> str | int | float:
    """A number or a text as it is, anything else as JSON; nothing where there is none."""
    if value is None:
        return ""
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else json.dumps(value)


def _measured(cell: StoredCell) -> dict[str, Any]:
    """The numbers under names that no field has."""
    taken = {*cell.fields, "seconds", "created"}
    return {f"{name}_measured" if name in taken else name: value for name, value in cell.numbers.items()}


def _plain(value: Any) -> Any:
    """A field as a coordinate: a number or a text."""
    return value if isinstance(value, str | int | float) else json.dumps(value)


def _array(
    column: Sequence[Any], places: Sequence[tuple[int, ...]], shape: tuple[int, ...], name: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The values at their places, and the names of the axes that they have themselves."""
    found = [_numeric(value) for value in column]
    shapes = {each.shape for each in found if each is not None}
    missing = any(each is None and value is not None for each, value in zip(found, column, strict=True))
    if missing or len(shapes) != 1:
        objects = np.full(shape, None, dtype=object)
        for place, value in zip(places, column, strict=True):
            objects[place] = value
        return objects, ()
    (own,) = shapes
    array = np.full((*shape, *own), np.nan)
    for place, value in zip(places, found, strict=True):
        if value is not None:
            array[place] = value
    return array, tuple(f"{name}_{axis}" for axis in range(len(own)))


def _numeric(value: Any) -> np.ndarray | None:
    """A number or a regular list of numbers as an array; None for anything else."""
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        return None
    return array.astype(np.float64) if array.dtype.kind in "iuf" else None
