"""How the cells of :mod:`verify.cells.rademacher` are computed."""

from __future__ import annotations

import math

import torch

from numerics.directions import GoodDirections
from numerics.losses import LOSSES
from numerics.models import ModelName
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.optimizers import GradientDescent
from numerics.sampling import generator, sphere
from numerics.targets import Target
from numerics.terms.r4 import sum_of_fourth_powers
from numerics.terms.weights import PenaltyWeights
from numerics.train import small_start, train
from theory import Activation
from verify.cells.rademacher import TEST_POINTS, NoisyFits, SignSuprema
from verify.running.experiment import Numbers


def linear_supremum(network: TwoLayerNetwork, x: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
    r"""sup over \|W\|_F <= 1 of (1/n) sum_i eps_i f_L(x_i; W) = \|(1/n) sum_i eps_i grad f(x_i)\|, of shape batch.

    Both copies of a pair have the same length, so this is (2/m)^{1/2} \|(1/n) sum_i eps_i sigma'(<w_r,x_i>) x_i\| over
    the pairs. Args: x (..., n, d), signs (..., n); several signs on the same x share its activations. Cost: n m d / 2.
    """
    (first,) = network.activation.derivatives(x @ network.half.mT, 1)
    gradients = (first * signs[..., None]).mT @ x / x.shape[-2]
    return gradients.square().sum((-2, -1)).mul(2 / network.m).sqrt()


def quadratic_supremum(
    network: TwoLayerNetwork, x: torch.Tensor, signs: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""sup over \|W\|_{2,4} <= 1 of (1/n) sum_i eps_i f_Q(x_i; W), and a W that attains it, (..., m, d).

    .. math:: \frac{1}{2\sqrt m}\sum_r a_r W_r^T M_r W_r, \qquad
              M_r = \frac1n\sum_i \varepsilon_i\sigma''(\langle w_r,x_i\rangle)x_ix_i^T.

    At fixed lengths each neuron does best along the top eigenvector of a_r M_r, or stays at 0, which gives
    (1/2) m^{-1/2} sum_r |W_r|^2 l_r with l_r = max(lambda_max(a_r M_r), 0); under sum_r |W_r|^4 <= 1 Cauchy-Schwarz
    leaves (1/2) m^{-1/2} (sum_r l_r^2)^{1/2}, at |W_r|^2 proportional to l_r. Both copies of a pair share M_r.

    Args: x (..., n, d), signs (..., n); several signs on the same x share activations and products. Cost: n m d^2 / 2
    and m/2 eigendecompositions of size d, for each.
    """
    (second,) = network.activation.derivatives(x @ network.half.mT, 2)
    products = (x[..., :, None] * x[..., None, :]).flatten(-2)  # (..., n, d^2)
    matrices = ((second * signs[..., None]).mT @ products / x.shape[-2]).unflatten(-1, (network.d, network.d))
    values, vectors = torch.linalg.eigh(matrices)
    gains = torch.cat([values[..., -1], -values[..., 0]], dim=-1).clamp_min(0)  # (..., m)
    directions = torch.cat([vectors[..., -1], vectors[..., 0]], dim=-2)
    total = gains.square().sum(-1).sqrt()
    lengths = (gains / total[..., None]).sqrt()
    return total / (2 * math.sqrt(network.m)), lengths[..., None] * directions


def fair_signs(count: int, gen: torch.Generator) -> torch.Tensor:
    """Independent signs, (count,), float64."""
    return torch.randint(0, 2, (count,), generator=gen).mul(2).sub(1).double()


def sign_suprema(cell: SignSuprema) -> Numbers:
    """The numbers of a :class:`SignSuprema`."""
    numbers: dict[str, list[list[float]]] = {"linear": [], "quadratic": [], "attained": [], "norms": []}
    for n in cell.samples:
        seed = cell.seed(f"network {n}")
        network = TwoLayerNetwork(cell.d, cell.m, Activation.parse(cell.activation), seed, device=cell.device)
        gen = generator(cell.seed(f"data {n}"))
        x = sphere(n, cell.d, math.sqrt(cell.d), gen).to(network.w)
        signs = torch.stack([fair_signs(n, gen) for _ in range(cell.draws)]).to(network.w)
        supremum, W = quadratic_supremum(network, x, signs)
        attained = (signs * network.quadratic(x, W)).mean(-1)
        norm = sum_of_fourth_powers(W) ** 0.25
        columns = (linear_supremum(network, x, signs), supremum, attained, norm)
        for name, column in zip(numbers, columns, strict=True):
            numbers[name].append(column.tolist())
    return {**numbers}


def noisy_fits(cell: NoisyFits) -> Numbers:
    """The numbers of a :class:`NoisyFits`."""
    seeds = [cell.seed(f"network {index}") for index in range(cell.networks)]
    network = TwoLayerNetwork(
        cell.d, cell.m, Activation.parse(cell.activation), seeds, dtype=torch.float32, device=cell.device
    )
    x, y, noise, others, test, answers = noisy_fits_data(cell, network)
    begin = small_start(network, cell.start, cell.seed("start"))
    good = GoodDirections(network, 1)
    arms: dict[str, tuple[ModelName, GoodDirections | None]] = {
        "joint": ("network", good),
        "quadntk": ("quadratic", None),
    }
    distance = LOSSES["absolute"].value
    numbers: Numbers = {}
    for arm, (model, directions) in arms.items():
        objective = Objective(network, x, y, PenaltyWeights(r4=cell.r4), directions, model)
        terms = Objective(network, x, y, model="quadratic" if arm == "quadntk" else "taylor").predict
        descent = GradientDescent(remeasure=max(1, cell.steps // 2))
        W = train(objective, begin, descent, cell.steps, cell.steps).W
        plus, minus = W.chunk(2, dim=-2)
        antisymmetric = (plus - minus).square().sum((-2, -1)).div(2).sqrt()
        squares = sum_of_fourth_powers(W).sqrt()
        measured = {
            "train": distance(terms(x, W), y).mean(-1),
            "test": distance(terms(test, W), answers).mean(-1),
            "linear_radius": torch.zeros_like(antisymmetric) if arm == "quadntk" else antisymmetric,
            "quadratic_radius": squares.sqrt(),
        }
        output = network.quadratic(x, W)
        for name, signs in (("own", noise), ("fresh", others)):
            supremum, _ = quadratic_supremum(network, x, signs)
            measured[name] = (signs * output).mean(-1) / (squares * supremum)
        numbers[arm] = {name: values.tolist() for name, values in measured.items()}
    return numbers


def noisy_fits_data(cell: NoisyFits, network: TwoLayerNetwork) -> tuple[torch.Tensor, ...]:
    """Inputs (networks, n, d), labels, their noise, other signs; test inputs and labels."""
    rows = []
    for index in range(cell.networks):
        gen = generator(cell.seed(f"data {index}"))
        target = Target.dense(cell.d, 1, 1.0, cell.seed(f"dense {index}")) + Target.sparse(
            cell.d, 2, [1.0], cell.seed(f"sparse {index}")
        )
        x, test = (sphere(count, cell.d, math.sqrt(cell.d), gen) for count in (cell.n, TEST_POINTS))
        noise, others, fresh = (fair_signs(count, gen) for count in (cell.n, cell.n, TEST_POINTS))
        rows.append((x, target(x) + noise, noise, others, test, target(test) + fresh))
    return tuple(torch.stack(column).to(network.w) for column in zip(*rows, strict=True))
