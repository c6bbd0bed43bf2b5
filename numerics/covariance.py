r"""Feature covariance Sigma = E_x[ grad f(x) grad f(x)^T ] at initialisation, without sampling.

Block (r, s) of the md x md matrix is (a_r a_s/m) T(w_r, w_s), T(w,v) = E_x[ sigma'(<w,x>) sigma'(<v,x>) x x^T ]. By
symmetry

.. math:: T(w,v) = c\, I + K (w w^T + v v^T) + H (w v^T + v w^T)

with c, K, H functions of rho = <w,v>. In coordinates t along w, u along the part of v orthogonal to w, with q^2 = 1 -
rho^2 and S = sigma' sigma': c = d E[S (1-t^2-u^2)]/(d-2), K = (d E[S u^2] - c)/q^2, H = d E[S t u]/q - rho K. All
three are smooth on [-1, 1], rho = +-1 included, so they are interpolated there at Chebyshev points that avoid the end
points. Derived here (docs/mathematics, section 3 in coordinates without an inverse Gram matrix).

Antisymmetric initialisation: with W = (W_+, W_-) and D = W_+ - W_-, Sigma W = (S D, -S D), S_rs = T(w_r, w_s)/m over
the m/2 distinct neurons. Half of Sigma's spectrum is zero; the other half is twice that of S.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse.linalg
import torch

from numerics.network import TwoLayerNetwork
from numerics.quadrature import pair_rule

MAX_POINTS = 320
MAX_INTERPOLATION = 512
PROBES = (-0.9, -0.3, 0.0, 0.4, 0.95)
"""Values of rho at which the quadrature is refined until it settles."""
SETTLED = 1e-11
"""Relative change below which neither quadrature nor interpolant is refined further."""
TOLERABLE = 1e-6
"""Relative error above which the covariance is refused."""


@dataclass(frozen=True)
class ZonalTensor:
    """c, K, H of the module's formula as Chebyshev coefficients, shape (3, count).

    Attributes:
        error: relative, the last change of the quadrature plus the truncation of the interpolant.
    """

    coefficients: np.ndarray
    error: float

    @staticmethod
    def of(network: TwoLayerNetwork) -> ZonalTensor:
        """Interpolants for the network's sigma' and d; quadrature and interpolant are refined until they settle.

        Raises:
            ValueError: neither settles, because sigma' has a kink or varies too fast at this d.
        """
        points, change = _settled_points(network)
        count = 32
        while True:
            # Chebyshev points of the first kind: rho = +-1, where K and H are limits, is never evaluated.
            nodes = np.cos(np.pi * (np.arange(count) + 0.5) / count)
            values = _zonal_values(network, nodes, points)
            angles = np.outer(np.arange(count), np.arange(count) + 0.5) * np.pi / count
            coefficients = 2.0 / count * values @ np.cos(angles).T
            coefficients[:, 0] /= 2
            tail = count * np.abs(coefficients[:, -4:]).max() / np.abs(coefficients).max()
            if tail <= SETTLED or count >= MAX_INTERPOLATION:
                break
            count *= 2
        error = float(change + tail)
        if error > TOLERABLE:
            raise ValueError(
                f"activation {network.activation.exact} at d={network.d}: covariance only accurate to {error:.1g}, "
                f"because sigma' has a kink or varies too fast; use a smoother activation or smaller slopes"
            )
        return ZonalTensor(coefficients, error)

    def __call__(self, rho: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(c, K, H) at each rho in [-1, 1]."""
        values = np.polynomial.chebyshev.chebval(rho.double().cpu().numpy(), self.coefficients.T)
        c, k, h = (torch.from_numpy(np.ascontiguousarray(v)).to(rho) for v in values)
        return c, k, h


def _settled_points(network: TwoLayerNetwork) -> tuple[int, float]:
    """Gauss points per axis at which (c, K, H) stop changing at the probes, and the last relative change."""
    probes = np.array(PROBES)
    points = 40
    values = _zonal_values(network, probes, points)
    while True:
        points *= 2
        finer = _zonal_values(network, probes, points)
        change = float(np.abs(finer - values).max() / np.abs(finer).max())
        if change <= SETTLED or points >= MAX_POINTS:
            return points, change
        values = finer


def _zonal_values(network: TwoLayerNetwork, rho: np.ndarray, points: int) -> np.ndarray:
    """(c, K, H) at interior points rho by a tensor Gauss rule, shape (3, len(rho))."""
    return np.stack([_zonal_value(network, float(r), points) for r in rho], axis=1)


def _zonal_value(network: TwoLayerNetwork, rho: float, points: int) -> np.ndarray:
    d = network.d
    t, u, weight = pair_rule(d, points)
    q, root = math.sqrt(1 - rho**2), math.sqrt(d)
    (first,) = network.activation.derivatives(root * t, 1)
    (second,) = network.activation.derivatives(root * (rho * t + q * u), 1)
    density = first * second * weight
    c = d / (d - 2) * float(density @ (1 - t**2 - u**2))
    k = (d * float(density @ u**2) - c) / q**2
    h = d * float(density @ (t * u)) / q - rho * k
    return np.array([c, k, h])


class FeatureCovariance:
    """Sigma of a network as an operator on displacements of shape (m, d).

    Args:
        network: at its initialisation; sigma' must be smooth.

    Attributes:
        error: estimated relative error of the zonal functions, below 1e-6.

    Raises:
        ValueError: that accuracy is not reached.

    Cost: construction O(m^2) memory for three tables; matmul four products of shape m/2 x m/2 x d.
    """

    def __init__(self, network: TwoLayerNetwork) -> None:
        self.network = network
        tensor = ZonalTensor.of(network)
        self.error = tensor.error
        rho = (network.half.double() @ network.half.double().T).clamp(-1.0, 1.0)
        self._c, self._k, self._h = (table.to(network.half) for table in tensor(rho))

    def half_matmul(self, difference: torch.Tensor) -> torch.Tensor:
        """S D for D of shape (m/2, d), over the distinct neurons."""
        w = self.network.half
        b = w @ difference.T  # b_rs = <w_r, D_s>
        own = torch.diagonal(b)
        along = (self._k * b).sum(1) + self._h @ own
        result = self._c @ difference + self._k @ (own[:, None] * w) + (self._h * b) @ w
        return (result + along[:, None] * w) / self.network.m

    def matmul(self, W: torch.Tensor) -> torch.Tensor:
        """Sigma W for a displacement W of shape (m, d)."""
        plus, minus = W.chunk(2)
        half = self.half_matmul(plus - minus)
        return torch.cat([half, -half])

    def energy(self, W: torch.Tensor) -> torch.Tensor:
        r"""\|f_L(.; W)\|_{L2}^2 = W^T Sigma W, a scalar tensor."""
        plus, minus = W.chunk(2)
        return (self.half_matmul(plus - minus) * (plus - minus)).sum()

    def dense(self) -> torch.Tensor:
        """Sigma as a matrix (m d, m d). Cost: (m d)^2 memory; for small m d."""
        m, d = self.network.m, self.network.d
        identity = torch.eye(m * d, dtype=self.network.dtype, device=self.network.device)
        columns = [self.matmul(column.reshape(m, d)).flatten() for column in identity]
        return torch.stack(columns, dim=1)

    def top(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The largest ``count`` eigenvalues, descending, and unit eigenvectors of shape (count, m, d).

        Lanczos on S (scipy ``eigsh``, double precision, fixed start vector), so each is accurate to rounding.

        Raises:
            ValueError: count < 1 or count >= m d / 2.
        """
        half, d = self.network.m // 2, self.network.d
        if not 1 <= count < half * d:
            raise ValueError(f"count={count}: needs 1 <= count < m d / 2 = {half * d}")

        def apply(flat: np.ndarray) -> np.ndarray:
            tensor = torch.from_numpy(np.ascontiguousarray(flat).reshape(half, d)).to(self.network.half)
            return self.half_matmul(tensor).double().cpu().numpy().ravel()

        operator = scipy.sparse.linalg.LinearOperator((half * d, half * d), matvec=apply, dtype=np.float64)
        start = np.random.default_rng(0).standard_normal(half * d)
        values, vectors = scipy.sparse.linalg.eigsh(operator, k=count, which="LA", v0=start)
        order = np.argsort(values)[::-1]
        halves = torch.from_numpy(vectors.T[order].copy()).to(self.network.half).reshape(count, half, d)
        # A unit eigenvector of S, copied with both signs, is an eigenvector of Sigma of norm sqrt 2 and
        # eigenvalue doubled.
        full = torch.cat([halves, -halves], dim=1) / math.sqrt(2)
        return torch.from_numpy(2 * values[order].copy()).to(self.network.half), full


def feature_covariance(network: TwoLayerNetwork) -> FeatureCovariance:
    """The feature covariance of ``network`` as an operator: ``.matmul(W)``, ``.dense()``, ``.top(n_k)``."""
    return FeatureCovariance(network)
