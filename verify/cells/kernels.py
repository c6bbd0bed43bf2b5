"""Cells of kernel ridge regression with the Gram matrix of one random wide network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from verify.running.experiment import Cell, Numbers

if TYPE_CHECKING:
    import torch

    from numerics.network import TwoLayerNetwork
    from numerics.targets import Target


TEST_POINTS = 2000
RIDGES = (0.0, *(10.0 ** (exponent / 4) for exponent in range(-12, 13)))
"""Candidates for the best ridge, which is 0 for much of a curve without noise: the degrees above act as a ridge."""
RIVAL_RIDGES = (1.0, 10.0, 100.0, 1000.0)
"""The same for a rival target of high degree, of which little is learned."""
Energies = tuple[tuple[int, float], ...]
"""(degree, energy) pairs."""


class _Regression(Cell):
    """Draws of one regression; the first n of ``points`` inputs are the training set of size n.

    So all sizes of a cell share one network, one test set and nested inputs: their errors are correlated, and a cell
    counts as one observation.

    Attributes:
        activation, device, d, m: of the network.
        dense, sparse: energy by degree of dense random harmonics and of single zonal harmonics.
        targets: independent targets on the same inputs, over which errors are averaged; an even number.
    """

    activation: str
    device: str
    d: int
    m: int
    dense: Energies
    sparse: Energies = ()
    targets: int = Field(default=8, ge=2, multiple_of=2)

    def inputs(self, points: int) -> tuple[TwoLayerNetwork, torch.Tensor, torch.Tensor]:
        from verify.cells.kernels_run import regression_inputs

        return regression_inputs(self, points)

    def labels(self, points: torch.Tensor) -> torch.Tensor:
        from verify.cells.kernels_run import regression_labels

        return regression_labels(self, points)

    def target(self, index: int) -> Target:
        from verify.cells.kernels_run import regression_target

        return regression_target(self, index)

    def part(self, degree: int, energy: float, index: int) -> Target:
        from verify.cells.kernels_run import regression_part

        return regression_part(self, degree, energy, index)


class RidgeCurve(_Regression):
    """Ridge regression at fixed ridges.

    Numbers, each a table (ridge, n): ``risks`` on test points; ``training``, the mean squared residual
    ridge^2 |(K + ridge)^{-1} y|^2 / n; ``kappas``, 1 / tr (K + ridge)^{-1}.

    Attributes:
        samples: n, increasing.
        ridges: the ridges.
    """

    samples: tuple[int, ...]
    ridges: tuple[float, ...]

    def run(self) -> Numbers:
        from verify.cells.kernels_run import ridge_curve

        return ridge_curve(self)


class SamplesToRisk(_Regression):
    """Test risk with the best of :data:`RIDGES`, at the n that :func:`verify.cells.search.bracket` asks for.

    A rival's targets, dense in one degree, are learned from the same inputs by the same network; their search ascends
    through the same coarse grid and is not refined. Their risks are given as shares of their mean square on the test
    points, whose scatter would hide a level close to 1. The best ridge, of :data:`RIVAL_RIDGES` for the rival, is the
    one with the smallest mean risk of the targets on the test points. That makes the predictor depend on the targets,
    and a floor holds for predictors that do not; so at ``blind`` the ridge is best for one half of the targets on one
    half of the test points, and judged by the other halves, by turns.

    Numbers: ``samples`` of the search, ``risks`` and ``ridges`` there; ``rival samples`` and ``rival risks``, where
    there is a rival; and ``blind``, the risks at ``blind``.

    Attributes:
        first, last, factor, finest: the search ascends from ``first`` to ``last`` by ``factor`` and refines to a ratio
            of ``finest``.
        level: the risk to reach.
        rival: degree and level of the rival; None without one.
        blind: further n.
    """

    first: int
    last: int
    factor: float
    finest: float
    level: float
    rival: tuple[int, float] | None = None
    blind: tuple[int, ...] = ()

    def run(self) -> Numbers:
        from verify.cells.kernels_run import samples_to_risk

        return samples_to_risk(self)
