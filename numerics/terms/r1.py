r"""R1 = \|f_L(.; P_{>k} W)\|^2: the linear term may act only through the good directions.

With D and the coordinates c of P_{<=k} W (:mod:`numerics.terms.pairs`),

.. math:: f_L(x_i; P_{>k} W) = \sum_r m^{-1/2}\sigma'(\langle w_r,x_i\rangle)\langle D_r,x_i\rangle
          - \sum_j f_L(x_i; b_j)\,c_j .

The mean of its square is taken over the training inputs, over a sample of other inputs without labels, over inputs
that are drawn anew at each step, or over the whole sphere, where it is <P_{>k} W, Sigma P_{>k} W> with the feature
covariance Sigma.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from numerics.blocks import Block, Blocks, accumulate
from numerics.covariance import FeatureCovariance
from numerics.directions import GoodDirections
from numerics.inputs import integer, named, number, one_seed
from numerics.network import TwoLayerNetwork
from numerics.precision import full_precision
from numerics.sampling import gaussian, generator, sphere
from numerics.terms.pairs import PairGradient, Pairs, Products, SingleNeurons
from numerics.terms.penalty import Pullback, TangentPullback


@dataclass(frozen=True, eq=False)
class SampleR1:
    """R1 as a mean over inputs: (1/n) sum_i f_L(x_i; P_{>k} W)^2.

    Attributes:
        weight: l1. features: f_L(x_i; b_j), (..., n, n_k). name: of the value in :class:`numerics.Parts`.
    """

    weight: float
    features: torch.Tensor
    name: str = "r1_training"

    @property
    def n(self) -> int:
        """Number of inputs."""
        return self.features.shape[-2]

    def forward(self, rows: slice, block: Block, at: Pairs, products: Products) -> tuple[torch.Tensor, Pullback]:
        """f_L(x_i; W) over the neurons kept here, (..., b); f_L(x_i; P_{<=k} W) is taken off in the second half."""

        def pullback(linear: torch.Tensor, slopes: Products, gradient: PairGradient) -> torch.Tensor:
            features = self.features[..., rows, :]
            outside = linear - (features @ at.coordinates[..., None])[..., 0]
            derivative = (2 * self.weight) * outside[..., None]
            slopes.p.addcmul_(block.first, derivative)
            gradient.coordinates -= (features.mT @ derivative)[..., 0] / self.n
            return outside.square().sum(-1)

        return torch.linalg.vecdot(block.first, products.p), pullback

    def tangent(
        self, rows: slice, block: Block, along: Pairs, products: Products, moves: Products
    ) -> tuple[list[torch.Tensor], TangentPullback]:
        """R1 is a quadratic form: its Hessian applied to V is its gradient at V."""

        def pullback(sums: Sequence[torch.Tensor], slopes: Products, gradient: PairGradient) -> None:
            features = self.features[..., rows, :]
            outside = sums[0][..., None] - features @ along.coordinates[..., None]
            derivative = (2 * self.weight / self.n) * outside
            slopes.p.addcmul_(block.first, derivative)
            gradient.coordinates -= (features.mT @ derivative)[..., 0]

        return [torch.linalg.vecdot(block.first, moves.p)], pullback

    def add_gradient(
        self, blocks: Iterable[tuple[slice, Block]], network: TwoLayerNetwork, at: Pairs, gradient: PairGradient
    ) -> torch.Tensor:
        """Add the weighted gradient in a pass of its own; returns the unweighted value. Cost: n m d multiplications."""
        total = at.difference.new_zeros(at.difference.shape[:-2])
        for rows, block in blocks:
            products = Products(block.x @ at.difference.mT)
            slopes = Products(torch.zeros_like(products.p))
            linear, pullback = self.forward(rows, block, at, products)
            total = total + pullback(network.reduce(linear), slopes, gradient)
            accumulate(gradient.difference, slopes.p, block.x, 1 / self.n)
        return total / self.n

    def sign_variation(
        self, rows: slice, block: Block, products: Products, alone: SingleNeurons, moves: Sequence[torch.Tensor]
    ) -> list[torch.Tensor]:
        """(2 l1/n) sum_i sum_r f_L(x_i; P_{>k} V_r)^2, V_r standing for the displacement of neuron r alone."""
        return [
            (2 * self.weight)
            * (copy.sign * block.first * h - self.features[rows] @ copy.coordinates).square().sum()
            / self.n
            for copy, h in zip(alone.copies, moves, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class UnlabeledR1:
    """R1 as a mean over a sample of inputs without labels, in a pass of its own over their blocks.

    Attributes:
        sample: the mean. network: at its initialisation. blocks: the inputs with sigma' there.
    """

    sample: SampleR1
    network: TwoLayerNetwork
    blocks: Blocks

    @property
    def name(self) -> str:
        """Of the value in :class:`numerics.Parts`."""
        return self.sample.name

    @property
    def weight(self) -> float:
        """l1."""
        return self.sample.weight

    def add_gradient(self, at: Pairs, gradient: PairGradient) -> torch.Tensor:
        """Cost: n_u m d multiplications."""
        return self.sample.add_gradient(self.blocks, self.network, at, gradient)

    def sign_variation(self, alone: SingleNeurons) -> torch.Tensor:
        """Cost: n_u m d + n_u m n_k multiplications."""
        total = alone.V.new_zeros(())
        for rows, block in self.blocks:
            moves = [block.x @ copy.V.T for copy in alone.copies]
            total = sum(self.sample.sign_variation(rows, block, Products(moves[0]), alone, moves), total)
        return total


STRIDE = 2654435769
"""Odd, so that the seeds of 2^32 steps, base + step STRIDE modulo 2^32, all differ."""


@full_precision
@dataclass(frozen=True)
class FreshInputs:
    """R1 on inputs drawn anew at each step, without labels: a stochastic estimate of R1 in population.

    The inputs of a step depend on the seed and the number of the step alone: not on the device, nor on how a run was
    cut into parts. All networks of a batch get the same.

    Attributes:
        weight: of the mean over the step's inputs; for their sum take ``count`` times as much.
        seed: of the stream. count: inputs in a step.
        law: "gaussian" - standard Gaussian; "sphere" - uniform on |x|^2 = d.

    Raises:
        ValueError: a weight that is negative or not finite, a seed that is no integer >= 0, count < 1, an unknown law.
    """

    weight: float
    seed: int
    count: int = 100
    law: Literal["gaussian", "sphere"] = "gaussian"

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", number(self.weight, "weight", "a finite weight >= 0", zero=True))
        object.__setattr__(self, "seed", one_seed(self.seed))
        object.__setattr__(self, "count", integer(self.count, "count"))
        named(self.law, ("gaussian", "sphere"), "law", "'gaussian' or 'sphere'")

    def inputs(self, d: int, step: int) -> torch.Tensor:
        """The inputs of a step, (count, d), in double precision on the CPU."""
        base = int(np.random.SeedSequence(self.seed).generate_state(1)[0])
        drawn = generator((base + integer(step, "step", 0) * STRIDE) % 2**32)
        return gaussian(self.count, d, drawn) if self.law == "gaussian" else sphere(self.count, d, d**0.5, drawn)

    def form(self, directions: GoodDirections, step: int) -> UnlabeledR1:
        """R1 on the inputs of a step."""
        network = directions.network
        x = self.inputs(network.d, step).to(network.w)
        sample = SampleR1(self.weight, directions.features(x), "r1_fresh")
        return UnlabeledR1(sample, network, Blocks(network, x, {"first"}, None))


@dataclass(frozen=True, eq=False)
class PopulationR1:
    """R1 over the sphere: <D - 2 p, Sigma_half (D - 2 p)>, without sampling.

    P_{>k} W has the difference D - 2 p of its halves, and f_L depends on that difference alone.

    Attributes:
        weight: l1. network: at its initialisation. covariance: Sigma.
    """

    weight: float
    network: TwoLayerNetwork
    covariance: FeatureCovariance
    name: str = "r1_exact"

    def add_gradient(self, at: Pairs, gradient: PairGradient) -> torch.Tensor:
        """Cost: 3 m^2 d / 4 multiplications, of which m^2 d / 4 only where Sigma is not kept."""
        outside = at.difference - 2 * at.good
        image = self.covariance.half_matmul(outside)
        gradient.difference.add_(image, alpha=2 * self.weight)
        gradient.good.add_(image, alpha=-4 * self.weight)  # the inner derivative of D - 2 p in p is -2
        return self.network.reduce((outside * image).sum((-2, -1)))

    def sign_variation(self, alone: SingleNeurons) -> torch.Tensor:
        """2 l1 sum_r <U_r, Sigma U_r> with U_r = V_r - P_{<=k} V_r. Cost: n_k m^2 d multiplications.

        Multiplied out: <V_r, Sigma V_r> is a closed form; P V_r has the coordinates c_r, so that <P V_r, Sigma V_r> and
        <P V_r, Sigma P V_r> need Sigma times each basis vector only.
        """
        image = torch.stack([self.covariance.half_matmul(2 * one) for one in alone.basis])
        inner = 2 * alone.basis.flatten(1) @ image.flatten(1).T
        energy = self.covariance.sign_energy(alone.V)
        for copy in alone.copies:
            seen = copy.sign * torch.einsum("jrd,rd->jr", image, copy.V)
            energy = energy - 2 * (copy.coordinates * seen).sum()
            energy = energy + (copy.coordinates * (inner @ copy.coordinates)).sum()
        return 2 * self.weight * energy
