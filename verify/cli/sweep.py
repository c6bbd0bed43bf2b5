"""The command ``escape-ntk sweep``: cells without judging, and what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from escape_ntk import require_extra
from verify.cli.options import record_folder
from verify.cli.streams import emit

# Heavy imports live in the commands that need them, as everywhere in the command line.

app = App(name="sweep", help="Compute cells in parts, on one machine or many, and look at those that failed.")

Folder = Annotated[Path, Parameter(name="DIR")]


@app.command
def failures(folder: Folder, /) -> int:
    """Every cell that failed when it was last tried, with its traceback; status 3 when there are any.

    Parameters
    ----------
    folder
        Folder of an ``escape-ntk verify --out``.
    """
    require_extra("escape-ntk sweep failures")
    from verify.running.store import Store

    with Store(record_folder(folder), create=False) as store:
        found = store.failures()
    for failure in found:
        emit(f"{failure.sentence} ({failure.created})")
        if failure.trace:
            emit("\n".join(f"    {line}" for line in failure.trace.splitlines()))
    emit(f"cells that failed: {len(found)}")
    return 3 if found else 0
