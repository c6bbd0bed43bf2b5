r"""Formulas in prose: "N(d,l)^{1/2} lambda_l tends to mu_l" with its formulas as TeX.

Claims write their sentences for a terminal, formulas included. Here they are found again and translated. A formula is a
run of terms and operators in which something can only be mathematics: an index or a power, a Greek letter, a bracket
<w,x>, an operator between two terms, or one of the letters that the theory uses. Everything else stays as it is, and so
does what is not understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

GREEK = frozenset(
    re.findall(
        r"\w+",
        "alpha beta gamma delta eps epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega "
        "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega",
    )
)
TEX_FUNCTIONS = frozenset(("log", "exp", "sin", "cos", "tanh", "sup", "inf", "min", "max", "deg", "lim", "sum"))
FUNCTIONS = TEX_FUNCTIONS | {"erf", "relu", "gelu", "softplus", "sigmoid", "diag", "span", "sqrt"}
WRITTEN_AS = {"eps": r"\varepsilon", "epsilon": r"\varepsilon", "phi": r"\varphi", "grad": r"\nabla"}
LETTERS = frozenset("dnmklWwxyzfghKHDSPTYLRuvsrjpqBQ")
"""Letters that stand for something whenever they stand alone."""
WEAK = frozenset("aAbCEIcti")
"""Letters that are words too, or hardly used: mathematics beside an operator only."""
OPERATORS = {
    "<=": r"\le",
    ">=": r"\ge",
    "->": r"\to",
    "+-": r"\pm",
    "=": "=",
    "<": "<",
    ">": ">",
    "~": r"\sim",
    "+": "+",
    "-": "-",
    "/": "/",
    "*": r"\cdot",
}
SEPARATORS = (",", ";", ":")
"""Inside brackets."""
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:\.\d+)?(?:e[+-]?\d+)?")
_NAME = re.compile(r"[A-Za-z]+")
_INDEX = re.compile(r"_(?:\{([^{}]*)\}|\(([^()]*)\)|([<>]=?\w+)|(\w+))")
_POWER = re.compile(r"\^(?:\{([^{}]*)\}|\(([^()]*)\)|(-?\w+(?:/\d+)?))|\*\*(\d+)")


@dataclass(frozen=True)
class _Piece:
    """Part of a formula: its TeX, where it ends, and whether it can only be mathematics."""

    tex: str
    end: int
    sure: bool


def typeset(text: str) -> Markup:
    """The text as HTML, escaped, each formula an element of class "tex" that keeps the original as its content.

    >>> typeset("of order d^{-1} <here>")
    Markup('of order <span class="tex" data-tex="d^{-1}">d^{-1}</span> &lt;here&gt;')
    """
    parts, plain, i = [], 0, 0
    while i < len(text):
        inside = i > 0 and (text[i - 1].isalnum() or text[i - 1] in "_'-")
        found = None if inside else formula(text, i)
        if found is None:
            i += 1
            continue
        tex, end = found
        parts += [_plain(text[plain:i]), Markup('<span class="tex" data-tex="{}">{}</span>').format(tex, text[i:end])]
        plain = i = end
    return Markup("").join([*parts, _plain(text[plain:])])


def _plain(text: str) -> Markup:
    """Prose, escaped, in which signs of comparison stand between a word and a formula."""
    for written, sign in (("<=", "≤"), (">=", "≥"), ("+-", "±")):
        text = text.replace(written, sign)
    return escape(text)


def formula(text: str, start: int) -> tuple[str, int] | None:
    """The formula that begins at ``start`` as TeX, and where it ends; None where there is none."""
    found = _run(text, start)
    return (found.tex, found.end) if found is not None and found.sure else None


def _run(text: str, i: int, closing: str = "") -> _Piece | None:
    """Terms, side by side or with operators between; inside brackets also commas and colons, up to ``closing``."""
    sign = re.compile(r"-\s?(?=[\w(|])").match(text, i)
    first = _term(text, sign.end() if sign else i)
    if first is None:
        return None
    parts, end, sure = (["-"] if sign else []) + [first.tex], first.end, first.sure
    while True:
        gap = _spaces(text, end)
        operator = _operator(text, gap, closing)
        at = _spaces(text, gap + len(operator)) if operator else gap
        following = _term(text, at)
        if following is None or not _continues(text, end, gap, operator, following, sure or text[end - 1].isdigit()):
            break
        if operator in ("", "-") and _word_follows(text, following.end):
            break
        if operator == "-" and gap != end and at == gap + 1:  # "a -b": no difference
            break
        symbol = {",": ",", ";": ";", ":": r"\mid"}.get(operator, OPERATORS.get(operator, r"\,"))
        if operator or gap != end:
            parts.append(symbol + (" " if symbol[-1].isalpha() else ""))
        parts.append(following.tex)
        sure = sure or following.sure or operator not in ("", *SEPARATORS)
        end = following.end
    return _Piece("".join(parts), end, sure)


def _continues(text: str, end: int, gap: int, operator: str, following: _Piece, product: bool) -> bool:
    """Whether a term goes on with an operator, as a product after a space, or as a number with its letter, "2L"."""
    if operator:
        return True
    if gap == end:
        return text[end - 1].isdigit() and text[end].isalpha()
    return following.sure and product


def _spaces(text: str, i: int) -> int:
    return i + 1 if text[i : i + 1] == " " else i


def _operator(text: str, i: int, closing: str) -> str:
    if closing and text[i : i + len(closing)] == closing:
        return ""
    if closing and text[i : i + 1] in SEPARATORS:
        return text[i]
    if text[i : i + 2] in OPERATORS:
        return text[i : i + 2]
    if text[i : i + 1] in ("<", ">") and text[i + 1 : i + 2] != " ":  # a bracket <w,x>, not a comparison
        return ""
    return text[i] if text[i : i + 1] in OPERATORS else ""


def _word_follows(text: str, i: int) -> bool:
    """Whether what ends here is only the beginning of a word, as the d of "d-dimensional"."""
    return re.match(r"['-]?[A-Za-z]{2}", text[i:]) is not None and text[i : i + 1] not in (" ", "")


def _term(text: str, i: int) -> _Piece | None:
    found = _bracket(text, i) or _number(text, i) or _name(text, i)
    if found is None:
        return None
    return _decorated(text, found)


def _decorated(text: str, piece: _Piece) -> _Piece:
    """With primes, index, arguments and power, in whatever order they come."""
    tex, end, sure = piece.tex, piece.end, piece.sure
    while True:
        primes = re.compile(r"'+(?![A-Za-z])").match(text, end)
        index, power = _INDEX.match(text, end), _POWER.match(text, end)
        if primes:
            tex, end, sure = tex + primes[0], primes.end(), True
        elif index:
            tex, end, sure = f"{tex}_{{{_script(next(g for g in index.groups() if g is not None))}}}", index.end(), True
        elif power:
            tex, end, sure = f"{tex}^{{{_script(next(g for g in power.groups() if g is not None))}}}", power.end(), True
        elif text[end : end + 1] == "!":
            tex, end, sure = tex + "!", end + 1, True
        elif re.compile(r"\*(?=[ (,;.:)]|$)").match(text, end) and text[end - 1].isalpha():
            tex, end, sure = tex + "^*", end + 1, True
        elif text[end : end + 1] in ("(", "[") and (inner := _group(text, end)) and not piece.tex[:1].isdigit():
            tex, end, sure = tex + inner.tex, inner.end, True
        else:
            return _Piece(tex, end, sure)


def _script(text: str) -> str:
    """An index or power; words in it stand upright."""
    found = _run(text, 0, "}")
    if found is not None and found.end == len(text):
        return found.tex
    upright = re.sub(r"[A-Za-z]{2,}", lambda m: rf"\mathrm{{{m[0]}}}", text)
    return upright.replace("<=", r"\le ").replace(">=", r"\ge ")


def _number(text: str, i: int) -> _Piece | None:
    match = _NUMBER.match(text, i)
    if match is None or re.compile(r"[A-Za-z]{2}").match(text, match.end()):
        return None
    digits, _, exponent = match[0].replace(",", "{,}").partition("e")
    if not exponent:
        return _Piece(digits, match.end(), False)
    mantissa = "" if digits == "1" else rf"{digits} \cdot "
    return _Piece(rf"{mantissa}10^{{{int(exponent)}}}", match.end(), True)


def _name(text: str, i: int) -> _Piece | None:
    match = _NAME.match(text, i)
    if match is None:
        return None
    name, end = match[0], match.end()
    follows = text[end : end + 1]
    square = re.compile(r"([a-z]) x \1\b|T\*T\b").match(text, i)
    if square:
        return _Piece(rf"{square[1]} \times {square[1]}" if square[1] else "T^*T", square.end(), True)
    if name in GREEK or name in WRITTEN_AS:
        return None if _word_follows(text, end) else _Piece(WRITTEN_AS.get(name, f"\\{name}"), end, True)
    if len(name) > 2 and re.compile(r"'+\(").match(text, end):
        return _Piece(rf"\mathrm{{{name}}}", end, True)
    if name in ("R", "l", "W", "log") and follows.isdigit() and not text[end + 1 : end + 2].isalnum():
        return _Piece((r"\log" if name == "log" else name) + f"_{follows}", end + 1, True)
    if name in FUNCTIONS:
        return _function(text, name, end)
    if follows.isdigit() or (len(name) > 1 and not (len(name) <= 2 and follows in ("_", "^"))):
        return None
    if len(name) > 1 or follows in ("_", "^", "(", "[", "'"):
        return _Piece(name if len(name) == 1 else rf"\mathrm{{{name}}}", end, follows in ("_", "^"))
    if _word_follows(text, end):
        return None
    return _Piece(name, end, name in LETTERS) if name in LETTERS | WEAK else None


def _function(text: str, name: str, end: int) -> _Piece | None:
    """A function with its argument, in brackets or after a space; the word alone stays a word."""
    tex = f"\\{name}" if name in TEX_FUNCTIONS else rf"\operatorname{{{name}}}"
    if text[end : end + 1] in ("(", "{") and (inner := _group(text, end)):
        return _Piece(rf"\sqrt{{{inner.tex[1:-1]}}}" if name == "sqrt" else tex + inner.tex, inner.end, True)
    start = end + (text[end : end + 1] == " ")
    if (start > end or text[end : end + 1] == "|") and (argument := _term(text, start)) and argument.sure:
        applied = rf"\sqrt{{{argument.tex}}}" if name == "sqrt" else f"{tex} {argument.tex}"
        return _Piece(applied, argument.end, True)
    return _Piece(tex, end, False) if _POWER.match(text, end) or _INDEX.match(text, end) else None


def _group(text: str, i: int) -> _Piece | None:
    """Something in round, square or curly brackets that is a formula throughout."""
    opening, closing = text[i], {"(": ")", "[": "]", "{": "}"}[text[i]]
    inner = _run(text, i + 1, closing)
    if inner is None or text[inner.end : inner.end + 1] != closing:
        return None
    left, right = (f"\\{opening}", f"\\{closing}") if opening == "{" else (opening, closing)
    return _Piece(f"{left}{inner.tex}{right}", inner.end + 1, inner.sure)


def _bracket(text: str, i: int) -> _Piece | None:
    """||W||, |W_r|, <w,x>, or a group in round brackets."""
    if text[i : i + 2] == "||":
        inner = _run(text, i + 2, "||")
        if inner is not None and text[inner.end : inner.end + 2] == "||":
            return _Piece(rf"\|{inner.tex}\|", inner.end + 2, True)
        return None
    if text[i : i + 1] == "|":
        inner = _run(text, i + 1, "|")
        if inner is not None and text[inner.end : inner.end + 1] == "|":
            return _Piece(rf"|{inner.tex}|", inner.end + 1, True)
        return None
    if text[i : i + 1] == "<" and text[i + 1 : i + 2] not in (" ", "="):
        inner = _run(text, i + 1, ">")
        if inner is not None and text[inner.end : inner.end + 1] == ">" and "," in inner.tex:
            return _Piece(rf"\langle {inner.tex}\rangle", inner.end + 1, True)
        return None
    return _group(text, i) if text[i : i + 1] == "(" else None
