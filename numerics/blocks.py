"""Inputs in blocks of rows that stay in the caches, with sigma' and sigma'' there, which training does not change."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from numerics.memory import available_bytes, require
from numerics.network import TwoLayerNetwork
from numerics.precision import full_precision

BLOCK_NUMBERS = {"cpu": 2**18, "cuda": 2**25}
"""Preactivations of distinct neurons in one block, by kind of device."""
LONGER = 4
"""By how much blocks are longer where several threads of a CPU each take some, as long as each gets two."""


@dataclass(frozen=True)
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
        n, kind = x.shape[-2], x.device.type
        step = max(1, BLOCK_NUMBERS.get(kind, BLOCK_NUMBERS["cuda"]) // width)
        threads = torch.get_num_threads() if kind == "cpu" else 1
        if threads > 1:
            step = max(step, min(LONGER * step, math.ceil(n / (2 * threads))))
        self._rows = [slice(start, min(start + step, n)) for start in range(0, n, step)]
        one = len(names) * width * x.dtype.itemsize
        if cache is None:
            cache = 4 * one * n <= available_bytes(x.device)
        elif cache:
            fits = available_bytes(x.device) // one
            require(one * n, f"{', '.join(sorted(names))} of n={n} inputs", x.device, f"cache=False, or n <= {fits}")
        self._kept = [self._evaluate(rows) for rows in self._rows] if cache else None

    def _evaluate(self, rows: slice) -> Block:
        x = self._x[..., rows, :]
        z = x @ self._network.half.mT
        orders = [order for order, name in ((1, "first"), (2, "second")) if name in self._names]
        empty = x.new_empty(0)
        scale = 1 / math.sqrt(self._network.m)
        values = list(self._network.activation.derivatives(z, *orders)) if orders else []
        first = values.pop(0) * scale if "first" in self._names else empty
        second = values.pop(0) * (scale / 2) if "second" in self._names else empty
        return Block(x, z if "z" in self._names else empty, first, second)

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


def accumulate(total: torch.Tensor, weights: torch.Tensor, x: torch.Tensor, scale: float = 1.0) -> None:
    """total += scale weights^T x, over a batch or not."""
    if total.ndim == 2:
        total.addmm_(weights.mT, x, alpha=scale)
    else:
        total.baddbmm_(weights.mT, x.expand(*total.shape[:-2], -1, -1), alpha=scale)
