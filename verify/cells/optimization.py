"""Cells of O1 and O2: perturbed descent on regularised losses, many draws and initialisations at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

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
from verify.running.experiment import Cell, Numbers

EARLY = 10
"""Steps after which a run is looked at for the controls."""
CURVE_POINTS = 60
"""Points kept of the curve of losses."""
SCALES = (0.25, 0.5, 0.75, 1.0)
"""Factors of W_L and of S W_Q among which the reference is the best."""


class RegularisedLoss(Cell):
    r"""Draws of network, data and target, with the regularised loss (l1 = l3 = 1).

    Target: a random harmonic of degree k + one zonal harmonic of degree k + 1, of energy 1 each.

    Attributes:
        d, m, n, k: dimension, width, samples, low degree. r4: the weight l4 of \|W\|_{2,4}^4.
        draws: of network, data and target.
    """

    activation: str
    device: str
    d: int
    m: int
    n: int
    k: int
    r4: float
    draws: int

    def drawn(self, purpose: str) -> int:
        """A seed that depends on the problem alone: the same draws however often, and however, they are solved."""
        problem = {"base_seed", "replicate", "activation", "d", "m", "n", "k"}
        return self.seed(purpose, shared=tuple(set(type(self).model_fields) - problem))

    def network(self, draw: int) -> TwoLayerNetwork:
        """The network of one draw."""
        sigma = Activation.parse(self.activation)
        return TwoLayerNetwork(self.d, self.m, sigma, self.drawn(f"network {draw}"), device=self.device)

    def target(self, draw: int) -> Target:
        """f* of one draw."""
        dense = Target.dense(self.d, self.k, 1.0, self.drawn(f"dense {draw}"))
        return dense + Target.sparse(self.d, self.k + 1, [1.0], self.drawn(f"sparse {draw}"))

    def inputs(self, draw: int) -> torch.Tensor:
        """Training inputs of one draw, (n, d)."""
        x = sphere(self.n, self.d, math.sqrt(self.d), generator(self.drawn(f"data {draw}")))
        return x.to(self.device)

    def single(self, draw: int) -> Objective:
        """The loss of one draw."""
        network, x = self.network(draw), self.inputs(draw)
        directions = GoodDirections(network, self.k)
        return Objective(network, x, self.target(draw)(x), PenaltyWeights(r4=self.r4), directions, "network")

    def batch(
        self, copies: int = 1, regularised: bool = True, model: ModelName = "network", heavier: float = 1.0
    ) -> Objective:
        """All draws as one batch of networks, each ``copies`` times in a row; or their data terms alone.

        Args:
            copies: of each draw.
            regularised: whether the penalties are there.
            model: whose loss.
            heavier: factor of l4.
        """
        order = [draw for draw in range(self.draws) for _ in range(copies)]
        sigma = Activation.parse(self.activation)
        seeds = [self.drawn(f"network {draw}") for draw in order]
        network = TwoLayerNetwork(self.d, self.m, sigma, seeds, device=self.device)
        x = torch.stack([self.inputs(draw) for draw in order])
        y = torch.stack([self.target(draw)(x[i]) for i, draw in enumerate(order)])
        if not regularised:
            return Objective(network, x, y, PenaltyWeights(0.0, 0.0, 0.0, 0.0), None, model)
        weights = PenaltyWeights(r4=heavier * self.r4)
        return Objective(network, x, y, weights, GoodDirections(network, self.k), model)


class Descending(RegularisedLoss):
    """Perturbed descent from small random initialisations on a batch.

    Attributes:
        start: scale of the initialisations. tolerance: of the gradient. radius, wait, decrease: of the noise.
        steps: at most. step: step length in units of 1/L.
    """

    start: float
    tolerance: float
    radius: float
    wait: int
    decrease: float
    steps: int
    step: float

    def descend(self, objective: Objective, count: int) -> tuple[torch.Tensor, DescentHistory]:
        """The initialisations of ``count`` networks, (count, m, d), and where descent led from them."""
        seeds = [self.drawn(f"start {index}") for index in range(count)]
        begin = torch.stack([small_start(objective.network.member(i), self.start, s) for i, s in enumerate(seeds)])
        method = PerturbedGradientDescent(self.radius, self.tolerance, self.wait, self.decrease, self.drawn("noise"))
        return begin, perturbed_descent(objective, begin, method, self.steps, self.step)


class Descent(Descending):
    """O1: descent from one start for each draw.

    Attributes:
        spectra: draws whose lambda_min is computed, to the relative tolerance ``lanczos``; the first also at its start.

    Numbers, each a list over the draws unless said otherwise: ``fall``, ``reached`` (None where the run did not end),
    ``gradient`` at the end (evaluated afresh) and ``early`` after ten steps,
    ``losses`` at start and end, ``constants`` (largest L), ``curvature``: (lambda_min, residual) at the end,
    ``start_curvature``: the same at one start, ``curve``: (step, loss) of the first draw.
    """

    spectra: int
    lanczos: float

    def run(self) -> Numbers:
        begin, run = self.descend(self.batch(), self.draws)
        every = max(1, len(run.losses) // CURVE_POINTS)
        numbers: Numbers = {
            "fall": run.fall.tolist(),
            "reached": [t if t >= 0 else None for t in run.reached.tolist()],
            "constants": run.constants.tolist(),
            "curve": [
                [t, float(run.losses[t][0])] for t in range(0, len(run.losses), every) if run.losses[t][0] < OVERFLOW
            ],
        }
        if self.spectra == 0:
            return numbers
        losses = [self.single(draw) for draw in range(self.draws)]
        ends = [loss.value_and_gradient(W) for loss, W in zip(losses, run.W, strict=True)]
        judged = zip(losses[: self.spectra], run.W, strict=False)
        lowest = [extreme_eigenvalue(loss, W, "smallest", self.lanczos) for loss, W in judged]
        first = extreme_eigenvalue(losses[0], begin[0], "smallest", self.lanczos)
        return numbers | {
            "gradient": [float(gradient.norm()) for _, gradient in ends],
            "early": run.gradients[min(EARLY, len(run.gradients) - 1)].tolist(),
            "losses": [[float(a), float(parts.total)] for a, (parts, _) in zip(run.losses[0], ends, strict=True)],
            "curvature": [[e.value, e.residual] for e in lowest],
            "start_curvature": [first.value, first.residual],
        }


class IndependentInitialisations(Descending):
    """O2: several initialisations on each draw of the Taylor model, against a certified bound of its global minimum.

    Attributes:
        initialisations: on each draw. regularised: False descends on the data term alone.
        signs: draws of S tried for the reference.
        heavier: factor of l4 in the planted bound. iterations: of the relaxation's L-BFGS.

    Numbers, (draws, initialisations): ``ends``, the regularised loss of f_L + f_Q at the ends; ``reached``, None where
    a run did not end; ``early``, the loss after ten steps; ``network``, the regularised loss of f at the same W, and
    ``remainder``, the mean square of f - f_L - f_Q there, over the training inputs. By draw: ``lower``, below the loss
    of f_L + f_Q at every displacement, and ``heavier``, the same number for the loss with l4 times :attr:`heavier`,
    which is no bound of this loss; ``reference``, the loss of the best construction a W_L + b S W_Q; ``zero``, at W =
    0. Without regularisation there are ``ends`` and ``reached`` alone.

    Cost: the descent, and one relaxation for each draw (:func:`numerics.optimality_gap`).
    """

    stream: ClassVar[str] = "IndependentStarts"

    initialisations: int
    regularised: bool = True
    signs: int
    heavier: float = 2.0
    iterations: int = 300

    def run(self) -> Numbers:
        copies = self.initialisations
        _, run = self.descend(self.batch(copies, self.regularised, "taylor"), self.draws * copies)
        objective = self.batch(copies, model="taylor")
        ends = objective.value_and_gradient(run.W)[0].total.reshape(self.draws, copies)
        numbers: Numbers = {
            "ends": ends.tolist(),
            "reached": [
                [t if t >= 0 else None for t in row] for row in run.reached.reshape(self.draws, copies).tolist()
            ],
        }
        if not self.regularised:
            return numbers
        network, x = objective.network, objective.x
        rest = network.forward(x, run.W) - network.linear(x, run.W) - network.quadratic(x, run.W)
        by_start = {
            "early": run.losses[min(EARLY, len(run.losses) - 1)],
            "network": self.batch(copies).value_and_gradient(run.W)[0].total,
            "remainder": rest.square().mean(-1),
        }
        best = run.W.unflatten(0, (self.draws, copies))[list(range(self.draws)), ends.argmin(1).tolist()]
        bound = optimality_gap(self.batch(model="taylor"), best, "relaxation", self.iterations)
        planted = optimality_gap(self.batch(model="taylor", heavier=self.heavier), best, bound.multipliers)
        reference, zero = self.references()
        return {
            **numbers,
            **{name: values.reshape(self.draws, copies).tolist() for name, values in by_start.items()},
            "lower": bound.lower.tolist(),
            "heavier": planted.lower.tolist(),
            "reference": reference,
            "zero": zero,
        }

    def references(self) -> tuple[list[float], list[float]]:
        """By draw, the smallest loss over the constructions, and the loss at W = 0."""
        objective = self.batch(model="taylor")
        targets = [self.target(draw) for draw in range(self.draws)]
        generators = [generator(self.drawn(f"signs {draw}")) for draw in range(self.draws)]
        zero = objective.value_and_gradient(torch.zeros_like(objective.network.w))[0].total
        return best_constructions(objective, targets, self.k, self.signs, generators), zero.tolist()


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
