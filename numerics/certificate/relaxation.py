r"""The relaxation of the regularised loss: every neuron gets a second displacement that the linear term does not see.

In f_Q and in R4 the matrix W_r W_r^T of a neuron is replaced by W_r W_r^T + V_r V_r^T, with a second displacement V.
f_L and R1 keep W alone, and R3 >= 0 is left out:

.. math:: L_{rel}(W, V) = \tfrac1n\sum_i \mathrm{loss}(f_L(x_i;W) + f_Q(x_i;W) + f_Q(x_i;V), y_i)
          + l_1 R_1(W) + l_4 R_4(|W_r|^2 + |V_r|^2) .

At V = 0 it is the loss itself without R3. It is written as a regularised loss of twice as many pairs, the displacement
being ``(W_+, V_+, W_-, V_-)``, so that all that trains a loss trains it too.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch

from numerics.blocks import Block, Blocks
from numerics.directions import GoodDirections
from numerics.inputs import Array
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.precision import full_precision
from numerics.terms.pairs import PairGradient, Pairs, SingleNeurons
from numerics.terms.penalty import PairPenalty
from numerics.terms.r3 import R3
from numerics.variation import sign_variation


@full_precision
class Relaxation(Objective):
    """The relaxed loss as an objective of the displacement ``(W_+, V_+, W_-, V_-)``, shape (..., 2 m, d).

    Args:
        objective: the loss that is relaxed, of a Taylor model.

    Attributes:
        original: that loss.

    The rows of its Hessian and of its gradient are ordered as the displacement. Of a record of its training, the
    energies are those of f_L(W) and of f_Q(W) + f_Q(V); the movement of the kernel is not measured.

    Raises:
        ValueError: the network itself as the model, or a network shared among processes.

    Cost of a value with gradient: twice that of the original, R1 in population once.

    Source: docs/mathematics, :eq:`relaxed-loss`.
    """

    def __init__(self, objective: Objective) -> None:
        base = objective.network
        if 2 * base.pairs != base.m:
            raise ValueError("a relaxation needs all neurons in one process; use a TwoLayerNetwork")
        if objective.model == "network":
            raise ValueError("model='network': only a Taylor model has a relaxation; use model='taylor'")
        self.original, self.network = objective, _Doubled(base)
        self.x, self.y, self.n = objective.x, objective.y, objective.n
        self.weights, self.model, self.loss = objective.weights, objective.model, objective.loss
        self.data, self.crossed = objective.data, False
        self._blocks, self._scratch = _DoubledBlocks(objective._blocks), []
        self.averages = tuple(term for term in objective.averages if not isinstance(term, R3))
        self.unlabeled, self.fresh, self._linear_first = objective.unlabeled, None, None
        self.r4 = replace(objective.r4, network=self.network, copies=2)
        self.forms = tuple(_OfFirst(form, base.pairs) for form in objective.forms)
        self.directions = objective.directions and _padded(objective.directions, self.network)

    def predict(self, x: Array, W: Array, known: Mapping[str, torch.Tensor] = MappingProxyType({})) -> torch.Tensor:
        """f_L(W) + f_Q(W) + f_Q(V) at other inputs, (..., n); what is ``known`` there is formed again."""
        first, second = self.split(self.network.check_displacement(W))
        return self.original.predict(x, first) + self.original.network.quadratic(x, second)

    def join(self, W: Array, V: Array) -> torch.Tensor:
        """The displacement made of W and V, each (..., m, d)."""
        network = self.original.network
        parts = (network.check_displacement(each, name).chunk(2, dim=-2) for each, name in ((W, "W"), (V, "V")))
        return torch.cat([half for copies in zip(*parts, strict=True) for half in copies], dim=-2)

    def split(self, displacement: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """W and V, each (..., m, d), from (..., 2 m, d)."""
        plus, more, minus, less = displacement.chunk(4, dim=-2)
        return torch.cat([plus, minus], dim=-2), torch.cat([more, less], dim=-2)

    @torch.no_grad()
    def sign_excess(self, displacement: Array) -> torch.Tensor:
        """By how much the mean of L(W + S V) over independent signs S of the rows exceeds the relaxed loss, R3 apart.

        With the derivative d_r f of f_L + f_Q at W along V_r alone it is

            (1/n) sum_i sum_r (d_r f(x_i))^2 + l1 sum_r <V_r, R V_r> + 4 l4 sum_r <W_r, V_r>^2 >= 0,

        so that min L is at most the relaxed loss plus this.

        Args:
            displacement: ``(W_+, V_+, W_-, V_-)`` of one network, (2 m, d).

        Raises:
            ValueError: another loss than the squared one, or R4 to the power 8: the mean is then no such sum.

        Cost: that of :func:`numerics.sign_variation`.

        Source: docs/mathematics, :eq:`relaxation-excess`.
        """
        if self.loss.name != "squared" or self.r4.power != 4:
            raise ValueError(f"loss={self.loss.name!r}, r4_power={self.r4.power}: needs 'squared' and r4_power=4")
        W, V = self.split(self.network.check_displacement(displacement))
        variation = sign_variation(self.original, W, V)
        pooled = (W * V).sum(-1).square().sum()
        return (variation.data_curvature + variation.r1) / 2 + 4 * self.r4.weight * pooled


class _DoubledBlocks(Blocks):
    """Blocks for every pair twice; sigma' is zero for the second displacements."""

    def __init__(self, base: Blocks) -> None:
        self.__dict__.update(base.__dict__)

    def between(self, first: int, last: int) -> Iterator[tuple[slice, Block]]:
        return ((rows, _doubled(block)) for rows, block in super().between(first, last))


def _doubled(block: Block) -> Block:
    first = torch.cat([block.first, torch.zeros_like(block.first)], -1)
    return Block(block.x, block.z, first, torch.cat([block.second, block.second], -1))


class _Doubled(TwoLayerNetwork):
    """The network with every pair twice; its linear term is that of the first half of the pairs."""

    def __init__(self, base: TwoLayerNetwork) -> None:
        self.__dict__.update(base.__dict__)
        self._base, self.m = base, 2 * base.m
        self._place(torch.cat([base.half, base.half], dim=-2))

    def member(self, index: int) -> TwoLayerNetwork:
        return _Doubled(self._base.member(index))

    def linear(self, x: Array, W: Array) -> torch.Tensor:
        plus, _, minus, _ = self.check_displacement(W).chunk(4, dim=-2)
        return self._base.linear(x, torch.cat([plus, minus], dim=-2))

    def quadratic(self, x: Array, W: Array) -> torch.Tensor:
        return super().quadratic(x, W) * 2**0.5


@dataclass(frozen=True, eq=False)
class _OfFirst:
    """A quadratic form of the first ``count`` pairs alone."""

    form: PairPenalty
    count: int

    @property
    def name(self) -> str:
        return self.form.name

    @property
    def weight(self) -> float:
        return self.form.weight

    def add_gradient(self, at: Pairs, gradient: PairGradient) -> torch.Tensor:
        return self.form.add_gradient(at.first(self.count), gradient.first(self.count))

    def sign_variation(self, alone: SingleNeurons) -> torch.Tensor:
        raise ValueError("the relaxation has no second variation over signs; take that of the original objective")


@dataclass(frozen=True, eq=False)
class _Padded:
    """The basis of the good directions, zero at the second displacements."""

    directions: GoodDirections

    def coordinates(self, difference: torch.Tensor) -> torch.Tensor:
        return self.directions.half_coordinates(difference.chunk(2, dim=-2)[0])

    def combine(self, coordinates: torch.Tensor) -> torch.Tensor:
        half = self.directions.half_combine(coordinates)
        return torch.cat([half, torch.zeros_like(half)], dim=-2)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.directions.features(x)


def _padded(directions: GoodDirections, network: TwoLayerNetwork) -> GoodDirections:
    other = copy.copy(directions)
    other.network, other._basis = network, _Padded(directions)
    return other
