r"""Predictions for the constructions at finite width m: exact where each neuron enters alone, else to order 1/m.

With the A_l (radial) and B_l (tangential) of :mod:`verify.predictions.finite_size`, the T Y of degree l of one neuron
have the second moment A_l w w^T + B_l (I - w w^T), and sum_l of these is E_x[sigma'^2 x x^T] = A w w^T + B (I - w w^T).

**Random signs.** A quadratic form sum_r W_r^T (p w w^T + q (I - w w^T)) W_r / m along W_Q has, because each pair of
neurons moves one and all are independent, for every m the mean

.. math:: m^{-1/2}\, 2 |\alpha|\, E_\tau\big[|g(u)| (q + (p - q) u^2)\big] .

For f_L(.; S W_Q) (p, q) = (A, B): theory's ``sparse_sign_energy``. As m grows T*T tends to Lambda, so m (P_{<=k})_rr
tends to the form with p = sum_{l <= k} A_l/Lambda_l, q = sum B_l/Lambda_l, of trace n_k; and m ((I-P) Sigma (I-P))_rr
to that with p = A - sum_{l <= k} A_l, q = B - sum B_l, which gives R1.

**W_Q.** f_Q(W_Q) is a mean of m/(2R) independent pairs for each term, so exactly, for every m,

.. math:: E\|f_Q - f_{sp}\|^2 = \frac{2R}{m} \sum_i \alpha_i^2 \Big(E\big[\langle\beta,x\rangle^4 \sigma''^2 g^2\big] -
          E\langle\beta,x\rangle^{2k+2}\Big),

the first expectation by Funk-Hecke, E_w[sigma''^2 P_j(<beta,w>)] = lambda_j(sigma''^2) P_j(<beta,x>/sqrt d).

**T Y and W_L.** For harmonics Y of degree l, energy one, a_l = A_l/N and b_l = (d-1) B_l/N (so a_l + b_l = Lambda_l):
E|f_L(T Y)|^2 = Lambda_l^2 + (2/m)(A a_l + B b_l - Lambda_l^2) exactly. W_L = T (T*T)^{-1} f has

.. math:: E|W_L|^2 = \sum_{l\le k} \frac{\|f_l\|^2}{\Lambda_l} \Big[1 + \frac2m\Big(\frac{p\,a_l + q\,b_l}{\Lambda_l} -
          1\Big)\Big] + O(m^{-2}), \qquad p = \sum_{j \le k} A_j/\Lambda_j,\ q = \sum_{j\le k} B_j/\Lambda_j,

and f_L(W_L) - f_k, of degrees > k, has the mean square (2/m) sum_l |f_l|^2 [(A - sum_{j <= k} A_j) a_l + (B - sum B_j)
b_l] / Lambda_l^2 + O(m^{-2}). Derived here.

Source: docs/mathematics, :eq:`width-signs`, :eq:`width-sparse`,
:eq:`width-harmonic`, :eq:`width-dense-norm`, :eq:`width-dense-error`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

import theory
from verify.predictions.finite_size import Modes, modes

BITS = 80


@dataclass(frozen=True)
class Form:
    """A neuron's form p w w^T + q (I - w w^T)."""

    along: float
    across: float

    def minus(self, other: Form) -> Form:
        """The difference."""
        return Form(self.along - other.along, self.across - other.across)

    def on(self, radial: float, tangential: float) -> float:
        """Its mean at a vector with these mean squares along w and across."""
        return self.along * radial + self.across * tangential


@lru_cache(maxsize=64)
def _profile(activation: theory.Activation, k: int, d: int) -> tuple[float, ...]:
    """Coefficients of g as a polynomial in u, from the constant up."""
    from theory.harmonics.gegenbauer import legendre_polynomial

    total = np.polynomial.Polynomial([0.0])
    for degree, weight in theory.sparse_profile(activation, k, d).items():
        coefficients = [float(c.p) / float(c.q) for c in legendre_polynomial(degree, d).coeffs()]
        total = total + float(weight.mid()) * np.polynomial.Polynomial(coefficients)
    return tuple(total.coef.tolist())


@lru_cache(maxsize=256)
def _sign_energy(activation: theory.Activation, k: int, d: int, form: Form) -> float:
    """:meth:`WidthLimits.sign_energy` for alpha = 1; a function of its own so that it is integrated once."""
    from scipy import integrate, special

    g, power = np.polynomial.Polynomial(_profile(activation, k, d)), (d - 3) / 2

    def integrand(u: float) -> float:
        weight = form.across + (form.along - form.across) * u**2
        return float(abs(g(u)) * weight * (1 - u**2) ** power)

    roots = sorted(float(r.real) for r in g.roots() if abs(r.imag) < 1e-12 and abs(r.real) < 1)
    ends = [-1.0, *roots, 1.0]
    total = sum(integrate.quad(integrand, a, b)[0] for a, b in pairwise(ends))
    return 2 * total / float(special.beta(0.5, (d - 1) / 2))


@lru_cache(maxsize=64)
def _sparse_error(activation: theory.Activation, k: int, d: int) -> float:
    """:meth:`WidthLimits.sparse_error` for alphas = (1,)."""
    from theory.funk_hecke.coefficient import coefficient_ball

    curvature, total = activation.derivative(2) ** 2, 0.0
    for power, weight in enumerate((np.polynomial.Polynomial(_profile(activation, k, d)) ** 2).coef.tolist()):
        for j, c in theory.monomial_coefficients(power, d).items():
            fourth = theory.monomial_coefficients(4, d).get(j)
            if weight and fourth is not None:
                share = float(coefficient_ball(curvature, j, d, BITS).mid()) * float(fourth) * d**2
                total += weight * float(c) * theory.multiplicity(d, j) * share
    moment = float(theory.monomial_coefficients(2 * k + 2, d)[0]) * d ** (k + 1)
    return 2 * (total - moment)


@dataclass(frozen=True)
class WidthLimits:
    """The module's predictions for one activation, k and d."""

    activation: theory.Activation
    k: int
    d: int
    modes: Modes
    slope: Form

    @property
    def low(self) -> Form:
        """sum_{l <= k} of A_l and B_l."""
        return Form(float(self.modes.radial[: self.k + 1].sum()), float(self.modes.tangential[: self.k + 1].sum()))

    def _learned(self, degree: int) -> float:
        """Lambda_l, where the prediction divides by it; ValueError when it is zero."""
        value = float(self.modes.eigenvalues[degree])
        if value == 0:
            raise ValueError(
                f"Lambda_{degree} of {self.activation} is zero at d={self.d}, and the prediction divides by it; use an "
                f"activation such as tanh(z + 1)"
            )
        return value

    @property
    def projector(self) -> Form:
        """m (P_{<=k})_rr as m grows; ValueError when some Lambda_l, l <= k, is zero."""
        eigenvalues = np.array([self._learned(degree) for degree in range(self.k + 1)])
        parts = (self.modes.radial, self.modes.tangential)
        along, across = (float((part[: self.k + 1] / eigenvalues).sum()) for part in parts)
        return Form(along, across)

    def sign_energy(self, form: Form, alpha: float = 1.0) -> float:
        """m^{1/2} times the mean of the form along S W_Q, for alpha <beta,x>^{k+1}.

        Quadrature in doubles, exact to 10^-10. For f_L it is theory's certified ``sparse_sign_energy``, which does not
        take the other two forms.
        """
        return abs(alpha) * _sign_energy(self.activation, self.k, self.d, form)

    def sparse_norm(self, alphas: tuple[float, ...]) -> float:
        """|W_Q|_{2,4}^4 for f_sp = sum_i alpha_i <beta_i,x>^{k+1}: its mean at every m."""
        squares = len(alphas) * sum(a**2 for a in alphas)
        return squares * float(theory.sparse_norm(self.activation, self.k, self.d).mid())

    def sparse_error(self, alphas: tuple[float, ...]) -> float:
        """m times the mean square of f_Q(W_Q) - f_sp, at every m."""
        return len(alphas) * sum(a**2 for a in alphas) * _sparse_error(self.activation, self.k, self.d)

    def energy(self, degree: int, m: int) -> float:
        """Mean of the energy of f_L(T Y) over harmonics Y of a degree, energy one."""
        own = self.modes.eigenvalues[degree] ** 2
        return float(own + 2 / m * (self.slope.on(*self._parts(degree)) - own))

    def dense_norm(self, energies: Mapping[int, float], m: float = math.inf) -> float:
        """Mean of |W_L|^2, to order 1/m; ValueError when some Lambda_l, l <= k, is zero."""
        total = 0.0
        for degree, energy in energies.items():
            eigenvalue = self._learned(degree)
            total += energy / eigenvalue * (1 + 2 / m * (self.projector.on(*self._parts(degree)) / eigenvalue - 1))
        return float(total)

    def dense_error(self, energies: Mapping[int, float]) -> float:
        """Limit of m times the mean square of f_L(W_L) - f_k; ValueError when a Lambda_l of its degrees is zero."""
        form = self.slope.minus(self.low)
        terms = (
            energy * form.on(*self._parts(degree)) / self._learned(degree) ** 2 for degree, energy in energies.items()
        )
        return float(2 * sum(terms))

    def joint_error(self, alphas: tuple[float, ...], energies: Mapping[int, float], m: int) -> float:
        """m^{1/2} times the mean square of f(W_L + S W_Q) - f*.

        f* has the energies ``energies`` in degrees <= k, and of sum_i alpha_i <beta_i,x>^{k+1} the part of degree k +
        1. Its leading term is f_L(S W_Q). Of the terms that are smaller by m^{-1/2} the errors of f_Q and of f_L(W_L)
        are included, the remainder and the cross term with W_L are not.
        """
        lower = lower_energies(self.k, self.d, alphas)
        dense = {degree: energy + lower.get(degree, 0.0) for degree, energy in energies.items()}
        signs = sum(self.sign_energy(self.slope, alpha) for alpha in alphas)
        return signs + (self.sparse_error(alphas) + self.dense_error(dense)) / math.sqrt(m)

    def joint_rest(self, alphas: tuple[float, ...]) -> float:
        """Limit of m^{1/2} R1 at W_L + S W_Q: what the good directions leave of f_L(S W_Q)."""
        form = self.slope.minus(self.low)
        return sum(self.sign_energy(form, alpha) for alpha in alphas)

    def _parts(self, degree: int) -> tuple[float, float]:
        """a_l and b_l."""
        count = self.modes.counts[degree]
        return float(self.modes.radial[degree] / count), float((self.d - 1) * self.modes.tangential[degree] / count)


@lru_cache(maxsize=64)
def width_limits(activation: theory.Activation, k: int, d: int) -> WidthLimits:
    """The predictions of an activation. Cost: some tens of certified coefficients."""
    along, across = (float(value.mid()) for value in theory.slope_covariance(activation, d))
    return WidthLimits(activation, k, d, modes(activation, d), Form(along, across))


def lower_energies(k: int, d: int, alphas: tuple[float, ...]) -> dict[int, float]:
    """Energies by degree <= k of sum_i alpha_i <beta_i,x>^{k+1} with orthonormal beta_i, which W_L has to take away.

    Zonal harmonics of degree l along orthogonal directions have the inner product P_l(0).
    """
    from theory.harmonics.gegenbauer import legendre_polynomial

    energies = {}
    for degree, part in _parts(k + 1, d).items():
        if degree <= k:
            overlap = float(legendre_polynomial(degree, d)(0))
            squares = sum((a * part) ** 2 for a in alphas)
            energies[degree] = squares + overlap * ((sum(alphas) * part) ** 2 - squares)
    return energies


def harmonic_strengths(k: int, d: int, alphas: tuple[float, ...]) -> tuple[float, ...]:
    """The alpha of <beta,x>^{k+1} that has alpha_i sqrt(N) P_{k+1} as its part of degree k + 1."""
    share = _parts(k + 1, d)[k + 1]
    return tuple(a / share for a in alphas)


def _parts(power: int, d: int) -> dict[int, float]:
    """<beta,x>^p in zonal harmonics of energy one, by degree: ``numerics.targets.monomial_parts`` without torch."""
    found = theory.monomial_coefficients(power, d)
    return {degree: float(c) * theory.multiplicity(d, degree) ** 0.5 * d ** (power / 2) for degree, c in found.items()}
