"""One run: design, compute, judge. Verdicts are derived from stored numbers, every time."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from verify.claim import Claim, Evidence
from verify.experiment import Cell, fingerprint, versions
from verify.outcome import Outcome, Verdict
from verify.profile import Profile
from verify.store import Store
from verify.sweep import Done, run_cells


@dataclass(frozen=True)
class Judgement:
    """A claim with its outcome, its control's outcome and what its numbers cost.

    Attributes:
        seconds: of computing its cells, whenever that was.
        computed: cells computed in this run; 0 when all were stored.
    """

    claim: Claim
    outcome: Outcome
    control: Outcome
    seconds: float
    computed: int
    evidence: Evidence

    @property
    def verdict(self) -> Verdict:
        """The outcome's verdict; INCONCLUSIVE when the control does not FAIL, for then the check has no power here."""
        if self.control.verdict is not Verdict.FAILS and self.outcome.verdict is Verdict.HOLDS:
            return Verdict.INCONCLUSIVE
        return self.outcome.verdict

    def as_json(self) -> dict[str, Any]:
        """The claim's entry of ``escape-ntk verify --json``."""
        return {
            "id": self.claim.id,
            "title": self.claim.title,
            "verdict": str(self.verdict),
            "prediction": self.outcome.prediction,
            "estimate": self.outcome.estimate,
            "budget": self.outcome.budget,
            "explanation": self.outcome.explanation,
            "control": {
                "verdict": str(self.control.verdict),
                "planted": self.claim.planted,
                "prediction": self.control.prediction,
                "estimate": self.control.estimate,
            },
            "seconds": round(self.seconds, 3),
        }


Listener = Callable[[Claim, Done | None, int], None]
"""Called with (claim, None, number of its cells) when a claim begins, then with (claim, cell, number) for each cell."""


def judge(claim: Claim, profile: Profile, done: Sequence[Done]) -> Judgement:
    """Derive a claim's verdict, and its control's, from numbers."""
    evidence = Evidence({item.cell: item.numbers for item in done})
    return Judgement(
        claim=claim,
        outcome=claim.check(profile, evidence),
        control=claim.control(profile, evidence),
        seconds=sum(item.seconds for item in done),
        computed=sum(not item.stored for item in done),
        evidence=evidence,
    )


def verify(
    claims: Sequence[Claim],
    profile: Profile,
    folder: Path,
    workers: int = 1,
    listener: Listener | None = None,
) -> tuple[list[Judgement], int]:
    """Check hypotheses, compute what the store in ``folder`` lacks, and judge.

    Returns:
        The judgements, and the number of the run in the store.

    Raises:
        HypothesisViolated: before anything is written.
        ValueError: the folder cannot be written, or the profile's device is not there.
        CellFailed: a computation raised.
    """
    for claim in claims:
        claim.require(profile)
    if profile.device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(
            f"device={profile.device!r}: no CUDA device is available; use --profile quick or full, or install a CUDA "
            f"build of torch"
        )
    origin = provenance(profile)
    judgements = []
    with Store(folder) as store:
        number = store.add_run(profile.model_dump_json(), [c.id for c in claims], fingerprint(), origin)
        for claim in claims:
            cells = tuple(dict.fromkeys(claim.design(profile)))
            judgements.append(_one(claim, cells, profile, store, origin, workers, listener))
    return judgements, number


def _one(
    claim: Claim,
    cells: tuple[Cell, ...],
    profile: Profile,
    store: Store,
    origin: dict[str, str],
    workers: int,
    listener: Listener | None,
) -> Judgement:
    def report(done: Done | None) -> None:
        if listener is not None:
            listener(claim, done, len(cells))

    report(None)
    results = run_cells(cells, store, origin, workers, on_done=report)
    return judge(claim, profile, [results[cell] for cell in cells])


@dataclass(frozen=True)
class StoredRun:
    """The newest run of a folder, judged again from its records."""

    judgements: list[Judgement]
    profile: Profile
    provenance: dict[str, str]
    created: str


def reload(folder: Path, known: dict[str, Claim], number: int | None = None) -> StoredRun:
    """Judge a run of ``folder`` again, the newest when no number is given. Nothing is computed.

    Raises:
        ValueError: no run there, a record is missing, or a claim of the run is not registered.
    """
    with Store(folder, create=False) as store:
        profile_text, ids, mark, provenance, created = store.run(number)
        profile = Profile.model_validate_json(profile_text)
        judgements = []
        for name in ids:
            if name not in known:
                raise ValueError(f"{folder}: its run holds claim {name}, which this version does not know")
            done = []
            for cell in dict.fromkeys(known[name].design(profile)):
                found = store.find(cell, mark)
                if found is None:
                    raise ValueError(
                        f"{folder}: no record of {cell.specification}; complete the run with escape-ntk verify "
                        f"--out {folder} --profile {profile.name} --claims {','.join(ids)} --seed {profile.base_seed} "
                        f"--activation '{profile.activation}'"
                    )
                done.append(Done(cell, *found, stored=True))
            judgements.append(judge(known[name], profile, done))
    return StoredRun(judgements, profile, provenance, created)


def provenance(profile: Profile) -> dict[str, str]:
    """Where numbers come from: device, commit, and versions of Python and the libraries."""
    return {"device": device_name(profile.device), "commit": commit()} | versions()


def device_name(device: str) -> str:
    """The accelerator's name, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def commit() -> str:
    """Commit of the source tree this package lies in, "+changes" when it was edited; "unknown" outside one."""
    root = Path(__file__).resolve().parent.parent
    try:
        inside = ["git", "-C", str(root), "ls-files", "--error-unmatch", "verify/session.py"]
        subprocess.run(inside, check=True, capture_output=True, timeout=10)
        head = subprocess.run(
            [
                "git",
                "-C",
                str(root),
                "describe",
                "--always",
                "--abbrev=12",
                "--dirty=+changes",
                "--exclude=*",
            ],
            check=True,
            capture_output=True,
            text=True,
            timeout=10,
        )
        return head.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
