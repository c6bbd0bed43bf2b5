"""What the authors' figure shows: facts of others, read off by pixel.

Source: the picture stored in plotting.ipynb of the repository eshnich/escape_NTK on GitHub, commit 0080c64, which
belongs to arXiv:2206.03688. Three panels against log_d t with d = 100: R1, train loss, test loss, each the mean over
three seeds, for six values of lambda; R1 is a mean over the last 100 steps too. A pixel is 0.004 in the losses, 1.5 in
R1 and 0.008 in log_d t. Values that a later curve covers are missing (None).
"""

from __future__ import annotations

DIMENSION, SAMPLES, WIDTH, STEPS, SEEDS = 100, 1000, 10_000, 20_000, 3
STRENGTHS = (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
BEST = 1e-2
"""The lambda with the least test loss."""

GRID = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.65, 1.75, 1.9, 2.0, 2.148)
"""log_d t of the values below."""

Row = tuple[float | None, ...]
_NO: Row = (None,)

R1: dict[float, Row] = {
    0.0: _NO * 7 + (343.0, 380.0, 392.0, 392.0, 392.0),
    1e-5: _NO * 6 + (208.0, 338.0, 372.0, 378.0, 372.0, 357.0),
    1e-4: _NO * 5 + (33.0, 193.0, 301.0, 317.0, 285.0, 245.0, 175.0),
    1e-3: _NO * 4 + (3.0, 26.0, 103.0, 121.5, 97.0, 50.0, 21.5, 3.0),
    1e-2: _NO * 5 + (4.6, 6.2, 5.0, 3.1, None, None, 0.0),
    1e-1: (0.0, 0.0, 0.0, 0.0) + _NO * 6 + (0.0, 0.0),
}
TRAIN: dict[float, Row] = {
    0.0: _NO * 11 + (0.0,),
    1e-5: _NO * 6 + (0.083, 0.011, None, None, None, 0.0),
    1e-4: _NO * 4 + (0.519, 0.351, 0.092, 0.019, 0.004, None, None, 0.0),
    1e-3: _NO * 3 + (0.598, 0.526, 0.379, 0.172, 0.083, 0.049, 0.026, 0.011, 0.0),
    1e-2: _NO * 2 + (0.704, 0.604, 0.558, 0.517, 0.483, 0.330, 0.179, None, None, 0.0),
    1e-1: (0.938, 0.855, 0.711, 0.623, 0.611, 0.608, 0.589, 0.453, 0.223, 0.060, 0.008, 0.0),
}
TEST: dict[float, Row] = {
    0.0: _NO * 9 + (0.502, None, 0.50),
    1e-5: _NO * 7 + (0.542, 0.514, 0.498, 0.490, 0.48),
    1e-4: _NO * 5 + (0.704, 0.615, 0.536, 0.497, 0.455, 0.415, 0.34),
    1e-3: _NO * 5 + (0.708, 0.630, 0.522, 0.417, 0.269, 0.213, 0.158),
    1e-2: _NO * 3 + (0.739, 0.739, 0.731, 0.700, 0.567, 0.387, 0.227, 0.158, 0.142),
    1e-1: (1.004, 0.931, 0.810, 0.743, 0.747, 0.743, 0.731, 0.652, 0.474, 0.294, 0.229, 0.213),
}
PANELS = {"r1": R1, "train": TRAIN, "test": TEST}

SPREAD = {0.0: 0.055, 1e-5: 0.062, 1e-4: 0.07, 1e-3: 0.031, 1e-2: 0.027, 1e-1: 0.010}
"""Standard deviation of the test loss at the end over seeds: half of the figure's band times sqrt(3/2), as the band is
the root of the mean square about the mean of three."""
PLATEAU = {1e-2: 0.737, 1e-1: 0.746}
"""Mean test loss over log_d t from 0.75 to 1.25, where it is not covered."""
QUARTER = {1e-5: 1.334, 1e-4: 1.344, 1e-3: 1.403, 1e-2: 1.692, 1e-1: 1.732}
"""log_d t at which the train loss falls through 1/4; the curve of 0 lies under that of 1e-5."""
READING = {"test": 0.005, "train": 0.005, "r1": 2.0, "time": 0.01}
"""Errors of reading, in the panels' units and in log_d t."""
