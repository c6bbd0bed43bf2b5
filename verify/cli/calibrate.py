"""The command ``escape-ntk calibrate``: how often verdicts err, by simulation."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from escape_ntk import require_extra
from verify.cli.options import METHOD, OUTPUT, SUBJECT, Flag, From, Json, Quiet, Verbose, Whole, loudness, sizes
from verify.cli.steps import Steps
from verify.cli.streams import emit

if TYPE_CHECKING:
    from verify.judging.calibration import Task
    from verify.judging.power import Task as Truth


def calibrate(
    claim: Annotated[str | None, SUBJECT] = None,
    /,
    *,
    profile: Annotated[str, SUBJECT] = "quick",
    claims: Annotated[str | None, SUBJECT] = None,
    claims_from: From = None,
    truth: Annotated[float | None, METHOD] = None,
    worlds: Annotated[Flag, METHOD] = False,
    steps: Annotated[str | None, METHOD] = None,
    adaptive: Annotated[Flag, METHOD] = False,
    runs: Annotated[Whole, METHOD] = 2000,
    seed: Annotated[Whole, METHOD] = 0,
    curves: Annotated[Path | None, Parameter(name="--curves"), OUTPUT] = None,
    markdown: Annotated[Flag, OUTPUT] = False,
    json_: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Simulate how often verdicts err: rule by rule, or one claim whole in worlds with a truth of your choice.

    Parameters
    ----------
    claim
        One id, such as N3.
    profile
        Whose sizes the rules have: quick, full, gpu, authors, or a .toml file.
    claims
        Comma-separated ids; all that the profile has judged when left out.
    claims_from
        A file of your own claims that ends in .py, or an installed package with claims; may be given several times. Its
        code is run.
    truth
        What is so in the simulated worlds in place of what the claim predicts: of N3 the exponent of n* in d at k = 1,
        so that 2 is the NTK's. Raw numbers are then simulated, and the claim is judged whole, with its controls;
        without it, each statistical rule is fed with normal errors, and the status is 1 when a rule errs too often.
    worlds
        Judge every claim that has worlds whole, over truths from its theory to the nearest rival theory and beyond, and
        on both sides of its margin; the status is 1 when one is shown to err more often than allowed, as by HOLDS in
        more than 5 % of the rival's worlds.
    steps
        With --worlds, comma-separated places on the way from the theory (0) to the rival (1), such as 0,1, in place of
        the whole grid.
    adaptive
        Look again at open verdicts, as escape-ntk verify --adaptive does.
    runs
        Simulated runs for each rule and truth, or worlds.
    seed
        Of the simulation.
    curves
        With --worlds, a file ending in .svg for the power curves.
    markdown
        Print a Markdown table.
    json_
        Print one JSON object.
    quiet
        Show no progress.
    verbose
        Write a line for each rule, or world, as it is done.
    """
    require_extra("escape-ntk calibrate")
    from verify.judging.calibration import as_json, table
    from verify.judging.calibration import calibrate as simulate
    from verify.judging.worlds import verdict_rates
    from verify.registry import select

    sources = claims_from or ()
    if claim is not None and claims is not None:
        raise ValueError(f"claim={claim!r} and claims={claims!r}: give one of them")
    # Nothing is drawn from a base seed here: it only names what a world draws, so any will do, and this one always.
    found = sizes(profile, (), (), 0)
    chosen = select(claim if claims is None else claims, found, sources)
    if curves is not None and (not worlds or curves.suffix != ".svg"):
        raise ValueError(f"curves={str(curves)!r}: needs --worlds and a file that ends in .svg")
    if steps is not None and not worlds:
        raise ValueError(f"steps={steps!r}: needs --worlds")
    if worlds and truth is not None:
        raise ValueError(f"truth={truth} and --worlds, which has truths of its own: give one of them")
    family = len(select(None, found, sources))
    if worlds:
        from verify.judging import power

        with Steps("worlds", **loudness(quiet, verbose)) as progress:
            judged = power.power_curves(
                chosen, found, runs, family, seed, adaptive, lambda tasks: progress.over(tasks, _truth), _numbers(steps)
            )
        if curves is not None:
            power.draw(judged, curves)
        told = {
            "profile": found.name,
            "adaptive": adaptive,
            "runs": runs,
            "claims": [curve.as_json() for curve in judged],
        }
        emit(json.dumps(told) if json_ else power.table(judged, markdown), wrap=not (markdown or json_))
        return 0 if all(curve.admissible for curve in judged) else 1
    if truth is None:
        with Steps("calibrate", **loudness(quiet, verbose)) as progress:
            rates = simulate(chosen, found, runs, seed, adaptive, lambda tasks: progress.over(tasks, _name))
        told = {"profile": found.name, "adaptive": adaptive, **as_json(rates)}
        emit(json.dumps(told) if json_ else table(rates, markdown), wrap=not (markdown or json_))
        return 0 if all(r.admissible for r in rates) else 1
    if len(chosen) != 1:
        raise ValueError(f"truth={truth}: needs one claim, as in escape-ntk calibrate N3 --truth 2")
    with Steps("world", **loudness(quiet, verbose)) as progress:
        one = chosen[0]
        shares = verdict_rates(
            one, found, truth, runs, family, seed, adaptive, lambda worlds: progress.over(worlds, lambda _: one.id)
        )
    emit(json.dumps(shares.as_json()) if json_ else shares.text(), wrap=not json_)
    return 0


def _name(task: Task) -> str:
    claim, _, rule, _ = task
    return f"{claim.id} {rule.name}"


def _truth(task: Truth) -> str:
    claim, _, step = task
    return f"{claim.id} at its margin" if step is None else f"{claim.id} at {step:g}"


def _numbers(steps: str | None) -> list[float] | None:
    """The numbers in a comma-separated text.

    Raises:
        ValueError: others than finite numbers.
    """
    if steps is None:
        return None
    try:
        found = [float(step) for step in steps.split(",")]
        if all(map(math.isfinite, found)):
            return found
    except ValueError:
        pass
    raise ValueError(f"steps={steps!r}: needs numbers with commas between them, such as 0,0.5,1")
