"""Formulas in prose are found and translated; words stay words; nothing is lost and nothing is injected."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.registry import CLAIMS
from verify.report.prose import typeset


def formulas(text: str) -> list[str]:
    return [unescape(tex) for tex in re.findall(r'data-tex="([^"]*)"', str(typeset(text)))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("N(d,l)^{1/2} lambda_l tends to mu_l", [r"N(d,l)^{1/2}\,\lambda_{l}", r"\mu_{l}"]),
        ("a budget ||W||_{2,4}^4 ~ d^(k-1), and", [r"\|W\|_{2,4}^{4}\sim d^{k-1}"]),
        ("0.1839 <= Lambda_0 <= 0.2668", [r"0.1839\le \Lambda_{0}\le 0.2668"]),
        ("P_{<=k} W and P_>k", [r"P_{\le k}\,W", "P_{>k}"]),
        ("sup|sigma'''| |<W_r,x>|^3 / 6", [r"\sup |\sigma'''|\,|\langle W_{r},x\rangle|^{3}/6"]),
        ("degree <= k of d x d matrices", ["k", r"d \times d"]),
        ("d = 12,500, 25,000", ["d=12{,}500"]),
        ("|grad|^2/(2L)", [r"|\nabla|^{2}/(2L)"]),
        ("N(d,k) ~ d^k/k! coefficients", [r"N(d,k)\sim d^{k}/k!"]),
        ("the Gram matrix T*T", ["T^*T"]),
        ("tanh(z + 1): n*(d)", [r"\tanh(z+1)", "n^*(d)"]),
        ("span{T Y : deg Y <= 1}", [r"\operatorname{span}\{T\,Y\mid \deg Y\le 1\}"]),
        ("R1 and l4 at 1e-3", ["R_1", "l_4", "10^{-3}"]),
        ("0.8 <b,x>^2 - 0.6 <b',x>^2", [r"0.8\,\langle b,x\rangle^{2}-0.6\,\langle b',x\rangle^{2}"]),
    ],
)
def test_formulas_are_translated(text: str, found: list[str]) -> None:
    assert formulas(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "A quarter of a half, and I see it.",
        "Hoelder's inequality; one neuron's term; 4 % of the samples",
        "d-dimensional, degree-l, second-order",
        "claims N10 and S5 in docs/open-question",
        "Marchenko and Pastur (arXiv:2204.10425)",
    ],
)
def test_words_stay_words(text: str) -> None:
    assert formulas(text) == []


def test_every_claim_is_read_without_loss() -> None:
    """What a reader without JavaScript sees is the text itself, comparison signs aside."""
    count = 0
    for claim in CLAIMS.values():
        for text in (claim.why, claim.refuted_by, claim.title):
            shown = unescape(re.sub(r"<[^>]*>", "", str(typeset(text))))
            for sign, written in (("≤", "<="), ("≥", ">="), ("±", "+-")):
                shown = shown.replace(sign, written)
            assert shown == text
            count += len(formulas(text))
    assert count > 200


@given(st.text(alphabet="<>|_^{}()[]'\"&,;:.!*+-/=~ dWx12sigmaq\\$", max_size=60))
def test_any_text_is_escaped_and_kept(text: str) -> None:
    page = str(typeset(text))
    assert re.fullmatch(r'(?:[^<>"]|<span class="tex" data-tex="[^<>"]*">[^<>"]*</span>)*', page)
    assert unescape(re.sub(r"<[^>]*>", "", page)).replace("≤", "<=").replace("≥", ">=").replace("±", "+-") == text
