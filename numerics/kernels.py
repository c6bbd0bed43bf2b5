r"""Gram matrices of the empirical NTK and of the QuadNTK, whole or as an operator.

Every kernel here is a product of two: a power of <x, x'> and a mean over neurons of features,

    K(x, x') = c <x, x'>^p (1/m) sum_r phi_r(x) phi_r(x').

NTK: p = 1, c = 1, phi_r = sigma'(<w_r, x>). QuadNTK: p = 2, c = 1/4, phi_r = sigma''(<w_r, x>). At a displacement W
the gradient of the network has phi_r = sigma'(<w_r + W_r, x>), that of f_L + f_Q has sigma' + sigma'' <W_r, x>.
Results carry no gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Literal

import torch

from numerics.features import Evaluate, displaced, expanded, fill, initial
from numerics.inputs import Array, computed, displacement, finite, integer, named, single, tensor
from numerics.memory import available_bytes, by_kind, require
from numerics.network import TwoLayerNetwork
from numerics.precision import full_precision

TILE = {"cpu": 512, "cuda": 4096}
"""Rows and columns of a tile of the result: small enough to skip nearly half of a symmetric one, large enough for
products at full speed."""

TALL = 2
"""Rows over columns of a tile when x2 is given: taller tiles pack the features of x2 less often."""

ROW_NUMBERS = {"cpu": 2**20, "cuda": 2**25}
"""Numbers in one block of rows of the features in an operator, by kind of device: on a card the launches of small
blocks cost more than their work."""

SLOPES = "x, W or sigma' is"
"""What may be too large where the NTK overflows."""
CURVATURES = "x or sigma'' is"
"""What may be too large where the QuadNTK overflows."""
LARGE = "x, v or sigma' is"
"""What may be too large where a product with the NTK overflows."""


@full_precision
@torch.no_grad()
def ntk_gram(
    network: TwoLayerNetwork,
    x: Array,
    x2: Array | None = None,
    W: Array | None = None,
    model: Literal["network", "taylor"] = "network",
    block: int = 512,
) -> torch.Tensor:
    """Empirical NTK K_ij = <grad f(x_i), grad f(x2_j)> = <x_i, x2_j> (1/m) sum_r phi_r(x_i) phi_r(x2_j), (n, n2).

    At W = None, phi_r = sigma'(<w_r, x>); both copies of a neuron agree, so only m/2 of them are evaluated.

    Args:
        network: one network.
        x: inputs, (n, d).
        x2: second inputs, (n2, d). None means ``x``: half of the work, and an exactly symmetric result.
        W: displacement at which gradients are taken, (m, d).
        model: whose gradient at W: the network's, or that of f_L + f_Q.
        block: features per block.

    Raises:
        ValueError: shapes, dtypes or devices that do not match, entries that are not finite, block < 1, an unknown
            model, a batch of networks, or a kernel that overflows.
        WouldNotFit: result and block do not fit in memory.

    Cost: products n x d x n2 and n x m/2 x n2 (n x m x n2 with W), half of them at x2 = None; n m/2 activations.
    Memory: n n2 numbers, one block of (n + n2) block (n block at x2 = None), and small tiles.
    """
    named(model, ("network", "taylor"), "model", "'network' or 'taylor'")
    if W is None:
        return _gram(network, x, x2, initial(network, 1), (1, 1, 1.0), block, "ntk_gram")
    W = finite(displacement(network, W), "W")
    features = displaced(network, W) if model == "network" else expanded(network, W)
    return _gram(network, x, x2, features, (2, 1, 1.0), block, "ntk_gram")


@full_precision
@torch.no_grad()
def quadntk_gram(
    network: TwoLayerNetwork,
    x: Array,
    x2: Array | None = None,
    block: int = 512,
) -> torch.Tensor:
    """QuadNTK K_ij = (1/4) <x_i, x2_j>^2 (1/m) sum_r sigma''(<w_r,x_i>) sigma''(<w_r,x2_j>), shape (n, n2).

    The kernel of f_Q as a linear function of the matrices W_r W_r^T. Arguments, errors, cost and memory as
    :func:`ntk_gram` at W = None.
    """
    return _gram(network, x, x2, initial(network, 2), (1, 2, 0.25), block, "quadntk_gram")


@full_precision
class NTKOperator:
    """The NTK at initialisation of n inputs as an operator, without its n x n matrix.

    With F = sigma'(X w^T), (n, m/2): K v = (2/m) rowsum(X * F U), U = F^T diag(v) X, (m/2, d).

    Args:
        network: one network, at its initialisation.
        x: inputs X, (n, d).
        cache: keep F (n m/2 numbers) or evaluate it in every product; None keeps it when it takes at most half of
            the memory there.

    Raises:
        ValueError: shapes that do not match, a batch of networks; from every method, a result that overflows.
        WouldNotFit: cache=True and F does not fit in memory.

    Cost: matmul two products n x m/2 x d for each column, and n m activations without the cache. Memory beyond F: one
    block of rows.
    """

    @torch.no_grad()
    def __init__(self, network: TwoLayerNetwork, x: Array, cache: bool | None = None) -> None:
        x = single(network, x, "x")
        self.network, self.x = network, x
        self._evaluate = initial(network, 1)(slice(0, len(network.half)))
        need = x.element_size() * len(x) * len(network.half)
        if cache is None:
            cache = 2 * need <= available_bytes(x.device)
        elif cache:
            remedy = "use cache=False, which needs one block of rows at a time"
            require(need, f"sigma' at n={len(x)} inputs and m={network.m}", x.device, remedy)
        self._cached: torch.Tensor | None = None
        if cache:
            self._cached = self._features(x)

    @torch.no_grad()
    def matmul(self, v: Array) -> torch.Tensor:
        """K v, of the shape of ``v``: (n,) or (n, c)."""
        v = self._vector(v)
        return computed(self._contract(self.x, self._adjoint(v), self._cached).reshape(v.shape), "K v", LARGE)

    @torch.no_grad()
    def evaluate(self, x: Array, v: Array) -> torch.Tensor:
        """sum_j K(x_i, X_j) v_j at other inputs (n2, d), shape (n2,) or (n2, c), without their n2 x n matrix.

        Cost: one product n x m/2 x d and one n2 x m/2 x d for each column.
        """
        x, v = single(self.network, x, "x"), self._vector(v)
        return computed(self._contract(x, self._adjoint(v), None).reshape(len(x), *v.shape[1:]), "K v", LARGE)

    @torch.no_grad()
    def displacement(self, v: Array) -> torch.Tensor:
        """W = m^{-1/2} (U, -U), (m, d): the one in the span of the gradients with f_L(x; W) = sum_j K(x, X_j) v_j."""
        v = self._vector(v)
        if v.ndim != 1:
            raise ValueError(f"v of shape {tuple(v.shape)}: needs ({len(self.x)},)")
        half = computed(self._adjoint(v) / math.sqrt(self.network.m), "W", LARGE)
        return torch.cat([half, -half])

    @torch.no_grad()
    def columns(self, index: torch.Tensor) -> torch.Tensor:
        """K[:, index], shape (n, s). Cost: products n x m/2 x s and n x d x s; memory n s and the s rows of F.

        Raises:
            ValueError: an index that is no vector of integers 0 <= i < n.
            WouldNotFit: they do not fit in memory.
        """
        n = len(self.x)
        try:
            index = torch.as_tensor(index, device=self.x.device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"index of type {type(index).__name__}: needs integers, of shape (s,)") from error
        if index.ndim != 1 or index.is_floating_point() or index.is_complex() or index.dtype == torch.bool:
            raise ValueError(f"index of shape {tuple(index.shape)}, {index.dtype}: needs integers, of shape (s,)")
        if len(index) and (int(index.min()) < 0 or int(index.max()) >= n):
            raise ValueError(f"index from {int(index.min())} to {int(index.max())}: needs 0 <= index < n = {n}")
        chosen = self.x[index]
        need = self.x.element_size() * len(chosen) * (n + len(self.network.half))
        require(need, f"{len(chosen)} columns at n={n}", self.x.device, lambda there: f"{len(chosen) * there // need}")
        right = self._features(chosen) if self._cached is None else self._cached[index]
        result = self.x.new_empty(n, len(chosen))
        for rows, part, features in self._blocks(self.x, self._cached, len(chosen)):
            torch.mm(features, right.T, out=result[rows])
            result[rows].mul_(part @ chosen.T)
        return computed(self.network.reduce(result.mul_(2 / self.network.m)), "the columns of K", SLOPES)

    @torch.no_grad()
    def diagonal(self) -> torch.Tensor:
        """K_ii, shape (n,)."""
        parts = [x.square().sum(1) * f.square().sum(1) for _, x, f in self._blocks(self.x, self._cached, 1)]
        return computed(self.network.reduce(torch.cat(parts).mul_(2 / self.network.m)), "the diagonal of K", SLOPES)

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        features = x.new_empty(len(x), len(self.network.half))
        fill(features, x, self._evaluate)
        return features

    def _blocks(
        self, x: torch.Tensor, cached: torch.Tensor | None, columns: int
    ) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
        """Blocks of rows: where, x and F there. F without the cache is overwritten by the next block."""
        width = len(self.network.half)
        step = min(len(x), max(1, by_kind(ROW_NUMBERS, x.device) // max(width, columns)))
        scratch = x.new_empty(step, width) if cached is None else None
        for start in range(0, len(x), step):
            rows = slice(start, min(start + step, len(x)))
            if cached is not None:
                features = cached[rows]
            elif scratch is not None:
                features = scratch[: rows.stop - start]
                fill(features, x[rows], self._evaluate)
            yield rows, x[rows], features

    def _vector(self, v: Array) -> torch.Tensor:
        v = tensor(v, "v", self.x, "operator.x")
        if v.ndim not in (1, 2) or len(v) != len(self.x):
            raise ValueError(f"v of shape {tuple(v.shape)}: needs ({len(self.x)},) or ({len(self.x)}, c)")
        need = v.element_size() * (v.numel() // len(v)) * self.network.d * len(self.network.half)
        require(need, f"{v.numel() // len(v)} products with K at once", v.device, "use fewer columns of v at a time")
        return v

    def _adjoint(self, v: torch.Tensor) -> torch.Tensor:
        """F^T diag(v_c) X for every column c, side by side: (m/2, c d)."""
        columns = v.reshape(len(v), -1, 1)
        result = self.x.new_zeros(len(self.network.half), columns.shape[1] * self.network.d)
        for rows, part, features in self._blocks(self.x, self._cached, result.shape[1]):
            result.addmm_(features.T, (columns[rows] * part[:, None, :]).flatten(1))
        return result

    def _contract(self, x: torch.Tensor, directions: torch.Tensor, cached: torch.Tensor | None) -> torch.Tensor:
        """(2/m) rowsum(X * F U_c) for every column c, (n, c): F U is n x d, where X U^T would be n x m/2."""
        d = self.network.d
        parts = [
            torch.einsum("bcd,bd->bc", (features @ directions).unflatten(1, (-1, d)), part)
            for _, part, features in self._blocks(x, cached, directions.shape[1])
        ]
        return self.network.reduce(torch.cat(parts).mul_(2 / self.network.m))


def _tiles(n: int, edge: int, start: int = 0) -> list[slice]:
    return [slice(i, min(i + edge, n)) for i in range(start, n, edge)]


def _gram(
    network: TwoLayerNetwork,
    x: Array,
    x2: Array | None,
    features: Callable[[slice], Evaluate],
    form: tuple[int, int, float],
    block: int,
    name: str,
) -> torch.Tensor:
    """c <x, x2>^p (copies m/2)^{-1} sum over features; ``form`` is (copies, p, c), copies features for each pair."""
    copies, power, constant = form
    block = integer(block, "block")
    x = single(network, x, "x")
    other = x if x2 is None else single(network, x2, "x2")
    n, n2, pairs = len(x), len(other), len(network.half)
    # Equal blocks: a thin last one would run below the speed of the others.
    step = math.ceil(pairs / math.ceil(copies * pairs / min(max(block, copies), copies * pairs)))
    _require(name, x, None if x2 is None else other, copies * step)
    gram, left = x.new_empty(n, n2), x.new_empty(n, copies * step)
    right = left if x2 is None else x.new_empty(n2, copies * step)
    scale = (constant * 2 / (copies * network.m)) ** (1 / power)  # of <x, x2>, inside its product
    edge = by_kind(TILE, x.device)
    tall = edge if x2 is None else TALL * edge
    tiles = [(i, j) for i in _tiles(n, tall) for j in _tiles(n2, edge, i.start if x2 is None else 0)]
    for pair in _tiles(pairs, step):
        evaluate, width = features(pair), copies * (pair.stop - pair.start)
        fill(left[:, :width], x, evaluate)
        if x2 is not None:
            fill(right[:, :width], other, evaluate)
        for i, j in tiles:
            gram[i, j].addmm_(left[i, :width], right[j, :width].T, beta=min(pair.start, 1))  # 0: contents are ignored
            if pair.stop == pairs:
                inner = torch.addmm(gram[i, j], x[i], other[j].T, beta=0, alpha=scale)
                gram[i, j].mul_(inner if power == 1 else inner.pow_(power))
    gram = network.reduce(gram)
    for i, j in tiles:  # whole, the check would take as much memory as the result
        computed(gram[i, j], name, SLOPES if power == 1 else CURVATURES)
    if x2 is None:
        for i, j in tiles:
            if i == j:
                gram[i, i].triu_().add_(gram[i, i].triu(1).T)
            else:
                gram[j, i] = gram[i, j].T
    return gram


def _require(name: str, x: torch.Tensor, x2: torch.Tensor | None, features: int) -> None:
    n, n2, size = len(x), len(x if x2 is None else x2), x.element_size()

    def remedy(there: int) -> str:
        numbers = there // size
        if x2 is None:
            fits = (math.isqrt(4 * numbers + features**2) - features) // 2  # n^2 + n features <= numbers
        else:
            fits = (numbers - n2 * features) // (n2 + features)
        return f"n <= {max(0, fits)} would fit, or use NTKOperator, which needs no matrix"

    need = n * n2 + (n if x2 is None else n + n2) * features
    require(size * need, f"{name} of {n} x {n2} numbers and a block of {features} features", x.device, remedy)
