r"""Good directions: the subspace of displacements through which the linear term fits degree <= k.

P_{<=k} projects on the top n_k eigenvectors of Sigma ("eigen", the definition), on span{T Y : deg Y <= k} ("span"),
where T Y = E_x[ grad f(x) Y(x) ] has neuron block

.. math:: \frac{a_r}{\sqrt m}\left[ \lambda_l(z\sigma') Y(w_r) w_r + \lambda_l(\sigma) \nabla_{tan} Y(w_r) \right],

or on the top right singular vectors of the Jacobian of f_L at given inputs ("jacobian", :mod:`numerics.jacobian`). The
first two are averages over the sphere |x|^2 = d; the third needs no distribution of inputs.

All three spaces consist of antisymmetric displacements (p, -p), so projecting touches only D = W_+ - W_-.
"""

from __future__ import annotations

import copy
import math
from typing import Any, Literal, Protocol

import torch

from numerics.covariance import FeatureCovariance
from numerics.harmonics import MOST_DEGREE
from numerics.inputs import Array, computed, displacement, finite, inputs, integer, named, network_first, plain, tensor
from numerics.jacobian import Jacobian
from numerics.memory import by_kind, require
from numerics.network import ROW_NUMBERS, TwoLayerNetwork
from numerics.precision import full_precision
from numerics.sampling import generator
from numerics.scale import homogeneous
from numerics.span import Span
from theory.harmonics.sphere import check_degree, cumulative_multiplicity, shown
from theory.showing import axes, curve, facts, finish

CONTROL = 987_654_321
"""Seed of the random subspace in a figure. A network of the same seed would have its weights in it, which are a good
direction."""
METHODS = {
    "span": "span: displacements T Y of the harmonics Y, in closed form",
    "eigen": "eigen: top eigenvectors of the feature covariance",
    "jacobian": "jacobian: top right singular vectors of the Jacobian at given inputs",
    "random": "random: a control",
}


class Basis(Protocol):
    """Orthonormal antisymmetric displacements b_j = (p_j, -p_j), by what is done with them."""

    def coordinates(self, difference: torch.Tensor) -> torch.Tensor:
        """<b_j, W> = <p_j, D>, shape (..., n_k)."""

    def combine(self, coordinates: torch.Tensor) -> torch.Tensor:
        """sum_j c_j p_j, shape (..., m/2, d)."""

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """f_L(x_i; b_j), shape (..., n, n_k)."""


class Dense:
    """A basis that is stored: ``half`` of shape (..., n_k, m/2, d) holds p_j, with <p_i, p_j> = delta_ij / 2."""

    def __init__(self, network: TwoLayerNetwork, half: torch.Tensor) -> None:
        self._network, self._shape, self._flat = network, half.shape[-2:], half.flatten(-2)

    def coordinates(self, difference: torch.Tensor) -> torch.Tensor:
        """Cost: n_k m d."""
        return self._network.reduce((self._flat @ difference.flatten(-2)[..., None])[..., 0])

    def combine(self, coordinates: torch.Tensor) -> torch.Tensor:
        """Cost: n_k m d."""
        return (coordinates[..., None, :] @ self._flat)[..., 0, :].unflatten(-1, self._shape)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Cost: n m d n_k."""
        network = self._network
        (first,) = network.activation.derivatives(x @ network.half.mT, 1)
        half = self._flat.unflatten(-1, self._shape)
        # Coordinate by coordinate of x, so that what is summed over neurons is a product of matrices.
        columns = (x[..., i, None] * (first @ half[..., i].mT) for i in range(network.d))
        return network.reduce(sum(columns, first.new_zeros(()))) * (2 / math.sqrt(network.m))


@full_precision
class GoodDirections:
    """Orthogonal projection P_{<=k} on displacements of shape (..., m, d).

    Args:
        network: at its initialisation.
        k: low degree, >= 0.
        method: "span" (closed form T Y), "eigen" (top n_k eigenvectors of Sigma, the definition) or "jacobian" (top n_k
            right singular vectors of the Jacobian of f_L at ``x``).
        x: the inputs of "jacobian", (n, d) or (..., n, d), of any distribution; other methods take none.
        count: n_k of "jacobian", as off the sphere n_k need be no sum of N(d,l); that sum when None.

    "eigen" takes the top n_k eigenvectors whatever their degree, so it is near the span only if Lambda_0..Lambda_k all
    exceed the later Lambda_l. tanh(z + 1) has Lambda_1 > Lambda_0: at k = 0 its top eigenvector is of degree 1, nearly
    orthogonal to the span.

    Attributes:
        method: as given, or "random" for a control.
        dimension: n_k = sum of N(d,l) over l <= k, or ``count``.

    Raises:
        ValueError: unknown method, inputs or a count with a method that takes none, "jacobian" without inputs or with
            fewer than n_k, m d too small to hold n_k independent directions, directions that are linearly
            dependent because a coefficient vanishes ("span"; with "eigen", an eigenvalue that is zero to rounding), or
            "eigen" on a network shared among processes. From every method: a displacement, coordinates or inputs of
            another shape, dtype or device, or not finite, or a result that overflows.
        WouldNotFit: the basis does not fit in memory.

    Cost: "span" is built in O(n_k m d^k) and applied in O(m d^k + n_k^2); "eigen" stores n_k m d / 2 numbers;
    "jacobian" is built from the n x n Gram matrix and applied in n m d, and stores n (m/2 + n_k) numbers.

    Source: docs/mathematics, :eq:`harmonic-displacement`, :eq:`tensor-displacement`, :eq:`jacobian-directions`.
    """

    def __init__(
        self,
        network: TwoLayerNetwork,
        k: int,
        method: Literal["span", "eigen", "jacobian"] = "span",
        x: Array | None = None,
        count: int | None = None,
    ) -> None:
        self.network, self.k = network_first(network), check_degree(plain(k), "k")
        if self.k > MOST_DEGREE:
            raise ValueError(f"k={shown(self.k)}: needs k <= {MOST_DEGREE}, of which few would fit in memory")
        self.method: str = named(method, ("span", "eigen", "jacobian"), "method", "'span', 'eigen' or 'jacobian'")
        if method != "jacobian" and (x is not None or count is not None):
            raise ValueError(f"method={method!r}: takes no inputs and no count; use method='jacobian'")
        k, own = self.k, cumulative_multiplicity(network.d, self.k)
        self.dimension = own if count is None else integer(count, "count")
        if 2 * self.dimension > network.m * network.d:
            raise ValueError(f"m={network.m}: needs m d / 2 >= n_k = {self.dimension} at k={k}; use a wider network")
        if method == "eigen":
            if network.pairs < network.m // 2:
                here = f"{network.pairs} of {network.m // 2} pairs are here"
                raise ValueError(f"method={method!r}: needs all neurons in one process, {here}; use method='span'")
            if 2 * self.dimension == network.m * network.d:
                raise ValueError(f"m={network.m}: method='eigen' needs m d / 2 > n_k = {self.dimension}")
            self._require_dense(network.pairs)
            members = [network.member(i) for i in range(network.batch[0])] if network.batch else [network]
            halves = [FeatureCovariance(one).top_of_rank(self.dimension)[1][:, : network.m // 2] for one in members]
            self._basis: Basis = Dense(network, torch.stack(halves) if network.batch else halves[0])
        elif method == "span":
            self._basis = Span(network, k)
        else:
            if x is None:
                raise ValueError("method='jacobian': needs x, the inputs at which the Jacobian is taken")
            self._basis = Jacobian(network, x, self.dimension)

    def jacobian(self) -> Jacobian | None:
        """The basis of "jacobian", for those who know f_L at its inputs; None with another method."""
        return self._basis if isinstance(self._basis, Jacobian) else None

    def _require_dense(self, pairs: int) -> None:
        numbers = 2 * math.prod(self.network.batch) * self.dimension * pairs * self.network.d
        purpose = f"a stored basis of n_k = {self.dimension} displacements at m={self.network.m}"
        fits = "method='span' keeps none; or use a smaller m or k"
        require(numbers * self.network.dtype.itemsize, purpose, self.network.device, fits)

    def random_subspace(self, seed: int) -> GoodDirections:
        """A control: a random antisymmetric subspace of the same dimension, in place of the good one."""
        network = self.network
        self._require_dense(network.m // 2)
        # Over all pairs, also those kept elsewhere: rows of a part alone would not be orthonormal together.
        shape = (*network.batch, self.dimension, network.m // 2, network.d)
        noise = torch.randn(shape, generator=generator(seed), dtype=torch.float64, device="cpu").to(network.device)
        flat = torch.linalg.qr(noise.flatten(-2).mT).Q.mT / math.sqrt(2)
        other = copy.copy(self)
        other.method = "random"
        own = slice(network.first_pair, network.first_pair + network.pairs)
        other._basis = Dense(network, flat.to(network.half).reshape(shape)[..., own, :])
        return other

    def half_coordinates(self, difference: torch.Tensor) -> torch.Tensor:
        """Coefficients <b_j, W> of W in the orthonormal basis, from the difference D of its halves, (..., n_k)."""
        difference = tensor(difference, "difference", self.network.w, "network")
        if difference.shape[-2:] != self.network.half.shape[-2:]:
            raise ValueError(f"difference of shape {tuple(difference.shape)}: needs {tuple(self.network.half.shape)}")
        return self._basis.coordinates(difference)

    def half_combine(self, coordinates: torch.Tensor) -> torch.Tensor:
        """p of shape (..., m/2, d), where (p, -p) is the displacement with these coordinates."""
        coordinates = tensor(coordinates, "coordinates", self.network.w, "network")
        if coordinates.shape[-1:] != (self.dimension,):
            raise ValueError(f"coordinates of shape {tuple(coordinates.shape)}: needs (..., n_k = {self.dimension})")
        return self._basis.combine(coordinates)

    def coordinates(self, W: Array) -> torch.Tensor:
        """Coefficients of W in the orthonormal basis, shape (..., n_k)."""
        W = self._displacement(W)
        plus, minus = W.chunk(2, dim=-2)
        return computed(self.half_coordinates(plus - minus), "the coordinates", "W is")

    def _displacement(self, W: Array) -> torch.Tensor:
        return finite(displacement(self.network, W, stacked=True), "W")

    def combine(self, coordinates: Array) -> torch.Tensor:
        """The displacement with these coordinates, shape (..., m, d)."""
        half = self.half_combine(finite(tensor(coordinates, "coordinates", self.network.w, "network"), "coordinates"))
        return torch.cat([computed(half, "the displacement", "coordinates are"), -half], dim=-2)

    def project(self, W: Array) -> torch.Tensor:
        """P_{<=k} W."""
        return self.combine(self.coordinates(W))

    def complement(self, W: Array) -> torch.Tensor:
        """P_{>k} W = W - P_{<=k} W."""
        W = self._displacement(W)
        return computed(W - self.project(W), "P_{>k} W", "W is")

    def features(self, x: Array) -> torch.Tensor:
        """Linear term along each basis vector, shape (..., n, n_k).

        By linearity f_L(x; P W) is this matrix times the coordinates of W. Cost: "span" n m d^k; "eigen" n m d n_k;
        "jacobian" at n' inputs n' n m / 2.
        """
        x = inputs(self.network, x, "x")
        numbers = math.prod(self.network.batch) * x.shape[-2] * self.dimension
        purpose = f"the linear term of n={x.shape[-2]} inputs along n_k = {self.dimension} directions"
        require(2 * numbers * x.dtype.itemsize, purpose, x.device, "use fewer inputs or a smaller k")
        if self.jacobian() is not None:  # one pass over its own inputs serves all of x
            return computed(self._basis.features(x), "the linear term", "x or sigma' is")
        width = self.network.half[..., 0].numel()
        step = max(1, by_kind(ROW_NUMBERS, x.device) // (width + self.network.d ** max(self.k, 1)))
        features = torch.cat([self._basis.features(part) for part in x.split(step, dim=-2)], dim=-2)
        return computed(features, "the linear term", "x or sigma' is")

    def half_basis(self) -> torch.Tensor:
        """All p_j, shape (..., n_k, m/2, d), with <p_i, p_j> = delta_ij / 2. Memory: n_k m d / 2 numbers."""
        self._require_dense(self.network.pairs)
        identity = torch.eye(self.dimension, dtype=self.network.dtype, device=self.network.device)
        single = (1,) * len(self.network.batch)
        rows = identity.reshape(self.dimension, *single, -1).expand(-1, *self.network.batch, -1)
        step = max(1, by_kind(ROW_NUMBERS, rows.device) // self.network.half.numel())
        return torch.cat([self.half_combine(part) for part in rows.split(step)]).movedim(0, -3)

    def sign_energy(self, W: Array) -> torch.Tensor:
        r"""E_S \|P_{<=k} S W\|^2 = sum_r W_r^T P_rr W_r over independent signs, of shape batch. Cost: n_k m d."""
        half = self.half_basis()  # (..., n_k, m/2, d)

        def form(W: torch.Tensor) -> torch.Tensor:
            along = [(half * part[..., None, :, :]).sum(-1) for part in W.chunk(2, dim=-2)]
            return self.network.reduce(torch.stack(along).square().sum((0, -2, -1)))

        return homogeneous(self._displacement(W), self.network.reduce, form, "the energy")

    def principal_angles(self, other: GoodDirections) -> torch.Tensor:
        """Angles between the two subspaces in radians, ascending, shape (..., min n_k).

        From the singular values of both cosines and sines (Bjoerck & Golub 1973), so that small angles keep their
        digits. Raises ValueError when the subspaces belong to different networks.
        """
        if other.network is not self.network:
            raise ValueError("the subspaces belong to different networks; build both from this one")
        gather = self.network.gather
        first, second = sorted((self, other), key=lambda directions: directions.dimension)
        a, b = (gather(directions.half_basis()).flatten(-2).double() * math.sqrt(2) for directions in (first, second))
        overlap = a @ b.mT
        cosines = torch.linalg.svdvals(overlap).clamp(max=1)
        sines = torch.linalg.svdvals(a - overlap @ b).clamp(max=1).flip(-1)
        # arccos loses half of the digits near angle 0, arcsin near pi/2: each is used where it is exact.
        return torch.where(cosines < 0.7, cosines.arccos(), sines.arcsin())

    def _repr_html_(self) -> str:
        """What they are, for a notebook."""
        items = {
            "degrees": f"up to k = {self.k}",
            "dimension": f"n_k = {self.dimension} of m d = {self.network.m * self.network.d}",
            "method": METHODS[self.method],
            "network": f"{self.network.activation.exact}, d = {self.network.d}, m = {self.network.m}",
        }
        return facts("good directions", items)

    def plot(self, ax: Any = None, other: GoodDirections | None = None) -> Any:
        """The principal angles to the true directions, and those of a random subspace beside them; returns the Axes.

        Args:
            ax: matplotlib Axes to draw on; a new figure's when None.
            other: the true directions. None for "span", and for "eigen", the definition, where these are "span".

        Raises:
            ValueError: directions of another network, or none of the other method (see the class).
            ImportError: matplotlib is not installed.

        Cost: that of "eigen" where it is built, and of :meth:`principal_angles` twice.
        """
        if other is None:
            other = GoodDirections(self.network, self.k, "eigen" if self.method == "span" else "span")
        ax, subspaces = axes(ax), {f"{self.method} to {other.method}": self}
        if self.method != "random":
            subspaces[f"random to {other.method}"] = self.random_subspace(CONTROL)
        for index, (name, subspace) in enumerate(subspaces.items()):
            angles = subspace.principal_angles(other).rad2deg()
            for place, row in enumerate(angles.reshape(-1, angles.shape[-1]).tolist()):
                label = name if place == 0 else None
                ax.plot(range(1, len(row) + 1), row, label=label, markersize=3, **curve(index))
        ax.set_ylim(-3, 93)
        ax.set_yticks(range(0, 91, 30))
        title = f"good directions, k = {self.k}, d = {self.network.d}, m = {self.network.m}"
        return finish(ax, title, "principal angle, in order", "degrees")
