"""``escape-ntk compare``: verdicts of two runs, claim by claim, for regression between versions.

How far numbers may lie apart depends on where they come from. The same code at the same sizes on the same kind of
machine gives the same digits, and every number is held to that. Another linear algebra library or processor sums in
another order; training amplifies that, in measurements with other kernels to 8e-6 of a cell's numbers, and
:data:`OTHER_MACHINE` allows ten times as much. Other code, sizes or seeds give other draws: there intervals must
overlap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verify.judging.outcome import Verdict
from verify.protocol import remarks
from verify.running.rows import RunRow
from verify.running.store import Store
from verify.sizes.profile import Profile

RANK = {Verdict.HOLDS: 0, Verdict.INCONCLUSIVE: 1, Verdict.FAILS: 2}
ABSENT = "absent"
ROUNDING = 1e-9
"""Relative; between runs on the same kind of machine."""
OTHER_MACHINE = 1e-4
"""Relative; between runs on different kinds of machine."""


@dataclass(frozen=True)
class Difference:
    """One claim in two runs.

    Attributes:
        id: of the claim.
        before, after: its verdicts, "absent" where the run did not judge it.
        moved: comparisons whose predictions differ, or whose intervals are disjoint: label -> (before, after).
        gone, new: labels that only one of the runs has.
        held: how the numbers of the two runs were held against each other.
    """

    id: str
    before: str
    after: str
    moved: dict[str, tuple[str, str]]
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    held: str = ""

    @property
    def worse(self) -> bool:
        """Whether the claim is absent or has a worse verdict afterwards."""
        if self.before == ABSENT:
            return False
        return self.after == ABSENT or RANK[Verdict(self.after)] > RANK[Verdict(self.before)]


@dataclass(frozen=True)
class Said:
    """Verdicts of the newest run of a folder that ended: entries by claim, where they come from, and of what.

    Attributes:
        entries: id -> the claim's entry of ``escape-ntk verify --json``. machines: kinds of machine (entries of
        :data:`verify.running.machine.KERNELS`) on which its records were computed. experiment: the run, with its code,
        sizes and seeds.
    """

    entries: dict[str, dict[str, Any]]
    machines: tuple[dict[str, str], ...]
    experiment: RunRow


def records(path: Path) -> Said:
    """Verdicts of the newest run of a folder, or of its records.sqlite.

    Raises:
        ValueError: there is no such file, no run ended in it, or it was altered.
    """
    with Store(path.parent if path.name == "records.sqlite" else path, create=False) as store:
        row = store.run()
        entries = {entry["id"]: entry for entry in store.verdicts()}
        return Said(entries, tuple(store.machines()), row)


@dataclass(frozen=True)
class Standard:
    """How numbers are held against each other.

    Attributes:
        relative: how far apart they may lie.
        equal: whether they must be equal but for that; otherwise their intervals must overlap.
    """

    relative: float
    equal: bool

    def moved(self, a: dict[str, float | None], b: dict[str, float | None]) -> bool:
        """Whether an estimate with its interval moved."""
        if not self.equal:
            return self._beyond(a, b) or self._beyond(b, a)
        size = max((abs(x) for x in (*a.values(), *b.values()) if x is not None), default=0.0)
        return any(not _close(a[end], b[end], self.relative, size) for end in ("value", "lower", "upper"))

    def _beyond(self, a: dict[str, float | None], b: dict[str, float | None]) -> bool:
        """Whether ``a`` lies wholly above ``b``; an end that is unknown reaches to infinity."""
        low, high = a["lower"], b["upper"]
        return low is not None and high is not None and low > high + self.relative * max(abs(low), abs(high))


def compare(before: Path, after: Path) -> list[Difference]:
    """Claim by claim, in the order of the first run and then what only the second has.

    Raises:
        ValueError: one of them holds no run.
    """
    old, new = records(before), records(after)
    standard, held = standard_of(old, new)
    return [
        _difference(name, old.entries.get(name), new.entries.get(name), standard, held)
        for name in dict.fromkeys([*old.entries, *new.entries])
    ]


def standard_of(old: Said, new: Said) -> tuple[Standard, str]:
    """The standard for two runs, and in words."""
    kinds = [tuple(sorted(m.items())) for m in (*old.machines, *new.machines)]
    alike = bool(old.machines and new.machines) and len(set(kinds)) == 1
    equal = old.experiment.repeats(new.experiment)
    relative = ROUNDING if alike and not dict(kinds[0])["device"].startswith("cuda") else OTHER_MACHINE
    if alike:
        where = "on the same kind of machine"
    elif old.machines and new.machines:
        names = dict.fromkeys(name for kind in kinds for name, _ in kind)
        values = {name: dict.fromkeys(dict(kind).get(name, "unknown") for kind in kinds) for name in names}
        where = (
            "on different machines ("
            + "; ".join(f"{n}: {' | '.join(v)}" for n, v in values.items() if len(v) > 1)
            + ")"
        )
    else:
        where = "on machines that the records do not name"
    what = "the same code and sizes" if equal else "other code, sizes or seeds"
    how = "numbers must agree" if equal else "intervals must overlap"
    return Standard(relative, equal), f"{what} {where}: {how} to {relative:g} of their size"


def protocols(before: Path, after: Path) -> Iterator[str]:
    """What a reader must know of the release protocols of two runs, run by run."""
    for word, path in (("before", before), ("after", after)):
        row = records(path).experiment
        try:
            profile = Profile.model_validate_json(row.profile)
        except ValueError:
            yield f"{word}: its profile is of another version, so its release protocol was another"
            continue
        yield from (f"{word}: {remark}" for remark in remarks(profile, (), row.provenance))


def _difference(
    name: str, old: dict[str, Any] | None, new: dict[str, Any] | None, standard: Standard, held: str
) -> Difference:
    before, after = (ABSENT if entry is None else entry["verdict"] for entry in (old, new))
    if old is None or new is None:
        return Difference(name, before, after, {}, held=held)
    labels_old, labels_new = old["estimate"], new["estimate"]
    shared = [label for label in labels_old if label in labels_new]
    moved: dict[str, tuple[str, str]] = {}
    for label in shared:
        was, now = old["prediction"][label], new["prediction"][label]
        a, b = labels_old[label], labels_new[label]
        # Certified to twelve digits, but some pass through the linear algebra of the machine.
        if not _close(was, now, 1e-12 if standard.relative == ROUNDING else ROUNDING):
            moved[label] = (f"predicted {was}", f"predicted {now}")
        elif standard.moved(a, b):
            first, second = (f"{e['value']} in [{e['lower']}, {e['upper']}]" for e in (a, b))
            moved[label] = (first, second)
    gone = tuple(label for label in labels_old if label not in labels_new)
    added = tuple(label for label in labels_new if label not in labels_old)
    return Difference(name, before, after, moved, gone, added, held)


def _close(a: float | None, b: float | None, relative: float, size: float = 0.0) -> bool:
    """Equal but for ``relative`` of the larger one, or of ``size``."""
    if a is None or b is None:
        return a is b
    return abs(a - b) <= relative * max(abs(a), abs(b), size)


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
    if differences:
        yield differences[0].held
    counts = (sum(d.worse for d in differences), sum(bool(d.moved) for d in differences))
    yield f"{len(differences)} claims: {counts[0]} worse, {counts[1]} with numbers that moved"
