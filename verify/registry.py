"""All registered claims, in reading order."""

from __future__ import annotations

from verify.claim import Claim
from verify.claims import (
    asymptotics,
    constructions,
    directions,
    feature_learning,
    finite_width,
    joint,
    kernels,
    landscape,
    optimization,
    parity,
    quadratic_spectrum,
    rademacher,
    saddle,
    sample_complexity,
    spectral,
    starts,
    structure,
    subspace,
    taylor,
    training,
    widths,
)
from verify.options import did_you_mean

MODULES = (
    *(spectral, asymptotics, finite_width, structure, subspace, quadratic_spectrum, parity),
    *(taylor, widths, directions, constructions, joint),
    *(optimization, starts, landscape, saddle),
    *(kernels, sample_complexity, training, feature_learning, rademacher),
)
CHAPTERS = "STGON"
"""First letters of the ids in reading order: spectra, Taylor terms, good directions, optimisation, generalisation."""

CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for claim in sorted(
        (claim for module in MODULES for claim in module.CLAIMS), key=lambda c: (CHAPTERS.index(c.id[0]), int(c.id[1:]))
    )
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
        known = ", ".join(CLAIMS)
        raise ValueError(f"claims={ids!r}: unknown claim {named}; known are {known}{did_you_mean(unknown, CLAIMS)}")
    return [claim for name, claim in CLAIMS.items() if name in wanted]
