"""The bound in balls against the one in float64, and planted errors in the latter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from certified import Small, descended, lowest_loss

from numerics.certificate import neurons
from numerics.certificate.balls import certified_bound
from numerics.certificate.gap import Gap, optimality_gap
from numerics.certificate.minorant import Minorant
from numerics.objective import Objective
from theory import Undecided


def trained(number: int) -> tuple[Objective, torch.Tensor]:
    problem = Small(number)
    objective = problem.objective()
    return objective, descended(problem.objective(1), problem.start(0.3)[None])[0]


def agrees(objective: Objective, found: Gap) -> bool:
    """Whether the balls prove positive what the floats say is, and contain their numbers within the slack stated.

    The eigenvalue is stated less its rounding error, which is below 1e-10 shifts: hundreds of eps times the moduli of
    B_r, which are some shifts at a minimum.
    """
    try:
        balls = certified_bound(objective, found.multipliers)
    except Undecided:
        return False
    value = found.lower + found.rounding  # what was computed
    below, above = float(value - found.rounding), float(value + found.unsolved + found.rounding)
    shift = float(found.multipliers.shifts.max())
    low, high = float(balls.smallest.lower()), float(balls.smallest.upper())
    same = 0 <= float(found.smallest) <= high and low <= float(found.smallest) + 1e-10 * shift
    return same and float(balls.value.upper()) >= below and float(balls.value.lower()) <= above


@pytest.mark.parametrize("number", range(12))
def test_the_balls_contain_the_floats(number: int) -> None:
    objective, W = trained(number)
    for multipliers in ("natural", "relaxation"):
        found = optimality_gap(objective, W, multipliers, iterations=60)
        if float(found.lower) > 0:
            assert agrees(objective, found), multipliers


def larger(matrices: torch.Tensor) -> torch.Tensor:
    return 1.1 * matrices


def flipped(matrices: torch.Tensor) -> torch.Tensor:
    return torch.cat([-matrices[..., :1, :, :], matrices[..., 1:, :, :]], dim=-3)


def squares(change: Callable[[torch.Tensor], torch.Tensor]):  # type: ignore[no-untyped-def]
    original = neurons.weighted_squares

    def planted(*arguments):  # type: ignore[no-untyped-def]
        matrices, moduli = original(*arguments)
        return change(matrices), moduli

    return planted


ERRORS = {
    "factor 1.1 in B_r": lambda patch: patch.setattr(neurons, "weighted_squares", squares(larger)),
    "sign of one neuron": lambda patch: patch.setattr(neurons, "weighted_squares", squares(flipped)),
    "s below -lambda_min": lambda patch: patch.setattr(
        Minorant, "shifts", lambda self, lift: (-0.9 * self.neurons.lowest()).clamp_min(0)
    ),
}
CURVED = (1, 2, 3)
"""Numbers of problems with a quadratic term whose bound is not the trivial one."""


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("number", CURVED)
def test_a_planted_error_is_caught(number: int, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objective, W = trained(number)
    assert objective.model != "linear"
    true = optimality_gap(objective, W, "relaxation", iterations=60)
    assert float(true.lower) > 0
    assert agrees(objective, true)
    ERRORS[error](monkeypatch)
    assert not agrees(objective, optimality_gap(objective, W, "relaxation", iterations=60))


def test_too_small_shifts_also_overstate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the balls: a restart falls below a bound whose shifts are too small."""
    found = []
    ERRORS["s below -lambda_min"](monkeypatch)
    for number in CURVED:
        objective, W = trained(number)
        wrong = optimality_gap(objective, W, "relaxation", iterations=60)
        found.append(float(wrong.lower) > lowest_loss(Small(number)))
    assert any(found)


def test_what_is_refused() -> None:
    objective, W = trained(1)
    found = optimality_gap(objective, W)
    batch = Small(1).objective(2)
    with pytest.raises(ValueError, match="needs one network"):
        certified_bound(batch, found.multipliers)
    with pytest.raises(Undecided, match="larger shifts"):
        certified_bound(objective, type(found.multipliers)(found.multipliers.slopes, 0.1 * found.multipliers.shifts))
