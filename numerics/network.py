r"""The two-layer network and its Taylor terms.

f(x; W0 + W) = m^{-1/2} sum_r a_r sigma(<w_r + W_r, x>), inputs on S^{d-1}(sqrt d), weights w_r on S^{d-1}(1).
Antisymmetric initialisation: w_{r+m/2} = w_r, a_r = +1, a_{r+m/2} = -1 for r < m/2, so f(x; W0) = 0 exactly.

Several networks at once: with B seeds every tensor has a leading axis of length B, and one product serves all.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from numerics.activations import TorchActivation
from numerics.batches import member_index
from numerics.inputs import (
    Array,
    computed,
    displacement,
    finite,
    floating,
    inputs,
    listed,
    placed,
    plain,
    seeds,
    tensor,
)
from numerics.memory import DRAWS, block_rows, require
from numerics.precision import full_precision
from numerics.sampling import generator, sphere
from theory.activations import ActivationLike
from theory.harmonics.sphere import integer_dimension
from theory.network.taylor import check_width
from theory.showing import Formula, axes, cut, facts, finish, line

OUTPUT_NUMBERS = {"cpu": 2**17, "cuda": 2**24}
"""Preactivations in one block of an evaluation, of all displacements of a stack together, by kind of device: longer
inputs are cut into blocks of rows. On a processor they are few enough for its caches, and for memory that is kept from
one block to the next, where that leaves a block enough rows."""
ROW_NUMBERS = {"cpu": 2**19, "cuda": 2**24}
"""The same for what is evaluated once, at the setting up of directions and their features, where each block also costs
products with all harmonics."""
CIRCLE, NEURONS = 360, 4
"""Points of a circle, and neurons, in a figure."""


@full_precision
class TwoLayerNetwork:
    """The network at its initialisation; a displacement W of shape (m, d) is an argument of every evaluation.

    Args:
        d: input dimension, >= 3.
        m: width, even.
        activation: sigma, or its text.
        seed: of the initial weights, an integer >= 0; a sequence of B seeds gives B networks, and shapes gain a leading
            axis B.
        dtype, device: of the weights and of everything computed from them; float32 or float64, "cpu" or "cuda".

    Attributes:
        batch: () for one network, (B,) for B of them.
        half: the m/2 distinct initial weights, (..., m/2, d), rows of norm 1. w: all of them, (..., m, d).
        a: signs, (m,).

    Inputs x have shape (n, d), the same for all networks, or (..., n, d); W (..., m, d). "..." is the batch. A single
    network also takes several displacements at once, (s, m, d), and gives an output for each. NumPy arrays and lists
    are converted; a tensor needs the network's dtype and device.

    Raises:
        ValueError: d < 3, m odd or < 2, a seed that is no integer >= 0, no seed, another dtype, or a device that is
            not there. From every evaluation: inputs or displacements of another shape, dtype or device, or not finite,
            or outputs that overflow.
        WouldNotFit: the weights do not fit in memory.

    Cost: m d / 2 Gaussian draws for each seed.
    """

    def __init__(
        self,
        d: int,
        m: int,
        activation: ActivationLike,
        seed: int | Sequence[int] = 0,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
    ) -> None:
        self.d, self.m = integer_dimension(plain(d)), check_width(plain(m))
        self.seed: int | tuple[int, ...] = seeds(seed)
        dtype, device = floating(dtype), placed(device)
        self.activation = TorchActivation(activation)
        several = self.seed if isinstance(self.seed, tuple) else (self.seed,)
        self.batch: tuple[int, ...] = (len(several),) if isinstance(self.seed, tuple) else ()
        # The draws of all networks and those of one twice, half of all neurons each; then the weights kept.
        size = self.d * (8 * (len(several) + 1) // 2 + len(several) * 3 * dtype.itemsize // 2)
        purpose = f"the weights at m={self.m}, d={self.d}" + (f" of {len(several)} networks" if self.batch else "")
        require(size * self.m, purpose, "cpu", lambda there: f"m <= {there // size // 2 * 2} would fit", DRAWS)
        draws = [_initial_weights(self.d, self.m, one) for one in several]
        half = torch.stack(draws) if self.batch else draws[0]
        own = half[..., self.first_pair : self.first_pair + self.pairs, :]
        # A copy, so that the pairs kept elsewhere are not held in memory by a view.
        self._place(own.to(device=device, dtype=dtype, copy=True))

    def _place(self, half: torch.Tensor) -> None:
        """Set the weights: every neuron twice, first with sign +1, then with sign -1."""
        self.half = half
        self.w = torch.cat([half, half], dim=-2)
        ones = torch.ones(half.shape[-2], dtype=half.dtype, device=half.device)
        self.a = torch.cat([ones, -ones])

    def member(self, index: int) -> TwoLayerNetwork:
        """Network ``index`` of a batch, as one network. Raises IndexError, also on a single network."""
        index = member_index(index, self.batch)
        other = copy.copy(self)
        other.batch = ()
        if isinstance(self.seed, tuple):
            other.seed = self.seed[index]
        other._place(self.half[index])
        return other

    def members(self, indices: Sequence[int]) -> TwoLayerNetwork:
        """Some networks of a batch, as a batch. Raises IndexError as :meth:`member`, and on none."""
        indices = listed(indices, "indices")
        if not (chosen := [self.member(index) for index in indices]):
            raise IndexError("indices=[]: needs at least one network of the batch")
        other = copy.copy(self)
        other.batch = (len(chosen),)
        if isinstance(self.seed, tuple):
            other.seed = tuple(self.seed[plain(index)] for index in indices)
        other._place(torch.stack([one.half for one in chosen]))
        return other

    @property
    def dtype(self) -> torch.dtype:
        """dtype of the weights."""
        return self.w.dtype

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.w.device

    def reduce(self, partial: torch.Tensor) -> torch.Tensor:
        """A sum over all neurons from the sum over those kept here: the same, unless processes share the network."""
        return partial

    def gather(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows (..., m/2, c) of all pairs from those kept here: the same, unless processes share the network."""
        return rows

    @property
    def first_pair(self) -> int:
        """Position of the pairs kept here among all m/2."""
        return 0

    @property
    def pairs(self) -> int:
        """Number of pairs kept here."""
        return self.m // 2

    def scatter(self, W: Array) -> torch.Tensor:
        """The part kept here, (..., 2 pairs, d), of a whole displacement (..., m, d) that every process has."""
        own = slice(self.first_pair, self.first_pair + self.pairs)
        return self._rows(W, self.m).unflatten(-2, (2, -1))[..., own, :].flatten(-3, -2)

    def collect(self, W: Array) -> torch.Tensor:
        """The whole displacement (..., m, d), in every process, from the parts (..., 2 pairs, d)."""
        return self.gather(self._rows(W, 2 * self.pairs).unflatten(-2, (2, -1))).flatten(-3, -2)

    def _rows(self, W: Array, count: int) -> torch.Tensor:
        result = tensor(W, "W", None if isinstance(W, torch.Tensor) else self.w)
        if result.ndim < 2 or result.shape[-2:] != (count, self.d):
            raise ValueError(f"W of shape {tuple(result.shape)}: needs (..., {count}, {self.d})")
        return result

    def require_single(self, call: str) -> None:
        """ValueError unless this is one network with all its neurons in this process."""
        if self.batch:
            raise ValueError(f"{call}: needs one network, this one has batch {self.batch}; take network.member(i)")
        if 2 * self.pairs != self.m:
            raise ValueError(f"{call}: needs all neurons in one process, {self.pairs} of {self.m // 2} pairs are here")

    def check_displacement(self, W: Array, name: str = "W") -> torch.Tensor:
        """W as a tensor; ValueError unless it has the shape, dtype and device of the displacements of this network."""
        return displacement(self, W, name)

    def _arguments(self, x: Array, **displacements: Array) -> list[torch.Tensor]:
        checked = [finite(displacement(self, W, name, stacked=True), name) for name, W in displacements.items()]
        return [inputs(self, x, "x"), *checked]

    def preactivations(self, x: Array) -> torch.Tensor:
        """<w_r, x_i>, shape (..., n, m)."""
        (x,) = self._arguments(x)
        z = computed(x @ self.half.mT, "<w_r, x>", "x is")
        return torch.cat([z, z], dim=-1)

    def forward(self, x: Array, W: Array) -> torch.Tensor:
        """f(x; W0 + W), shape (..., n); exactly zero at W = 0. Cost: products of n x d x m in all.

        Source: docs/mathematics, :eq:`network`.
        """
        x, W = self._arguments(x, W=W)

        def rows(x: torch.Tensor) -> torch.Tensor:
            # One product per half: both have the same shape, so at W = 0 they agree in every bit and cancel.
            plus, minus = (self.activation(x @ (self.half + part).mT) for part in W.chunk(2, dim=-2))
            return (plus - minus).sum(-1)

        return self._output(x, W, rows)

    def linear(self, x: Array, W: Array) -> torch.Tensor:
        """f_L(x; W) = m^{-1/2} sum_r a_r sigma'(<w_r,x>) <W_r,x>, shape (..., n).

        Source: docs/mathematics, :eq:`taylor-terms`.
        """
        x, W = self._arguments(x, W=W)
        plus, minus = W.chunk(2, dim=-2)
        difference = plus - minus

        def rows(x: torch.Tensor) -> torch.Tensor:
            (first,) = self.activation.derivatives(x @ self.half.mT, 1)
            return (first * (x @ difference.mT)).sum(-1)

        return self._output(x, W, rows)

    def quadratic(self, x: Array, W: Array) -> torch.Tensor:
        """f_Q(x; W) = (1/2) m^{-1/2} sum_r a_r sigma''(<w_r,x>) <W_r,x>^2, shape (..., n).

        Source: docs/mathematics, :eq:`taylor-terms`.
        """
        x, W = self._arguments(x, W=W)
        plus, minus = W.chunk(2, dim=-2)

        def rows(x: torch.Tensor) -> torch.Tensor:
            (second,) = self.activation.derivatives(x @ self.half.mT, 2)
            return (second * ((x @ plus.mT).square() - (x @ minus.mT).square())).sum(-1) / 2

        return self._output(x, W, rows)

    def cross(self, x: Array, W: Array, V: Array) -> torch.Tensor:
        """f_Q(x; W, V) = m^{-1/2} sum_r a_r sigma''(<w_r,x>) <W_r,x><V_r,x>, shape (..., n).

        Source: docs/mathematics, :eq:`cross-term`.
        """
        x, W, V = self._arguments(x, W=W, V=V)
        halves = tuple(zip(W.chunk(2, dim=-2), V.chunk(2, dim=-2), strict=True))

        def rows(x: torch.Tensor) -> torch.Tensor:
            (second,) = self.activation.derivatives(x @ self.half.mT, 2)
            plus, minus = ((x @ a.mT) * (x @ b.mT) for a, b in halves)
            return (second * (plus - minus)).sum(-1)

        return self._output(x, W, rows)

    def _repr_html_(self) -> str:
        """What it is, for a notebook."""
        formula = r"m^{-1/2} \sum_r a_r\, \sigma(\langle w_r + W_r, x\rangle)"
        items = {
            "f(x; W\u2080 + W)": Formula(formula),
            "\u03c3(z)": Formula(self.activation.exact.latex),
            "inputs": f"d = {self.d}",
            "neurons": f"m = {self.m}, in pairs with signs +1 and -1, so f(x; W\u2080) = 0",
            "seed": cut(str(self.seed)),
            "numbers": f"{str(self.dtype).removeprefix('torch.')} on {self.device}",
        }
        return facts(f"{self.batch[0]} two-layer networks" if self.batch else "two-layer network", items)

    def plot(self, ax: Any = None, W: Array | None = None) -> Any:
        """The network and its Taylor terms at the displacement W, along a circle; returns the Axes.

        The circle, of radius sqrt(d) around zero, lies in the plane of the first two right singular vectors of W: there
        the weights have moved furthest. Without W it lies in that of the first two coordinates, and the first four
        neurons are drawn in place of f, which is zero.

        Args:
            ax: matplotlib Axes to draw on; a new figure's when None.
            W: displacement, (m, d), such as the ``W`` of a :class:`numerics.Trajectory`.

        Raises:
            ValueError: several networks, or W of another shape.
            ImportError: matplotlib is not installed.
        """
        self.require_single("plot")
        ax, angles = axes(ax), torch.linspace(0, 2 * math.pi, CIRCLE + 1, dtype=torch.float64, device="cpu")
        plane = torch.eye(self.d, dtype=torch.float64, device="cpu")[:2]
        if W is not None:
            W = finite(displacement(self, W), "W")
            plane = torch.linalg.eigh(W.double().mT @ W.double()).eigenvectors[:, -2:].mT.flip(0).cpu()
        circle = torch.stack([angles.cos(), angles.sin()], dim=1) @ plane * math.sqrt(self.d)
        x = circle.to(self.w)
        if W is None:
            values = self.activation(x @ self.half[:NEURONS].mT).mT
            curves = {f"\u03c3(<w_{r + 1}, x>)": row for r, row in enumerate(values)}
        else:
            curves = {"f": self.forward(x, W), "f_L": self.linear(x, W)}
            try:
                curves["f_Q"] = self.quadratic(x, W)
                curves["f_L + f_Q"] = curves["f_L"] + curves["f_Q"]
            except ValueError:  # sigma'' is a distribution: there is no quadratic term
                pass
        for index, (name, row) in enumerate(curves.items()):
            ax.plot(angles.rad2deg().tolist(), row.tolist(), label=name, **line(index))
        ax.set_xticks(range(0, 361, 90))
        where = "at W = 0, coordinates 1 and 2" if W is None else "where W is largest"
        return finish(ax, f"{cut(str(self.activation.exact))}, m = {self.m}: a circle {where}", "angle in degrees", "")

    def _output(self, x: torch.Tensor, W: torch.Tensor, rows: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """m^{-1/2} times ``rows`` at the displacement W, over blocks of inputs that keep memory bounded."""
        step = block_rows(OUTPUT_NUMBERS, x.device, W[..., 0].numel() // 2)
        parts = [rows(part) for part in x.split(step, dim=-2)]
        output = parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
        output = self.reduce(output) / math.sqrt(self.m)
        return finite(output, f"the output: W or x is too large for {x.dtype} here, so it")


def _initial_weights(d: int, m: int, seed: int) -> torch.Tensor:
    return sphere(m // 2, d, 1.0, generator(seed), torch.float64)
