"""The command ``escape-ntk sweep``: cells in chunks that any queue can run, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from escape_ntk import leave, require_extra
from verify.cli.examples import EXAMPLES
from verify.cli.options import (
    METHOD,
    OUTPUT,
    SUBJECT,
    Activation,
    Duration,
    From,
    Quiet,
    Set,
    Verbose,
    Whole,
    loudness,
    record_folder,
    sizes,
)
from verify.cli.steps import Steps
from verify.cli.streams import Kept, emit, interruptible, notify

# Heavy imports live in the commands that need them, as everywhere in the command line.

app = App(
    name="sweep",
    help="Compute cells in parts, on one machine or many, and look at those that failed.",
    help_epilogue=EXAMPLES["sweep"],
)

Folder = Annotated[Path, Parameter(name="DIR"), SUBJECT]


@app.command(help_epilogue=EXAMPLES["sweep plan"])
def plan(
    *,
    chunks: Annotated[Whole, METHOD],
    profile: Annotated[str, SUBJECT] = "quick",
    claims: Annotated[str | None, SUBJECT] = None,
    claims_from: From = None,
    out: Annotated[Path, OUTPUT] = Path("out"),
    seed: Annotated[Whole | None, SUBJECT] = None,
    activation: Activation = None,
    set_: Set = None,
) -> int:
    """Deal the cells that DIR lacks to N chunks, files in DIR/plan; nothing is computed.

    Parameters
    ----------
    chunks
        How many; each gets about the same time.
    profile
        As for escape-ntk verify.
    claims
        Comma-separated ids; all that the profile has judged when left out.
    claims_from
        A file of your own claims that ends in .py, or an installed package with claims. Its code is run, here and by
        every chunk.
    out
        Folder for the plan, the shards and the records; every machine that runs a chunk needs to see it.
    seed
        Base seed of all random experiments.
    activation
        An expression in z in place of the profile's; may be given several times.
    set_
        One field of the profile (TOML); may be given several times.
    """
    require_extra("escape-ntk sweep plan")
    from verify.registry import select
    from verify.running.plan import write_plan
    from verify.session import outstanding

    found = sizes(profile, set_ or (), activation or (), seed)
    sources = [str(Path(s).resolve()) if s.endswith(".py") else s for s in claims_from or ()]
    keys, rates, there = outstanding(select(claims, found, claims_from or ()), found, out)
    write_plan(out, keys, chunks, rates, found.model_dump_json(), sources)
    emit(f"cells to compute: {len(keys)} in {chunks} chunks; in the records: {there}")
    emit(
        f"run each with escape-ntk sweep run {out}/plan/0.json .. {chunks - 1}.json, "
        f"then escape-ntk sweep collect {out}"
    )
    return 0


@app.command(help_epilogue=EXAMPLES["sweep run"])
def run(
    chunk: Annotated[Path, Parameter(name="CHUNK"), SUBJECT],
    /,
    *,
    workers: Annotated[Whole | None, METHOD] = None,
    time_limit: Annotated[Duration | None, METHOD] = None,
    attempts: Annotated[Whole, METHOD] = 3,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Compute one chunk; status 3 when cells of it failed. Again, it computes only what is missing.

    Parameters
    ----------
    chunk
        A file of a plan, such as out/plan/7.json. It names modules and claims files, whose code is run: take plans from
        nobody whose code you would not run.
    workers
        Processes; one per core that this process may use by default.
    time_limit
        How long a single computation may take, such as 90, 15m or 2h.
    attempts
        How often a computation is tried before it counts as failed.
    quiet
        Show no progress; sentences about cells that failed, and the last line, stay.
    verbose
        Write a line for each cell as it is done.
    """
    require_extra("escape-ntk sweep run")
    from verify.registry import known
    from verify.running.plan import Shards, read_chunk, read_plan
    from verify.running.sweep import Done, cores, keys_of, run_cells
    from verify.session import provenance, require_device
    from verify.sizes.profile import Profile

    if not chunk.stem.isdigit() or chunk.parent.name != "plan":
        raise ValueError(f"{chunk}: is no chunk of a plan, such as out/plan/7.json")
    if attempts < 1 or (workers is not None and workers < 1):
        raise ValueError("attempts and workers: need integers >= 1")
    folder = chunk.parent.parent
    planned = read_plan(folder)
    known(planned["sources"])
    sizes = Profile.model_validate_json(planned["profile"])
    require_device(sizes.device)
    keys = read_chunk(chunk)
    if keys_of(keys) != keys:
        raise ValueError(
            f"{chunk}: was planned by other code, or with other versions of the libraries; plan again here"
        )
    count = workers or (cores() if sizes.device == "cpu" else 1)
    failed = []
    progress = Steps(f"chunk {chunk.stem}: cell", len(keys), **loudness(quiet, verbose))

    def on_done(done: Done) -> None:
        kept.done(done)
        progress.done(type(done.cell).__name__)

    with Kept(folder, len(keys)) as kept, interruptible(leave), Shards(folder, int(chunk.stem)) as shards, progress:
        run_cells(
            keys,
            shards,
            provenance(sizes),
            count,
            on_done=on_done,
            on_failed=lambda cell, failure: failed.append(failure),
            limit=time_limit,
            attempts=attempts,
            isolated=workers is None,
        )
    for failure in failed[:5]:
        notify(failure.sentence)
    emit(f"chunk {chunk.stem}: {len(keys) - len(failed)} of {len(keys)} cells are there")
    return 3 if failed else 0


@app.command(help_epilogue=EXAMPLES["sweep collect"])
def collect(folder: Folder, /) -> int:
    """Merge what the chunks gave into DIR/records.sqlite; status 3 when some are to be run again.

    Parameters
    ----------
    folder
        That of the plan.
    """
    require_extra("escape-ntk sweep collect")
    from verify.running.plan import collect as merge

    new, missing, failed = merge(folder)
    emit(f"new records: {new}")
    if not missing:
        emit(f"every cell of the plan is there; the escape-ntk verify command with --out {folder} judges them")
        return 0
    emit(f"missing: {sum(missing.values())} cells, of which {failed} failed; run again chunks {ranges(missing)}")
    return 3


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as SLURM's --array takes them.

    >>> ranges([0, 1, 2, 5, 7, 8])
    '0-2,5,7-8'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)


@app.command(help_epilogue=EXAMPLES["sweep failures"])
def failures(folder: Folder, /) -> int:
    """Every cell that failed when it was last tried, with its traceback; status 3 when there are any.

    Parameters
    ----------
    folder
        Folder of an escape-ntk verify --out.
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
