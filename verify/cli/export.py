"""The command ``escape-ntk export``: the claims and what became of them, in formats that other programs read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from escape_ntk import require_extra
from verify.cli.examples import EXAMPLES
from verify.cli.options import METHOD, OUTPUT, SUBJECT, From, record_folder
from verify.cli.streams import emit

if TYPE_CHECKING:
    from verify.judging.claim import Claim
    from verify.session import Run

# Heavy imports live in the commands that need them, as everywhere in the command line.

app = App(
    name="export",
    help="Write claims, verdicts and records in formats of other programs; nothing is computed.",
    help_epilogue=EXAMPLES["export"],
)

KINDS = (".html", ".dot", ".json")


@app.command(help_epilogue=EXAMPLES["export graph"])
def graph(
    *,
    to: Annotated[Path, Parameter(name="--to"), OUTPUT] = Path("claims.html"),
    out: Annotated[Path, SUBJECT] = Path("out"),
    claims_from: From = None,
) -> int:
    """Write the graph of the claims: statement, source, what each builds on, and its status.

    Parameters
    ----------
    to
        File to write: .html is an offline page whose nodes are links, .dot is for Graphviz, .json for programs.
    out
        Folder of an earlier ``escape-ntk verify --out``, whose verdicts are shown; without records there every claim
        is "not judged".
    claims_from
        A file of your own claims that ends in .py, or an installed package with claims; may be given several times. Its
        code is run, and its claims are drawn beside ours.
    """
    require_extra("escape-ntk export graph")
    from verify.registry import known
    from verify.report.blueprint import as_dot, as_json, as_page, nodes
    from verify.running.database import exists

    kind = to.suffix.lower()
    if kind not in KINDS:
        raise ValueError(f"to={str(to)!r}: needs a name that ends in {', '.join(KINDS)}")
    if exists(out / "records.sqlite"):
        claims, run = _found(record_folder(out), claims_from or ())
    else:
        claims, run = known(claims_from or ()), None
    drawn = nodes(claims.values(), run.judgements if run else ())
    if kind == ".html":
        said = (
            f"Verdicts of profile {run.profile.name}, {run.created}." if run else "No run was given: nothing is judged."
        )
        text = as_page(drawn, said)
    else:
        text = (as_dot if kind == ".dot" else as_json)(drawn)
    _write(to, text.encode("utf-8", "replace"))
    emit(f"graph: {to}")
    return 0


@app.command(help_epilogue=EXAMPLES["export logbook"])
def logbook(
    *,
    to: Annotated[Path, Parameter(name="--to"), OUTPUT] = Path("logbook"),
    out: Annotated[Path, SUBJECT] = Path("out"),
    claims_from: From = None,
) -> int:
    """Write verdicts and records as a logbook and a project that Trackio reads; Trackio need not be installed.

    Parameters
    ----------
    to
        Folder to write; what is written lies in its .trackio.
    out
        Folder of an earlier ``escape-ntk verify --out``.
    claims_from
        A file of your own claims that ends in .py, or an installed package with claims; may be given several times. Its
        code is run.
    """
    require_extra("escape-ntk export logbook")
    from verify.records import load
    from verify.report.logbook import write_logbook

    folder = record_folder(out)
    _, run = _found(folder, claims_from or ())
    emit(f"logbook: {write_logbook(run, load(folder), to)}")
    return 0


@app.command(help_epilogue=EXAMPLES["export records"])
def records(
    *,
    to: Annotated[Path, Parameter(name="--to"), OUTPUT] = Path("records.csv"),
    out: Annotated[Path, SUBJECT] = Path("out"),
    kind: Annotated[str | None, SUBJECT] = None,
    dims: Annotated[str | None, METHOD] = None,
) -> int:
    """Write the measurements as a table, a grid, or Parquet shards.

    Parameters
    ----------
    to
        A file that ends in .csv, a row for each measurement; a file that ends in .nc, netCDF with a grid of one kind;
        or a folder for Parquet, to which only what it lacks is added.
    out
        Folder of an earlier ``escape-ntk verify --out``.
    kind
        Measurements of one kind alone, such as GramSpectrum, whose fields and numbers become columns.
    dims
        With .nc: fields that become dimensions, such as d,replicate; every measurement needs a place of its own.
    """
    require_extra("escape-ntk export records")
    from verify.records import as_csv, as_netcdf, load

    folder, ending = record_folder(out), to.suffix.lower()
    if ending not in ("", ".csv", ".nc") or to.name.lower() in (".csv", ".nc"):
        raise ValueError(f"to={str(to)!r}: needs a name that ends in .csv or .nc, or the name of a folder")
    if dims is not None and ending != ".nc":
        raise ValueError(f"dims={dims!r}: dimensions are those of a grid; give --to a name that ends in .nc")
    if not ending:
        from verify.running.parquet import export
        from verify.running.store import Store

        if kind is not None:
            raise ValueError(f"kind={kind!r}: Parquet holds every record; leave --kind out")
        with Store(folder, create=False) as store:
            emit(f"records: {export(store, to)} new in {to}")
        return 0
    found = load(folder)
    if ending == ".csv":
        content = as_csv(found, kind).encode()
    else:
        content = as_netcdf(found, kind, tuple(name.strip() for name in (dims or "").split(",") if name.strip()))
    _write(to, content)
    emit(f"records: {to}")
    return 0


def _write(to: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    from verify.files import write_whole

    if not to.parent.is_dir():
        raise ValueError(f"to={str(to)!r}: there is no folder {to.parent}; make it, or name another")
    try:
        write_whole(to, content)
    except OSError as error:
        raise ValueError(f"to={str(to)!r}: cannot be written ({error.strerror}); name another file") from None


def _found(folder: Path, sources: Sequence[str]) -> tuple[dict[str, Claim], Run]:
    """The known claims, and the newest run of a folder of records."""
    from verify.registry import known
    from verify.session import reload, stored_claims

    claims = known(sources, stored_claims(folder))
    return claims, reload(folder, claims)
