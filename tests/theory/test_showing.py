"""The one style: what a user's text may do to a page or a figure, and whether every reader tells the curves apart."""

import builtins
import itertools
import math

import matplotlib
import numpy as np
import pytest

from theory import Activation, Spectrum, learning_curve, ntk_spectrum, zonal_spectrum
from theory.showing import COLOURS, Formula, axes, curve, facts, finish, line, number, plain, table

matplotlib.use("Agg")
EVIL = '<script>alert("x")</script>$\\alpha$\n&'
# Machado, Oliveira & Fernandes (2009), severity 1: what the three kinds of colour-blindness see, in linear RGB.
BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    "none": np.eye(3).tolist(),
}


def linear(colour: str) -> np.ndarray:
    c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = np.array(to_xyz) @ np.clip(rgb, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(a: str, b: str) -> float:
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted(float(weights @ linear(each)) for each in (a, b))
    return (high + 0.05) / (low + 0.05)


def nearest(colours: tuple[str, ...]) -> float:
    """The smallest distance of two colours, for any reader."""
    return min(
        float(np.linalg.norm(lab(np.array(seen) @ linear(a)) - lab(np.array(seen) @ linear(b))))
        for a, b in itertools.combinations(colours, 2)
        for seen in BLINDNESS.values()
    )


def test_colours_are_seen_by_everybody_on_white_and_on_black() -> None:
    assert min(contrast(c, page) for c in COLOURS for page in ("#ffffff", "#111111")) >= 3
    assert nearest(COLOURS) >= 10
    assert nearest(("#d62728", "#2ca02c")) < nearest(COLOURS), "red and green: what the palette avoids"


def test_no_two_curves_differ_by_colour_alone() -> None:
    looks = [curve(i) for i in range(16)]
    assert len({(look["color"], look["linestyle"]) for look in looks}) == 16
    assert all(a["linestyle"] != b["linestyle"] for a, b in itertools.combinations(looks[:4], 2))
    assert line(1)["marker"] == ""


def test_every_text_is_escaped() -> None:
    for page in (table(EVIL, [EVIL], [[EVIL]], EVIL), facts(EVIL, {EVIL: EVIL})):
        assert "<script" not in page
        assert "$" not in page
        assert page.count("&lt;script&gt;") >= 3
    assert facts("t", {"f": Formula(r"a < \frac12 $")}).count("$") == 2
    assert "a &lt; " in facts("t", {"f": Formula("a < b")})


def test_a_text_is_no_formula_in_a_figure() -> None:
    ax = finish(axes(), EVIL * 100, r"$\undefined{", "\\")
    ax.plot([0], [0], label="one")
    ax.figure.savefig("/dev/null", format="png")
    assert len(plain(EVIL * 100)) < 200


def test_numbers() -> None:
    assert (number(math.nan), number(math.inf), number(1 / 3)) == ("", "inf", "0.3333")


SIGMA = Activation.parse("tanh(z + 1)")
OBJECTS = {
    "activation": lambda: SIGMA,
    "kink": lambda: Activation.parse("relu(z)"),
    "overflow": lambda: Activation.parse("exp(z**2)"),
    "spectrum": lambda: ntk_spectrum(SIGMA, 10, 5),
    "huge": lambda: ntk_spectrum("sin(z + pi/4)", 10**6, 40),
    "signs": lambda: zonal_spectrum("t**3 - t/2", 10, 4),
    "given": lambda: Spectrum.from_eigenvalues([2.0, 0.0, 0.5], multiplicities=[1, 5, 9], name=EVIL),
    "nothing": lambda: Spectrum.from_eigenvalues([0.0]),
    "curve": lambda: learning_curve(ntk_spectrum(SIGMA, 10, 3), (10, 100, 1000), {1: 1.0, 2: 1.0}, noise=0.1),
    "one point": lambda: learning_curve(Spectrum.from_eigenvalues([1.0], name=EVIL, tail=1), [10], {0: 1.0}),
}


@pytest.mark.parametrize("style", ["default", "dark_background"])
@pytest.mark.parametrize("name", OBJECTS)
def test_objects_show_and_draw_themselves(name: str, style: str) -> None:
    from matplotlib import pyplot

    thing = OBJECTS[name]()
    shown = thing._repr_latex_() if isinstance(thing, Activation) else thing._repr_html_()
    assert "<script" not in shown
    assert shown.count("$") in (0, 2)
    with pyplot.style.context(style):
        ax = thing.plot()
        assert thing.plot(ax) is ax
        ax.figure.savefig("/dev/null", format="png")
        page = ax.figure.get_facecolor()
        assert ax.title.get_color() == matplotlib.rcParams["text.color"]
        assert page == matplotlib.colors.to_rgba(matplotlib.rcParams["figure.facecolor"])
        pyplot.close(ax.figure)


def test_without_matplotlib_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: object) -> object:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ImportError, match=r"pip install 'escape-ntk\[verify\]'"):
        SIGMA.plot()


def test_the_curves_of_an_activation_are_its_derivatives() -> None:
    ax = SIGMA.plot(radius=2)
    value, first, second = ([list(a) for a in each.get_data()] for each in ax.get_lines())
    assert value[1] == pytest.approx(np.tanh(np.array(value[0]) + 1).tolist(), abs=1e-14)
    step = value[0][1] - value[0][0]
    for function, derivative in ((value[1], first[1]), (first[1], second[1])):
        central = (np.array(function[2:]) - np.array(function[:-2])) / (2 * step)
        assert np.abs(central - derivative[1:-1]).max() < step**2
    labels = [text.get_text() for text in OBJECTS["kink"]().plot().get_legend().get_texts()]
    assert labels[2].endswith("a distribution")
    for bad in (0, -1, math.nan, math.inf, "1"):
        with pytest.raises(ValueError, match="radius"):
            SIGMA.plot(radius=bad)


def test_the_staircase_has_a_step_for_each_degree() -> None:
    spectrum = ntk_spectrum("relu(z)", 10, 4)  # degree 3 is exactly zero; degree 1 above degree 0
    ax = spectrum.plot()
    steps = [each.get_data() for each in ax.get_lines() if each.get_linewidth() == 2.0]
    assert [end - start for (start, end), _ in steps] == [10, 1, 54, 660]
    falling = sorted((float(value.mid()) for value in spectrum.eigenvalues if value > 0), reverse=True)
    assert [float(height[0]) for _, height in steps] == falling
    assert [note.get_text() for note in ax.texts] == ["1", "0", "2", "4"]
    assert "zero: degree 3" in [text.get_text() for text in ax.get_legend().get_texts()]
