"""The phase diagram: test risks on a grid of d and n / d^k, what is read off them, and how they are drawn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import theory
from verify.cells.trained import TrainedModels
from verify.cells.training import Arm
from verify.claims.activations import affordable
from verify.claims.plotting import PREDICTED, SERIES, dark, finish
from verify.judging.claim import Evidence
from verify.predictions.learning_curves import best_risk
from verify.predictions.sample_counts import r4_weight
from verify.sizes.profile import Profile

PANELS: dict[Arm, str] = {"joint": "joint", "quadntk": "QuadNTK", "ntk": "NTK"}
MARKS = "os^"
TICKS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)
NEAR_TOP = 0.8
"""Share of the panel's largest n / d^k above which the end of a line of equal floor is named over the panel."""
LAZY_DRAWS = 3
"""Times as many draws of the network in NTK scaling: it learns as the NTK does, whose mean risk may lie no more than a
tenth above the floor that it is held against."""
SHARES = (0.1, 0.3, 0.5)
"""Shares n / N(d, k+1) at which the floor is drawn: kernels know at most these of the sparse part."""

PHASES = (
    "Test risk, geometric mean over draws and activations, on one colour scale: pale is learnt. No kernel method has a "
    "lower mean risk on a dashed line, or to its right, than is written there (1 - n / N(d, k + 1))."
)
RISKS = "Points: single draws, or means of several. Lines: geometric means over draws and activations."


def largest(p: Profile) -> int:
    """The largest d."""
    return p.headline.dimensions[p.k][-1]


def judged_ratio(p: Profile) -> float:
    """n / d^k where joint training is judged: the largest."""
    return p.headline.ratios[p.k][-1]


def samples(p: Profile, d: int, ratio: float) -> int:
    """n at a ratio."""
    return round(ratio * d**p.k)


def floor(p: Profile, d: int, ratio: float) -> float:
    """The floor of every kernel method's mean risk at energies 1 + 1."""
    return float(theory.risk_floor(d, samples(p, d, ratio), {p.k: 1, p.k + 1: 1}))


def fields(p: Profile, activation: str, d: int, ratio: float, draws: int) -> dict[str, Any]:
    """What every cell of N10 has."""
    t = p.training
    return {
        "base_seed": p.base_seed,
        "activation": activation,
        "device": p.device,
        "d": d,
        "m": t.width[p.k] * d,
        "k": p.k,
        "steps": p.headline.steps[p.k],
        "start": t.start,
        "n": samples(p, d, ratio),
        "draws": draws,
    }


def _draws(p: Profile, arm: Arm, d: int, ratio: float) -> int:
    """Draws of each activation at one point."""
    s = p.headline
    if arm == "lazy":
        return s.draws[p.k] * LAZY_DRAWS
    if ratio == judged_ratio(p) and d == largest(p) and arm != "unregularised":
        return s.draws[p.k]
    if ratio == judged_ratio(p) and arm in ("joint", "ntk"):
        return s.draws[p.k] * s.averaged
    return max(s.mapped, s.runs) if ratio == judged_ratio(p) and d == s.dimension[p.k] else s.mapped


def point(p: Profile, activation: str, arm: Arm, d: int, ratio: float) -> TrainedModels:
    """The cell of one arm at one point. Only the kernels have several candidates; joint training has one for all d."""
    s, own = p.headline, fields(p, activation, d, ratio, _draws(p, arm, d, ratio))
    shares = s.shares if arm == "quadntk" else (p.training.share,)
    own["candidates"] = tuple((s.penalty, r4_weight(activation, p.k, d, share)) for share in shares)
    if arm == "ntk":
        wide = max(p.training.kernel_width[p.k], p.training.width[p.k]) * d
        own |= {"candidates": (), "ridges": s.ridges, "kernel_width": wide}
    elif arm not in PANELS:
        own["steps"] = s.control_steps[p.k]
    chooses = arm == "ntk" or len(own["candidates"]) > 1
    return TrainedModels(arm=arm, validation=s.validation if chooses else 0, **own)


def points(p: Profile) -> tuple[TrainedModels, ...]:
    """All points of the diagram."""
    return tuple(
        point(p, activation, arm, d, ratio)
        for arm in PANELS
        for activation in affordable(p)
        for d in p.headline.dimensions[p.k]
        for ratio in p.headline.ratios[p.k]
    )


def risks(p: Profile, evidence: Evidence, arm: Arm, d: int, ratio: float, name: str = "risk") -> np.ndarray:
    """Risks at a point, activation by activation, NaN where training diverged.

    Where joint training is judged there are as many observations as the rules ask for: geometric means of several draws
    at all d but the largest.
    """
    rows = []
    for activation in affordable(p):
        row = np.array(evidence[point(p, activation, arm, d, ratio)][name], dtype=float)
        size = min(p.headline.draws[p.k], len(row))
        rows.append(np.exp(np.log(row).reshape(size, -1).mean(1)))
    return np.concatenate(rows)


def steepness(p: Profile, evidence: Evidence, arm: Arm, activation: str) -> float:
    """s of risk ~ n^(-s) between the two largest ratios, on draws that both have, averaged over d."""
    slopes = []
    *_, before, last = p.headline.ratios[p.k]
    for d in p.headline.dimensions[p.k]:
        rows = [evidence[point(p, activation, arm, d, ratio)]["risk"] for ratio in (before, last)]
        for less, more in zip(*rows, strict=False):
            if less is not None and more is not None:
                slopes.append(math.log(less / more) / math.log(samples(p, d, last) / samples(p, d, before)))
    return float(np.mean(slopes)) if slopes else math.nan


def middle(p: Profile, evidence: Evidence, arm: Arm, d: int, ratio: float) -> float:
    """Geometric mean of the risks at a point over the activations; NaN where all diverged."""
    logs = np.log(risks(p, evidence, arm, d, ratio))
    return float(np.exp(np.nanmean(logs))) if not np.isnan(logs).all() else math.nan


def draw_phases(p: Profile, evidence: Evidence, figure: Any) -> None:
    """d against n / d^k, the risk as colour, for the three ways of learning; the floor as lines of equal risk."""
    from matplotlib.colors import LogNorm
    from matplotlib.patheffects import withStroke
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

    grid, ratios = p.headline.dimensions[p.k], p.headline.ratios[p.k]
    tables = {arm: np.array([[middle(p, evidence, arm, d, r) for d in grid] for r in ratios]) for arm in PANELS}
    known = np.concatenate([table[~np.isnan(table)] for table in tables.values()])
    norm = LogNorm(known.min(), known.max())
    across, up = _edges(grid), _edges(ratios)
    axes = figure.subplots(1, len(PANELS), sharex=True, sharey=True)
    for ax, (arm, title) in zip(axes, PANELS.items(), strict=True):
        mesh = ax.pcolormesh(across, up, np.ma.masked_invalid(tables[arm]), norm=norm, cmap="cividis_r", lw=0)
        ax.set_xscale("log")
        ax.set_yscale("log")
        _floor_lines(p, ax, across, up)
        for (i, ratio), (j, d) in ((a, b) for a in enumerate(ratios) for b in enumerate(grid)):
            value = tables[arm][i, j]
            if not np.isnan(value):
                cell = mesh.cmap(norm(value))
                halo = [withStroke(linewidth=2.5, foreground=cell)]
                ink = "white" if dark(cell) else "black"
                ax.text(d, ratio, f"{value:.2f}", ha="center", va="center", fontsize=8, color=ink, path_effects=halo)
        ax.set_title(title, fontsize=10, pad=16)
        ax.set_xticks(grid, [f"{d}" for d in grid])
        ax.set_yticks(ratios, [f"{r:g}" for r in ratios])
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_minor_locator(NullLocator())
        ax.set_xlabel("dimension d")
    axes[0].set_ylabel(f"n / d{_power(p.k)}")
    bar = figure.colorbar(mesh, ax=list(axes), label="test risk", pad=0.01)
    bar.ax.yaxis.set_major_locator(FixedLocator([r for r in TICKS if known.min() <= r <= known.max()]))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())


def _floor_lines(p: Profile, ax: Any, across: np.ndarray, up: np.ndarray) -> None:
    """Where n is a given share of N(d, k+1); named above the panel, or at its lower end inside."""
    fine = np.geomspace(across[0], across[-1], 100)
    for share in SHARES:
        ratio = np.array([share * float(_several(d, p.k + 1)) / d**p.k for d in fine])
        inside = (ratio >= up[0]) & (ratio <= up[-1])
        if inside.sum() < 2:
            continue
        ax.plot(fine[inside], ratio[inside], "--", color="white", lw=2.4)
        ax.plot(fine[inside], ratio[inside], "--", color=PREDICTED, lw=1.2)
        first, last = np.flatnonzero(inside)[[0, -1]]
        name, small = f"floor {1 - share:.1f}", {"textcoords": "offset points", "fontsize": 7}
        if ratio[last] > NEAR_TOP * up[-1]:
            side = "right" if last + 1 == len(fine) else "center"
            ax.annotate(name, (fine[last], up[-1]), (0, 3), ha=side, va="bottom", **small)
        else:
            plate = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85}
            ax.annotate(name, (fine[first], ratio[first]), (3, 2), bbox=plate, **small)
    ax.set_xlim(across[0], across[-1])
    ax.set_ylim(up[0], up[-1])


def draw_risks(p: Profile, evidence: Evidence, figure: Any) -> None:
    """Risk against n at each d: the three ways of learning, the NTK's predicted curve and the floor."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    grid, ratios = p.headline.dimensions[p.k], p.headline.ratios[p.k]
    shown = grid if len(grid) <= 4 else tuple(grid[i] for i in np.linspace(0, len(grid) - 1, 4).round().astype(int))
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    energies = ((p.k, 1.0), (p.k + 1, 1.0))
    for ax, d in zip(axes, shown, strict=True):
        counts = [samples(p, d, ratio) for ratio in ratios]
        for i, (arm, title) in enumerate(PANELS.items()):
            values = [risks(p, evidence, arm, d, ratio) for ratio in ratios]
            for n, row in zip(counts, values, strict=True):
                ax.plot([n] * len(row), row, "o", color=SERIES[i], ms=3, alpha=0.45, mew=0)
            means = [middle(p, evidence, arm, d, ratio) for ratio in ratios]
            ax.plot(counts, means, f"-{MARKS[i]}", color=SERIES[i], lw=1.4, ms=5, label=title)
        fine = np.unique(np.geomspace(counts[0], counts[-1], 12).round().astype(int))
        curves = [[best_risk(a, d, int(n), energies) for n in fine] for a in affordable(p)]
        ax.plot(fine, np.exp(np.log(curves).mean(0)), ":", color=PREDICTED, lw=1.6, label="NTK, predicted")
        ax.plot(fine, [floor(p, d, n / d**p.k) for n in fine], "--", color=PREDICTED, lw=1.2, label="floor of kernels")
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_title(f"d = {d}", fontsize=10)
        finish(ax, "samples n", "test risk" if ax is axes[0] else "", legend=False)
        ax.set_xticks(counts, [f"{n}" for n in counts])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=8)


def _several(d: float, degree: int) -> float:
    """N(d, degree) between integers d, log-linearly."""
    low = max(3, math.floor(d))
    a, b = theory.multiplicity(low, degree), theory.multiplicity(low + 1, degree)
    return float(a ** (low + 1 - d) * b ** (d - low))


def _edges(values: tuple[float, ...]) -> np.ndarray:
    """Edges of cells around increasing values, halfway on the logarithmic axis."""
    logs = np.log(values)
    between = (logs[1:] + logs[:-1]) / 2
    return np.exp(np.concatenate([[2 * logs[0] - between[0]], between, [2 * logs[-1] - between[-1]]]))


def _power(k: int) -> str:
    return "" if k == 1 else f"$^{k}$"
