"""What the cells of O1, O3, O4 and O6 would hold where the theory is another.

Scatter and levels are those of stored cells of base seeds that no verdict uses, at quick sizes: 100 to 103 for O1, O3
and O4, 100 and 103 for O6. The repetitions are shared by the activations, which have no draws in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from verify.cells.certified import CertifiedEnds
from verify.cells.landscape import QuadraticSaddle, SignCurvature
from verify.cells.optimization import Descent
from verify.claims.scatter import middle
from verify.judging.chance import Chance
from verify.running.experiment import Cell, Numbers

TIME, TIMES = 450.0, 0.42
"""Steps at the smallest d, and scatter of their logarithm: 0.47, 0.31 and 0.29 at d = 4, 7 and 11."""
FALLS = (0.7, 0.04)
"""Least fall of a step, mean and scatter; 0.61 to 0.81."""
ENDS = (4e-4, 1e-3)
"""Gradient at the end, uniform between these; 2e-4 to 1e-3."""
FLAT, STEEP = 0.003, 0.3
"""lambda_min at the ends scatters about 0 by the first; at the starts it is minus the second, by a quarter."""


def descents(truth: float, chance: Chance, cells: Iterable[Descent], long: Iterable[Descent]) -> dict[Cell, Numbers]:
    """O1: the time to a second-order stationary point grows as d^truth.

    At most 2 is claimed, 1/2 derived. A run that needs more than the cell's steps does not end. With steps that are too
    long the loss rises.
    """
    found: dict[Cell, Numbers] = {}
    several = list(cells)
    smallest = min(cell.d for cell in several)
    for cell in several:
        drawn = chance.of("Descent", cell.activation, cell.d, cell.k).standard_normal((cell.draws, 4))
        shares = chance.of("Descent", cell.activation, cell.d, cell.k, "ends").uniform(*ENDS, cell.draws)
        times = np.round(TIME * (cell.d / smallest) ** truth * np.exp(TIMES * drawn[:, 0]))
        found[cell] = {
            "fall": np.maximum(FALLS[0] + FALLS[1] * drawn[:, 1], 0.55).tolist(),
            "reached": [int(t) if t <= cell.steps else None for t in times],
            "constants": [1.0] * cell.draws,
            "curve": [[0, 2.0], [cell.steps, 0.4]],
            "gradient": shares.tolist(),
            "early": (0.09 * np.exp(0.2 * drawn[:, 2])).tolist(),
            "losses": [[2.0, 0.4]] * cell.draws,
            "curvature": [[FLAT * float(z), 1e-5] for z in drawn[: cell.spectra, 3]],
            "start_curvature": [-STEEP * float(np.exp(0.25 * drawn[0, 3])), 1e-5],
        }
    for cell in long:
        rises = chance.of("Descent", cell.activation, cell.d, cell.k, "long").uniform(0.2, 10.0, cell.draws)
        numbers = {"reached": [None] * cell.draws, "constants": [1.0] * cell.draws, "curve": [[0, 2.0]]}
        found[cell] = {"fall": (-rises).tolist(), **numbers}
    return found


DATA, CAPACITY = (-4.7, 1.25), 0.01
"""2 <loss', f_Q(V)>, mean and scatter of a draw, and what R4 adds."""
LEFT, LEFTS = 8.0, 0.33
"""What the leading term leaves, times m^{1/2}, and its scatter, relative: 0.11 to 0.65."""
SAMPLED = 0.15
"""Scatter of a mean over draws of signs about its exact value, relative, times the root of their number."""
COHERENT, OPPOSITE = 0.11, 0.35
"""Without signs the variation is larger by this and m, and positive; along the opposite target, minus the data's term
and this."""
LOSSES = (1.58, 0.17, 0.33, 0.4)
"""The loss and its scatter, that of the construction and its scatter."""


def sign_curvatures(truth: float, chance: Chance, cells: Sequence[SignCurvature]) -> dict[Cell, Numbers]:
    """O3: what the leading term leaves of the second variation goes as m^truth; -1/2 is the theory.

    It agrees with theory at the geometric mean of the widths. Mean over signs and exact value stay the same number.
    """
    centre = middle(sorted({cell.m for cell in cells if not cell.signs}))
    found: dict[Cell, Numbers] = {}
    for cell in cells:
        name = ("SignCurvature", cell.activation, cell.k, cell.m, cell.replicate)
        drawn = chance.of(*name).standard_normal((cell.draws, 6))
        data = DATA[0] + DATA[1] * np.clip(drawn[:, 0], -3, 3)
        level = LEFT * centre**-0.5 * (cell.m / centre) ** truth
        exact = data + CAPACITY + level * (1 + LEFTS * drawn[:, 1])
        numbers = {"exact": exact, "data": data, "capacity": np.full(cell.draws, CAPACITY)}
        if cell.signs:
            loss, own, reference, other = LOSSES
            numbers |= {
                "sampled": exact * (1 + SAMPLED * cell.signs**-0.5 * drawn[:, 2]),
                "coherent": COHERENT * cell.m * np.exp(0.6 * drawn[:, 3]),
                "opposite": OPPOSITE - data,
                "loss": loss * np.exp(own * drawn[:, 4]),
                "reference": reference * np.exp(other * drawn[:, 5]),
            }
        found[cell] = {key: values.tolist() for key, values in numbers.items()}
    return found


SADDLE = (0.82, 0.26, 0.21, 0.55)
"""Loss at 0 and its scatter, that of the construction and its scatter."""
BELOW = 0.44
"""Scatter of the logarithm of the loss after perturbed descent over that of the construction."""


def saddles(truth: float, chance: Chance, cells: Sequence[QuadraticSaddle]) -> dict[Cell, Numbers]:
    """O4: perturbed descent ends at ``truth`` times the construction's loss; at most 1 is claimed, 1/4 was measured."""
    found: dict[Cell, Numbers] = {}
    for cell in cells:
        drawn = chance.of("QuadraticSaddle", cell.activation, cell.k, cell.replicate).standard_normal(5)
        zero, own, reference, other = SADDLE
        zero *= float(np.exp(own * drawn[0]))
        reference *= float(np.exp(other * drawn[1]))
        block = -0.24 * float(np.exp(0.25 * drawn[2]))
        found[cell] = {
            "gradient": 0.0,
            "moved": 0.0,
            "joint_gradient": 0.58,
            "joint_moved": 2.5,
            "curvature": [block, 1e-8],
            "block": block,
            "block_first": block * (1.25 + 0.2 * float(np.exp(0.3 * drawn[3]))),
            "zero": zero,
            "still_loss": zero,
            "left": truth * reference * float(np.exp(BELOW * drawn[4])),
            "reference": reference,
        }
    return found


GAP, GAPS = 0.24, 0.12
"""Relative gap at the geometric mean of the widths, and its scatter."""
EARLIER, FREE, ZERO, BOUND, HEAVIER = 0.72, 0.92, 2.2, 0.1, 1.42
"""Gaps after a few steps and of descent on the data term alone; loss at 0; the bound, and the planted one over it."""


def certified_ends(truth: float, chance: Chance, cells: Mapping[tuple[str, int], CertifiedEnds]) -> dict[Cell, Numbers]:
    """O6: the gap to the certified bound goes as m^truth; -1/2 is the theory.

    It agrees with the measured size of the gap at the geometric mean of the widths.
    """
    centre = middle(sorted({m for _, m in cells}))
    found: dict[Cell, Numbers] = {}
    for (activation, m), cell in cells.items():
        drawn = chance.of("CertifiedEnds", activation, cell.k, m).standard_normal((cell.draws, len(cell.begins) + 1))
        gaps = GAP * (m / centre) ** truth * np.exp(GAPS * drawn[:, :1] + 0.07 * drawn[:, 1:])
        lower = np.full(cell.draws, BOUND)
        gaps = np.minimum(gaps, 0.95)
        found[cell] = {
            "value": (lower[:, None] / (1 - gaps)).tolist(),
            "early": (lower[:, None] / (1 - EARLIER) * np.exp(0.1 * drawn[:, 1:])).tolist(),
            "zero": [ZERO] * cell.draws,
            "free": (lower / (1 - FREE) * np.exp(0.1 * drawn[:, 0])).tolist(),
            "lower": lower.tolist(),
            "heavier": (HEAVIER * lower).tolist(),
        }
    return found
