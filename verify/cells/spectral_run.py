"""How the cells of :mod:`verify.cells.spectral` are computed."""

from __future__ import annotations

import math
from itertools import islice

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
from verify.cells.spectral import (
    DIGITS,
    CertifiedEigenvalues,
    CertifiedLimits,
    DegreesAtEveryDimension,
    EveryDimension,
    KernelMonteCarlo,
    KernelName,
    KernelQuadrature,
    TraceAndTail,
    ball_text,
)
from verify.running.experiment import Numbers


def certified_eigenvalues(cell: CertifiedEigenvalues) -> Numbers:
    """The numbers of a :class:`CertifiedEigenvalues`."""
    sigma = Activation.parse(cell.activation)
    eigenvalue = ntk_eigenvalue if cell.kernel == "NTK" else quadntk_eigenvalue
    values = [eigenvalue(sigma, degree, cell.d, DIGITS) for degree in range(cell.max_degree + 1)]
    return {"balls": [ball_text(v) for v in values]}


def certified_limits(cell: CertifiedLimits) -> Numbers:
    """The numbers of a :class:`CertifiedLimits`."""
    sigma = Activation.parse(cell.activation)
    degrees = range(cell.max_degree + 1)
    try:
        closed = [ntk_limit_expr(sigma, degree) for degree in degrees]
    except NoClosedForm:
        return {"symbolic": None, "symbolic_balls": None}
    return {
        "symbolic": [str(e) for e in closed],
        "symbolic_balls": [ball_text(certified(e, DIGITS)) for e in closed],
    }


def every_dimension(cell: EveryDimension) -> Numbers:
    """The numbers of a :class:`EveryDimension`."""
    return {"bounds": [_every_dimension_bounds(cell, degree) for degree in range(cell.max_degree + 1)]}


def _every_dimension_bounds(cell: EveryDimension, degree: int) -> Numbers | None:
    try:
        found = bounds_for_all_dimensions(cell.activation, degree)
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


def degrees_at_every_dimension(cell: DegreesAtEveryDimension) -> Numbers:
    """The numbers of a :class:`DegreesAtEveryDimension`."""
    found = learnable_degrees(cell.activation, cell.max_degree, kernel=cell.kernel, d_min=3)
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


def kernel_quadrature(cell: KernelQuadrature) -> Numbers:
    """The numbers of a :class:`KernelQuadrature`."""
    sigma = TorchActivation(Activation.parse(cell.activation))
    coarse = _kernel_quadrature_eigenvalues(cell, sigma, cell.points * 3 // 4)
    return {"values": _kernel_quadrature_eigenvalues(cell, sigma, cell.points), "coarse": coarse}


def _kernel_quadrature_eigenvalues(cell: KernelQuadrature, sigma: TorchActivation, points: int) -> list[float]:
    t, weight = gauss_rule(cell.d, points)
    kernel = kernel_values(sigma, cell.d, t, points, cell.kernel)
    return [
        float((weight * kernel * legendre_values(degree, cell.d, t)).sum()) for degree in range(cell.max_degree + 1)
    ]


def kernel_monte_carlo(cell: KernelMonteCarlo) -> Numbers:
    """The numbers of a :class:`KernelMonteCarlo`."""
    sigma = Activation.parse(cell.activation)
    gram = ntk_gram if cell.kernel == "NTK" else quadntk_gram
    seed = cell.seed("blocks")
    gen = generator(seed)
    networks = torch.randint(2**62, (cell.blocks,), generator=gen).tolist()
    means = torch.zeros(cell.blocks, cell.max_degree + 1, dtype=torch.float64)
    for block, network_seed in enumerate(networks):
        network = TwoLayerNetwork(cell.d, 2 * cell.points, sigma, seed=network_seed)
        x, y = (sphere(cell.points, cell.d, math.sqrt(cell.d), gen) for _ in range(2))
        kernel, t = gram(network, x, y), x @ y.T / cell.d
        for degree, values in enumerate(islice(legendre_polynomials(cell.d, t), cell.max_degree + 1)):
            means[block, degree] = (kernel * values).mean()
    estimates = [Estimate.of(column, seed) for column in means.T]
    return {"values": [e.value for e in estimates], "stderrs": [e.stderr for e in estimates]}


def trace_and_tail(cell: TraceAndTail) -> Numbers:
    """The numbers of a :class:`TraceAndTail`."""
    sigma, linear = Activation.parse(cell.activation), cell.kernel == "NTK"
    eigenvalue, trace, tail_bound = (
        (ntk_eigenvalue, ntk_trace, ntk_tail_bound)
        if linear
        else (quadntk_eigenvalue, quadntk_trace, quadntk_tail_bound)
    )
    with exclusive, ctx.workprec(128):
        terms = [
            multiplicity(cell.d, degree) * eigenvalue(sigma, degree, cell.d, DIGITS)
            for degree in range(cell.max_degree + 1)
        ]
        partial = sum(terms, arb(0))
    return {
        "trace": ball_text(trace(sigma, cell.d, DIGITS)),
        "partial": ball_text(partial),
        "tail_bound": ball_text(tail_bound(sigma, cell.d, cell.max_degree, cell.order)),
        "terms": [ball_text(t) for t in terms],
    }
