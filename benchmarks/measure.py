"""How every benchmark measures a ratio of times and says it: one line for a reader, or one of JSON with ``--json``.

Calls take turns in one process, so that a load on the machine falls on all of them alike. A ratio is the median over
the repetitions of our time over the other's in the same round; the round before them is not counted. On one thread of a
CPU times are processor times, which other processes lengthen little; elsewhere they are times of a clock.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import torch

Call = Callable[[], object]
SMALLEST = 5
"""Repetitions below which no median is taken."""


@dataclass(frozen=True)
class Ratio:
    """Our time over that of something else.

    Attributes:
        name: in ``benchmarks/budget.toml``. ratio: the median. low, high: the least and the largest.
        repetitions: how many. against: what the other is.
    """

    name: str
    ratio: float
    low: float
    high: float
    repetitions: int
    against: str


def parser(documentation: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    found = argparse.ArgumentParser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--json", action="store_true", help="a line of JSON for each ratio, and nothing else")
    found.add_argument("--small", action="store_true", help="the sizes of the budget: a minute in all")
    found.add_argument("--repetitions", type=int, default=SMALLEST)
    found.add_argument("--threads", type=int, default=1)
    found.add_argument("--device", default="cpu")
    return found


class Bench:
    """Measures, prints and keeps ratios.

    Args:
        options: of :func:`parser`.

    Raises:
        SystemExit: fewer than five repetitions.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        if options.repetitions < SMALLEST:
            sys.exit(f"--repetitions {options.repetitions}: needs {SMALLEST} or more for a median")
        torch.set_num_threads(options.threads)
        self.device, self.found = options.device, list[Ratio]()
        self.repetitions, self._json = options.repetitions, options.json
        self._clock = time.process_time if options.threads == 1 and self.device == "cpu" else time.perf_counter

    def say(self, text: str) -> None:
        """A line for a reader."""
        if not self._json:
            print(text, flush=True)

    def seconds(self, call: Call) -> float:
        """Of one call, the card's queue included."""
        self._wait()
        start = self._clock()
        result = call()
        self._wait()
        taken = self._clock() - start
        del result
        return taken

    def _wait(self) -> None:
        if self.device != "cpu":
            torch.cuda.synchronize(self.device)

    def compare(self, calls: Mapping[str, Call], wanted: Mapping[str, tuple[str, str]]) -> None:
        """Time the calls by turns, and record the ratios wanted: by name, (numerator, denominator) among the calls."""
        rounds = [{name: self.seconds(call) for name, call in calls.items()} for _ in range(self.repetitions + 1)][1:]
        for name in calls:
            self.say(f"  {name:44} {statistics.median(one[name] for one in rounds):.4g} s")
        for name, (above, below) in wanted.items():
            self.record(name, [one[above] / one[below] for one in rounds], below)

    def record(self, name: str, ratios: Sequence[float], against: str) -> None:
        """Print and keep one ratio, from its values in all rounds."""
        one = Ratio(name, statistics.median(ratios), min(ratios), max(ratios), len(ratios), against)
        self.found.append(one)
        if self._json:
            print(json.dumps(asdict(one)), flush=True)
        else:
            self.say(f"{name}: {one.ratio:.3g} ({one.low:.3g} to {one.high:.3g}) times {against}")

    def skip(self, name: str, why: str) -> None:
        """Say why a ratio is not measured here."""
        print(json.dumps({"name": name, "skipped": why}) if self._json else f"{name}: left out, {why}", flush=True)
