"""``escape-ntk``: the command, what it is told, and its exit status.

Exit status: 0 every claim HOLDS; 1 some claim FAILS; 2 misuse, with one sentence on standard error; 3 nothing fails but
something is INCONCLUSIVE, also because a cell failed; 70 an error of the program itself, with its traceback; 130
interrupted by Ctrl-C, 143 ended by SIGTERM.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sqlite3
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError

from escape_ntk import INTERRUPTED, MISUSE, TERMINATED, leave, require_extra
from verify.cli import commands
from verify.cli.calibrate import calibrate
from verify.cli.examples import EXAMPLES
from verify.cli.export import app as export
from verify.cli.figure import figure
from verify.cli.options import (
    METHOD,
    OUTPUT,
    SUBJECT,
    Activation,
    Duration,
    Flag,
    From,
    Json,
    Quiet,
    Set,
    Verbose,
    Whole,
    loudness,
)
from verify.cli.options import sizes as read_sizes
from verify.cli.streams import Kept, Output, Terminated, emit, forgiving, interruptible, notify, prepare, silence
from verify.cli.sweep import app as sweep

# Heavy imports (torch, the claims) live in the commands that need them: ``spectrum`` and ``--help`` start without
# torch and run where the extra is not installed.

INTERNAL = 70
PIPE = 141
NAMED = 5
"""Failed cells that are named on standard error; the records have all of them."""
SAID, REMEDY = 1200, 300
"""Characters of a sentence, which may repeat what was typed, and of its end, which says what helps."""
OWN = ("escape_ntk", "theory", "numerics", "verify")
"""Packages whose exceptions carry a sentence for the user."""


app = App(
    name="escape-ntk",
    version=lambda: _version(),
    suppress_keyboard_interrupt=False,
    help="Checks the theory of two-layer networks beyond the NTK regime (arXiv:2206.03688) against numbers.",
    help_epilogue=EXAMPLES[""],
)


def _version() -> str:
    try:
        return importlib.metadata.version("escape-ntk")
    except importlib.metadata.PackageNotFoundError:  # run from a folder of sources
        return "unknown: escape-ntk is not installed"


@app.command(help_epilogue=EXAMPLES["verify"])
def verify(
    *,
    profile: Annotated[str, SUBJECT] = "quick",
    claims: Annotated[str | None, SUBJECT] = None,
    claims_from: From = None,
    out: Annotated[Path, OUTPUT] = Path("out"),
    workers: Annotated[Whole | None, METHOD] = None,
    time_limit: Annotated[Duration | None, METHOD] = None,
    attempts: Annotated[Whole, METHOD] = 3,
    scheduler: Annotated[str | None, METHOD] = None,
    slurm: Annotated[Whole | None, METHOD] = None,
    adaptive: Annotated[Flag, METHOD] = False,
    budget: Annotated[Duration | None, METHOD] = None,
    dry_run: Annotated[Flag, METHOD] = False,
    json_: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    seed: Annotated[Whole | None, SUBJECT] = None,
    activation: Activation = None,
    set_: Set = None,
) -> int:
    """Measure, judge and report. The same command again computes only what is missing.

    Parameters
    ----------
    profile
        How large the experiments are: quick, full, gpu, authors, or a file of your own that ends in .toml.
    claims
        Comma-separated ids, such as S1,N5; all that the profile has judged when left out.
    claims_from
        A file of your own claims that ends in .py, or an installed package with claims; may be given several times. Its
        code is run. Without --claims its claims alone are judged.
    out
        Folder for records.sqlite and report.html.
    workers
        Processes; one per core by default. Results do not depend on it. With 1 the command computes by itself, and a
        computation that crashes ends it.
    time_limit
        How long a single computation may take, such as 90, 15m or 2h; no limit when left out.
    attempts
        How often a computation is tried before it counts as failed; its claims are INCONCLUSIVE then.
    scheduler
        Address of a Dask scheduler, such as tcp://node7:8786, whose workers compute (extra cluster).
    slurm
        Number of SLURM jobs whose workers compute, started as dask-jobqueue is configured (extra cluster).
    adaptive
        Look again at verdicts that chance leaves open, with twice the repetitions each time, until they are decided. No
        error becomes likelier: the looks share the level of one.
    budget
        With --adaptive: no further look is begun that would end later than so long after the start, such as 30m.
    dry_run
        Only say how many cells are to be computed, how long that should take and how much memory; a few cells of each
        class are tried out for that, 10 s each at most, and nothing is kept.
    json_
        Print one JSON object on standard output instead of the table.
    quiet
        Show no progress; the table, and sentences about what failed, stay.
    verbose
        Write a line for each cell as it is computed.
    seed
        Base seed of all random experiments; the profile's (0) when left out.
    activation
        An expression in z in place of the profile's; may be given several times.
    set_
        One field of the profile, as spectral.blocks=1000 (TOML); may be given several times.
    """
    require_extra("escape-ntk verify")
    from verify.cli.display import ProgressDisplay, Silent, show_table
    from verify.judging.shown import entry
    from verify.registry import select
    from verify.report import ReportError, write_report
    from verify.running.cluster import cluster
    from verify.running.experiment import versions
    from verify.running.sweep import CHECKPOINTS, Done, default_workers
    from verify.sequential import Repeating
    from verify.session import verify as run

    loudness(quiet, verbose)
    sizes = read_sizes(profile, set_ or (), activation or (), seed)
    selected = select(claims, sizes, claims_from or ())
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: needs an integer workers >= 1")
    if attempts < 1:
        raise ValueError(f"attempts={attempts}: needs an integer attempts >= 1")
    remote = (scheduler is not None) + (slurm is not None)
    if remote + (workers is not None or time_limit is not None) > 1:
        raise ValueError("--scheduler, --slurm: need to be alone, without each other, --workers and --time-limit")
    if slurm is not None and slurm < 1:
        raise ValueError(f"slurm={slurm}: needs an integer slurm >= 1")
    if budget is not None and not adaptive:
        raise ValueError(f"budget={budget:g}: bounds further looks; give --adaptive too")
    count = workers or default_workers(sizes.device)
    if dry_run:
        commands.estimated(selected, sizes, out, count, json_)
        return 0
    kept = Kept(out)

    # From here on there is something to keep: Ctrl-C unwinds, and what runs is ended in order.
    screen = Output(stderr=True)
    engine = cluster(scheduler, slurm, sizes.device) if remote else nullcontext()
    with (
        kept,
        interruptible(leave),
        engine as executor,
        Silent() if quiet else ProgressDisplay(screen, selected, out / CHECKPOINTS, verbose) as progress,
    ):

        def on_cell(done: Done, there: int, total: int) -> None:
            kept.note(there, total)
            progress.cell(done, there, total)

        told, alone = (progress.claim, on_cell), workers is None
        looks = Repeating(budget, on_look=progress.look) if adaptive else None
        found = run(
            selected, sizes, out, count, *told, time_limit, attempts, alone, executor, looks, on_left=progress.left
        )
    for note in found.notes:
        notify(note)
    for failure in found.failed[:NAMED]:
        notify(failure.sentence)
    if found.failed:
        notify(
            f"cells that failed: {len(found.failed)}; escape-ntk sweep failures {out} prints their tracebacks, and the "
            f"same command tries them again"
        )
    # The page is written before anything is printed, and printing goes on without it: neither costs the other.
    try:
        path = write_report(out, found)
    except (ValueError, OSError) as error:
        path = None
        again = "" if isinstance(error, ReportError) else f"; escape-ntk report {out} writes it from the records"
        notify(f"the report was not written: {error}{again}")
    if json_:
        settings = {"profile": sizes.name, "activations": sizes.activations, "seed": sizes.base_seed}
        judged = {"claims": [entry(j) for j in found.judgements]}
        protocol = {"protocol": {"made": found.provenance["protocol"], "remarks": found.protocol}}
        emit(json.dumps(judged | settings | protocol | {"versions": versions()}), wrap=False)
    else:
        show_table(Output(), found.judgements)
        for remark in found.protocol:
            emit(f"protocol: {remark}")
        if path is not None:
            emit(f"report: {path}")
    verdicts = {str(j.verdict) for j in found.judgements}
    return 1 if "FAILS" in verdicts else 3 if "INCONCLUSIVE" in verdicts else 0


for inquiry in (
    commands.claims,
    commands.report,
    figure,
    commands.explain,
    commands.compare,
    calibrate,
    commands.certificate,
    commands.spectrum,
    commands.completion,
):
    app.command(inquiry, help_epilogue=EXAMPLES[inquiry.__name__])
app.command(sweep)
app.command(export)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    prepare()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with interruptible():
            return _run(words)
    except KeyboardInterrupt as stop:
        return _interrupted(stop)
    except Exception as error:
        return _status(error)


def _interrupted(stop: KeyboardInterrupt) -> int:
    """The exit status of Ctrl-C or SIGTERM, after a sentence with what is kept."""
    ended = isinstance(stop, Terminated)
    notify("; ".join(["terminated" if ended else "interrupted", *map(str, stop.args)]))
    return TERMINATED if ended else INTERRUPTED


def _run(arguments: list[str]) -> int:
    for word in arguments:
        try:
            os.fsencode(word)
        except UnicodeEncodeError:
            raise ValueError(f"{ascii(word)[:80]}: holds half a character, which no file is named by") from None
    result = app(arguments, console=Output(), exit_on_error=False, print_error=False, result_action="return_value")
    sys.stdout.flush()
    return result if isinstance(result, int) else 0


def _status(error: Exception) -> int:
    """The exit status of an exception, after its sentence or, for a fault of the program, its traceback."""
    if isinstance(error, OSError):
        _flush()
    if isinstance(error, BrokenPipeError):  # the reader has gone, as in ``escape-ntk claims | head``
        return PIPE
    sentence = _sentence(error)
    if sentence is not None:
        notify(sentence if len(sentence) <= SAID else f"{sentence[: SAID - REMEDY]} ... {sentence[-REMEDY:]}")
        return MISUSE
    # Python's own status would be 1, which here means that a claim FAILS.
    with forgiving(sys.stderr):
        traceback.print_exception(error)
    return INTERNAL


def _flush() -> None:
    """What standard output cannot take any more is given up, lest Python's end turn it into a status of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        silence(sys.stdout)


def _sentence(error: Exception) -> str | None:
    """What to tell the user, by what the exception means; None for a fault of the program.

    Base classes do not tell: UnicodeEncodeError and numpy's LinAlgError are ValueErrors, and nobody's misuse.
    """
    kind = type(error)
    package = kind.__module__.split(".")[0]
    if isinstance(error, CycloptsError):
        return " ".join(str(error).split()) + " (see escape-ntk --help)"
    if kind.__name__ == "CellFailed":
        return f"a computation failed; what was computed before is kept: {error}"
    if package in OWN or kind in (ValueError, ArithmeticError):
        return str(error)
    if package == "pydantic_core" and kind.__name__ == "ValidationError":
        first = error.errors()[0]  # type: ignore[attr-defined]  # pydantic is not imported for every command
        return f"{'.'.join(map(str, first['loc']))}={first['input']!r}: {first['msg']}"
    if isinstance(error, sqlite3.Error | json.JSONDecodeError):
        return f"records.sqlite cannot be used ({kind.__name__}: {error}); keep it aside and take another folder"
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: cannot be" if error.filename else "standard output, or a file, cannot be"
        remedy = "make room, or name another place; records made before are kept"
        return f"{where} read or written ({error.strerror}); {remedy}"
    return None
