"""Cells of the claims on the infinite-width spectra of the NTK and the QuadNTK."""

from __future__ import annotations

import math
from itertools import islice
from typing import Literal

import torch
from flint import arb, ctx

from numerics.activations import TorchActivation
from numerics.estimate import Estimate
from numerics.kernels import ntk_gram, quadntk_gram
from numerics.network import TwoLayerNetwork
from numerics.quadrature import gauss_rule, pair_rule
from numerics.sampling import generator, sphere
from numerics.targets import legendre_polynomials, legendre_values
from theory import (
    Activation,
    NoClosedForm,
    Undecided,
    bounds_for_all_dimensions,
    learnable_degrees,
    multiplicity,
    ntk_eigenvalue,
    ntk_limit_expr,
    ntk_tail_bound,
    ntk_trace,
    quadntk_eigenvalue,
    quadntk_tail_bound,
    quadntk_trace,
)
from theory.balls.precision import exclusive
from theory.funk_hecke.coefficient import certified
from verify.running.experiment import Cell, Numbers

KernelName = Literal["NTK", "QuadNTK"]

DIGITS = 20


def ball_text(value: arb) -> str:
    """A ball as text that encloses it: midpoint and radius in decimal."""
    return value.str(DIGITS + 5)


ACCURACY = 1e-12
"""Relative radius up to which a stored ball is what a cell promised; cells give 1e-20, doubles 1e-16."""


def read_ball(text: str) -> tuple[float, float, float]:
    """(midpoint, lower, upper) as doubles, rounded outwards.

    A ball wider than :data:`ACCURACY` stands for no number: its midpoint is NaN, its ends are infinite, and whatever is
    compared with it is INCONCLUSIVE.
    """
    value = arb(text)
    if not (value.is_finite() and value.rad() <= ACCURACY * abs(value.mid())):
        return math.nan, -math.inf, math.inf
    low, high = float(value.lower()), float(value.upper())
    middle = float(value.mid())
    return middle, math.nextafter(low, -math.inf), math.nextafter(high, math.inf)


class CertifiedEigenvalues(Cell):
    """Lambda_0 .. Lambda_L, or Q_0 .. Q_L, by certified quadrature. Numbers: ``balls``."""

    activation: str
    d: int
    max_degree: int
    kernel: KernelName = "NTK"

    def run(self) -> Numbers:
        sigma = Activation.parse(self.activation)
        eigenvalue = ntk_eigenvalue if self.kernel == "NTK" else quadntk_eigenvalue
        values = [eigenvalue(sigma, degree, self.d, DIGITS) for degree in range(self.max_degree + 1)]
        return {"balls": [ball_text(v) for v in values]}


class CertifiedLimits(Cell):
    """Closed forms of the limits of d^{l-1} Lambda_l.

    Numbers: ``symbolic`` texts and ``symbolic_balls`` where there are closed forms, else None.
    """

    activation: str
    max_degree: int

    def run(self) -> Numbers:
        sigma = Activation.parse(self.activation)
        degrees = range(self.max_degree + 1)
        try:
            closed = [ntk_limit_expr(sigma, degree) for degree in degrees]
        except NoClosedForm:
            return {"symbolic": None, "symbolic_balls": None}
        return {
            "symbolic": [str(e) for e in closed],
            "symbolic_balls": [ball_text(certified(e, DIGITS)) for e in closed],
        }


class EveryDimension(Cell):
    """Bounds of d^e Lambda_l for every d >= 3, and its expansion in 1/d with a remainder, for l = 0 .. L.

    Numbers: ``bounds``, by degree a dictionary of ``exponent``, the texts of balls ``lower``, ``upper``,
    ``coefficients`` and ``remainder``, and ``switch``, from which d on the remainder holds; None where the eigenvalue
    is zero for every d or the proof does not apply.
    """

    activation: str
    max_degree: int

    def run(self) -> Numbers:
        return {"bounds": [self._bounds(degree) for degree in range(self.max_degree + 1)]}

    def _bounds(self, degree: int) -> Numbers | None:
        try:
            found = bounds_for_all_dimensions(self.activation, degree)
        except Undecided:
            return None
        if found.expansion is None or found.exponent is None:
            return None
        return {
            "exponent": float(found.exponent),
            "lower": ball_text(found.lower),
            "upper": ball_text(found.upper),
            "coefficients": [ball_text(c) for c in found.expansion.expansion.coefficients],
            "remainder": ball_text(found.expansion.expansion.remainder),
            "switch": found.switch,
        }


class DegreesAtEveryDimension(Cell):
    """Which of the degrees 0 .. L are proved to be learned, or not, at every d >= 3.

    Numbers: lists ``learnable``, ``unlearnable`` and ``undecided``.
    """

    activation: str
    max_degree: int
    kernel: KernelName

    def run(self) -> Numbers:
        found = learnable_degrees(self.activation, self.max_degree, kernel=self.kernel, d_min=3)
        lists = {"learnable": found.learnable, "unlearnable": found.unlearnable, "undecided": found.undecided}
        return {name: list(degrees) for name, degrees in lists.items()}


def kernel_values(
    sigma: TorchActivation, d: int, t: torch.Tensor, points: int, kernel: KernelName = "NTK"
) -> torch.Tensor:
    """K(t) at infinite width by a Gauss rule over w, ``points`` nodes per axis: no Funk-Hecke coefficient enters.

    NTK: K = d t E_w[sigma' sigma']. QuadNTK: K = (d t)^2 / 4 E_w[sigma'' sigma''].

    Args:
        sigma: the activation, smooth.
        d: dimension.
        t: <x, x'> / d, of shape (c,), in [-1, 1].
        points: nodes per axis.
        kernel: which one.

    Cost: c points^2 activations.
    """
    first, second, weight = pair_rule(d, points)
    root, order = math.sqrt(d), 1 if kernel == "NTK" else 2
    along = t[:, None] * first + (1 - t**2).clamp_min(0).sqrt()[:, None] * second
    (left,) = sigma.derivatives(root * first, order)
    (right,) = sigma.derivatives(root * along, order)
    inner = d * t if order == 1 else (d * t) ** 2 / 4
    return inner * (right @ (left * weight))


class KernelQuadrature(Cell):
    """E[K(t) P_l(t)] with the kernel of :func:`kernel_values`.

    A tensor Gauss rule over (t; <w,u>, <w,v>) in double precision. Numbers: ``values`` at ``points`` nodes per axis and
    ``coarse`` at three quarters of them; their difference estimates the quadrature error.
    """

    activation: str
    d: int
    max_degree: int
    points: int
    kernel: KernelName = "NTK"

    def run(self) -> Numbers:
        sigma = TorchActivation(Activation.parse(self.activation))
        coarse = self._eigenvalues(sigma, self.points * 3 // 4)
        return {"values": self._eigenvalues(sigma, self.points), "coarse": coarse}

    def _eigenvalues(self, sigma: TorchActivation, points: int) -> list[float]:
        t, weight = gauss_rule(self.d, points)
        kernel = kernel_values(sigma, self.d, t, points, self.kernel)
        return [
            float((weight * kernel * legendre_values(degree, self.d, t)).sum()) for degree in range(self.max_degree + 1)
        ]


class KernelMonteCarlo(Cell):
    """E[K_m(x,x') P_l(<x,x'>/d)] over random inputs and the empirical kernel K_m of random networks.

    Each block draws ``points`` of x, of x' and of distinct neurons w and averages over all triples among them. By
    rotation invariance the mean given any one of the three is the eigenvalue itself, so a block's variance is of second
    order, points^-2. Blocks are independent; their spread gives the standard error. Numbers: ``values`` and
    ``stderrs`` by degree.
    """

    activation: str
    d: int
    max_degree: int
    blocks: int
    points: int = 256
    kernel: KernelName = "NTK"

    def run(self) -> Numbers:
        sigma = Activation.parse(self.activation)
        gram = ntk_gram if self.kernel == "NTK" else quadntk_gram
        seed = self.seed("blocks")
        gen = generator(seed)
        networks = torch.randint(2**62, (self.blocks,), generator=gen).tolist()
        means = torch.zeros(self.blocks, self.max_degree + 1, dtype=torch.float64)
        for block, network_seed in enumerate(networks):
            network = TwoLayerNetwork(self.d, 2 * self.points, sigma, seed=network_seed)
            x, y = (sphere(self.points, self.d, math.sqrt(self.d), gen) for _ in range(2))
            kernel, t = gram(network, x, y), x @ y.T / self.d
            for degree, values in enumerate(islice(legendre_polynomials(self.d, t), self.max_degree + 1)):
                means[block, degree] = (kernel * values).mean()
        estimates = [Estimate.of(column, seed) for column in means.T]
        return {"values": [e.value for e in estimates], "stderrs": [e.stderr for e in estimates]}


class TraceAndTail(Cell):
    """Trace of a kernel, its partial sum over degrees <= L and a bound of the rest that does not use the trace.

    Numbers: balls ``trace``, ``partial``, ``tail_bound``, and ``terms``, multiplicity times eigenvalue by degree.
    """

    activation: str
    d: int
    max_degree: int
    order: int
    kernel: KernelName = "NTK"

    def run(self) -> Numbers:
        sigma, linear = Activation.parse(self.activation), self.kernel == "NTK"
        eigenvalue, trace, tail_bound = (
            (ntk_eigenvalue, ntk_trace, ntk_tail_bound)
            if linear
            else (quadntk_eigenvalue, quadntk_trace, quadntk_tail_bound)
        )
        with exclusive, ctx.workprec(128):
            terms = [
                multiplicity(self.d, degree) * eigenvalue(sigma, degree, self.d, DIGITS)
                for degree in range(self.max_degree + 1)
            ]
            partial = sum(terms, arb(0))
        return {
            "trace": ball_text(trace(sigma, self.d, DIGITS)),
            "partial": ball_text(partial),
            "tail_bound": ball_text(tail_bound(sigma, self.d, self.max_degree, self.order)),
            "terms": [ball_text(t) for t in terms],
        }
