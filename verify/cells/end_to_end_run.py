"""How the cells of :mod:`verify.cells.end_to_end` are computed."""

from __future__ import annotations

import torch

from numerics.certificate.gap import optimality_gap
from numerics.curvature import extreme_eigenvalue
from numerics.perturbed_descent import OVERFLOW, DescentHistory, PerturbedGradientDescent, perturbed_descent
from numerics.sampling import generator
from verify.cells.end_to_end import ENDS, Descended, EndToEnd, alone
from verify.cells.optimization import CURVE_POINTS, EARLY
from verify.cells.optimization_run import best_constructions
from verify.cells.training import Arm, Draws
from verify.running.experiment import Numbers


def descended_descend(cell: Descended, draws: Draws, arm: Arm = "joint") -> DescentHistory:
    """Where descent on an arm's loss leads from the starts of the draws."""
    noise = cell.drawn("noise", draws.labels[0])
    method = PerturbedGradientDescent(cell.radius, cell.tolerance, cell.wait, cell.decrease, noise)
    return perturbed_descent(cell.objective(draws, arm, cell.weights), cell.begin(draws), method, cell.most, cell.step)


def end_to_end(cell: EndToEnd) -> Numbers:
    """The numbers of a :class:`EndToEnd`."""
    draws = cell.drawn_all()
    run = cell.descend(draws, cell.arm)
    whole = [bool(loss < OVERFLOW) for loss in run.losses[-1]]
    rows = [_end_to_end_end(cell, draws, i, W) if whole[i] else dict.fromkeys(ENDS) for i, W in enumerate(run.W)]
    seen = [torch.nan_to_num(run.gradients[t], nan=OVERFLOW) for t in (len(run.gradients) // 2, -1)]
    numbers: Numbers = {name: [row.get(name) for row in rows] for name in ENDS}
    signs = [generator(cell.drawn("signs", label)) for label in draws.labels]
    objective = cell.objective(draws, "joint", cell.weights)
    numbers["reference"] = best_constructions(objective, draws.targets, cell.k, cell.signs, signs)
    numbers |= {
        "reached": [t if t >= 0 and fine else None for t, fine in zip(run.reached.tolist(), whole, strict=True)],
        "fall": run.fall.tolist(),
        "gradients": torch.stack(seen).clamp(max=OVERFLOW).T.tolist(),
        "losses": [[float(first), end] for first, end in zip(run.losses[0], numbers.pop("loss"), strict=True)],
    }
    if cell.arm != "joint":
        return numbers
    every = max(1, len(run.losses) // CURVE_POINTS)
    first = alone(draws, 0)
    lowest = extreme_eigenvalue(
        cell.objective(first, "joint", cell.weights), cell.begin(draws)[0], "smallest", cell.lanczos
    )
    return numbers | {
        "early": run.gradients[min(EARLY, len(run.gradients) - 1)].tolist(),
        "start_curvature": [lowest.value, lowest.residual],
        "curve": [
            [t, float(run.losses[t][0])] for t in range(0, len(run.losses), every) if run.losses[t][0] < OVERFLOW
        ],
    }


def _end_to_end_end(cell: EndToEnd, draws: Draws, index: int, W: torch.Tensor) -> Numbers:
    """What one end is like."""
    one = alone(draws, index)
    objective, network = cell.objective(one, "joint", cell.weights), one.network
    parts, gradient = objective.value_and_gradient(W)
    output = network.forward(one.test, W)
    model = network.linear(one.test, W) + network.quadratic(one.test, W)
    numbers: Numbers = {
        "loss": float(parts.total),
        "gradient": float(gradient.norm()),
        "risks": float((output - one.answers).square().mean()),
        "remainder": float((output - model).square().mean()),
    }
    if cell.arm == "joint":
        lowest = extreme_eigenvalue(objective, W, "smallest", cell.lanczos)
        numbers["curvature"] = [lowest.value, lowest.residual]
        numbers |= _end_to_end_certified(cell, one, W)
    return numbers


def _end_to_end_certified(cell: EndToEnd, one: Draws, W: torch.Tensor) -> Numbers:
    """The end as one of the Taylor model: its loss, the bound, and how far the network is from the model."""
    network = one.network
    objective = cell.model_copy(update={"model": "taylor"}).objective(one, "joint", cell.weights)
    bound = optimality_gap(objective, W, "relaxation", cell.iterations)
    rest = network.forward(one.x, W) - network.linear(one.x, W) - network.quadratic(one.x, W)
    return {
        "taylor": float(bound.value),
        "lower": float(bound.lower),
        "apart": float(rest.square().mean()),
    }
