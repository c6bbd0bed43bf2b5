"""All registered claims, in reading order: what the chapters under :mod:`verify.claims` hold, and what others bring.

A module of a chapter, such as ``verify/claims/spectra/s1_s2_eigenvalues.py``, registers the claims in its ``CLAIMS``.
Its name carries their ids, so that the module of a claim is found by its id. Claims from elsewhere are read by
:mod:`verify.outside`, and only when they are asked for.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import verify.claims
from verify import outside
from verify.judging.claim import Claim
from verify.sizes.profile import PROFILES, Profile
from verify.suggestions import did_you_mean

CHAPTERS = {
    "spectra": "S",
    "taylor": "T",
    "constructions": "G",
    "optimization": "O",
    "generalization": "N",
    "separation": "E",
    "authors": "A",
}
"""The chapters in reading order, each with the letter with which its ids begin."""


def _files() -> Iterator[tuple[str, tuple[Claim, ...]]]:
    """Every module of every chapter, as a file of the project, with the claims that it registers."""
    for chapter in CHAPTERS:
        package = importlib.import_module(f"{verify.claims.__name__}.{chapter}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            found, file = importlib.import_module(module.name), f"{module.name.replace('.', '/')}.py"
            claims = tuple(getattr(found, "CLAIMS", ()))
            if not claims and any(isinstance(value, Claim) for value in vars(found).values()):
                raise ValueError(f"{file}: defines a claim and registers none; name it in CLAIMS = (...,)")
            yield file, claims


def registered(files: Iterable[tuple[str, tuple[Claim, ...]]]) -> dict[str, Claim]:
    """The claims of these files by id, in reading order, each with its file.

    Raises:
        ValueError: a file that carries an id and registers nothing, an id of another chapter or one that the name of
            its file does not carry, or the same id twice; the sentence names the file and the way out.
    """
    found: list[Claim] = []
    homes: dict[str, str] = {}
    for file, claims in files:
        words, letter = PurePosixPath(file).stem.split("_"), CHAPTERS[PurePosixPath(file).parent.name]
        if not claims and any(re.fullmatch(r"[a-z]\d+", word) for word in words):
            raise ValueError(f"{file}: registers no claim; name what it defines in CLAIMS = (...,)")
        for claim in claims:
            if not re.fullmatch(rf"{letter}[0-9]+", claim.id):
                raise ValueError(f"{file}: id={claim.id!r}: needs {letter} and a number in this chapter")
            if claim.id.lower() not in words:
                raise ValueError(f"{file}: registers {claim.id}; name the file {claim.id.lower()}_....py")
            if claim.id in homes:
                raise ValueError(f"{claim.id}: is registered by {homes[claim.id]} and {file}; give one another number")
            homes[claim.id] = file
            found.append(replace(claim, file=file))
    letters = list(CHAPTERS.values())
    return {c.id: c for c in sorted(found, key=lambda c: (letters.index(c.id[0]), int(c.id[1:])))}


CLAIMS: dict[str, Claim] = registered(_files())


def judged_by(profile: Profile, claims: Iterable[Claim] = tuple(CLAIMS.values())) -> list[Claim]:
    """Those of the claims, ours when left out, that a profile has judged: for which it gives a k."""
    return [claim for claim in claims if claim.ks(profile)]


def known(sources: Sequence[str] = (), ids: Iterable[str] = ()) -> dict[str, Claim]:
    """The claims by id: ours, then those of each source.

    Args:
        sources: files and packages, see :func:`verify.outside.read`.
        ids: that will be asked for; installed packages are looked through only when one of them is nobody else's.

    Raises:
        ValueError: a source that cannot be read, an id that two claims have, or a claim that builds on an unknown one.
    """
    found = dict(CLAIMS)
    for source in sources:
        _add(found, outside.read(source))
    if any(name not in found for name in ids):
        for claims in outside.installed():
            _add(found, claims)
    for claim in found.values():
        lacking = [name for name in claim.depends_on if name not in found]
        if lacking:
            raise ValueError(
                f"{claim.file}: {claim.id} builds on {', '.join(lacking)}, which is not registered; name its file too, "
                f"or leave it out of depends_on{did_you_mean(lacking, found)}"
            )
    return found


def _add(found: dict[str, Claim], claims: Iterable[Claim]) -> None:
    for claim in claims:
        there = found.setdefault(claim.id, claim)
        if there != claim:  # the same claim may come from a source and as an installed one
            raise ValueError(
                f"{claim.id}: is registered by {there.file} and {claim.file}; give the one that is yours another id"
            )


def select(ids: str | None, profile: Profile | None = None, sources: Sequence[str] = ()) -> list[Claim]:
    """Claims named in a comma-separated list, in reading order.

    Args:
        ids: the list; None for all of ours, or for all of the sources where there are any.
        profile: which must have those named judged, and of all leaves those that it has; None for any.
        sources: files and packages with claims beside ours.

    Raises:
        ValueError: an unknown id, with the known ones, a claim that the profile does not have judged, or what
            :func:`known` refuses.
    """
    wanted = [part.strip().upper() for part in (ids or "").split(",") if part.strip()]
    found = known(sources, wanted)
    if ids is None:
        meant = [claim for name, claim in found.items() if not sources or name not in CLAIMS]
        return meant if profile is None else judged_by(profile, meant)
    unknown = [name for name in wanted if name not in found]
    if unknown or not wanted:
        named = ", ".join(unknown) or "(none named)"
        listed = ", ".join(found)
        hint = did_you_mean(unknown, found) or "; a claim of your own needs --claims-from"
        raise ValueError(f"claims={ids!r}: unknown claim {named}; known are {listed}{hint}")
    chosen = [claim for name, claim in found.items() if name in wanted]
    for claim in chosen:
        if profile is not None and not claim.ks(profile):
            others = " or ".join(name for name, one in PROFILES.items() if claim.ks(one))
            raise ValueError(
                f"claims={ids!r}: profile {profile.name} does not have {claim.id} judged; use --profile {others}"
            )
    return chosen
