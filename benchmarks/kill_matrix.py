"""Kill matrix: which comparison of which claim sees which small error planted in the library.

    OMP_NUM_THREADS=1 python benchmarks/kill_matrix.py --out matrix.jsonl --minutes 60
    OMP_NUM_THREADS=1 python benchmarks/kill_matrix.py --out matrix.jsonl --tests
    python benchmarks/kill_matrix.py --out matrix.jsonl --table docs/kill-matrix.md

``benchmarks/mutants.py`` asks whether anybody notices a mutant, and stops at the first who does. Here every claim that
calls the mutant's function is asked, the same sample goes on, and what each comparison says is kept. The first command
goes on where the file ends, which belongs to one state of the source; the second shows what no claim has seen to the
tests; the third writes the page.

A comparison has *seen* a mutant when it FAILS at the confidence of its own interval, and *refuted* it when it would
FAIL in a run of all claims: its p value survives Bonferroni's correction over the comparisons of the claim and the
strictest step of Holm's over the claims. A comparison that fails on the library as it is, at these small sizes, sees
nothing. A cell or prediction that ends in an error is seen by the claim as a whole. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

from mutant_judges import (
    CHEAP,
    by_tests,
    calls,
    compared,
    files_for,
    files_of_tests,
    forked,
    judged,
    load,
)
from mutants import share
from mutation import ROOT, Mutant, sample, wording

SLOW = ("O6", "S9", "N10")
"""Claims that take ten seconds and more at the small sizes; N13, A1 and A2 have no case at k = 1 in quick."""
ASKED = (*CHEAP, *SLOW)
"""Every claim that can be asked."""
SECONDS = 200
"""Processor time for a claim."""
PREFACE = """\
# Kill matrix

Which comparison of which claim sees a small error in the library? `benchmarks/kill_matrix.py` plants errors one at a
time, as [`benchmarks/mutants.py`](mutants.md) does, and asks *every* claim that calls the function, at small sizes and
k = 1. This page is written by

```console
$ OMP_NUM_THREADS=1 python benchmarks/kill_matrix.py --out matrix.jsonl --minutes 60
$ OMP_NUM_THREADS=1 python benchmarks/kill_matrix.py --out matrix.jsonl --tests
$ python benchmarks/kill_matrix.py --out matrix.jsonl --table docs/kill-matrix.md
```

*Seen*: a comparison FAILS at the confidence of its own interval, or a cell or prediction ends in an error. *Refuted*:
it would FAIL in a run of all claims, after the corrections over comparisons and claims, or ends in an error. Some
mutants change no value, and at these sizes many claims are undecided, so shares are lower bounds. Intervals are of 95 %
(Clopper and Pearson)."""


def asked(name: str, mutant: Mutant | None) -> tuple[str, dict[str, Any]]:
    """What became of a claim with a mutant in place, or of the library as it is, and what it says.

    A claim that does not end in its time says nothing.
    """
    end, said, reached = forked(mutant, name, compared, SECONDS)
    found: dict[str, Any] = {"labels": [], "seen": [], "refuted": [], "error": "", "reached": reached}
    return end, found | (json.loads(said) if said.startswith("{") else {"error": said})


def examine(mutant: Mutant, baseline: dict[str, Any], names: list[str]) -> dict[str, Any] | None:
    """A line of the output: what each claim that calls the function says of the mutant, if it is reached there.

    None where decorators hide the function.
    """
    before, after = wording(mutant)
    line: dict[str, Any] = {"name": mutant.name, "file": f"{mutant.path}:{mutant.line}", "operator": mutant.operator}
    line |= {"before": before, "after": after, "claims": {}, "unfinished": []}
    for name in names:
        end, found = asked(name, mutant)
        if end == "unplanted":
            return None
        if end == "no time":
            line["unfinished"].append(name)
        elif found["reached"]:
            known = set(baseline[name]["seen"])
            kept = {kind: [label for label in found[kind] if label not in known] for kind in ("seen", "refuted")}
            line["claims"][name] = kept | {"error": found["error"]}
    return line


def callers(mutant: Mutant) -> list[str]:
    """The claims that call the mutant's function."""
    called = (mutant.path, ".".join(mutant.function))
    return [name for name in ASKED if called in calls(name)]


def by_a_test(mutant: Mutant) -> str:
    """The first test that fails with a mutant in place: of all files about it, the largest last, then of those beside.

    A file is about a mutant when it mirrors the module, names the function or imports the module.
    """
    near = files_for(mutant)
    folder = ROOT.joinpath(near[0]).parent if near else None
    beside = [str(path.relative_to(ROOT)) for path in files_of_tests() if path.parent == folder]
    for file in dict.fromkeys([*near, *beside]):
        end, killer, _ = judged(mutant, file, by_tests, SECONDS)
        if end == "killed":
            return killer
    return ""


def unseen(line: dict[str, Any]) -> bool:
    """Whether claims have evaluated a mutant and none has seen it."""
    return bool(line["claims"]) and not any(noticed(one, "seen") for one in line["claims"].values())


def noticed(found: dict[str, Any], kind: str) -> bool:
    """Whether a claim has noticed a mutant by a comparison of this kind, or by an error."""
    return bool(found[kind] or found["error"])


def page(path: Path) -> str:
    """The matrix as Markdown: by claim and by comparison, then the mutants that nobody has seen."""
    first, *lines = [json.loads(text) for text in path.read_text().splitlines()]
    baseline, reached = first["baseline"], [line for line in lines if line["claims"]]
    left = [line for line in reached if unseen(line)]
    told = [line for line in reached if line not in left or "test" in line]
    by_either = share(sum(line not in left or bool(line["test"]) for line in told), len(told))
    reached_by = f"Seen by some claim: {_share(reached, 'seen')}; refuted: {_share(reached, 'refuted')}."
    reached_by += f" Seen by a claim or, where none has, by a test: {by_either}."
    out = [
        *PREFACE.splitlines(),
        "",
        f"{len(lines)} mutants in functions that a claim calls; {len(reached)} were evaluated there. {reached_by}",
        "",
        "| claim | mutants evaluated | seen | refuted | by errors alone |",
        "|---|---|---|---|---|",
    ]
    of = {name: [line["claims"][name] for line in reached if name in line["claims"]] for name in baseline}
    for name, found in of.items():
        seen, refuted = (sum(noticed(one, kind) for one in found) for kind in ("seen", "refuted"))
        errors = sum(bool(one["error"]) and not one["seen"] for one in found)
        out.append(f"| {name} | {len(found)} | {seen} | {refuted} | {errors} |")
    out += [
        "",
        "## By comparison",
        "",
        "Mutants that each has seen and refuted, of those that its claim evaluates.",
        "",
    ]
    out += ["| claim | comparison | evaluated | seen | refuted |", "|---|---|---|---|---|"]
    blind: dict[str, list[str]] = {}
    for name, found in of.items():
        tallies = {kind: Counter(label for one in found for label in one[kind]) for kind in ("seen", "refuted")}
        for label in baseline[name]["labels"]:
            if tallies["seen"][label]:
                cells = " | ".join(str(tallies[kind][label]) for kind in ("seen", "refuted"))
                out.append(f"| {name} | {_escaped(label)} | {len(found)} | {cells} |")
            elif found:
                blind.setdefault(name, []).append(label)
    out += ["", "Comparisons that have seen none, among the mutants that their claim evaluates:", ""]
    out += [f"- {name} ({len(of[name])}): {'; '.join(map(_escaped, labels))}" for name, labels in blind.items()]
    tested = sum(bool(line.get("test")) for line in left)
    out += ["", "## Seen by no claim", "", f"{len(left)} mutants; a test fails with {tested} of them in place."]
    out += ["", "| mutant | operator | expression | in its place | evaluated by | test that fails |", "|---" * 6 + "|"]
    for line in left:
        texts = " | ".join(f"`{_escaped(line[key])}`" for key in ("before", "after"))
        test = f"`{line['test'].split('::')[-1]}`" if line.get("test") else "none" if "test" in line else "not asked"
        names = ", ".join(line["claims"])
        out.append(f"| `{line['file']}` | {line['operator']} | {texts} | {names} | {test} |")
    return "\n".join([*out, ""])


def _share(reached: list[dict[str, Any]], kind: str) -> str:
    return share(sum(any(noticed(one, kind) for one in line["claims"].values()) for line in reached), len(reached))


def _escaped(text: str) -> str:
    """For a cell of a table."""
    return text.replace("|", r"\|")


def main() -> None:
    """Ask until the time is over, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tests", action="store_true", help="show what no claim has seen to the tests")
    parser.add_argument("--table", type=Path, metavar="PAGE", help="write the page")
    arguments = parser.parse_args()
    if arguments.table:
        arguments.table.write_text(page(arguments.out), encoding="utf-8")
        return
    started, out = time.monotonic(), arguments.out.resolve()
    os.chdir(ROOT)
    load()
    lines = [json.loads(text) for text in out.read_text().splitlines()] if out.exists() else []
    if arguments.tests:
        mutants = {mutant.name: mutant for mutant in sample(arguments.seed)}
        for line in lines[1:]:
            if unseen(line) and "test" not in line:
                line["test"] = by_a_test(mutants[line["name"]])
                out.write_text("".join(f"{json.dumps(one)}\n" for one in lines))
        return
    if not lines:
        lines = [{"baseline": {name: asked(name, None)[1] for name in ASKED}}]
        out.write_text(f"{json.dumps(lines[0])}\n")
    baseline, known = lines[0]["baseline"], {line["name"] for line in lines[1:]}
    for mutant in sample(arguments.seed):
        if time.monotonic() - started > 60 * arguments.minutes:
            return
        names = [] if mutant.name in known else callers(mutant)
        line = examine(mutant, baseline, names) if names else None
        if line is not None:
            with out.open("a") as file:
                file.write(f"{json.dumps(line)}\n")


if __name__ == "__main__":
    main()
