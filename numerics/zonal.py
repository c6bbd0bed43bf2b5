r"""c, K and H of the feature covariance as functions of rho = <w, v>: by quadrature, interpolated on [-1, 1].

The formulas are those of :mod:`numerics.covariance`. Both the rule and the interpolant are refined until they settle.
What has settled may still be wrong where sigma' itself is lost to rounding, as the tail of gelu is in doubles. So the
block of one neuron with itself, rho = 1, is held against its certified value A w w^T + B (I - w w^T), see
:func:`theory.slope_covariance`: there c = B and c + 2 (K + H) = A.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from numerics.activations import TorchActivation
from numerics.quadrature import pair_rule
from theory.activations import Activation
from theory.network.signs import slope_covariance

MAX_POINTS = 320
"""Points per axis of the finest quadrature rule."""
MAX_INTERPOLATION = 512
"""Chebyshev coefficients at most."""
PROBES = (-0.9, -0.3, 0.0, 0.4, 0.95)
"""Values of rho at which the quadrature is refined until it settles."""
SETTLED = 1e-11
"""Relative change below which neither quadrature nor interpolant is refined further."""
TOLERABLE = 1e-6
"""Relative error above which the covariance is refused."""


@dataclass(frozen=True, eq=False)
class ZonalTensor:
    """c, K, H of the module's formula as Chebyshev coefficients, shape (3, count).

    Attributes:
        error: relative, the last change of the quadrature, plus the truncation of the interpolant, plus the distance
            from the certified value at rho = 1.
    """

    coefficients: np.ndarray
    error: float

    @staticmethod
    @lru_cache(maxsize=64)
    @np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what they leave is refused below
    def of(activation: Activation, d: int) -> ZonalTensor:
        """Interpolants for sigma' in dimension d; quadrature and interpolant are refined until they settle.

        All networks with this activation and d share them.

        Raises:
            ValueError: neither settles, because sigma' has a kink or varies too fast at this d; they settle on another
                value than the certified one, because sigma' is lost to rounding; or sigma' is zero or overflows.
            Undecided: that value could not be certified.
        """
        sigma = TorchActivation(activation)
        points, change = _settled_points(sigma, d)
        count = 32
        while True:
            # Chebyshev points of the first kind: rho = +-1, where K and H are limits, is never evaluated.
            nodes = np.cos(np.pi * (np.arange(count) + 0.5) / count)
            values = _zonal_values(sigma, d, nodes, points)
            angles = np.outer(np.arange(count), np.arange(count) + 0.5) * np.pi / count
            coefficients = 2.0 / count * values @ np.cos(angles).T
            coefficients[:, 0] /= 2
            tail = count * np.abs(coefficients[:, -4:]).max() / np.abs(coefficients).max()
            if tail <= SETTLED or count >= MAX_INTERPOLATION:
                break
            count *= 2
        error, what = float(change + tail), f"activation {activation} at d={d}: covariance only accurate to"
        if not error <= TOLERABLE:
            cause = "sigma' has a kink, varies too fast or is lost to rounding"
            raise ValueError(
                f"{what} {error:.1g}, because {cause}; use a smoother activation, smaller slopes or shifts"
            )
        error += _deviation(activation, d, coefficients.sum(1))
        if not error <= TOLERABLE:
            cause = "sigma' is lost to rounding in doubles or is large only where no node of the quadrature lies"
            raise ValueError(f"{what} {error:.1g}, because {cause}; use a smaller shift or smaller slopes")
        return ZonalTensor(coefficients, error)

    def __call__(self, rho: torch.Tensor) -> torch.Tensor:
        """(c, K, H) at each rho in [-1, 1], stacked in front, by Clenshaw's recurrence in the dtype of ``rho``."""
        coefficients = torch.from_numpy(self.coefficients).to(rho)
        shape = (3, *[1] * rho.ndim)
        double = 2 * rho
        last = torch.zeros(3, *rho.shape, dtype=rho.dtype, device=rho.device)
        current = torch.zeros_like(last)
        for column in coefficients.T.flip(0)[:-1]:
            # b_j = a_j + 2 rho b_{j+1} - b_{j+2}, the oldest of the three overwritten
            last.neg_().addcmul_(double, current).add_(column.reshape(shape))
            last, current = current, last
        return last.neg_().addcmul_(rho, current).add_(coefficients[:, 0].reshape(shape))


def _deviation(activation: Activation, d: int, values: np.ndarray) -> float:
    """Distance of (c, K, H) at rho = 1 from the certified block of one neuron with itself, relative to its size."""
    along, across = (float(part) for part in slope_covariance(activation, d))
    c, k, h = values.tolist()
    return float(np.divide(max(abs(c + 2 * (k + h) - along), abs(c - across)), max(along, across)))


def _settled_points(sigma: TorchActivation, d: int) -> tuple[int, float]:
    """Gauss points per axis at which (c, K, H) stop changing at the probes, and the last relative change.

    Raises ValueError where they are all zero, or not finite: no rule can change that.
    """
    probes = np.array(PROBES)
    points = 40
    values = _zonal_values(sigma, d, probes, points)
    while True:
        points *= 2
        finer = _zonal_values(sigma, d, probes, points)
        if not np.isfinite(finer).all():
            what = f"activation {sigma.exact} at d={d}: sigma' is too large on |z| <= sqrt(d) for its covariance"
            raise ValueError(f"{what}, which is not finite in doubles; use smaller slopes or a smaller d")
        if not finer.any():
            what = f"activation {sigma.exact} at d={d}: sigma' is zero in doubles at all nodes on |z| <= sqrt(d)"
            raise ValueError(f"{what}, and so is its covariance; use an activation that varies there")
        change = float(np.abs(finer - values).max() / np.abs(finer).max())
        if change <= SETTLED or points >= MAX_POINTS:
            return points, change
        values = finer


def _zonal_values(sigma: TorchActivation, d: int, rho: np.ndarray, points: int) -> np.ndarray:
    """(c, K, H) at interior points rho by a tensor Gauss rule, shape (3, len(rho))."""
    t, u, weight = pair_rule(d, points)
    root = math.sqrt(d)
    (first,) = sigma.derivatives(root * t, 1)
    # 1 - t^2 - u^2, u^2 and t u under the weights and sigma' of the first neuron, (points^2, 3)
    moments = torch.stack([1 - t**2 - u**2, u**2, t * u], dim=1) * (first * weight)[:, None]
    values = []
    for r in rho.tolist():
        q = math.sqrt(1 - r**2)
        (second,) = sigma.derivatives(root * (r * t + q * u), 1)
        across, square, mixed = (d * second @ moments).tolist()
        c = across / (d - 2)
        k = (square - c) / q**2
        values.append((c, k, mixed / q - r * k))
    return np.array(values).T
