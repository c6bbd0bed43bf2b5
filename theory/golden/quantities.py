"""The quantities that can be pinned by name: what each is, in formulas that stand alone, and who computes it.

The file of golden constants carries the formulas with it, so that it can be read without this package; the pytest
plugin computes any of them for arguments that are not in the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flint import arb, ctx, fmpz

from theory.activations import Activation, ActivationLike
from theory.balls.ball import check_digits
from theory.balls.precision import exclusive
from theory.funk_hecke.coefficient import coefficient, hermite_coefficient
from theory.network.constructions import dense_norm, profile_energy
from theory.network.signs import slope_covariance
from theory.spectra.eigenvalues import effective_ridge, ntk_eigenvalue, ntk_trace, quadntk_eigenvalue, quadntk_trace
from theory.spectra.expansions import ntk_expansion
from theory.spectra.limits import ntk_limit

SYMBOLS = {
    "sigma": "the activation, an expression in z; sigma^(j) is its derivative of order j",
    "d": "the dimension; x, x' are uniform on the sphere of radius sqrt(d) in R^d, w on the unit sphere",
    "t": "the inner product of two independent uniform points of the unit sphere in R^d; z = sqrt(d) t",
    "E": "the mean over what is random: t, or G, which is standard normal, or w where it is an index",
    "P_l": "the Gegenbauer polynomial of degree l on the sphere in R^d, with P_l(1) = 1",
    "N(d,l)": "the number of independent harmonics of degree l: (2l+d-2)/l binom(l+d-3, l-1), and 1 for l = 0",
    "He_l": "the probabilists' Hermite polynomial: He_0 = 1, He_1 = x, He_{l+1} = x He_l - l He_{l-1}",
    "lambda_l(h)": "E[h(z) P_l(t)]",
    "m_l(h)": "E[h(G) He_l(G)], not divided by sqrt(l!)",
    "A_l": "(l+d-2)/(2l+d-2)",
    "B_l": "l/(2l+d-2)",
    "Lambda_l": "the eigenvalue of the NTK of the first layer, <x,x'> E_w[sigma'(<w,x>) sigma'(<w,x'>)], on harmonics "
    "of degree l, for the uniform probability on the sphere of radius sqrt(d)",
    "Q_l": "that of the QuadNTK, <x,x'>^2 E_w[sigma''(<w,x>) sigma''(<w,x'>)] / 4",
}
"""What the letters in the formulas mean, and how everything is normalised."""


@dataclass(frozen=True)
class Quantity:
    """A number that depends on an activation and on a few integers.

    Attributes:
        formula: in the letters of :data:`SYMBOLS`.
        meaning: in a few words.
        arguments: the integers that it needs, by name: "d", "degree" (l), "k" (a low degree); "derivative" (j) and
            "power" (p) are 0 when left out.
        compute: (activation, digits, and the arguments by name) -> a ball that contains it.
    """

    formula: str
    meaning: str
    arguments: tuple[str, ...]
    compute: Callable[..., arb]

    def ball(self, activation: ActivationLike, digits: int = 15, **arguments: int) -> arb:
        """A certified ball, of relative radius below 10^-digits unless the value is exactly zero.

        Raises:
            ValueError: arguments out of range, or an activation for which the quantity is not defined.
            TypeError: arguments that the quantity does not have.
            Undecided: zero, or nearly, without a proof.
        """
        return self.compute(Activation.of(activation), check_digits(digits), **arguments)


def _hermite(activation: Activation, digits: int, degree: int, derivative: int) -> arb:
    """The coefficient times sqrt(l!), with bits to spare for the square root."""
    value = hermite_coefficient(activation, degree, derivative, digits + 2)
    with exclusive, ctx.workprec(4 * digits + 64):
        return value * arb(fmpz.fac_ui(degree)).sqrt()


QUANTITIES: dict[str, Quantity] = {
    "coefficient": Quantity(
        "lambda_l(z^p sigma^(j)) = E[z^p sigma^(j)(z) P_l(t)]",
        "Funk-Hecke coefficient",
        ("degree", "d", "derivative", "power"),
        lambda a, digits, degree, d, derivative=0, power=0: coefficient(a, degree, d, derivative, digits, power=power),
    ),
    "hermite": Quantity(
        "m_l(sigma^(j)) = E[sigma^(j)(G) He_l(G)]",
        "Hermite coefficient, not normalised",
        ("degree", "derivative"),
        lambda a, digits, degree, derivative=0: _hermite(a, digits, degree, derivative),
    ),
    "ntk_eigenvalue": Quantity(
        "Lambda_l = d (B_l lambda_{l-1}(sigma')^2 + A_l lambda_{l+1}(sigma')^2)",
        "eigenvalue of the NTK on degree l",
        ("degree", "d"),
        lambda a, digits, degree, d: ntk_eigenvalue(a, degree, d, digits),
    ),
    "quadntk_eigenvalue": Quantity(
        "Q_l = d^2/4 (B_l B_{l-1} lambda_{l-2}(sigma'')^2 + (A_l B_{l+1} + B_l A_{l-1}) lambda_l(sigma'')^2 "
        "+ A_l A_{l+1} lambda_{l+2}(sigma'')^2)",
        "eigenvalue of the QuadNTK on degree l",
        ("degree", "d"),
        lambda a, digits, degree, d: quadntk_eigenvalue(a, degree, d, digits),
    ),
    "ntk_trace": Quantity(
        "sum_l N(d,l) Lambda_l = d E[sigma'(z)^2]",
        "trace of the NTK",
        ("d",),
        lambda a, digits, d: ntk_trace(a, d, digits),
    ),
    "quadntk_trace": Quantity(
        "sum_l N(d,l) Q_l = d^2/4 E[sigma''(z)^2]",
        "trace of the QuadNTK",
        ("d",),
        lambda a, digits, d: quadntk_trace(a, d, digits),
    ),
    "effective_ridge": Quantity(
        "sum_{l > k} N(d,l) Lambda_l",
        "what the degrees above k of the NTK add to the diagonal of a Gram matrix",
        ("d", "k"),
        lambda a, digits, d, k: effective_ridge(a, d, k, digits),
    ),
    "ntk_limit": Quantity(
        "lim_{d -> oo} d^{l-1} Lambda_l = l m_{l-1}(sigma')^2 for l >= 1; lim Lambda_0 = m_1(sigma')^2",
        "limit of the NTK's eigenvalue on degree l",
        ("degree",),
        lambda a, digits, degree: ntk_limit(a, degree, digits),
    ),
    "ntk_correction": Quantity(
        "c in Lambda_l = d^e (limit + c/d + O(d^-2)), limit != 0; e = 1-l where m_{l-1}(sigma') != 0 (l >= 1), and "
        "e = 0 for l = 0 where m_1(sigma') != 0",
        "first correction to the limit of the NTK's eigenvalue on degree l",
        ("degree",),
        lambda a, digits, degree: ntk_expansion(a, degree, digits).correction,
    ),
    "slope_covariance_A": Quantity(
        "A = E[(z sigma'(z))^2], from E_x[sigma'(<w,x>)^2 x x^T] = A w w^T + B (I - w w^T)",
        "second moment of a neuron's tangent feature along its weight",
        ("d",),
        lambda a, digits, d: slope_covariance(a, d, digits)[0],
    ),
    "slope_covariance_B": Quantity(
        "B = (d E[sigma'(z)^2] - A)/(d-1), A = E[(z sigma'(z))^2]",
        "second moment of a neuron's tangent feature across its weight",
        ("d",),
        lambda a, digits, d: slope_covariance(a, d, digits)[1],
    ),
    "dense_norm": Quantity(
        "sum_{l <= k} 1/Lambda_l",
        "squared norm of the least W with f_L(W) = f at infinite width, f of unit energy in each degree up to k",
        ("d", "k"),
        lambda a, digits, d, k: dense_norm(a, d, dict.fromkeys(range(k + 1), 1), digits),
    ),
    "profile_energy": Quantity(
        "d^{k-1} sum_j c_j^2 N(d,j) / lambda_j(sigma'')^2, c_j = E[t^{k-1} P_j(t)], over j <= k-1 of the parity of k-1",
        "energy E[g^2] of the profile of W_Q; ||W_Q||_{2,4}^4 tends to 8 alpha^2 E[g^2] for alpha <beta,x>^{k+1}",
        ("d", "k"),
        lambda a, digits, d, k: profile_energy(a, k, d, digits),
    ),
}
"""By the name that the golden constants carry; :func:`theory.golden_constants`."""
