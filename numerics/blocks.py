"""Inputs in blocks of rows that stay in the caches, with sigma' and sigma'' there, which training does not change."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch

from numerics.memory import available_bytes, block_rows, require
from numerics.network import TwoLayerNetwork
from numerics.precision import full_precision

BLOCK_NUMBERS = {"cpu": 2**17, "cuda": 2**25}
"""Preactivations of distinct neurons in one block, by kind of device; see :func:`numerics.memory.block_rows`."""


@dataclass(frozen=True, eq=False)
class Block:
    """A block of inputs with what stays fixed during training.

    Attributes:
        x: inputs, (..., b, d).
        z: <w_r, x>, (..., b, m/2).
        first, second: m^{-1/2} sigma'(z) and m^{-1/2} sigma''(z)/2, likewise; f_L sums first p, f_Q sums second p q.

    What nothing needs is an empty tensor.
    """

    x: torch.Tensor
    z: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor


@full_precision
class Blocks:
    """Inputs in blocks of rows, with what the model needs of them kept or evaluated at each pass."""

    def __init__(self, network: TwoLayerNetwork, x: torch.Tensor, names: set[str], cache: bool | None) -> None:
        self._network, self._x, self._names = network, x, names
        width = network.half[..., 0].numel()
        n = x.shape[-2]
        step = block_rows(BLOCK_NUMBERS, x.device, width)
        self._rows = [slice(start, min(start + step, n)) for start in range(0, n, step)]
        one = len(names) * width * x.dtype.itemsize
        if cache is None:
            cache = 4 * one * n <= available_bytes(x.device)
        elif cache:
            fits = available_bytes(x.device) // one
            require(one * n, f"{', '.join(sorted(names))} of n={n} inputs", x.device, f"cache=False, or n <= {fits}")
        self._kept: list[Block] | None = None
        if cache:
            # One piece of memory for each name: many small ones among the temporaries would leave gaps between them.
            whole = {name: x.new_empty(n * width) for name in names}
            self._kept = [
                self._evaluate(rows, {name: one[rows.start * width : rows.stop * width] for name, one in whole.items()})
                for rows in self._rows
            ]

    def _evaluate(self, rows: slice, places: Mapping[str, torch.Tensor] = MappingProxyType({})) -> Block:
        """The block of these inputs, each of its tensors in its place, of as many numbers, or in memory of its own."""
        x, half, names = self._x[..., rows, :], self._network.half, self._names
        shape = (*self._network.batch, x.shape[-2], half.shape[-2])
        into = {name: place.view(shape) for name, place in places.items()}
        z = torch.matmul(x, half.mT, out=into.get("z"))
        orders = {"first": 1, "second": 2}
        used = [name for name in orders if name in names]
        values = self._network.activation.derivatives(z, *(orders[name] for name in used)) if used else ()
        scale, empty = 1 / math.sqrt(self._network.m), x.new_empty(0)
        found = {
            name: torch.mul(value, scale / orders[name], out=into.get(name))
            for name, value in zip(used, values, strict=True)
        }
        return Block(x, z if "z" in names else empty, found.get("first", empty), found.get("second", empty))

    def __len__(self) -> int:
        """Number of blocks."""
        return len(self._rows)

    def __iter__(self) -> Iterator[tuple[slice, Block]]:
        """Rows and block, in order."""
        return self.between(0, len(self))

    def between(self, first: int, last: int) -> Iterator[tuple[slice, Block]]:
        """Those with first <= index < last."""
        rows = self._rows[first:last]
        return zip(rows, self._kept[first:last] if self._kept is not None else map(self._evaluate, rows), strict=True)


def joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """What blocks of rows gave, (..., b) each, one after the other, (..., n); a single one is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=-1)


def accumulate(total: torch.Tensor, weights: torch.Tensor, x: torch.Tensor, scale: float = 1.0) -> None:
    """total += scale weights^T x, over a batch or not."""
    if total.ndim == 2:
        total.addmm_(weights.mT, x, alpha=scale)
    else:
        total.baddbmm_(weights.mT, x.expand(*total.shape[:-2], -1, -1), alpha=scale)
