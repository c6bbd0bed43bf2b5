"""One run: design, compute, judge. Verdicts are derived from stored numbers, every time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from verify.judging.claim import Claim, HypothesisViolated
from verify.judging.judgement import Judgement, admissible, judge, settle
from verify.running.costs import Rates
from verify.running.experiment import Cell, fingerprint, versions
from verify.running.machine import kernels, machine
from verify.running.rows import Failure, RunRow
from verify.running.store import Store
from verify.running.sweep import ATTEMPTS, Done, keys_of, run_cells
from verify.sizes.profile import Profile

Listener = Callable[[Claim, int, int], None]
"""Called with (claim, cells computed, cells from the records) when all cells of a claim are there."""


@dataclass(frozen=True)
class Run:
    """A run as it was judged, just now or again from its records.

    Attributes:
        judgements: claim by claim.
        profile, provenance, created: what was run, where and when.
        notes: sentences for the user, such as that damaged records were computed anew.
        failed: cells without numbers; the claims that need them are INCONCLUSIVE in the cases concerned.
    """

    judgements: list[Judgement]
    profile: Profile
    provenance: dict[str, str]
    created: str
    notes: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()


def design(claim: Claim, profile: Profile) -> tuple[Cell, ...]:
    """Every cell of the cases in which the claim's hypotheses hold, each once."""
    cases, _ = admissible(claim, profile)
    return tuple(dict.fromkeys(cell for case in cases for cell in claim.design(case.profile)))


def verify(
    claims: Sequence[Claim],
    profile: Profile,
    folder: Path,
    workers: int = 1,
    listener: Listener | None = None,
    on_cell: Callable[[Done, int, int], None] | None = None,
    limit: float | None = None,
    attempts: int = ATTEMPTS,
    isolated: bool = False,
    executor: Executor | None = None,
) -> Run:
    """Check hypotheses, compute what the store in ``folder`` lacks, and judge.

    Args:
        claims: in reading order.
        profile: the sizes.
        folder: of the records.
        workers: processes; 1 computes in this process.
        listener: told of each claim whose cells are all there.
        on_cell: told of each cell, with the number of cells there and in all.
        limit: seconds that a cell may take, in a process of its own then.
        attempts: how often a cell is tried.
        isolated: whether even one worker is a process of its own, which may crash without an end to the run.
        executor: any ``concurrent.futures`` executor in place of workers.

    Returns:
        The run.

    Raises:
        ValueError: the profile's device is not there.
        StoreError: the records cannot be kept, or another process writes there.
        CellFailed: no computation can be run at all; one that fails leaves its claims INCONCLUSIVE.
    """
    require_device(profile.device)
    origin = provenance(profile)
    cells = {claim.id: design(claim, profile) for claim in claims}
    union = tuple(dict.fromkeys(cell for own in cells.values() for cell in own))
    waiting = {claim.id: set(cells[claim.id]) for claim in claims}
    there: dict[Cell, Done] = {}
    failed: dict[Cell, Failure] = {}

    def complete(claim: Claim) -> None:
        stored = sum(there[cell].stored for cell in cells[claim.id])
        if listener is not None:
            listener(claim, len(cells[claim.id]) - stored, stored)

    def report(done: Done) -> None:
        there[done.cell] = done
        if on_cell is not None:
            on_cell(done, len(there), len(union))
        for claim in claims:
            if done.cell in waiting[claim.id]:
                waiting[claim.id].remove(done.cell)
                if not waiting[claim.id]:
                    complete(claim)

    with Store(folder) as store:
        number = store.add_run(profile.model_dump_json(), [c.id for c in claims], fingerprint(), origin)
        for claim in claims:
            if not cells[claim.id]:
                complete(claim)
        results = run_cells(
            union, store, origin, workers, executor, report, failed.__setitem__, limit, attempts, isolated
        )
        judgements = settle([_judge(c, profile, cells[c.id], results, failed, len(claims)) for c in claims])
        origins = [json.loads(text) for text in store.origins]
        if not all(done.stored for done in results.values()):
            origins.append(origin)
        machines = {tuple(kernels(found).items()) for found in origins}
        store.keep_verdicts(number, [j.as_json() for j in judgements], [dict(found) for found in sorted(machines)])
        created, damaged = store.run(number).created, store.damaged
    notes: tuple[str, ...] = ()
    if damaged:
        what = "record did" if damaged == 1 else "records did"
        notes = (f"{damaged} {what} not match their checksum in {folder} and were computed anew",)
    return Run(judgements, profile, origin, created, notes, tuple(failed.values()))


def outstanding(claims: Sequence[Claim], profile: Profile, folder: Path) -> tuple[dict[Cell, str], Rates, int]:
    """What a run would have to compute; nothing is computed or written.

    Returns:
        The cells that ``folder`` lacks with their keys, how long cells take as far as its records know, and the number
        of cells that are there.

    Raises:
        StoreError: the records cannot be read.
    """
    keys = keys_of(cell for claim in claims for cell in design(claim, profile))
    rates, total = Rates(), len(keys)
    if (folder / "records.sqlite").exists():
        mark = fingerprint()
        with Store(folder, create=False) as store:
            for cell, key in tuple(keys.items()):
                found = store.find(cell, mark, key)
                if found is not None:
                    rates.learn(cell, found[1])
                    del keys[cell]
    return keys, rates, total - len(keys)


def _judge(
    claim: Claim,
    profile: Profile,
    cells: Sequence[Cell],
    there: Mapping[Cell, Done],
    failed: Mapping[Cell, Failure],
    family: int,
) -> Judgement:
    """A claim judged where all its cells are there; cases that need one that failed are obstacles with that reason."""

    def computed(view: Profile) -> None:
        lost = [failed[cell] for cell in dict.fromkeys(claim.design(view)) if cell in failed]
        if lost:
            what = "a cell" if len(lost) == 1 else f"{len(lost)} cells"
            raise HypothesisViolated(
                f"{what} could not be computed, {'such as' if len(lost) > 1 else 'namely'} {lost[0].sentence}"
            )

    done = [there[cell] for cell in cells if cell in there]
    judged = judge(replace(claim, hypotheses=(*claim.hypotheses, computed)), profile, done, family)
    return replace(judged, claim=claim)


def stored_claims(folder: Path) -> list[str]:
    """Ids of the claims in the newest run of ``folder`` that ended.

    Raises:
        StoreError: no run there that ended, or one that does not verify.
    """
    with Store(folder, create=False) as store:
        return list(store.run().claims)


def reload(folder: Path, known: dict[str, Claim]) -> Run:
    """Judge the newest run of ``folder`` that ended again. Nothing is computed, nothing is written.

    Raises:
        StoreError: no run there that ended, or one that does not verify.
        ValueError: a record is missing or does not verify, the run is of another version, or a claim cannot be judged
            from what the records hold.
    """
    again = f"complete the run with the same escape-ntk verify command and --out {folder}"
    with Store(folder, create=False) as store:
        row = store.run()
        profile = _profile(row, folder)
        judgements, failed = [], {}
        for name in row.claims:
            if name not in known:
                raise ValueError(
                    f"{folder}: its run holds claim {name}, which this version does not know; a claim from a file is "
                    f"found with --claims-from FILE"
                )
            there, cells = {}, design(known[name], profile)
            for cell, key in keys_of(cells, row.fingerprint).items():
                found = store.find(cell, row.fingerprint, key)
                if store.damaged:
                    raise ValueError(
                        f"{folder}: the record of {cell.specification} does not match its checksum, so it was altered "
                        f"or damaged; {again}, which computes it anew"
                    )
                lost = store.failure(key) if found is None else None
                if found is not None:
                    there[cell] = Done(cell, *found, stored=True)
                elif lost is not None:
                    failed[cell] = lost
                else:
                    raise ValueError(f"{folder}: no record of {cell.specification}; {again}")
            try:
                judgements.append(_judge(known[name], profile, cells, there, failed, len(row.claims)))
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{folder}: claim {name} cannot be judged from its records, which are not those of a run "
                    f"({type(error).__name__}: {' '.join(str(error).split())}); run it again with another --out"
                ) from error
    return Run(settle(judgements), profile, row.provenance, row.created, failed=tuple(failed.values()))


def _profile(row: RunRow, folder: Path) -> Profile:
    try:
        return Profile.model_validate_json(row.profile)
    except ValueError:
        raise ValueError(
            f"{folder}: its run has a profile of another version of escape-ntk; run escape-ntk verify again with "
            f"--out {folder}"
        ) from None


def require_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        ValueError: what is there, and the way out.
    """
    if device == "cpu":
        return
    _, _, index = device.partition(":")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(index or 0) >= count:
        there = f"only {count} CUDA devices are here" if count else "no CUDA device is available"
        raise ValueError(f"device={device!r}: {there}; use --profile quick or full, or install a CUDA build of torch")


def provenance(profile: Profile) -> dict[str, str]:
    """Where numbers come from: device, commit, processor, linear algebra, versions of Python and the libraries."""
    return {"device": device_name(profile.device), "commit": commit()} | machine() | versions()


def device_name(device: str) -> str:
    """The accelerator's name, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def commit() -> str:
    """Commit of the source tree this package lies in, "+changes" when it was edited; "unknown" outside one."""
    root = Path(__file__).resolve().parent.parent
    git = ["git", "-C", str(root)]
    describe = ["describe", "--always", "--abbrev=12", "--dirty=+changes", "--exclude=*"]
    try:
        inside = [*git, "ls-files", "--error-unmatch", "verify/session.py"]
        subprocess.run(inside, check=True, capture_output=True, timeout=10)
        head = subprocess.run([*git, *describe], check=True, capture_output=True, text=True, timeout=10)
        return head.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
