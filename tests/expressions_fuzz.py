"""Random activation texts and random SymPy expressions: good ones, slightly wrong ones and hostile ones.

Both generators draw from a ``random.Random`` alone, so that a case is repeated from its seed. Most draws are well
formed, because only those reach the layers behind the parser.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import sympy as sp

from theory.activations import Z

SMOOTH = ("sin", "cos", "exp", "erf", "tanh", "sigmoid", "softplus", "gelu")
ALIASES = ("ReLU", "GELU", "SiLU", "silu", "swish", "Softplus", "Tanh", "logistic", "abs", "sign", "leaky_relu")
UNSUPPORTED = (
    "mish",
    "softsign",
    "elu",
    "selu",
    "log",
    "sqrt",
    "tan",
    "floor",
    "Max",
    "max",
    "min",
    "hardtanh",
    "relu6",
)
UNKNOWN = ("tahn", "sofplus", "foo", "lambda", "import", "__import__", "z", "pi", "Z", "relu_", "cosn")
NUMBERS = (
    "0",
    "1",
    "2",
    "3",
    "5",
    "0.5",
    "1/2",
    "1/3",
    "0.1",
    "1e-3",
    "pi",
    "pi/4",
    "2.5e1",
    "1e12",
    "7/5",
    "-1",
    "-2/3",
)
HOSTILE_NUMBERS = (
    "1e999",
    "1e-999",
    "nan",
    "inf",
    "9" * 60,
    "1e13",
    "0x1F",
    "1_0",
    "2j",
    "True",
    "0e999",
    "٣",
    "1e-12",
    "1+1e-12",
)
NOISE = "z0123456789.+-*/()eE _,tanhsi^[]'\"\\pj#$\n\t\x00\x1bλzж∞;:=<>!%&|~@{}"
HOSTILE: tuple[Callable[[random.Random], str], ...] = (
    lambda r: "(" * (n := r.randint(1, 190)) + "z" + ")" * (n - (r.random() < 0.2)),
    lambda r: "((((1+1e-12)**64)**64)**64)**64*z"[r.randint(0, 4) :],
    lambda r: f"z**({r.randint(2, 99)}**{r.randint(2, 99)})",
    lambda r: "(" * 4 + f"z{r.choice('+-')}{r.choice(NUMBERS)})**{r.randint(2, 64)})**{r.randint(2, 64)})**3)**2",
    lambda r: "*".join(f"sin({k}*z+{k})" for k in range(r.randint(2, 28))),
    lambda r: "(".join((*r.choices(SMOOTH, k=(n := r.randint(2, 60))), "z")) + ")" * n,
    lambda r: (name := r.choice(SMOOTH)) and f"{name}(" * (n := r.randint(2, 60)) + "z" + ")" * n,
    lambda r: f"relu(exp(softplus({r.randint(1, 9)})))*z",
    lambda r: f"{r.choice(SMOOTH)}({r.choice(NUMBERS)})**{r.randint(2, 64)}*z",
    lambda r: f"exp({r.choice(('', '-'))}1e{r.randint(0, 12)}*(z-1)**{r.randint(1, 64)})",
    lambda r: "z" + f"{r.choice('+*-')}z**{r.randint(1, 64)}" * r.randint(1, 60),
    lambda r: f"({r.choice(SMOOTH)}(z)+{r.choice(NUMBERS)})**{r.randint(2, 64)}",
    lambda r: "exp(" * (n := r.randint(2, 9)) + r.choice(NUMBERS) + ")" * n + "*z",
    lambda r: "z # " + r.choice(("$x$", "\x1b[31m", "comment")),
    lambda r: "-" * r.randint(1, 300) + "z",
    lambda r: "z*" + "9" * r.randint(1, 390),
    lambda r: "z/3" + "/7" * r.randint(1, 150),
    lambda r: f"relu(z*({r.choice(NUMBERS)}) + sin({r.choice(NUMBERS)})*{r.choice(SMOOTH)}(1))**{r.randint(1, 9)}",
    lambda r: f"abs(z - {r.choice(NUMBERS)})*sign(z - {r.choice(NUMBERS)})**{r.randint(1, 9)}",
    lambda r: f"relu(z - {r.choice(NUMBERS)})*relu({r.choice(NUMBERS)} - z) + cos(z + z**{r.randint(2, 64)})",
)
"""Shapes of text that have cost a parser its time, its memory or its manners."""


def _formula(rng: random.Random, depth: int) -> str:
    """A text of the grammar, or nearly."""
    if depth <= 0 or rng.random() < 0.15:
        return "z" if rng.random() < 0.7 else rng.choice(NUMBERS)
    kind = rng.random()
    if kind < 0.40:
        name = rng.choice(SMOOTH)
        return f"{name}({_formula(rng, depth - 1) if rng.random() < 0.3 else _affine(rng)})"
    if kind < 0.50:
        return f"relu({_affine(rng)})"
    if kind < 0.58:
        return f"{rng.choice(ALIASES)}({_affine(rng)})"
    if kind < 0.66:
        return f"({_formula(rng, depth - 1)})**{rng.randint(0, 5)}"
    if kind < 0.84:
        return f"{_formula(rng, depth - 1)} {rng.choice('+-')} {_formula(rng, depth - 1)}"
    if kind < 0.96:
        return f"({_formula(rng, depth - 1)})*({_formula(rng, depth - 1)})"
    return f"({_formula(rng, depth - 1)})/({rng.choice(NUMBERS)})"


def _affine(rng: random.Random) -> str:
    slope, offset = rng.choice(("", "-", "2*", "0.5*", "3*", "1/3*")), rng.choice(("", " + 1", " - 1/2", " + pi/4"))
    return f"{slope}z{offset}" if rng.random() < 0.95 else rng.choice(NUMBERS)


def _damaged(rng: random.Random, text: str) -> str:
    """One or a few edits: a character, a name or a number that does not belong."""
    for _ in range(rng.randint(1, 3)):
        place = rng.randint(0, len(text))
        match rng.randint(0, 4):
            case 0:
                text = text[:place] + rng.choice(NOISE) + text[place:]
            case 1:
                text = text[:place] + text[place + rng.randint(1, 3) :]
            case 2:
                text = text.replace(rng.choice(SMOOTH), rng.choice(UNSUPPORTED + UNKNOWN + ALIASES), 1)
            case 3:
                text = text.replace("z", rng.choice(("x", "Z", "t", "(z, 0)", "z, 0", "z=z", "1/z")), 1)
            case _:
                text = text.replace(rng.choice("123"), rng.choice(HOSTILE_NUMBERS), 1)
    return text


def random_text(rng: random.Random) -> str:
    """A text for :meth:`theory.Activation.parse`: two in three are well formed or nearly."""
    kind = rng.random()
    if kind < 0.65:
        return _formula(rng, rng.randint(1, 4))
    if kind < 0.80:
        return _damaged(rng, _formula(rng, rng.randint(1, 3)))
    if kind < 0.95:
        return rng.choice(HOSTILE)(rng)
    return "".join(rng.choice(NOISE) for _ in range(rng.randint(0, 40)))


_SYMBOLS = (
    Z,
    Z,
    Z,
    sp.Symbol("z"),
    sp.Symbol("x", positive=True),
    sp.Symbol("t", real=True),
    sp.Symbol("n", integer=True),
    sp.Symbol("w", imaginary=True),
)
_GOOD = (sp.sin, sp.cos, sp.exp, sp.erf, sp.tanh, sp.sinh, sp.cosh, sp.erfc, sp.Abs, sp.sign)
_BAD = (
    *(sp.log, sp.sqrt, sp.tan, sp.cot, sp.sech, sp.csch, sp.coth, sp.sec, sp.atan, sp.asin, sp.acosh, sp.asinh),
    *(sp.gamma, sp.loggamma, sp.erfi, sp.Heaviside, sp.DiracDelta, sp.floor, sp.ceiling, sp.sinc, sp.zeta),
    *(sp.re, sp.im, sp.conjugate, sp.arg, sp.factorial, sp.LambertW, sp.Si, sp.Ei, sp.cbrt, sp.Function("tanh")),
    *(sp.Function("f"), sp.UnevaluatedExpr, sp.erfinv, sp.fresnels, sp.airyai, sp.elliptic_k),
)
_VALUES: tuple[sp.Expr, ...] = (
    *map(sp.Integer, (-3, -2, -1, 1, 2, 3, 5, 10**6)),
    *(sp.Rational(1, 2), sp.Rational(-1, 3), sp.Rational(7, 5), sp.pi, sp.E, sp.pi / 4, sp.sqrt(2), sp.log(2)),
)
_POISON: tuple[sp.Expr, ...] = (
    *(sp.Float(0.5), sp.Float("1e400"), sp.I, sp.oo, -sp.oo, sp.nan, sp.zoo, sp.EulerGamma, sp.GoldenRatio),
    *(sp.Integer(10) ** 400, sp.Rational(1, 10**300), sp.sqrt(-2), sp.log(-1), sp.sin(sp.I), sp.Symbol("a")),
)


def _tree(rng: random.Random, x: sp.Symbol, depth: int) -> sp.Expr:
    if depth <= 0 or rng.random() < 0.1:
        draw = rng.random()
        return x if draw < 0.65 else rng.choice(_VALUES) if draw < 0.97 else rng.choice(_POISON)
    kind = rng.random()
    if kind < 0.40:
        inner = _tree(rng, x, depth - 1) if rng.random() < 0.35 else rng.choice(_VALUES) * x + rng.choice(_VALUES)
        return rng.choice(_GOOD if rng.random() < 0.9 else _BAD)(inner)
    if kind < 0.60:
        return sp.Add(*(_tree(rng, x, depth - 1) for _ in range(rng.randint(2, 4))), evaluate=rng.random() < 0.9)
    if kind < 0.80:
        return sp.Mul(*(_tree(rng, x, depth - 1) for _ in range(rng.randint(2, 3))), evaluate=rng.random() < 0.9)
    if kind < 0.92:
        powers = (0, 1, 2, 3, 4, 7) if rng.random() < 0.85 else (-1, -2, sp.Rational(1, 2), sp.pi, x, 65, 4096)
        return sp.Pow(_tree(rng, x, depth - 1), rng.choice(powers), evaluate=rng.random() < 0.9)
    return _odd(rng, x, depth)


def _odd(rng: random.Random, x: sp.Symbol, depth: int) -> sp.Expr:
    """Constructions that are no plain function: some of them have an exact plain form, most have not."""
    inner = _tree(rng, x, depth - 1)
    shapes: tuple[Callable[[], sp.Expr], ...] = (
        lambda: sp.Max(inner, 0),
        lambda: sp.Min(x, rng.choice(_VALUES)),
        lambda: sp.Max(x, rng.choice(_VALUES), -x),
        lambda: 1 / (1 + sp.exp(-x)),
        lambda: sp.log(1 + sp.exp(x)),
        lambda: sp.Piecewise((inner, x > 0), (0, True)),
        lambda: sp.Piecewise((x, x > 0), (x / 100, True)),
        lambda: sp.Derivative(inner, x),
        lambda: sp.Integral(inner, x),
        lambda: sp.Integral(inner, (x, 0, 1)),
        lambda: sp.besselj(0, x),
        lambda: sp.hyper((1, 1), (2,), inner),
        lambda: sp.sin(x) / x,
        lambda: inner / (1 + x**2),
        lambda: sp.Subs(inner, x, 1),
        lambda: sp.exp(sp.I * x) + sp.exp(-sp.I * x),
        lambda: sp.Mod(x, 2),
        lambda: inner + sp.Symbol("b"),
    )
    return rng.choice(shapes)()


def random_expression(rng: random.Random) -> sp.Expr:
    """A SymPy expression for :class:`theory.Activation`, in one of several symbols; most are admissible."""
    while True:
        try:
            return sp.sympify(_tree(rng, rng.choice(_SYMBOLS), rng.randint(1, 4)))
        except (TypeError, ValueError, AttributeError, RecursionError, ArithmeticError):
            continue  # SymPy itself refuses some of these while they are built
