"""Exponents in d of the NTK's eigenvalues and of the norms of W_L and W_Q, with their derivations.

d dimension, k low degree, l and j degrees; the relations hold to leading order in d.
"""

from __future__ import annotations

import sympy as sp

from theory.learning.derivation import ELEMENTARY, Derivation, Exponent, Premise, Step

d = sp.Symbol("d", positive=True)
k, ell, i = sp.symbols("k l i", integer=True, positive=True)
j = sp.Symbol("j", integer=True, nonnegative=True)
Lambda, N, T, c, energy, mu, q = (
    sp.Function(name, positive=True) for name in ("Lambda", "N", "T", "c", "E", "mu", "q")
)
W2, G, T_0 = sp.symbols("W2 G T_0", positive=True)

DIMENSION = Step(
    sp.Eq(N(j), d**j / sp.factorial(j)),
    "dimension of degree-j harmonics",
    premise=Premise("proved", ("multiplicity",), ("S1",)),
)

NTK_EIGENVALUE = Derivation(
    name="ntk_eigenvalue",
    statement=r"$\Lambda_l = \Theta(d^{-(l-1)})$ for $l \ge 1$, when $\mu_{l-1}(\sigma') \ne 0$",
    kind="exact order",
    source="derived: docs/mathematics, section 3",
    symbols={
        "Lambda(l)": "eigenvalue of the NTK on degree l >= 1",
        "N(j)": "N(d,j)",
        "q(j)": "lambda_j(sigma')^2",
        "mu(j)": "|E[sigma'(G) He_j(G)]| / sqrt(j!), positive at j = l - 1",
    },
    steps=(
        DIMENSION,
        Step(
            sp.Eq(q(j), mu(j) ** 2 / N(j)),
            "Gaussian limit: N(d,j) lambda_j^2 -> mu_j^2",
            premise=Premise("certified", ("bounds_for_all_dimensions",), ("S3",)),
        ),
        Step(
            sp.Eq(Lambda(ell), d / (2 * ell + d - 2) * (ell * q(ell - 1) + (ell + d - 2) * q(ell + 1))),
            "multiplication of E_w[sigma' sigma'] by <x,x'>",
            premise=Premise("proved", ("ntk-eigenvalue",), ("S1",)),
        ),
        Step(sp.Eq(q(j), sp.factorial(j) * mu(j) ** 2 * d**-j), "substitute", (1, 2)),
        Step(
            sp.Eq(
                Lambda(ell),
                d
                / (2 * ell + d - 2)
                * (
                    ell * sp.factorial(ell - 1) * mu(ell - 1) ** 2 * d ** (1 - ell)
                    + (ell + d - 2) * sp.factorial(ell + 1) * mu(ell + 1) ** 2 * d ** (-ell - 1)
                ),
            ),
            "substitute at j = l - 1 and j = l + 1",
            (3, 4),
        ),
        Step(
            sp.Eq(sp.Limit(d ** (ell - 1) * Lambda(ell), d, sp.oo), sp.factorial(ell) * mu(ell - 1) ** 2),
            "the second term is smaller by d^-1",
            (5,),
        ),
        Step(sp.Eq(Exponent(Lambda(ell), d), 1 - ell), "exponent of step 5", (5,)),
    ),
)

LINEAR_NORM = Derivation(
    name="linear_norm",
    statement=r"$\|W_L\|^2 = \sum_{l \le k} \|f_l\|^2/\Lambda_l = \Theta(d^{k-1})$ for a target with energy of order "
    r"one in degree $k$ and at most that below, in the infinite-width limit, when $\mu_{l-1}(\sigma') \ne 0$ for every "
    r"degree $1 \le l \le k$ with energy, and $\mu_1(\sigma') \ne 0$ if degree 0 has energy",
    kind="exact order",
    source="derived: docs/mathematics, section 4",
    symbols={
        "W2": "||W_L||^2, least norm with f_L(W_L) = f_k",
        "T(l)": "the term of degree l >= 1",
        "T_0": "the term of degree 0",
        "E(l)": "||f_l||^2",
        "c(l)": "lim d^(l-1) Lambda_l, not zero",
        "i": "1 <= i < k: the degree k - i stands for every degree below k",
    },
    steps=(
        Step(
            sp.Eq(Lambda(ell), c(ell) * d**NTK_EIGENVALUE.exponent),
            "rate ntk_eigenvalue",
            premise=Premise("rate", ("ntk_eigenvalue",), ("S4",)),
        ),
        Step(
            sp.Eq(T(ell), energy(ell) / Lambda(ell)),
            "coefficient of a least-norm solution",
            premise=Premise("proved", ("dense-norm",), ("G4",)),
        ),
        Step(
            sp.Eq(Exponent(T_0, d), 0),
            "Lambda_0 has the limit mu_1(sigma')^2, not zero; without energy in degree 0 T_0 is left out",
            premise=Premise("certified", ("bounds_for_all_dimensions",), ("S3",)),
        ),
        Step(sp.Eq(T(ell), energy(ell) / c(ell) * d ** (ell - 1)), "substitute", (1, 2)),
        Step(
            sp.Eq(Exponent(W2, d), sp.Max(Exponent(T_0, d), Exponent(T(k), d), Exponent(T(k - i), d))),
            "a sum of k + 1 non-negative terms has the largest of their exponents",
            premise=ELEMENTARY,
        ),
        Step(sp.Eq(Exponent(W2, d), k - 1), "the top degree", (3, 4, 5)),
    ),
)

QUADRATIC_NORM = Derivation(
    name="quadratic_norm",
    statement=r"$E[g^2] = \Theta(d^{k-1})$, hence $\|W_Q\|_{2,4}^4 \to 8\alpha^2 E[g^2] = \Theta(d^{k-1})$, when "
    r"$\mu_{k-1}(\sigma'') \ne 0$ and the lower $\mu_j(\sigma'')$ of its parity do not vanish",
    kind="exact order",
    source="derived: docs/mathematics, section 4",
    symbols={
        "G": "E[g^2], the sum of T(j) over j = k-1, k-3, ... >= 0",
        "T(j)": "the term of degree j",
        "c(j)": "E_tau[t^(k-1) P_j(t)]",
        "E(j)": "|E[G^(k-1) He_j(G)]| / sqrt(j!) for a standard normal G",
        "q(j)": "lambda_j(sigma'')^2",
        "mu(j)": "|E[sigma''(G) He_j(G)]| / sqrt(j!), not zero at j = k-1, k-3, ...",
        "i": "2 i <= k-1: the degree k-1-2i stands for every lower one",
    },
    steps=(
        DIMENSION,
        Step(
            sp.Eq(q(j), mu(j) ** 2 / N(j)),
            "Gaussian limit: N(d,j) lambda_j^2 -> mu_j^2",
            premise=Premise("certified", ("bounds_for_all_dimensions",), ("S3",)),
        ),
        Step(
            sp.Eq(c(j), energy(j) * d ** ((1 - k) * sp.Rational(1, 2)) / sp.sqrt(N(j))),
            "Gaussian limit: sqrt(d) t -> G and sqrt(N) P_j -> He_j/sqrt(j!)",
            premise=Premise("proved", ("gaussian-limit",)),
        ),
        Step(
            sp.Eq(T(j), d ** (k - 1) * c(j) ** 2 * N(j) / q(j)),
            "E[P_j P_j'] = delta/N(d,j) in the definition of g",
            premise=Premise("proved", ("sparse-profile", "sparse-norm"), ("G3",)),
        ),
        Step(sp.Eq(T(j), sp.factorial(j) ** -1 * energy(j) ** 2 / mu(j) ** 2 * d**j), "substitute", (1, 2, 3, 4)),
        Step(
            sp.Eq(Exponent(G, d), sp.Max(Exponent(T(k - 1), d), Exponent(T(k - 1 - 2 * i), d))),
            "a sum of finitely many non-negative terms has the largest of their exponents",
            premise=ELEMENTARY,
        ),
        Step(sp.Eq(Exponent(G, d), k - 1), "the top degree", (5, 6)),
    ),
)
