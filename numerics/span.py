r"""span{T Y : deg Y <= k} as an operator, without a stored basis.

For a harmonic Y_A(u) = <A, u^{(x) l}> of degree l with symmetric traceless tensor A, put v_r = A(w_r, .., w_r, .), a
vector in R^d. Then Y(w_r) = <v_r, w_r> and grad_tan Y(w_r) = l (v_r - <v_r, w_r> w_r), so the neuron block of T Y is

.. math:: \frac{a_r}{\sqrt m} \big[ \beta_l v_r + (\alpha_l - \beta_l) \langle v_r, w_r\rangle w_r \big],
          \qquad \alpha_l = \lambda_l(z \sigma'), \quad \beta_l = l \lambda_l(\sigma) .

All v_r are one product of the rows w_r^{(x) (l-1)} with A, O(m d^l); the adjoint is its transpose. The Gram matrix
T*T of an orthonormal basis of harmonics, n_k x n_k, makes the span orthonormal by Cholesky, done twice (CholeskyQR2)
so that the result is orthonormal to rounding. Derived here: docs/mathematics, section 3.
"""

from __future__ import annotations

import math
from functools import cached_property, lru_cache

import torch

from numerics.harmonics import Harmonics, khatri_rao
from numerics.memory import by_kind, require
from numerics.network import ROW_NUMBERS, TwoLayerNetwork
from theory.activations import Activation
from theory.funk_hecke.coefficient import coefficient
from theory.harmonics.sphere import cumulative_multiplicity

DEPENDENT = 1e-10
"""Smallest eigenvalue of the Gram matrix with unit diagonal below which the directions count as dependent: the second
Cholesky step then still removes the error of the first, of relative order 1e-16 / 1e-10."""
STORED = 2**18
"""Numbers up to which a basis is stored: one product with it then costs less than the many small ones without it."""


@lru_cache(maxsize=1024)
def _factors(sigma: Activation, degree: int, d: int) -> tuple[float, float]:
    """alpha_l and beta_l of the module's formula."""
    return float(coefficient(sigma, degree, d, 1, power=1)), degree * float(coefficient(sigma, degree, d))


class HarmonicTransform:
    """T and its adjoint in an orthonormal basis of the harmonics of degree <= k, degree after degree.

    Args:
        network: at its initialisation. k: low degree, >= 0. dtype: of the products.

    Antisymmetric displacements (p, -p) stand for themselves by p, of shape (..., m/2, d).
    """

    def __init__(self, network: TwoLayerNetwork, k: int, dtype: torch.dtype) -> None:
        self._network, self._half = network, network.half.to(dtype)
        d, sigma = network.d, network.activation.exact
        self._harmonics = [Harmonics(d, degree, dtype, network.device) for degree in range(1, k + 1)]
        self._sizes = [1, *(harmonics.count for harmonics in self._harmonics)]
        self._powers = [khatri_rao(self._half, degree - 1) for degree in range(1, k + 1)]
        root = math.sqrt(network.m)
        self._factors = [(alpha / root, beta / root) for alpha, beta in (_factors(sigma, j, d) for j in range(k + 1))]
        """alpha_l and beta_l over sqrt m, by degree."""

    @property
    def numbers(self) -> int:
        """Numbers of one displacement p or of one tensor, whichever is more."""
        return max(math.prod(self._half.shape[-2:]), self._network.d ** len(self._harmonics))

    def _scaled(self, v: torch.Tensor, degree: int) -> torch.Tensor:
        """beta v + (alpha - beta) <v, w> w, over sqrt m: symmetric, so it serves T and its adjoint."""
        alpha, beta = self._factors[degree]
        along = (v * self._half).sum(-1, keepdim=True)
        return (beta * v).addcmul_(along, self._half, value=alpha - beta)

    def apply(self, coordinates: torch.Tensor) -> torch.Tensor:
        """T c = (p, -p) for c of shape (..., n_k); returns p."""
        constant, *parts = coordinates.split(self._sizes, dim=-1)
        total = (constant * self._factors[0][0])[..., None] * self._half
        for degree, part in enumerate(parts, start=1):
            tensors = self._harmonics[degree - 1].tensors(part)
            total = total + self._scaled(self._powers[degree - 1] @ tensors, degree)
        return total

    def adjoint(self, difference: torch.Tensor) -> torch.Tensor:
        """<T Y_j, W> from D = W_+ - W_-, of shape (..., m/2, d); returns (..., n_k)."""
        parts = [self._factors[0][0] * (difference * self._half).sum((-2, -1))[..., None]]
        for degree, harmonics in enumerate(self._harmonics, start=1):
            parts.append(harmonics.coordinates(self._powers[degree - 1].mT @ self._scaled(difference, degree)))
        return self._network.reduce(torch.cat(parts, dim=-1))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """f_L(x_i; T Y_j), shape (..., n, n_k)."""
        network = self._network
        z = x @ self._half.mT
        (first,) = network.activation.derivatives(z, 1)
        first_z = first * z  # z sigma'(z)
        parts = [self._factors[0][0] * first_z.sum(-1, keepdim=True)]
        for degree, harmonics in enumerate(self._harmonics, start=1):
            (alpha, beta), powers = self._factors[degree], self._powers[degree - 1]
            across = ((first @ powers)[..., :, None] * x[..., None, :]).mul_(beta)  # (..., n, d^{l-1}, d)
            along = (first_z @ khatri_rao(self._half, degree)).unflatten(-1, (-1, network.d))
            parts.append(harmonics.coordinates(across.add_(along, alpha=alpha - beta)))
        return network.reduce(torch.cat(parts, dim=-1)) * (2 / math.sqrt(network.m))


class Span:
    """An orthonormal basis of span{T Y : deg Y <= k}, as combinations of the T Y.

    Args:
        network: at its initialisation. k: low degree, >= 0.

    Attributes:
        dimension: n_k.
        gram: T*T in an orthonormal basis of harmonics by degree, (..., n_k, n_k), double; tends to
            diag(Lambda_l) as m grows.

    Raises:
        ValueError: directions that are linearly dependent.
        WouldNotFit: tensors or the Gram matrix do not fit in memory.

    Cost: built in O(n_k m d^k); memory m d^{k-1} / 2 + n_k^2 numbers for each network. A basis of at most
    :data:`STORED` numbers, n_k m d / 2 for each network, is stored once it is used.
    """

    def __init__(self, network: TwoLayerNetwork, k: int) -> None:
        self.dimension = n_k = cumulative_multiplicity(network.d, k)
        batch = math.prod(network.batch)
        numbers = network.half[..., 0].numel() * network.d ** max(k - 1, 0) + 4 * batch * n_k**2
        require(
            8 * numbers,
            f"span{{T Y}} at k={k}, d={network.d}, m={network.m}",
            network.device,
            "use a smaller k, d or m",
        )
        double = HarmonicTransform(network, k, torch.float64)
        identity = torch.eye(n_k, dtype=torch.float64, device=network.device)
        start = identity.expand(*network.batch, -1, -1)
        self.gram = _gram(double, start)
        scale = torch.diagonal(self.gram, dim1=-2, dim2=-1).rsqrt()
        scaled = scale[..., :, None] * self.gram * scale[..., None, :]
        if not bool(torch.isfinite(scaled).all()) or float(torch.linalg.eigvalsh(scaled).min()) <= DEPENDENT:
            raise ValueError(
                "span{T Y}: the directions are linearly dependent (a coefficient lambda_l vanishes or m is too small); "
                "use an activation without that parity, such as tanh(z + 1), or a wider network"
            )
        rough = _whiten(scaled) * scale[..., None, :]
        transform = _whiten(_gram(double, rough)) @ rough
        self._double = double
        same = network.dtype == torch.float64
        self._map = double if same else HarmonicTransform(network, k, network.dtype)
        self._network, self._exact = network, transform
        self._transform = transform.to(network.dtype)
        """Row j: coordinates of b_j in the basis T Y."""

    @cached_property
    def _stored(self) -> torch.Tensor | None:
        """Row j: p_j, (..., n_k, m d / 2); None where that is too large."""
        half = self._network.half
        if half.numel() * self.dimension > STORED:
            return None
        rows = self._double.apply(self._exact.movedim(-2, 0))
        return rows.movedim(0, -3).flatten(-2).to(half)

    def apply(self, coefficients: torch.Tensor) -> torch.Tensor:
        """p of T f for f = sum_j f_j Y_j, coefficients of shape (..., n_k), in double."""
        return self._double.apply(coefficients)

    def coordinates(self, difference: torch.Tensor) -> torch.Tensor:
        """<b_j, W>, shape (..., n_k). Cost: m d^k, or n_k m d with a stored basis."""
        if self._stored is not None:
            return self._network.reduce((self._stored @ difference.flatten(-2)[..., None])[..., 0])
        return (self._transform @ self._map.adjoint(difference)[..., None])[..., 0]

    def combine(self, coordinates: torch.Tensor) -> torch.Tensor:
        """p of sum_j c_j b_j, shape (..., m/2, d). Cost: m d^k, or n_k m d with a stored basis."""
        if self._stored is not None:
            return (coordinates[..., None, :] @ self._stored)[..., 0, :].unflatten(-1, self._network.half.shape[-2:])
        return self._map.apply((coordinates[..., None, :] @ self._transform)[..., 0, :])

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """f_L(x_i; b_j), shape (..., n, n_k). Cost: n m d^k."""
        return self._map.features(x) @ self._transform.mT


def _gram(transform: HarmonicTransform, rows: torch.Tensor) -> torch.Tensor:
    """R T*T R^T for rows R of shape (..., n_k, n_k): columns T*(T r_j), in blocks that keep memory bounded."""
    rows = rows.movedim(-2, 0)  # (n_k, *batch, n_k)
    step = max(1, by_kind(ROW_NUMBERS, rows.device) // (rows[0][..., 0].numel() * transform.numbers))
    images = [transform.adjoint(2 * transform.apply(part)) for part in rows.split(step)]
    image = torch.cat(images).movedim(0, -2)
    gram = image @ rows.movedim(0, -2).mT
    return (gram + gram.mT) / 2


def _whiten(gram: torch.Tensor) -> torch.Tensor:
    """L^{-1} for the Cholesky factor L: its rows make the Gram matrix the identity."""
    identity = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    return torch.linalg.solve_triangular(torch.linalg.cholesky(gram), identity.expand_as(gram), upper=False)
