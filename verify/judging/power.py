"""Power curves: how often a claim HOLDS and FAILS as the truth moves from its theory to its rival and beyond."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verify.judging.calibration import CERTAINTY, FALSE_FAILS, FALSE_HOLDS, markdown_table, stacked
from verify.judging.claim import Claim, World
from verify.judging.margins import Margin, margin
from verify.judging.outcome import Verdict
from verify.judging.worlds import VerdictRates, remembered, verdict_rates
from verify.sizes.profile import Profile

STEPS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
"""Of the way from the theory to its rival; where both sides are against the claim, the same way on the other side."""
COLOURS = {Verdict.HOLDS: "#1b7f4b", Verdict.FAILS: "#b3261e", Verdict.INCONCLUSIVE: "#8a8f98"}
MARGIN = "#f2e3b3"
"""Between the last truth that is admitted and the first that is refused."""
COLUMNS = 4
"""Panels side by side."""


def steps(world: World) -> tuple[float, ...]:
    """The grid of a claim's truths, in units of the way from the theory to its rival, in increasing order."""
    return (*(-t for t in reversed(STEPS[1:]) if world.two_sided), *STEPS)


def truth_at(world: World, step: float) -> float:
    """theory + step (rival - theory)."""
    return world.theory + step * (world.rival - world.theory)


@dataclass(frozen=True)
class PowerCurve:
    """A claim judged whole over a grid of truths.

    Attributes:
        claim: its id.
        world: its theory and rival.
        rates: by step, in increasing order.
        margin: where the claim's margin lies, towards the rival; None where it was not searched.
    """

    claim: str
    world: World
    rates: dict[float, VerdictRates]
    margin: Margin | None = None

    @property
    def admissible(self) -> bool:
        """Whether nothing is shown to err more often than allowed.

        False HOLDS at the rival and where the claim is refused; false FAILS where it is admitted.
        """
        refused = None if self.margin is None else self.margin.refused
        admitted = None if self.margin is None else self.margin.admitted
        wrong = [(1.0, Verdict.HOLDS, FALSE_HOLDS), (refused, Verdict.HOLDS, FALSE_HOLDS)]
        wrong.append((admitted, Verdict.FAILS, FALSE_FAILS))
        return all(
            self.rates[step].interval(verdict)[0] <= allowed
            for step, verdict, allowed in wrong
            if step is not None and step in self.rates
        )

    def as_json(self) -> dict[str, Any]:
        """One JSON object."""
        world = self.world
        entries = [{"step": step, **rates.as_json()} for step, rates in self.rates.items()]
        ends = None if self.margin is None else {"admitted": self.margin.admitted, "refused": self.margin.refused}
        return {
            "claim": self.claim,
            "unit": world.unit,
            "theory": world.theory,
            "rival": world.rival,
            "rival_is": world.rival_is,
            "two_sided": world.two_sided,
            "admissible": self.admissible,
            "margin": ends,
            "rates": entries,
        }


def from_json(entry: Mapping[str, Any], world: World) -> PowerCurve:
    """The curve of :meth:`PowerCurve.as_json`.

    Args:
        entry: what it gave.
        world: of the claim.

    Raises:
        ValueError: an entry of a world with another theory or rival, or one of another kind.
    """
    try:
        if (entry["theory"], entry["rival"]) != (world.theory, world.rival):
            raise ValueError(f"{entry['claim']}: its world has another theory or rival now; simulate again")
        rates = {one["step"]: VerdictRates.from_json(one) for one in entry["rates"]}
        ends = None if entry["margin"] is None else Margin(entry["margin"]["admitted"], entry["margin"]["refused"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"is not from escape-ntk calibrate --worlds --json ({error!r})") from None
    return PowerCurve(entry["claim"], world, rates, ends)


Task = tuple[Claim, World, float | None]
"""A claim, its world and a step, or None for its margin and the rates at both ends of it."""


def power_curves(
    claims: Sequence[Claim],
    profile: Profile,
    runs: int,
    family: int,
    seed: int = 0,
    adaptive: bool = False,
    each: Callable[[Sequence[Task]], Iterable[Task]] = iter,
    at: Sequence[float] | None = None,
) -> list[PowerCurve]:
    """Judge every claim that has a world, and a case in the profile, over its grid of truths and beside its margin.

    Args:
        claims: those asked for; others than the two named are left out.
        profile: whose sizes they have.
        runs: worlds for each truth.
        family: claims of a run, among which the level is shared.
        seed: of the simulation.
        adaptive: whether open verdicts are looked at again.
        each: gives the truths by turns; whoever shows progress replaces it.
        at: these steps in place of the grid; no margin is searched then.

    Raises:
        ValueError: no claim is left, steps without 0 and 1, or as :func:`verify.judging.worlds.verdict_rates`.
    """
    if at is not None and not {0.0, 1.0} <= set(at):
        raise ValueError(f"steps={','.join(f'{step:g}' for step in at)}: needs 0, the theory, and 1, its rival, too")
    tasks: list[Task] = []
    for claim in claims:
        if (world := claim.world) is not None and claim.cases(profile):
            told = remembered(claim)
            tasks += [(told, world, step) for step in (steps(world) if at is None else sorted(set(at)))]
            if at is None:
                tasks.append((told, world, None))
    if not tasks:
        names = ", ".join(c.id for c in claims)
        raise ValueError(f"claims={names!r}: none has worlds in profile {profile.name!r}; N3 has, in quick")
    margins: dict[str, Margin] = {}
    found: dict[str, dict[float, VerdictRates]] = {}
    for claim, world, step in each(tasks):
        if step is None:
            margins[claim.id] = margin(claim, world, profile, family, seed)
        wanted = margins[claim.id].steps if step is None else (step,)
        for one in wanted:
            rates = verdict_rates(claim, profile, truth_at(world, one), runs, family, seed, adaptive)
            found.setdefault(claim.id, {})[one] = rates
    worlds = {claim.id: world for claim, world, _ in tasks}
    return [
        PowerCurve(name, worlds[name], dict(sorted(rates.items())), margins.get(name)) for name, rates in found.items()
    ]


HEADINGS = ("claim", "truth", "theory", "rival", "HOLDS at theory", "false HOLDS at rival", "FAILS at rival")
AT_THE_MARGIN = ("claim", "HOLDS up to", "HOLDS there", "false FAILS there", "FAILS from", "false HOLDS", "FAILS")


def table(curves: Sequence[PowerCurve], markdown: bool = False) -> str:
    """Shares at the theory and at the rival with their intervals, then those on both sides of the margin.

    Markdown tables, or text for a terminal.
    """
    rows: list[tuple[str, ...]] = [_ends(curve) for curve in curves]
    headings: tuple[str, ...] = HEADINGS
    if any(rates.repetitions != 1 for curve in curves for rates in curve.rates.values()):
        headings = (*headings, "repetitions there")
        extra = [f"{c.rates[0.0].repetitions:.2f}, {c.rates[1.0].repetitions:.2f}" for c in curves]
        rows = [(*row, more) for row, more in zip(rows, extra, strict=True)]
    beside = [_beside(curve, curve.margin) for curve in curves if curve.margin is not None]
    runs, bad = curves[0].rates[0.0].runs, [c.claim for c in curves if not c.admissible]
    summary = (
        f"{len(curves)} claims, {runs} worlds for each truth, intervals of {CERTAINTY:.0%}; shown to err more often "
        f"than allowed (HOLDS where it is false: {FALSE_HOLDS:.0%}; FAILS where it is true: {FALSE_FAILS:.0%}): "
        f"{', '.join(bad) or 'none'}"
    )
    if markdown:
        tables = [(headings, *rows), (AT_THE_MARGIN, *beside)] if beside else [(headings, *rows)]
        return "\n\n".join([*map(markdown_table, tables), summary])
    names = [f"{row[0]}  {row[1]}: {row[2]}; rival {row[3]}" for row in rows]
    parts = [stacked(headings[4:], names, [row[4:] for row in rows])]
    if beside:
        names = [f"{row[0]}  HOLDS up to {row[1]}, FAILS from {row[4]}" for row in beside]
        shares = [(*row[2:4], *row[5:]) for row in beside]
        parts.append(stacked(("HOLDS there", "false FAILS there", "false HOLDS", "FAILS"), names, shares))
    return "\n\n".join([*parts, summary])


def _ends(curve: PowerCurve) -> tuple[str, ...]:
    """What happens at the theory and at the rival."""
    world, theory, rival = curve.world, curve.rates[0.0], curve.rates[1.0]
    shares = _share(theory, Verdict.HOLDS), _share(rival, Verdict.HOLDS), _share(rival, Verdict.FAILS)
    return curve.claim, world.unit, f"{world.theory:g}", f"{world.rival:g} ({world.rival_is})", *shares


def _beside(curve: PowerCurve, found: Margin) -> tuple[str, ...]:
    """What happens on both sides of a claim's margin."""

    def at(step: float | None) -> tuple[str, str, str]:
        if step is None:
            return "nowhere", "", ""
        rates = curve.rates[step]
        return f"{truth_at(curve.world, step):.4g}", _share(rates, Verdict.HOLDS), _share(rates, Verdict.FAILS)

    return curve.claim, *at(found.admitted), *at(found.refused)


def _share(rates: VerdictRates, verdict: Verdict) -> str:
    """A share in per cent with its interval."""
    low, high = (100 * end for end in rates.interval(verdict))
    return f"{100 * rates.counts[verdict] / rates.runs:.3g} % [{low:.2g}, {high:.3g}]"


def draw(curves: Sequence[PowerCurve], path: Path) -> None:
    """Draw the curves as an SVG of small multiples, one panel a claim, all on the same axes.

    Abscissa: the way from the theory (0) to its rival (1). Bands are the intervals of the shares; the margin's place is
    shaded.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    across = min(COLUMNS, len(curves))
    down = -(-len(curves) // across)
    with rc_context({"svg.hashsalt": "power curves", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(2.5 * across, 2.1 * down + 0.5), layout="constrained")
        panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
        for ax, curve in zip(panels, curves, strict=False):
            places = list(curve.rates)
            if curve.margin is not None and len(curve.margin.steps) == 2:
                ax.axvspan(*curve.margin.steps, color=MARGIN, lw=0)
            for verdict in (Verdict.INCONCLUSIVE, Verdict.FAILS, Verdict.HOLDS):
                shares = [rates.counts[verdict] / rates.runs for rates in curve.rates.values()]
                ends = [rates.interval(verdict) for rates in curve.rates.values()]
                low, high = zip(*ends, strict=True)
                ax.fill_between(places, low, high, color=COLOURS[verdict], alpha=0.15, lw=0)
                marker = {Verdict.HOLDS: "o", Verdict.FAILS: "s", Verdict.INCONCLUSIVE: ""}[verdict]
                ax.plot(places, shares, marker=marker, ms=3, lw=1.2, color=COLOURS[verdict], label=str(verdict))
            for place in (0, 1):
                ax.axvline(place, color="#8a8f98", lw=0.6, ls=":")
            ax.set_title(f"{curve.claim}: {_wrapped(curve.world.unit)}", fontsize=7.5)
            ax.set_ylim(-0.03, 1.03)
            ax.set_xticks([-1, 0, 1], ["-1", "theory", "rival"])
            for side in ("top", "right"):
                ax.spines[side].set_visible(False)
        for ax in panels[len(curves) :]:
            ax.set_visible(False)
        for ax in panels[max(len(curves) - across, 0) : len(curves)]:
            ax.tick_params(labelbottom=True)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        figure.supylabel("share of worlds", fontsize=8)
        figure.savefig(path, metadata={"Date": None})


def _wrapped(text: str) -> str:
    """In lines that fit a panel."""
    from textwrap import fill

    return fill(text, 34)
