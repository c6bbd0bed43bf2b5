r"""Sample complexities as exponents in d, with their derivations.

"Sufficient" is said of a class of functions and of a loss that is Lipschitz with constant Lam, such as |f - y| with Lam
= 1 or min((f - y)^2, t^2) with Lam = 2 t; the square itself is not. For every function of the class, also one chosen by
the data, the mean over the inputs of the greatest excess of test over training loss is at most 2 Lam R, R being the
Rademacher complexity of the class (symmetrisation and contraction). Constants and logarithms are left out of the
exponents. "Necessary" is said of all methods that are linear in the labels, in the mean over the direction of the
target, from :func:`theory.risk_floor`. No lower bound for the QuadNTK or for joint training is claimed.
"""

from __future__ import annotations

import sympy as sp

from theory.learning.derivation import DEFINED, ELEMENTARY, Derivation, Exponent, Premise, Step
from theory.learning.spectral_rates import DIMENSION, LINEAR_NORM, QUADRATIC_NORM, W2, G, N, d, k

p = sp.Symbol("p", integer=True, positive=True)
n, K, R, epsilon, C_K, C_W = sp.symbols("n K R epsilon C_K C_W", positive=True)
Lam, test, train = sp.symbols("Lam T S", positive=True)
SECTION = "derived: docs/mathematics, section 6"
LOSSES = {"T": "mean test loss", "S": "mean training loss", "Lam": "Lipschitz constant of the loss"}


def _uniform(complexity: sp.Expr) -> Step:
    """Test against training loss over a class of that complexity."""
    reason = "symmetrisation and contraction: the mean over the inputs of the greatest excess T - S over the class"
    return Step(sp.Le(test, train + 2 * Lam * complexity), reason, premise=Premise("proved", ("joint-test-loss",)))


NTK_SAMPLES = Derivation(
    name="ntk_samples",
    statement=r"$n \sim d^p$ samples suffice for the linear term $f_L(W)$ on the ball $\|W\|_F \le \|W_L\|_F$, the "
    r"smallest that holds a component of degree $p$ (in the infinite-width limit): for a $\Lambda$-Lipschitz loss the "
    r"test loss exceeds the training loss by at most $2\Lambda\epsilon$, any fixed $\epsilon$, in the mean over the "
    r"inputs and for every such $W$ at once, when $\mu_{p-1}(\sigma') \ne 0$ and $E[\sigma'(G)^2]$ is finite",
    kind="sufficient",
    source=SECTION,
    symbols={
        "W2": "||W||^2 of the least-norm solution for the component",
        "K": "K(x,x), the trace of the NTK",
        "R": "Rademacher complexity of the class f_L(W), ||W||^2 <= W2",
        **LOSSES,
    },
    steps=(
        Step(
            sp.Eq(W2, C_W * d ** LINEAR_NORM.exponent.subs(k, p)),
            "rate linear_norm at k = p",
            premise=Premise("rate", ("linear_norm",)),
        ),
        Step(
            sp.Eq(K, C_K * d),
            "K(x,x) = d E_tau[sigma'(sqrt(d) t)^2], and the mean tends to E[sigma'(G)^2], finite",
            premise=Premise("certified", ("ntk_trace", "bounds_for_all_dimensions"), ("S2",)),
        ),
        Step(
            sp.Le(R, sp.sqrt(W2 * K / n)),
            "linear_rademacher",
            premise=Premise("certified", ("linear_rademacher",), ("N8",)),
        ),
        Step(sp.Eq(n, W2 * K / epsilon**2), "choice of n", premise=DEFINED),
        Step(sp.Le(R, epsilon), "substitute; a larger n only lowers the bound", (3, 4)),
        _uniform(R),
        Step(sp.Le(2 * Lam * R, 2 * Lam * epsilon), "scaled", (5,)),
        Step(sp.Le(test, train + 2 * Lam * epsilon), "sum of steps 6 and 7", (6, 7)),
        Step(sp.Eq(n, C_W * C_K / epsilon**2 * d**p), "substitute", (1, 2, 4)),
        Step(sp.Eq(Exponent(n, d), p), "exponent of step 9", (9,)),
    ),
)

L, n_min, energy, risk = sp.symbols("L n_min E risk", positive=True)
NTK_SAMPLES_NECESSARY = Derivation(
    name="ntk_samples_necessary",
    statement=r"every method that is linear in the labels, the NTK with any ridge among them, needs $n \sim d^p$ "
    r"samples to learn a fixed share $L > 0$ of the energy of a harmonic of degree $p$, in the mean over its uniform "
    r"direction; with fewer its risk tends to the whole energy of degree $p$",
    kind="necessary",
    source=SECTION,
    symbols={
        "E": "energy of degree p, a single direction or any law that rotations leave alone",
        "risk": "test risk in degree p, the mean over the direction and the inputs",
        "L": "the share of E that is learned, in (0, 1)",
        "N(p)": "N(d,p)",
        "n_min": "the lower bound of n",
    },
    steps=(
        Step(
            sp.Le(energy * (1 - n / N(p)), risk),
            "risk_floor: n labels leave N(d,p) - n dimensions",
            premise=Premise("certified", ("risk_floor",), ("N2", "N7")),
        ),
        Step(sp.Eq(risk, (1 - L) * energy), "the share L is learned", premise=DEFINED),
        Step(sp.Eq(n_min, N(p) * L), "definition", premise=DEFINED),
        Step(sp.Le(n_min, n), "step 1 times N(p)/E", (1, 2, 3)),
        DIMENSION,
        Step(sp.Eq(n_min, L / sp.factorial(p) * d**p), "substitute", (3, 5)),
        Step(sp.Eq(Exponent(n_min, d), p), "exponent of step 6", (6,)),
    ),
)

n_enough = sp.Symbol("n_enough", positive=True)
NTK_ALONE_SAMPLES = Derivation(
    name="ntk_alone_samples",
    statement=r"the NTK alone needs $n \sim d^{k+1}$ for the sparse part of degree $k+1$: necessary for every method "
    r"linear in the labels, in the mean over the direction, and sufficient on the ball of the rate ntk_samples for a "
    r"Lipschitz loss, when $\mu_k(\sigma') \ne 0$ and $E[\sigma'(G)^2]$ is finite",
    kind="necessary",
    source=SECTION,
    symbols={"p": "degree of the sparse part", "n_min": "samples necessary", "n_enough": "samples sufficient"},
    steps=(
        Step(
            sp.Eq(Exponent(n_min, d), NTK_SAMPLES_NECESSARY.exponent),
            "rate ntk_samples_necessary",
            premise=Premise("rate", ("ntk_samples_necessary",)),
        ),
        Step(
            sp.Eq(Exponent(n_enough, d), NTK_SAMPLES.exponent),
            "rate ntk_samples",
            premise=Premise("rate", ("ntk_samples",)),
        ),
        Step(
            sp.Eq(p, k + 1),
            "f_sp has degree exactly k + 1, and the NTK does not see that it is sparse",
            premise=DEFINED,
        ),
        Step(sp.Eq(Exponent(n_enough, d), k + 1), "sufficient", (2, 3)),
        Step(sp.Eq(Exponent(n_min, d), k + 1), "necessary", (1, 3)),
    ),
)

B4, alpha, s, logs, C_g = sp.symbols("B4 alpha s ell C_g", positive=True)
QUADNTK_SAMPLES = Derivation(
    name="quadntk_samples",
    statement=r"$n \sim d^k$ samples, up to logarithms, suffice for $f_Q(W)$ on the ball $\|W\|_{2,4} \le "
    r"\|W_Q\|_{2,4}$, where it can be the sparse part of degree $k+1$ (as $m$ grows): for a $\Lambda$-Lipschitz loss "
    r"the test loss exceeds the training loss by at most $2\Lambda\epsilon$, any fixed $\epsilon$, in the mean over "
    r"the inputs and for every such $W$ at once, when $\sigma''$ is bounded and its $\mu_j(\sigma'')$, $j = k-1, k-3, "
    r"\dots$, do not vanish",
    kind="sufficient",
    source=SECTION,
    symbols={
        "B4": "||W_Q||_{2,4}^4",
        "G": "E[g^2]",
        "ell": "1 + log(2d), counted as a constant in the exponent",
        "s": "sup |sigma''|",
        "R": "Rademacher complexity of the class f_Q(W), ||W||_{2,4}^4 <= B4",
        **LOSSES,
    },
    steps=(
        Step(
            sp.Eq(G, C_g * d**QUADRATIC_NORM.exponent),
            "rate quadratic_norm",
            premise=Premise("rate", ("quadratic_norm",)),
        ),
        Step(
            sp.Eq(B4, 8 * alpha**2 * G),
            "construction of W_Q, as m grows",
            premise=Premise("certified", ("sparse_norm",), ("G3",)),
        ),
        Step(
            sp.Le(R, sp.sqrt(B4) * s * sp.sqrt(sp.E * logs * d / (2 * n))),
            "quadratic_rademacher, with (e-1) n + d log(d) <= e n for n >= d log(d)",
            premise=Premise("certified", ("quadratic_rademacher",), ("N8",)),
        ),
        Step(sp.Eq(n, B4 * s**2 * sp.E * logs * d / (2 * epsilon**2)), "choice of n", premise=DEFINED),
        Step(sp.Le(R, epsilon), "substitute; a larger n only lowers the bound", (3, 4)),
        _uniform(R),
        Step(sp.Le(2 * Lam * R, 2 * Lam * epsilon), "scaled", (5,)),
        Step(sp.Le(test, train + 2 * Lam * epsilon), "sum of steps 6 and 7", (6, 7)),
        Step(sp.Eq(n, 4 * sp.E * alpha**2 * s**2 * C_g * logs / epsilon**2 * d**k), "substitute", (1, 2, 4)),
        Step(sp.Eq(Exponent(n, d), k), "exponent of step 9, without the logarithm", (9,)),
    ),
)

n_k, n_linear, n_quadratic, R_L, R_Q, R_g, F, C_Q = sp.symbols("n_k n_L n_Q R_L R_Q R_g F C_Q", positive=True)
test_g, train_g, r_test, r_train = sp.symbols("T_g S_g r_test r_train", positive=True)
JOINT_SAMPLES = Derivation(
    name="joint_samples",
    statement=r"$n \sim d^k$ samples, up to logarithms, suffice for $f = f_L(W) + f_Q(W)$ to learn $f_k + f_{sp}$, "
    r"over all $W$ with $\|W\|_{2,4} \le \|W_Q\|_{2,4}$, $\|f_L(P_{\le k} W)\|_{L_2} \le F$ and $R_1$ small in "
    r"population *and* on the training inputs: for a $\Lambda$-Lipschitz loss the test loss exceeds the training loss "
    r"by at most $\Lambda(\sqrt{R_1} + \sqrt{R_1^{train}} + 4\epsilon)$ in the mean over the inputs, under the "
    r"conditions of the rate quadntk_samples. $R_1$ in population alone does not do: the complexity of that class "
    r"grows with $m$",
    kind="sufficient",
    source=f"{SECTION}; [abstract] for an improvement over the NTK and the QuadNTK on their own, not for the exponent",
    symbols={
        "T, S": "mean test and training loss of f",
        "T_g, S_g": "those of g = f_L(P_{<=k} W) + f_Q(W), which is f without h = f_L(P_{>k} W)",
        "Lam": "Lipschitz constant of the loss",
        "r_test": "bound of (E h^2)^{1/2}, the root of R_1 in population",
        "r_train": "bound of ((1/n) sum h(x_i)^2)^{1/2}, the root of R_1 on the training inputs",
        "R_g": "Rademacher complexity of the class of g",
        "R_L": "that of its linear part, of L2 norm at most F",
        "R_Q": "that of its quadratic part, ||W||_{2,4} <= ||W_Q||_{2,4}",
        "n_k": "dimension of the polynomials of degree <= k",
        "F": "bound of the L2 norm of the linear part",
        "n_L": "samples for the linear part",
        "n_Q": "samples for the quadratic part",
        "ell": "1 + log(2d), counted as a constant in the exponent",
    },
    steps=(
        Step(
            sp.Le(test, test_g + Lam * r_test),
            "R_1 in population: the losses of f and g differ by at most Lam |h|, and E|h| <= (E h^2)^{1/2}",
            premise=Premise("proved", ("joint-test-loss",)),
        ),
        Step(
            sp.Le(train_g, train + Lam * r_train),
            "R_1 on the training inputs: the same for the means over them",
            premise=Premise("proved", ("joint-test-loss",), ("N9",)),
        ),
        Step(
            sp.Le(test_g, train_g + 2 * Lam * R_g),
            "symmetrisation and contraction over the class of g, in the mean",
            premise=Premise("proved", ("joint-test-loss",)),
        ),
        Step(sp.Le(R_g, R_L + R_Q), "a supremum of a sum is at most the sum of the suprema", premise=ELEMENTARY),
        Step(
            sp.Eq(n_k, N(k)),
            "the top degree gives the leading order of n_k = sum_{l <= k} N(d,l)",
            premise=Premise("proved", ("multiplicity",)),
        ),
        DIMENSION,
        Step(
            sp.Le(R_L, F * sp.sqrt(n_k / n_linear)),
            "functions of norm at most F in a space of dimension n_k",
            premise=Premise("proved", ("joint-test-loss",)),
        ),
        Step(sp.Eq(n_linear, F**2 * n_k / epsilon**2), "choice of n_L", premise=DEFINED),
        Step(sp.Le(R_L, epsilon), "substitute; a larger n_L only lowers the bound", (7, 8)),
        Step(
            sp.Le(R_Q, epsilon),
            "rate quadntk_samples, at n_Q samples or more",
            premise=Premise("rate", ("quadntk_samples",)),
        ),
        Step(
            sp.Eq(n_quadratic, C_Q * logs / epsilon**2 * d**QUADNTK_SAMPLES.exponent),
            "rate quadntk_samples",
            premise=Premise("rate", ("quadntk_samples",)),
        ),
        Step(sp.Le(R_g, 2 * epsilon), "sum of steps 4, 9 and 10", (4, 9, 10)),
        Step(sp.Le(2 * Lam * R_g, 4 * Lam * epsilon), "scaled", (12,)),
        Step(
            sp.Le(test, train + Lam * (r_test + r_train + 4 * epsilon)),
            "sum of steps 1, 2, 3 and 13",
            (1, 2, 3, 13),
        ),
        Step(sp.Eq(n, n_linear + n_quadratic), "enough for both parts", premise=DEFINED),
        Step(sp.Eq(n, (F**2 / sp.factorial(k) + C_Q * logs) / epsilon**2 * d**k), "substitute", (5, 6, 8, 11, 15)),
        Step(sp.Eq(Exponent(n, d), k), "exponent of step 16, without the logarithm", (16,)),
    ),
)
