r"""Rademacher complexities of the linear and the quadratic Taylor term, with certified constants.

.. math:: R_n(F) = E_{x, \varepsilon} \sup_{f \in F} \frac1n \sum_{i=1}^n \varepsilon_i f(x_i),

x_1..x_n uniform on S^{d-1}(sqrt d), eps_i = +-1 independent and fair. Both bounds hold at every width m, for all signs
a_r and all unit w_r, because E|phi_r|^2 and the law of M_r below do not depend on the unit vector w_r.
"""

from __future__ import annotations

from flint import arb, ctx

from theory.activations import Activation, ActivationLike
from theory.balls.ball import digits_to_bits
from theory.balls.enclosure import supremum
from theory.balls.exact import as_ball
from theory.balls.precision import exclusive
from theory.harmonics.sphere import as_integer, integer_dimension, shown
from theory.network.taylor import range_radius
from theory.spectra.eigenvalues import ntk_trace


def _checked(n: int, radius: float | arb) -> tuple[int, arb]:
    samples = as_integer(n)
    if samples is None or samples < 1:
        raise ValueError(f"n={shown(n)}: needs an integer n >= 1")
    ball = as_ball("radius", radius)
    if not ball >= 0:
        raise ValueError(f"radius={shown(radius)}: needs a finite number >= 0")
    return samples, ball


def linear_rademacher(activation: ActivationLike, d: int, n: int, radius: float | arb, digits: int = 15) -> arb:
    r"""Bound of R_n for the linear term, F = {f_L(.; W): \|W\|_F <= B}, B = ``radius``.

    .. math:: R_n(F) = \frac Bn E\Big\|\sum_i \varepsilon_i \phi(x_i)\Big\| \le B \sqrt{\frac{K(x,x)}{n}}, \qquad
              K(x,x) = d\,E_{\tau_d}[\sigma'(\sqrt d\,t)^2],

    by Jensen's inequality and E|phi(x)|^2 = (1/m) sum_r E[sigma'(<w_r,x>)^2 |x|^2] = K(x,x) at any width. The same
    number bounds the ball of radius B in the infinite-width NTK's Hilbert space.

    Args:
        activation: sigma, differentiable.
        d: dimension, 3 <= d <= 10**6.
        n: number of samples, >= 1.
        radius: B >= 0; a float is taken as exact.
        digits: relative decimal digits of K(x,x) to certify.

    Returns:
        A ball containing B sqrt(K(x,x)/n).

    Raises:
        ValueError: n < 1, radius < 0 or not finite, d < 3.
        Undecided: the digits were not reached.

    Cost: one certified quadrature. Source: docs/mathematics, :eq:`linear-rademacher`.

    >>> print(linear_rademacher(Activation.parse("z"), 10, 40, 2.0).str(15, radius=False))
    1.00000000000000
    """
    activation = Activation.of(activation)
    n, ball = _checked(n, radius)
    trace = ntk_trace(activation, d, digits)
    with exclusive, ctx.workprec(digits_to_bits(digits) + 32):
        return ball * (trace / n).sqrt()


def quadratic_rademacher(activation: ActivationLike, d: int, n: int, radius: float | arb) -> arb:
    r"""Upper bound of R_n for the quadratic term, F = {f_Q(.; W): \|W\|_{2,4} <= B}, B = ``radius``.

    .. math:: R_n(F) \le \frac{B^2}{2} \sqrt{E\|M\|_{op}^2}, \qquad
              M = \frac1n \sum_i \varepsilon_i \sigma''(\langle w, x_i\rangle) x_i x_i^T,

    .. math:: E\|M\|_{op}^2 \le 2\,(1 + \log 2d)\, \frac{d s^2}{n^2} \big((e-1) n + d \log d\big), \qquad
              s = \sup_{|z| \le \sqrt d} |\sigma''(z)|.

    1. (1/n) sum_i eps_i f_Q(x_i; W) = (1/2) m^{-1/2} sum_r a_r W_r^T M_r W_r <= (1/2) m^{-1/2} sum_r |W_r|^2 \|M_r\|,
       and by Cauchy-Schwarz this is at most (1/2) \|W\|_{2,4}^2 ((1/m) sum_r \|M_r\|^2)^{1/2}.
    2. Jensen moves the expectation under the root. Every M_r has the law of M, since the law of x is invariant under
       rotations: no maximum over the neurons, so no log m.
    3. Given x, P(\|M\| >= t) <= 2d exp(-t^2/(2v)) with v = \|sum_i A_i^2\|, A_i = sigma'' x_i x_i^T / n (matrix
       Rademacher series), so E\|M\|^2 <= int_0^oo min(1, 2d e^{-u/(2v)}) du = 2v (1 + log 2d).
    4. A_i^2 <= (s^2 d/n^2) x_i x_i^T, and E\|sum_i x_i x_i^T\| <= (e-1) n + d log d (matrix Chernoff with theta = 1,
       E x x^T = I, \|x x^T\| = d).

    Args:
        activation: sigma, twice differentiable.
        d: dimension, 3 <= d <= 10**6.
        n: number of samples, >= 1.
        radius: B >= 0, the bound of (sum_r |W_r|^4)^{1/4}; a float is taken as exact.

    Returns:
        An exact number not below the bound, at most 0.1 % above it (from s) and rounding.

    Raises:
        ValueError: n < 1, radius < 0 or not finite, d < 3, or sigma'' is a distribution (a kink).
        Undecided: the supremum of |sigma''| did not converge.

    Cost: one branch and bound. Source: docs/mathematics, :eq:`quadratic-rademacher` and :eq:`matrix-moment`; the two
    matrix inequalities are Theorems 4.1.1 and 5.1.1 of Tropp, An Introduction to Matrix Concentration Inequalities
    (arXiv:1501.01571).

    >>> bound = quadratic_rademacher(Activation.parse("sin(z)"), 10, 1000, 1.0)
    >>> print(bound.str(3, radius=False))
    0.187
    """
    activation = Activation.of(activation)
    n, ball = _checked(n, radius)
    d = integer_dimension(d)
    end = range_radius(d, 0.0)
    largest = supremum(activation.derivative(2), -end, end)
    with exclusive, ctx.workprec(64):
        # Step 4 of the docstring, then step 3; ``upper`` makes the result a bound whatever was rounded.
        gram = (arb(1).exp() - 1) * n + d * arb(d).log()
        second_moment = 2 * (1 + arb(2 * d).log()) * d * largest**2 * gram / arb(n) ** 2
        return (ball**2 / 2 * second_moment.sqrt()).upper()
