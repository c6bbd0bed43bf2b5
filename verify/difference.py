"""``escape-ntk compare``: what two runs said, claim by claim, for regression between versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verify.outcome import Verdict
from verify.store import Store

RANK = {Verdict.HOLDS: 0, Verdict.INCONCLUSIVE: 1, Verdict.FAILS: 2}
ABSENT = "absent"


@dataclass(frozen=True)
class Difference:
    """One claim in two runs.

    Attributes:
        id: of the claim.
        before, after: its verdicts, "absent" where the run did not judge it.
        moved: comparisons whose predictions differ, or whose intervals are disjoint: label -> (before, after).
        gone, new: labels that only one of the runs has.
    """

    id: str
    before: str
    after: str
    moved: dict[str, tuple[str, str]]
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()

    @property
    def worse(self) -> bool:
        """Whether the claim is absent or has a worse verdict afterwards."""
        if self.before == ABSENT:
            return False
        return self.after == ABSENT or RANK[Verdict(self.after)] > RANK[Verdict(self.before)]


def records(path: Path) -> list[dict[str, Any]]:
    """What the newest run of a folder, or of its records.sqlite, said.

    Raises:
        ValueError: there is no such file, or no run ended in it.
    """
    with Store(path.parent if path.name == "records.sqlite" else path, create=False) as store:
        return store.said()


def compare(before: Path, after: Path) -> list[Difference]:
    """Claim by claim, in the order of the first run and then what only the second has.

    Raises:
        ValueError: one of them holds no run.
    """
    old, new = ({entry["id"]: entry for entry in records(path)} for path in (before, after))
    return [_difference(name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])]


def _difference(name: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> Difference:
    before, after = (ABSENT if entry is None else entry["verdict"] for entry in (old, new))
    if old is None or new is None:
        return Difference(name, before, after, {})
    labels_old, labels_new = old["estimate"], new["estimate"]
    shared = [label for label in labels_old if label in labels_new]
    moved: dict[str, tuple[str, str]] = {}
    for label in shared:
        was, now = old["prediction"][label], new["prediction"][label]
        a, b = labels_old[label], labels_new[label]
        if not _close(was, now):
            moved[label] = (f"predicted {was}", f"predicted {now}")
        elif _beyond(a, b) or _beyond(b, a):
            first, second = (f"{e['value']} in [{e['lower']}, {e['upper']}]" for e in (a, b))
            moved[label] = (first, second)
    gone = tuple(label for label in labels_old if label not in labels_new)
    added = tuple(label for label in labels_new if label not in labels_old)
    return Difference(name, before, after, moved, gone, added)


def _close(a: float | None, b: float | None) -> bool:
    """Equal to twelve digits: a prediction is certified, so anything more is a change."""
    if a is None or b is None:
        return a is b
    return abs(a - b) <= 1e-12 * max(abs(a), abs(b))


def _beyond(a: dict[str, float | None], b: dict[str, float | None]) -> bool:
    """Whether the interval of ``a`` lies wholly above that of ``b``; an end that is unknown reaches to infinity."""
    low, high = a["lower"], b["upper"]
    if low is None or high is None:
        return False
    # Intervals without randomness may differ by rounding.
    return low > high + 1e-9 * max(abs(low), abs(high))


def lines(differences: list[Difference]) -> Iterator[str]:
    """The text: one line for each claim, and below it what moved."""
    for d in differences:
        arrow = d.before if d.before == d.after else f"{d.before} -> {d.after}"
        yield f"{d.id:<3} {arrow}{'  worse' if d.worse else ''}"
        for label, (a, b) in d.moved.items():
            yield f"      moved: {label}: {a} -> {b}"
        for word, labels in (("gone", d.gone), ("new", d.new)):
            for label in labels:
                yield f"      {word}: {label}"
    counts = (sum(d.worse for d in differences), sum(bool(d.moved) for d in differences))
    yield f"{len(differences)} claims: {counts[0]} worse, {counts[1]} with numbers that moved"
