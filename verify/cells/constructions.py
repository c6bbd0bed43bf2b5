"""Cells of the claims on constructions: W_Q, W_L and their sum with random signs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from operator import add

import torch

from numerics.constructions import dense_construction, joint_construction, random_signs, sparse_construction
from numerics.directions import GoodDirections
from numerics.network import TwoLayerNetwork
from numerics.sampling import generator, sphere
from numerics.targets import Target
from numerics.terms.r4 import sum_of_fourth_powers
from theory import Activation
from verify.running.experiment import Cell, Numbers

CHUNK = 8192
"""Neurons evaluated at a time."""


class Networks(Cell):
    """Base of cells that repeat a measurement over independent networks of one width.

    Cells that differ only in m share inputs, targets and directions, repetition by repetition, but no network.

    Attributes:
        activation, d, m, k: of the networks and the construction.
        networks: repetitions; every list of numbers has one entry for each.
        inputs: x for each repetition.
    """

    activation: str
    d: int
    m: int
    k: int
    networks: int
    inputs: int

    def run(self) -> Numbers:
        rows = [self.measure(index) for index in range(self.networks)]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def measure(self, index: int) -> dict[str, float]:
        """The numbers of one network."""
        raise TypeError(f"{type(self).__name__} does not say what it measures")

    def network(self, index: int) -> TwoLayerNetwork:
        """Network number ``index``."""
        sigma = Activation.parse(self.activation)
        return TwoLayerNetwork(self.d, self.m, sigma, seed=self.seed(f"network {index}"))

    def shared(self, purpose: str, index: int) -> int:
        """A seed that does not depend on m."""
        return self.seed(f"{purpose} {index}", shared=("m",))

    def signs(self, index: int, count: int) -> torch.Tensor:
        """``count`` independent sign vectors, (count, m)."""
        return random_signs(count * self.m, generator(self.seed(f"signs {index}"))).reshape(count, self.m)

    def dense_target(self, index: int, energy: float) -> Target:
        """Random harmonics of every degree <= k, each of this energy."""
        seeds = (self.shared(f"target of degree {degree}", index) for degree in range(self.k + 1))
        parts = [Target.dense(self.d, degree, energy, seed) for degree, seed in enumerate(seeds)]
        return reduce(add, parts)


class SparseExpression(Networks):
    """f_Q of W_Q against f_sp = sum_i alpha_i <beta_i,x>^{k+1}, with orthonormal beta_i.

    Numbers: ``error`` mean of (f_Q - f_sp)^2 over inputs; ``lowered`` the same with sigma in place of sigma'' in f_Q
    (not sigma': at sin(z + pi/4) and k = 2 that has the same coefficient); ``degree`` the same with <beta,x>^{k+2} in
    place of <beta,x>^{k+1}; ``norm`` |W_Q|_{2,4}^4.
    """

    alphas: tuple[float, ...]

    def measure(self, index: int) -> dict[str, float]:
        network, gen = self.network(index), generator(self.shared("data", index))
        x = sphere(self.inputs, self.d, math.sqrt(self.d), gen)
        gaussian = torch.randn(self.d, len(self.alphas), generator=gen, dtype=torch.float64)
        betas = torch.linalg.qr(gaussian).Q.T
        W = sparse_construction(network, betas, list(self.alphas), self.k, self.signs(index, 1)[0]).W
        alphas = torch.tensor(self.alphas, dtype=torch.float64)

        def error(values: torch.Tensor, power: int) -> float:
            return float((values - (x @ betas.T) ** power @ alphas).square().mean())

        plain = network.activation(network.preactivations(x))
        lowered = (plain * (x @ W.T) ** 2) @ network.a / (2 * math.sqrt(self.m))
        quadratic = network.quadratic(x, W)
        return {
            "error": error(quadratic, self.k + 1),
            "lowered": error(lowered, self.k + 1),
            "degree": error(quadratic, self.k + 2),
            "norm": float(sum_of_fourth_powers(W)),
        }


class DenseExpression(Networks):
    """f_L of W_L against f_k, a random harmonic of energy one in every degree <= k.

    Numbers: ``norm`` |W_L|^2; ``residual`` mean of (f_L(W_L) - f_k)^2 over inputs; ``shuffled`` the same for the
    projection of W_L on a random subspace in place of the good one.
    """

    def measure(self, index: int) -> dict[str, float]:
        network, target = self.network(index), self.dense_target(index, 1.0)
        x = sphere(self.inputs, self.d, math.sqrt(self.d), generator(self.shared("data", index)))
        W = dense_construction(network, target, self.k).W
        other = GoodDirections(network, self.k).random_subspace(self.seed(f"shuffled {index}")).project(W)
        residual, shuffled = (float((network.linear(x, V) - target(x)).square().mean()) for V in (W, other))
        return {"norm": float(W.square().sum()), "residual": residual, "shuffled": shuffled}


class JointExpression(Networks):
    """The network at W_L + S W_Q against f* = f_k + f_sp, and the regularisers there.

    f_k: random harmonics of energy ``energy`` in every degree <= k; f_sp: harmonics of degree k + 1 and energies
    alpha_i^2 along orthonormal directions.

    Numbers: ``error`` mean of (f(x; W0 + W) - f*(x))^2 over inputs and sign draws, ``coherent_error`` with s_r = 1,
    ``lazy_error`` with m^{-1/4} W_Q; ``r1``, ``r2``, ``r3`` on the same inputs and ``r4`` = |W|_{2,4}^4, over a quarter
    of the draws; these four with prefix ``coherent_`` and ``lazy_``, with ``swapped_`` (P_{<=k} and P_{>k} exchanged)
    and ``shuffled_`` (a random subspace in place of the good one).
    """

    alphas: tuple[float, ...]
    energy: float
    draws: int

    def measure(self, index: int) -> dict[str, float]:
        network = self.network(index)
        target = self.dense_target(index, self.energy)
        target = target + Target.sparse(self.d, self.k + 1, self.alphas, self.shared("sparse", index))
        x = orthogonal_inputs(self.inputs, self.d, generator(self.shared("data", index)))
        ones = torch.ones(self.m, dtype=torch.float64)
        coherent = joint_construction(network, target, self.k, ones)
        dense, sparse = coherent.dense, coherent.sparse
        lazy = self.m**-0.25 * sparse
        signs = self.signs(index, self.draws)
        goal = target(x)[:, None]

        def error(moved: torch.Tensor, drawn: torch.Tensor) -> float:
            return float((signed_outputs(network, x, dense, moved, drawn) - goal).square().mean())

        numbers = {
            "error": error(sparse, signs.T),
            "coherent_error": error(sparse, ones[:, None]),
            "lazy_error": error(lazy, signs.T),
        }
        good = GoodDirections(network, self.k)
        other = good.random_subspace(self.seed(f"shuffled {index}"))
        some = signs[: self.draws // 4, :, None]
        one = dense + some[0] * sparse
        for prefix, W, project in (
            ("", dense + some * sparse, good.project),
            ("coherent_", coherent.W, good.project),
            ("lazy_", dense + some[0] * lazy, good.project),
            ("swapped_", one, good.complement),
            ("shuffled_", one, other.project),
        ):
            numbers |= {prefix + name: value for name, value in regularisers(network, x, W, project).items()}
        return numbers


def orthogonal_inputs(count: int, d: int, gen: torch.Generator) -> torch.Tensor:
    """``count`` inputs, rounded up to full frames of d orthogonal ones, each uniform on the sphere; (>= count, d).

    Over a frame the mean of <beta,x>^2 is exactly one, so sizes that follow it hardly depend on the draw.
    """
    gaussian = torch.randn(-(-count // d), d, d, generator=gen, dtype=torch.float64)
    q, r = torch.linalg.qr(gaussian)
    uniform = q * torch.sign(torch.diagonal(r, dim1=-2, dim2=-1))[:, None, :]
    return math.sqrt(d) * uniform.mT.reshape(-1, d)


def signed_outputs(
    network: TwoLayerNetwork, x: torch.Tensor, dense: torch.Tensor, sparse: torch.Tensor, signs: torch.Tensor
) -> torch.Tensor:
    """f(x; W0 + dense + S sparse) for every column of signs, (m, draws); returns (n, draws).

    sigma(z + s h) = E + s O with the parts E and O of sigma(z + h) even and odd in h, so all draws share two
    evaluations of each neuron that ``sparse`` moves, and one of each other.
    """
    outer = network.a / math.sqrt(network.m)
    total = x.new_zeros(len(x), signs.shape[1])
    moves = sparse.square().sum(1) > 0
    for w, v, s, c in zip(*(t[moves].split(CHUNK) for t in (network.w + dense, sparse, signs, outer)), strict=True):
        z, h = x @ w.T, x @ v.T
        ahead, behind = network.activation(z + h), network.activation(z - h)
        total += ((ahead + behind) / 2 @ c)[:, None] + (ahead - behind) / 2 @ (c[:, None] * s)
    for w, c in zip(*(t[~moves].split(CHUNK) for t in (network.w + dense, outer)), strict=True):
        total += (network.activation(x @ w.T) @ c)[:, None]
    return total


def regularisers(
    network: TwoLayerNetwork, x: torch.Tensor, W: torch.Tensor, project: Callable[[torch.Tensor], torch.Tensor]
) -> dict[str, float]:
    """R1, R2, R3 as means over the inputs, with ``project`` for P_{<=k}, and R4 = |W|_{2,4}^4; means over W's too.

    W of shape (m, d), or (draws, m, d).
    """
    good = project(W) if W.ndim == 2 else torch.stack([project(one) for one in W])
    rest = W - good
    values = {"r1": network.linear(x, rest), "r2": network.quadratic(x, good), "r3": network.cross(x, good, rest)}
    means = {name: float(value.square().mean()) for name, value in values.items()}
    return means | {"r4": float(sum_of_fourth_powers(W).mean())}
