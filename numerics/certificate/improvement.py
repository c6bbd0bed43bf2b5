r"""Better multipliers: those of the relaxation's minimiser, and those that an ascent on the bound finds.

Both are found by L-BFGS (scipy's L-BFGS-B) in double precision. Where it stops does not matter for the truth of a
bound, only for how close it is.

The bound D(g, s), a smallest value over W, is concave; with W* the W at which it is attained and t_r = |W*_r|^2,

.. math:: \partial_{g_i} D = \tfrac1n\big[f(x_i; W^*) - \mathrm{loss}^{*\prime}(g_i)\big], \qquad
          \partial_{s_r} D = t_r - \partial_{s_r}F^*(s) .

Where s_r is raised to -lambda_min(a_r B_r) it moves with g, as the eigenvalue does: f_Q at the eigenvector. So
f(x_i; W*) becomes f_L(W*) + f_Q(W*) + f_Q(V), V_r along that eigenvector with |V_r|^2 = d F* / d s_r - t_r, as in the
relaxation.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.optimize
import torch

from numerics.certificate.minorant import Minorant
from numerics.certificate.multipliers import Multipliers, natural, of_relaxation
from numerics.certificate.neurons import Neurons
from numerics.certificate.relaxation import Relaxation
from numerics.memory import require
from numerics.objective import Objective

HISTORY = 20
"""Pairs that L-BFGS keeps."""

SEED = 0.1
"""Share of the mean shift that every second displacement starts with: a displacement of 0 would have no gradient."""

INSIDE = 1e-9
"""Distance that the slopes of losses with a bounded slope keep from their ends, where the conjugate has none."""

ASCENT_LIFT = 1e-2
"""Slack during the ascent, in units of the mean shift."""

Evaluate = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def relaxed(objective: Objective, W: torch.Tensor, iterations: int) -> tuple[Multipliers, torch.Tensor, torch.Tensor]:
    """The multipliers at a minimiser (W, V) of the relaxation, that W and that V, found from the W given.

    V starts along the lowest eigenvector of a_r B_r + s_r at the W given, with the length at which it is stationary.

    Cost: two gradients for each of ``iterations``. Memory: 80 m d numbers for L-BFGS.
    """
    relaxation, at = Relaxation(objective), natural(objective, W)
    neurons = Neurons.of(objective, at.slopes)
    raised = torch.maximum(at.shifts, -neurons.lowest())
    missing = (objective.r4.touching(raised) - W.square().sum(-1)).clamp_min(0)
    seed = SEED * objective.r4.touching(raised).mean(-1, keepdim=True)
    V = (missing + seed).sqrt()[..., None] * neurons.lowest_vectors()

    def evaluate(displacement: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        parts, gradient = relaxation.value_and_gradient(displacement)
        return parts.total, gradient

    found = descend(evaluate, relaxation.join(W, V), iterations)
    return of_relaxation(relaxation, found), *relaxation.split(found)


def ascended(objective: Objective, W: torch.Tensor, iterations: int) -> tuple[Multipliers, torch.Tensor]:
    """The multipliers at which an ascent on the bound ends, from those at W, and the W* there. R3 takes no part.

    Cost: for each of ``iterations`` m / 2 eigenproblems and, with a linear part, one linear system.

    Source: docs/mathematics, :eq:`dual-slope`.
    """
    start, n, y = natural(objective, W), objective.n, objective.y
    attained = W

    def evaluate(variables: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        nonlocal attained
        g, s = variables[..., :n], variables[..., n:]
        minorant = Minorant(objective, Multipliers(g, s))
        bound = minorant.minimum(attained, ASCENT_LIFT, crossed=False)
        attained, squares = bound.W, bound.W.square().sum(-1)
        missing, raised = objective.r4.touching(bound.shifts) - squares, bound.shifts != s
        V = torch.where(raised, missing, 0.0).clamp_min(0).sqrt()[..., None] * minorant.neurons.lowest_vectors()
        outputs = objective.predict(objective.x, attained)
        if objective.model != "linear":
            outputs = outputs + objective.network.quadratic(objective.x, V)
        by_slopes = (outputs - _conjugate_slope(objective, g)) / n
        by_shifts = torch.where(raised & (missing > 0), 0.0, -missing)
        return -bound.value, -torch.cat([by_slopes, by_shifts], dim=-1)

    inside = (1 - INSIDE) * (objective.loss.lipschitz or torch.inf)
    low, high = (torch.full_like(start.slopes, end) for end in (-inside, inside))
    if objective.loss.signs:
        low, high = torch.where(y > 0, low, INSIDE), torch.where(y > 0, -INSIDE, high)
    bounds = (torch.cat([low, torch.zeros_like(start.shifts)], -1), torch.cat([high, start.shifts + torch.inf], -1))
    found = descend(evaluate, torch.cat([start.slopes, start.shifts], dim=-1), iterations, bounds)
    return Multipliers(found[..., :n], found[..., n:]), attained


def _conjugate_slope(objective: Objective, g: torch.Tensor) -> torch.Tensor:
    """The derivative of the loss's conjugate in g."""
    with torch.enable_grad():
        leaf = g.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(objective.loss.conjugate(leaf, objective.y).sum(), leaf)
    return slope


def descend(
    evaluate: Evaluate,
    start: torch.Tensor,
    iterations: int,
    bounds: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:
    """Where L-BFGS ends on a function with values of shape batch: their sum falls, each network's best is kept."""
    require(8 * (2 * HISTORY + 8) * start.numel(), "the vectors of L-BFGS", "cpu", "take the natural multipliers")
    best, value, unit = start.clone(), None, 1.0

    def flat(array: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal best, value, unit
        here = torch.from_numpy(array).to(start).reshape(start.shape)
        values, gradient = evaluate(here)
        if value is None:
            value, unit = values, max(float(values.abs().sum()), np.finfo(float).tiny)
        lower = values <= value
        value = torch.where(lower, values, value)
        best = torch.where(lower.reshape(lower.shape + (1,) * (start.ndim - lower.ndim)), here, best)
        return float(values.sum()) / unit, gradient.cpu().numpy().ravel() / unit

    limits = None if bounds is None else scipy.optimize.Bounds(*(end.cpu().numpy().ravel() for end in bounds))
    settings = {"maxiter": iterations, "maxfun": 2 * iterations, "maxcor": HISTORY, "ftol": 1e-9, "gtol": 0.0}
    first = start.cpu().numpy().ravel()
    scipy.optimize.minimize(flat, first, jac=True, method="L-BFGS-B", bounds=limits, options=settings)
    return best
