"""Cells of the spectral claims."""

from __future__ import annotations

import math

import torch
from flint import arb, ctx

from numerics.activations import TorchActivation
from numerics.covariance import feature_covariance
from numerics.estimate import Estimate
from numerics.network import TwoLayerNetwork
from numerics.quadrature import gauss_rule, pair_rule
from numerics.sampling import generator, sphere
from numerics.targets import legendre_values
from theory import (
    Activation,
    NoClosedForm,
    multiplicity,
    ntk_eigenvalue,
    ntk_limit,
    ntk_limit_expr,
    ntk_tail_bound,
    ntk_trace,
)
from theory.funk_hecke import certified
from verify.experiment import Cell, Numbers

DIGITS = 20


def ball_text(value: arb) -> str:
    """A ball as text that encloses it: midpoint and radius in decimal."""
    return value.str(DIGITS + 5)


def read_ball(text: str) -> tuple[float, float, float]:
    """(midpoint, lower, upper) as doubles, rounded outwards."""
    value = arb(text)
    low, high = float(value.lower()), float(value.upper())
    middle = float(value.mid())
    return middle, math.nextafter(low, -math.inf), math.nextafter(high, math.inf)


class CertifiedEigenvalues(Cell):
    """Lambda_0 .. Lambda_L by certified quadrature. Numbers: ``balls``."""

    activation: str
    d: int
    max_degree: int

    def run(self) -> Numbers:
        sigma = Activation.parse(self.activation)
        values = [ntk_eigenvalue(sigma, degree, self.d, DIGITS) for degree in range(self.max_degree + 1)]
        return {"balls": [ball_text(v) for v in values]}


class CertifiedLimits(Cell):
    """Limits of d^{l-1} Lambda_l by Gaussian integrals.

    Numbers: ``balls``; ``symbolic`` texts and ``symbolic_balls`` where a closed form exists, else None.
    """

    activation: str
    max_degree: int

    def run(self) -> Numbers:
        sigma = Activation.parse(self.activation)
        degrees = range(self.max_degree + 1)
        balls = [ball_text(ntk_limit(sigma, degree, DIGITS)) for degree in degrees]
        try:
            closed = [ntk_limit_expr(sigma, degree) for degree in degrees]
        except NoClosedForm:
            return {"balls": balls, "symbolic": None, "symbolic_balls": None}
        return {
            "balls": balls,
            "symbolic": [str(e) for e in closed],
            "symbolic_balls": [ball_text(certified(e, DIGITS)) for e in closed],
        }


class KernelQuadrature(Cell):
    """Lambda_l = E[K(t) P_l(t)] with K itself by quadrature over w: no Funk-Hecke coefficient enters.

    A tensor Gauss rule over (t; <w,u>, <w,v>) in double precision. Numbers: ``values`` at ``points`` nodes per axis and
    ``coarse`` at three quarters of them; their difference estimates the quadrature error.
    """

    activation: str
    d: int
    max_degree: int
    points: int

    def run(self) -> Numbers:
        sigma = TorchActivation(Activation.parse(self.activation))
        coarse = self._eigenvalues(sigma, self.points * 3 // 4)
        return {"values": self._eigenvalues(sigma, self.points), "coarse": coarse}

    def _eigenvalues(self, sigma: TorchActivation, points: int) -> list[float]:
        t, weight = gauss_rule(self.d, points)
        first, second, pair_weight = pair_rule(self.d, points)
        root = math.sqrt(self.d)
        along = t[:, None] * first + (1 - t**2).clamp_min(0).sqrt()[:, None] * second
        (left,) = sigma.derivatives(root * first, 1)
        (right,) = sigma.derivatives(root * along, 1)
        kernel = self.d * t * (right @ (left * pair_weight))
        return [
            float((weight * kernel * legendre_values(degree, self.d, t)).sum()) for degree in range(self.max_degree + 1)
        ]


class KernelMonteCarlo(Cell):
    """Lambda_l = E[<x,x'> sigma'(<w,x>) sigma'(<w,x'>) P_l(<x,x'>/d)] by sampling.

    Each block draws ``points`` of x, of x' and of w and averages over all triples among them. By rotation invariance
    the mean given any one of the three is Lambda_l itself, so a block's variance is of second order, points^-2.
    Blocks are independent; their spread gives the standard error. Numbers: ``values`` and ``stderrs`` by degree.
    """

    activation: str
    d: int
    max_degree: int
    blocks: int
    points: int = 256

    def run(self) -> Numbers:
        sigma = TorchActivation(Activation.parse(self.activation))
        seed = self.seed("blocks")
        gen = generator(seed)
        means = torch.zeros(self.blocks, self.max_degree + 1, dtype=torch.float64)
        for block in range(self.blocks):
            x, y = (sphere(self.points, self.d, math.sqrt(self.d), gen) for _ in range(2))
            w = sphere(self.points, self.d, 1.0, gen)
            inner = x @ y.T
            (left,), (right,) = sigma.derivatives(x @ w.T, 1), sigma.derivatives(y @ w.T, 1)
            kernel = inner * (left @ right.T) / self.points
            for degree in range(self.max_degree + 1):
                means[block, degree] = (kernel * legendre_values(degree, self.d, inner / self.d)).mean()
        estimates = [Estimate.of(column, seed) for column in means.T]
        return {"values": [e.value for e in estimates], "stderrs": [e.stderr for e in estimates]}


class TraceAndTail(Cell):
    """Trace of the NTK, its partial sum over degrees <= L and a bound of the rest that does not use the trace.

    Numbers: balls ``trace``, ``partial``, ``tail_bound``, and ``terms`` N(d,l) Lambda_l by degree.
    """

    activation: str
    d: int
    max_degree: int
    order: int

    def run(self) -> Numbers:
        sigma = Activation.parse(self.activation)
        with ctx.workprec(128):
            terms = [
                multiplicity(self.d, degree) * ntk_eigenvalue(sigma, degree, self.d, DIGITS)
                for degree in range(self.max_degree + 1)
            ]
            partial = sum(terms, arb(0))
        return {
            "trace": ball_text(ntk_trace(sigma, self.d, DIGITS)),
            "partial": ball_text(partial),
            "tail_bound": ball_text(ntk_tail_bound(sigma, self.d, self.max_degree, self.order)),
            "terms": [ball_text(t) for t in terms],
        }


class TopBlock(Cell):
    """The largest eigenvalues of the exact feature covariance of one random network.

    Numbers: ``values``, descending; ``interpolation_error``, relative.
    """

    activation: str
    d: int
    m: int
    count: int

    def run(self) -> Numbers:
        network = TwoLayerNetwork(self.d, self.m, Activation.parse(self.activation), seed=self.seed("network"))
        covariance = feature_covariance(network)
        values, _ = covariance.top(self.count)
        return {"values": values.tolist(), "interpolation_error": covariance.error}
