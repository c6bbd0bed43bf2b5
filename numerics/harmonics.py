r"""Orthonormal harmonics of one degree as symmetric traceless tensors.

Y_A(u) = <A, u^{(x) l}> for a symmetric traceless tensor A of order l; E_u[Y_A Y_B] = l!/(d (d+2) .. (d+2l-2)) <A, B>.
So N(d,l) coordinates c in an orthonormal basis of such tensors, scaled by the root of that factor, are coordinates in
an orthonormal basis of L2. A tensor is kept as a matrix (d^{l-1}, d): contracting with all but one factor is one
product.

The basis: symmetric tensors by sorted multi-indices, then the kernel of the trace by a QR decomposition.
"""

from __future__ import annotations

import math
from itertools import combinations_with_replacement

import numpy as np
import torch

from numerics.inputs import Array, computed, finite, floating, placed, plain, tensor
from numerics.memory import require
from numerics.precision import full_precision
from theory.harmonics.sphere import check_degree, integer_dimension, multiplicity, shown

MOST_DEGREE = 10_000
"""Largest degree for which the memory needed is computed at all."""


def khatri_rao(u: torch.Tensor, power: int) -> torch.Tensor:
    """u^{(x) p} of each row, shape (..., n, d^p); ones for p = 0. Memory: n d^p numbers."""
    result = torch.ones_like(u[..., :1])
    for _ in range(power):
        result = (result[..., :, None] * u[..., None, :]).flatten(-2)
    return result


def _multi_indices(d: int, degree: int) -> np.ndarray:
    """Sorted multi-indices, shape (C(d+l-1, l), l), in lexicographic order."""
    return np.array(list(combinations_with_replacement(range(d), degree)), dtype=np.int64)


def _position(indices: np.ndarray, d: int, table: np.ndarray) -> np.ndarray:
    """Positions in ``table`` of multi-indices of shape (..., l) given in any order."""
    place = d ** np.arange(table.shape[1])[::-1]
    return np.searchsorted(table @ place, np.sort(indices, axis=-1) @ place)


@full_precision
class Harmonics:
    """An orthonormal basis Y_1..Y_N of the harmonics of degree l >= 1, N = N(d,l).

    Args:
        d: dimension, >= 3.
        degree: l >= 1.
        dtype, device: of everything returned; float32 or float64, "cpu" or "cuda".

    Raises:
        ValueError: d < 3 or degree < 1, another dtype, or a device that is not there.
        WouldNotFit: the basis does not fit in memory.

    Cost: memory N C(d+l-1, l) + 2 d^l numbers; none beyond d for l = 1.
    """

    def __init__(
        self,
        d: int,
        degree: int,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
    ) -> None:
        d, degree = integer_dimension(plain(d)), check_degree(plain(degree))
        if degree > MOST_DEGREE:
            raise ValueError(f"degree={shown(degree)}: needs degree <= {MOST_DEGREE}, of which few would fit in memory")
        if degree < 1:
            raise ValueError(f"degree={degree}: needs degree >= 1; the harmonic of degree 0 is 1")
        self.d, self.degree, dtype, device = d, degree, floating(dtype), placed(device)
        self.count = multiplicity(d, degree)
        packed = math.comb(d + degree - 1, degree)
        # The QR decomposition holds its input's complete factor, a copy of its transpose, and its rows in ``dtype``.
        require(
            24 * packed**2 + 32 * d**degree,
            f"the harmonics of degree {degree} in d={d}",
            "cpu",
            "use a smaller degree or dimension",
        )
        table = _multi_indices(d, degree)
        every = np.indices((d,) * degree).reshape(degree, -1).T
        position = _position(every, d, table)
        repeats = np.bincount(position)  # permutations of each multi-index
        energy = math.prod(d + 2 * i for i in range(degree)) / math.factorial(degree)
        self._position = torch.from_numpy(position).to(device)
        # Entries of a tensor that share a multi-index, padded with others that the mask leaves out: summing them by a
        # gather keeps its order on every device, which adding in place does not.
        ends, most = np.cumsum(repeats), np.arange(repeats.max())
        mask = most < repeats[:, None]
        members = np.argsort(position, kind="stable")[np.where(mask, (ends - repeats)[:, None] + most, 0)]
        self._members, self._mask = torch.from_numpy(members).to(device), torch.from_numpy(mask).to(device, dtype)
        weight = math.sqrt(energy) / np.sqrt(repeats)
        self._weight = torch.from_numpy(weight).to(device=device, dtype=dtype)
        self._traceless = (
            None if degree == 1 else torch.from_numpy(_traceless(d, table, repeats)).to(device=device, dtype=dtype)
        )

    def tensors(self, coordinates: Array) -> torch.Tensor:
        """The tensors A of sum_j c_j Y_j for c of shape (..., N), as matrices (..., d^{l-1}, d)."""
        coordinates = tensor(coordinates, "coordinates", self._weight, "harmonics")
        if coordinates.shape[-1:] != (self.count,):
            raise ValueError(f"coordinates of shape {tuple(coordinates.shape)}: needs (..., N = {self.count})")
        packed = coordinates if self._traceless is None else coordinates @ self._traceless
        return (packed * self._weight)[..., self._position].unflatten(-1, (-1, self.d))

    def coordinates(self, tensors: Array) -> torch.Tensor:
        """The adjoint of :meth:`tensors`: <A_j, B> for B of shape (..., d^{l-1}, d), shape (..., N)."""
        tensors = tensor(tensors, "tensors", self._weight, "harmonics")
        if tensors.shape[-2:] != (self.d ** (self.degree - 1), self.d):
            needs = (self.d ** (self.degree - 1), self.d)
            raise ValueError(f"tensors of shape {tuple(tensors.shape)}: needs {needs}, after leading axes")
        packed = (tensors.flatten(-2)[..., self._members] * self._mask).sum(-1) * self._weight
        return packed if self._traceless is None else packed @ self._traceless.mT

    def values(self, u: Array) -> torch.Tensor:
        """Y_j(u_i) for unit vectors of shape (..., n, d), shape (..., n, N). Memory: n d^l numbers.

        Off the unit sphere this is the homogeneous polynomial, |u|^l Y_j(u / |u|), whose Laplacian vanishes.

        Raises:
            ValueError: another shape, dtype or device, entries that are not finite, or values that overflow.
            WouldNotFit: n d^l numbers do not fit in memory.
        """
        u = finite(tensor(u, "u", self._weight, "harmonics"), "u")
        if u.ndim < 2 or u.shape[-1] != self.d:
            raise ValueError(f"u of shape {tuple(u.shape)}: needs (..., n, {self.d})")
        need = 2 * u.element_size() * u[..., 0].numel() * self.d**self.degree
        purpose = f"harmonics of degree {self.degree} at {u[..., 0].numel()} points"
        require(need, purpose, u.device, "evaluate fewer points at a time")
        values = self.coordinates(khatri_rao(u, self.degree).unflatten(-1, (-1, self.d)))
        return computed(values, "the harmonics", "u is")


def _traceless(d: int, table: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    """Orthonormal rows spanning the packed symmetric tensors whose trace over two indices vanishes."""
    degree = table.shape[1]
    lower = _multi_indices(d, degree - 2) if degree > 2 else np.zeros((1, 0), dtype=np.int64)
    pairs = np.repeat(np.arange(d), 2).reshape(d, 2)
    both = np.concatenate([np.repeat(lower, d, axis=0), np.tile(pairs, (len(lower), 1))], axis=1)
    column = _position(both, d, table)
    trace = np.zeros((len(lower), len(table)))
    trace[np.repeat(np.arange(len(lower)), d), column] = 1 / np.sqrt(repeats[column])
    basis, _ = np.linalg.qr(trace.T, mode="complete")
    return np.ascontiguousarray(basis[:, len(lower) :].T)
