r"""The construction W_Q: a displacement through which the quadratic term expresses one sparse monomial.

For alpha <beta,x>^{p}, p = k+1, let

.. math:: g(u) = d^{(k-1)/2} \sum_{j = k-1, k-3, \dots} \frac{c_j N(d,j)}{\lambda_j(\sigma'')} P_j(u),
          \quad c_j = E_\tau[t^{k-1} P_j(t)],

so that E_w[ sigma''(<w,x>) g(<beta,w>) ] = <beta,x>^{k-1}. Then W_r = s_r c_r beta, c_r^2 = 4 m^{-1/2} |alpha
g(<beta,w_r>)| where a_r = sign(alpha g), else 0, gives f_Q -> alpha <beta,x>^{k+1} and |W_Q|_{2,4}^4 -> 8 alpha^2
E[g^2]. Derived: docs/mathematics, section 4.
"""

from __future__ import annotations

import torch

from numerics.network import TwoLayerNetwork
from numerics.targets import legendre_values
from theory.funk_hecke import coefficient
from theory.gegenbauer import monomial_coefficients
from theory.sphere import multiplicity


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
    if k < 1:
        raise ValueError(f"k={k}: needs k >= 1, the monomial has degree k + 1")
    d, sigma = network.d, network.activation.exact
    u = network.w @ beta
    g = torch.zeros_like(u)
    for j, c in monomial_coefficients(k - 1, d).items():
        curvature = coefficient(sigma, j, d, derivative=2)
        if curvature.is_zero():
            raise ValueError(
                f"lambda_{j}(sigma'') of {sigma} is zero: needs it non-zero; use an activation such as tanh(z + 1)"
            )
        g += float(c) * multiplicity(d, j) / float(curvature) * legendre_values(j, d, u)
    strength = alpha * d ** ((k - 1) / 2) * g
    active = torch.sign(strength) == network.a
    length = torch.where(active, 2 * strength.abs().sqrt() * network.m**-0.25, torch.zeros_like(u))
    if signs is not None:
        length = length * signs.to(length)
    return length[:, None] * beta[None, :]
