"""The forms of what a store holds: rows of somebody else, sealed anew, may hold anything that SQLite can.

A checksum says that a row is as it was sealed, not who sealed it. What has another form than a run writes counts as
damaged, like what does not match its checksum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from verify.running.experiment import Numbers
from verify.running.rows import loads, seal

_ENDS = ("value", "lower", "upper")


def numbers_of(columns: Sequence[Any]) -> Numbers | None:
    """The numbers of a record; None where a column is not of the kind that a run writes, whoever sealed it.

    Args:
        columns: of the table of records, without the checksum.
    """
    key, kind, specification, numbers, seconds, fingerprint, provenance, created = columns
    texts = (key, kind, specification, numbers, fingerprint, provenance, created)
    if not (all(isinstance(text, str) for text in texts) and isinstance(seconds, float) and 0 <= seconds < math.inf):
        return None
    described, found = loads(specification), loads(numbers)
    known = isinstance(described, dict) and described.get("kind") == kind and isinstance(described.get("fields"), dict)
    return found if known and isinstance(found, dict) else None


def sound(row: Sequence[Any]) -> bool:
    """Whether a row of records, its checksum last, matches that and has the form that a run writes."""
    return seal(*row[:-1]) == row[-1] and numbers_of(row[:-1]) is not None


def is_run(columns: Sequence[Any]) -> bool:
    """Whether the columns of a run, without the checksum, are of the kinds that a run writes."""
    number, profile, claims, fingerprint, provenance, created = columns
    names, origin = loads(claims), loads(provenance)
    return (
        isinstance(number, int)
        and all(isinstance(text, str) for text in (profile, fingerprint, created))
        and isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and _texts(origin)
    )


def is_verdicts(found: Any) -> bool:
    """Whether this is what a run keeps of its verdicts: entries with their numbers, and the machines."""
    if not isinstance(found, dict) or any(not isinstance(found.get(name), list) for name in ("judgements", "machines")):
        return False
    return all(map(_entry, found["judgements"])) and all(map(_texts, found["machines"]))


def _entry(entry: Any) -> bool:
    if not (isinstance(entry, dict) and all(isinstance(entry.get(name), str) for name in ("id", "verdict"))):
        return False
    predicted, measured = entry.get("prediction"), entry.get("estimate")
    if not (isinstance(predicted, dict) and isinstance(measured, dict) and predicted.keys() == measured.keys()):
        return False
    ends = [each.get(end) if isinstance(each, dict) else "" for each in measured.values() for end in _ENDS]
    return all(number is None or type(number) in (int, float) for number in (*predicted.values(), *ends))


def _texts(found: Any) -> bool:
    """Whether this is a table of texts."""
    return isinstance(found, dict) and all(isinstance(text, str) for text in found.values())
