"""Cells of the Taylor claims."""

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
from verify.running.experiment import Cell, Numbers


class TaylorAgreement(Cell):
    """f_L, f_Q and the cross term at one random point by three routes.

    Routes: SymPy derivative of the network evaluated as a certified ball; forward-mode automatic differentiation of
    ``forward``; the network's own formulas. For a control, "planted" is the formula with every derivative of sigma one
    order too low. Numbers: term -> route -> value.
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
        h, other = x @ W.T, x @ V.T
        value, first = network.activation.derivatives(network.preactivations(x), 0, 1)

        def lowered(term: torch.Tensor) -> float:
            return float((network.a * term).sum() / math.sqrt(self.m))

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
        with exclusive, ctx.workprec(160):
            return [float(ball(term.xreplace(point)).mid()) for term in (terms.linear, terms.quadratic, terms.cross)]


class RemainderRatio(Cell):
    """|f - f_L - f_Q| over m^{-1/2} sup|sigma'''| sum_r |<W_r,x>|^3, the largest of three kinds of displacement.

    "random": independent neurons, at 64 inputs. "aligned": every W_r along one input, signed so that all third-order
    terms add up. "extreme": one pair of neurons moves along x, where x has the <w_r, x> at which the remainder of one
    neuron is largest; found on a grid of sigma itself, so no supremum enters.
    Numbers: the ratios, which the theorem bounds by 1/6, by kind; ``supremum``.
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

        worst, along = self._extreme(network, gen)
        return {
            "random": ratio(x, noise),
            "aligned": ratio(point, aligned),
            "extreme": ratio(worst, along),
            "supremum": supremum,
        }

    def _extreme(self, network: TwoLayerNetwork, gen: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """An input and the displacement of the first pair along it."""
        root = math.sqrt(self.d)
        z = torch.linspace(-root, root, 4001, dtype=torch.float64)
        step = self.length * root
        value, first, second = network.activation.derivatives(z, 0, 1, 2)
        rest = [network.activation(z + h) - value - first * h - second * h**2 / 2 for h in (step, -step)]
        forward, backward = (float(r.abs().max()) for r in rest)
        side, shape = (1.0, rest[0]) if forward >= backward else (-1.0, rest[1])
        best = int(shape.abs().argmax())
        w = network.half[0]
        across = sphere(1, self.d, 1.0, gen)[0]
        across = across - (across @ w) * w
        x = z[best] * w + (self.d - z[best] ** 2).clamp_min(0).sqrt() * across / across.norm()
        W = torch.zeros_like(network.w)
        # The copy with a = -1 moves the other way, where the cubic term has the other sign: both add up.
        W[0], W[self.m // 2] = (side * self.length / root * x, -side * self.length / root * x)
        return x[None, :], W


class TermSizes(Cell):
    """Root mean squares of f_L, f_Q and the remainder along the sparse construction W_Q, over networks, inputs, signs.

    "random": S W_Q with ``draws`` independent sign vectors, the remainder in its parts odd and even in the signs.
    "coherent": W_Q itself, |W_r| ~ m^{-1/4}. "lazy": m^{-1/4} W_Q, so |W_r| ~ m^{-1/2}.
    Numbers: kind -> term -> size.

    With h = <W_r,x>, signs enter only through the odd part: sigma(z + s h) = E + s O, E and O even and odd in h, so
    all draws share one evaluation of sigma(z + h) and sigma(z - h).
    """

    activation: str
    d: int
    m: int
    k: int
    alpha: float
    inputs: int
    draws: int
    networks: int

    def run(self) -> Numbers:
        # The same inputs and direction at every width: the exponent in m then does not see their fluctuation.
        gen = generator(self.seed("data", shared=("m", "networks")))
        beta = sphere(1, self.d, 1.0, gen)[0]
        across = sphere(self.inputs, self.d, 1.0, gen)
        across = across - (across @ beta)[:, None] * beta
        # Sizes depend on x mostly through <beta,x>: along beta a Gauss rule takes the place of a random draw.
        along, weights = gauss_rule(self.d, self.inputs)
        unit = across / across.norm(dim=1, keepdim=True)
        x = math.sqrt(self.d) * (along[:, None] * beta + (1 - along**2).sqrt()[:, None] * unit)
        squares: dict[str, dict[str, float]] = {}
        for index in range(self.networks):
            for kind, terms in self._terms(index, x, beta).items():
                sums = squares.setdefault(kind, dict.fromkeys(terms, 0.0))
                for name, values in terms.items():
                    sums[name] += float(weights @ values.square().mean(1)) / self.networks
        return {kind: {name: math.sqrt(v) for name, v in sums.items()} for kind, sums in squares.items()}

    def _terms(self, index: int, x: torch.Tensor, beta: torch.Tensor) -> dict[str, dict[str, torch.Tensor]]:
        """kind -> term -> values, (inputs, draws) or (inputs, 1), of one network."""
        network = TwoLayerNetwork(self.d, self.m, Activation.parse(self.activation), seed=self.seed(f"network {index}"))
        W = sparse_displacement(network, beta, self.alpha, self.k)
        signs = generator(self.seed(f"signs {index}"))
        # W_Q moves half of the neurons; the others contribute exactly zero to every term.
        moved = W.square().sum(1) > 0
        rows = (network.w[moved], network.a[moved] / math.sqrt(self.m), W[moved])
        names = ("linear", "quadratic", "odd", "even")
        random = {name: x.new_zeros(len(x), self.draws) for name in names}
        whole = {kind: {name: x.new_zeros(len(x), 1) for name in names} for kind in ("coherent", "lazy")}
        for w, outer, v in zip(*(tensor.split(16_384) for tensor in rows), strict=True):
            z, h = x @ w.T, x @ v.T
            derivatives = network.activation.derivatives(z, 0, 1, 2)
            drawn = random_signs(len(v) * self.draws, signs).reshape(len(v), self.draws)
            for kind, step in (("coherent", h), ("lazy", h * self.m**-0.25)):
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
