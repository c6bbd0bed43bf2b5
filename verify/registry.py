"""All registered claims, in reading order: what the chapters under :mod:`verify.claims` hold.

A module of a chapter, such as ``verify/claims/spectra/s1_s2_eigenvalues.py``, registers the claims in its ``CLAIMS``.
Its name carries their ids, so that the module of a claim is found by its id.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace

import verify.claims
from verify.judging.claim import Claim
from verify.suggestions import did_you_mean

CHAPTERS = ("spectra", "taylor", "constructions", "optimization", "generalization")
"""In reading order; the ids of a chapter share their first letter."""


def _claims(chapter: str) -> Iterator[Claim]:
    """The claims of a chapter, by number."""
    package = importlib.import_module(f"{verify.claims.__name__}.{chapter}")
    found: list[Claim] = []
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        file = f"{module.name.replace('.', '/')}.py"
        found += (replace(claim, file=file) for claim in getattr(importlib.import_module(module.name), "CLAIMS", ()))
    yield from sorted(found, key=lambda claim: int(claim.id[1:]))


CLAIMS: dict[str, Claim] = {claim.id: claim for chapter in CHAPTERS for claim in _claims(chapter)}


def select(ids: str | None) -> list[Claim]:
    """Claims named in a comma-separated list, in reading order; all when None.

    Raises:
        ValueError: an unknown id, with the known ones.
    """
    if ids is None:
        return list(CLAIMS.values())
    wanted = [part.strip().upper() for part in ids.split(",") if part.strip()]
    unknown = [name for name in wanted if name not in CLAIMS]
    if unknown or not wanted:
        named = ", ".join(unknown) or "(none named)"
        known = ", ".join(CLAIMS)
        raise ValueError(f"claims={ids!r}: unknown claim {named}; known are {known}{did_you_mean(unknown, CLAIMS)}")
    return [claim for name, claim in CLAIMS.items() if name in wanted]
