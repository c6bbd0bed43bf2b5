"""How the cells of :mod:`verify.cells.separation` are computed."""

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
from verify.cells.constructions_run import orthogonal_inputs, signed_outputs
from verify.cells.separation import NEURONS, Separation, SeparationBounds, SeparationErrors
from verify.cells.spectral import ball_text
from verify.running.experiment import Numbers


def theorem_of(cell: Separation) -> SeparationTheorem:
    """The theorem, computed anew; decimals such as 0.3 stand for the fractions that they write."""
    share, epsilon, delta = (Fraction(str(value)) for value in (cell.share, cell.epsilon, cell.delta))
    return separation_theorem(cell.activation, 1, cell.d_min, share=share, epsilon=epsilon, delta=delta)


def separation_bounds(cell: SeparationBounds) -> Numbers:
    """The numbers of a :class:`SeparationBounds`."""
    theorem = cell.theorem()
    numbers: Numbers = {"taylor_width": theorem.taylor_width, "network_width": theorem.network_width}
    for name, m in (("taylor", theorem.taylor_width), ("network", theorem.network_width)):
        narrow = 2 * (m // 8)
        numbers[name] = ball_text(theorem.ratio(m, name == "network"))
        numbers[f"{name}_narrow"] = ball_text(theorem.ratio(narrow, name == "network"))
    for name, share in (("floor", theorem.share), ("floor_more", theorem.share + Fraction(1, 10))):
        counts = [int(share * multiplicity(d, 2)) for d in cell.dimensions]
        floors = [risk_floor(d, n, {2: 1}) for d, n in zip(cell.dimensions, counts, strict=True)]
        numbers[name] = [str(floor) for floor in floors]
    return numbers


def separation_errors(cell: SeparationErrors) -> Numbers:
    """The numbers of a :class:`SeparationErrors`."""
    theorem, d = cell.theorem(), cell.d_min
    m = theorem.taylor_width
    network = TwoLayerNetwork(d, m, Activation.parse(cell.activation), seed=cell.seed("network"))
    beta, u = sphere(2, d, 1.0, generator(cell.seed("directions")))
    alpha = math.sqrt((d + 2) / (2 * (d - 1)))
    x = orthogonal_inputs(cell.inputs, d, generator(cell.seed("inputs")))
    constant = torch.full((len(x),), alpha, dtype=x.dtype)
    goal = [x @ u - constant, alpha * (x @ beta) ** 2]
    low = Target.zonal(d, 0, u[None], [-alpha]) + Target.zonal(d, 1, u[None], [1.0])
    eigenvalues = [float(ntk_eigenvalue(network.activation.exact, degree, d).mid()) for degree in (0, 1)]
    scale = torch.tensor([eigenvalues[0], *[eigenvalues[1]] * d], dtype=torch.float64)
    half = HarmonicTransform(network, 1, torch.float64).apply(coefficients(low, 1, network.w) / scale)
    dense, sparse = torch.cat([half, -half]), sparse_displacement(network, beta, alpha, 1)
    signs = random_signs(cell.draws * m, generator(cell.seed("signs"))).reshape(m, cell.draws)
    signs = torch.cat([signs, torch.ones(m, 1, dtype=torch.float64)], dim=1)

    count = cell.draws + 1
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
