"""One run: design, compute, judge. Verdicts are derived from stored numbers, every time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from verify.judging.claim import Claim
from verify.judging.judgement import Judgement, settle
from verify.judging.looks import Look
from verify.protocol import in_force, remarks
from verify.running.costs import Rates
from verify.running.database import exists
from verify.running.experiment import Cell, code_of, fingerprint, ours, versions
from verify.running.machine import kernels, machine
from verify.running.rows import Failure, RunRow, run_code
from verify.running.store import Store
from verify.running.sweep import ATTEMPTS, Done, codes_of, keys_of, run_cells
from verify.sequential import Repeating, halt, looked
from verify.sizes.profile import Profile
from verify.state import Listener, State, design, judged


@dataclass(frozen=True)
class Run:
    """A run as it was judged, just now or again from its records.

    Attributes:
        judgements: claim by claim.
        profile, provenance, created: what was run, where and when.
        notes: sentences for the user, such as that damaged records were computed anew.
        failed: cells without numbers; the claims that need them are INCONCLUSIVE in the cases concerned.
        protocol: what a reader must know of the release protocol of the run, see :func:`verify.protocol.remarks`.
    """

    judgements: list[Judgement]
    profile: Profile
    provenance: dict[str, str]
    created: str
    notes: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    protocol: tuple[str, ...] = ()


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
    repeating: Repeating | None = None,
    on_left: Callable[[float, bool], None] | None = None,
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
        repeating: looks again at open verdicts, with twice the repetitions each time; None for fixed sizes.
        on_left: told after each cell how many seconds the rest should take, and whether that is only a lower bound.

    Returns:
        The run.

    Raises:
        ValueError: the profile's device is not there.
        StoreError: the records cannot be kept, or another process writes there.
        CellFailed: no computation can be run at all; one that fails leaves its claims INCONCLUSIVE.
    """
    require_device(profile.device)
    origin = provenance(profile, claims)
    state = State(claims, profile, Look(0 if repeating is None else 1), workers if executor is None else None)
    state.listener, state.on_cell, state.on_left = listener, on_cell, on_left
    with Store(folder) as store:
        code = run_code(fingerprint(), codes_of(state.wanted()))
        number = store.add_run(profile.model_dump_json(), [c.id for c in claims], code, origin)

        def measure() -> None:
            wanted = state.wanted()
            run_cells(wanted, store, origin, workers, executor, state.report, state.lose, limit, attempts, isolated)

        state.begin()
        measure()
        judgements = state.judgements()
        while repeating is not None:
            chosen, halted = repeating.again(judgements, state.lacking, state.left.rates, workers)
            if not chosen:
                judgements = halt(judgements, halted)
                break
            state.look_again(chosen)
            measure()
            judgements = state.judgements()
        origins = [json.loads(text) for text in store.origins]
        if not all(done.stored for done in state.there.values()):
            origins.append(origin)
        machines = {tuple(kernels(found).items()) for found in origins}
        store.keep_verdicts(number, [j.as_json() for j in judgements], [dict(found) for found in sorted(machines)])
        created, damaged = store.run(number).created, store.damaged
    notes: tuple[str, ...] = ()
    if damaged:
        what = "record did" if damaged == 1 else "records did"
        notes = (f"{damaged} {what} not match their checksum in {folder} and were computed anew",)
    said = remarks(profile, claims, origin, origins)
    return Run(judgements, profile, origin, created, notes, tuple(state.failed.values()), said)


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
    if exists(folder / "records.sqlite"):
        mark = fingerprint()
        with Store(folder, create=False) as store:
            for cell, key in tuple(keys.items()):
                found = store.find(cell, mark, key)
                if found is not None:
                    rates.learn(cell, found[1])
                    del keys[cell]
    return keys, rates, total - len(keys)


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
        mark, codes = row.code
        profile = _profile(row, folder)
        said = {entry["id"]: entry for entry in store.verdicts()}
        judgements, halted, failed = [], {}, {}
        for name in row.claims:
            if name not in known:
                raise ValueError(
                    f"{folder}: its run holds claim {name}, which this version does not know; a claim from a file is "
                    f"found with --claims-from FILE"
                )
            look, halted[name] = looked(said.get(name, {}))
            view = look.profile(known[name], profile)
            there, cells = {}, design(known[name], view)
            classes = {kind: _code_then(kind, codes) for kind in set(map(type, cells))}
            for cell, key in keys_of(cells, mark, classes).items():
                found = store.find(cell, mark, key)
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
                judgements.append(judged(known[name], view, cells, there, failed, len(row.claims), look))
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{folder}: claim {name} cannot be judged from its records, which are not those of a run "
                    f"({type(error).__name__}: {' '.join(str(error).split())}); run it again with another --out"
                ) from error
        origins = [json.loads(text) for text in store.origins]
    judgements = halt(settle(judgements), halted)
    remarked = remarks(profile, [known[name] for name in row.claims], row.provenance, origins)
    return Run(judgements, profile, row.provenance, row.created, (), tuple(failed.values()), remarked)


def _code_then(kind: type[Cell], codes: Mapping[str, str]) -> str:
    """The code of a class when the run was made; of a class from outside the package the present one."""
    then = codes.get(f"{kind.__module__}.{kind.__qualname__}") if ours(kind) else None
    return code_of(kind) if then is None else then


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
    import torch

    _, _, index = device.partition(":")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(index or 0) >= count:
        there = f"only {count} CUDA devices are here" if count else "no CUDA device is available"
        raise ValueError(f"device={device!r}: {there}; use --profile quick or full, or install a CUDA build of torch")


def provenance(profile: Profile, claims: Sequence[Claim] = ()) -> dict[str, str]:
    """Where numbers come from: device, commit, release protocol, processor, linear algebra, versions of the libraries.

    Args:
        profile: the sizes.
        claims: that are judged, whose comparisons the protocol takes from the code.
    """
    made = {"device": device_name(profile.device), "commit": commit(), "protocol": in_force(profile, claims)}
    return made | machine() | versions()


def device_name(device: str) -> str:
    """The accelerator's name, or "cpu"."""
    if not device.startswith("cuda"):
        return device
    import torch

    return torch.cuda.get_device_name(device)


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
