"""Cells of the claims on good directions and random signs."""

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
from verify.cells.constructions import Networks
from verify.running.experiment import Cell, Numbers

PROBES, REST_PROBES = 32, 2
"""Gaussian displacements for each network, and how many rests of them."""


class LargeDirections(Cell):
    r"""Energies of f_L in the good directions of one network, each by a route other than its lower bound's.

    Eigenvectors: lambda_{n_k} comes from Sigma, the energies from an expansion in harmonics: with the coefficients T* W
    of f_L(.; W) in degrees <= k (Funk-Hecke), \|f_L(W)\|^2 = |T* W|^2 + E[r^2], r the part of higher degree, whose
    small mean square is sampled. Span: the bound is the smallest eigenvalue of the Gram matrix T*T, the energies are
    W^T Sigma W.

    Numbers: ``threshold`` lambda_{n_k}; ``smallest`` quotient \|f_L(W)\|^2 / |W|^2 over the eigenvectors' span;
    ``gaussian`` the smallest over projections of Gaussian W; ``complement`` over the rests of some; ``shuffled``,
    ``shuffled_gaussian`` as ``smallest`` and ``gaussian`` for a random subspace; ``span_threshold``, ``span_smallest``;
    ``energies`` by degree, mean of \|f_L(T Y)\|^2 over an orthonormal basis Y.
    """

    activation: str
    d: int
    m: int
    k: int
    inputs: int

    def run(self) -> Numbers:
        network = TwoLayerNetwork(self.d, self.m, Activation.parse(self.activation), seed=self.seed("network"))
        gen = generator(self.seed("data"))
        x = sphere(self.inputs, self.d, math.sqrt(self.d), gen)
        W = torch.randn(PROBES, self.m, self.d, generator=gen, dtype=torch.float64)
        difference = W[:, : self.m // 2] - W[:, self.m // 2 :]
        covariance, span = FeatureCovariance(network), Span(network, self.k)
        values, vectors = covariance.top(span.dimension)
        eigen = Dense(network, vectors[:, : self.m // 2])
        form = self._form(network, eigen, vectors[:, : self.m // 2], x)
        coordinates = eigen.coordinates(difference)
        half = eigen.combine(coordinates)
        rest = W - torch.cat([half, -half], dim=1)

        shuffled = GoodDirections(network, self.k).random_subspace(self.seed("shuffled"))
        other = shuffled.features(x)
        sampled = other.mT @ other / self.inputs
        basis = torch.eye(span.dimension, dtype=torch.float64)
        inside = self._products(covariance, torch.stack([span.combine(row) for row in basis]))
        harmonics = self._products(covariance, torch.stack([span.apply(row) for row in basis])).diagonal()
        parts = harmonics.split([multiplicity(self.d, degree) for degree in range(self.k + 1)])
        return {
            "threshold": float(values[-1]),
            "smallest": float(torch.linalg.eigvalsh(form)[0]),
            "gaussian": smallest_quotient(form, coordinates),
            "complement": min(
                float(network.linear(x, V).square().mean() / V.square().sum()) for V in rest[:REST_PROBES]
            ),
            "shuffled": float(torch.linalg.eigvalsh(sampled)[0]),
            "shuffled_gaussian": smallest_quotient(sampled, shuffled.half_coordinates(difference)),
            "span_threshold": float(torch.linalg.eigvalsh(span.gram)[0]),
            "span_smallest": float(torch.linalg.eigvalsh(inside)[0]),
            "energies": [float(part.mean()) for part in parts],
        }

    def _form(self, network: TwoLayerNetwork, basis: Dense, half: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """E_x[f_L(x; b_i) f_L(x; b_j)] for displacements b_j = (p_j, -p_j), from harmonics and a sampled rest."""
        low = HarmonicTransform(network, self.k, torch.float64).adjoint(2 * half)
        unit = x / math.sqrt(self.d)
        values = [torch.ones(len(x), 1, dtype=torch.float64)]
        values += [Harmonics(self.d, degree).values(unit) for degree in range(1, self.k + 1)]
        rest = basis.features(x) - torch.cat(values, dim=1) @ low.mT
        return low @ low.mT + rest.mT @ rest / len(x)

    @staticmethod
    def _products(covariance: FeatureCovariance, half: torch.Tensor) -> torch.Tensor:
        """W_i^T Sigma W_j for W_i = (p_i, -p_i)."""
        images = torch.stack([covariance.half_matmul(2 * p) for p in half])
        return images.flatten(1) @ (2 * half).flatten(1).mT


def smallest_quotient(form: torch.Tensor, rows: torch.Tensor) -> float:
    """Smallest c^T F c / |c|^2 over the rows c."""
    return float((torch.einsum("ri,ij,rj->r", rows, form, rows) / rows.square().sum(1)).min())


class SignEnergies(Networks):
    r"""What random signs leave of f_L(.; S W) and of P_{<=k} S W, W = W_Q for <beta,x>^{k+1}.

    Inputs: a Gauss rule along beta, on which sizes depend most, random across. Numbers: ``linear`` mean of f_L(SW)^2
    over draws and inputs, ``linear_exact`` its mean over all signs by theory's formula for this W; ``good`` mean of
    |P_{<=k} S W|^2, ``good_exact`` sum_r W_r^T (P_{<=k})_rr W_r; ``coherent_linear``, ``coherent_good`` without signs;
    ``quadratic_gap`` the largest |f_Q(SW) - f_Q(W)| over that of f_Q(W); ``coordinate_gap`` the same with a sign for
    each coordinate of W_r in place of one for each neuron.
    """

    draws: int

    def measure(self, index: int) -> dict[str, float]:
        network, gen = self.network(index), generator(self.shared("data", index))
        beta = sphere(1, self.d, 1.0, gen)[0]
        across = sphere(self.inputs, self.d, 1.0, gen)
        across = across - (across @ beta)[:, None] * beta
        along, weights = gauss_rule(self.d, self.inputs)
        unit = across / across.norm(dim=1, keepdim=True)
        x = math.sqrt(self.d) * (along[:, None] * beta + (1 - along**2).sqrt()[:, None] * unit)
        W = sparse_displacement(network, beta, 1.0, self.k)
        signed = self.signs(index, self.draws)[:, :, None] * W
        good = GoodDirections(network, self.k)
        quadratic = network.quadratic(x, W)
        coordinates = random_signs(self.m * self.d, generator(self.seed(f"coordinates {index}"))).reshape(W.shape) * W

        def energy(V: torch.Tensor) -> float:
            return float((network.linear(x, V).square() @ weights).mean())

        def gap(V: torch.Tensor) -> float:
            return float((network.quadratic(x, V) - quadratic).abs().max() / quadratic.abs().max())

        inner, norms = (network.w * W).sum(1), W.norm(dim=1)
        exact = random_sign_energy(network.activation.exact, self.d, inner.tolist(), norms.tolist())
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
