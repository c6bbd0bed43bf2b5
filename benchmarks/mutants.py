"""Mutants: small errors planted in the library, one at a time, and whether a claim or a test sees them.

    OMP_NUM_THREADS=1 python benchmarks/mutants.py --out mutants.jsonl --minutes 60
    OMP_NUM_THREADS=1 python benchmarks/mutants.py --out mutants.jsonl --survivors
    python benchmarks/mutants.py --out mutants.jsonl --table

The first goes on where the file ends; the second shows what survived to all other tests of its package, with ten times
the time; the third prints the shares, and what survived.

A mutant (``benchmarks/mutation.py``) is a wrong expression in a function of ``theory``, ``numerics``, the measurements
``verify/cells`` or ``verify/predictions``. The sample is fixed by its seed: every module gives one mutant, then every
module another, and so on, so that any beginning of it is a sample by itself, in which modules count alike.

A mutant is judged twice, each time in a process of its own, forked from one in which everything is imported and nothing
is computed; there the code of the one function is replaced. *Claims*: those that take seconds at small sizes and are
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

from mutant_judges import as_it_is, asked, by_claim, by_tests, files_of_tests, forked, load
from mutation import ROOT, Mutant, sample, wording

from verify.judging.calibration import clopper_pearson


def examine(mutant: Mutant, seconds: int) -> dict[str, Any]:
    """Everything about one mutant, as a line of the output."""
    line: dict[str, Any] = {"name": mutant.name, "file": f"{mutant.path}:{mutant.line}", "operator": mutant.operator}
    before, after = wording(mutant)
    line |= {"before": before, "after": after, "reached": False}
    for kind, shown, judge in zip(("claims", "tests"), asked(mutant), (by_claim, by_tests), strict=True):
        ends, who, met = [], "", False
        for one in shown:
            end, who, reached = forked(mutant, one, judge, seconds)
            if end == "killed":
                again = who if "::" in who else one
                news = [line for line in who.splitlines() if line not in as_it_is(again, judge, seconds)]
                end, who = ("killed", news[0]) if news else ("fails anyway", "")
            ends.append(end)
            met |= reached
            if end in ("killed", "unplanted"):
                break
        line[kind] = {"asked": shown, "ends": ends, "killer": who, "reached": met}
        line["reached"] |= met
        if "unplanted" in ends:
            return line | {"unplanted": True}
    return line


def again(mutant: Mutant, line: dict[str, Any], seconds: int) -> dict[str, Any]:
    """The line of a survivor, shown in addition to all files of tests in the folder of its package."""
    folder = ROOT.joinpath("tests", *mutant.path.split("/")[:-1])
    others = [str(path.relative_to(ROOT)) for path in files_of_tests() if path.parent == folder]
    tests = {**line["tests"], "asked": list(line["tests"]["asked"]), "ends": list(line["tests"]["ends"])}
    unseen = [f for f, end in zip(tests["asked"], tests["ends"], strict=False) if end == "no time"]
    for file in [*unseen, *(f for f in others if f not in tests["asked"])]:
        end, who, reached = forked(mutant, file, by_tests, seconds)
        if end == "killed" and who.splitlines()[0] in as_it_is(who, by_tests, seconds):
            end = "fails anyway"
        tests["asked"].append(file)
        tests["ends"].append(end)
        tests["reached"] |= reached
        line["reached"] |= reached
        if end == "killed":
            tests["killer"] = who
            break
    return line | {"tests": tests, "again": True}


def survived(line: dict[str, Any]) -> bool:
    """Whether neither a claim nor a test has killed it yet."""
    return "unplanted" not in line and "killed" not in line["claims"]["ends"] + line["tests"]["ends"]


def share(count: int, total: int) -> str:
    """A share with its Clopper-Pearson interval at 95 %."""
    low, high = clopper_pearson(count, total, 0.05)
    return f"{count} of {total}: {100 * count / max(total, 1):.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def table(path: Path) -> str:
    """The shares as Markdown, and the survivors that were reached."""
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    judged = [one for one in lines if "unplanted" not in one]
    shown = {kind: {one["name"] for one in judged if "killed" in one[kind]["ends"]} for kind in ("claims", "tests")}
    reached = [one for one in judged if one["reached"]]
    out = [
        f"{len(judged)} mutants; {len(reached)} reached.",
        "",
        "| package | mutants reached | killed by claims | by tests | by either |",
    ]
    out.append("|---|---|---|---|---|")
    packages = Counter("/".join(one["file"].split("/")[: 1 + one["file"].startswith("verify")]) for one in reached)
    for package in (*sorted(packages), ""):
        of = [one["name"] for one in reached if one["file"].startswith(package)]
        hits = [shown["claims"], shown["tests"], shown["claims"] | shown["tests"]]
        cells = [share(sum(name in hit for name in of), len(of)) for hit in hits]
        out.append(f"| {package or 'all'} | {len(of)} | {' | '.join(cells)} |")
    out += ["", "| killed by | mutant | expression | in its place |", "|---|---|---|---|"]
    for one in sorted(reached, key=lambda one: str(one["claims"]["killer"])):
        if "killed" in one["claims"]["ends"]:
            who = one["claims"]["killer"].replace("|", r"\|")
            out.append(f"| {who} | `{one['file']}` | `{one['before']}` | `{one['after']}` |")
    out += ["", "| survivor | operator | expression | in its place | not finished |", "|---|---|---|---|---|"]
    for one in reached:
        if survived(one):
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
    started = time.monotonic()
    os.chdir(ROOT)
    load()
    there = arguments.out.read_text().splitlines() if arguments.out.exists() else []
    if arguments.survivors:
        lines, planted = list(map(json.loads, there)), {mutant.name: mutant for mutant in sample(arguments.seed)}
        for place, line in enumerate(lines):
            if survived(line) and "again" not in line:
                lines[place] = again(planted[line["name"]], line, 10 * arguments.seconds)
                arguments.out.write_text("".join(f"{json.dumps(one)}\n" for one in lines))
        return
    known = {json.loads(text)["name"] for text in there}
    for mutant in sample(arguments.seed):
        if time.monotonic() - started > 60 * arguments.minutes:
            return
        if mutant.name not in known:
            with arguments.out.open("a") as out:
                out.write(json.dumps(examine(mutant, arguments.seconds)) + "\n")


if __name__ == "__main__":
    main()
