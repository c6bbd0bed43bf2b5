"""The matrices of the neurons and their eigenproblems against dense sums."""

from __future__ import annotations

import math

import torch
from objectives import Problem, weights

from numerics.certificate import neurons
from numerics.certificate.neurons import Neurons, weighted_squares
from numerics.sampling import generator

PROBLEM = Problem.of()
OBJECTIVE = PROBLEM.objective(weights())
G = torch.randn(OBJECTIVE.n, generator=generator(3), dtype=torch.float64)


def dense() -> torch.Tensor:
    """B_r from its definition, (m/2, d, d)."""
    network, x = OBJECTIVE.network, OBJECTIVE.x
    (second,) = network.activation.derivatives(x @ network.half.T, 2)
    return torch.einsum("i,ir,ia,ib->rab", G / OBJECTIVE.n, second, x, x) / (2 * math.sqrt(network.m))


def test_matrices_and_their_ends() -> None:
    found, expected = Neurons.of(OBJECTIVE, G), dense()
    torch.testing.assert_close(found.matrices, expected, rtol=1e-12, atol=1e-14)
    both = torch.cat([expected, -expected])
    torch.testing.assert_close(found.lowest(), torch.linalg.eigvalsh(both)[:, 0], rtol=1e-10, atol=1e-13)
    e = found.lowest_vectors()
    torch.testing.assert_close((both @ e[..., None])[..., 0], found.lowest()[:, None] * e, rtol=1e-9, atol=1e-12)
    assert bool((torch.linalg.matrix_norm(expected, 2) <= found.moduli).all())
    assert bool((found.error < 1e-11 * found.moduli).all())
    assert bool((found.error > 0).all())


def test_products_and_solutions() -> None:
    found, network = Neurons.of(OBJECTIVE, G), OBJECTIVE.network
    s = 0.1 - found.lowest()
    V = torch.randn(network.w.shape, generator=generator(4), dtype=torch.float64)
    blocks = torch.cat([dense(), -dense()]) + s[:, None, None] * torch.eye(network.d, dtype=torch.float64)
    torch.testing.assert_close(found.apply(V, s), (blocks @ V[..., None])[..., 0], rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(found.solve(V, s), torch.linalg.solve(blocks, V), rtol=1e-9, atol=1e-11)


def test_rows_are_worked_through_in_parts(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def weighted() -> torch.Tensor:
        return weighted_squares(OBJECTIVE, lambda rows, block: OBJECTIVE.data.tilted(rows, block, G)[1])[0]

    whole = weighted()
    monkeypatch.setattr(neurons, "CHUNK", 60)
    torch.testing.assert_close(weighted(), whole, rtol=1e-12, atol=1e-14)
