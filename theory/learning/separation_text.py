"""The separation theorem as a text to read and as data to check."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import fields
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from functools import partial
from typing import TYPE_CHECKING, Any

import sympy as sp
from flint import arb, ctx

from theory.activations import Activation
from theory.balls.ball import refine
from theory.balls.functions import Z
from theory.balls.precision import exclusive
from theory.bounds.proof import rounded
from theory.funk_hecke.coefficient import coefficient_ball, integral_bits
from theory.harmonics.sphere import multiplicity
from theory.learning.separation_error import MEANS, SUPREMA, Errors

if TYPE_CHECKING:
    from theory.learning.separation import SeparationTheorem

FORMAT = "escape-ntk separation certificate"
VERSION = 1
DIGITS = 30
"""Of the bounds in a certificate."""
SAMPLED = (1, 10, 100)
"""Dimensions, in units of the first one, at which a certificate gives the means over the sphere."""
LEAST_SAMPLED = 100
ZONAL_DIGITS = 12
WIDTH = 118


def outwards(value: arb, up: bool, digits: int = DIGITS) -> str:
    """A decimal number of so many digits above, or below, a ball.

    >>> outwards(arb(1) / 3, True, 4), outwards(arb(1) / 3, False, 4)
    ('0.3334', '0.3333')
    """
    end = value.upper() if up else value.lower()
    context = Context(prec=digits, rounding=ROUND_CEILING if up else ROUND_FLOOR)
    with exclusive, ctx.workprec(4 * digits + 200):
        number = context.create_decimal(end.str(digits + 20, radius=False))
        while not (arb(str(number)) >= end if up else arb(str(number)) <= end):
            number = context.next_plus(number) if up else context.next_minus(number)
    return str(number)


def zonal_means(activation: Activation, d: int) -> dict[str, arb]:
    """Means over the sphere at one d that the bounds enclose, by name, to ZONAL_DIGITS digits.

    Those of MEANS, "curvature" being lambda_0(sigma'') and "slope" E[sigma'(z) <e,x>^2] across w, and "radial slope"
    E[z sigma'(z)].
    """
    first, second = activation.derivative(1), activation.derivative(2)

    def across(bits: int) -> arb:
        plain, radial = (coefficient_ball(expr, 0, d, bits) for expr in (first, Z**2 * first))
        return (d * plain - radial) / (d - 1)

    parts: dict[str, Callable[[int], arb]] = {
        "slope energy": partial(coefficient_ball, first**2, 0, d),
        "curvature energy": partial(coefficient_ball, second**2, 0, d),
        "curvature": partial(coefficient_ball, second, 0, d),
        "radial slope": partial(coefficient_ball, sp.expand(Z * first), 0, d),
        "slope": across,
    }
    limit = integral_bits(ZONAL_DIGITS, first**2)
    return {
        name: refine(part, ZONAL_DIGITS, max_bits=limit, subject=f"{name} at d={d}") for name, part in parts.items()
    }


def sampled(d_min: int) -> list[int]:
    """The dimensions of a certificate's means."""
    return [factor * max(d_min, LEAST_SAMPLED) for factor in SAMPLED]


def certificate(theorem: SeparationTheorem) -> dict[str, Any]:
    """The data of :meth:`theory.learning.separation.SeparationTheorem.certificate`.

    Numbers are exact integers, and as text exact fractions, decimal bounds rounded outwards and balls
    "[middle +/- radius]".
    """
    widths = {"taylor": theorem.taylor_width, "network": theorem.network_width}
    parts = {name: theorem.errors(m) for name, m in widths.items()}
    left = {"taylor": parts["taylor"].taylor, "network": parts["network"].network}
    risk = theorem.epsilon**2 * (theorem.dense + theorem.sparse)
    return {
        "format": FORMAT,
        "version": VERSION,
        "activation": str(theorem.activation),
        "k": theorem.k,
        "d_min": theorem.d_min,
        "energies": {"dense": str(theorem.dense), "sparse": str(theorem.sparse)},
        "kernels": {"share": str(theorem.share), "floor": str(theorem.floor)},
        "network": {"epsilon": str(theorem.epsilon), "delta": str(theorem.delta)},
        "suprema": dict(theorem.suprema),
        "means": dict(theorem.means),
        "bounds": {name: outwards(v, not name.startswith("least")) for name, v in theorem.bounds().items()},
        "widths": widths,
        "errors": {
            name: {f.name: outwards(getattr(found, f.name), True) for f in fields(Errors)}
            for name, found in parts.items()
        },
        "sphere": [
            {"d": d, "multiplicity": multiplicity(d, 2)}
            | {name: value.str(ZONAL_DIGITS, more=True) for name, value in zonal_means(theorem.activation, d).items()}
            for d in sampled(theorem.d_min)
        ],
        "inequalities": [
            _inequality("floor of the kernels", str(theorem.floor), "<=", str(1 - theorem.share)),
            _inequality("the risks are apart", str(risk), "<", str(theorem.floor * theorem.sparse)),
            *(
                _inequality(f"mean square error, {name}", outwards(left[name], True), "<=", str(theorem.allowed))
                for name in widths
            ),
        ],
    }


def _inequality(name: str, left: str, relation: str, right: str) -> dict[str, str]:
    return {"name": name, "left": left, "relation": relation, "right": right}


def _text(*blocks: str) -> str:
    """Sentences filled to lines with an indent of 3; what begins with "=" is a display."""
    lines = []
    for block in blocks:
        if block.startswith("="):
            lines.append(textwrap.indent(block[1:], " " * 7))
        else:
            lines.append(textwrap.fill(block, WIDTH, initial_indent=" " * 3, subsequent_indent=" " * 3))
    return "\n".join(lines)


def explanation(theorem: SeparationTheorem) -> str:
    """Theorem and proof, for a reader of the documentation alone."""
    steps = (_kernels, _construction, _errors, _sphere, _width, _remainder)
    body = "\n\n".join(f"{n}.{step(theorem)[2:]}" for n, step in enumerate(steps, 1))
    opening = "Proof. Bounds are computed in ball arithmetic and rounded outwards."
    return f"{_statement(theorem)}\n\n{opening}\n\n{body}\n"


def _statement(t: SeparationTheorem) -> str:
    risk = t.epsilon**2 * (t.dense + t.sparse)
    return "\n".join(
        (
            f"Theorem. Let sigma(z) = {t.activation}, d >= {t.d_min} an integer, and f* = f_1 + f_2 on the sphere of "
            f"radius sqrt(d):",
            f"f_1 linear of energy {t.dense}, f_2 the zonal harmonic of degree 2 and energy {t.sparse} along a unit "
            f"vector beta.",
            f"(a) Every kernel method with n <= {t.share} N(d,2) labels, N(d,2) = (d+2)(d-1)/2, has a test risk of at "
            f"least {t.floor * t.sparse}",
            "    in the mean over a uniform beta, the inputs and everything else that is random.",
            f"(b) At every even width m >= {t.taylor_width:,} some W = W_L + S W_Q has E(f_L + f_Q - f*)^2 <= {risk}",
            f"    with probability at least {1 - t.delta} over weights and signs, for every beta.",
            f"(c) At every even width m >= {t.network_width:,} the same holds of the network: E(f - f*)^2 <= {risk}.",
        )
    )


def _kernels(t: SeparationTheorem) -> str:
    return _text(
        "The kernels. A kernel method predicts A f*, linear in the n labels, where A has rank at most n and does not "
        "depend on beta. For uniform beta the coefficients of f_2 in an orthonormal basis of the N = N(d,2) harmonics "
        "of degree 2 have covariance E_2/N times the identity. So the mean risk in degree 2 is at least E_2/N times "
        f"the squared Hilbert-Schmidt norm of 1 - A on degree 2, which is at least N - n. Hence (1 - n/N) E_2 >= "
        f"{t.floor} E_2, E_2 = {t.sparse}, for every d.",
    )


def _construction(t: SeparationTheorem) -> str:
    return _text(
        "The displacement. f_2 = alpha (<beta,x>^2 - 1), alpha^2 = E_2 (d+2)/(2(d-1)). Write z = <w,x>.",
        "=W_Q,r = beta c,  c^2 = 4 alpha / (sqrt(m) |lambda_0(sigma'')|),  lambda_0(sigma'') = E[sigma''(z)],",
        "for the neurons with a_r of the sign of lambda_0(sigma''), one of each pair, and zero for the others; S are "
        "independent signs.",
        "=W_L,r = a_r v(w_r)/sqrt(m),  v(w) = -alpha w/E[z sigma'(z)] + E_x[sigma'(z) f_1(x) x]/Lambda_1.",
        "Its neurons come in antisymmetric pairs, so f_Q(W_L) = 0. E_w f_L(W_L) = f_1 - alpha and E_w f_Q(S W_Q) = "
        "alpha <beta,x>^2 by the theorem of Funk and Hecke.",
    )


def _errors(t: SeparationTheorem) -> str:
    return _text(
        "The errors of the Taylor model. In the mean over inputs, weights and signs, exactly or bounded:",
        "=E(f_Q(W_Q) - alpha <beta,x>^2)^2  = (2/m) alpha^2 3d/(d+2) (E[sigma''^2]/lambda_0(sigma'')^2 - 1),\n"
        "E f_L(S W_Q)^2                    = 2 alpha E[sigma'^2]/(sqrt(m) |lambda_0(sigma'')|),\n"
        "E(f_L(W_L) - f_1 + alpha)^2       <= (2/m) sup|sigma'|^2 E|v|^2,\n"
        "E f_Q(W_L, S W_Q)^2               <= (3/2m) c^2 sup|sigma''|^2 E|v|^2,",
        "since neurons are independent and, in the second and fourth, signs have mean zero. E|v|^2 = alpha^2/E[z "
        "sigma']^2 + E_1/Lambda_1. What is odd in the signs is orthogonal to what is even, so with root mean squares "
        "e the error is at most (e_dense + e_sparse)^2 + (e_signs + e_cross)^2.",
    )


def _sphere(t: SeparationTheorem) -> str:
    found = {name: rounded(v, not name.startswith("least")) for name, v in t.bounds().items()}
    suprema = ", ".join(f"sup|{name}| <= {rounded(arb(t.suprema[name]), True)}" for name in SUPREMA)
    means = ", ".join(f"{float(arb(t.means[name]).mid()):.6g}" for name in MEANS)
    return _text(
        "Every d at once. By Stein's method, for a function g with bounded derivatives and t a coordinate of a uniform "
        "point of the unit sphere in R^(d+2j),",
        "=|E g(sqrt(d) t) - E g(G)| <= (2/sqrt(pi)) sup|g'|/(d+2j-1) + j sup|g''|/(d+2j),   G standard Gaussian.",
        f"{suprema}; E[sigma'(G)^2], E[sigma''(G)^2], E[sigma''(G)] and E[sigma'(G)] are {means}. With j = 0 for the "
        "first three, and j = 1 for E[z sigma'] = E g(sqrt(d) t), g = sigma'', and for b = E g(sqrt(d) t), g = sigma', "
        f"with which Lambda_1 >= b^2 (d-1)/d, one has for every d >= {t.d_min}:",
        f"=E[sigma'^2] <= {found['slope energy']},  E[sigma''^2] <= {found['curvature energy']},  |lambda_0(sigma'')| "
        f">= {found['least curvature']},\n|E[z sigma']| >= {found['least radial slope']},  Lambda_1 >= "
        f"{found['least eigenvalue']},  alpha <= {found['strength']},\nE|v|^2 <= {found['dense norm']},  sup|v| <= "
        f"alpha/|E[z sigma']| + sqrt(E_1) sup|sigma'|/Lambda_1 <= {found['largest dense']}.",
    )


def _width(t: SeparationTheorem) -> str:
    found = t.errors(t.taylor_width)
    squares = ", ".join(
        f"{name} {rounded(getattr(found, name) ** 2, True)}" for name in ("dense", "sparse", "signs", "cross")
    )
    return _text(
        f"The width. At m = {t.taylor_width:,} the four mean squares are at most {squares}, and the error of step 3 is "
        f"at most {rounded(found.taylor, True)} <= {t.allowed} = delta eps^2 (E_1 + E_2), delta = {t.delta}, eps = "
        f"{t.epsilon}. It falls as m grows. Markov's inequality gives (b).",
    )


def _remainder(t: SeparationTheorem) -> str:
    found = t.errors(t.network_width)
    squares = ", ".join(f"{name} {rounded(getattr(found, name) ** 2, True)}" for name in ("odd", "even", "fourth"))
    return _text(
        "The network itself. Taylor's theorem adds the third order and a remainder below sup|sigma''''| p^4/24 for "
        "each neuron, p = <W_r,x>. With p = s c <beta,x> + l, l = <W_L,r,x>, the third order splits into what is odd "
        "in the sign, c^3 <beta,x>^3 + 3 c <beta,x> l^2, whose squares add, and what is even, "
        "3 c^2 <beta,x>^2 l + l^3, which "
        "the triangle inequality bounds. By Hoelder's inequality a product of three such factors has an L2 norm of at "
        "most sqrt(15) times the product of the lengths, one of four at most sqrt(105) times.",
        f"At m = {t.network_width:,} the mean squares of odd, even and fourth order are at most {squares}; with those "
        f"of step 3 at that m the error is at most {rounded(found.network, True)} <= {t.allowed}, and (c) follows as "
        "(b).",
    )
