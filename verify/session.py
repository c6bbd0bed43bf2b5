"""One run: design, compute, judge. Verdicts are derived from stored numbers, every time."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from verify.claim import Claim
from verify.experiment import Cell, fingerprint, versions
from verify.judgement import Judgement, admissible, judge, settle
from verify.profile import Profile
from verify.store import Store
from verify.sweep import Done, run_cells

Listener = Callable[[Claim, int, int], None]
"""Called with (claim, cells computed, cells from the records) when all cells of a claim are there."""


@dataclass(frozen=True)
class Run:
    """A run as it was judged, just now or again from its records."""

    judgements: list[Judgement]
    profile: Profile
    provenance: dict[str, str]
    created: str


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
) -> Run:
    """Check hypotheses, compute what the store in ``folder`` lacks, and judge.

    Args:
        claims: in reading order.
        profile: the sizes.
        folder: of the records.
        workers: processes.
        listener: told of each claim whose cells are all there.
        on_cell: told of each cell, with the number of cells there and in all.

    Returns:
        The run.

    Raises:
        ValueError: the folder cannot be written, or the profile's device is not there.
        CellFailed: a computation raised.
    """
    if profile.device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(
            f"device={profile.device!r}: no CUDA device is available; use --profile quick or full, or install a CUDA "
            f"build of torch"
        )
    origin = provenance(profile)
    cells = {claim.id: design(claim, profile) for claim in claims}
    union = tuple(dict.fromkeys(cell for own in cells.values() for cell in own))
    waiting = {claim.id: set(cells[claim.id]) for claim in claims}
    there: dict[Cell, Done] = {}

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
        results = run_cells(union, store, origin, workers, on_done=report)
        judgements = settle([judge(c, profile, [results[cell] for cell in cells[c.id]], len(claims)) for c in claims])
        store.say(number, [j.as_json() for j in judgements])
        *_, created = store.run(number)
    return Run(judgements, profile, origin, created)


def reload(folder: Path, known: dict[str, Claim]) -> Run:
    """Judge the newest run of ``folder`` again. Nothing is computed.

    Raises:
        ValueError: no run there, a record is missing, or a claim of the run is not registered.
    """
    with Store(folder, create=False) as store:
        profile_text, ids, mark, provenance, created = store.run()
        profile = Profile.model_validate_json(profile_text)
        judgements = []
        for name in ids:
            if name not in known:
                raise ValueError(f"{folder}: its run holds claim {name}, which this version does not know")
            done = []
            for cell in design(known[name], profile):
                found = store.find(cell, mark)
                if found is None:
                    raise ValueError(
                        f"{folder}: no record of {cell.specification}; complete the run with the same escape-ntk "
                        f"verify command and --out {folder}"
                    )
                done.append(Done(cell, *found, stored=True))
            judgements.append(judge(known[name], profile, done, len(ids)))
    return Run(settle(judgements), profile, provenance, created)


def provenance(profile: Profile) -> dict[str, str]:
    """Where numbers come from: device, commit, and versions of Python and the libraries."""
    return {"device": device_name(profile.device), "commit": commit()} | versions()


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
