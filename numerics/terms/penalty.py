"""What a penalty has to offer, by the kind of function it is (see :mod:`numerics.terms`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from numerics.blocks import Block
from numerics.terms.pairs import PairGradient, Pairs, Products, SingleNeurons

Pullback = Callable[[torch.Tensor, Products, PairGradient], torch.Tensor]
"""Second half of a term's work on a block, once its sum over neurons is known in full. Called with that sum, the slopes
of the loss in the block's products and the gradient in D, S, p, c; it adds to both and returns sum_i u_i^2."""

TangentPullback = Callable[[Sequence[torch.Tensor], Products, PairGradient], None]
"""The same for a product with the Hessian; called with all the sums that the first half gave."""


class Penalty(Protocol):
    """A penalty with its weight.

    Attributes:
        name: of its value in :class:`numerics.Parts`. weight: its penalty weight.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def weight(self) -> float: ...  # noqa: D102


class InputPenalty(Penalty, Protocol):
    """weight (1/n) sum_i u_i^2: a mean over the training inputs of the square of a function u_i of the displacement.

    u_i is a sum over neurons. A sharded network adds the parts of all processes between the two halves of a method: the
    first half returns the sum over the neurons kept here, and a function, the second half, that continues from the
    whole sum.
    """

    def forward(self, rows: slice, block: Block, at: Pairs, products: Products) -> tuple[torch.Tensor, Pullback]:
        """u_i over the neurons kept here, (..., b), and the second half.

        The products may be overwritten between the halves, so the first half keeps what the second one needs of them.
        The slopes that the second half adds are n times those of the loss.
        """

    def tangent(
        self, rows: slice, block: Block, along: Pairs, products: Products, moves: Products
    ) -> tuple[list[torch.Tensor], TangentPullback]:
        """The same for the Hessian applied to the displacement ``along``, whose products are ``moves``.

        The slopes that the second half adds are those of the loss, the factor 1/n included.
        """

    def sign_variation(
        self, rows: slice, block: Block, products: Products, alone: SingleNeurons, moves: Sequence[torch.Tensor]
    ) -> list[torch.Tensor]:
        """The block's share of the mean second variation over random signs, weighted: a summand for each copy.

        ``moves`` holds <V_r, x_i> for the first and for the second copy of each neuron.
        """


class PairPenalty(Penalty, Protocol):
    """A quadratic form of the displacement that is computed outside the pass over the training inputs."""

    def add_gradient(self, at: Pairs, gradient: PairGradient) -> torch.Tensor:
        """Add the weighted gradient; returns the unweighted value, of shape batch.

        As the form is quadratic, the Hessian applied to V is the gradient at V.
        """

    def sign_variation(self, alone: SingleNeurons) -> torch.Tensor:
        """The mean second variation over random signs, weighted."""
