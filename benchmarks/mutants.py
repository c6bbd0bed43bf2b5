"""Mutants: small errors planted in the library, one at a time, and whether a claim or a test sees them.

    OMP_NUM_THREADS=1 python benchmarks/mutants.py --out mutants.jsonl --minutes 60
    OMP_NUM_THREADS=1 python benchmarks/mutants.py --out mutants.jsonl --survivors
    python benchmarks/mutants.py --out mutants.jsonl --table

The first goes on where the file ends; the second shows what survived the tests to all others of its folder, with ten
times the time; the third prints the shares, and what survived. A file belongs to one state of the source.

A mutant (``benchmarks/mutation.py``) is a wrong expression in a function of ``theory``, ``numerics``, the measurements
``verify/cells`` or ``verify/predictions``. The sample is fixed by its seed: every module gives one mutant, then every
module another, and so on, so that any beginning of it is a sample by itself, in which modules count alike.

Each judge of a mutant has a process of its own, forked from one in which everything is imported and nothing is
computed; there the code of the one function is replaced. *Claims*: those that take seconds at small sizes and are
seen to call the function, the cheapest first; the mutant is killed when a comparison FAILS or a cell ends in an error.
*Tests*: the file that mirrors the module, then others that name it; killed when a test fails. What kills a mutant is
run once on the library as it is, and must not fail there. A mutant is *reached* when the wrong expression was
evaluated: it may still be equivalent. What starts further processes sees the library as it is. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

from mutant_judges import asked, by_claim, by_tests, files_of_tests, judged, load
from mutation import ROOT, Mutant, sample, wording

from verify.judging.calibration import clopper_pearson


def examine(mutant: Mutant, seconds: int) -> dict[str, Any]:
    """Everything about one mutant, as a line of the output."""
    line: dict[str, Any] = {"name": mutant.name, "file": f"{mutant.path}:{mutant.line}", "operator": mutant.operator}
    before, after = wording(mutant)
    line |= {"before": before, "after": after, "reached": False}
    for kind, shown, judge in zip(("claims", "tests"), asked(mutant), (by_claim, by_tests), strict=True):
        found = line[kind] = {"asked": shown, "ends": [], "killer": "", "reached": False}
        for one in shown:
            end, found["killer"], reached = judged(mutant, one, judge, seconds)
            found["ends"].append(end)
            found["reached"] |= reached
            line["reached"] |= reached
            if end == "killed":
                break
            if end == "unplanted":
                return line | {"unplanted": True}
    return line


def again(mutant: Mutant, line: dict[str, Any], seconds: int) -> dict[str, Any]:
    """The line of a survivor of the tests, shown to what had no time, and to all files beside the first."""
    folder = ROOT.joinpath("tests", *mutant.path.split("/")[:-1])
    beside = [str(path.relative_to(ROOT)) for path in files_of_tests() if path.parent == folder]
    tests = line["tests"]
    met, killer, ends = tests["reached"], "", dict(zip(tests["asked"], tests["ends"], strict=True))
    for file in [f for f, end in ends.items() if end == "no time"] + [f for f in beside if f not in ends]:
        ends.pop(file, None)
        ends[file], killer, reached = judged(mutant, file, by_tests, seconds)
        met |= reached
        if ends[file] == "killed":
            break
    tests = {"asked": list(ends), "ends": list(ends.values()), "killer": killer, "reached": met}
    return line | {"tests": tests, "reached": line["reached"] or met, "again": True}


def killed(line: dict[str, Any], *kinds: str) -> bool:
    """Whether one of ``kinds``, which are "claims" and "tests", has killed it."""
    return any("killed" in line[kind]["ends"] for kind in kinds)


def share(count: int, total: int) -> str:
    """A share with its Clopper-Pearson interval at 95 %."""
    low, high = clopper_pearson(count, total, 0.05)
    return f"{count} of {total}: {100 * count / max(total, 1):.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def table(path: Path) -> str:
    """The shares as Markdown, and the survivors that were reached."""
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    found = [one for one in lines if "unplanted" not in one]
    reached = [one for one in found if one["reached"]]
    out = [
        f"{len(found)} mutants; {len(reached)} reached.",
        "",
        "| package | mutants reached | killed by claims | by tests | by either |",
    ]
    out.append("|---|---|---|---|---|")
    packages = Counter("/".join(one["file"].split("/")[: 1 + one["file"].startswith("verify")]) for one in reached)
    for package in (*sorted(packages), ""):
        of = [one for one in reached if one["file"].startswith(package)]
        kinds = ("claims",), ("tests",), ("claims", "tests")
        cells = [share(sum(killed(one, *kind) for one in of), len(of)) for kind in kinds]
        out.append(f"| {package or 'all'} | {len(of)} | {' | '.join(cells)} |")
    out += ["", "| killed by | mutant | expression | in its place |", "|---|---|---|---|"]
    for one in sorted(reached, key=lambda one: str(one["claims"]["killer"])):
        if killed(one, "claims"):
            who = one["claims"]["killer"].replace("|", r"\|")
            out.append(f"| {who} | `{one['file']}` | `{one['before']}` | `{one['after']}` |")
    out += ["", "| survivor | operator | expression | in its place | not finished |", "|---|---|---|---|---|"]
    for one in reached:
        if not killed(one, "claims", "tests"):
            slow = (one["claims"]["ends"] + one["tests"]["ends"]).count("no time")
            out.append(f"| `{one['file']}` | {one['operator']} | `{one['before']}` | `{one['after']}` | {slow} |")
    return "\n".join(out)


def main() -> None:
    """Judge mutants until the time is over, or show what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seconds", type=int, default=20, help="processor time for each claim and file of tests")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--survivors", action="store_true")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if arguments.table:
        print(table(arguments.out))
        return
    started, out = time.monotonic(), arguments.out.resolve()
    os.chdir(ROOT)
    load()
    lines = [json.loads(text) for text in out.read_text().splitlines()] if out.exists() else []
    mutants = {mutant.name: mutant for mutant in sample(arguments.seed)}
    for line in lines:
        mutant = mutants.get(line["name"])
        if mutant is None or wording(mutant) != (line["before"], line["after"]):
            raise SystemExit(f"{arguments.out}: {line['name']} is not in this source; give another file")
    if arguments.survivors:
        for place, line in enumerate(lines):
            if "unplanted" not in line and not killed(line, "tests") and "again" not in line:
                lines[place] = again(mutants[line["name"]], line, 10 * arguments.seconds)
                out.write_text("".join(f"{json.dumps(one)}\n" for one in lines))
        return
    known = {line["name"] for line in lines}
    for name, mutant in mutants.items():
        if time.monotonic() - started > 60 * arguments.minutes:
            return
        if name not in known:
            with out.open("a") as file:
                file.write(json.dumps(examine(mutant, arguments.seconds)) + "\n")


if __name__ == "__main__":
    main()
