"""All registered claims, in reading order."""

from __future__ import annotations

from verify.claim import Claim
from verify.claims import asymptotics, finite_width, generalization, spectral, taylor

CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for chapter in (spectral, asymptotics, finite_width, taylor, generalization)
    for claim in chapter.CLAIMS
}


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
        raise ValueError(f"claims={ids!r}: unknown claim {named}; known are {', '.join(CLAIMS)}")
    return [claim for name, claim in CLAIMS.items() if name in wanted]
