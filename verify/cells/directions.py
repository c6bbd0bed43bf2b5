"""Cells of the claims on good directions and random signs."""

from __future__ import annotations

from verify.cells.constructions import Networks
from verify.running.experiment import Cell, Numbers

PROBES = 32
"""Gaussian displacements for each network."""
REST_PROBES = 2
"""Of these, how many rests."""


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
        from verify.cells.directions_run import large_directions

        return large_directions(self)


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
        from verify.cells.directions_run import sign_energies_measure

        return sign_energies_measure(self, index)
