"""Who judges a mutant: claims at small sizes and files of tests, each in a process of its own."""

from __future__ import annotations

import builtins
import importlib
import io
import json
import mmap
import os
import pkgutil
import re
import resource
import signal
import sys
import threading
import types
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mutation import REACHED, ROOT, Mutant, plant

from verify.judging.claim import Evidence
from verify.judging.multiplicity import LEVEL
from verify.judging.outcome import Verdict
from verify.registry import CLAIMS, judged_by
from verify.sizes.profile import QUICK, Profile, changed

CHEAP = (
    *("T2", "S2", "T3", "S6", "N1", "S1", "G1", "G4", "S8", "N8", "N4", "O3", "S10", "G3", "E1", "G2", "O4"),
    *("N12", "S5", "S7", "G5", "N7", "N11", "T1", "N2", "O1", "N3", "O2", "N6", "N5", "S4", "S3", "N9", "O5"),
)
"""Claims that are judged in seconds at the sizes below, the cheapest first."""
MOST = {"claims": 10, "tests": 3}
"""Claims, and files of tests, that a mutant is shown."""
MOST_SAID = 60_000
"""Bytes of what a judge says: fewer than a pipe holds."""


def small() -> Profile:
    """Sizes at which claims take seconds: too small for most to be decided, large enough to be far off."""
    spectral = {
        "blocks": 150,
        "block_dimension": {1: 6},
        "block_widths": {1: (128, 256, 512)},
        "block_replicates": {1: 24},
        "gram_dimension": {1: 64},
        "gram_samples": {1: 256},
        "gram_width": {1: 2048},
        "parity_width": 256,
        "parity_samples": 200,
        "parity_tests": 800,
    }
    directions = {
        "dimension": {1: 8},
        "energy_width": {1: 256},
        "energy_replicates": 12,
        "sign_widths": (64, 256, 1024),
        "sparse_widths": (64, 256, 1024),
        "dense_widths": (128, 512),
        "joint_widths": (256, 1024, 4096),
        "joint_networks": 12,
    }
    optimization = {
        "descent_dimensions": {1: (4, 7)},
        "descent_replicates": 4,
        "initialisation_dimension": {1: 8},
        "initialisation_replicates": 3,
        "sign_width": {1: 128},
        "sign_widths": {1: (64, 128, 256)},
        "sign_replicates": 4,
        "signs": {1: 24},
        "sign_draws": {1: 3},
        "saddle_replicates": 4,
    }
    kernels = {
        "curve_dimension": {1: 16},
        "curve_samples": {1: (64, 128, 256)},
        "curve_width": 2048,
        "curve_replicates": 4,
        "mixed_dimensions": {1: (8, 12, 16)},
        "dense_dimensions": {1: (16, 24, 32)},
        "mixed_width": {1: 1024},
        "dense_width": {1: 1024},
        "rate_replicates": 4,
        "most_samples": 1024,
        "suprema_samples": (256, 1024),
        "suprema_replicates": 6,
        "noisy_networks": 4,
        "noisy_steps": 60,
    }
    training = {"steps": {1: 150}, "dimensions": {1: (16, 24)}, "repetitions": {1: 2}, "quadratic_repetitions": {1: 2}}
    risks = {
        "dimension": {1: 48},
        "steps": 100,
        "free_steps": 60,
        "taylor_dimension": 12,
        "taylor_widths": (4, 8),
        "taylor_draws": 2,
        "taylor_pairs": 3,
        "taylor_steps": 100,
        "adam_steps": 100,
    }
    neighbours = {
        "bulk_dimension": {1: 256},
        "bulk_width": {1: 1024},
        "bulk_replicates": (12, 8),
        "peak_dimensions": {1: (16, 24, 32)},
        "peak_replicates": 4,
        "peak_targets": 2,
    }
    changes = {
        "activations": ("tanh(z + 1)", "sin(z + pi/4)"),
        "spectral": spectral,
        "directions": directions,
        "taylor": {"replicates": 3, "width_dimension": {1: 8}, "widths": {1: (512, 2048)}, "width_replicates": 12},
        "optimization": optimization,
        "kernels": kernels,
        "training": training | {"more_activations": ()},
        "risks": risks,
        "neighbours": neighbours,
        "certificates": {"dimensions": {1: (8,)}, "joint_widths": {1: (16, 32, 64)}, "iterations": 100},
        "separation": {"networks": 3, "inputs": 40, "draws": 12},
    }
    return changed(QUICK, changes)


def by_claim(name: str) -> str:
    """What FAILS in a claim at these sizes, in lines; empty where nothing does."""
    said = json.loads(compared(name))
    return f"{name}: {said['error']}" if said.get("error") else "\n".join(f"{name}: {label}" for label in said["seen"])


def compared(name: str) -> str:
    """All comparisons of a claim at these sizes, those that FAIL, and those that would in a run of all claims.

    JSON; an error that ends a cell or a prediction stands in it too.
    """
    claim, profile = CLAIMS[name], small()
    view = next(case.profile for case in claim.cases(profile) if case.profile.k == 1)
    try:
        outcome = claim.check(view, Evidence({cell: cell.run() for cell in claim.design(view)}))
    except Exception as error:  # whatever a mutant raises, it was noticed
        return json.dumps({"labels": [], "seen": [], "refuted": [], "error": type(error).__name__})
    failing = [c for c in outcome.comparisons if c.verdict is Verdict.FAILS]
    level = LEVEL / len(outcome.comparisons) / len(judged_by(QUICK))
    found = {
        "labels": [c.label for c in outcome.comparisons],
        "seen": [c.label for c in failing],
        "refuted": [c.label for c in failing if c.p_value <= level],
    }
    return json.dumps(found)


def by_tests(file: str) -> str:
    """The first three tests of a file that fail, in lines; empty where none does."""
    import pytest

    failing: list[str] = []

    class Kept:
        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.failed:
                failing.append(report.nodeid)

    arguments = ["--maxfail=3", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "timeout=0"]
    quiet = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # plugins are imported already
    status = pytest.main([*arguments, *quiet, file], plugins=[Kept()])
    return "\n".join(failing or ([f"{file}: status {status}"] if status in (2, 3) else []))


def asked(mutant: Mutant) -> tuple[list[str], list[str]]:
    """The claims and the files of tests that the mutant is shown."""
    called = (mutant.path, ".".join(mutant.function))
    claims = [name for name in CHEAP if called in calls(name)]
    return claims[: MOST["claims"]], files_for(mutant)[: MOST["tests"]]


def files_for(mutant: Mutant) -> list[str]:
    """The files of tests about a mutant: that of its module, those beside it or that name it, the nearest first."""
    parts = mutant.path.removesuffix(".py").removesuffix("_run").split("/")
    mirrored = ROOT.joinpath("tests", *parts[:-1], f"test_{parts[-1]}.py")
    whole = ROOT.joinpath("tests", *parts[:-1], f"test_{parts[-2]}.py")
    known = files_of_tests()
    name = re.compile(rf"\b{mutant.function[0]}\b")  # of the class where it is a method
    naming = [path for path, text in known.items() if name.search(text)]
    beside = [path for path in known if path.parent == mirrored.parent and mutant.function[-1].startswith("_")]
    using = [path for path, text in known.items() if mutant.module.removesuffix("_run") in text]
    first = [path for path in (mirrored, whole) if path.exists()]
    return [str(path.relative_to(ROOT)) for path in dict.fromkeys([*first, *beside, *naming, *using])]


@cache
def calls(name: str) -> frozenset[tuple[str, str]]:
    """The functions of the library that a claim calls, as file and qualified name, seen in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as own:
        return own.submit(_traced, name).result()


def _traced(name: str) -> frozenset[tuple[str, str]]:
    codes: set[types.CodeType] = set()

    def enter(frame: types.FrameType, _event: str, _given: object) -> None:
        codes.add(frame.f_code)

    sys.settrace(enter)
    threading.settrace(enter)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        by_claim(name)
    sys.settrace(None)
    inside = [code for code in codes if Path(code.co_filename).is_relative_to(ROOT)]
    return frozenset((str(Path(code.co_filename).relative_to(ROOT)), code.co_qualname) for code in inside)


@cache
def files_of_tests() -> dict[Path, str]:
    """The files of tests that may be shown, by size, with their text."""
    rooms = ("theory", "numerics", "verify/cells", "verify/claims", "verify/predictions")
    files = [path for room in rooms for path in ROOT.glob(f"tests/{room}/**/test_*.py")]
    return {path: path.read_text() for path in sorted(files, key=lambda path: path.stat().st_size)}


def forked(mutant: Mutant | None, shown: str, judge: Callable[[str], str], seconds: int) -> tuple[str, str, bool]:
    """Judge in a process of its own: what became of the mutant, who killed it, and whether it was reached."""
    note, (read, write) = mmap.mmap(-1, 1), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        said = "unplanted"
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
            signal.alarm(60 * seconds)
            setattr(builtins, REACHED, lambda: note.__setitem__(0, 1))
            if mutant is None or plant(mutant):
                with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                    said = f"done {judge(shown)}"
        except BaseException as error:  # whatever it is, the fork must not go on as if it were the parent
            said = f"done {shown}: {type(error).__name__}"
        finally:
            os.write(write, said.encode()[:MOST_SAID])
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as end:
        said = end.read().decode("utf-8", "replace")
    os.waitpid(child, 0)
    word, _, who = said.partition(" ")
    kind = {"done": "killed" if who else "survived", "unplanted": "unplanted"}.get(word, "no time")
    return kind, who, bool(note[0])


@cache
def as_it_is(shown: str, judge: Callable[[str], str], seconds: int) -> frozenset[str] | None:
    """What fails in the library as it is, in ten times the time; None where that was too little."""
    end, failing, _ = forked(None, shown, judge, 10 * seconds)
    return None if end == "no time" else frozenset(failing.splitlines())


def judged(mutant: Mutant, shown: str, judge: Callable[[str], str], seconds: int) -> tuple[str, str, bool]:
    """As :func:`forked`, and killed only by what does not fail in the library as it is."""
    end, failing, reached = forked(mutant, shown, judge, seconds)
    if end != "killed":
        return end, "", reached
    for line in failing.splitlines():
        before = as_it_is(line if "::" in line else shown, judge, seconds)
        if before is not None and line not in before:
            return end, line, reached
    return "fails anyway", "", reached


def load() -> None:
    """Import everything that a judge needs, so that it need not be imported again for each mutant."""
    import torch

    torch.set_num_threads(1)
    for package in ("theory", "numerics", "verify"):
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    for name in (
        "pytest",
        "_pytest.assertion.rewrite",
        "hypothesis",
        "scipy.stats",
        "scipy.linalg",
        "sympy",
        "flint",
        "mpmath",
    ):
        importlib.import_module(name)
