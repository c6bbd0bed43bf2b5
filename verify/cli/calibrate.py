"""The command ``escape-ntk calibrate``: how often verdicts err, by simulation."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from escape_ntk import require_extra
from verify.cli.options import (
    METHOD,
    OUTPUT,
    SUBJECT,
    Flag,
    From,
    Json,
    Quiet,
    Verbose,
    Whole,
    loudness,
    record_folder,
    sizes,
)
from verify.cli.steps import Steps
from verify.cli.streams import emit

if TYPE_CHECKING:
    from verify.judging.calibration import Task
    from verify.judging.claim import Claim
    from verify.judging.power import Task as Truth
    from verify.sizes.profile import Profile


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
    records: Annotated[Path | None, METHOD] = None,
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
    records
        Folder of a run of fixed sizes: simulate nothing, and hold the noise that each rule states against the scatter
        in its records; the status is 1 when a stated noise is shown to be too small.
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
    from verify.registry import select

    if claim is not None and claims is not None:
        raise ValueError(f"claim={claim!r} and claims={claims!r}: give one of them")
    modes = {"--truth": truth is not None, "--worlds": worlds, "--records": records is not None}
    if len(given := [name for name, there in modes.items() if there]) > 1:
        raise ValueError(f"{' and '.join(given)}: give one of them")
    if truth is not None and not math.isfinite(truth):
        raise ValueError(f"truth={truth}: needs a finite number, such as 2")
    if markdown and json_:
        raise ValueError("--json and --markdown: give one of them")
    if steps is not None and not worlds:
        raise ValueError(f"steps={steps!r}: needs --worlds")
    if curves is not None and (not worlds or curves.suffix != ".svg"):
        raise ValueError(f"curves={str(curves)!r}: needs --worlds and a file that ends in .svg")
    wanted, sources = claim if claims is None else claims, claims_from or ()

    def show(kind: str) -> Steps:
        return Steps(kind, **loudness(quiet, verbose))

    if records is not None:
        return _records(records, wanted, sources, markdown, json_)
    # Nothing is drawn from a base seed here: it only names what a world draws, so any will do, and this one always.
    found = sizes(profile, (), (), 0)
    chosen, family = select(wanted, found, sources), len(select(None, found, sources))
    method = Method(found, runs, seed, adaptive)
    if worlds:
        return _worlds(chosen, family, method, _numbers(steps), show, curves, markdown, json_)
    if truth is None:
        return _rules(chosen, method, show, markdown, json_)
    if len(chosen) != 1:
        raise ValueError(f"truth={truth}: needs one claim, as in escape-ntk calibrate N3 --truth 2")
    return _truth(chosen[0], truth, family, method, show, json_)


class Method(NamedTuple):
    """How is simulated."""

    profile: Profile
    runs: int
    seed: int
    adaptive: bool

    def told(self) -> dict[str, Any]:
        """What the JSON begins with."""
        return {"profile": self.profile.name, "adaptive": self.adaptive, "runs": self.runs}


Show = Callable[[str], Steps]
"""Makes the progress of a kind of steps."""


def _rules(chosen: Sequence[Claim], method: Method, show: Show, markdown: bool, json_: bool) -> int:
    """Each statistical rule, fed with normal errors."""
    from verify.judging.calibration import as_json, calibrate, table

    profile, runs, seed, adaptive = method
    with show("calibrate") as progress:
        rates = calibrate(chosen, profile, runs, seed, adaptive, lambda tasks: progress.over(tasks, _name))
    told = method.told() | as_json(rates)
    emit(json.dumps(told) if json_ else table(rates, markdown), wrap=not (markdown or json_))
    return 0 if all(r.admissible for r in rates) else 1


def _worlds(
    chosen: Sequence[Claim],
    family: int,
    method: Method,
    steps: Sequence[float] | None,
    show: Show,
    curves: Path | None,
    markdown: bool,
    json_: bool,
) -> int:
    """Every claim that has worlds, whole."""
    from verify.judging.power import draw, power_curves, table

    profile, runs, seed, adaptive = method
    with show("worlds") as progress:
        judged = power_curves(
            chosen, profile, runs, family, seed, adaptive, lambda tasks: progress.over(tasks, _step), steps
        )
    if curves is not None:
        draw(judged, curves)
    told = method.told() | {"claims": [curve.as_json() for curve in judged]}
    emit(json.dumps(told) if json_ else table(judged, markdown), wrap=not (markdown or json_))
    return 0 if all(curve.admissible for curve in judged) else 1


def _truth(claim: Claim, truth: float, family: int, method: Method, show: Show, json_: bool) -> int:
    """One claim whole, at one truth."""
    from verify.judging.worlds import verdict_rates

    profile, runs, seed, adaptive = method
    with show("world") as progress:
        shares = verdict_rates(
            claim,
            profile,
            truth,
            runs,
            family,
            seed,
            adaptive,
            lambda worlds: progress.over(worlds, lambda _: claim.id),
        )
    emit(json.dumps(shares.as_json()) if json_ else shares.text(), wrap=not json_)
    return 0


def _records(records: Path, wanted: str | None, sources: Sequence[str], markdown: bool, json_: bool) -> int:
    """The stated noise of each rule against a stored run."""
    from verify.judging.looks import FIXED
    from verify.judging.scatter import as_json, refuted, scatters, table
    from verify.registry import known, select
    from verify.session import reload, stored_claims

    folder = record_folder(records)
    run = reload(folder, known(sources, stored_claims(folder)))
    names = None if wanted is None else {claim.id for claim in select(wanted, run.profile, sources)}
    judgements = [one for one in run.judgements if names is None or one.claim.id in names]
    if not judgements:
        raise ValueError(f"claims={wanted!r}: the run of {records} holds none of them; leave --claims out")
    if looked := [one.claim.id for one in judgements if one.look != FIXED]:
        raise ValueError(
            f"{records}: {', '.join(looked)} was looked at again while open, which chooses among draws; give a run of "
            f"fixed sizes, made without --adaptive"
        )
    found = scatters(judgements)
    told = {"profile": run.profile.name, "base_seed": run.profile.base_seed, **as_json(found)}
    emit(json.dumps(told) if json_ else table(found, markdown), wrap=not (markdown or json_))
    return 1 if refuted(found) else 0


def _name(task: Task) -> str:
    claim, _, rule, _ = task
    return f"{claim.id} {rule.name}"


def _step(task: Truth) -> str:
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
