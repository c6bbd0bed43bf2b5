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

import numpy as np
import scipy.sparse.linalg
import torch

from numerics.inputs import Array, computed, displacement, finite, network_first, plain, tensor
from numerics.memory import available_bytes, block_rows, require
from numerics.network import TwoLayerNetwork
from numerics.precision import full_precision
from numerics.quoting import shown
from numerics.scale import homogeneous, unit
from numerics.zonal import ZonalTensor

BLOCK_NUMBERS = {"cpu": 2**17, "cuda": 2**24}
"""Entries of one block of rows of c, K and H, by kind of device: on a CPU few enough for its caches, where that leaves
enough rows; on a card, where many small blocks cost more for their launches than for their work, all of up to four
thousand pairs of neurons."""
LARGE = "W or sigma' is"
"""What may be too large where a result overflows."""
LANCZOS = 20
"""Vectors that ``eigsh`` keeps at least; else twice as many as eigenvectors, and one."""


@full_precision
class FeatureCovariance:
    """Sigma of a network as an operator on displacements of shape (..., m, d).

    Args:
        network: at its initialisation; sigma' must be smooth.
        cache: keep the three m/2 x m/2 tables of c, K and H; when None, if they take at most a quarter of the memory
            available. Without them each product evaluates the interpolants again, block by block.

    Attributes:
        error: estimated relative error of the zonal functions, below 1e-6.

    Raises:
        ValueError: that accuracy is not reached, or sigma' is zero or not finite on the sphere in doubles; from every
            method, a W of another shape, dtype or device, or not finite, or a result that overflows.
        Undecided: the accuracy could not be told.
        WouldNotFit: ``cache=True`` and the tables do not fit.

    Cost: matmul three products of shape m/2 x m/2 x d, O(m^2 d); memory 3 m^2/4 numbers with the tables, O(m d) beyond
    one block without.
    """

    def __init__(self, network: TwoLayerNetwork, cache: bool | None = None) -> None:
        self.network = network_first(network)
        self._tensor = ZonalTensor.of(network.activation.exact, network.d)
        self.error = self._tensor.error
        self._all = network.gather(network.half)
        pairs = network.half.shape[-2]
        need = 3 * math.prod(network.batch) * pairs * self._all.shape[-2] * network.dtype.itemsize
        if cache is None:
            cache = 4 * need <= available_bytes(network.device)
        elif cache:
            fits = "use cache=False, which needs one block of rows at a time"
            require(need, f"the tables of c, K and H at m={network.m}", network.device, fits)
        step = block_rows(BLOCK_NUMBERS, network.device, math.prod(network.batch) * self._all.shape[-2])
        self._blocks = [slice(start, min(start + step, pairs)) for start in range(0, pairs, step)]
        self._tables: list[torch.Tensor] | None = None
        if cache:
            # One piece of memory: many small ones among the temporaries would leave gaps between them.
            each = need // network.dtype.itemsize // pairs
            whole = network.half.new_empty(each * pairs)
            self._tables = [self._evaluate(rows, whole[each * rows.start : each * rows.stop]) for rows in self._blocks]

    def _evaluate(self, rows: slice, place: torch.Tensor | None = None) -> torch.Tensor:
        """(c, K, H) between all neurons and the ``rows`` of those kept here, (3, *batch, m/2, rows), in ``place``."""
        rho = self._all.double() @ self.network.half[..., rows, :].double().mT
        values = self._tensor(rho.clamp_(-1.0, 1.0))
        return values.to(self.network.dtype) if place is None else place.view(values.shape).copy_(values)

    def half_matmul(self, difference: torch.Tensor) -> torch.Tensor:
        """S D for D of shape (..., m/2, d), over the distinct neurons."""
        difference = tensor(difference, "difference", self.network.w, "network")
        if difference.shape[-2:] != self.network.half.shape[-2:]:
            raise ValueError(f"difference of shape {tuple(difference.shape)}: needs {tuple(self.network.half.shape)}")
        every, w = self.network.gather(difference), self._all
        own = (every * w).sum(-1, keepdim=True)  # <w_s, D_s>, (..., m/2, 1)
        result = torch.empty_like(difference)
        for i, rows in enumerate(self._blocks):
            c, k, h = self._evaluate(rows) if self._tables is None else self._tables[i]
            here = self.network.half[..., rows, :]
            # Row r of sum_s T(w_r, w_s) D_s. K and H multiply w_r or w_s and a number, <w_r, D_s> or <w_s, D_s>:
            # what belongs to w_r is summed over s first (along), what belongs to w_s is one product with w (mixed).
            # The rows r are the columns of all tables: products with the few rows of every.mT and w.mT are faster so.
            cross = every @ here.mT  # <w_r, D_s>
            along = (k * cross).sum(-2, keepdim=True) + own.mT @ h
            mixed = (k * own).addcmul_(h, cross)
            result[..., rows, :] = (every.mT @ c + w.mT @ mixed).mT + along.mT * here
        return result.div_(self.network.m)

    def matmul(self, W: Array) -> torch.Tensor:
        """Sigma W for a displacement W of shape (..., m, d)."""
        W = self._displacement(W)
        plus, minus = W.chunk(2, dim=-2)
        half = computed(self.half_matmul(plus - minus), "Sigma W", LARGE)
        return torch.cat([half, -half], dim=-2)

    def _displacement(self, W: Array) -> torch.Tensor:
        return finite(displacement(self.network, W, stacked=True), "W")

    def energy(self, W: Array) -> torch.Tensor:
        r"""\|f_L(.; W)\|_{L2}^2 = W^T Sigma W, of shape batch."""

        def form(W: torch.Tensor) -> torch.Tensor:
            plus, minus = W.chunk(2, dim=-2)
            difference = plus - minus
            energy = self.network.reduce((self.half_matmul(difference) * difference).sum((-2, -1)))
            return computed(energy, "the energy", LARGE)

        return homogeneous(self._displacement(W), self.network.reduce, form, "the energy")

    def sign_energy(self, W: Array) -> torch.Tensor:
        r"""E_S \|f_L(.; S W)\|_{L2}^2 = sum_r W_r^T Sigma_rr W_r over independent signs, of shape batch.

        Block (r, r) is (1/m) [c I + 2 (K + H) w_r w_r^T] at rho = 1. Cost: O(m d).
        """
        c, k, h = self._tensor(torch.ones((), dtype=torch.float64, device=self.network.device)).tolist()

        def form(W: torch.Tensor) -> torch.Tensor:
            along = (W * self.network.w).sum(-1).square().sum(-1)
            energy = self.network.reduce(c * W.square().sum((-2, -1)) + 2 * (k + h) * along) / self.network.m
            return computed(energy, "the energy", LARGE)

        return homogeneous(self._displacement(W), self.network.reduce, form, "the energy")

    def dense(self) -> torch.Tensor:
        """Sigma as a matrix (m d, m d) of one network.

        Raises:
            ValueError: a batch of networks, or numbers that overflow.
            WouldNotFit: (m d)^2 numbers do not fit in memory.

        Cost: (m d)^2 memory; for small m d.
        """
        self.network.require_single("dense()")
        m, d = self.network.m, self.network.d
        size = self.network.dtype.itemsize
        fits = math.isqrt(available_bytes(self.network.device) // (2 * size))
        require(
            2 * size * (m * d) ** 2,
            f"Sigma as a matrix at m={m}, d={d}",
            self.network.device,
            f"m d <= {fits} would fit",
        )
        identity = torch.eye(m * d, dtype=self.network.dtype, device=self.network.device)
        columns = [self.matmul(column.reshape(m, d)).flatten() for column in identity]
        return torch.stack(columns, dim=1)

    def top(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The largest ``count`` eigenvalues, descending, and unit eigenvectors of shape (count, m, d), of one network.

        Lanczos on S (scipy ``eigsh``, fixed start vector) in double precision, on products in the network's, with
        restarts until each residual is at rounding level. Antisymmetric duplicates are divided out, so no eigenvalue is
        zero for that reason; the d-fold eigenvalue that the infinite-width limit has is split at finite width.

        Raises:
            ValueError: a batch of networks, count < 1 or count >= m d / 2, or a Sigma that is zero in its dtype.
            ArithmeticError: no convergence.
            WouldNotFit: the vectors of Lanczos do not fit in memory.

        Cost: some tens of products with S, and (2 count + 1) m d / 2 numbers while it runs.
        """
        self.network.require_single("top()")
        half, d, count = self.network.half.shape[-2], self.network.d, plain(count)
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count < half * d:
            raise ValueError(f"count={shown(count)}: needs 1 <= count < m d / 2 = {half * d}")
        vectors_kept = max(2 * count + 1, LANCZOS) + 2 * count
        require(8 * vectors_kept * half * d, f"{count} eigenvectors at m={2 * half}, d={d}", "cpu", "ask for fewer")

        def apply(flat: np.ndarray) -> np.ndarray:
            tensor = torch.from_numpy(np.ascontiguousarray(flat).reshape(half, d)).to(self.network.half)
            return self.half_matmul(tensor).double().cpu().numpy().ravel()

        start = np.random.default_rng(0).standard_normal(half * d)
        size = self._size(apply(start))
        operator = scipy.sparse.linalg.LinearOperator(
            (half * d, half * d), matvec=lambda flat: apply(flat) / size, dtype=np.float64
        )
        try:
            values, vectors = scipy.sparse.linalg.eigsh(operator, k=count, which="LA", v0=start)
        except scipy.sparse.linalg.ArpackNoConvergence as failure:
            raise ArithmeticError(f"the top {count} eigenvalues of Sigma did not converge; ask for fewer") from failure
        order = np.argsort(values)[::-1]
        halves = torch.from_numpy(vectors.T[order].copy()).to(self.network.half).reshape(count, half, d)
        # A unit eigenvector of S, copied with both signs, is an eigenvector of Sigma of norm sqrt 2 and
        # eigenvalue doubled.
        full = torch.cat([halves, -halves], dim=1) / math.sqrt(2)
        return torch.from_numpy(2 * size * values[order].copy()).to(self.network.half), full

    def _size(self, image: np.ndarray) -> float:
        """A power of two of the size of S: Lanczos, whose tolerances have a floor, would stop too early at small ones.

        Raises ValueError where S is zero or not finite; ``image`` is S applied to a random displacement.
        """
        if not (np.isfinite(image).all() and image.any()):
            what = "zero" if np.isfinite(image).all() else "not finite"
            low = "float64 or " if self.network.dtype == torch.float32 else ""
            sigma = f"activation {self.network.activation.exact} at d={self.network.d}"
            raise ValueError(f"{sigma}: Sigma is {what} to rounding in {self.network.dtype}; use {low}other slopes")
        return unit(torch.from_numpy(image))

    def top_of_rank(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """As :meth:`top`, for a caller that divides by the eigenvalues or needs the space of the eigenvectors.

        Eigenvalues of Sigma are known to about sqrt(m d / 2) eps of the largest, from products in the network's dtype,
        plus ``error``. Below that they are zero to rounding, and the eigenvectors there any vectors of the null space.

        Raises:
            ValueError: the eigenvalue number ``count`` is zero to rounding; and as :meth:`top`.
        """
        values, vectors = self.top(count)
        size = math.sqrt(self.network.half.numel()) * torch.finfo(self.network.dtype).eps + self.error
        if float(values[-1]) <= size * float(values[0]):
            rank = int((values > size * values[0]).sum())
            raise ValueError(
                f"Sigma has rank {rank} to rounding at m={self.network.m}, below the {count} directions asked for (a "
                f"coefficient lambda_l vanishes, or m is small): use another activation, a smaller k or a wider network"
            )
        return values, vectors


@full_precision
def feature_covariance(network: TwoLayerNetwork, cache: bool | None = None) -> FeatureCovariance:
    """The feature covariance of ``network`` as an operator: ``.matmul(W)``, ``.dense()``, ``.top(n_k)``.

    Source: docs/mathematics, :eq:`feature-covariance`.
    """
    return FeatureCovariance(network, cache)
