"""An activation, a dimension and k, turned by hand: spectrum, learnable degrees and predicted learning curves at once.

What is shown is certified or predicted from certified numbers; nothing is trained. The pure part, :func:`look` and
:func:`draw`, needs no Jupyter.
"""

from __future__ import annotations

import html
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from theory import (
    Activation,
    LearnableDegrees,
    Spectrum,
    kernel_ridge_risk,
    learnable_degrees,
    multiplicity,
    ntk_spectrum,
    optimal_ridge,
    work_limit,
)
from theory.activations import ActivationLike
from verify.claims.plotting import MUTED, PREDICTED, SERIES, plain

DEGREES = 6
"""Largest degree of the spectrum that is shown."""
POINTS = 24
"""Numbers of samples on a learning curve."""
SECONDS = 5.0
"""Processor time that one change may take; an activation that needs more is refused in a sentence."""
DIMENSIONS = (3, 5, 8, 10, 16, 24, 32, 50, 64, 100, 200, 500, 1000, 10_000)
ACTIVATIONS = (
    "tanh(z + 1)",
    "sin(z + pi/4)",
    "erf(z + 1/2)",
    "gelu(z)",
    "softplus(z)",
    "sigmoid(z - 1)",
    "relu(z)",
    "tanh(z)",
    "exp(-z**2/2)",
    "cos(z)",
)
"""Suggestions; any text of the grammar may be typed."""


@dataclass(frozen=True)
class View:
    """What is shown for one choice.

    Attributes:
        activation, d, k: the choice.
        spectrum: of the NTK, degrees 0 to :data:`DEGREES`.
        ntk, quadntk: degrees that each kernel can learn at large d; None where sigma'' is no function.
        samples: n. risks: by target - "degree <= k" is dense, of energy 1 in degree k, the other one has a part of
            energy 1 in degree k + 1 added - the predicted test risk of the NTK at its best ridge for each n.
    """

    activation: Activation
    d: int
    k: int
    spectrum: Spectrum
    ntk: LearnableDegrees
    quadntk: LearnableDegrees | None
    samples: tuple[int, ...]
    risks: Mapping[str, tuple[float, ...]]


def look(activation: ActivationLike, d: int, k: int) -> View:
    """Everything that is shown.

    Args:
        activation: a text, a SymPy expression or an :class:`theory.Activation`.
        d: dimension, at least 3.
        k: degree of the dense part, 1 to 3.

    Raises:
        ValueError: what the grammar or the mathematics refuses, in a sentence with the remedy.
        WorkLimit: more than :data:`SECONDS` of processor time.
    """
    if k not in (1, 2, 3):
        raise ValueError(f"k={k!r}: needs 1, 2 or 3")
    sigma = Activation.of(activation)
    with work_limit(SECONDS):
        spectrum = ntk_spectrum(sigma, d, max_degree=DEGREES)
        ntk = learnable_degrees(sigma, DEGREES - 1)
        try:
            quadntk: LearnableDegrees | None = learnable_degrees(sigma, DEGREES - 1, kernel="QuadNTK")
        except ValueError:
            quadntk = None
        grid = np.unique(np.geomspace(max(4, d // 4), 4 * float(multiplicity(d, k + 1)), POINTS).round()).astype(int)
        samples = tuple(grid.tolist())
        targets = {f"degree {k}": {k: 1.0}, f"degrees {k} and {k + 1}": {k: 1.0, k + 1: 1.0}}
        risks = {name: tuple(_risks(spectrum, samples, energies)) for name, energies in targets.items()}
    return View(sigma, d, k, spectrum, ntk, quadntk, samples, risks)


def _risks(spectrum: Spectrum, samples: Sequence[int], energies: Mapping[int, float]) -> list[float]:
    """At the best ridge, which is infinite where the kernel learns nothing: the predictor is then 0."""
    ridges = [optimal_ridge(spectrum, n, energies) for n in samples]
    return [
        kernel_ridge_risk(spectrum, n, ridge, energies) if math.isfinite(ridge) else sum(energies.values())
        for n, ridge in zip(samples, ridges, strict=True)
    ]


def draw(view: View, figure: Figure | None = None) -> Figure:
    """The spectrum as a staircase over the index, and the learning curves, side by side."""
    figure = figure if figure is not None else Figure(figsize=(9.6, 3.6))
    left, right = figure.subplots(1, 2)
    # Margins by hand and no minor ticks: finding them takes three quarters of the time of a picture.
    figure.subplots_adjust(left=0.08, right=0.985, bottom=0.15, top=0.9, wspace=0.2)
    position = 1.0
    for degree in view.spectrum.degrees:
        value, count = float(view.spectrum.eigenvalues[degree]), float(view.spectrum.multiplicities[degree])
        if value > 0:
            colour = SERIES[degree]
            left.loglog([position, position + count], [value, value], color=colour, lw=2.4, solid_capstyle="butt")
            left.annotate(str(degree), (position, value), xytext=(2, 4), textcoords="offset points", fontsize=9)
        position += count
    left.set(xlabel="index of the eigenvalue", ylabel="eigenvalue of the NTK", title=plain(str(view.activation)))
    for (name, risks), style, colour in zip(view.risks.items(), ("-", "--"), SERIES, strict=False):
        right.semilogx(view.samples, risks, style, color=colour, label=f"target of {name}")
    for degree in (view.k, view.k + 1):
        right.axvline(float(multiplicity(view.d, degree)), color=MUTED, lw=0.8, ls=":")
    right.set(xlabel="samples n", ylabel="predicted test risk of the NTK", ylim=(0, 2.1), title=f"d = {view.d:,}")
    right.legend(frameon=False, fontsize=8)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(colors=PREDICTED)
        ax.title.set_fontsize(10)
        ax.minorticks_off()
    return figure


def table(view: View) -> str:
    """Degrees, multiplicities, certified eigenvalues and what each kernel learns, as HTML; all text escaped."""
    rows = []
    for degree in view.spectrum.degrees[:-1]:
        value = view.spectrum.eigenvalues[degree].str(6)
        marks = [_mark(found, degree) for found in (view.ntk, view.quadntk)]
        count = f"{view.spectrum.multiplicities[degree]:,}"
        cells = "".join(f"<td style='text-align:right;padding:0 .8em'>{html.escape(c)}</td>" for c in (count, value))
        rows.append(f"<tr><td>{degree}</td>{cells}<td>{marks[0]}</td><td>{marks[1]}</td></tr>")
    names = ("degree", "N(d,l)", "Lambda", "NTK", "QuadNTK")
    head = "".join(f"<th style='padding:0 .8em'>{name}</th>" for name in names)
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _mark(found: LearnableDegrees | None, degree: int) -> str:
    if found is None:
        return "not defined"
    if degree in found.undecided:
        return "undecided"
    return "learns" if degree in found.learnable else "cannot"


class Explorer:
    """Choose activation, d and k with the mouse, and see the spectrum, the learnable degrees and the curves change.

    In Jupyter ``Explorer()`` as the last line of a cell shows it; ``.panel`` is the ipywidgets box itself, ``.view``
    what it shows at the moment.

    Args:
        activation: a text. d: one of :data:`DIMENSIONS`. k: 1 to 3.

    Raises:
        ModuleNotFoundError: ipywidgets is missing; ``pip install "escape-ntk[notebook]"`` brings it.

    >>> Explorer("gelu(z)", d=32).view.d  # doctest: +SKIP
    32
    """

    def __init__(self, activation: str = "tanh(z + 1)", d: int = 32, k: int = 1) -> None:
        try:
            import ipywidgets
        except ModuleNotFoundError as missing:
            raise ModuleNotFoundError(
                'ipywidgets is missing, which Explorer is made of: pip install "escape-ntk[notebook]"'
            ) from missing
        if d not in DIMENSIONS:
            raise ValueError(f"d={d!r}: needs one of {', '.join(map(str, DIMENSIONS))}")
        self.view = look(activation, d, k)
        self.activation = ipywidgets.Combobox(
            value=activation, options=ACTIVATIONS, description="sigma(z)", ensure_option=False, continuous_update=False
        )
        self.d = ipywidgets.SelectionSlider(options=DIMENSIONS, value=d, description="d")
        self.k = ipywidgets.IntSlider(value=k, min=1, max=3, description="k")
        self._picture, self._text = ipywidgets.Image(format="png"), ipywidgets.HTML()
        controls = ipywidgets.HBox([self.activation, self.d, self.k])
        self.panel = ipywidgets.VBox([controls, self._picture, self._text])
        for control in (self.activation, self.d, self.k):
            control.observe(self._changed, names="value")
        self._show()

    def _changed(self, _: Mapping[str, Any]) -> None:
        try:
            self.view = look(self.activation.value, self.d.value, self.k.value)
        except (ValueError, ArithmeticError) as reason:
            self._text.value = f"<p role='alert'>{html.escape(str(reason))}</p>"
        else:
            self._show()

    def _show(self) -> None:
        figure, data = draw(self.view), io.BytesIO()
        FigureCanvasAgg(figure).print_png(data)
        self._picture.value, self._text.value = data.getvalue(), table(self.view)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.panel._repr_mimebundle_(**options)
