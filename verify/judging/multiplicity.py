"""Multiplicity: among many claims some true one would look false by chance; Holm's correction prevents it."""

from __future__ import annotations

from collections.abc import Mapping

LEVEL = 0.01
"""Probability that any true claim of a run comes out FAILS."""


def holm(p_values: Mapping[str, float], level: float = LEVEL) -> dict[str, bool]:
    """Which hypotheses are rejected so that any false rejection has probability at most ``level`` (Holm 1979).

    With the p values sorted, p_(1) <= ... <= p_(N), reject (1), (2), ... as long as p_(i) <= level / (N - i + 1). Valid
    whatever the dependence between the claims.

    >>> holm({"a": 0.001, "b": 0.004, "c": 0.02})
    {'a': True, 'b': True, 'c': False}
    """
    rejected = dict.fromkeys(p_values, False)
    for place, name in enumerate(sorted(p_values, key=lambda key: p_values[key])):
        if p_values[name] > level / (len(p_values) - place):
            break
        rejected[name] = True
    return rejected
