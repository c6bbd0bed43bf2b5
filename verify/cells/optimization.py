"""Cells of O1 and O2: perturbed descent on regularised losses, many draws and initialisations at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from verify.running.experiment import Cell, Numbers

if TYPE_CHECKING:
    import torch

    from numerics.models import ModelName
    from numerics.network import TwoLayerNetwork
    from numerics.objective import Objective
    from numerics.perturbed_descent import DescentHistory
    from numerics.targets import Target


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
        from verify.cells.optimization_run import regularised_loss_network

        return regularised_loss_network(self, draw)

    def target(self, draw: int) -> Target:
        from verify.cells.optimization_run import regularised_loss_target

        return regularised_loss_target(self, draw)

    def inputs(self, draw: int) -> torch.Tensor:
        from verify.cells.optimization_run import regularised_loss_inputs

        return regularised_loss_inputs(self, draw)

    def single(self, draw: int) -> Objective:
        from verify.cells.optimization_run import regularised_loss_single

        return regularised_loss_single(self, draw)

    def batch(
        self, copies: int = 1, regularised: bool = True, model: ModelName = "network", heavier: float = 1.0
    ) -> Objective:
        from verify.cells.optimization_run import regularised_loss_batch

        return regularised_loss_batch(self, copies, regularised, model, heavier)


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
        from verify.cells.optimization_run import descending_descend

        return descending_descend(self, objective, count)


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
        from verify.cells.optimization_run import descent

        return descent(self)


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
        from verify.cells.optimization_run import independent_initialisations

        return independent_initialisations(self)

    def references(self) -> tuple[list[float], list[float]]:
        from verify.cells.optimization_run import independent_initialisations_references

        return independent_initialisations_references(self)
