"""Do verdicts depend on the base seed? One profile with several base seeds, and the claims whose verdicts differ.

    python benchmarks/seeds.py                       ten runs of the quick profile (75 minutes on two cores)
    python benchmarks/seeds.py --first 100 --seeds 3 --claims N3,N4
    python benchmarks/seeds.py --first 500 --seeds 8 --predicted worlds.json

All runs share one folder of records. So the cells that use no randomness are computed once, and the same command after
an interruption goes on where it stopped: a base seed whose records are there is judged from them. ``--stored`` computes
nothing and judges whole runs, a folder each, which may come from another machine::

    python benchmarks/seeds.py --stored runs/500 runs/501 --predicted worlds.json

With ``--predicted FILE``, FILE from ``escape-ntk calibrate --worlds --json > FILE``, the verdicts are held against
those in simulated worlds whose truth is the theory's (:func:`comparison`); the status is 1 where they differ.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from verify.judging.claim import Claim
from verify.judging.judgement import Judgement
from verify.judging.looks import FIXED
from verify.judging.multiplicity import holm
from verify.judging.outcome import Verdict
from verify.judging.worlds import strictest
from verify.protocol import own
from verify.registry import judged_by, select
from verify.running.sweep import Done, default_workers
from verify.session import Run, reload, verify
from verify.sizes.profile import Profile, load_profile

LEVEL = 0.05
"""Probability that any claim whose worlds are right is said to differ."""
COMPARED = (Verdict.HOLDS, Verdict.FAILS)
"""INCONCLUSIVE is the rest."""
Tally = Mapping[Verdict, int]
"""Runs, or worlds, by verdict."""


def predicted_counts(text: str, profile: str) -> dict[str, Counter[Verdict]]:
    """Worlds at the theory by verdict, for each claim, from what ``escape-ntk calibrate --worlds --json`` prints.

    Args:
        text: the JSON.
        profile: whose sizes the runs have.

    Raises:
        ValueError: another profile's worlds, worlds with further looks, or JSON of another kind.
    """
    try:
        told: dict[str, Any] = json.loads(text)
        name, looks = told["profile"], told["adaptive"]
        theory = {one["claim"]: next(r for r in one["rates"] if r["step"] == 0) for one in told["claims"]}
        found = {claim: Counter({v: int(rates["counts"][v]) for v in Verdict}) for claim, rates in theory.items()}
    except (KeyError, StopIteration, TypeError, ValueError) as error:
        raise ValueError(f"predicted: is not from escape-ntk calibrate --worlds --json ({error!r})") from None
    if name != profile:
        raise ValueError(f"predicted: worlds of the profile {name!r}, but the runs are of {profile!r}")
    if looks:
        raise ValueError("predicted: worlds with further looks, but the runs have fixed sizes; leave --adaptive out")
    return found


def same_rate(worlds: Tally, seen: Tally, verdict: Verdict) -> float:
    """p value of Fisher's exact two-sided test that a verdict is as likely in runs as in worlds.

    Both rates are unknown: the prediction is a frequency among some tens of worlds, and a binomial test, which takes it
    for the probability itself, would find differences where there are none. Given the number of times that the verdict
    came out in both together, equal rates leave a hypergeometric law without any unknown, so the level holds for every
    number of worlds and runs.
    """
    from scipy.stats import fisher_exact

    table = [[tally[verdict], sum(tally.values()) - tally[verdict]] for tally in (worlds, seen)]
    return float(fisher_exact(table).pvalue)


def as_in_worlds(judgement: Judgement, family: int) -> Verdict:
    """The verdict of a run as one of a world would be: one of ``family`` claims, whatever became of the others."""
    controls = tuple(replace(control, family=family) for control in judgement.controls)
    return strictest(replace(judgement, controls=controls, failing=()), family)


def comparison(
    worlds: Mapping[str, Tally], seen: Mapping[str, Tally], level: float = LEVEL
) -> tuple[list[str], list[str]]:
    """The lines of a Markdown table, and the claims whose rates differ from those in worlds.

    HOLDS and FAILS of every claim have a p value each (:func:`same_rate`); Holm's correction is over all of them. A
    verdict that came out nowhere, or everywhere, tells nothing; its p value is 1.

    Args:
        worlds: by claim, worlds at the theory by verdict.
        seen: by claim, runs by verdict; claims without worlds are left out.
        level: of the correction.
    """
    names = [name for name in seen if name in worlds]
    p_values = {f"{name} {v}": same_rate(worlds[name], seen[name], v) for name in names for v in COMPARED}
    differ = holm(p_values, level)
    title = " | ".join(f"{v} in worlds | seen | p" for v in COMPARED)
    lines = [f"| claim | {title} | after Holm |", f"|---{'|---' * 7}|"]
    for name in names:
        keys = [f"{name} {v}" for v in COMPARED]
        cells = [
            f"{worlds[name][v]}/{sum(worlds[name].values())} | {seen[name][v]}/{sum(seen[name].values())} | "
            f"{p_values[key]:.2g}"
            for v, key in zip(COMPARED, keys, strict=True)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {'differs' if any(differ[key] for key in keys) else 'same'} |")
    return lines, [name for name in names if any(differ[f"{name} {v}"] for v in COMPARED)]


def told(run: Run) -> None:
    """Say what of a run is not HOLDS, and how many cells it had to compute."""
    seed = run.profile.base_seed
    for judgement in run.judgements:
        name = judgement.claim.id
        for reason in judgement.reasons:
            print(f"seed {seed}: {name} INCONCLUSIVE: {reason}", flush=True)
        if judgement.verdict != "HOLDS" and not judgement.reasons and judgement.outcome.decisive:
            c = judgement.outcome.decisive
            print(f"seed {seed}: {name} {judgement.verdict}: {c.label}: {c.predicted:g}, {c.measured}")
    verdicts = Counter(str(judgement.verdict) for judgement in run.judgements)
    print(f"seed {seed}: {dict(verdicts)}", flush=True)


def computed(claims: Sequence[Claim], profiles: Sequence[Profile], folder: Path, workers: int | None) -> Iterator[Run]:
    """A run for each profile, with records in one folder."""
    for profile in profiles:
        stored: list[bool] = []

        def note(done: Done, there: int, wanted: int, stored: list[bool] = stored) -> None:
            stored.append(done.stored)

        yield verify(claims, profile, folder, workers or default_workers(profile.device), on_cell=note)
        there = sum(stored)
        print(f"seed {profile.base_seed}: {len(stored) - there} cells computed, {there} from the records", flush=True)


def reloaded(claims: Sequence[Claim], sizes: Profile, folders: Sequence[Path]) -> Iterator[Run]:
    """The newest whole run of each folder, judged again.

    Raises:
        ValueError: a run that cannot be read, has other claims or other sizes, was made with further looks (its levels
            are not those of fixed sizes), or has a base seed that was there already.
    """
    seen: set[int] = set()
    for folder in folders:
        run = reload(folder, {claim.id: claim for claim in claims})
        if [one.claim for one in run.judgements] != list(claims):
            raise ValueError(f"{folder}: its run has other claims than {', '.join(claim.id for claim in claims)}")
        if run.profile.model_copy(update={"base_seed": sizes.base_seed}) != sizes:
            raise ValueError(f"{folder}: its run has other sizes than {sizes.name}")
        if any(one.look != FIXED for one in run.judgements):
            raise ValueError(f"{folder}: its run was made with --adaptive; runs are compared at fixed sizes")
        if run.profile.base_seed in seen:
            raise ValueError(f"{folder}: base seed {run.profile.base_seed} is in another folder too")
        seen.add(run.profile.base_seed)
        yield run


def main(words: Sequence[str] | None = None) -> int:
    """Run, and print what differs from HOLDS and tables; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--claims")
    parser.add_argument("--first", type=int, help="base seed of the first run (0)")
    parser.add_argument("--seeds", type=int, help="how many runs (10)")
    parser.add_argument("--workers", type=int, help="processes; as many as escape-ntk verify has when left out")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="one field of the profile")
    parser.add_argument("--predicted", type=Path, metavar="FILE", help="of escape-ntk calibrate --worlds --json")
    parser.add_argument("--out", type=Path, help="folder of the records (out/seeds)")
    parser.add_argument("--stored", type=Path, nargs="+", metavar="DIR", help="judge these runs, and compute nothing")
    arguments = parser.parse_args(words)
    computing = {name: getattr(arguments, name) for name in ("first", "seeds", "workers", "out")}
    if arguments.stored and (given := [f"--{name}" for name, value in computing.items() if value is not None]):
        parser.error(f"--stored computes nothing; leave {', '.join(given)} out")
    first, count = arguments.first or 0, 10 if arguments.seeds is None else arguments.seeds
    if count < 1 or (arguments.workers is not None and arguments.workers < 1):
        parser.error("--seeds and --workers need integers >= 1")
    try:
        sizes = load_profile(arguments.profile, arguments.set)
        claims = select(arguments.claims, sizes)
        # Read before anything is computed: hours later is too late to learn that the file is another.
        text = None if arguments.predicted is None else arguments.predicted.read_text(encoding="utf-8")
        worlds = None if text is None else predicted_counts(text, sizes.name)
        runs: Iterable[Run] = list(reloaded(claims, sizes, arguments.stored)) if arguments.stored else ()
    except (OSError, ValueError) as error:
        parser.error(str(error))
    family = len(judged_by(sizes))
    verdicts: dict[str, list[Verdict]] = {claim.id: [] for claim in claims}
    seen: dict[str, Counter[Verdict]] = {claim.id: Counter() for claim in claims}
    controls: Counter[str] = Counter()
    if not arguments.stored:
        seeds = range(first, first + count)
        profiles = [load_profile(arguments.profile, [*arguments.set, f"base_seed={seed}"]) for seed in seeds]
        runs = computed(claims, profiles, arguments.out or Path("out/seeds"), arguments.workers)
    for run in runs:
        for judgement in run.judgements:
            verdicts[judgement.claim.id].append(judgement.verdict)
            seen[judgement.claim.id][as_in_worlds(judgement, family)] += 1
            controls[str(judgement.control)] += 1
        told(run)
    print("\n| claim | verdicts |\n|---|---|")
    for name, found in verdicts.items():
        counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(found).most_common())
        print(f"| {name} | {counts} |")
    print(f"\ncontrols: {', '.join(f'{count} {verdict}' for verdict, count in controls.items())}")
    if worlds is None:
        return 0
    lines, differing = comparison(worlds, seen)
    print("", *lines, sep="\n")
    print(
        f"\nFisher's exact test, Holm's correction over the table at {LEVEL:.0%}: claims that differ: {len(differing)}"
    )
    if missing := [name for name in verdicts if name not in worlds]:
        print(f"without worlds: {', '.join(missing)}")
    if fields := own(load_profile(arguments.profile, arguments.set)):
        print(f"the worlds have the sizes of {arguments.profile}, the runs others in {', '.join(fields)}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
