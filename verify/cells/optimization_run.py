"""How the cells of :mod:`verify.cells.optimization` are computed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from numerics.certificate.gap import optimality_gap
from numerics.constructions import joint_construction, random_signs
from numerics.curvature import extreme_eigenvalue
from numerics.directions import GoodDirections
from numerics.models import ModelName
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.perturbed_descent import OVERFLOW, DescentHistory, PerturbedGradientDescent, perturbed_descent
from numerics.sampling import generator, sphere
from numerics.targets import Target
from numerics.terms.weights import PenaltyWeights
from numerics.train import small_start
from theory import Activation
from verify.cells.optimization import (
    CURVE_POINTS,
    EARLY,
    SCALES,
    Descending,
    Descent,
    IndependentInitialisations,
    RegularisedLoss,
)
from verify.running.experiment import Numbers


def regularised_loss_network(cell: RegularisedLoss, draw: int) -> TwoLayerNetwork:
    """The network of one draw."""
    sigma = Activation.parse(cell.activation)
    return TwoLayerNetwork(cell.d, cell.m, sigma, cell.drawn(f"network {draw}"), device=cell.device)


def regularised_loss_target(cell: RegularisedLoss, draw: int) -> Target:
    """f* of one draw."""
    dense = Target.dense(cell.d, cell.k, 1.0, cell.drawn(f"dense {draw}"))
    return dense + Target.sparse(cell.d, cell.k + 1, [1.0], cell.drawn(f"sparse {draw}"))


def regularised_loss_inputs(cell: RegularisedLoss, draw: int) -> torch.Tensor:
    """Training inputs of one draw, (n, d)."""
    x = sphere(cell.n, cell.d, math.sqrt(cell.d), generator(cell.drawn(f"data {draw}")))
    return x.to(cell.device)


def regularised_loss_single(cell: RegularisedLoss, draw: int) -> Objective:
    """The loss of one draw."""
    network, x = cell.network(draw), cell.inputs(draw)
    directions = GoodDirections(network, cell.k)
    return Objective(network, x, cell.target(draw)(x), PenaltyWeights(r4=cell.r4), directions, "network")


def regularised_loss_batch(
    cell: RegularisedLoss, copies: int = 1, regularised: bool = True, model: ModelName = "network", heavier: float = 1.0
) -> Objective:
    """All draws as one batch of networks, each ``copies`` times in a row; or their data terms alone.

    Args:
        cell: whose draws.
        copies: of each draw.
        regularised: whether the penalties are there.
        model: whose loss.
        heavier: factor of l4.
    """
    order = [draw for draw in range(cell.draws) for _ in range(copies)]
    sigma = Activation.parse(cell.activation)
    seeds = [cell.drawn(f"network {draw}") for draw in order]
    network = TwoLayerNetwork(cell.d, cell.m, sigma, seeds, device=cell.device)
    x = torch.stack([cell.inputs(draw) for draw in order])
    y = torch.stack([cell.target(draw)(x[i]) for i, draw in enumerate(order)])
    if not regularised:
        return Objective(network, x, y, PenaltyWeights(0.0, 0.0, 0.0, 0.0), None, model)
    weights = PenaltyWeights(r4=heavier * cell.r4)
    return Objective(network, x, y, weights, GoodDirections(network, cell.k), model)


def descending_descend(cell: Descending, objective: Objective, count: int) -> tuple[torch.Tensor, DescentHistory]:
    """The initialisations of ``count`` networks, (count, m, d), and where descent led from them."""
    seeds = [cell.drawn(f"start {index}") for index in range(count)]
    begin = torch.stack([small_start(objective.network.member(i), cell.start, s) for i, s in enumerate(seeds)])
    method = PerturbedGradientDescent(cell.radius, cell.tolerance, cell.wait, cell.decrease, cell.drawn("noise"))
    return begin, perturbed_descent(objective, begin, method, cell.steps, cell.step)


def descent(cell: Descent) -> Numbers:
    """The numbers of a :class:`Descent`."""
    begin, run = cell.descend(cell.batch(), cell.draws)
    every = max(1, len(run.losses) // CURVE_POINTS)
    numbers: Numbers = {
        "fall": run.fall.tolist(),
        "reached": [t if t >= 0 else None for t in run.reached.tolist()],
        "constants": run.constants.tolist(),
        "curve": [
            [t, float(run.losses[t][0])] for t in range(0, len(run.losses), every) if run.losses[t][0] < OVERFLOW
        ],
    }
    if cell.spectra == 0:
        return numbers
    losses = [cell.single(draw) for draw in range(cell.draws)]
    ends = [loss.value_and_gradient(W) for loss, W in zip(losses, run.W, strict=True)]
    judged = zip(losses[: cell.spectra], run.W, strict=False)
    lowest = [extreme_eigenvalue(loss, W, "smallest", cell.lanczos) for loss, W in judged]
    first = extreme_eigenvalue(losses[0], begin[0], "smallest", cell.lanczos)
    return numbers | {
        "gradient": [float(gradient.norm()) for _, gradient in ends],
        "early": run.gradients[min(EARLY, len(run.gradients) - 1)].tolist(),
        "losses": [[float(a), float(parts.total)] for a, (parts, _) in zip(run.losses[0], ends, strict=True)],
        "curvature": [[e.value, e.residual] for e in lowest],
        "start_curvature": [first.value, first.residual],
    }


def independent_initialisations(cell: IndependentInitialisations) -> Numbers:
    """The numbers of a :class:`IndependentInitialisations`."""
    copies = cell.initialisations
    _, run = cell.descend(cell.batch(copies, cell.regularised, "taylor"), cell.draws * copies)
    objective = cell.batch(copies, model="taylor")
    ends = objective.value_and_gradient(run.W)[0].total.reshape(cell.draws, copies)
    numbers: Numbers = {
        "ends": ends.tolist(),
        "reached": [[t if t >= 0 else None for t in row] for row in run.reached.reshape(cell.draws, copies).tolist()],
    }
    if not cell.regularised:
        return numbers
    network, x = objective.network, objective.x
    rest = network.forward(x, run.W) - network.linear(x, run.W) - network.quadratic(x, run.W)
    by_start = {
        "early": run.losses[min(EARLY, len(run.losses) - 1)],
        "network": cell.batch(copies).value_and_gradient(run.W)[0].total,
        "remainder": rest.square().mean(-1),
    }
    best = run.W.unflatten(0, (cell.draws, copies))[list(range(cell.draws)), ends.argmin(1).tolist()]
    bound = optimality_gap(cell.batch(model="taylor"), best, "relaxation", cell.iterations)
    planted = optimality_gap(cell.batch(model="taylor", heavier=cell.heavier), best, bound.multipliers)
    reference, zero = cell.references()
    return {
        **numbers,
        **{name: values.reshape(cell.draws, copies).tolist() for name, values in by_start.items()},
        "lower": bound.lower.tolist(),
        "heavier": planted.lower.tolist(),
        "reference": reference,
        "zero": zero,
    }


def independent_initialisations_references(cell: IndependentInitialisations) -> tuple[list[float], list[float]]:
    """By draw, the smallest loss over the constructions, and the loss at W = 0."""
    objective = cell.batch(model="taylor")
    targets = [cell.target(draw) for draw in range(cell.draws)]
    generators = [generator(cell.drawn(f"signs {draw}")) for draw in range(cell.draws)]
    zero = objective.value_and_gradient(torch.zeros_like(objective.network.w))[0].total
    return best_constructions(objective, targets, cell.k, cell.signs, generators), zero.tolist()


def best_constructions(
    objective: Objective, targets: Sequence[Target], k: int, signs: int, generators: Sequence[torch.Generator]
) -> list[float]:
    """Smallest loss of a W_L + b S W_Q for each network of a batch, over ``signs`` draws of S and a, b in SCALES."""
    network = objective.network
    ones = torch.ones(network.m, dtype=network.dtype)
    built = [joint_construction(network.member(i), target, k, ones) for i, target in enumerate(targets)]
    dense, sparse = (torch.stack(parts) for parts in zip(*((b.dense, b.sparse) for b in built), strict=True))
    losses = []
    for _ in range(signs):
        drawn = torch.stack([random_signs(network.m, gen) for gen in generators])[..., None].to(dense)
        candidates = (a * dense + b * drawn * sparse for a in SCALES for b in SCALES)
        losses += [objective.value_and_gradient(W)[0].total for W in candidates]
    return [float(least) for least in torch.stack(losses).amin(0)]
