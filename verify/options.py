"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, Token

if TYPE_CHECKING:
    from verify.profile import Profile


def whole(kind: type, tokens: Sequence[Token]) -> int:
    """An integer from the command line; 100.5 is refused, not rounded."""
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{tokens[0].keyword}={text!r}: needs an integer") from None


Whole = Annotated[int, Parameter(converter=whole)]
Json = Annotated[bool, Parameter(name="--json", negative="")]
Flag = Annotated[bool, Parameter(negative="")]


def sizes(profile: str, overrides: Sequence[str], activation: Sequence[str], seed: int | None = None) -> Profile:
    """The profile that the options describe; an unreadable activation is refused before anything is written."""
    from verify.profile import load_profile
    from verify.profile import parse as read

    found = load_profile(profile, overrides)
    if seed is not None and seed < 0:
        raise ValueError(f"seed={seed}: needs an integer seed >= 0")
    changes: dict[str, object] = {} if seed is None else {"base_seed": seed}
    if activation:
        changes["activations"] = tuple(activation)
        changes["training"] = found.training.model_copy(update={"more_activations": ()})
    found = found.model_copy(update=changes)
    for text in found.activations:
        read(text)
    return found
