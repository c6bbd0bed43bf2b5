"""What the terminal shows: progress and the table of verdicts, as plain text when it is not a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from verify.claim import Claim
from verify.judgement import Judgement
from verify.outcome import Comparison, Verdict
from verify.sweep import Done

COLOURS = {Verdict.HOLDS: "green", Verdict.FAILS: "bold red", Verdict.INCONCLUSIVE: "yellow"}


def number(value: float) -> str:
    """Six significant digits."""
    return f"{value:.6g}"


def interval_text(comparison: Comparison) -> str:
    """The measured interval, with enough digits to tell its ends apart."""
    low, high = comparison.measured.lower, comparison.measured.upper
    digits = 6
    while digits < 16 and low != high and f"{low:.{digits}g}" == f"{high:.{digits}g}":
        digits += 1
    return f"[{low:.{digits}g}, {high:.{digits}g}]"


class ProgressDisplay:
    """Shows which claims are complete, which cell and the elapsed time, on standard error; a context manager."""

    def __init__(self, console: Console, claims: Sequence[Claim]) -> None:
        self._console, self._claims, self._complete = console, claims, 0
        self._started = time.perf_counter()
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("[bold]{task.description}[/]"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[cell]}"),
                TimeElapsedColumn(),
                console=console,
            )
            self._task = self._bar.add_task("cells", total=None, cell="")

    def __enter__(self) -> ProgressDisplay:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def cell(self, done: Done, there: int, total: int) -> None:
        """A cell is there."""
        if self._bar is not None:
            self._bar.update(self._task, completed=there, total=total, cell=type(done.cell).__name__)

    def claim(self, claim: Claim, computed: int, stored: int) -> None:
        """All cells of a claim are there."""
        self._complete += 1
        self._console.print(
            f"[{time.perf_counter() - self._started:6.1f} s] {claim.id} {claim.title} ({self._complete} of "
            f"{len(self._claims)}) done: {computed} computed, {stored} from the records",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


SIGNS = {"within": "", "encloses": "", "below": "<= ", "above": ">= "}
"""What stands before a predicted number, by rule."""
HEADINGS = ("claim", "verdict", "deciding comparison", "predicted", "measured", "interval", "control")


def _row(judgement: Judgement) -> tuple[str, ...]:
    c = judgement.outcome.decisive
    name = f"{judgement.claim.id} {judgement.claim.title}"
    if c is None:
        return (name, str(judgement.verdict), "none", "", "", "", str(judgement.control))
    predicted = SIGNS[c.rule] + number(c.predicted)
    return (
        name,
        str(judgement.verdict),
        c.label,
        predicted,
        number(c.measured.value),
        interval_text(c),
        str(judgement.control),
    )


def show_table(console: Console, judgements: Sequence[Judgement]) -> None:
    """The final table: a rich one on a terminal, aligned plain text otherwise."""
    rows = [_row(j) for j in judgements]
    if console.is_terminal:
        table = Table(header_style="bold", show_lines=False)
        for heading in HEADINGS:
            table.add_column(heading, overflow="fold")
        for judgement, row in zip(judgements, rows, strict=True):
            cells = [Text(text) for text in row]
            cells[1].stylize(COLOURS[judgement.verdict])
            table.add_row(*cells)
        console.print(table)
    else:
        widths = [max(len(r[i]) for r in (HEADINGS, *rows)) for i in range(len(HEADINGS))]
        for row in (HEADINGS, *rows):
            line = "  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)).rstrip()
            console.file.write(line + "\n")
    counts = {verdict: sum(j.verdict is verdict for j in judgements) for verdict in Verdict}
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    console.print(f"{len(judgements)} claims: {summary}", highlight=False)
    for judgement in judgements:
        for reason in judgement.reasons:
            console.print(f"{judgement.claim.id} INCONCLUSIVE: {reason}", markup=False, highlight=False, soft_wrap=True)
