"""What the terminal shows: progress and the table of verdicts, as plain text when it is not a terminal."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from verify.cli.streams import forgiving, printable, wrapped
from verify.judging.claim import Claim
from verify.judging.grade import Grade
from verify.judging.judgement import Judgement
from verify.judging.outcome import Verdict
from verify.judging.shown import CONTROLS, shown
from verify.running.progress import duration, lines

if TYPE_CHECKING:
    from verify.running.sweep import Done

COLOURS = {Verdict.HOLDS: "green", Verdict.FAILS: "bold red", Verdict.INCONCLUSIVE: "yellow"}
HEADINGS = ("claim", "verdict", "grade", "deciding comparison", "admitted", "measured", "interval", "control")
LOOK, EVERY = 2.0, 60.0
"""Seconds between looks at the long cells, and between lines about them where there is no terminal."""
WORDS = 40
"""Columns that titles and labels need beside the numbers; a narrower terminal gets a paragraph for each claim."""


class ProgressDisplay:
    """Shows which claims are complete, which cell, the elapsed time and what is left; a context manager.

    Of cells that take long it also shows how far they are and the time left, from the files in the folder of their
    checkpoints: on a terminal beside the bar, elsewhere as a line every minute at most.
    """

    def __init__(
        self, console: Console, claims: Sequence[Claim], checkpoints: Path | None = None, verbose: bool = False
    ) -> None:
        self._console, self._claims, self._complete, self._verbose = console, claims, 0, verbose
        self._started, self._since = time.perf_counter(), time.time()
        self._checkpoints, self._told = checkpoints, (-EVERY, "")
        self._ended, self._watch = threading.Event(), threading.Thread(target=self._look, daemon=True)
        self._bar: Progress | None = None
        self._left = ""
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("[bold]{task.description}[/]"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[cell]}"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
                console=console,
            )
            self._task = self._bar.add_task("cells", total=None, cell="", left="")

    def __enter__(self) -> ProgressDisplay:
        if self._bar is not None:
            self._bar.start()
        if self._checkpoints is not None:
            self._watch.start()
        return self

    def _look(self) -> None:
        while not self._ended.wait(LOOK):
            self.long()

    def long(self) -> None:
        """Show how far the long cells are."""
        found = "; ".join(lines(self._checkpoints, self._since)) if self._checkpoints is not None else ""
        elapsed = time.perf_counter() - self._started
        told, text = self._told
        if not found or found == text:
            return
        with forgiving(self._console.file):
            if self._bar is not None:
                self._told = elapsed, found
                self._bar.update(self._task, cell=printable(found))
            elif elapsed - told >= EVERY:
                self._told = elapsed, found
                self._say(found)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._watch.is_alive():
            self._watch.join()
        if self._bar is not None:
            with forgiving(self._console.file):
                self._bar.stop()

    def cell(self, done: Done, there: int, total: int) -> None:
        """A cell is there."""
        if self._bar is not None:
            with forgiving(self._console.file):
                name = type(done.cell).__name__
                self._bar.update(self._task, completed=there, total=total, cell=name, left=self._left)
        if self._verbose:
            found = "from the records" if done.stored else f"{done.seconds:.1f} s"
            self._say(f"cell {there} of {total}, {type(done.cell).__name__}: {found}")

    def look(self, claims: Sequence[Claim]) -> None:
        """These claims are looked at again."""
        names = ", ".join(claim.id for claim in claims)
        self._say(f"still open, looked at again with twice the repetitions: {names}")

    def left(self, seconds: float, least: bool) -> None:
        """The rest should take so long, or at least so long."""
        self._left = f"{'at least' if least else 'about'} {duration(seconds)} left" if seconds >= 1 else ""

    def claim(self, claim: Claim, computed: int, stored: int) -> None:
        """All cells of a claim are there."""
        self._complete += 1
        self._say(
            f"{claim.id} {claim.title} ({self._complete} of {len(self._claims)}) done: {computed} computed, {stored} "
            f"from the records{'; ' if self._left else ''}{self._left}"
        )

    def _say(self, text: str) -> None:
        """A line, with the time elapsed before it."""
        elapsed = f"[{time.perf_counter() - self._started:6.1f} s]"
        with forgiving(self._console.file):
            self._console.print(printable(f"{elapsed} {text}"), markup=False, highlight=False, soft_wrap=True)


class Silent:
    """In the place of :class:`ProgressDisplay` where nothing is to be shown."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *raised: object) -> None:
        """Nothing was begun."""

    def cell(self, done: Done, there: int, total: int) -> None:
        """A cell is there."""

    def look(self, claims: Sequence[Claim]) -> None:
        """These claims are looked at again."""

    def left(self, seconds: float, least: bool) -> None:
        """The rest should take so long."""

    def claim(self, claim: Claim, computed: int, stored: int) -> None:
        """All cells of a claim are there."""


def _row(judgement: Judgement) -> tuple[str, ...]:
    c = judgement.outcome.decisive
    name = f"{judgement.claim.id} {judgement.claim.title}"
    numbers = ("none", "", "", "")
    if c is not None:
        found = shown(c)
        numbers = (printable(c.label), found.admitted, found.measured, found.interval)
    grade = "none" if judgement.grade is None else str(judgement.grade)
    return (name, str(judgement.verdict), grade, *numbers, CONTROLS[judgement.control])


def show_table(console: Console, judgements: Sequence[Judgement]) -> None:
    """The final table: on a terminal a rich one, or a paragraph for each claim where it is too narrow for the numbers.

    Elsewhere aligned plain text.
    """
    rows = [_row(j) for j in judgements]
    widths = [max(len(r[i]) for r in (HEADINGS, *rows)) for i in range(len(HEADINGS))]
    numbers = sum(widths) - widths[0] - widths[3] + 3 * len(HEADINGS) + 1
    if not console.is_terminal:
        for row in (HEADINGS, *rows):
            line = "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            console.file.write(line + "\n")
    elif numbers + WORDS <= console.width:
        console.print(_wide(judgements, rows))
    else:
        for judgement, row in zip(judgements, rows, strict=True):
            for text in _paragraph(judgement, row, console.width):
                console.print(text, soft_wrap=True)
    for line in _summary(judgements):
        for part in wrapped(line, console.width) if console.is_terminal else [line]:
            console.print(part, markup=False, highlight=False, soft_wrap=True)


def _wide(judgements: Sequence[Judgement], rows: Sequence[tuple[str, ...]]) -> Table:
    """The table in which titles and labels wrap between words, and nothing else does."""
    table = Table(header_style="bold", show_lines=False)
    for heading in HEADINGS:
        table.add_column(heading, no_wrap=heading not in ("claim", "deciding comparison"), overflow="fold")
    for judgement, row in zip(judgements, rows, strict=True):
        cells = [Text(text) for text in row]
        cells[1].stylize(COLOURS[judgement.verdict])
        cells[2].stylize(COLOURS[Verdict.INCONCLUSIVE] if judgement.grade is Grade.TOY else "")
        cells[-1].stylize("" if judgement.control is Verdict.FAILS else COLOURS[Verdict.INCONCLUSIVE])
        table.add_row(*cells)
    return table


def _paragraph(judgement: Judgement, row: tuple[str, ...], width: int) -> Iterator[Text]:
    """The row as lines broken between words: verdict and claim first, then what decides it."""
    name, verdict, grade, label, admitted, measured, interval, control = row
    head, *more = wrapped(f"{verdict} {name}; {grade}; control {control}", width)
    first = Text(head)
    first.stylize(COLOURS[judgement.verdict], 0, len(verdict))
    yield first
    decided = f"{label}: admitted {admitted}, measured {measured} in {interval}" if admitted else label
    yield from map(Text, (*more, *wrapped(f"    {decided}", width, "")))


def _summary(judgements: Sequence[Judgement]) -> Iterator[str]:
    counts = {verdict: sum(j.verdict is verdict for j in judgements) for verdict in Verdict}
    yield f"{len(judgements)} claims: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    grades = Counter("none" if j.grade is None else str(j.grade) for j in judgements)
    yield "grade of the evidence: " + ", ".join(f"{grades[g]} {g}" for g in (*map(str, Grade), "none") if grades[g])
    again = Counter(j.look.number for j in judgements if j.look.number > 1)
    if again:
        looks = ", ".join(f"{again[number]} at {number} looks" for number in sorted(again))
        yield f"decided or left open after further looks, each with twice the repetitions: {looks}"
    caught = sum(j.control is Verdict.FAILS for j in judgements)
    yield f"controls (the same check with a planted error): caught in {caught} of {len(judgements)} claims"
    for judgement in judgements:
        for reason in judgement.reasons:
            yield printable(f"{judgement.claim.id} INCONCLUSIVE: {reason}")
    yield from _doubted(judgements)


def _doubted(judgements: Sequence[Judgement]) -> Iterator[str]:
    """The derivations of theory.RATES whose premises a failed claim puts in doubt, those that use others included."""
    verdicts = {judgement.claim.id: judgement.verdict for judgement in judgements}
    if Verdict.FAILS not in verdicts.values():
        return
    from theory import RATES
    from verify.premises import doubts

    for sentence in dict.fromkeys(sentence for rate in RATES for sentence in doubts(rate, verdicts)):
        yield f"a premise of theory.RATES is in doubt: {sentence}"
