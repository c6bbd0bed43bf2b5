r"""Random signs: what the linear term is left with, exactly.

By symmetry E_x[sigma'(<w,x>)^2 x x^T] = A w w^T + B (I - w w^T), so independent signs S give

.. math:: E_S \|f_L(S W)\|^2 = \frac1m \sum_r \big[ (A - B) \langle w_r, W_r \rangle^2 + B |W_r|^2 \big].

Derived in docs/mathematics, :eq:`slope-covariance`, :eq:`random-signs` and :eq:`sparse-signs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from flint import acb, acb_poly, arb, ctx, fmpq

from theory.activations import Activation, ActivationLike, Z
from theory.balls.arithmetic import SYMBOLS
from theory.balls.ball import digits_to_bits, refine, square
from theory.balls.exact import as_ball
from theory.balls.precision import exclusive
from theory.balls.quadrature import integrate
from theory.funk_hecke.closed_forms import sphere_sum
from theory.funk_hecke.coefficient import coefficient_ball, integral_bits
from theory.harmonics.gegenbauer import legendre_polynomial
from theory.harmonics.sphere import Dimension, check_dimension, integer_dimension, shown
from theory.network.constructions import GUARD_BITS, check_low_degree, profile_ball
from theory.network.taylor import by_neuron

ROUNDING = 1e-5
"""Relative rounding that inner products and norms of float32 may have."""


def _covariance_ball(activation: Activation, d: int, bits: int) -> tuple[arb, arb]:
    """(A, B) of :func:`slope_covariance` at a working precision; the caller refines."""
    squared = activation.derivative(1) ** 2
    along = coefficient_ball(Z**2 * squared, 0, d, bits)
    return along, (d * coefficient_ball(squared, 0, d, bits) - along) / (d - 1)


def slope_covariance(activation: ActivationLike, d: int, digits: int = 15) -> tuple[arb, arb]:
    r"""(A, B) with E_x[sigma'(<w,x>)^2 x x^T] = A w w^T + B (I - w w^T) for a unit vector w.

    .. math:: A = E[(z \sigma'(z))^2], \qquad B = \frac{d\,E[\sigma'(z)^2] - A}{d - 1}, \qquad z = \sqrt d\, t .

    Arguments and errors as :func:`theory.ntk_trace`. Cost: two coefficients. Source: docs/mathematics,
    :eq:`slope-covariance`.

    >>> [str(v) for v in slope_covariance(Activation.parse("z"), 10)]
    ['1.00000000000000', '1.00000000000000']
    """
    return _covariance(activation, d, digits, 0)


def _covariance(activation: ActivationLike, d: int, digits: int, spare: int) -> tuple[arb, arb]:
    """:func:`slope_covariance` to ``spare`` digits more, for a value that it enters."""
    activation = Activation.of(activation)
    d = integer_dimension(d)

    def part(index: int) -> arb:
        return refine(
            lambda bits: _covariance_ball(activation, d, bits)[index],
            digits,
            max_bits=integral_bits(digits, activation.derivative(1) ** 2),
            subject=f"E[sigma'^2 x x^T] of {activation} at d={d}",
            spare=spare,
        )

    return part(0), part(1)


def slope_covariance_expr(activation: ActivationLike, d: Dimension) -> tuple[sp.Expr, sp.Expr]:
    """(A, B) of :func:`slope_covariance`, :eq:`slope-covariance`, in closed form.

    Raises:
        NoClosedForm: sigma'^2 or z^2 sigma'^2 has none; take the certified values.

    >>> slope_covariance_expr(Activation.parse("z**2"), sp.Symbol("d", positive=True))
    (12*d/(d + 2), 4*d/(d + 2))
    """
    activation = Activation.of(activation)
    d = check_dimension(d)
    squared = activation.derivative(1) ** 2
    along = sphere_sum(Z**2 * squared, 0, d, SYMBOLS)
    across = (d * sphere_sum(squared, 0, d, SYMBOLS) - along) / (d - 1)
    return _tidy(along), _tidy(across)


def _tidy(expr: sp.Expr) -> sp.Expr:
    """Rational functions in lowest terms; sp.simplify would rewrite 0F1 as Bessel functions of growing order."""
    return sp.cancel(expr) if expr.is_rational_function() else expr


def random_sign_energy(
    activation: ActivationLike, d: int, inner: Sequence[float], norms: Sequence[float], digits: int = 15
) -> arb:
    r"""E_S ||f_L(S W)||^2 over independent signs, for given <w_r, W_r> and |W_r|: the module's formula.

    Args:
        activation: sigma, differentiable.
        d: dimension, 3 <= d <= 10**6.
        inner: <w_r, W_r> for r = 1..m.
        norms: |W_r| for r = 1..m; doubles in both are taken as exact.
        digits: relative decimal digits to certify.

    Raises:
        ValueError: lengths that differ or are zero, a number that is not finite, |inner| > norm, d < 3.

    Cost: O(m). Source: docs/mathematics, :eq:`random-signs`.

    >>> print(random_sign_energy(Activation.parse("z"), 10, [0.0, 0.5], [1.0, 1.0]))
    1.00000000000000
    """
    activation = Activation.of(activation)
    inner, norms = by_neuron("inner", inner), by_neuron("norms", norms)
    if len(inner) != len(norms) or not norms:
        raise ValueError(f"{len(inner)} inner products, {len(norms)} norms: needs one of each for every neuron")
    along, across = _covariance(activation, d, digits, 2)
    with exclusive, ctx.workprec(digits_to_bits(digits) + GUARD_BITS):
        products = [as_ball(f"inner[{r}]", p) for r, p in enumerate(inner)]
        lengths = [as_ball(f"norms[{r}]", s) for r, s in enumerate(norms)]
        for r, (product, length) in enumerate(zip(products, lengths, strict=True)):
            if length < 0 or abs(product) > (1 + ROUNDING) * length:
                raise ValueError(
                    f"inner[{r}]={shown(inner[r])}, norms[{r}]={shown(norms[r])}: needs |<w, W>| <= |W|, as |w| = 1"
                )
        parallel = sum(map(square, products), arb(0))
        total = sum(map(square, lengths), arb(0))
        return ((along - across) * parallel + across * total) / len(norms)


def sparse_sign_energy(activation: ActivationLike, k: int, d: int, alpha: Any = 1, digits: int = 15) -> arb:
    r"""lim_{m -> oo} sqrt(m) E_S ||f_L(S W_Q)||^2 = 2 |alpha| E_{tau_d}[ |g(u)| (B + (A-B) u^2) ].

    One neuron of each pair is active, with |W_r|^2 = 4 m^{-1/2} |alpha g(<beta,w_r>)| along beta.

    Arguments and errors as :func:`theory.sparse_norm`. Cost: one certified quadrature, which finds the kinks of |g| by
    bisection. Source: docs/mathematics, :eq:`sparse-signs`.

    >>> print(sparse_sign_energy(Activation.parse("z**2"), 1, 10, 2).str(6, radius=False))
    8.00000
    """
    activation = Activation.of(activation)
    k, d = check_low_degree(k), integer_dimension(d)

    def evaluate(bits: int) -> arb:
        along, across = _covariance_ball(activation, d, bits)
        profile = profile_ball(activation, k, d, bits)
        g = sum((acb_poly(legendre_polynomial(j, d)) * value for j, value in profile.items()), acb_poly([0]))

        def integrand(theta: acb, analytic: bool) -> acb:
            # |g| is not analytic at a zero of g. real_abs says so for a ball around one, and the integrator bisects.
            u, cosine = theta.sin_cos()
            return g(u).real_abs(analytic=analytic) * (across + (along - across) * u * u) * cosine ** (d - 2)

        half = arb.pi() / 2
        integral = integrate(integrand, -half, half, bits).real
        density = (arb(fmpq(d, 2)) - arb("0.5")).rising(arb("0.5")) / arb.pi().sqrt()
        return 2 * density * integral

    energy = refine(
        evaluate,
        digits,
        max_bits=integral_bits(digits),
        subject=f"E_S|f_L(S W_Q)|^2 of {activation} at k={k}, d={d}",
        spare=1,
    )
    with exclusive, ctx.workprec(digits_to_bits(digits) + GUARD_BITS):
        return abs(as_ball("alpha", alpha)) * energy
