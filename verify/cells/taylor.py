"""Cells of the Taylor claims."""

from __future__ import annotations

import math
from typing import Literal

import sympy as sp
import torch
from flint import ctx

from numerics.constructions import random_signs, sparse_displacement
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from theory import Activation, range_radius, taylor_terms, third_derivative_bound
from theory.balls import ball
from verify.experiment import Cell, Numbers


class TaylorAgreement(Cell):
    """f_L, f_Q and the cross term at one random point by three routes.

    Routes: SymPy derivative of the network evaluated as a certified ball; forward-mode automatic differentiation of
    ``forward``; the network's own formulas. Numbers: term -> route -> value.
    """

    activation: str
    d: int
    m: int

    def run(self) -> Numbers:
        sigma = Activation.parse(self.activation)
        network = TwoLayerNetwork(self.d, self.m, sigma, seed=self.seed("network"))
        gen = generator(self.seed("point"))
        x = sphere(1, self.d, math.sqrt(self.d), gen)
        W, V = (torch.randn(self.m, self.d, generator=gen, dtype=torch.float64) for _ in range(2))
        zero = torch.zeros_like(W)

        def slope(direction: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
            return torch.func.jvp(lambda u: network.forward(x, u), (at,), (direction,))[1]

        def curvature(first: torch.Tensor, second: torch.Tensor) -> float:
            return float(torch.func.jvp(lambda u: slope(first, u), (zero,), (second,))[1])

        symbolic = self._symbolic(sigma, network, x, W, V)
        return {
            "linear": {
                "symbolic": symbolic[0],
                "automatic": float(slope(W, zero)),
                "formula": float(network.linear(x, W)),
            },
            "quadratic": {
                "symbolic": symbolic[1],
                "automatic": curvature(W, W) / 2,
                "formula": float(network.quadratic(x, W)),
            },
            "cross": {
                "symbolic": symbolic[2],
                "automatic": curvature(W, V),
                "formula": float(network.cross(x, W, V)),
            },
        }

    def _symbolic(
        self,
        sigma: Activation,
        network: TwoLayerNetwork,
        x: torch.Tensor,
        W: torch.Tensor,
        V: torch.Tensor,
    ) -> list[float]:
        terms = taylor_terms(sigma, self.d, self.m)
        symbols = [*terms.signs, *terms.initial, *terms.displacement, *terms.second, *terms.x]
        values = [t.flatten() for t in (network.a, network.w, W, V, x)]
        # A double is a binary rational, so the substitution is exact.
        exact = [sp.Rational(v) for v in torch.cat(values).tolist()]
        point = dict(zip(symbols, exact, strict=True))
        with ctx.workprec(160):
            return [float(ball(term.xreplace(point)).mid()) for term in (terms.linear, terms.quadratic, terms.cross)]


class RemainderRatio(Cell):
    """|f - f_L - f_Q| over m^{-1/2} sup|sigma'''| sum_r |<W_r,x>|^3, largest over inputs.

    Two displacements: random, and aligned with one input so that all third-order terms add up.
    Numbers: ``random``, ``aligned`` (ratios; the theorem bounds them by 1/6), ``supremum``.
    """

    activation: str
    d: int
    m: int
    length: float

    def run(self) -> Numbers:
        sigma = Activation.parse(self.activation)
        network = TwoLayerNetwork(self.d, self.m, sigma, seed=self.seed("network"))
        gen = generator(self.seed("data"))
        x = sphere(64, self.d, math.sqrt(self.d), gen)
        noise = sphere(self.m, self.d, self.length, gen)
        supremum = float(third_derivative_bound(sigma, range_radius(self.d, self.length)).upper())

        point = x[:1]
        (third,) = network.activation.derivatives(network.preactivations(point), 3)
        signs = torch.sign(network.a * third[0])
        aligned = signs[:, None] * point * (self.length / math.sqrt(self.d))

        def ratio(inputs: torch.Tensor, W: torch.Tensor) -> float:
            taylor = network.linear(inputs, W) + network.quadratic(inputs, W)
            remainder = (network.forward(inputs, W) - taylor).abs()
            cubes = (inputs @ W.T).abs().pow(3).sum(1) / math.sqrt(self.m)
            return float((remainder / (supremum * cubes)).max())

        return {"random": ratio(x, noise), "aligned": ratio(point, aligned), "supremum": supremum}


class TermSizes(Cell):
    """Root mean squares of f_L, f_Q and the remainder along the sparse construction W_Q, over inputs and sign draws.

    ``scaling``: "random" - S W_Q with ``draws`` independent sign vectors; "coherent" - W_Q itself, |W_r| ~ m^{-1/4};
    "lazy" - m^{-1/4} W_Q, so |W_r| ~ m^{-1/2}. Numbers: ``linear``, ``quadratic``, ``remainder``.

    With h = <W_r,x>, signs enter only through the odd part: sigma(z + s h) = E + s O, E and O even and odd in h, so
    all draws share one evaluation of sigma(z + h) and sigma(z - h).
    """

    activation: str
    d: int
    m: int
    alpha: float
    scaling: Literal["random", "coherent", "lazy"]
    inputs: int = 64
    draws: int = 64

    def run(self) -> Numbers:
        sigma = Activation.parse(self.activation)
        network = TwoLayerNetwork(self.d, self.m, sigma, seed=self.seed("network"))
        # The same inputs and direction at every width: the exponent in m then does not see their fluctuation.
        gen = generator(self.seed("data", shared=("m", "scaling", "alpha")))
        x = sphere(self.inputs, self.d, math.sqrt(self.d), gen)
        beta = sphere(1, self.d, 1.0, gen)[0]
        W = sparse_displacement(network, beta, self.alpha, 1)
        if self.scaling == "lazy":
            W = W * self.m**-0.25
        if self.scaling == "random":
            signs = torch.stack([random_signs(self.m, gen) for _ in range(self.draws)], dim=1)
        else:
            signs = torch.ones(self.m, 1, dtype=torch.float64)
        linear, odd, even, quadratic = (torch.zeros(self.inputs, 1, dtype=torch.float64) for _ in range(4))
        # W_Q moves half of the neurons; the others contribute exactly zero to every term.
        moved = W.square().sum(1) > 0
        rows = (network.w[moved], network.a[moved], W[moved], signs[moved])
        for w, a, v, s in zip(*(tensor.split(16_384) for tensor in rows), strict=True):
            z, h = x @ w.T, x @ v.T
            value, first, second = network.activation.derivatives(z, 0, 1, 2)
            ahead, behind = network.activation(z + h), network.activation(z - h)
            outer = a[:, None] / math.sqrt(self.m)
            linear = linear + (first * h) @ (outer * s)
            odd = odd + ((ahead - behind) / 2 - first * h) @ (outer * s)
            even = even + ((ahead + behind) / 2 - value - second * h**2 / 2) @ outer
            quadratic = quadratic + (second * h**2 / 2) @ outer
        sizes = {"linear": linear, "quadratic": quadratic, "remainder": odd + even}
        return {name: float(values.square().mean().sqrt()) for name, values in sizes.items()}
