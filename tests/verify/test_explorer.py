"""What the explorer shows is what the functions of theory say, and a text that is refused changes nothing."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

from theory import Activation, kernel_ridge_risk, learnable_degrees, ntk_eigenvalue, optimal_ridge
from verify import Explorer
from verify.explorer import ACTIVATIONS, DIMENSIONS, draw, look, table


@pytest.mark.parametrize(("activation", "d", "k"), [("tanh(z + 1)", 16, 1), ("relu(z)", 10, 2), ("cos(z)", 100, 2)])
def test_the_view_is_what_theory_says(activation: str, d: int, k: int) -> None:
    view = look(activation, d, k)
    assert view.spectrum.eigenvalues[2].overlaps(ntk_eigenvalue(activation, degree=2, d=d))
    assert view.ntk == learnable_degrees(activation, 5)
    assert (view.quadntk is None) == (activation == "relu(z)")
    dense, both = view.risks.values()
    n, energies = view.samples[5], {k: 1.0}
    ridge = optimal_ridge(view.spectrum, n, energies)
    assert dense[5] == kernel_ridge_risk(view.spectrum, n, ridge, energies)
    assert all(a <= b + 1e-12 for a, b in zip(dense, both, strict=True))
    assert np.all(np.diff(dense) <= 1e-9)


def test_pictures_and_tables_are_drawn_for_all_suggestions() -> None:
    for activation in ACTIVATIONS:
        view = look(activation, 24, 1)
        assert isinstance(draw(view), Figure)
        assert table(view).count("<tr>") == 7


@pytest.mark.parametrize(("text", "words"), [("tahn(z)", "tanh"), ("<b>", "z"), ("z**(64**6)", "z")])
def test_a_text_that_is_refused_changes_nothing(text: str, words: str) -> None:
    explorer = Explorer("gelu(z)", d=32)
    before = explorer.view, explorer._picture.value
    explorer.activation.value = text
    assert (explorer.view, explorer._picture.value) == before
    assert words in explorer._text.value
    assert "<b>" not in explorer._text.value
    explorer.activation.value = "tanh(z)"
    assert explorer.view.activation == Activation.parse("tanh(z)")
    assert explorer._picture.value[:4] == b"\x89PNG" != before[1]


def test_turning_d_and_k_shows_others() -> None:
    explorer = Explorer()
    explorer.d.value, explorer.k.value = 100, 2
    assert (explorer.view.d, explorer.view.k) == (100, 2)
    assert "application/vnd.jupyter.widget-view+json" in explorer._repr_mimebundle_()


def test_bad_starts_are_refused() -> None:
    with pytest.raises(ValueError, match="d=7: needs one of 3, 5"):
        Explorer(d=7)
    with pytest.raises(ValueError, match="k=4: needs 1, 2 or 3"):
        look("tanh(z)", DIMENSIONS[0], 4)


def test_without_ipywidgets_the_remedy_is_named() -> None:
    code = "import sys; sys.modules['ipywidgets'] = None; from verify import Explorer; Explorer()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 'pip install "escape-ntk[notebook]"' in done.stderr
