"""Errors planted in the library itself, not in a check: each makes at least one claim FAIL that HOLDS without it.

The claims are computed and judged as in a run of all of them, at sizes of the quick profile or below.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType

import pytest
import torch

import theory
import verify.cells.subspace_run
from numerics.activations import TorchActivation
from numerics.directions import GoodDirections
from numerics.targets import Target
from numerics.terms.weights import PenaltyWeights
from verify.judging.claim import Evidence
from verify.judging.judgement import judge, settle
from verify.judging.outcome import Verdict
from verify.predictions import certified
from verify.registry import CLAIMS
from verify.running.sweep import Done
from verify.sizes.profile import QUICK, Profile
from verify.state import design

FAMILY = len(CLAIMS)


def verdict(name: str, profile: Profile) -> Verdict:
    """The claim's verdict; its cells are computed in this process, where the library is patched."""
    claim = CLAIMS[name]
    done = [Done(cell, cell.run(), 0.0, stored=False) for cell in design(claim, profile)]
    assert Evidence({item.cell: item.numbers for item in done})
    (judgement,) = settle([judge(claim, profile, done, FAMILY)])
    return judgement.outcome.verdict if judgement.rejected else judgement.verdict


def small(**chapters: dict[str, object]) -> Profile:
    """The quick profile with one activation and some sizes changed."""
    changes = {name: getattr(QUICK, name).model_copy(update=sizes) for name, sizes in chapters.items()}
    return QUICK.model_copy(update={"activations": ("tanh(z + 1)",)} | changes)


def wrong_factor(patch: pytest.MonkeyPatch) -> None:
    slipped = ModuleType("theory")  # for the predictions alone: the cells compute with the true one
    slipped.__getattr__ = lambda name: getattr(theory, name)
    slipped.ntk_eigenvalue = lambda *a, **k: theory.ntk_eigenvalue(*a, **k) * 11 / 10
    patch.setattr(certified, "theory", slipped)
    patch.setattr(certified, "eigenvalue", certified.eigenvalue.__wrapped__)  # remembers nothing


def wrong_derivative(patch: pytest.MonkeyPatch) -> None:
    true = TorchActivation.derivatives

    def derivatives(self: TorchActivation, z: torch.Tensor, *orders: int) -> tuple[torch.Tensor, ...]:
        return true(self, z, *(1 if order == 2 else order for order in orders))

    patch.setattr(TorchActivation, "derivatives", derivatives)


def random_projector(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        verify.cells.subspace_run, "GoodDirections", lambda *a, **k: GoodDirections(*a, **k).random_subspace(1)
    )


def shuffled_labels(patch: pytest.MonkeyPatch) -> None:
    true = Target.__call__

    def call(self: Target, x: torch.Tensor) -> torch.Tensor:
        values = true(self, x)
        order = torch.randperm(len(values), generator=torch.Generator().manual_seed(len(values)))
        return values[order.to(values.device)]

    patch.setattr(Target, "__call__", call)


def no_r1(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PenaltyWeights, "uses", lambda self, mode: False)


FEWER = small(spectral={"block_dimension": {1: 8}, "block_replicates": {1: 16}})

PLANTED: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str, Profile]] = {
    "Lambda_l times 1.1": (wrong_factor, "S1", small()),
    "sigma'' replaced by sigma': Taylor terms": (wrong_derivative, "T1", small()),
    "sigma'' replaced by sigma': QuadNTK spectrum": (wrong_derivative, "S8", small()),
    "P_{<=k} replaced by a random projector": (
        random_projector,
        "S7",
        FEWER,
    ),
    "labels shuffled": (shuffled_labels, "N1", small()),
    "R1 switched off": (no_r1, "N6", QUICK),
}


@cache
def honest(name: str, profile: str) -> Verdict:
    """Without an error; the profile as text, to be remembered."""
    return verdict(name, Profile.model_validate_json(profile))


@pytest.mark.parametrize("error", PLANTED)
def test_a_planted_error_is_caught(error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, name, profile = PLANTED[error]
    assert honest(name, profile.model_dump_json()) is Verdict.HOLDS, "without the error"
    plant(monkeypatch)
    assert verdict(name, profile) is Verdict.FAILS, "with it"
