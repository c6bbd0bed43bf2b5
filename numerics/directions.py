r"""Good directions: the subspace of displacements through which the linear term fits degree <= k.

P_{<=k} projects on the top n_k eigenvectors of Sigma ("eigen", the definition) or on span{T Y : deg Y <= k} ("span"),
where T Y = E_x[ grad f(x) Y(x) ] has neuron block

.. math:: \frac{a_r}{\sqrt m}\left[ \lambda_l(z\sigma') Y(w_r) w_r + \lambda_l(\sigma) \nabla_{tan} Y(w_r) \right].

Both spaces consist of antisymmetric displacements (v, -v), so projecting touches only D = W_+ - W_-.
"""

from __future__ import annotations

import copy
import math
from typing import Literal

import torch

from numerics.covariance import FeatureCovariance
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator
from theory.activations import Activation, Z
from theory.funk_hecke import coefficient
from theory.sphere import check_degree, cumulative_multiplicity

MAX_SPAN_DEGREE = 1


class GoodDirections:
    """Orthogonal projection P_{<=k} on displacements of shape (m, d).

    Args:
        network: at its initialisation.
        k: low degree.
        method: "span" (closed form T Y; k = 0 or 1) or "eigen" (top n_k eigenvectors of Sigma; any k).

    Attributes:
        half_basis: (n_k, m/2, d); the vectors (v, -v) are orthonormal.

    Raises:
        ValueError: unknown method, k not available for it, or m d too small to hold n_k independent directions.

    Cost: building the span O(m d^3) time and m d^2 / 2 memory at k = 1; each projection 2 n_k m d.
    """

    def __init__(self, network: TwoLayerNetwork, k: int, method: Literal["span", "eigen"] = "span") -> None:
        self.network, self.k = network, check_degree(k, "k")
        self.dimension = cumulative_multiplicity(network.d, k)
        if 2 * self.dimension > network.m * network.d:
            raise ValueError(f"m={network.m}: needs m d / 2 >= n_k = {self.dimension} at k={k}; use a wider network")
        if method == "eigen":
            vectors = FeatureCovariance(network).top(self.dimension)[1]
            self.half_basis = vectors[:, : network.m // 2]
        elif method == "span":
            self.half_basis = _orthonormal(_span(network, k))
        else:
            raise ValueError(f"method={method!r}: needs 'span' or 'eigen'")
        self._flat = self.half_basis.flatten(1)

    def shuffled(self, seed: int) -> GoodDirections:
        """A control: a random antisymmetric subspace of the same dimension, in place of the good one."""
        gen = generator(seed, self.network.device)
        shape = self.half_basis.shape
        noise = torch.randn(shape, generator=gen, dtype=self.network.dtype, device=self.network.device)
        other = copy.copy(self)
        other.half_basis = _orthonormal(noise)
        other._flat = other.half_basis.flatten(1)
        return other

    def coordinates(self, W: torch.Tensor) -> torch.Tensor:
        """Coefficients of W in the orthonormal basis, shape (n_k,)."""
        plus, minus = W.chunk(2)
        return self._flat @ (plus - minus).flatten()

    def combine(self, coordinates: torch.Tensor) -> torch.Tensor:
        """The displacement with these coordinates, shape (m, d)."""
        half = (coordinates @ self._flat).reshape(self.network.half.shape)
        return torch.cat([half, -half])

    def project(self, W: torch.Tensor) -> torch.Tensor:
        """P_{<=k} W."""
        return self.combine(self.coordinates(W))

    def complement(self, W: torch.Tensor) -> torch.Tensor:
        """P_{>k} W = W - P_{<=k} W."""
        return W - self.project(W)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Linear term along each basis vector, shape (n, n_k).

        By linearity f_L(x; P W) is this matrix times the coordinates of W. Cost: n m d n_k.
        """
        (first,) = self.network.activation.derivatives(x @ self.network.half.T, 1)
        columns = [(first * (x @ v.T)).sum(1) for v in self.half_basis]
        return torch.stack(columns, dim=1) * (2 / math.sqrt(self.network.m))


def _span(network: TwoLayerNetwork, k: int) -> torch.Tensor:
    """T Y (the positive half) for an orthonormal basis of harmonics of degree <= k, shape (n_k, m/2, d)."""
    if k > MAX_SPAN_DEGREE:
        raise ValueError(f"k={k}: the closed span is available for k <= {MAX_SPAN_DEGREE}; use method='eigen'")
    d, w = network.d, network.half
    sigma = network.activation.exact
    radial = Activation(Z * sigma.derivative(1))

    def value(activation: Activation, degree: int) -> float:
        return float(coefficient(activation, degree, d))

    blocks = [value(radial, 0) * w[None]]  # Y = 1 has no tangential gradient
    if k >= 1:
        # Y_j(u) = sqrt(d) u_j on the unit sphere, with tangential gradient sqrt(d) (e_j - u_j u).
        lam_radial, lam_sigma = value(radial, 1), value(sigma, 1)
        identity = torch.eye(d, dtype=w.dtype, device=w.device)
        along = w.T[:, :, None] * w[None]  # (d, m/2, d): w_rj w_r
        tangent = identity[:, None, :] - along
        blocks.append(math.sqrt(d) * (lam_radial * along + lam_sigma * tangent))
    return torch.cat(blocks) / math.sqrt(network.m)


def _orthonormal(vectors: torch.Tensor) -> torch.Tensor:
    """Basis of the same span in which the copies (v, -v) are orthonormal (each v has norm 1/sqrt 2)."""
    flat = vectors.flatten(1).double()
    q, r = torch.linalg.qr(flat.T)
    diagonal = torch.diagonal(r).abs()
    if bool((diagonal <= 1e-10 * diagonal.max()).any()):
        raise ValueError(
            "span{T Y}: the directions are linearly dependent (a coefficient lambda_l vanishes or m is too small); "
            "use an activation without that parity, such as tanh(z + 1), or a wider network"
        )
    return (q.T / math.sqrt(2)).to(vectors.dtype).reshape(vectors.shape)
