"""The cell of N10: one run after another through the whole theorem, on the network itself."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch

from numerics.certificate.gap import optimality_gap
from numerics.curvature import extreme_eigenvalue
from numerics.perturbed_descent import OVERFLOW, DescentHistory, PerturbedGradientDescent, perturbed_descent
from numerics.sampling import generator
from verify.cells.optimization import CURVE_POINTS, EARLY, best_constructions
from verify.cells.training import Arm, Draws, Training, Weights
from verify.running.experiment import Numbers

ENDS = ("loss", "gradient", "risks", "remainder", "curvature", "taylor", "lower", "apart")
"""What is known of the end of one run; None where it diverged."""


class Descended(Training):
    """Perturbed descent on the joint loss, from small starts; in double precision, so that small gradients are exact.

    Attributes:
        n: training inputs. draws: of network, data and target.
        weights: l1 and l4 of the joint loss.
        tolerance: of the gradient. radius, wait, decrease: of the noise. step: in units of 1/L. most: steps at most.
    """

    precision: ClassVar[torch.dtype] = torch.float64

    n: int
    draws: int
    weights: Weights
    tolerance: float
    radius: float
    wait: int
    decrease: float
    step: float
    most: int

    def drawn_all(self) -> Draws:
        """All draws, those of every cell of trained models at this activation, d and k."""
        return self.prepare([str(i) for i in range(self.draws)], self.n)

    def descend(self, draws: Draws, arm: Arm = "joint") -> DescentHistory:
        """Where descent on an arm's loss leads from the starts of the draws."""
        noise = self.drawn("noise", draws.labels[0])
        method = PerturbedGradientDescent(self.radius, self.tolerance, self.wait, self.decrease, noise)
        return perturbed_descent(
            self.objective(draws, arm, self.weights), self.begin(draws), method, self.most, self.step
        )

    def run(self) -> Numbers:
        """Least fall of a step over step |grad|^2, a list over the draws: ``fall``."""
        return {"fall": self.descend(self.drawn_all()).fall.tolist()}


class EndToEnd(Descended):
    r"""Start, descent, where it ends, its loss, its test risk.

    Attributes:
        arm: whose loss is descended on; "joint", or one that a control puts in its place. The end is judged by the
            joint loss in either case.
        signs: draws of S tried for the reference.
        lanczos: relative tolerance of lambda_min.
        iterations: of the relaxation's L-BFGS.

    Numbers, each a list over the draws: ``reached``, the step of the end, None where the run had not ended;
    ``fall``, the least of a step over step |grad|^2; ``gradients``, halfway and at the last step, and ``early``, after
    ten steps; ``gradient`` at the end, evaluated afresh; ``curvature``, (lambda_min, residual) there, and
    ``start_curvature`` at the start of the first draw; ``losses``, at the start and at the end; ``reference``, that of
    the best construction a W_L + b S W_Q; ``risks``, on test points; ``remainder``, the mean square of f - f_L - f_Q
    there. ``curve``: (step, loss) of the first draw. ``taylor``, the loss of f_L + f_Q with the same penalties at the
    end; ``lower``, certified, below that loss at every displacement; ``apart``, the mean square of f - f_L - f_Q over
    the training inputs: |loss^(1/2) - taylor^(1/2)| <= apart^(1/2), as the roots of both losses are norms that differ
    there alone. Where a run diverged its end is None. An arm other than "joint" gives no curvatures, no bound and no
    curve.

    Cost: of the descent, 2 n m d multiplications a step and network, of Lanczos, some hundred times that, and of the
    bound, :attr:`iterations` steps.
    """

    arm: Arm = "joint"
    signs: int
    lanczos: float
    iterations: int = 150

    @property
    def cost(self) -> float:
        """Multiplications of one product in double precision, times steps and draws."""
        return float(2 * self.draws * self.most * self.n * self.m * self.d)

    def run(self) -> Numbers:
        draws = self.drawn_all()
        run = self.descend(draws, self.arm)
        whole = [bool(loss < OVERFLOW) for loss in run.losses[-1]]
        rows = [self._end(draws, i, W) if whole[i] else dict.fromkeys(ENDS) for i, W in enumerate(run.W)]
        seen = [torch.nan_to_num(run.gradients[t], nan=OVERFLOW) for t in (len(run.gradients) // 2, -1)]
        numbers: Numbers = {name: [row.get(name) for row in rows] for name in ENDS}
        signs = [generator(self.drawn("signs", label)) for label in draws.labels]
        objective = self.objective(draws, "joint", self.weights)
        numbers["reference"] = best_constructions(objective, draws.targets, self.k, self.signs, signs)
        numbers |= {
            "reached": [t if t >= 0 and fine else None for t, fine in zip(run.reached.tolist(), whole, strict=True)],
            "fall": run.fall.tolist(),
            "gradients": torch.stack(seen).clamp(max=OVERFLOW).T.tolist(),
            "losses": [[float(first), end] for first, end in zip(run.losses[0], numbers.pop("loss"), strict=True)],
        }
        if self.arm != "joint":
            return numbers
        every = max(1, len(run.losses) // CURVE_POINTS)
        first = alone(draws, 0)
        lowest = extreme_eigenvalue(
            self.objective(first, "joint", self.weights), self.begin(draws)[0], "smallest", self.lanczos
        )
        return numbers | {
            "early": run.gradients[min(EARLY, len(run.gradients) - 1)].tolist(),
            "start_curvature": [lowest.value, lowest.residual],
            "curve": [
                [t, float(run.losses[t][0])] for t in range(0, len(run.losses), every) if run.losses[t][0] < OVERFLOW
            ],
        }

    def _end(self, draws: Draws, index: int, W: torch.Tensor) -> Numbers:
        """What one end is like."""
        one = alone(draws, index)
        objective, network = self.objective(one, "joint", self.weights), one.network
        parts, gradient = objective.value_and_gradient(W)
        output = network.forward(one.test, W)
        model = network.linear(one.test, W) + network.quadratic(one.test, W)
        numbers: Numbers = {
            "loss": float(parts.total),
            "gradient": float(gradient.norm()),
            "risks": float((output - one.answers).square().mean()),
            "remainder": float((output - model).square().mean()),
        }
        if self.arm == "joint":
            lowest = extreme_eigenvalue(objective, W, "smallest", self.lanczos)
            numbers["curvature"] = [lowest.value, lowest.residual]
            numbers |= self._certified(one, W)
        return numbers

    def _certified(self, one: Draws, W: torch.Tensor) -> Numbers:
        """The end as one of the Taylor model: its loss, the bound, and how far the network is from the model."""
        network = one.network
        objective = self.model_copy(update={"model": "taylor"}).objective(one, "joint", self.weights)
        bound = optimality_gap(objective, W, "relaxation", self.iterations)
        rest = network.forward(one.x, W) - network.linear(one.x, W) - network.quadratic(one.x, W)
        return {
            "taylor": float(bound.value),
            "lower": float(bound.lower),
            "apart": float(rest.square().mean()),
        }


def alone(draws: Draws, index: int) -> Draws:
    """One draw of a batch, with a network that is no batch."""
    parts = {name: getattr(draws, name)[index] for name in ("x", "y", "test", "answers")}
    label, target = draws.labels[index], draws.targets[index]
    return replace(draws, labels=(label,), targets=(target,), network=draws.network.member(index), **parts)
