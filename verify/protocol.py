"""The release protocol: sizes, margins, levels and seeds of the verdicts, fixed in one file before anybody looks.

``verify/protocol.json`` lists, for each profile, its sizes, its base seed, every comparison with its rule and every
planted error, and the seeds whose results were seen while these were chosen. It is written from the code::

    python -m verify.protocol --write

Without ``--write`` the command says what differs, with exit status 1 when something does. Each profile has a digest; a
record carries the name and the digest of the protocol under which it was made, computed from the code at that time.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from verify.judging.claim import Case, Claim
from verify.judging.looks import MOST, Look
from verify.judging.multiplicity import LEVEL
from verify.judging.outcome import CONFIDENCE
from verify.judging.rules import CENSORED, Rule
from verify.sizes.profile import PROFILES, Profile

WRITE = "python -m verify.protocol --write"
NONE = "none"
"""In place of a digest: the sizes were not those of a release."""
DIGITS = 6
"""Significant digits of a computed number that count; beyond them machines may differ."""


@dataclass(frozen=True)
class Tuned:
    """Base seeds whose results were seen while sizes, margins or noise levels were chosen, and which for what."""

    seeds: tuple[int, ...]
    used: str


TUNED = (
    Tuned((0,), "verdicts of quick, seen while sizes, steps, margins and noise levels were chosen"),
    Tuned((1,), "pilots of N3 to N6 and N9 to N11"),
    Tuned((50,), "a run of N6 at k = 2"),
    Tuned((100, 101, 102, 103), "verdicts of quick, noise levels and simulated worlds; O2's tolerance and O6's widths"),
    Tuned(tuple(range(200, 208)), "verdicts of E1, seen before its number of networks was chosen; O6's widths"),
    Tuned((317,), "verdicts of quick, seen before O2's d and the rules of O1, O3 and O6 were changed"),
    Tuned(tuple(range(500, 520)), "verdicts of quick, seen before the d of O2 was chosen, with pilots of O2 at d = 16"),
    Tuned(
        tuple(range(520, 540)),
        "verdicts of O1, O3 and O6 of quick, seen before N10's rules counted the activations' own means",
    ),
    Tuned((942,), "verdicts of quick, seen before N10's rules counted the activations' own means"),
    Tuned(
        (*range(540, 560), 943),
        "verdicts of N10, and of quick, seen before the rules of N2 and N7 counted the activations' own power laws",
    ),
    Tuned((944,), "verdicts of quick, seen before N10's alternatives at the largest d were moved from .7 to .8"),
    Tuned((600,), "a run of full, seen before the range of N2's search at k = 2 was chosen"),
)
"""They are spent: a verdict from one of them is not from fresh draws."""


def comparisons(claim: Claim, profile: Profile) -> list[dict[str, Any]]:
    """Every comparison of a claim at a profile: its rule's fields, but for those that have their default.

    ``cases`` names the cases in which the rule is so, where it is not so in all of them.
    """
    return _by_case(claim, profile, lambda case: map(_fields, claim.rules(case.profile)))


def controls(claim: Claim, profile: Profile) -> list[dict[str, Any]]:
    """Every planted error of a claim at a profile, whether it is in the prediction or in the data, and their number.

    ``cases`` as in :func:`comparisons`.
    """

    def said(case: Case) -> Iterator[dict[str, Any]]:
        for one in claim.controls:
            if one.asked(case):
                where = {"control": one.planted, "in": "data" if one.predict is None else "prediction"}
                yield where if one.replicates is None else {**where, "replicates": one.replicates(case.profile)}

    return _by_case(claim, profile, said)


def _by_case(claim: Claim, profile: Profile, said: Callable[[Case], Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What is said of each case, once; with the cases of which it is said, where these are not all."""
    cases = claim.cases(profile)
    found: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for case in cases:
        for entry in said(case):
            found.setdefault(json.dumps(entry), (entry, []))[1].append(case.label)
    return [entry if len(at) == len(cases) else {**entry, "cases": at} for entry, at in found.values()]


def fixed(claim: Claim, profile: Profile) -> list[dict[str, Any]]:
    """What the protocol fixes of a claim: its comparisons and its controls."""
    return [*comparisons(claim, profile), *controls(claim, profile)]


def _fields(rule: Rule) -> dict[str, Any]:
    values = {one.name: getattr(rule, one.name) for one in fields(rule) if one.name != "name"}
    usual = {one.name: one.default for one in fields(rule) if one.default is not MISSING}
    return {"name": rule.name} | {
        name: _plain(value) for name, value in values.items() if name not in usual or value != usual[name]
    }


def _plain(value: Any) -> Any:
    """A value of a rule as JSON, numbers to :data:`DIGITS`."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def section(profile: Profile, claims: Iterable[Claim]) -> dict[str, Any]:
    """What the protocol fixes for a profile, as JSON values, with the digest of all of it.

    Args:
        profile: of a release.
        claims: whose comparisons are computed from the code. Those of the other claims are taken from the file.
    """
    filed = protocol()["profiles"].get(profile.name, {}).get("claims", {})
    coded = {claim.id: fixed(claim, profile) for claim in claims if claim.ks(profile)}
    return _sealed(profile, {**filed, **coded})


def _sealed(profile: Profile, claims: Mapping[str, Any]) -> dict[str, Any]:
    sizes = profile.model_dump(mode="json", exclude={"name", "base_seed"})
    said = {"base_seed": profile.base_seed, "sizes": sizes, "claims": claims}
    return {"digest": _digest(said | levels()), **said}


def levels() -> dict[str, Any]:
    """What the verdicts of every profile depend on: confidence, missing observations, Holm's level, shares of looks."""
    shares = [Look(number).share for number in range(1, MOST + 1)]
    return {"confidence": CONFIDENCE, "censored": CENSORED, "holm": LEVEL, "shares": shares}


def _digest(value: Any) -> str:
    """16 hexadecimal digits of the SHA-256 of JSON values, in whatever order tables have their entries."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def coded() -> dict[str, Any]:
    """The whole protocol from the code: every profile and every registered claim. Takes some ten seconds."""
    from verify.registry import judged_by

    profiles = {
        name: _sealed(profile, {claim.id: fixed(claim, profile) for claim in judged_by(profile)})
        for name, profile in PROFILES.items()
    }
    said = {
        **levels(),
        "tuned": [{"seeds": list(one.seeds), "used": one.used} for one in TUNED],
        "profiles": profiles,
    }
    return {"digest": _digest(said), **said}


@cache
def protocol() -> dict[str, Any]:
    """The protocol as it stands in the file.

    Raises:
        FileNotFoundError: the package was installed without it.
    """
    found: dict[str, Any] = json.loads(files("verify").joinpath("protocol.json").read_text(encoding="utf-8"))
    return found


def own(profile: Profile) -> list[str]:
    """The fields in which a profile differs from the release's of its name; its name where there is none.

    The base seed is no size: a release may be repeated with another.
    """
    released = PROFILES.get(profile.name)
    if released is None:
        return ["name"]
    mine, theirs = profile.model_dump(exclude={"base_seed"}), released.model_dump(exclude={"base_seed"})
    return list(_differing(mine, theirs, ""))


def _differing(mine: Any, theirs: Any, where: str) -> Iterator[str]:
    """The places at which two tables differ."""
    if where.count(".") < 2 and isinstance(mine, dict) and isinstance(theirs, dict):
        for name in sorted({*map(str, mine), *map(str, theirs)}):
            yield from _differing(mine.get(name), theirs.get(name), f"{where}.{name}")
    elif mine != theirs:
        yield where[1:]


def in_force(profile: Profile, claims: Sequence[Claim] = ()) -> str:
    """The protocol in force for a run, as its records carry it: name and digest, or "none" for sizes of one's own.

    Args:
        profile: of the run; its base seed does not count, that of the release does.
        claims: judged in it: their comparisons come from the code.
    """
    if own(profile):
        return NONE
    released = protocol()["profiles"].get(profile.name, {}).get("claims", {})
    listed = [claim for claim in claims if claim.id in released]
    return f"{profile.name} {section(PROFILES[profile.name], listed)['digest']}"


def remarks(
    profile: Profile,
    claims: Sequence[Claim],
    provenance: Mapping[str, str],
    records: Iterable[Mapping[str, str]] = (),
) -> tuple[str, ...]:
    """What a reader must know of the protocol of a run, in sentences; none where all is as the release has it.

    Args:
        profile: of the run.
        claims: judged in it; without any, nothing is computed and the file alone is asked.
        provenance: of the run.
        records: provenance of the records that it used.
    """
    return (*_sizes(profile, claims, provenance, records), *_seed(profile))


def _sizes(
    profile: Profile, claims: Sequence[Claim], provenance: Mapping[str, str], records: Iterable[Mapping[str, str]]
) -> Iterator[str]:
    then, listed = provenance.get("protocol", ""), protocol()["profiles"]
    if profile.name not in PROFILES:
        yield f"no release protocol: {profile.name} is a profile of your own"
        return
    now = in_force(PROFILES[profile.name], claims)
    if now != f"{profile.name} {listed.get(profile.name, {}).get('digest')}":
        yield f"the code differs from verify/protocol.json for the profile {profile.name}; {WRITE} fixes it anew"
    if then == NONE:
        fields = own(profile)
        which = f" in {', '.join(fields[:3])}{' and more' if len(fields) > 3 else ''}" if fields else ""
        yield f"no release protocol: the sizes differ from those of the profile {profile.name}{which}"
    elif not then:
        yield "made before there was a release protocol: nothing says that sizes and margins were fixed before"
    elif then != now:
        yield f"made under another release protocol ({then}) than the one in force ({now})"
    others = {said for record in records if (said := record.get("protocol", "")) != then}
    if others and then not in ("", NONE):
        names = ", ".join(sorted(name or "none named" for name in others))
        yield f"some of the records were made under another protocol ({names}), before the one of this run"
    outside = [claim.id for claim in claims if claim.id not in listed.get(profile.name, {}).get("claims", {})]
    if outside:
        yield f"no part of the release protocol: {', '.join(outside)}"


def _seed(profile: Profile) -> Iterator[str]:
    for one in TUNED:
        if profile.base_seed in one.seeds:
            yield f"base seed {profile.base_seed} was used in tuning ({one.used}): not fresh"


def text(value: Mapping[str, Any]) -> str:
    """The file: a line for each chapter of sizes and for each comparison, so that a difference shows what changed."""
    return "\n".join(_lines(value, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    """JSON with a line for whatever holds no further tables."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if depth > 4 or not any(isinstance(one, dict | list) for one in inner):
        yield json.dumps(value, ensure_ascii=False)
        return
    keys = [f"{json.dumps(key)}: " for key in value] if isinstance(value, dict) else [""] * len(inner)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield opening
    for place, (key, one) in enumerate(zip(keys, inner, strict=True), 1):
        first, *rest = _lines(one, depth + 1)
        found = [f"{key}{first}", *rest]
        found[-1] += "," if place < len(inner) else ""
        yield from (f" {line}" for line in found)
    yield closing


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or say in which lines it differs from the code; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words not in ([], ["--write"]):
        print(f"usage: {WRITE.replace('--write', '[--write]')}", file=sys.stderr)
        return 2
    path = Path(__file__).with_name("protocol.json")
    wanted = text(coded())
    there = path.read_text(encoding="utf-8") if path.exists() else ""
    if words:
        path.write_text(wanted, encoding="utf-8")
        protocol.cache_clear()
    elif wanted != there:
        print(f"{path.name} differs from the code; {WRITE} fixes it anew")
        return 1
    print(f"{path.name}: {json.loads(wanted)['digest']}{'' if wanted == there else ', changed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
