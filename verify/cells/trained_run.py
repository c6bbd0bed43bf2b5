"""How the cells of :mod:`verify.cells.trained` are computed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from numerics.constructions import joint_construction, random_signs
from numerics.directions import GoodDirections
from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator
from numerics.train import Diverged
from numerics.trajectory import PROBES, Trajectory
from theory import Activation
from verify.cells.trained import TrainedModels
from verify.cells.training import WAYS, Draws, Weights
from verify.cells.training_run import kernel_risks
from verify.running.experiment import Numbers


def trained_models(cell: TrainedModels) -> Numbers:
    """The numbers of a :class:`TrainedModels`."""
    judged = [str(i) for i in range(cell.draws)]
    left_out = [f"validation {i}" for i in range(cell.validation)]
    if cell.arm == cell.KERNEL:
        cell = cell if cell.kernel_width is None else cell.model_copy(update={"m": cell.kernel_width})
        rows = kernel_risks(cell.prepare(left_out, cell.n), cell.ridges, cell.measure)
        means = [math.fsum(column) / len(column) for column in zip(*rows, strict=True)]
        best = _least(means)
        one = cell.ridges[best : best + 1]
        risks = [row[0] for row in kernel_risks(cell.prepare(judged, cell.n), one, cell.measure)]
        return {"risk": risks, "chosen": best, "validation": means}
    if not cell._chooses:
        return {"chosen": 0, "validation": [], **cell._learnt(judged, cell.candidates[0])}
    tried = [_trained_models_validated(cell, left_out, weights) for weights in cell.candidates]
    best = _least(tried)
    return {"chosen": best, "validation": tried, **cell._learnt(judged, cell.candidates[best])}


def _trained_models_validated(cell: TrainedModels, labels: Sequence[str], weights: Weights) -> float | None:
    """Mean test risk of a candidate; None where a draw diverged."""
    draws = cell.prepare(labels, cell.n)
    try:
        _, risks = cell.risks(draws, cell.learn(draws, cell.arm, weights), cell.arm)
    except Diverged:
        return None
    return math.fsum(risks) / len(risks)


def trained_models_rows(cell: TrainedModels, labels: Sequence[str], weights: Weights) -> list[dict[str, float | None]]:
    """The numbers of each draw; {"risk": None} for one that diverged, which the others then do not suffer from."""
    draws = cell.prepare(labels, cell.n)
    try:
        return _trained_models_measured(cell, draws, cell.learn(draws, cell.arm, weights))
    except Diverged:
        if len(labels) == 1:
            return [{"risk": None}]
        return [row for label in labels for row in cell._rows([label], weights)]


def _trained_models_measured(
    cell: TrainedModels, draws: Draws, trajectory: Trajectory
) -> list[dict[str, float | None]]:
    network, W, last = draws.network, trajectory.W, trajectory.records[-1]
    scale = WAYS[cell.arm].scale
    halfway, end = cell.risks(draws, trajectory, cell.arm)
    linear, quadratic = network.linear(draws.test, W), network.quadratic(draws.test, W)
    outside = network.linear(draws.test, GoodDirections(network, cell.k).complement(W))
    sparse = torch.stack([_trained_models_sparse(cell, draws, i) for i in range(len(draws.labels))])
    columns: dict[str, list[float | None]] = {
        "risk": list(end),
        "risk_halfway": list(halfway),
        "loss": last.parts.total.tolist(),
        "loss_halfway": trajectory.records[1].parts.total.tolist(),
        "gradient": last.gradient_norm.tolist(),
        "capacity": last.parts.r4.tolist(),
        "medium": (scale**2 * outside.square().mean(-1)).tolist(),
        "remainder": (scale**2 * _remainder(network, draws.test, W)).tolist(),
        "quadratic": (scale**2 * quadratic.square().mean(-1)).tolist(),
        "share": (scale * (quadratic * sparse).mean(-1)).tolist(),
        "linear_share": (scale * (linear * sparse).mean(-1)).tolist(),
        "movement": last.kernel_movement.tolist(),
    }
    if cell.constructed:
        columns["constructed"] = [_trained_models_constructed(cell, draws, i) for i in range(len(draws.labels))]
    if cell.stretch is not None:
        columns["stretched"] = (scale**2 * _remainder(network, draws.test, cell.stretch * W)).tolist()
    return [{name: column[i] for name, column in columns.items()} for i in range(len(draws.labels))]


def _trained_models_sparse(cell: TrainedModels, draws: Draws, index: int) -> torch.Tensor:
    """The sparse part at the test points; zero where the target has none."""
    target = draws.targets[index]
    if cell.k + 1 not in target.terms:
        return torch.zeros_like(draws.answers[index])
    return type(target)(cell.d, {cell.k + 1: target.terms[cell.k + 1]})(draws.test[index])


def _trained_models_constructed(cell: TrainedModels, draws: Draws, index: int) -> float:
    """Movement of the kernel at the construction, in double precision."""
    label = draws.labels[index]
    network = TwoLayerNetwork(
        cell.d, cell.m, Activation.parse(cell.activation), cell.drawn("network", label), device=cell.device
    )
    signs = random_signs(cell.m, generator(cell.drawn("signs", label))).to(network.w)
    W = joint_construction(network, draws.targets[index], cell.k, signs).W
    probes = draws.x[index][:PROBES].double()
    before = ntk_gram(network, probes)
    return float((ntk_gram(network, probes, W=W) - before).norm() / before.norm())


def _remainder(network: TwoLayerNetwork, x: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    """Mean square of f - f_L - f_Q over inputs, of shape batch."""
    return (network.forward(x, W) - network.linear(x, W) - network.quadratic(x, W)).square().mean(-1)


def _least(values: Sequence[float | None]) -> int:
    """Position of the least number; the first where there is none."""
    known = [math.inf if value is None else value for value in values]
    return known.index(min(known))
