r"""A claim's statement for a terminal: TeX read as the plain formulas of the prose, in ASCII.

\frac{n}{N(d,\ell)} becomes n/N(d,l), \sigma'(\langle w_r,x\rangle) becomes sigma'(<w_r,x>). An index or a power of more
than one sign keeps its braces, a fraction gets brackets where it needs them, and a command that is not known here keeps
its name.
"""

from __future__ import annotations

import re

WRITTEN = {
    "le": " <= ", "ge": " >= ", "ne": " != ", "to": " -> ", "sim": " ~ ", "approx": " ~ ", "ll": " << ", "gg": " >> ",
    "iff": " <=> ", "Rightarrow": " => ", "cdot": " . ", "infty": "infinity", "ell": "l", "varepsilon": "epsilon",
    "langle": "\x01", "rangle": "\x02", "nabla": "grad", "top": "T", "|": "||",
    ",": " ", "!": "", ";": "  ", ":": " ", " ": " ", "quad": "   ", "qquad": "   ", "left": "", "right": "",
    "big": "", "Big": "", "bigg": "", "Bigg": "", "mathbb": "", "bar": "mean ",
}  # fmt: skip
"""Commands, without the backslash, as they are written."""
FRACTIONS = frozenset(("frac", "tfrac", "dfrac"))
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}_^]|\s+|[^\\{}_^\s]+?")
_SIMPLE = re.compile(r"(?:[\d.]+|[A-Za-z]|[A-Za-z]{3,})'*(?:\([^()]*\))?(?:_\w+|_\{[^{}]*\})?(?:\^\w+)?")


def plain_formula(tex: str) -> str:
    r"""The formula in one line of ASCII.

    >>> plain_formula(r"\Lambda_\ell = \tfrac{d}{2\ell+d-2}\,\lambda_{\ell-1}(\sigma')^2")
    "Lambda_l = d/(2l+d-2) lambda_{l-1}(sigma')^2"
    """
    tokens = [match[0] for match in _TOKEN.finditer(tex)]
    text, _ = _sequence(tokens, 0)
    return _tidy(text)


def _tidy(text: str) -> str:
    """One space at most, none inside brackets; <w,x> is told from a comparison until here."""
    text = re.sub(r"\x01 *", "<", re.sub(r" *\x02", ">", text))
    return re.sub(r" +", " ", re.sub(r"([(\[]) +", r"\1", re.sub(r" +([)\],|])(?!\|)", r"\1", text))).strip()


def _sequence(tokens: list[str], i: int) -> tuple[str, int]:
    """Everything up to a closing brace, or to the end."""
    parts: list[str] = []
    while i < len(tokens) and tokens[i] != "}":
        if tokens[i] in ("_", "^"):
            script, end = _argument(tokens, i + 1)
            one = script if len(script) == 1 or re.fullmatch(r"[A-Za-z0-9]+|-\d+", script) else f"{{{script}}}"
            parts.append(tokens[i] + one)
            i = end
            continue
        text, end = _one(tokens, i)
        # A name of several letters would run together with a letter or an index beside it.
        before = parts[-1] if parts else ""
        several = re.search(r"[A-Za-z]{2}$|[_^]\S+$", before) or re.match(r"[A-Za-z]{2}", text)
        if several and re.search(r"[\w}!)']$", before) and re.match(r"[A-Za-z]", text):
            text = f" {text}"
        parts.append(text)
        i = end
    return "".join(parts), i


def _argument(tokens: list[str], i: int) -> tuple[str, int]:
    """What a command, an index or a power applies to: a group or the next token."""
    while i < len(tokens) and tokens[i].isspace():
        i += 1
    if i < len(tokens) and tokens[i] == "{":
        text, end = _sequence(tokens, i + 1)
        return _tidy(text), end + 1
    text, end = _one(tokens, i)
    return text.strip(), end


def _one(tokens: list[str], i: int) -> tuple[str, int]:
    """A token with its arguments, and where it ends."""
    if i >= len(tokens):
        return "", i
    if tokens[i] == "{":
        text, end = _sequence(tokens, i + 1)
        return text, end + 1
    if not tokens[i].startswith("\\"):
        return (" " if tokens[i].isspace() else tokens[i]), i + 1
    name = tokens[i][1:]
    if name in FRACTIONS:
        above, end = _argument(tokens, i + 1)
        below, end = _argument(tokens, end)
        return f"{_bracketed(above)}/{_bracketed(below)} ", end
    if name == "sqrt":
        under, end = _argument(tokens, i + 1)
        return f"sqrt({under})", end
    if name in ("text", "mathrm", "operatorname"):
        return _upright(tokens, i + 1)
    return WRITTEN.get(name, name), i + 1


def _upright(tokens: list[str], i: int) -> tuple[str, int]:
    """Words, in which nothing is a formula."""
    if tokens[i] != "{":
        return _one(tokens, i)
    end = tokens.index("}", i)
    return "".join(tokens[i + 1 : end]), end + 1


def _bracketed(text: str) -> str:
    return text if _SIMPLE.fullmatch(text) or re.fullmatch(r"\|\|.*\|\|\w*", text) else f"({text})"
