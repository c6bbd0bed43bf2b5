r"""The regularised loss on the second-order Taylor model, with its gradient by hand.

L(W) = (1/n) sum_i (f_L + f_Q - y_i)^2 + l1 R1 + l2 R2 + l3 R3 + l4 R4 (docs/mathematics, section 5).

Antisymmetric pairs reduce everything to D = W_+ - W_- and S = W_+ + W_-, each (m/2, d): over the distinct neurons

    f_L = m^{-1/2} sum_r sigma' <D_r,x>,     f_Q = (1/2) m^{-1/2} sum_r sigma'' <D_r,x><S_r,x>,

because <W_+,x>^2 - <W_-,x>^2 = <D,x><S,x>. A displacement P_{<=k} W is antisymmetric, (p, -p), so it has S = 0. Hence
f_Q(P_{<=k} W) = 0 identically: **R2 vanishes at antisymmetric initialisation** and is not computed (derived here); and
f_Q(P_{<=k} W, P_{>k} W) = m^{-1/2} sum_r sigma'' <p_r,x><S_r,x>.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch

from numerics.covariance import FeatureCovariance
from numerics.directions import GoodDirections
from numerics.network import TwoLayerNetwork

R1Mode = Literal["population", "training", "both", "off"]


@dataclass(frozen=True)
class Weights:
    """Weights of the regularisers; there is no l2, because R2 is identically zero here.

    Attributes:
        r1: l1, on ``|f_L(.; P_{>k} W)|^2``.
        r3: l3, on ``|f_Q(.; P_{<=k} W, P_{>k} W)|^2``.
        r4: l4, on ``|W|_{2,4}`` to the power ``r4_power``.
        r1_mode: in population (exact, through Sigma), on the training inputs, their sum, or off.
        r4_power: 4 or 8.
    """

    r1: float = 1.0
    r3: float = 1.0
    r4: float = 3e-3
    r1_mode: R1Mode = "both"
    r4_power: Literal[4, 8] = 4

    def __post_init__(self) -> None:
        for name in ("r1", "r3", "r4"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name}={value!r}: needs a finite weight >= 0")
        if self.r1_mode not in ("population", "training", "both", "off"):
            raise ValueError(f"r1_mode={self.r1_mode!r}: needs 'population', 'training', 'both' or 'off'")
        if self.r4_power not in (4, 8):
            raise ValueError(f"r4_power={self.r4_power!r}: needs 4 or 8")


@dataclass(frozen=True)
class Parts:
    """The loss and its parts at one W; R1, R3 and R4 are unweighted, ``total`` is weighted.

    A part that does not enter the loss is not computed and is NaN.
    """

    total: float
    data: float
    r1_population: float
    r1_training: float
    r3: float
    r4: float


class TaylorObjective:
    """Regularised squared loss of the joint model f_L + f_Q, or of f_Q alone.

    Args:
        network: at its initialisation.
        x: training inputs, (n, d). y: labels, (n,).
        weights: of the regularisers; R3 and the training form of R1 are means over the training inputs.
        directions: P_{<=k}; None trains f_Q alone with R4 (the QuadNTK), and then R1 and R3 do not apply.

    Raises:
        ValueError: shapes that do not match.

    Cost: value and gradient 5 products of shape n x d x m/2 (two each for f_L + f_Q forward and backward, one for R3
    forward, one for its backward) and, with R1 in population, four of shape m/2 x m/2 x d. Memory: about 8 n m / 2
    numbers.
    """

    def __init__(
        self,
        network: TwoLayerNetwork,
        x: torch.Tensor,
        y: torch.Tensor,
        weights: Weights,
        directions: GoodDirections | None,
    ) -> None:
        if y.ndim != 1 or x.shape != (len(y), network.d):
            shapes = f"x of shape {tuple(x.shape)}, y of shape {tuple(y.shape)}"
            raise ValueError(f"{shapes}: needs (n, {network.d}) and (n,)")
        if directions is not None and directions.network is not network:
            raise ValueError("directions belong to another network; build GoodDirections from this one")
        self.network, self.x, self.y, self.weights = network, x, y, weights
        self.directions = directions
        scale = 1 / math.sqrt(network.m)
        first, second = network.activation.derivatives(x @ network.half.T, 1, 2)
        self._first = first * scale if directions is not None else None
        self._second = second * scale
        self._r1_training = directions is not None and weights.r1_mode in ("training", "both")
        self._r1_population = directions is not None and weights.r1_mode in ("population", "both")
        self._features = directions.features(x) if directions is not None else None
        self._basis = directions.half_basis.flatten(1) if directions is not None else None
        self._covariance = FeatureCovariance(network) if self._r1_population else None

    def predict(self, x: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
        """The model at other inputs: f_L + f_Q, or f_Q alone, shape (n,)."""
        quadratic = self.network.quadratic(x, W)
        return quadratic if self.directions is None else self.network.linear(x, W) + quadratic

    def value_and_gradient(self, W: torch.Tensor) -> tuple[Parts, torch.Tensor]:
        """Loss with its parts, and dL/dW of shape (m, d)."""
        n, lam = len(self.y), self.weights
        plus, minus = W.chunk(2)
        difference, total = plus - minus, plus + minus
        x_difference, x_total = self.x @ difference.T, self.x @ total.T  # (n, m/2)
        curved = self._second * x_total / 2
        slope = curved if self._first is None else self._first + curved
        residual = (slope * x_difference).sum(1) - self.y
        data = residual.square().mean()
        error = (2 / n) * residual

        weight_difference = error[:, None] * slope  # d data / d x_difference
        weight_total = error[:, None] * (self._second * x_difference) / 2
        gradient_difference = torch.zeros_like(difference)
        value = data
        r1_population = r1_training = r3 = data.new_full((), math.nan)

        if self._basis is not None and self._features is not None and self._first is not None:
            coordinates = self._basis @ difference.flatten()
            pull = torch.zeros_like(coordinates)  # gradient with respect to the coordinates
            if self._r1_training:
                leak = (self._first * x_difference).sum(1) - self._features @ coordinates
                r1_training = leak.square().mean()
                value = value + lam.r1 * r1_training
                push = (2 * lam.r1 / n) * leak
                weight_difference = weight_difference + push[:, None] * self._first
                pull -= self._features.T @ push
            good = (coordinates @ self._basis).reshape(difference.shape)  # p, with P W = (p, -p)
            if self._covariance is not None:
                outside = difference - 2 * good
                image = self._covariance.half_matmul(outside)
                r1_population = (outside * image).sum()
                value = value + lam.r1 * r1_population
                gradient_difference += 2 * lam.r1 * image
                pull -= 4 * lam.r1 * (self._basis @ image.flatten())
            if lam.r3:
                x_good = self.x @ good.T
                bent = self._second * x_total
                overlap = (bent * x_good).sum(1)
                r3 = overlap.square().mean()
                value = value + lam.r3 * r3
                push = ((2 * lam.r3 / n) * overlap)[:, None]
                weight_total = weight_total + push * (self._second * x_good)
                pull += self._basis @ ((push * bent).T @ self.x).flatten()
            gradient_difference += (pull @ self._basis).reshape(difference.shape)

        gradient_difference += weight_difference.T @ self.x
        gradient_total = weight_total.T @ self.x
        gradient = torch.cat([gradient_total + gradient_difference, gradient_total - gradient_difference])

        squares = W.square().sum(1)
        budget = squares.square().sum()  # |W|_{2,4}^4
        r4 = budget if lam.r4_power == 4 else budget.square()
        factor = 4.0 if lam.r4_power == 4 else 8.0 * budget
        gradient += (lam.r4 * factor * squares)[:, None] * W

        value = value + lam.r4 * r4
        numbers = torch.stack([value, data, r1_population, r1_training, r3, r4]).tolist()
        return Parts(*numbers), gradient
