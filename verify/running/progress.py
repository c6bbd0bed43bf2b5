"""How far a long cell has come: a small file beside its checkpoint, which whoever shows progress reads."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SUFFIX = ".progress"


@dataclass
class Progress:
    """Writes how far one cell has come.

    Attributes:
        path: of the file, which ends in :data:`SUFFIX`; its folder is there. what: the cell in a few words.
        total: steps in all.
    """

    path: Path
    what: str
    total: int
    _begun: tuple[int, float] | None = field(default=None, init=False)

    def reach(self, step: int) -> None:
        """Note that ``step`` is done; the time left is that of the steps since the first call."""
        now = time.monotonic()
        if self._begun is None:
            self._begun = step, now
        first, start = self._begun
        left = (self.total - step) * (now - start) / (step - first) if step > first else None
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps({"what": self.what, "step": step, "total": self.total, "left": left}))
        os.replace(part, self.path)

    def end(self) -> None:
        """The cell is done: its file goes."""
        self.path.unlink(missing_ok=True)


def lines(folder: Path, since: float) -> Iterator[str]:
    """A line for each cell under way in ``folder``: what it is, its step and the time left.

    Args:
        folder: of the checkpoints; it may not be there.
        since: seconds since the epoch; what was not written after that belongs to a run that was killed.
    """
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            if path.stat().st_mtime < since:
                continue
            found = json.loads(path.read_text())
            left = "" if found["left"] is None else f", {duration(found['left'])} left"
            yield f"{found['what']}: step {found['step']} of {found['total']}{left}"
        except (OSError, ValueError, KeyError, TypeError):  # gone meanwhile, or no such file
            continue


def duration(seconds: float) -> str:
    """Seconds, minutes or hours in words, such as "95 s", "12 min" and "2.5 h"."""
    whole = round(seconds)
    return (
        f"{seconds:.2g} s"
        if seconds < 9.5
        else f"{whole} s"
        if whole < 120
        else f"{whole // 60} min"
        if whole < 7200
        else f"{seconds / 3600:.1f} h"
    )
