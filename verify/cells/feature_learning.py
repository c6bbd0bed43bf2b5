"""The trained network itself: how far it has left the lazy regime."""

from __future__ import annotations

from typing import ClassVar

import torch

from numerics.constructions import joint_construction, random_signs
from numerics.directions import GoodDirections
from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.optimizers import Adam
from numerics.sampling import generator
from numerics.terms.weights import PenaltyWeights
from numerics.train import PROBES, train
from theory import Activation
from verify.cells.training import Draws, Training
from verify.running.experiment import Numbers


class FeatureLearning(Training):
    """The network f itself, trained on the regularised loss, or lazily.

    ``label_scale`` = 1: labels as they are, R1 in both forms, R3, R4. A larger scale is the lazy scaling of
    arXiv:1812.07956: labels are divided by it, no regulariser, steps and start divided by it, outputs multiplied back,
    so that the network approaches its linearisation as it grows.

    Numbers, a list over the draws each: ``risk``; ``risk_halfway``; ``movement`` ||K_W - K_0||_F / ||K_0||_F of the
    network's tangent kernel on up to 128 training inputs; ``constructed``, the same at the displacement W_L + S W_Q of
    docs/mathematics, section 4, for the draw's target; ``quadratic``, the mean square of f_Q(W) over test points;
    ``share`` = <f_Q(W), f_sp> over them, 1 when f_Q carries the sparse part of energy 1 in full; ``linear_share``, the
    same of f_L. Outputs count after multiplying back.
    """

    stream: ClassVar[str] = "EscapedRuns"

    label_scale: float = 1.0

    def run(self) -> Numbers:
        draws = self.prepare()
        network, scale = draws.network, self.label_scale
        rich = scale == 1.0
        weights = PenaltyWeights(r4=self.r4 if rich else 0.0)
        directions = GoodDirections(network, self.k) if rich else None
        objective = Objective(network, draws.x, draws.y / scale, weights, directions, "network")
        test = draws.test, draws.labels / scale
        start, half = self.begin(network) / scale, self.steps // 2
        trajectory = train(objective, start, Adam(self.rate / scale), self.steps, half, test=test)
        halfway = next(record for record in trajectory.records if record.step == half)
        last, W = trajectory.records[-1], trajectory.W
        sparse = torch.stack([self._sparse(draws, i) for i in range(self.draws)])
        return {
            "risk": (last.test_risk * scale**2).tolist(),
            "risk_halfway": (halfway.test_risk * scale**2).tolist(),
            "movement": last.kernel_movement.tolist(),
            "constructed": [self._constructed(draws, i) for i in range(self.draws)],
            "quadratic": (last.quadratic_energy * scale**2).tolist(),
            "share": (scale * (network.quadratic(draws.test, W) * sparse).mean(-1)).tolist(),
            "linear_share": (scale * (network.linear(draws.test, W) * sparse).mean(-1)).tolist(),
        }

    def _sparse(self, draws: Draws, index: int) -> torch.Tensor:
        """The sparse part at the test points."""
        target = draws.targets[index]
        return type(target)(self.d, {self.k + 1: target.terms[self.k + 1]})(draws.test[index])

    def _constructed(self, draws: Draws, index: int) -> float:
        """Movement of the kernel at the construction, in double precision."""
        network = TwoLayerNetwork(
            self.d, self.m, Activation.parse(self.activation), self.draw("network", index), device=self.device
        )
        signs = random_signs(self.m, generator(self.draw("signs", index))).to(network.w)
        W = joint_construction(network, draws.targets[index], self.k, signs).W
        probes = draws.x[index][:PROBES].double()
        before = ntk_gram(network, probes)
        return float((ntk_gram(network, probes, W=W) - before).norm() / before.norm())
