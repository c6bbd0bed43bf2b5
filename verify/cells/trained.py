"""Trained models: one way of learning at one number of samples, its weights chosen on draws that are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import model_validator

from verify.cells.training import Arm, Training, Weights, kernel_cost, step_cost
from verify.running.experiment import Numbers

RIDGES = tuple(10.0 ** (exponent / 4) for exponent in range(-16, 13))
"""Candidates for the ridge of kernel regression."""


class TrainedModels(Training):
    """One arm at one n on ``draws`` judged draws, with the best of its ``candidates`` for (l1, l4).

    Where there are several candidates, each is trained on ``validation`` other draws - other networks, data and targets
    - and the one with the least mean test risk there is taken. The NTK's ridge is chosen out of ``ridges`` in the
    same way, one for all judged draws. So no arm sees the test points on which it is judged.

    Attributes:
        n: training samples. draws: judged ones, all trained at once. candidates: (l1, l4); none for the NTK.
        ridges: for the NTK. kernel_width: m of the networks whose NTK is taken, on the same data; that of the draws
            when None.
        validation: draws left out; not needed where nothing is chosen.
        constructed: whether to measure the movement of the kernel at the construction.
        stretch: factor of W for ``stretched``.

    Numbers: ``chosen``, the position of the candidate or ridge; ``validation``, the mean validation risk of each. A
    list over the draws each, None for a draw that diverged: ``risk`` and ``risk_halfway`` on the test points, and for
    trained arms ``loss`` and ``loss_halfway``, regularised; ``gradient``, its norm at the end; ``capacity``
    ||W||_{2,4}^4; ``medium``, the mean square of f_L(P_{>k} W) over the test points with the true good directions;
    ``remainder``, the mean square of f - f_L - f_Q; ``quadratic``, that of f_Q; ``share`` = <f_Q, f_sp> over them, 1
    when f_Q carries the sparse part in full; ``linear_share`` = <f_L, f_sp>; ``movement`` ||K_W - K_0||_F / ||K_0||_F
    of the tangent kernel on up to 128 training inputs; where asked ``constructed``, the same at the displacement W_L +
    S W_Q of docs/mathematics, section 4, and ``stretched``, the remainder at W times ``stretch``. Outputs count after
    multiplying back where the arm is scaled.

    Cost: about 3 n m d multiplications a step, and evaluations of sigma and sigma' at n m preactivations, for each draw
    and each candidate's validation draws.
    """

    arm: Arm
    n: int
    draws: int
    candidates: tuple[Weights, ...]
    validation: int = 0
    ridges: tuple[float, ...] = RIDGES
    kernel_width: int | None = None
    constructed: bool = False
    stretch: float | None = None

    KERNEL: ClassVar[Arm] = "ntk"

    @model_validator(mode="after")
    def decided(self) -> Self:
        """There is something to train with, and something to choose by."""
        if self.arm != self.KERNEL and not self.candidates:
            raise ValueError(f"candidates={self.candidates!r}: arm {self.arm!r} needs a pair (l1, l4)")
        if self._chooses and self.validation < 1:
            raise ValueError(f"validation={self.validation}: arm {self.arm!r} has a choice, so it needs a draw for it")
        return self

    @property
    def _chooses(self) -> bool:
        return self.arm == self.KERNEL or len(self.candidates) > 1

    @property
    def cost(self) -> float:
        """Multiplications, of all steps and draws, or of the solves (:func:`verify.cells.training.step_cost`)."""
        if self.arm == self.KERNEL:
            times = ((self.draws, 1), (self.validation, len(self.ridges)))
            m = self.kernel_width or self.m
            return sum(draws * kernel_cost(self.n, m, self.d, ridges) for draws, ridges in times)
        left_out = self.validation * len(self.candidates) if self._chooses else 0
        return (self.draws + left_out) * self.steps * step_cost(self.arm, self.model, self.n, self.m, self.d)

    def run(self) -> Numbers:
        from verify.cells.trained_run import trained_models

        return trained_models(self)

    def _learnt(self, labels: Sequence[str], weights: Weights) -> Numbers:
        """The numbers of the judged draws, by name."""
        rows = self._rows(labels, weights)
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: [row.get(name) for row in rows] for name in names}

    def _rows(self, labels: Sequence[str], weights: Weights) -> list[dict[str, float | None]]:
        from verify.cells.trained_run import trained_models_rows

        return trained_models_rows(self, labels, weights)
