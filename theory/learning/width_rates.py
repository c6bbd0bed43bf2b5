r"""Exponents in the width m of the Taylor terms at |W_r| = b m^{-a}, with their derivations.

Coherent: all terms a_r sigma^{(j)}(<w_r,x>) <W_r,x>^j have one sign, the largest the sum can be. Random signs: W_r is
replaced by s_r W_r with independent fair s_r = +-1, which leaves even orders as they are; sizes are then root mean
squares over the signs.
"""

from __future__ import annotations

import sympy as sp

from theory.learning.derivation import DEFINED, ELEMENTARY, Derivation, Exponent, Premise, Step

m, b, a, C, W_r, Q, Q2 = sp.symbols("m b a C W_r Q Q2", positive=True)
j = sp.Symbol("j", integer=True, positive=True)
HALF, QUARTER = sp.Rational(1, 2), sp.Rational(1, 4)
SECTION = "derived: docs/mathematics, section 4"
SYMBOLS = {
    "W_r": "norm of each neuron's displacement",
    "j": "order of the term",
    "Q": "its size",
    "b, C": "constants > 0, for a sigma^(j) that is bounded and not zero",
}
TERMS = {1: "$f_L$", 3: "the third-order term"}


def _concluded(steps: tuple[Step, ...], power: sp.Rational, order: int) -> tuple[Step, ...]:
    """Steps that end with Exponent(Q, m) in terms of a and j, continued to the numbers asked for."""
    count = len(steps)
    return (
        *steps,
        Step(sp.Eq(a, power), "scaling of the displacement", premise=DEFINED),
        Step(sp.Eq(j, order), "order of the term", premise=DEFINED),
        Step(
            sp.Eq(Exponent(Q, m), steps[-1].relation.rhs.subs({a: power, j: order})),
            "substitute",
            (count, count + 1, count + 2),
        ),
    )


def _coherent(name: str, order: int, power: sp.Rational, subject: str) -> Derivation:
    exponent = HALF - power * order  # m neurons of size m^{-power order}, over sqrt(m)
    size = rf"O(m^{{{exponent}}})" if exponent else "O(1)"
    return Derivation(
        name=name,
        statement=rf"{subject} is ${size}$ at $|W_r| = \Theta(m^{{{-power}}})$, attained when all neurons push one way",
        kind="upper bound",
        source=SECTION,
        symbols=SYMBOLS,
        steps=_concluded(
            (
                Step(sp.Eq(W_r, b * m**-a), "size of the displacement", premise=DEFINED),
                Step(
                    sp.Eq(Q, m * C * W_r**j / sp.sqrt(m)),
                    "triangle inequality over m neurons, each at most C W_r^j",
                    premise=Premise("elementary", claims=("T3",)),
                ),
                Step(sp.Eq(Q, C * b**j * m ** (HALF - a * j)), "substitute", (1, 2)),
                Step(sp.Eq(Exponent(Q, m), HALF - a * j), "exponent of step 3", (3,)),
            ),
            power,
            order,
        ),
    )


def _random_signs(name: str, order: int, power: sp.Rational) -> Derivation:
    return Derivation(
        name=name,
        statement=rf"with random signs {TERMS[order]} is $\Theta(m^{{{-power * order}}})$ in mean square at "
        rf"$|W_r| = \Theta(m^{{{-power}}})$",
        kind="exact order",
        source=SECTION,
        symbols=SYMBOLS | {"Q2": "expectation of Q^2 over the signs and the input"},
        steps=_concluded(
            (
                Step(sp.Eq(W_r, b * m**-a), "size of the displacement", premise=DEFINED),
                Step(
                    sp.Eq(Q2, m * C * W_r ** (2 * j) / m),
                    "odd order: products of different neurons have mean 0, so the squares add",
                    premise=Premise("proved", ("random-signs",), ("G2", "T3")),
                ),
                Step(sp.Eq(Q, sp.sqrt(Q2)), "definition of the root mean square", premise=DEFINED),
                Step(sp.Eq(Q, sp.sqrt(C) * b**j * m ** (-a * j)), "substitute", (1, 2, 3)),
                Step(sp.Eq(Exponent(Q, m), -a * j), "exponent of step 4", (4,)),
            ),
            power,
            order,
        ),
    )


SIGNS_LINEAR = _random_signs("width_signs_linear", 1, QUARTER)
SIGNS_QUADRATIC = _coherent("width_signs_quadratic", 2, QUARTER, "$f_Q$, even in the signs,")
SIGNS_THIRD = _random_signs("width_signs_third", 3, QUARTER)
SIGNS_FOURTH = _coherent(
    "width_signs_fourth", 4, QUARTER, "the remainder after the third order, with or without signs,"
)

R, T_3, T_4 = sp.symbols("R T_3 T_4", positive=True)
SIGNS_REMAINDER = Derivation(
    name="width_signs_remainder",
    statement=r"with random signs $f - f_L - f_Q$ is $O(m^{-1/2})$ at $|W_r| = \Theta(m^{-1/4})$, when "
    r"$\sigma''''$ is bounded; the bound without signs is $m^{-1/4}$",
    kind="upper bound",
    source="derived: docs/mathematics, section 4, where the bound without signs is the weaker m^{-1/4}",
    symbols={"T_3": "the third-order term", "T_4": "the bound of the remainder after it", "R": "f - f_L - f_Q"},
    steps=(
        Step(
            sp.Eq(Exponent(T_3, m), SIGNS_THIRD.exponent),
            "rate width_signs_third",
            premise=Premise("rate", ("width_signs_third",)),
        ),
        Step(
            sp.Eq(Exponent(T_4, m), SIGNS_FOURTH.exponent),
            "rate width_signs_fourth",
            premise=Premise("rate", ("width_signs_fourth",)),
        ),
        Step(
            sp.Le(R, T_3 + T_4),
            "Taylor's theorem to third order and the triangle inequality",
            premise=Premise("elementary", claims=("T2",)),
        ),
        Step(
            sp.Eq(Exponent(T_3 + T_4, m), sp.Max(Exponent(T_3, m), Exponent(T_4, m))),
            "the larger term leads the bound of R",
            premise=ELEMENTARY,
        ),
        Step(sp.Eq(Exponent(T_3 + T_4, m), -HALF), "the fourth order leads", (1, 2, 4)),
    ),
)

WIDTH_RATES = (
    SIGNS_LINEAR,
    SIGNS_QUADRATIC,
    SIGNS_THIRD,
    SIGNS_FOURTH,
    SIGNS_REMAINDER,
    *(
        _coherent(f"width_{regime}_{label}", order, power, subject)
        for regime, power in (("coherent", QUARTER), ("lazy", HALF))
        for label, order, subject in (
            ("linear", 1, "$f_L$"),
            ("quadratic", 2, "$f_Q$"),
            ("remainder", 3, "$f - f_L - f_Q$"),
        )
    ),
)
