r"""Sample complexities as exponents in d, with their derivations.

"Sufficient" exponents come from a bound on a Rademacher complexity, with constants and logarithms left out of the
exponent. "Necessary" is said of kernel ridge regression only, from its predicted learning curve. No lower bound
for the QuadNTK or for joint training is claimed.
"""

from __future__ import annotations

import sympy as sp

from theory.learning.derivation import Derivation, Exponent, Step
from theory.learning.spectral_rates import DIMENSION, LINEAR_NORM, QUADRATIC_NORM, W2, G, N, d, k

p = sp.Symbol("p", integer=True, positive=True)
n, K, R, epsilon, C_K, C_W = sp.symbols("n K R epsilon C_K C_W", positive=True)
SECTION = "derived: docs/mathematics, section 6"

NTK_SAMPLES = Derivation(
    name="ntk_samples",
    statement=r"$n \sim d^p$ samples suffice for the NTK to learn a degree-$p$ component: the Rademacher complexity of "
    r"the ball that contains it falls below any fixed $\epsilon$, when $\mu_{p-1}(\sigma') \ne 0$ and "
    r"$E[\sigma'(G)^2]$ is finite",
    kind="sufficient",
    source=SECTION,
    symbols={
        "W2": "||W||^2 of the least-norm solution for the component",
        "K": "K(x,x), the trace of the NTK",
        "R": "Rademacher complexity of the ball ||W||^2 <= W2",
    },
    steps=(
        Step(sp.Eq(W2, C_W * d ** LINEAR_NORM.exponent.subs(k, p)), "rate linear_norm at k = p"),
        Step(sp.Eq(K, C_K * d), "K(x,x) = d E_tau[sigma'(sqrt(d) t)^2], and the mean tends to E[sigma'(G)^2], finite"),
        Step(sp.Le(R, sp.sqrt(W2 * K / n)), "linear_rademacher"),
        Step(sp.Eq(n, W2 * K / epsilon**2), "choice of n"),
        Step(sp.Le(R, epsilon), "substitute; a larger n only lowers the bound", (3, 4)),
        Step(sp.Eq(n, C_W * C_K / epsilon**2 * d**p), "substitute", (1, 2, 4)),
        Step(sp.Eq(Exponent(n, d), p), "exponent of step 6", (6,)),
    ),
)

L, n_min = sp.symbols("L n_min", positive=True)
others, ridge = sp.symbols("S r", nonnegative=True)
NTK_SAMPLES_NECESSARY = Derivation(
    name="ntk_samples_necessary",
    statement=r"kernel ridge regression needs $n \sim d^p$ samples to learn a fixed fraction $L > 0$ of degree $p$, "
    r"for every ridge; with fewer, $L \to 0$ and its risk keeps the energy of degree $p$ (by the predicted "
    r"learning curve)",
    kind="necessary",
    source=SECTION,
    symbols={
        "L": "learnability of degree p, in (0, 1)",
        "N(p)": "N(d,p)",
        "S": "sum of N(d,l) L_l over the other degrees, not negative",
        "r": "(ridge + tail)/kappa, not negative",
        "n_min": "the lower bound of n",
    },
    steps=(
        Step(sp.Eq(n, N(p) * L + others + ridge), "conservation law of the learnabilities"),
        DIMENSION,
        Step(sp.Eq(n_min, N(p) * L), "definition"),
        Step(sp.Le(n_min, n), "the other terms are not negative", (1, 3)),
        Step(sp.Eq(n_min, L / sp.factorial(p) * d**p), "substitute", (2, 3)),
        Step(sp.Eq(Exponent(n_min, d), p), "exponent of step 5", (5,)),
    ),
)

n_enough = sp.Symbol("n_enough", positive=True)
NTK_ALONE_SAMPLES = Derivation(
    name="ntk_alone_samples",
    statement=r"the NTK alone needs $n \sim d^{k+1}$ for the sparse part of degree $k+1$: necessary for kernel ridge "
    r"regression, and sufficient by the Rademacher bound, when $\mu_k(\sigma') \ne 0$ and $E[\sigma'(G)^2]$ is finite",
    kind="necessary",
    source=SECTION,
    symbols={"p": "degree of the sparse part", "n_min": "samples necessary", "n_enough": "samples sufficient"},
    steps=(
        Step(sp.Eq(Exponent(n_min, d), NTK_SAMPLES_NECESSARY.exponent), "rate ntk_samples_necessary"),
        Step(sp.Eq(Exponent(n_enough, d), NTK_SAMPLES.exponent), "rate ntk_samples"),
        Step(sp.Eq(p, k + 1), "f_sp has degree exactly k + 1, and the NTK does not see that it is sparse"),
        Step(sp.Eq(Exponent(n_enough, d), k + 1), "sufficient", (2, 3)),
        Step(sp.Eq(Exponent(n_min, d), k + 1), "necessary", (1, 3)),
    ),
)

B4, alpha, s, logs, C_g = sp.symbols("B4 alpha s ell C_g", positive=True)
QUADNTK_SAMPLES = Derivation(
    name="quadntk_samples",
    statement=r"$n \sim d^k$ samples, up to logarithms, suffice for $f_Q$ to learn the sparse part of degree $k+1$: "
    r"the Rademacher complexity of $\|W\|_{2,4} \le \|W_Q\|_{2,4}$ falls below any fixed $\epsilon$, when $\sigma''$ "
    r"is bounded and its $\mu_j(\sigma'')$, $j = k-1, k-3, \dots$, do not vanish",
    kind="sufficient",
    source=SECTION,
    symbols={
        "B4": "||W_Q||_{2,4}^4",
        "G": "E[g^2]",
        "ell": "1 + log(2d), counted as a constant in the exponent",
        "s": "sup |sigma''|",
        "R": "Rademacher complexity of ||W||_{2,4}^4 <= B4",
    },
    steps=(
        Step(sp.Eq(G, C_g * d**QUADRATIC_NORM.exponent), "rate quadratic_norm"),
        Step(sp.Eq(B4, 8 * alpha**2 * G), "construction of W_Q, as m grows"),
        Step(
            sp.Le(R, sp.sqrt(B4) * s * sp.sqrt(sp.E * logs * d / (2 * n))),
            "quadratic_rademacher, with (e-1) n + d log(d) <= e n for n >= d log(d)",
        ),
        Step(sp.Eq(n, B4 * s**2 * sp.E * logs * d / (2 * epsilon**2)), "choice of n"),
        Step(sp.Le(R, epsilon), "substitute; a larger n only lowers the bound", (3, 4)),
        Step(sp.Eq(n, 4 * sp.E * alpha**2 * s**2 * C_g * logs / epsilon**2 * d**k), "substitute", (1, 2, 4)),
        Step(sp.Eq(Exponent(n, d), k), "exponent of step 6, without the logarithm", (6,)),
    ),
)

n_k, n_linear, n_quadratic, R_L, F, C_Q = sp.symbols("n_k n_L n_Q R_L F C_Q", positive=True)
JOINT_SAMPLES = Derivation(
    name="joint_samples",
    statement=r"$n \sim d^k$ samples, up to logarithms, suffice for $f_L(P_{\le k} W) + f_Q(W)$ to learn "
    r"$f_k + f_{sp}$, under the conditions of the rate quadntk_samples",
    kind="sufficient",
    source=f"{SECTION}; [abstract] for an improvement over the NTK and the QuadNTK on their own, not for the exponent",
    symbols={
        "n_k": "dimension of the polynomials of degree <= k",
        "F": "bound of the L2 norm of the linear part",
        "R_L": "Rademacher complexity of the linear part",
        "n_L": "samples for the linear part",
        "n_Q": "samples for the quadratic part",
        "ell": "1 + log(2d), counted as a constant in the exponent",
    },
    steps=(
        Step(sp.Eq(n_k, N(k)), "the top degree gives the leading order of n_k = sum_{l <= k} N(d,l)"),
        DIMENSION,
        Step(sp.Le(R_L, F * sp.sqrt(n_k / n_linear)), "functions of norm at most F in a space of dimension n_k"),
        Step(sp.Eq(n_linear, F**2 * n_k / epsilon**2), "choice of n_L"),
        Step(sp.Le(R_L, epsilon), "substitute; a larger n_L only lowers the bound", (3, 4)),
        Step(sp.Eq(n_quadratic, C_Q * logs / epsilon**2 * d**QUADNTK_SAMPLES.exponent), "rate quadntk_samples"),
        Step(
            sp.Eq(n, n_linear + n_quadratic), "enough for both; the complexities of the two classes add, to 2 epsilon"
        ),
        Step(sp.Eq(n, (F**2 / sp.factorial(k) + C_Q * logs) / epsilon**2 * d**k), "substitute", (1, 2, 4, 6, 7)),
        Step(sp.Eq(Exponent(n, d), k), "exponent of step 8, without the logarithm", (8,)),
    ),
)
