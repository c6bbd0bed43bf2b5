"""How the cells of :mod:`verify.cells.constructions` are computed."""

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
from verify.cells.constructions import CHUNK, DenseExpression, JointExpression, Networks, SparseExpression


def networks_network(cell: Networks, index: int) -> TwoLayerNetwork:
    """Network number ``index``."""
    sigma = Activation.parse(cell.activation)
    return TwoLayerNetwork(cell.d, cell.m, sigma, seed=cell.seed(f"network {index}"))


def networks_signs(cell: Networks, index: int, count: int) -> torch.Tensor:
    """``count`` independent sign vectors, (count, m)."""
    return random_signs(count * cell.m, generator(cell.seed(f"signs {index}"))).reshape(count, cell.m)


def networks_dense_target(cell: Networks, index: int, energy: float) -> Target:
    """Random harmonics of every degree <= k, each of this energy."""
    seeds = (cell.shared(f"target of degree {degree}", index) for degree in range(cell.k + 1))
    parts = [Target.dense(cell.d, degree, energy, seed) for degree, seed in enumerate(seeds)]
    return reduce(add, parts)


def sparse_expression_measure(cell: SparseExpression, index: int) -> dict[str, float]:
    """The numbers of one network of a :class:`SparseExpression`."""
    network, gen = cell.network(index), generator(cell.shared("data", index))
    x = sphere(cell.inputs, cell.d, math.sqrt(cell.d), gen)
    gaussian = torch.randn(cell.d, len(cell.alphas), generator=gen, dtype=torch.float64)
    betas = torch.linalg.qr(gaussian).Q.T
    W = sparse_construction(network, betas, list(cell.alphas), cell.k, cell.signs(index, 1)[0]).W
    alphas = torch.tensor(cell.alphas, dtype=torch.float64)

    def error(values: torch.Tensor, power: int) -> float:
        return float((values - (x @ betas.T) ** power @ alphas).square().mean())

    plain = network.activation(network.preactivations(x))
    lowered = (plain * (x @ W.T) ** 2) @ network.a / (2 * math.sqrt(cell.m))
    quadratic = network.quadratic(x, W)
    return {
        "error": error(quadratic, cell.k + 1),
        "lowered": error(lowered, cell.k + 1),
        "degree": error(quadratic, cell.k + 2),
        "norm": float(sum_of_fourth_powers(W)),
    }


def dense_expression_measure(cell: DenseExpression, index: int) -> dict[str, float]:
    """The numbers of one network of a :class:`DenseExpression`."""
    network, target = cell.network(index), cell.dense_target(index, 1.0)
    x = sphere(cell.inputs, cell.d, math.sqrt(cell.d), generator(cell.shared("data", index)))
    W = dense_construction(network, target, cell.k).W
    other = GoodDirections(network, cell.k).random_subspace(cell.seed(f"shuffled {index}")).project(W)
    residual, shuffled = (float((network.linear(x, V) - target(x)).square().mean()) for V in (W, other))
    return {"norm": float(W.square().sum()), "residual": residual, "shuffled": shuffled}


def joint_expression_measure(cell: JointExpression, index: int) -> dict[str, float]:
    """The numbers of one network of a :class:`JointExpression`."""
    network = cell.network(index)
    target = cell.dense_target(index, cell.energy)
    target = target + Target.sparse(cell.d, cell.k + 1, cell.alphas, cell.shared("sparse", index))
    x = orthogonal_inputs(cell.inputs, cell.d, generator(cell.shared("data", index)))
    ones = torch.ones(cell.m, dtype=torch.float64)
    coherent = joint_construction(network, target, cell.k, ones)
    dense, sparse = coherent.dense, coherent.sparse
    lazy = cell.m**-0.25 * sparse
    signs = cell.signs(index, cell.draws)
    goal = target(x)[:, None]

    def error(moved: torch.Tensor, drawn: torch.Tensor) -> float:
        return float((signed_outputs(network, x, dense, moved, drawn) - goal).square().mean())

    numbers = {
        "error": error(sparse, signs.T),
        "coherent_error": error(sparse, ones[:, None]),
        "lazy_error": error(lazy, signs.T),
    }
    good = GoodDirections(network, cell.k)
    other = good.random_subspace(cell.seed(f"shuffled {index}"))
    some = signs[: cell.draws // 4, :, None]
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
