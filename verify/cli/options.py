"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter, Token

from verify.suggestions import did_you_mean

if TYPE_CHECKING:
    from verify.sizes.profile import Profile


def whole(kind: type, tokens: Sequence[Token]) -> int:
    """An integer from the command line; 100.5 is refused, not rounded."""
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{tokens[0].keyword}={text!r}: needs an integer") from None


Whole = Annotated[int, Parameter(converter=whole)]


def duration(kind: type, tokens: Sequence[Token]) -> float:
    """Seconds from the command line: 90, 90s, 15m or 2h."""
    text = tokens[0].value
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    seconds = float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]] if found else 0.0
    if not seconds:
        raise ValueError(f"{tokens[0].keyword}={text!r}: needs a time above 0, such as 90, 15m or 2h")
    return seconds


Duration = Annotated[float, Parameter(converter=duration)]
SUBJECT = Parameter(group=Group.create_ordered("What"))
METHOD = Parameter(group=Group.create_ordered("How"))
OUTPUT = Parameter(group=Group.create_ordered("Output"))
"""Groups of options in --help: what is judged, how it is computed, and what becomes of it."""

Json = Annotated[bool, Parameter(name="--json", negative="", show_default=False), OUTPUT]
Flag = Annotated[bool, Parameter(negative="", show_default=False)]
From = Annotated[list[str] | None, Parameter(name="--claims-from", negative=""), SUBJECT]
"""Files of claims, and packages with claims, beside those of escape-ntk."""
Activation = Annotated[list[str] | None, Parameter(negative=""), SUBJECT]
Set = Annotated[list[str] | None, Parameter(name="--set", negative=""), SUBJECT]
Quiet = Annotated[bool, Parameter(name=("--quiet", "-q"), negative="", show_default=False), OUTPUT]
Verbose = Annotated[bool, Parameter(name=("--verbose", "-v"), negative="", show_default=False), OUTPUT]


def loudness(quiet: bool, verbose: bool) -> dict[str, bool]:
    """Both as keywords of :class:`verify.cli.steps.Steps`.

    Raises:
        ValueError: both are given.
    """
    if quiet and verbose:
        raise ValueError("--quiet and --verbose: give one of them")
    return {"quiet": quiet, "verbose": verbose}


def sizes(profile: str, overrides: Sequence[str], activation: Sequence[str], seed: int | None = None) -> Profile:
    """The profile that the options describe; an unreadable activation is refused before anything is written."""
    from verify.sizes.profile import PROFILES, changed, load_profile
    from verify.sizes.profile import parse as read

    if profile not in PROFILES and not profile.endswith(".toml"):
        raise ValueError(
            f"profile={profile!r}: needs one of {', '.join(PROFILES)}, or a file that ends in .toml"
            f"{did_you_mean([profile], PROFILES)}"
        )
    found = load_profile(profile, overrides)
    if seed is not None and seed < 0:
        raise ValueError(f"seed={seed}: needs an integer seed >= 0")
    changes: dict[str, object] = {} if seed is None else {"base_seed": seed}
    if activation:
        changes["activations"] = tuple(activation)
        changes["training"] = {"more_activations": ()}
    if changes:
        found = changed(found, changes)
    for text in found.activations:
        read(text)
    return found


def record_folder(path: Path) -> Path:
    """The folder of a record store, named by itself or by its records.sqlite; it is only looked at.

    Raises:
        ValueError: no such folder, no file in it, or a file of another kind.
    """
    file = path if path.name == "records.sqlite" and not path.is_dir() else path / "records.sqlite"
    remedy = "name the folder of an escape-ntk verify"
    try:
        with file.open("rb") as opened:
            start = opened.read(16)
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(f"{path}: no records.sqlite there; {remedy}") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); {remedy}") from None
    if start != b"SQLite format 3\x00":
        raise ValueError(f"{file}: is no record store; {remedy}")
    return file.parent
