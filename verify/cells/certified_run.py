"""How the cells of :mod:`verify.cells.certified` are computed."""

from __future__ import annotations

import torch

from numerics.certificate.double import in_double
from numerics.certificate.gap import Choice, optimality_gap
from numerics.models import ModelName
from numerics.objective import Objective
from numerics.optimizers import GradientDescent
from numerics.terms.weights import PenaltyWeights
from numerics.train import train
from verify.cells.certified import EARLY, RANDOM, CertifiedEnds
from verify.cells.training import Draws
from verify.running.experiment import Numbers


def certified_ends(cell: CertifiedEnds) -> Numbers:
    """The numbers of a :class:`CertifiedEnds`."""
    draws = cell.prepare([str(i) for i in range(cell.draws)], cell.n)
    places = list(range(cell.draws))
    several = draws.some(places * len(cell.begins))
    free = _certified_ends_end(cell, _certified_ends_data_term(cell, draws), cell.begin(draws), cell.steps)
    starts = {"small": cell.begin(draws), "random": cell.begin(draws, RANDOM), "memorising": free}
    begins = [starts[name] for name in cell.begins]
    objective = cell.objective(several, cell.arm, cell.weights)
    first = _certified_ends_end(cell, objective, torch.cat(begins), EARLY)
    end = _certified_ends_end(cell, objective, first, max(1, cell.steps - EARLY))
    value, early = (_certified_ends_loss(objective, W).reshape(len(cell.begins), -1) for W in (end, first))
    best = end.reshape(len(cell.begins), *free.shape)[value.argmin(0), places]
    penalty, capacity = cell.weights
    own, heavier = (cell.objective(draws, cell.arm, (penalty, factor * capacity)) for factor in (1.0, cell.heavier))
    multipliers: Choice = "natural" if cell.arm == "quadntk" else "relaxation"
    bound = optimality_gap(own, best, multipliers, cell.iterations)
    return {
        "value": value.T.tolist(),
        "early": early.T.tolist(),
        "zero": _certified_ends_loss(own, torch.zeros_like(free)).tolist(),
        "free": _certified_ends_loss(own, free).tolist(),
        "lower": bound.lower.tolist(),
        "heavier": optimality_gap(heavier, best, bound.multipliers).lower.tolist(),
    }


def _certified_ends_data_term(cell: CertifiedEnds, draws: Draws) -> Objective:
    """The loss of the same model without any penalty."""
    model: ModelName = "quadratic" if cell.arm == "quadntk" else "taylor"
    return Objective(draws.network, draws.x, draws.y, PenaltyWeights(0.0, 0.0, 0.0, 0.0), None, model)


def _certified_ends_end(cell: CertifiedEnds, objective: Objective, start: torch.Tensor, steps: int) -> torch.Tensor:
    return train(objective, start, GradientDescent(remeasure=max(1, cell.steps // 4)), steps, steps).W


def _certified_ends_loss(objective: Objective, W: torch.Tensor) -> torch.Tensor:
    return in_double(objective).value_and_gradient(W.double())[0].total
