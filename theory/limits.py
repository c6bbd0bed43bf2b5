r"""Limiting constants for d -> oo: l! mu_{l-1}(sigma')^2, by Gaussian integrals and by the limit of closed forms."""

from __future__ import annotations

import sympy as sp
from flint import arb

from theory.activations import Activation
from theory.balls import refine, square
from theory.funk_hecke import hermite_ball, hermite_coefficient_expr, integral_bits
from theory.hypergeometric import humbert_phi3
from theory.sphere import check_degree


def _limit_order(degree: int) -> tuple[int, int]:
    """(j, factor) with lim d^{l-1} Lambda_l = factor * E[sigma'(G) He_j(G)]^2 (and lim Lambda_0 for l = 0)."""
    return (1, 1) if degree == 0 else (degree - 1, degree)


def ntk_limit(activation: Activation, degree: int, digits: int = 15) -> arb:
    r"""lim_{d -> oo} d^{l-1} Lambda_l = l! mu_{l-1}(sigma')^2 for l >= 1, and lim Lambda_0 = mu_1(sigma')^2.

    Returns:
        A certified ball; exactly zero where parity proves it. When it is zero, :func:`ntk_expansion` gives the order.

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
        lambda bits: factor * square(hermite_ball(expr, j, bits)),
        digits,
        max_bits=integral_bits(digits, expr),
        subject=f"the limit of d^({degree}-1) Lambda_{degree} of {activation}",
    )


def ntk_limit_expr(activation: Activation, degree: int) -> sp.Expr:
    """The limit of :func:`ntk_limit` in closed form, from Gaussian integrals.

    Raises:
        NoClosedForm: as :func:`theory.hermite_coefficient_expr`.

    >>> ntk_limit_expr(Activation.parse("sin(z + pi/4)"), 3)
    3*exp(-1)/2
    """
    j, factor = _limit_order(check_degree(degree))
    return sp.simplify(factor * hermite_coefficient_expr(activation, j, 1) ** 2)


def limit_in_dimension(expr: sp.Expr, d: sp.Symbol) -> sp.Expr:
    r"""The limit for d -> oo of a closed form, factor by factor, then SymPy's limit of what is rational.

    SymPy alone knows no limit of hypergeometric functions whose parameter and argument grow together, and takes minutes
    over Gamma quotients. With c ~ C d and z ~ Z d, and because the series converge dominatedly:

    - 0F1(; c; z) -> e^{Z/C};  1F1(a; c; z) -> (1 - Z/C)^{-a} for fixed a and Z/C < 1;
    - Phi_3(b; c; x, y), b = (D-1)/2, c = D/2 + n, x ~ X d, y ~ Y d: e^{-x} times it tends to (1+2X)^{-1/2-n}
      e^{2Y/(1+2X)}, the moment generating function of the Gaussian limit;
    - 2F1(1/2, b; 3/2; z) with b ~ B d and z ~ Z/d -> 1F1(1/2; 3/2; B Z);
    - Gamma(d/2 + c) ~ Gamma(d/2) (d/2)^c, in quotients where Gamma(d/2) cancels;
    - u^v with u -> 1 and v -> oo: exp(lim v log u).

    Args:
        expr: a closed form from :func:`theory.coefficient_expr` or :func:`theory.ntk_eigenvalue_expr`, times powers of
            d, whose summands stay bounded; of a Piecewise the branch for large d is taken.
        d: the symbol, declared positive.

    Raises:
        ValueError: a hypergeometric function outside the list, or Gamma functions that do not balance.

    >>> d = sp.Symbol("d", positive=True)
    >>> from theory.eigenvalues import ntk_eigenvalue_expr
    >>> limit_in_dimension(d**2 * ntk_eigenvalue_expr(Activation.parse("sin(z + pi/4)"), 3, d), d)
    3*exp(-1)/2
    """
    expr = expr.xreplace({piecewise: piecewise.args[0][0] for piecewise in expr.atoms(sp.Piecewise)})
    expr = expr.xreplace({f: _hypergeometric_limit(f, d) for f in expr.atoms(sp.hyper, humbert_phi3)})
    mark, x = sp.Symbol("Gamma", positive=True), sp.Symbol("x", positive=True)
    expr = expr.xreplace({g: mark * (d / 2) ** sp.expand(g.args[0] - d / 2) for g in expr.atoms(sp.gamma)})
    growing = [p for p in expr.atoms(sp.Pow) if p.exp.has(d) and p.base.has(d)]
    for power in sorted(growing, key=sp.count_ops):
        expr = expr.xreplace({power: sp.exp(sp.limit(power.exp * sp.log(power.base), d, sp.oo))})
    expr = sp.powsimp(sp.expand(expr))
    if expr.has(mark):
        raise ValueError(f"{expr}: Gamma functions do not balance")
    # sqrt(d) = 1/x: what is left is rational in x.
    rational = sp.cancel(sp.together(sp.powdenest(expr.subs(d, x**-2))))
    return sp.simplify(sp.limit(rational, x, 0))


def _hypergeometric_limit(function: sp.Expr, d: sp.Symbol) -> sp.Expr:
    if isinstance(function, humbert_phi3):
        _, c, x, y = function.args
        rate, n = sp.cancel(x / d), sp.simplify(c - d / 2)
        spread = 1 + 2 * rate
        return sp.exp(x) * spread ** -(sp.Rational(1, 2) + n) * sp.exp(2 * sp.cancel(y / d) / spread)
    upper, lower, z = function.args
    ratio = sp.limit(sp.cancel(z / lower[0]), d, sp.oo)
    if len(lower) == 1 and len(upper) == 0:
        return sp.exp(ratio)
    if len(lower) == 1 and len(upper) == 1 and not upper[0].has(d):
        return (1 - ratio) ** -upper[0]
    if len(lower) == 1 and len(upper) == 2 and not lower[0].has(d):
        a, b = sorted(upper, key=lambda u: bool(u.has(d)))
        return sp.hyperexpand(sp.hyper((a,), tuple(lower), sp.limit(b * z, d, sp.oo)))
    raise ValueError(f"{function}: no limit for d -> oo is known here")
