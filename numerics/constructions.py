r"""The construction W_Q: a displacement through which the quadratic term expresses one sparse monomial.

With g of :mod:`theory.directions`, E_w[ sigma''(<w,x>) g(<beta,w>) ] = <beta,x>^{k-1}. Then for alpha
<beta,x>^{k+1}, W_r = s_r c_r beta, c_r^2 = 4 m^{-1/2} |alpha
g(<beta,w_r>)| where a_r = sign(alpha g), else 0, gives f_Q -> alpha <beta,x>^{k+1} and |W_Q|_{2,4}^4 -> 8 alpha^2
E[g^2]. Derived: docs/mathematics, section 4.
"""

from __future__ import annotations

import torch

from numerics.network import TwoLayerNetwork
from numerics.targets import legendre_values
from theory.directions import sparse_profile


def random_signs(m: int, generator: torch.Generator) -> torch.Tensor:
    """m independent signs s_r = +-1, double, shape (m,)."""
    return torch.randint(0, 2, (m,), generator=generator, device=generator.device).double() * 2 - 1


def sparse_displacement(
    network: TwoLayerNetwork,
    beta: torch.Tensor,
    alpha: float,
    k: int,
    signs: torch.Tensor | None = None,
) -> torch.Tensor:
    """W_Q for alpha <beta,x>^{k+1}, shape (m, d).

    Args:
        network: at its initialisation.
        beta: unit vector, (d,).
        alpha: coefficient of the monomial.
        k: low degree, >= 1; the monomial has degree k + 1.
        signs: s_r = +-1, (m,); all +1 when None.

    Raises:
        ValueError: k < 1, or a coefficient lambda_j(sigma'') that the construction divides by is proved to be zero.
        Undecided: such a coefficient could not be told from zero.
    """
    d, sigma = network.d, network.activation.exact
    u = network.w @ beta
    g = torch.zeros_like(u)
    for j, factor in sparse_profile(sigma, k, d).items():
        g += float(factor) * legendre_values(j, d, u)
    strength = alpha * g
    active = torch.sign(strength) == network.a
    length = torch.where(active, 2 * strength.abs().sqrt() * network.m**-0.25, torch.zeros_like(u))
    if signs is not None:
        length = length * signs.to(length)
    return length[:, None] * beta[None, :]
