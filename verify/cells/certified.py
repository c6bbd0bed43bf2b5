"""Cells of O5 and O6: how far training ends from the certified lower bound of the global minimum."""

from __future__ import annotations

from typing import Literal

from verify.cells.training import Arm, Training, Weights
from verify.running.experiment import Numbers

Begin = Literal["small", "random", "memorising"]
BEGINS: tuple[Begin, ...] = ("small", "random", "memorising")
RANDOM = 1.0
"""Scale of the random start (:func:`numerics.small_start`): f_Q is then of the size of the target."""
EARLY = 20
"""Steps after which a run is looked at for a control."""


class CertifiedEnds(Training):
    r"""Training from several starts on a Taylor model's regularised loss, and a certified bound of its minimum.

    Attributes:
        arm: "quadntk", bounded at the natural multipliers, or "joint" of the Taylor model, bounded by the relaxation.
        n: training inputs. draws: of network, data and target. weights: l1, which is l3 too, and l4.
        begins: the starts. "small" - of scale ``start``; "random" - of scale :data:`RANDOM`; "memorising" - where
            ``steps`` on the data term alone have led.
        heavier: factor of l4 in the planted bound.
        iterations: of the relaxation's L-BFGS.

    Training is in single precision, losses and bounds in double. Numbers, by draw: ``value``, the regularised loss at
    the end from each start, and ``early``, after :data:`EARLY` steps; ``zero``, at W = 0; ``free``, of the memorising
    start itself; ``lower``, below the loss at every displacement; ``heavier``, the same number for the loss with l4
    times :attr:`heavier`, which is no bound of this loss.

    Cost: ``steps`` gradients a start, and one certificate.
    """

    arm: Arm
    n: int
    draws: int
    weights: Weights
    begins: tuple[Begin, ...] = BEGINS
    heavier: float
    iterations: int = 400

    def run(self) -> Numbers:
        from verify.cells.certified_run import certified_ends

        return certified_ends(self)
