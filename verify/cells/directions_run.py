"""How the cells of :mod:`verify.cells.directions` are computed."""

from __future__ import annotations

import math

import torch

from numerics.constructions import random_signs, sparse_displacement
from numerics.covariance import FeatureCovariance
from numerics.directions import Dense, GoodDirections
from numerics.harmonics import Harmonics
from numerics.network import TwoLayerNetwork
from numerics.quadrature import gauss_rule
from numerics.sampling import generator, sphere
from numerics.span import HarmonicTransform, Span
from theory import Activation, multiplicity, random_sign_energy
from verify.cells.directions import PROBES, REST_PROBES, LargeDirections, SignEnergies
from verify.running.experiment import Numbers


def large_directions(cell: LargeDirections) -> Numbers:
    """The numbers of a :class:`LargeDirections`."""
    network = TwoLayerNetwork(cell.d, cell.m, Activation.parse(cell.activation), seed=cell.seed("network"))
    gen = generator(cell.seed("data"))
    x = sphere(cell.inputs, cell.d, math.sqrt(cell.d), gen)
    W = torch.randn(PROBES, cell.m, cell.d, generator=gen, dtype=torch.float64)
    difference = W[:, : cell.m // 2] - W[:, cell.m // 2 :]
    covariance, span = FeatureCovariance(network), Span(network, cell.k)
    values, vectors = covariance.top(span.dimension)
    eigen = Dense(network, vectors[:, : cell.m // 2])
    form = _large_directions_form(cell, network, eigen, vectors[:, : cell.m // 2], x)
    coordinates = eigen.coordinates(difference)
    half = eigen.combine(coordinates)
    rest = W - torch.cat([half, -half], dim=1)

    shuffled = GoodDirections(network, cell.k).random_subspace(cell.seed("shuffled"))
    other = shuffled.features(x)
    sampled = other.mT @ other / cell.inputs
    basis = torch.eye(span.dimension, dtype=torch.float64)
    inside = _large_directions_products(covariance, torch.stack([span.combine(row) for row in basis]))
    harmonics = _large_directions_products(covariance, torch.stack([span.apply(row) for row in basis])).diagonal()
    parts = harmonics.split([multiplicity(cell.d, degree) for degree in range(cell.k + 1)])
    return {
        "threshold": float(values[-1]),
        "smallest": float(torch.linalg.eigvalsh(form)[0]),
        "gaussian": smallest_quotient(form, coordinates),
        "complement": min(float(network.linear(x, V).square().mean() / V.square().sum()) for V in rest[:REST_PROBES]),
        "shuffled": float(torch.linalg.eigvalsh(sampled)[0]),
        "shuffled_gaussian": smallest_quotient(sampled, shuffled.half_coordinates(difference)),
        "span_threshold": float(torch.linalg.eigvalsh(span.gram)[0]),
        "span_smallest": float(torch.linalg.eigvalsh(inside)[0]),
        "energies": [float(part.mean()) for part in parts],
    }


def _large_directions_form(
    cell: LargeDirections, network: TwoLayerNetwork, basis: Dense, half: torch.Tensor, x: torch.Tensor
) -> torch.Tensor:
    """E_x[f_L(x; b_i) f_L(x; b_j)] for displacements b_j = (p_j, -p_j), from harmonics and a sampled rest."""
    low = HarmonicTransform(network, cell.k, torch.float64).adjoint(2 * half)
    unit = x / math.sqrt(cell.d)
    values = [torch.ones(len(x), 1, dtype=torch.float64)]
    values += [Harmonics(cell.d, degree).values(unit) for degree in range(1, cell.k + 1)]
    rest = basis.features(x) - torch.cat(values, dim=1) @ low.mT
    return low @ low.mT + rest.mT @ rest / len(x)


def _large_directions_products(covariance: FeatureCovariance, half: torch.Tensor) -> torch.Tensor:
    """W_i^T Sigma W_j for W_i = (p_i, -p_i)."""
    images = torch.stack([covariance.half_matmul(2 * p) for p in half])
    return images.flatten(1) @ (2 * half).flatten(1).mT


def smallest_quotient(form: torch.Tensor, rows: torch.Tensor) -> float:
    """Smallest c^T F c / |c|^2 over the rows c."""
    return float((torch.einsum("ri,ij,rj->r", rows, form, rows) / rows.square().sum(1)).min())


def sign_energies_measure(cell: SignEnergies, index: int) -> dict[str, float]:
    """The numbers of one network of a :class:`SignEnergies`."""
    network, gen = cell.network(index), generator(cell.shared("data", index))
    beta = sphere(1, cell.d, 1.0, gen)[0]
    across = sphere(cell.inputs, cell.d, 1.0, gen)
    across = across - (across @ beta)[:, None] * beta
    along, weights = gauss_rule(cell.d, cell.inputs)
    unit = across / across.norm(dim=1, keepdim=True)
    x = math.sqrt(cell.d) * (along[:, None] * beta + (1 - along**2).sqrt()[:, None] * unit)
    W = sparse_displacement(network, beta, 1.0, cell.k)
    signed = cell.signs(index, cell.draws)[:, :, None] * W
    good = GoodDirections(network, cell.k)
    quadratic = network.quadratic(x, W)
    coordinates = random_signs(cell.m * cell.d, generator(cell.seed(f"coordinates {index}"))).reshape(W.shape) * W

    def energy(V: torch.Tensor) -> float:
        return float((network.linear(x, V).square() @ weights).mean())

    def gap(V: torch.Tensor) -> float:
        return float((network.quadratic(x, V) - quadratic).abs().max() / quadratic.abs().max())

    inner, norms = (network.w * W).sum(1), W.norm(dim=1)
    exact = random_sign_energy(network.activation.exact, cell.d, inner.tolist(), norms.tolist())
    return {
        "linear": energy(signed),
        "linear_exact": float(exact.mid()),
        "good": float(good.coordinates(signed).square().sum(-1).mean()),
        "good_exact": float(good.sign_energy(W)),
        "coherent_linear": energy(W),
        "coherent_good": float(good.coordinates(W).square().sum()),
        "quadratic_gap": gap(signed[0]),
        "coordinate_gap": gap(coordinates),
    }
