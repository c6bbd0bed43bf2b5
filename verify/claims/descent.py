"""Perturbed descent as the claims run it, and what they ask of its steps and of its ends."""

from __future__ import annotations

import math

import numpy as np

RADIUS, WAIT = 1e-2, 100
"""Of the noise, and the steps it is given to bring a decrease."""
STEP = 1 / 1.2
"""Step in units of 1/L with L as measured. Lanczos gives L from below by a few per cent, and it moves until
it is measured again; with a fifth on top it bounds the curvature of every step."""
LONG = 4.0
"""Step of a control in units of 1/L: beyond 2/L the loss rises along the eigenvector of L."""
FALL = 0.5
"""The descent lemma: a step 1/L' brings a fall of |grad|^2/L' times 1 - h/2, h the curvature along the gradient in
units of L'; at least 1/2 when L' bounds it."""
LANCZOS = 1e-3
"""Relative tolerance of lambda_min. The Ritz value bounds it from above; the residual, reported and part of the
interval, says how near an eigenvalue is."""
FALL_OF_A_STEP = "fall of a step over step |grad|^2, least"
GRADIENT = "|grad| at the end, largest"
LAMBDA_MIN = "lambda_min at the end, least"


def level(table: np.ndarray) -> np.ndarray:
    """An activation's rows divided by their geometric mean: a factor of its own does not touch a slope."""
    known = np.log(table[~np.isnan(table)])
    return table / math.exp(known.mean()) if known.size else table
