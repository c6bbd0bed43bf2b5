"""The cell of N10: one run after another through the whole theorem, on the network itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from verify.cells.training import Arm, Draws, Training, Weights, step_cost
from verify.running.experiment import Numbers

if TYPE_CHECKING:
    from numerics.perturbed_descent import DescentHistory


ENDS = ("loss", "gradient", "risks", "remainder", "curvature", "taylor", "lower", "apart")
"""What is known of the end of one run; None where it diverged."""


class Descended(Training):
    """Perturbed descent on the joint loss, from small starts; in double precision, so that small gradients are exact.

    Attributes:
        n: training inputs. draws: of network, data and target.
        weights: l1 and l4 of the joint loss.
        tolerance: of the gradient. radius, wait, decrease: of the noise. step: in units of 1/L. most: steps at most.
    """

    precision: ClassVar[Literal["float32", "float64"]] = "float64"

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
        from verify.cells.end_to_end_run import descended_descend

        return descended_descend(self, draws, arm)

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
        """Multiplications of all draws and as many steps as there may be, twice for double precision."""
        return 2 * self.draws * self.most * step_cost(self.arm, self.model, self.n, self.m, self.d)

    def run(self) -> Numbers:
        from verify.cells.end_to_end_run import end_to_end

        return end_to_end(self)


def alone(draws: Draws, index: int) -> Draws:
    """One draw of a batch, with a network that is no batch."""
    parts = {name: getattr(draws, name)[index] for name in ("x", "y", "test", "answers")}
    label, target = draws.labels[index], draws.targets[index]
    return replace(draws, labels=(label,), targets=(target,), network=draws.network.member(index), **parts)
