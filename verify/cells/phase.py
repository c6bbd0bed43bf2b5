"""Cells of the phase diagram: the test risk of one way of learning at one (d, n)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.train import Diverged
from theory import Activation
from verify.cells.training import Arm, Draws, Training, Weights, risk_path
from verify.running.experiment import Numbers

Candidate = TypeVar("Candidate")
Path = tuple[list[float], list[float]]
"""Risks of each draw at half the steps and at the end; twice the same where nothing is iterated."""


class Compared(Training):
    """Ways of learning at one n, each with the best of its candidates on validation draws that are left out.

    Attributes:
        n: training inputs. draws: judged. validation: further draws, on which a candidate is chosen.
        kernel_width: m of the networks whose NTK is used; wider than the trained ones, which favours the kernel.
    """

    n: int
    draws: int
    validation: int
    kernel_width: int

    def labelled(self, count: int, kind: str = "") -> Draws:
        """The first draws of a kind."""
        return self.prepare([f"{kind}{i}" for i in range(count)], self.n)

    def trained(self, draws: Draws, arm: Arm, candidates: Sequence[Weights]) -> Numbers:
        """An arm that descends, with the best candidate for l1 and l4; as :meth:`chosen`."""
        return self.chosen(draws, candidates, lambda part, one: risk_path(self.learn(part, arm, one), arm))

    def kernel(self, draws: Draws, ridges: Sequence[float]) -> Numbers:
        """Ridge regression with the NTK, at the best ridge; as :meth:`chosen`."""
        return self.chosen(draws, ridges, self._ridge_risks)

    def chosen(
        self, draws: Draws, candidates: Sequence[Candidate], risks: Callable[[Draws, Candidate], Path]
    ) -> Numbers:
        """Test risks with the candidate whose mean risk on the validation draws is least.

        Numbers: ``risks`` and ``halfway``, a list over the draws; ``tried``, the mean validation risk of each
        candidate, None where it diverged, and empty where there is only one; ``chosen``, the index of the best;
        ``diverged``, a sentence where training met numbers that are not finite, and the risks then are None.
        """
        tried: list[float | None] = []
        if len(candidates) > 1:
            held = self.labelled(self.validation, "validation ")
            for candidate in candidates:
                try:
                    tried.append(math.fsum(risks(held, candidate)[1]) / self.validation)
                except Diverged:
                    tried.append(None)
        risen = [math.inf if risk is None else risk for risk in tried]
        best = risen.index(min(risen)) if risen else 0
        numbers: Numbers = {"tried": tried, "chosen": best, "diverged": ""}
        try:
            halfway, end = risks(draws, candidates[best])
        except Diverged as failure:
            nothing = [None] * len(draws.labels)
            return numbers | {"risks": nothing, "halfway": nothing, "diverged": str(failure)}
        return numbers | {"risks": end, "halfway": halfway}

    def _ridge_risks(self, draws: Draws, ridge: float) -> Path:
        """Test risk of ridge regression with the NTK of a network for each draw, in double precision."""
        found = []
        sigma = Activation.parse(self.activation)
        for i, label in enumerate(draws.labels):
            seed = self.drawn("kernel", label)
            network = TwoLayerNetwork(self.d, self.kernel_width, sigma, seed, dtype=draws.x.dtype, device=self.device)
            gram, cross = ntk_gram(network, draws.x[i]).double(), ntk_gram(network, draws.test[i], draws.x[i]).double()
            factor = torch.linalg.cholesky(gram + ridge * torch.eye(self.n, dtype=gram.dtype, device=gram.device))
            coefficients = torch.cholesky_solve(draws.y[i].double()[:, None], factor)[:, 0]
            found.append(float((cross @ coefficients - draws.answers[i].double()).square().mean()))
        return found, found


class PhasePoint(Compared):
    """One way of learning at one (d, n), over independent draws.

    The draws are those of every cell with the same activation, d, m and k, and the inputs of a larger n contain those
    of a smaller one.

    Attributes:
        candidates: of l1 and l4, for an arm that descends. ridges: for "ntk".

    Numbers: as :meth:`Compared.chosen`.

    Cost: (draws + candidates validation) times that of training once.
    """

    arm: Arm
    candidates: tuple[Weights, ...] = ()
    ridges: tuple[float, ...] = ()

    @property
    def cost(self) -> float:
        """Multiplications of one product, times steps and runs."""
        several = len(self.candidates) > 1
        runs = self.draws + (self.validation * len(self.candidates) if several else 0)
        return float(runs * (1 if self.arm == "ntk" else self.steps) * self.n * self.m * self.d)

    def run(self) -> Numbers:
        draws = self.labelled(self.draws)
        if self.arm == "ntk":
            return self.kernel(draws, self.ridges)
        return self.trained(draws, self.arm, self.candidates)
