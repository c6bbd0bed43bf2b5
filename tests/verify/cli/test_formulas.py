"""Statements in a terminal: no TeX is left, and the formulas read as those of the prose."""

import re

import pytest

from verify.cli.formulas import plain_formula
from verify.registry import CLAIMS


@pytest.mark.parametrize(
    ("tex", "plain"),
    [
        (
            r"\Lambda_\ell = \tfrac{d}{2\ell+d-2}\,\lambda_{\ell-1}(\sigma')^2",
            "Lambda_l = d/(2l+d-2) lambda_{l-1}(sigma')^2",
        ),
        (r"\lim_{d\to\infty} d^{\ell-1}\Lambda_\ell = \ell!\,\mu_0", "lim_{d -> infinity} d^{l-1} Lambda_l = l! mu_0"),
        (r"a_r\,\sigma'(\langle w_r,x\rangle)\langle W_r,x\rangle^2", "a_r sigma'(<w_r,x>)<W_r,x>^2"),
        (r"a < b, \qquad \langle w, x \rangle < 1", "a < b, <w, x> < 1"),
        (r"\|W\|_{2,4}^4 \le \frac1{2L}\sqrt{\varepsilon}", "||W||_{2,4}^4 <= 1/(2L) sqrt(epsilon)"),
        (r"\tfrac12 m^{-1/2}\sum_r W_r^\top", "1/2 m^{-1/2} sum_r W_r^T"),
        (r"\text{risk}_{\text{NTK}}\ \text{up to}\ \log d", "risk_NTK up to log d"),
        (r"\mathbb{E}_{\tau_d}\!\left[\sigma'(\sqrt d\,t)^2\right]", "E_{tau_d}[sigma'(sqrt(d) t)^2]"),
        (r"\unknown x", "unknown x"),
        ("", ""),
        ("{{{", ""),
        ("\\", ""),
        (r"\frac", "()/()"),
    ],
)
def test_tex_is_read(tex: str, plain: str) -> None:
    assert plain_formula(tex) == plain


def test_no_statement_keeps_any_tex() -> None:
    for claim in CLAIMS.values():
        plain = plain_formula(claim.statement)
        assert not re.search(
            r"\\|[\x00-\x1f]|  |[^\x20-\x7e]|\b(?:frac|text|mathbb|mathrm|quad|left|right)\b", plain
        ), plain
        assert plain.count("(") == plain.count(")")
        assert plain.count("{") == plain.count("}")
