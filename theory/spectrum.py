r"""Eigenvalues of the NTK and the QuadNTK on the sphere, certified and symbolic in d.

The NTK of the first layer is K(x,x') = <x,x'> E_w[sigma'(<w,x>) sigma'(<w,x'>)], x on S^{d-1}(sqrt d), w on the unit
sphere. On degree-l harmonics (multiplicity N(d,l)) it acts as

.. math:: \Lambda_l = d \left[ B_l \lambda_{l-1}(\sigma')^2 + A_l \lambda_{l+1}(\sigma')^2 \right],
          \quad A_l = \frac{l+d-2}{2l+d-2}, \; B_l = \frac{l}{2l+d-2}.

Derivation: E_w[sigma' sigma'] has eigenvalue lambda_j^2 on degree j; multiplication by <x,x'> = d t moves weight
by t P_l = A_l P_{l+1} + B_l P_{l-1}. Twice the same step gives the QuadNTK. Derived here: docs/mathematics, section 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp
from flint import arb, ctx, fmpq, fmpq_poly

from theory.activations import Activation
from theory.balls import Undecided, refine
from theory.enclosure import sphere_expectation
from theory.funk_hecke import (
    coefficient_ball,
    coefficient_expr,
    hermite_ball,
    hermite_coefficient_expr,
    integral_bits,
    size_bits,
    vanishes,
)
from theory.gegenbauer import lowering, raising
from theory.sphere import (
    Dimension,
    check_degree,
    check_dimension,
    integer_dimension,
    multiplicity,
    unchecked_multiplicity,
)


def _exact(value: sp.Expr) -> fmpq:
    return fmpq(int(value.p), int(value.q))


def _ntk_weights(degree: int, d: Dimension) -> dict[int, sp.Expr]:
    """Weight of lambda_j(sigma')^2 in Lambda_l, by j."""
    weights = {degree + 1: d * raising(d, degree)}
    if degree:
        weights[degree - 1] = d * lowering(d, degree)
    return weights


def _quadntk_weights(degree: int, d: Dimension) -> dict[int, sp.Expr]:
    """Weight of lambda_j(sigma'')^2 in Q_l, by j: two steps of t P_l = A_l P_{l+1} + B_l P_{l-1}."""
    scale = sp.sympify(d) ** 2 / 4
    stay = raising(d, degree) * lowering(d, degree + 1)
    if degree:
        stay += lowering(d, degree) * raising(d, degree - 1)
    weights = {degree: scale * stay, degree + 2: scale * raising(d, degree) * raising(d, degree + 1)}
    if degree >= 2:
        weights[degree - 2] = scale * lowering(d, degree) * lowering(d, degree - 1)
    return weights


def _eigenvalue(
    activation: Activation,
    degree: int,
    d: int,
    digits: int,
    derivative: int,
    weights: Callable[[int, Dimension], dict[int, sp.Expr]],
    name: str,
) -> arb:
    check_degree(degree)
    d = integer_dimension(d)
    expr = activation.derivative(derivative)
    terms = [(j, _exact(w)) for j, w in weights(degree, d).items()]

    def evaluate(bits: int) -> arb:
        return sum((coefficient_ball(expr, j, d, bits) ** 2 * w for j, w in terms), arb(0))

    subject = f"{name}_{degree} of {activation} at d={d}"
    # The eigenvalue is a sum of squares of coefficients, so it has twice their size in bits.
    return refine(evaluate, digits, size_bits(degree, d), subject, integral_bits(digits, 2 * degree + 2, d))


def ntk_eigenvalue(activation: Activation, degree: int, d: int, digits: int = 15) -> arb:
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

    Cost: two certified quadratures.
    Source: derived here, docs/mathematics, section 3; limits agree with arXiv:2007.12826.

    >>> print(ntk_eigenvalue(Activation.parse("tanh(z + 1)"), 1, 10).str(15, radius=False))
    0.205121835553790
    """
    return _eigenvalue(activation, degree, d, digits, 1, _ntk_weights, "Lambda")


def quadntk_eigenvalue(activation: Activation, degree: int, d: int, digits: int = 15) -> arb:
    r"""Q_l of the QuadNTK kernel (1/4) <x,x'>^2 E_w[sigma''(<w,x>) sigma''(<w,x'>)], certified.

    .. math:: Q_l = \frac{d^2}{4}\left[ B_l B_{l-1} \lambda_{l-2}^2 + (A_l B_{l+1} + B_l A_{l-1}) \lambda_l^2
              + A_l A_{l+1} \lambda_{l+2}^2 \right], \quad \lambda_j = \lambda_j(\sigma'').

    Arguments, errors and cost as :func:`ntk_eigenvalue`; sigma'' must be a function (ReLU is refused).
    Source: derived here, docs/mathematics, section 3.
    """
    return _eigenvalue(activation, degree, d, digits, 2, _quadntk_weights, "Q")


def ntk_eigenvalue_expr(activation: Activation, degree: int, d: Dimension) -> sp.Expr:
    """Lambda_l in closed form; ``d`` may be a symbol.

    Raises:
        NoClosedForm: no closed form for lambda_j(sigma').
    """
    d, degree = check_dimension(d), check_degree(degree)
    return sp.Add(*(w * coefficient_expr(activation, j, d, 1) ** 2 for j, w in _ntk_weights(degree, d).items()))


def _limit_order(degree: int) -> tuple[int, int]:
    """(j, factor) with lim d^{l-1} Lambda_l = factor * E[sigma'(G) He_j(G)]^2 (and lim Lambda_0 for l = 0).

    l! mu_{l-1}^2 = l!/(l-1)! E[.]^2 = l E[.]^2 for l >= 1; mu_1^2 = E[.]^2 for l = 0.
    """
    return (1, 1) if degree == 0 else (degree - 1, degree)


def ntk_limit(activation: Activation, degree: int, digits: int = 15) -> arb:
    r"""lim_{d -> oo} d^{l-1} Lambda_l = l! mu_{l-1}(sigma')^2 for l >= 1, and lim Lambda_0 = mu_1(sigma')^2.

    Returns:
        A certified ball from a Gaussian integral with a certified tail; exactly zero where parity proves it.

    Raises:
        ValueError: degree < 0, or no bound on the growth of sigma' is known.
        Undecided: zero without a proof.

    Source: derived here, docs/mathematics, section 3; arXiv:2007.12826 for the structure.

    >>> print(ntk_limit(Activation.parse("sin(z + pi/4)"), 1).str(15, radius=False))
    0.183939720585721
    """
    j, factor = _limit_order(check_degree(degree))
    expr = activation.derivative(1)
    return refine(
        lambda bits: factor * hermite_ball(expr, j, bits) ** 2,
        digits,
        max_bits=integral_bits(digits),
        subject=f"the limit of d^({degree}-1) Lambda_{degree} of {activation}",
    )


def ntk_limit_expr(activation: Activation, degree: int) -> sp.Expr:
    """The limit of :func:`ntk_limit` in closed form.

    Raises:
        NoClosedForm: as :func:`theory.coefficient_expr`.

    >>> ntk_limit_expr(Activation.parse("sin(z + pi/4)"), 3)
    3*exp(-1)/2
    """
    j, factor = _limit_order(check_degree(degree))
    return sp.simplify(factor * hermite_coefficient_expr(activation, j, 1) ** 2)


def learnable(activation: Activation, degree: int) -> bool:
    """False when Lambda_l is proved to vanish for every d (parity), so the NTK cannot learn degree l."""
    check_degree(degree)
    expr = activation.derivative(1)
    return not all(vanishes(expr, j) for j in ((degree + 1, degree - 1) if degree else (1,)))


def ntk_trace(activation: Activation, d: int, digits: int = 15) -> arb:
    r"""Trace of the NTK on L2: sum_l N(d,l) Lambda_l = K(x,x) = d E_{tau_d}[ sigma'(sqrt(d) t)^2 ]."""
    d = integer_dimension(d)
    expr = activation.derivative(1) ** 2
    return refine(
        lambda bits: d * coefficient_ball(expr, 0, d, bits),
        digits,
        max_bits=integral_bits(digits),
        subject=f"trace of the NTK of {activation} at d={d}",
    )


def ntk_tail_bound(activation: Activation, d: int, max_degree: int, order: int) -> arb:
    r"""An upper bound of sum_{l > L} N(d,l) Lambda_l that does not use the trace.

    With q = ``order``, the Rodrigues form and Parseval in dimension d + 2q give, for every J >= q,

    .. math:: \sum_{j > J} N(d,j) \lambda_j(\sigma')^2 \le c_J \,
              \frac{d^q}{(d(d+2)\cdots(d+2q-2))^2} E_{\tau_{d+2q}}[ \sigma^{(q+1)}(\sqrt d\, t)^2 ],

    c_J = N(d,J+1)/N(d+2q,J+1-q), which falls with J. And sum_{l>L} N(d,l) Lambda_l <= d sum_{j>=L} N(d,j)
    lambda_j^2, because N(d,l) B_l = N(d,l-1) A_{l-1} gives each lambda_j^2 the total weight d N(d,j) (A_j + B_j) = d
    N(d,j), of which degrees l > L receive all or a part for j >= L and nothing for j < L. Derived here.

    Raises:
        ValueError: order < 1 or order > max_degree.
        Undecided: the integral of the derivative did not converge.
    """
    d = integer_dimension(d)
    check_degree(max_degree, "max_degree")
    if not 1 <= check_degree(order, "order") <= max_degree:
        raise ValueError(f"order={order}: needs 1 <= order <= max_degree={max_degree}")
    expr = activation.derivative(order + 1) ** 2
    first = max_degree  # the smallest j that a degree above max_degree receives
    ratio = fmpq(int(multiplicity(d, first)), int(unchecked_multiplicity(d + 2 * order, first - order)))
    rising = 1
    for i in range(order):
        rising *= d + 2 * i
    scale = fmpq(d) ** (order + 1) * ratio / fmpq(rising) ** 2
    with ctx.workprec(128):
        # E over tau_{d+2q} of a function of sqrt(d) t: integrate in tau_d against the weight (1 - t^2)^q.
        weight = fmpq_poly([1, 0, -1]) ** order
        mass = sphere_expectation(sp.Integer(1), d, weight, 128)
        bound = (sphere_expectation(expr, d, weight, 128) / mass * scale).upper()
    if not bound.is_finite():
        raise Undecided(
            f"tail of {activation} at d={d}: derivative {order + 1} could not be integrated; lower the order"
        )
    return bound


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of a zonal kernel by degree, with the trace that the listed degrees leave out.

    Attributes:
        activation: sigma.
        d: dimension.
        degrees: 0..L.
        multiplicities: N(d,l) for each degree.
        eigenvalues: certified eigenvalue for each degree.
        tail: ball of sum_{l > L} N(d,l) Lambda_l, from the trace.
    """

    activation: Activation
    d: int
    degrees: tuple[int, ...]
    multiplicities: tuple[int, ...]
    eigenvalues: tuple[arb, ...]
    tail: arb


def ntk_spectrum(activation: Activation, d: int, max_degree: int, digits: int = 15) -> Spectrum:
    """The NTK's :class:`Spectrum` up to ``max_degree``, each eigenvalue certified to ``digits``."""
    degrees = tuple(range(check_degree(max_degree, "max_degree") + 1))
    counts = tuple(multiplicity(d, degree) for degree in degrees)
    values = tuple(ntk_eigenvalue(activation, degree, d, digits) for degree in degrees)
    with ctx.workprec(int(digits * 3.4) + 64):
        listed = sum((v * n for v, n in zip(values, counts, strict=True)), arb(0))
        tail = ntk_trace(activation, d, digits) - listed
    return Spectrum(activation, d, degrees, counts, values, tail)
