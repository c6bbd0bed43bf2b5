r"""Eigenvalues, traces and tails of the NTK and the QuadNTK on the sphere, certified and symbolic in d.

Both kernels have the form K(x,x') = c <x,x'>^p E_w[g(<w,x>) g(<w,x'>)], x on S^{d-1}(sqrt d), w on the unit sphere:

- NTK: c = 1, p = 1, g = sigma';
- QuadNTK: c = 1/4, p = 2, g = sigma'';
- the features themselves, which a trained second layer adds to the NTK: c = 1, p = 0, g = sigma.

On degree-l harmonics (multiplicity N(d,l)) such a kernel has the eigenvalue

.. math:: c\, d^p \sum_j w_j \lambda_j(g)^2, \qquad t^p P_l = \sum_j w_j P_j .

Derivation: the expectation is sum_j lambda_j^2 N(d,j) P_j(t) with <x,x'> = d t, and N(d,j) times the weight of P_l in
t^p P_j equals N(d,l) w_j. With A_l = (l+d-2)/(2l+d-2) and B_l = l/(2l+d-2) this is

.. math:: \Lambda_l = d\,[B_l \lambda_{l-1}(\sigma')^2 + A_l \lambda_{l+1}(\sigma')^2], \qquad
          Q_l = \tfrac{d^2}{4} [B_l B_{l-1} \lambda_{l-2}^2 + (A_l B_{l+1} + B_l A_{l-1}) \lambda_l^2
          + A_l A_{l+1} \lambda_{l+2}^2]

with lambda_j(sigma'') in Q_l. The weights are positive and sum to one, so the trace is c d^p E_{tau_d}[g(sqrt(d) t)^2].
Derived in docs/mathematics, :eq:`zonal-eigenvalue`, :eq:`ntk-eigenvalue`, :eq:`quadntk-eigenvalue` and :eq:`trace`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import sympy as sp
from flint import arb, ctx, fmpq, fmpq_poly

from theory.activations import Activation, ActivationLike
from theory.balls.arithmetic import SYMBOLS
from theory.balls.ball import ball, proved_zero, refine, square
from theory.balls.enclosure import sphere_expectation
from theory.balls.precision import exclusive
from theory.funk_hecke.closed_forms import expanded, is_polynomial, sphere_sum
from theory.funk_hecke.coefficient import coefficient_ball, integral_bits
from theory.funk_hecke.polynomials import rational_polynomial, sphere_moment
from theory.harmonics.gegenbauer import multiplication
from theory.harmonics.sphere import (
    Dimension,
    check_degree,
    check_dimension,
    integer_dimension,
    multiplicity,
    unchecked_multiplicity,
)
from theory.harmonics.work import Undecided


@dataclass(frozen=True)
class TangentKernel:
    """c <x,x'>^p E_w[g g] with g the p-th derivative of sigma.

    Attributes:
        name: as printed.
        symbol: of its eigenvalues, in LaTeX.
        order: p, the power of <x,x'> and the order of the derivative.
        factor: c, the constant in front.
    """

    name: str
    symbol: str
    order: int
    factor: sp.Rational

    def weights(self, degree: int, d: Dimension) -> dict[int, sp.Expr]:
        """c d^p w_j, the weight of lambda_j(g)^2 in the eigenvalue of degree l, by j."""
        scale = self.factor * sp.sympify(d) ** self.order
        return {j: scale * w for j, w in multiplication(self.order, degree, d).items()}


NTK = TangentKernel("NTK", r"\Lambda", 1, sp.Rational(1))
QUADNTK = TangentKernel("QuadNTK", "Q", 2, sp.Rational(1, 4))
FEATURES = TangentKernel("feature kernel", r"\lambda^2", 0, sp.Rational(1))


@lru_cache(maxsize=65536)
def exact_weights(kernel: TangentKernel, degree: int, d: int) -> tuple[tuple[int, fmpq], ...]:
    """The kernel's weights as exact rationals, with their j."""
    return tuple((j, fmpq(int(w.p), int(w.q))) for j, w in kernel.weights(degree, d).items())


def eigenvalue_ball(kernel: TangentKernel, activation: Activation, degree: int, d: int, bits: int) -> arb:
    """The eigenvalue at a working precision; no cancellation, because all weights are positive."""
    expr = activation.derivative(kernel.order)
    return sum((square(coefficient_ball(expr, j, d, bits)) * w for j, w in exact_weights(kernel, degree, d)), arb(0))


def kernel_eigenvalue(kernel: TangentKernel, activation: ActivationLike, degree: int, d: int, digits: int) -> arb:
    """The certified eigenvalue, for either kernel; see :func:`ntk_eigenvalue` (:eq:`zonal-eigenvalue`)."""
    activation, degree, d = Activation.of(activation), check_degree(degree), integer_dimension(d)
    return refine(
        lambda bits: eigenvalue_ball(kernel, activation, degree, d, bits),
        digits,
        max_bits=integral_bits(digits, activation.derivative(kernel.order)),
        subject=f"eigenvalue {degree} of the {kernel.name} of {activation} at d={d}",
    )


def ntk_eigenvalue(activation: ActivationLike, degree: int, d: int, digits: int = 15) -> arb:
    r"""Lambda_l of the NTK, certified: see the module's formula.

    Args:
        activation: sigma, differentiable.
        degree: l >= 0.
        d: dimension, 3 <= d <= 10**6.
        digits: relative decimal digits to certify.

    Returns:
        A ball containing Lambda_l; exactly zero where parity proves it.

    Raises:
        ValueError: d < 3, degree < 0.
        Undecided: zero without a proof.

    Cost: two coefficients, see :func:`theory.coefficient`.
    Source: docs/mathematics, :eq:`ntk-eigenvalue`; limits agree with arXiv:2007.12826.

    >>> print(ntk_eigenvalue(Activation.parse("tanh(z + 1)"), 1, 10).str(15, radius=False))
    0.205121835553790
    """
    return kernel_eigenvalue(NTK, activation, degree, d, digits)


def quadntk_eigenvalue(activation: ActivationLike, degree: int, d: int, digits: int = 15) -> arb:
    r"""Q_l of the QuadNTK kernel (1/4) <x,x'>^2 E_w[sigma''(<w,x>) sigma''(<w,x'>)], certified.

    Arguments and errors as :func:`ntk_eigenvalue`; sigma'' must be a function (ReLU is refused). Cost: three
    coefficients. Source: docs/mathematics, :eq:`quadntk-eigenvalue`.

    >>> print(quadntk_eigenvalue(Activation.parse("z**2"), 0, 10))  # sigma'' = 2: (10/4) * 4
    10.0000000000000
    """
    return kernel_eigenvalue(QUADNTK, activation, degree, d, digits)


def _eigenvalue_expr(kernel: TangentKernel, activation: ActivationLike, degree: int, d: Dimension) -> sp.Expr:
    d, degree = check_dimension(d), check_degree(degree)
    expr = Activation.of(activation).derivative(kernel.order)
    return sp.Add(*(w * sphere_sum(expr, j, d, SYMBOLS) ** 2 for j, w in kernel.weights(degree, d).items()))


def ntk_eigenvalue_expr(activation: ActivationLike, degree: int, d: Dimension) -> sp.Expr:
    """Lambda_l in closed form; ``d`` may be a symbol.

    Raises:
        NoClosedForm: no closed form for lambda_j(sigma').
        ValueError: d < 3, degree < 0.

    Source: docs/mathematics, :eq:`ntk-eigenvalue`.

    >>> sp.simplify(ntk_eigenvalue_expr(Activation.parse("z**2"), 2, sp.Symbol("d", positive=True)))
    8/(d + 2)
    """
    return _eigenvalue_expr(NTK, activation, degree, d)


def quadntk_eigenvalue_expr(activation: ActivationLike, degree: int, d: Dimension) -> sp.Expr:
    """Q_l in closed form, :eq:`quadntk-eigenvalue`; arguments and errors as :func:`ntk_eigenvalue_expr`.

    >>> quadntk_eigenvalue_expr(Activation.parse("z**2"), 0, sp.Symbol("d", positive=True))
    d
    """
    return _eigenvalue_expr(QUADNTK, activation, degree, d)


def trace_ball(kernel: TangentKernel, activation: Activation, d: int, bits: int) -> arb:
    """c d^p E_{tau_d}[g^2] at a working precision."""
    squared = activation.derivative(kernel.order) ** 2
    factor = fmpq(int(kernel.factor.p), int(kernel.factor.q))
    return arb(d) ** kernel.order * factor * coefficient_ball(squared, 0, d, bits)


def kernel_trace(kernel: TangentKernel, activation: ActivationLike, d: int, digits: int) -> arb:
    """The certified trace, for either kernel; see :func:`ntk_trace`."""
    activation, d = Activation.of(activation), integer_dimension(d)
    return refine(
        lambda bits: trace_ball(kernel, activation, d, bits),
        digits,
        max_bits=integral_bits(digits, activation.derivative(kernel.order) ** 2),
        subject=f"trace of the {kernel.name} of {activation} at d={d}",
    )


def ntk_trace(activation: ActivationLike, d: int, digits: int = 15) -> arb:
    r"""Trace of the NTK on L2: sum_l N(d,l) Lambda_l = K(x,x) = d E_{tau_d}[ sigma'(sqrt(d) t)^2 ].

    Arguments and errors as :func:`ntk_eigenvalue`. Source: docs/mathematics, :eq:`trace`.

    >>> print(ntk_trace(Activation.parse("relu(z)"), 7))
    3.50000000000000
    """
    return kernel_trace(NTK, activation, d, digits)


def quadntk_trace(activation: ActivationLike, d: int, digits: int = 15) -> arb:
    r"""Trace of the QuadNTK on L2: sum_l N(d,l) Q_l = (d^2/4) E_{tau_d}[ sigma''(sqrt(d) t)^2 ].

    Arguments and errors as :func:`ntk_trace`. Source: docs/mathematics, :eq:`trace`.

    >>> print(quadntk_trace(Activation.parse("z**2"), 10))
    100.000000000000
    """
    return kernel_trace(QUADNTK, activation, d, digits)


def remaining_trace(kernel: TangentKernel, activation: ActivationLike, d: int, k: int, digits: int) -> arb:
    """The trace above degree k, for either kernel; see :func:`effective_ridge`."""
    activation, d, k = Activation.of(activation), integer_dimension(d), check_degree(k, "k")
    expr = activation.derivative(kernel.order)
    polynomial, squared = rational_polynomial(expr), rational_polynomial(expr**2)
    if polynomial is not None and squared is not None:  # the trace and each lambda_j^2 are rational
        scale = fmpq(int(kernel.factor.p), int(kernel.factor.q)) * fmpq(d) ** kernel.order
        exact = scale * sphere_moment(squared, 0, d)
        for degree in range(k + 1):
            for j, w in exact_weights(kernel, degree, d):
                exact = exact - multiplicity(d, degree) * w * fmpq(d) ** j * sphere_moment(polynomial, j, d) ** 2
        return refine(lambda bits: arb(exact), digits)
    if is_polynomial(expr):  # then the trace above its degree is exactly zero
        whole = kernel.factor * sp.Integer(d) ** kernel.order * sphere_sum(expanded(expr**2), 0, d, SYMBOLS)
        listed = (multiplicity(d, degree) * _eigenvalue_expr(kernel, activation, degree, d) for degree in range(k + 1))
        rest = whole - sp.Add(*listed)
        return arb(0) if proved_zero(rest) else refine(lambda bits: ball(rest), digits)

    def evaluate(bits: int) -> arb:  # a small difference of large numbers: refine finds the bits that it needs
        total = trace_ball(kernel, activation, d, bits)
        for degree in range(k + 1):
            total = total - multiplicity(d, degree) * eigenvalue_ball(kernel, activation, degree, d, bits)
        return total

    subject = f"trace above degree {k} of the {kernel.name} of {activation} at d={d}"
    return refine(evaluate, digits, max_bits=integral_bits(digits, expr**2), subject=subject)


def effective_ridge(activation: ActivationLike, d: int, k: int, digits: int = 15) -> arb:
    r"""gamma_{>k} = sum_{l > k} N(d,l) Lambda_l of the NTK: what degrees above k add to the diagonal of a Gram matrix.

    For d^k << n << d^{k+1} the Gram matrix of n points is its part of degree <= k plus gamma_{>k} times the identity,
    up to small operator norm (arXiv:2007.12826). Computed as the trace less the degrees up to k, at a precision that
    makes up for the cancellation. Source: docs/mathematics, :eq:`effective-ridge`.

    Args:
        activation: sigma, differentiable.
        d: dimension, 3 <= d <= 10**6.
        k: the largest degree left out of the sum.
        digits: relative decimal digits to certify.

    Raises:
        ValueError: d < 3 or k < 0.
        Undecided: the sum is zero, or nearly, without a proof; for a polynomial sigma it is decided exactly.

    >>> print(effective_ridge(Activation.parse("sin(z + pi/4)"), 20, 1).str(12, radius=False))
    6.04268664311
    """
    return remaining_trace(NTK, activation, d, k, digits)


def _tail_bound(kernel: TangentKernel, activation: ActivationLike, d: int, max_degree: int, order: int) -> arb:
    activation, d, order = Activation.of(activation), integer_dimension(d), check_degree(order, "order")
    first = check_degree(max_degree, "max_degree") + 1 - kernel.order  # smallest j that enters a degree above L
    if not 1 <= order <= first:
        raise ValueError(f"order={order}: needs 1 <= order <= {first} at max_degree={max_degree}")
    expr = activation.derivative(kernel.order + order) ** 2
    ratio = fmpq(int(multiplicity(d, first)), int(unchecked_multiplicity(d + 2 * order, first - order)))
    rising = 1
    for i in range(order):
        rising *= d + 2 * i
    factor = fmpq(int(kernel.factor.p), int(kernel.factor.q))
    scale = factor * fmpq(d) ** (order + kernel.order) * ratio / fmpq(rising) ** 2
    with exclusive, ctx.workprec(128):
        # E over tau_{d+2q} of a function of sqrt(d) t: integrate in tau_d against the weight (1 - t^2)^q.
        weight = fmpq_poly([1, 0, -1]) ** order
        mass = sphere_expectation(sp.Integer(1), d, weight, 128)
        bound = (sphere_expectation(expr, d, weight, 128) / mass * scale).upper()
    if not bound.is_finite():
        raise Undecided(
            f"tail of {activation} at d={d}: derivative {kernel.order + order} could not be integrated; lower the order"
        )
    return bound


def ntk_tail_bound(activation: ActivationLike, d: int, max_degree: int, order: int) -> arb:
    r"""An upper bound of sum_{l > L} N(d,l) Lambda_l that does not use the trace.

    With q = ``order``, the Rodrigues form and Parseval in dimension d + 2q give, for every J >= q,

    .. math:: \sum_{j \ge J} N(d,j) \lambda_j(g)^2 \le \frac{N(d,J)}{N(d+2q,J-q)}
              \frac{d^q}{(d(d+2)\cdots(d+2q-2))^2} E_{\tau_{d+2q}}[ g^{(q)}(\sqrt d\, t)^2 ],

    because the first factor falls with J. Each lambda_j^2 enters the trace with total weight c d^p N(d,j), and only
    j >= J = L+1-p enters degrees above L. Source: docs/mathematics, :eq:`tail-bound`.

    Args:
        activation: sigma, differentiable q + 1 times.
        d: dimension, 3 <= d <= 10**6.
        max_degree: L.
        order: q, 1 <= q <= J.

    Returns:
        A number (ball of radius zero up to rounding) not below the tail.

    Raises:
        ValueError: order out of range.
        Undecided: the integral of the derivative did not converge.

    >>> sigma = Activation.parse("sin(z + pi/4)")
    >>> ntk_tail_bound(sigma, 20, 3, 2) >= effective_ridge(sigma, 20, 3)
    True
    """
    return _tail_bound(NTK, activation, d, max_degree, order)


def quadntk_tail_bound(activation: ActivationLike, d: int, max_degree: int, order: int) -> arb:
    r"""An upper bound of sum_{l > L} N(d,l) Q_l that does not use the trace: :eq:`tail-bound` with J = L-1.

    Arguments and errors as :func:`ntk_tail_bound`.
    """
    return _tail_bound(QUADNTK, activation, d, max_degree, order)
