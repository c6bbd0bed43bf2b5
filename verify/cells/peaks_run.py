"""How the cells of :mod:`verify.cells.peaks` are computed."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.polynomial import chebyshev

from numerics.activations import TorchActivation
from numerics.sampling import generator, sphere
from numerics.targets import Target
from theory import Activation
from verify.cells.peaks import NODES, POINTS, NoisyCurve
from verify.cells.spectral_run import kernel_values
from verify.running.experiment import Numbers


def interpolant(activation: str, d: int) -> np.ndarray:
    """Chebyshev coefficients of K(t), t in [-1, 1], for the NTK of infinite width of a smooth activation.

    K is analytic, so that the error falls geometrically with :data:`NODES`; a test holds it against the certified
    series sum N(d,l) Lambda_l P_l(t) to 1e-9.
    """
    sigma = TorchActivation(Activation.parse(activation))
    nodes = torch.from_numpy(chebyshev.chebpts1(NODES))
    values = kernel_values(sigma, d, nodes, POINTS)
    return np.asarray(chebyshev.chebfit(nodes.numpy(), values.numpy(), NODES - 1))


def noisy_curve(cell: NoisyCurve) -> Numbers:
    """The numbers of a :class:`NoisyCurve`."""
    gen = generator(cell.seed("inputs"))
    x, test = (sphere(count, cell.d, math.sqrt(cell.d), gen) for count in (cell.samples[-1], cell.tests))
    parts = [Target.dense(cell.d, cell.degree, 1.0, cell.seed(f"target {i}")) for i in range(cell.targets)]
    labels, answers = (torch.stack([part(points) for part in parts], dim=1) for points in (x, test))
    kernel = interpolant(cell.activation, cell.d)
    gram, cross = (torch.from_numpy(chebyshev.chebval((x @ y.T / cell.d).numpy(), kernel)) for y in (x, test))
    diagonal = float(chebyshev.chebval(1.0, kernel))
    bias, variance = ([[0.0] * len(cell.samples) for _ in cell.ridges] for _ in range(2))
    for row, ridge in enumerate(cell.ridges):
        gram.diagonal().fill_((1 + ridge) * diagonal)
        for column, n in enumerate(cell.samples):
            factor = torch.linalg.cholesky(gram[:n, :n])
            weights = torch.cholesky_solve(cross[:n], factor)
            bias[row][column] = float((weights.T @ labels[:n] - answers).square().mean())
            variance[row][column] = float(weights.square().sum(0).mean())
    return {"bias": bias, "variance": variance}
