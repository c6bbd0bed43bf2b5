"""Shared look of the figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from verify.judging.outcome import Comparison

PREDICTED = "#1b1b1b"
BASE = ("#2f6fb4", "#d1662b", "#2f8f5b", "#8a4fa3", "#a8842a", "#4b4b4b")
MUTED = "#9aa0a6"
REACH = 3.0
"""How far the figure of comparisons extends, in units of a comparison's margin or interval."""
ENTRIES = 10
"""Most entries of a legend."""


class Series(Sequence[str]):
    """Colours without end: the base ones, then lighter, then darker ones, and so on."""

    def __len__(self) -> int:
        return 3 * len(BASE)

    def __getitem__(self, index: Any) -> Any:
        from matplotlib.colors import to_hex, to_rgb

        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        shade, place = (0.0, 0.45, -0.35)[index // len(BASE) % 3], index % len(BASE)
        target = "#ffffff" if shade > 0 else "#000000"
        mixed = (1 - abs(shade)) * np.array(to_rgb(BASE[place])) + abs(shade) * np.array(to_rgb(target))
        return to_hex(mixed)


SERIES = Series()


def plain(text: str) -> str:
    """A text of the user's for matplotlib: no formula, no control characters, and not too long."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    shown = shown if len(shown) <= 40 else shown[:37] + "..."
    return shown.replace("\\", "/").replace("$", r"\$")


def dark(colour: Sequence[float]) -> bool:
    """Whether a colour (red, green, blue, 0 to 1) needs light text: its luminance is below a half."""
    red, green, blue = colour[:3]
    return bool(0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5)


def power_guide(ax: Any, x: Sequence[float], anchor: float, exponent: float, label: str | None = None) -> None:
    """A dashed line of slope ``exponent`` through (x[0], anchor) on logarithmic axes."""
    grid = np.asarray(x, dtype=float)
    ax.plot(grid, anchor * (grid / grid[0]) ** exponent, "--", color=PREDICTED, lw=1.0, label=label, zorder=1)


def comparisons(judged: Sequence[Comparison], ax: Any) -> None:
    """Every measured interval beside what its rule admits: the figure of a claim that draws none of its own.

    Each row is in its own unit, the half-width of its interval about the prediction, so that all can share an axis.
    """
    for row, c in enumerate(judged):
        unit = max(c.margin, c.measured.upper - c.measured.value, 1e-300)
        low, high = (np.clip((end - c.predicted) / unit, -REACH, REACH) for end in c.allowed)
        ax.fill_betweenx([row - 0.3, row + 0.3], low, high, color="#e6e6e6", zorder=1)
        ends = [(end - c.predicted) / unit for end in (c.measured.lower, c.measured.upper)]
        if ends[0] > REACH or ends[1] < -REACH:  # beyond the axis: an arrow says on which side
            ax.plot([math.copysign(0.97 * REACH, ends[0])], [row], ">" if ends[0] > 0 else "<", color=SERIES[1], ms=8)
        else:
            ax.plot(np.clip(ends, -REACH, REACH), [row, row], "|-", color=SERIES[0], lw=2, zorder=2)
    ax.axvline(0.0, color=PREDICTED, lw=0.8)
    ax.set_yticks(range(len(judged)), [plain(c.label) for c in judged])
    ax.set_xlim(-REACH, REACH)
    ax.invert_yaxis()
    finish(ax, "distance / margin (grey: admitted)", "", legend=False)


def grid_ticks(ax: Any, x: Sequence[float]) -> None:
    """Tick a logarithmic x axis at the measured values only, so that labels never collide."""
    from matplotlib.ticker import NullLocator

    ax.set_xticks(list(x), [f"{value:g}" if value < 10_000 else f"{value / 1000:g}k" for value in x])
    ax.xaxis.set_minor_locator(NullLocator())


def finish(ax: Any, xlabel: str, ylabel: str, legend: bool = True) -> None:
    """Labels, a light grid, no frame on top and right."""
    from matplotlib.lines import Line2D

    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.grid(True, which="major", color="#e6e6e6", lw=0.6, zorder=0)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    handles, labels = ax.get_legend_handles_labels()
    if not (legend and handles):
        return
    if len(handles) > ENTRIES:
        handles = [*handles[: ENTRIES - 1], Line2D([], [], linestyle="none")]
        labels = [*labels[: ENTRIES - 1], f"and {len(labels) - ENTRIES + 1} more"]
    ax.legend(handles, labels, frameon=False)
