"""Cells of E1: the numbers of the separation theorem, and the error of its construction on networks of its width."""

from __future__ import annotations

import math
from fractions import Fraction

import torch

from numerics.constructions import coefficients, random_signs, sparse_displacement
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from numerics.span import HarmonicTransform
from numerics.targets import Target
from theory import Activation, multiplicity, ntk_eigenvalue, risk_floor
from theory.learning.separation import SeparationTheorem, separation_theorem
from verify.cells.constructions import orthogonal_inputs, signed_outputs
from verify.cells.spectral import ball_text
from verify.running.experiment import Cell, Numbers

NEURONS = 4096
"""Evaluated at a time."""


class Separation(Cell):
    """Base: the theorem that the fields describe."""

    activation: str
    d_min: int
    share: float
    epsilon: float
    delta: float

    def theorem(self) -> SeparationTheorem:
        """The theorem, computed anew; decimals such as 0.3 stand for the fractions that they write."""
        share, epsilon, delta = (Fraction(str(value)) for value in (self.share, self.epsilon, self.delta))
        return separation_theorem(self.activation, 1, self.d_min, share=share, epsilon=epsilon, delta=delta)


class SeparationBounds(Separation):
    """The theorem's numbers, as texts of balls and fractions.

    Numbers: ``taylor_width`` and ``network_width``; ``taylor`` and ``network``, the bound of the mean square error
    there over what is allowed, and with suffix ``_narrow`` at a quarter of the width; ``floor``, by dimension, the
    exact risk of the kernels with the share of labels over the sparse part's energy, ``floor_more`` with a tenth of
    N(d,2) more labels.
    """

    dimensions: tuple[int, ...]

    def run(self) -> Numbers:
        theorem = self.theorem()
        numbers: Numbers = {"taylor_width": theorem.taylor_width, "network_width": theorem.network_width}
        for name, m in (("taylor", theorem.taylor_width), ("network", theorem.network_width)):
            narrow = 2 * (m // 8)
            numbers[name] = ball_text(theorem.ratio(m, name == "network"))
            numbers[f"{name}_narrow"] = ball_text(theorem.ratio(narrow, name == "network"))
        for name, share in (("floor", theorem.share), ("floor_more", theorem.share + Fraction(1, 10))):
            counts = [int(share * multiplicity(d, 2)) for d in self.dimensions]
            floors = [risk_floor(d, n, {2: 1}) for d, n in zip(self.dimensions, counts, strict=True)]
            numbers[name] = [str(floor) for floor in floors]
        return numbers


class SeparationErrors(Separation):
    r"""The construction on one network of the theorem's width, at d = d_min.

    f* = <u,x> + f_2 with a random unit vector u and f_2 = alpha (<beta,x>^2 - 1), energies one and one. W_L = T
    Lambda^{-1} f and W_Q are built by numerics, the errors evaluated at ``inputs`` random inputs.

    Numbers: mean squares ``dense`` of f_L(W_L) - f_1 + alpha and ``sparse`` of f_Q(W_Q)/<beta,x>^2 - alpha, whose
    fourth moment is smaller than without the division; over ``draws`` sign vectors ``signs`` of f_L(S W_Q), ``cross``
    of f_Q(W_L, S W_Q), ``taylor`` of f_L + f_Q - f*, ``network`` of f - f*; ``failed``, the share of the draws in
    which that of the Taylor model exceeds eps^2 |f*|^2; ``coherent``, of the Taylor model without signs, and
    ``coherent_signs``, f_L(W_Q).
    """

    inputs: int
    draws: int

    def run(self) -> Numbers:
        theorem, d = self.theorem(), self.d_min
        m = theorem.taylor_width
        network = TwoLayerNetwork(d, m, Activation.parse(self.activation), seed=self.seed("network"))
        beta, u = sphere(2, d, 1.0, generator(self.seed("directions")))
        alpha = math.sqrt((d + 2) / (2 * (d - 1)))
        x = orthogonal_inputs(self.inputs, d, generator(self.seed("inputs")))
        constant = torch.full((len(x),), alpha, dtype=x.dtype)
        goal = [x @ u - constant, alpha * (x @ beta) ** 2]
        low = Target.zonal(d, 0, u[None], [-alpha]) + Target.zonal(d, 1, u[None], [1.0])
        eigenvalues = [float(ntk_eigenvalue(network.activation.exact, degree, d).mid()) for degree in (0, 1)]
        scale = torch.tensor([eigenvalues[0], *[eigenvalues[1]] * d], dtype=torch.float64)
        half = HarmonicTransform(network, 1, torch.float64).apply(coefficients(low, 1, network.w) / scale)
        dense, sparse = torch.cat([half, -half]), sparse_displacement(network, beta, alpha, 1)
        signs = random_signs(self.draws * m, generator(self.seed("signs"))).reshape(m, self.draws)
        signs = torch.cat([signs, torch.ones(m, 1, dtype=torch.float64)], dim=1)

        count = self.draws + 1
        linear, quadratic, signed, crossed = (torch.zeros(len(x), n, dtype=x.dtype) for n in (1, 1, count, count))
        parts = (network.w, dense, sparse, signs, network.a / math.sqrt(m))
        for w, L, Q, s, a in zip(*(part.split(NEURONS) for part in parts), strict=True):
            slope, curvature = network.activation.derivatives(x @ w.T, 1, 2)
            moved, held = x @ Q.T, x @ L.T
            linear += (slope * held) @ a[:, None]
            quadratic += (curvature * moved.square()) @ a[:, None] / 2
            signed += (slope * moved * a) @ s
            crossed += (curvature * moved * held * a) @ s
        left = {"dense": linear - goal[0][:, None], "sparse": quadratic - goal[1][:, None]}
        taylor = left["dense"] + left["sparse"] + signed + crossed
        outputs = signed_outputs(network, x, dense, sparse, signs[:, :1])
        squares = taylor.square().mean(0)
        limit = float(theorem.epsilon**2 * (theorem.dense + theorem.sparse))
        return {
            "dense": float(left["dense"].square().mean()),
            "sparse": float((left["sparse"] / (x @ beta)[:, None] ** 2).square().mean()),
            "signs": float(signed[:, :-1].square().mean()),
            "cross": float(crossed[:, :-1].square().mean()),
            "taylor": float(squares[:-1].mean()),
            "network": float((outputs - sum(goal)[:, None]).square().mean()),
            "failed": float((squares[:-1] > limit).double().mean()),
            "coherent": float(squares[-1]),
            "coherent_signs": float(signed[:, -1].square().mean()),
        }
