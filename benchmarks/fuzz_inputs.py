"""Inputs of strangers at every place where text or a file comes in: whatever they are, a result or a documented error.

Activations, kernels, profiles, records, certificates and command lines are drawn by hypothesis; most inputs are crosses
of two such draws, the beginning of one with the end of another, which cost next to nothing. Or atheris draws them (pip
install atheris), which prefers inputs that reach code not yet reached.

An input fails that raises anything but the documented error with a sentence of one line, that takes more than a second
of processor time (certificates: ten, as suprema are bisected), or that leaves a file behind. What came of the inputs is
counted and printed, place by place.

    python benchmarks/fuzz_inputs.py --count 100000
    python benchmarks/fuzz_inputs.py --door profile --count 50000 --seed 7
    python benchmarks/fuzz_inputs.py --door activation --count 200000 --guided
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

POOL, CROSSES = 500, 9500
"""Inputs that hypothesis draws in one run, and crosses of them."""
SHOWN = 20
"""Failures that are printed."""
NAMES = ("activation", "kernel", "certificate", "profile", "records", "tables", "command")

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]  # before the tests, whose folders are named as the packages
sys.path.append(str(ROOT / "tests"))


class Tally:
    """Counts of what came of the inputs of one door."""

    def __init__(self, name: str, door: Any, folder: Path) -> None:
        self.name, self._door, self._folder = name, door, folder
        self.counts: Counter[str] = Counter()
        self.wrong, self.slowest = 0, 0.0
        self.pool: list[Any] = []

    def keep(self, value: Any) -> None:
        """Keep an input for later."""
        self.pool.append(value)

    def take(self, value: Any) -> None:
        """Hand an input in, and count."""
        begun = time.process_time()
        try:
            self.counts[self._door(value, self._folder)] += 1
        except (KeyboardInterrupt, SystemExit) as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            self._failed(value, error)
        except BaseException as error:  # too slow, or what nobody should see
            self._failed(value, error)
        self.slowest = max(self.slowest, time.process_time() - begun)

    def _failed(self, value: Any, error: BaseException) -> None:
        self.wrong += 1
        self.counts[f"wrong: {type(error).__name__}"] += 1
        if self.wrong <= SHOWN:
            print(f"{self.name}: {type(error).__name__}: {str(error)[:300]}\n    {value!r:.600}", flush=True)

    def line(self) -> str:
        """The counts in a line."""
        found = ", ".join(f"{word} {count:,}" for word, count in self.counts.most_common())
        count, slowest = sum(self.counts.values()), f"the slowest took {self.slowest:.2f} s"
        return f"{self.name}: {count:,} inputs, {self.wrong} wrong, {slowest}: {found}"


def crossed(rng: random.Random, first: Any, second: Any) -> Any:
    """The beginning of one input with the end of another; of tuples, member by member.

    >>> crossed(random.Random(0), "tanh(z + 1)", "sin(2*z)")
    'tanh(z + 12*z)'
    """
    if isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second):
        return tuple(crossed(rng, a, b) for a, b in zip(first, second, strict=True))
    if type(first) is type(second) and isinstance(first, str | bytes | list):
        at = rng.randint(0, len(first))
        # Near the same place, so that what has a form keeps most of it.
        return first[:at] + second[max(0, at + rng.randint(-4, 4)) :]
    return rng.choice((first, second))


def drawn(tally: Tally, strategy: Any, count: int, seed: int) -> None:
    """Draws of hypothesis, and crosses of them."""
    import hypothesis

    chunk = 0
    while (left := count - sum(tally.counts.values())) > 0:
        tally.pool.clear()
        options = hypothesis.settings(
            max_examples=min(POOL, left),
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.seed(1_000_000 * seed + chunk)(
            options(hypothesis.given(strategy)(lambda value: tally.keep(value)))
        )()
        rng = random.Random(f"{tally.name} {seed} {chunk}")  # noqa: S311 - repeatable, not secret
        for value in tally.pool:
            tally.take(value)
        for _ in range(min(CROSSES, left - len(tally.pool))):
            tally.take(crossed(rng, *rng.choices(tally.pool, k=2)))
        chunk += 1
        print(tally.line(), flush=True)


def guided(tally: Tally, strategy: Any, count: int, seed: int) -> None:
    """Draws that atheris makes from bytes; ends the process."""
    import atheris
    import hypothesis

    options = hypothesis.settings(deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck))
    fuzz = options(hypothesis.given(strategy)(tally.take)).hypothesis.fuzz_one_input
    calls = 0

    def one(data: bytes) -> None:
        nonlocal calls
        calls += 1
        fuzz(data)
        if calls % 10_000 == 0 or calls == count:
            print(tally.line(), flush=True)

    words = [sys.argv[0], f"-runs={count}", f"-seed={seed + 1}", "-max_len=2048", "-len_control=20", "-verbosity=0"]
    atheris.Setup(words, one)
    atheris.Fuzz()


def main() -> int:
    """Draw the inputs; status 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--door", choices=NAMES, action="append", help="where; everywhere when left out")
    parser.add_argument("--count", type=int, default=1000, help="inputs for each door")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--guided", action="store_true", help="by atheris; needs one door")
    given = parser.parse_args()
    names = given.door or NAMES
    if given.guided and len(names) != 1:
        parser.error("--guided: needs one --door")
    watched: Any = nullcontext()
    if given.guided:
        import atheris

        watched = atheris.instrument_imports(include=["theory", "verify"])
    with watched:
        from inputs_fuzz import DOORS

        if given.guided:  # what is imported only when it is used would not be watched
            import theory

            for module in pkgutil.walk_packages(theory.__path__, "theory."):
                importlib.import_module(module.name)
    wrong = total = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for name in names:
            tally = Tally(name, DOORS[name], Path(folder))
            (guided if given.guided else drawn)(tally, DOORS[name].strategy, given.count, given.seed)
            wrong, total = wrong + tally.wrong, total + sum(tally.counts.values())
    print(f"in all: {total:,} inputs, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
