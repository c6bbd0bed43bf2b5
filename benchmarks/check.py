"""Whether the accepted ratios of ``budget.toml`` still hold, and the table of all ratios in docs/benchmarks.md.

    python benchmarks/check.py                  the small sizes; the status is 1 where a ratio has grown
    python benchmarks/check.py --only gram.py   one script
    python benchmarks/check.py --write          the full sizes, and the table in docs/benchmarks.md

A ratio above what is accepted is measured again, up to three times, and the least of the medians counts: a busy machine
lengthens a median, and seldom all four. What a script leaves out, as a library is not installed, is said and passes.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import Ratio

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- ratios: written by make benchmark -->", "<!-- end of ratios -->"
AGAIN = 3
"""How often a ratio that is too large is measured once more."""
PACKAGES = ("torch", "numpy", "mpmath", "scipy", "curvlinops-for-pytorch", "neural-tangents", "scikit-learn")

Run = Callable[[tuple[str, ...]], tuple[dict[str, Ratio], dict[str, str]]]
"""Runs a script with its options; returns its ratios by name, and why it left others out."""


class Broken(RuntimeError):
    """A script that did not end well."""


@dataclass(frozen=True)
class Entry:
    """A script and the ratios that are accepted, by name, each with a reason."""

    run: tuple[str, ...]
    accepted: Mapping[str, float]
    why: Mapping[str, str]


def budget(path: Path = HERE / "budget.toml") -> list[Entry]:
    """The entries of a budget file. Raises KeyError where one lacks ``accepted`` or ``why``."""
    return [
        Entry(
            tuple(script["run"]),
            {name: float(one["accepted"]) for name, one in script["ratios"].items()},
            {name: str(one["why"]) for name, one in script["ratios"].items()},
        )
        for script in tomllib.loads(path.read_text(encoding="utf-8"))["scripts"]
    ]


def execute(command: tuple[str, ...]) -> tuple[dict[str, Ratio], dict[str, str]]:
    """Run a script of this folder with ``--json``.

    Raises:
        Broken: its status is not 0, with the end of what it wrote.
    """
    words = [sys.executable, str(HERE / command[0]), *command[1:], "--json"]
    paths = os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths}, check=False)
    if done.returncode:
        raise Broken(f"{' '.join(command)}: status {done.returncode}; {done.stderr.strip()[-500:]}")
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    ratios = {line["name"]: Ratio(**line) for line in lines if "ratio" in line}
    return ratios, {line["name"]: line["skipped"] for line in lines if "skipped" in line}


def regressions(entry: Entry, run: Run, say: Callable[[str], None]) -> list[str]:
    """A sentence for each ratio of a script that is above its budget in every one of the runs, or has none.

    What the script left out under a name, or under the beginning of one before a hyphen, need not be there.
    """
    found, skipped = run(entry.run)
    for name, why in skipped.items():
        say(f"{name}: left out, {why}")
    for name in sorted(found.keys() - entry.accepted.keys()):
        say(f"{name}: {found[name].ratio:.3g}, without a budget")
    missing = sorted(
        name
        for name in entry.accepted.keys() - found.keys()
        if not any(name == left or name.startswith(f"{left}-") for left in skipped)
    )
    best = {name: one for name, one in found.items() if name in entry.accepted}
    for _ in range(AGAIN):
        if all(one.ratio <= entry.accepted[name] for name, one in best.items()):
            break
        again, _ = run(entry.run)
        best = {name: min(one, again.get(name, one), key=lambda each: each.ratio) for name, one in best.items()}
    sentences = [f"{name}: {entry.run[0]} no longer prints it; take it out of budget.toml" for name in missing]
    for name, one in best.items():
        limit, why = entry.accepted[name], entry.why[name]
        if one.ratio <= limit:
            say(f"{name}: {one.ratio:.3g} times {one.against}, accepted {limit:.3g}")
        else:
            sentences.append(
                f"{name}: takes {one.ratio:.3g} times as long as {one.against}, accepted {limit:.3g} ({why})"
            )
    return sentences


def machine() -> str:
    """The model of the processor and the number of cores, with the versions of the libraries that are here."""
    model = platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    versions = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name).partition('+')[0]}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}, {', '.join(versions)}"


def table(scripts: Mapping[str, tuple[dict[str, Ratio], dict[str, str]]], where: str) -> str:
    """Markdown of all ratios, a row for each."""
    rows = [
        f"| {one.name} | {one.against} | {one.ratio:.3g} | {one.low:.3g} to {one.high:.3g} | {one.repetitions} |"
        for found, _ in scripts.values()
        for one in found.values()
    ]
    commands = ", ".join(f"`python benchmarks/{words}`" for words in scripts)
    left = [f"{name} ({why})" for _, skipped in scripts.values() for name, why in skipped.items()]
    head = ["| ratio | against | median | least to largest | rounds |", "|---|---|---|---|---|"]
    end = [f"\nLeft out: {', '.join(left)}."] if left else []
    return "\n".join([f"{where}. {commands}.\n", *head, *rows, *end])


def put(page: str, text: str) -> str:
    """The page with the part between the two marks replaced. Raises ValueError where they are not there."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/benchmarks.md: needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def main() -> int:
    """Check or write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", nargs="*", metavar="SCRIPT", help="scripts of budget.toml, such as gram.py")
    options.add_argument("--write", action="store_true")
    chosen = options.parse_args()
    entries = [one for one in budget() if chosen.only is None or one.run[0] in chosen.only]
    if not entries:
        sys.stderr.write(f"--only {' '.join(chosen.only)}: budget.toml has none of these\n")
        return 2
    try:
        if chosen.write:
            commands = [(entry.run[0], *(word for word in entry.run[1:] if word != "--small")) for entry in entries]
            scripts = {" ".join(command): execute(command) for command in commands}
            PAGE.write_text(put(PAGE.read_text(encoding="utf-8"), table(scripts, machine())), encoding="utf-8")
            return 0
        slower = [sentence for entry in entries for sentence in regressions(entry, execute, print)]
    except Broken as broken:
        sys.stderr.write(f"{broken}\n")
        return 1
    for sentence in slower:
        sys.stderr.write(f"{sentence}\n")
    return int(bool(slower))


if __name__ == "__main__":
    sys.exit(main())
