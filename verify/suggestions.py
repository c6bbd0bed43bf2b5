"""What a user may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(words: Iterable[str], known: Iterable[str]) -> str:
    """The known names most like the given ones, as the end of a sentence; empty when nothing is like them.

    >>> did_you_mean(["quik"], ["quick", "full", "gpu"])
    '; did you mean quick?'
    """
    known = list(known)
    near = dict.fromkeys(name for word in words for name in difflib.get_close_matches(word, known, 2, 0.6))
    return f"; did you mean {' or '.join(near)}?" if near else ""
