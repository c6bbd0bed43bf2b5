"""Shared look of the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import NullLocator

PREDICTED = "#1b1b1b"
SERIES = ("#2f6fb4", "#d1662b", "#2f8f5b", "#8a4fa3", "#a8842a", "#4b4b4b")
MUTED = "#9aa0a6"


def power_guide(ax: Any, x: Sequence[float], anchor: float, exponent: float, label: str | None = None) -> None:
    """A dashed line of slope ``exponent`` through (x[0], anchor) on logarithmic axes."""
    grid = np.asarray(x, dtype=float)
    ax.plot(grid, anchor * (grid / grid[0]) ** exponent, "--", color=PREDICTED, lw=1.0, label=label, zorder=1)


def grid_ticks(ax: Any, x: Sequence[float]) -> None:
    """Tick a logarithmic x axis at the measured values only, so that labels never collide."""
    ax.set_xticks(list(x), [f"{value:g}" if value < 10_000 else f"{value / 1000:g}k" for value in x])
    ax.xaxis.set_minor_locator(NullLocator())


def finish(ax: Any, xlabel: str, ylabel: str, legend: bool = True) -> None:
    """Labels, a light grid, no frame on top and right."""
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.grid(True, which="major", color="#e6e6e6", lw=0.6, zorder=0)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if legend:
        ax.legend(frameon=False)
