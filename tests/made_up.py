"""Claims judged on evidence made up so that they are exactly true or false, up to a little scatter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from verify.judging.claim import Claim, Evidence
from verify.judging.outcome import Outcome, Verdict
from verify.running.experiment import Cell, Numbers
from verify.sizes.profile import QUICK, Profile

SIGMA = "sin(z + pi/4)"
ONE: Profile = QUICK.model_copy(update={"activations": (SIGMA,)})


def kernel_sizes(**changes: object) -> Profile:
    """The quick profile with one activation and other sizes of the claims on kernels."""
    return ONE.model_copy(update={"kernels": ONE.kernels.model_copy(update=changes)})


def made_up(claim: Claim, p: Profile, numbers: Callable[[Cell], Numbers]) -> Evidence:
    return Evidence({cell: numbers(cell) for cell in claim.design(p)})


def verdicts(outcome: Outcome) -> dict[str, Verdict]:
    return {c.label: c.verdict for c in outcome.comparisons}


def judged(claim: Claim, profile: Profile, evidence: Evidence) -> tuple[Outcome, list[Outcome]]:
    """The claim's outcome and its controls'."""
    view = claim.cases(profile)[0].profile
    return claim.check(view, evidence), [claim.check(view, evidence, control) for control in claim.controls]


def scatter(count: int, size: float, seed: int = 0) -> np.ndarray:
    return 1 + size * np.random.default_rng(seed).standard_normal(count)
