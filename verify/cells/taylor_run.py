"""How the cells of :mod:`verify.cells.taylor` are computed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import sympy as sp
import torch
from flint import ctx

from numerics.activations import TorchActivation
from numerics.constructions import random_signs, sparse_displacement
from numerics.network import TwoLayerNetwork
from numerics.quadrature import gauss_rule
from numerics.sampling import generator, sphere
from theory import Activation, range_radius, taylor_terms, third_derivative_bound
from theory.balls.ball import ball
from theory.balls.precision import exclusive
from verify.cells.taylor import RemainderRatio, TaylorAgreement, TermSizes
from verify.running.experiment import Numbers


def taylor_agreement(cell: TaylorAgreement) -> Numbers:
    """The numbers of a :class:`TaylorAgreement`."""
    sigma = Activation.parse(cell.activation)
    network = TwoLayerNetwork(cell.d, cell.m, sigma, seed=cell.seed("network"))
    gen = generator(cell.seed("point"))
    x = sphere(1, cell.d, math.sqrt(cell.d), gen)
    W, V = (torch.randn(cell.m, cell.d, generator=gen, dtype=torch.float64) for _ in range(2))
    zero = torch.zeros_like(W)

    def slope(direction: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        return torch.func.jvp(lambda u: network.forward(x, u), (at,), (direction,))[1]

    def curvature(first: torch.Tensor, second: torch.Tensor) -> float:
        return float(torch.func.jvp(lambda u: slope(first, u), (zero,), (second,))[1])

    symbolic = _taylor_agreement_symbolic(cell, sigma, network, x, W, V)
    h, other = x @ W.T, x @ V.T
    value, first = network.activation.derivatives(network.preactivations(x), 0, 1)

    def lowered(term: torch.Tensor) -> float:
        return float((network.a * term).sum() / math.sqrt(cell.m))

    return {
        "linear": {
            "symbolic": symbolic[0],
            "automatic": float(slope(W, zero)),
            "formula": float(network.linear(x, W)),
            "planted": lowered(value * h),
        },
        "quadratic": {
            "symbolic": symbolic[1],
            "automatic": curvature(W, W) / 2,
            "formula": float(network.quadratic(x, W)),
            "planted": lowered(first * h**2 / 2),
        },
        "cross": {
            "symbolic": symbolic[2],
            "automatic": curvature(W, V),
            "formula": float(network.cross(x, W, V)),
            "planted": lowered(first * h * other),
        },
    }


def _taylor_agreement_symbolic(
    cell: TaylorAgreement,
    sigma: Activation,
    network: TwoLayerNetwork,
    x: torch.Tensor,
    W: torch.Tensor,
    V: torch.Tensor,
) -> list[float]:
    terms = taylor_terms(sigma, cell.d, cell.m)
    symbols = [*terms.signs, *terms.initial, *terms.displacement, *terms.second, *terms.x]
    values = [t.flatten() for t in (network.a, network.w, W, V, x)]
    # A double is a binary rational, so the substitution is exact.
    exact = [sp.Rational(v) for v in torch.cat(values).tolist()]
    point = dict(zip(symbols, exact, strict=True))
    with exclusive, ctx.workprec(160):
        return [float(ball(term.xreplace(point)).mid()) for term in (terms.linear, terms.quadratic, terms.cross)]


def remainder_ratio(cell: RemainderRatio) -> Numbers:
    """The numbers of a :class:`RemainderRatio`."""
    sigma = Activation.parse(cell.activation)
    network = TwoLayerNetwork(cell.d, cell.m, sigma, seed=cell.seed("network"))
    gen = generator(cell.seed("data"))
    x = sphere(64, cell.d, math.sqrt(cell.d), gen)
    noise = sphere(cell.m, cell.d, cell.length, gen)
    supremum = float(third_derivative_bound(sigma, range_radius(cell.d, cell.length)).upper())

    point = x[:1]
    (third,) = network.activation.derivatives(network.preactivations(point), 3)
    signs = torch.sign(network.a * third[0])
    aligned = signs[:, None] * point * (cell.length / math.sqrt(cell.d))

    def ratio(inputs: torch.Tensor, W: torch.Tensor) -> float:
        taylor = network.linear(inputs, W) + network.quadratic(inputs, W)
        remainder = (network.forward(inputs, W) - taylor).abs()
        cubes = (inputs @ W.T).abs().pow(3).sum(1) / math.sqrt(cell.m)
        return float((remainder / (supremum * cubes)).max())

    worst, along = _remainder_ratio_extreme(cell, network, gen)
    return {
        "random": ratio(x, noise),
        "aligned": ratio(point, aligned),
        "extreme": ratio(worst, along),
        "supremum": supremum,
    }


def _remainder_ratio_extreme(
    cell: RemainderRatio, network: TwoLayerNetwork, gen: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """An input and the displacement of the first pair along it."""
    root = math.sqrt(cell.d)
    z = torch.linspace(-root, root, 4001, dtype=torch.float64)
    step = cell.length * root
    value, first, second = network.activation.derivatives(z, 0, 1, 2)
    rest = [network.activation(z + h) - value - first * h - second * h**2 / 2 for h in (step, -step)]
    forward, backward = (float(r.abs().max()) for r in rest)
    side, shape = (1.0, rest[0]) if forward >= backward else (-1.0, rest[1])
    best = int(shape.abs().argmax())
    w = network.half[0]
    across = sphere(1, cell.d, 1.0, gen)[0]
    across = across - (across @ w) * w
    x = z[best] * w + (cell.d - z[best] ** 2).clamp_min(0).sqrt() * across / across.norm()
    W = torch.zeros_like(network.w)
    # The copy with a = -1 moves the other way, where the cubic term has the other sign: both add up.
    W[0], W[cell.m // 2] = (side * cell.length / root * x, -side * cell.length / root * x)
    return x[None, :], W


def term_sizes(cell: TermSizes) -> Numbers:
    """The numbers of a :class:`TermSizes`."""
    # The same inputs and direction at every width: the exponent in m then does not see their fluctuation.
    gen = generator(cell.seed("data", shared=("m", "networks")))
    beta = sphere(1, cell.d, 1.0, gen)[0]
    across = sphere(cell.inputs, cell.d, 1.0, gen)
    across = across - (across @ beta)[:, None] * beta
    # Sizes depend on x mostly through <beta,x>: along beta a Gauss rule takes the place of a random draw.
    along, weights = gauss_rule(cell.d, cell.inputs)
    unit = across / across.norm(dim=1, keepdim=True)
    x = math.sqrt(cell.d) * (along[:, None] * beta + (1 - along**2).sqrt()[:, None] * unit)
    squares: dict[str, dict[str, float]] = {}
    for index in range(cell.networks):
        for kind, terms in _term_sizes_terms(cell, index, x, beta).items():
            sums = squares.setdefault(kind, dict.fromkeys(terms, 0.0))
            for name, values in terms.items():
                sums[name] += float(weights @ values.square().mean(1)) / cell.networks
    return {kind: {name: math.sqrt(v) for name, v in sums.items()} for kind, sums in squares.items()}


def _term_sizes_terms(
    cell: TermSizes, index: int, x: torch.Tensor, beta: torch.Tensor
) -> dict[str, dict[str, torch.Tensor]]:
    """kind -> term -> values, (inputs, draws) or (inputs, 1), of one network."""
    network = TwoLayerNetwork(cell.d, cell.m, Activation.parse(cell.activation), seed=cell.seed(f"network {index}"))
    W = sparse_displacement(network, beta, cell.alpha, cell.k)
    signs = generator(cell.seed(f"signs {index}"))
    # W_Q moves half of the neurons; the others contribute exactly zero to every term.
    moved = W.square().sum(1) > 0
    rows = (network.w[moved], network.a[moved] / math.sqrt(cell.m), W[moved])
    names = ("linear", "quadratic", "odd", "even")
    random = {name: x.new_zeros(len(x), cell.draws) for name in names}
    whole = {kind: {name: x.new_zeros(len(x), 1) for name in names} for kind in ("coherent", "lazy")}
    for w, outer, v in zip(*(tensor.split(16_384) for tensor in rows), strict=True):
        z, h = x @ w.T, x @ v.T
        derivatives = network.activation.derivatives(z, 0, 1, 2)
        drawn = random_signs(len(v) * cell.draws, signs).reshape(len(v), cell.draws)
        for kind, step in (("coherent", h), ("lazy", h * cell.m**-0.25)):
            for name, term in neuron_terms(network.activation, z, step, derivatives).items():
                whole[kind][name] += (term @ outer)[:, None]
                if kind == "coherent" and name in ("linear", "odd"):
                    random[name] += term @ (outer[:, None] * drawn)
    for name in ("quadratic", "even"):  # blind to signs
        random[name] += whole["coherent"][name]
    for terms in whole.values():
        terms["remainder"] = terms.pop("odd") + terms.pop("even")
    return {"random": random, **whole}


def neuron_terms(
    sigma: TorchActivation, z: torch.Tensor, h: torch.Tensor, derivatives: Sequence[torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Each neuron's terms, (inputs, neurons): first and second order, and what is left, odd and even in h."""
    value, first, second = derivatives
    ahead, behind = sigma(z + h), sigma(z - h)
    linear, quadratic = first * h, second * h**2 / 2
    odd, even = (ahead - behind) / 2 - linear, (ahead + behind) / 2 - value - quadratic
    return {"linear": linear, "quadratic": quadratic, "odd": odd, "even": even}
