r"""The constructions: W_L for the dense part, W_Q for the sparse part, random signs, and their sum.

W_Q: the profile g of :mod:`theory.network.constructions` satisfies E_w[ sigma''(<w,x>) g(<beta,w>) ] = <beta,x>^{k-1}.
For the term alpha <beta,x>^{k+1} put W_r = s_r c_r beta with c_r^2 = 4 m^{-1/2} |alpha g(<beta,w_r>)| where a_r =
sign(alpha g), and c_r = 0 elsewhere. As m grows, f_Q -> alpha <beta,x>^{k+1} and |W_Q|_{2,4}^4 -> 8 alpha^2 E[g^2].

W_L: the least-norm W in the good directions whose f_L(W) agrees with f_k. Through the span, W_L = T G^{-1} f with the
Gram matrix G = T*T and the coefficients f of f_k: its f_L has exactly f_k as its part of degree <= k. Through Sigma,
W_L = sum_i v_i <v_i, T f> / lambda_i over the top n_k eigenpairs: the least-squares fit by the eigenspace.

Derived: docs/mathematics, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from flint import arb

from numerics.covariance import FeatureCovariance
from numerics.equality import ByValue
from numerics.harmonics import MOST_DEGREE, Harmonics
from numerics.inputs import Array, finite, instance, integer, named, network_first, plain, real, reals, tensor, vector
from numerics.memory import require
from numerics.network import TwoLayerNetwork
from numerics.precision import full_precision
from numerics.sampling import random_generator
from numerics.scale import of_length, regained, unit
from numerics.span import HarmonicTransform, Span
from numerics.targets import Target, legendre_values, monomial_parts
from numerics.terms.r4 import sum_of_fourth_powers
from theory.activations import Activation
from theory.harmonics.sphere import check_degree, cumulative_multiplicity, multiplicity, shown
from theory.network.constructions import check_low_degree, dense_norm, sparse_norm, sparse_profile

MOST_LOG = 700.0
"""Logarithm below which powers are doubles."""


@dataclass(frozen=True, eq=False)
class Norm(ByValue):
    """A norm of a construction, measured at width m, next to the theory's value at infinite width."""

    measured: float
    predicted: arb


@dataclass(frozen=True, eq=False)
class Construction(ByValue):
    """A displacement and its norms.

    Attributes:
        W: (m, d).
        norms: by name: "|W_L|^2" and "|W_Q|_{2,4}^4".
    """

    W: torch.Tensor
    norms: Mapping[str, Norm]


@dataclass(frozen=True, eq=False)
class JointConstruction(ByValue):
    """W = W_L + S W_Q by its parts.

    Attributes:
        W: the sum, (m, d).
        dense: W_L, (m, d). sparse: W_Q with all signs +1, (m, d). signs: s_r, (m,).
        norms: by name: "|W_L|^2" and "|W_Q|_{2,4}^4", which signs do not change.
    """

    W: torch.Tensor
    dense: torch.Tensor
    sparse: torch.Tensor
    signs: torch.Tensor
    norms: Mapping[str, Norm]


@full_precision
def random_signs(m: int, generator: torch.Generator) -> torch.Tensor:
    """m independent signs s_r = +-1, double, shape (m,).

    Raises:
        ValueError: m < 1.
        WouldNotFit: they do not fit in memory; use fewer.
    """
    m, generator = integer(m, "m"), random_generator(generator)
    require(24 * m, f"{m} signs", generator.device, "use fewer")
    return torch.randint(0, 2, (m,), generator=generator, device=generator.device).double() * 2 - 1


@full_precision
@torch.no_grad()
def sparse_displacement(
    network: TwoLayerNetwork,
    beta: Array,
    alpha: float,
    k: int,
    signs: Array | None = None,
) -> torch.Tensor:
    """W_Q for alpha <beta,x>^{k+1}, shape (m, d).

    Args:
        network: at its initialisation.
        beta: unit vector, (d,).
        alpha: coefficient of the monomial.
        k: low degree, >= 1; the monomial has degree k + 1.
        signs: s_r = +-1, (m,); all +1 when None.

    Raises:
        ValueError: k < 1, a beta that is no unit vector, an alpha that is not finite, signs other than +-1, a batched
            or sharded network, or a coefficient lambda_j(sigma'') that the construction divides by is proved zero.
        Undecided: such a coefficient could not be told from zero.

    Cost: m d.

    Source: docs/mathematics, :eq:`sparse-displacement`.
    """
    network_first(network).require_single("sparse_displacement")
    d, sigma, k, alpha = network.d, network.activation.exact, check_low_degree(plain(k)), real(alpha, "alpha")
    if k > MOST_DEGREE:
        raise ValueError(f"k={shown(k)}: needs k <= {MOST_DEGREE}; use a smaller k")
    beta = finite(tensor(beta, "beta"), "beta")
    if beta.shape != (d,):
        raise ValueError(f"beta of shape {tuple(beta.shape)}: needs a unit vector ({d},)")
    beta = of_length(beta, 1, "beta", "W_Q, which is exact for a unit vector,").to(network.w)
    u = network.w @ beta
    g = torch.zeros_like(u)
    for j, factor in _profile(sigma, k, d).items():
        g += factor * legendre_values(j, d, u)
    strength = alpha * g
    active = torch.sign(strength) == network.a
    length = torch.where(active, 2 * strength.abs().sqrt() * network.m**-0.25, torch.zeros_like(u))
    if signs is not None:
        length = length * _signs(network, signs)
    return length[:, None] * beta[None, :]


@lru_cache(maxsize=256)
def _profile(sigma: Activation, k: int, d: int) -> dict[int, float]:
    """The coefficients of P_j in g, by degree j, for a k that was checked: the cache takes 1.0 and True for 1."""
    return {j: float(factor) for j, factor in sparse_profile(sigma, k, d).items()}


def _signs(network: TwoLayerNetwork, signs: Array) -> torch.Tensor:
    """The signs in the dtype and on the device of the network's weights; ValueError unless they are m times +-1."""
    result = vector(signs, "signs", network.w)
    if result.shape != (network.m,) or not bool((result.abs() == 1).all()):
        raise ValueError(f"signs of shape {tuple(result.shape)}: needs ({network.m},), each -1 or +1")
    return result


@full_precision
@torch.no_grad()
def sparse_construction(
    network: TwoLayerNetwork,
    betas: Array,
    alphas: Sequence[float],
    k: int,
    signs: Array | None = None,
) -> Construction:
    """W_Q for a sum of R terms, sum_i alpha_i <beta_i,x>^{k+1}.

    The pairs of neurons are dealt out: pair r serves the term r mod R and no other. So there are no cross terms, and
    |W_Q|_{2,4}^4 -> R sum_i 8 alpha_i^2 E[g^2].

    Args:
        network: one network.
        betas: unit rows, (R, d).
        alphas: R coefficients.
        k: low degree, >= 1.
        signs: s_r = +-1, (m,); all +1 when None.

    Raises:
        ValueError: shapes that do not match, fewer pairs of neurons than terms, a norm that doubles cannot hold, and as
            :func:`sparse_displacement`.

    Cost: R m d.
    """
    network_first(network).require_single("sparse_construction")
    betas, alphas, k = tensor(betas, "betas"), reals(alphas, "alpha"), check_low_degree(plain(k))
    count, pairs = len(alphas), network.m // 2
    if betas.shape != (count, network.d) or not 1 <= count <= pairs:
        raise ValueError(f"betas of shape {tuple(betas.shape)}: needs ({count}, {network.d}), 1 <= {count} <= m / 2")
    term_of = (torch.arange(pairs, device=network.device) % count).repeat(2)
    W = torch.zeros_like(network.w)
    predicted = arb(0)
    for i, (beta, alpha) in enumerate(zip(betas, alphas, strict=True)):
        mine = term_of == i
        share = network.m / int(mine.sum())  # the average over the term's own neurons stands for that over all
        W += torch.where(mine[:, None], sparse_displacement(network, beta, alpha * share, k, signs), 0)
        predicted += sparse_norm(network.activation.exact, k, network.d, alpha) * share
    return _construction(W, "|W_Q|_{2,4}^4", sum_of_fourth_powers, 4, predicted)


def _construction(
    W: torch.Tensor, name: str, form: Callable[[torch.Tensor], torch.Tensor], degree: int, predicted: arb
) -> Construction:
    """W with its norm, a form of this degree; ValueError where doubles cannot hold the norm."""
    scale = unit(W)
    measured = float(regained(form(W / scale).double(), scale, name, "the target is", degree))
    return Construction(W, {name: Norm(measured, predicted)})


@full_precision
def coefficients(target: Target, k: int, like: torch.Tensor) -> torch.Tensor:
    """<f, Y_j> of the part of degree <= k in the basis of :class:`numerics.harmonics.Harmonics`, double, (n_k,).

    A zonal term alpha sqrt(N) P_l(<beta, u>) has coefficients alpha Y_j(beta) / sqrt(N), by the addition theorem.
    """
    parts, pole = [], torch.zeros(1, target.d, dtype=torch.float64, device=like.device)
    pole[0, 0] = 1  # stands in for a degree without terms, with weight zero
    for degree in range(check_degree(k, "k") + 1):
        count = multiplicity(target.d, degree)
        weights, betas = target.terms.get(degree, (like.new_zeros(1), pole))
        values = (
            Harmonics(target.d, degree, torch.float64, like.device).values(betas.to(like.device, torch.float64))
            if degree
            else torch.ones(len(betas), 1, dtype=torch.float64, device=like.device)
        )
        parts.append(weights.to(values) @ values / math.sqrt(count))
    return torch.cat(parts).to(like.device)


@full_precision
@torch.no_grad()
def dense_construction(
    network: TwoLayerNetwork, target: Target, k: int, method: Literal["span", "eigen"] = "span"
) -> Construction:
    r"""W_L for the target's part of degree <= k, with \|W_L\|^2 next to sum_l \|f_l\|^2 / Lambda_l.

    Args:
        network: one network.
        target: f*, whose degrees above k are left out.
        k: low degree, >= 0.
        method: "span" (through the Gram matrix of the span) or "eigen" (through Sigma).

    Raises:
        ValueError: unknown method, a Lambda_l that is zero for a degree with energy, an eigenvalue of Sigma that is
            zero to rounding ("eigen"), energies or a norm that doubles cannot hold, and as
            :class:`numerics.directions.GoodDirections`.

    Cost: as the good directions of that method.

    Source: docs/mathematics, :eq:`dense-norm`.
    """
    network_first(network).require_single("dense_construction")
    instance(target, Target, "target", "a numerics.Target, such as Target.sparse(d, 2, [1.0], seed=0)")
    k = check_degree(plain(k), "k")
    if target.d != network.d:
        raise ValueError(f"target in d={target.d}: needs the network's d={network.d}")
    if k > MOST_DEGREE or 2 * cumulative_multiplicity(network.d, k) > network.m * network.d:
        raise ValueError(
            f"k={shown(k)}: needs m d / 2 >= n_k, the number of harmonics; use a smaller k or a wider network"
        )
    named(method, ("span", "eigen"), "method", "'span' or 'eigen'")
    f = coefficients(target, k, network.w)
    if method == "span":
        span = Span(network, k)
        half = span.apply(torch.linalg.solve(span.gram, f))
    else:
        values, vectors = FeatureCovariance(network).top_of_rank(len(f))
        first = vectors[:, : network.m // 2]
        image = HarmonicTransform(network, k, torch.float64).apply(f).to(first)
        inner = 2 * torch.einsum("jrd,rd->j", first, image)
        half = torch.einsum("j,jrd->rd", inner / values, first)
    W = torch.cat([half, -half]).to(network.w)
    energies = {degree: energy for degree, energy in target.energies().items() if degree <= k}
    predicted = dense_norm(network.activation.exact, network.d, energies)
    return _construction(W, "|W_L|^2", lambda V: V.double().square().sum(), 2, predicted)


@full_precision
@torch.no_grad()
def joint_construction(network: TwoLayerNetwork, target: Target, k: int, signs: Array) -> JointConstruction:
    """W = W_L + S W_Q for a target of degree <= k plus sparse terms of degree k + 1 exactly.

    The harmonic alpha sqrt(N) P_{k+1} of a sparse term is a multiple of <beta,x>^{k+1} less its parts of lower degree,
    which W_L takes over.

    Args:
        network: one network.
        target: f*.
        k: low degree, >= 1.
        signs: s_r = +-1, (m,). The parts of the result serve other signs too: W_L + S W_Q costs nothing more.

    Raises:
        ValueError: a target with degrees above k + 1 or none of degree k + 1, a k whose monomials are beyond doubles,
            and as the two constructions.

    Cost: that of both.
    """
    network_first(network).require_single("joint_construction")
    instance(target, Target, "target", "a numerics.Target, such as Target.sparse(d, 2, [1.0], seed=0)")
    k, degree = check_degree(plain(k), "k"), max(target.terms, default=0)
    if degree != k + 1:
        raise ValueError(f"target of degree {degree} at k={k}: needs degree k + 1")
    d, (alphas, betas) = target.d, target.terms[k + 1]
    if (k + 1) / 2 * math.log(d) > MOST_LOG:
        raise ValueError(
            f"k={k} at d={d}: the strength of a monomial of degree k + 1 is beyond doubles; use a smaller k"
        )
    parts = monomial_parts(k + 1, d)
    top = parts.pop(k + 1)
    low = Target(d, {degree: term for degree, term in target.terms.items() if degree <= k})
    for j, part in parts.items():
        low = low + Target.zonal(d, j, betas, (alphas * (-part / top)).tolist())
    strengths = (alphas / (top * d ** ((k + 1) / 2))).tolist()
    dense = dense_construction(network, low, k)
    sparse, signs = sparse_construction(network, betas, strengths, k), _signs(network, signs)
    W = dense.W + signs[:, None] * sparse.W
    return JointConstruction(W, dense.W, sparse.W, signs, {**dense.norms, **sparse.norms})
