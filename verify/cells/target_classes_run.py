"""How the cells of :mod:`verify.cells.target_classes` are computed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from numerics.sampling import generator
from numerics.targets import Target
from verify.cells.target_classes import NOISE, STRENGTHS, TargetClassModels
from verify.cells.training import Draws


def target_class_models_target(cell: TargetClassModels, label: str) -> Target:
    """The target of one draw, in the class of the cell."""
    degree, parts = cell.k + 1, [_target_class_models_dense(cell, label)]
    seed = cell.drawn("sparse", label)
    if cell.target_class == "three directions":
        raw = Target.sparse(cell.d, degree, [math.sqrt(share) for share in STRENGTHS], seed)
        parts.append(_normalised(raw, degree))
    elif cell.target_class == "product":
        parts.append(product(cell.d, degree, seed))
    else:
        parts.append(Target.sparse(cell.d, degree, [1.0], seed))
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _target_class_models_dense(cell: TargetClassModels, label: str) -> Target:
    seed = cell.drawn("dense", label)
    if cell.target_class != "all degrees":
        return Target.dense(cell.d, cell.k, 1.0, seed)
    parts = [Target.dense(cell.d, degree, 1 / (cell.k + 1), seed + degree) for degree in range(cell.k + 1)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def target_class_models_prepare(cell: TargetClassModels, labels: Sequence[str], n: int) -> Draws:
    """As for other cells, with the noise on the labels or their signs."""
    draws = super(TargetClassModels, cell).prepare(labels, n)
    if cell.target_class == "label noise":
        noise = [
            torch.randn(n, generator=generator(cell.drawn("label noise", label)), dtype=torch.float64)
            for label in labels
        ]
        return replace(draws, y=draws.y + math.sqrt(NOISE) * torch.stack(noise).to(draws.y))
    if cell.target_class == "logistic":
        return replace(draws, y=_signs(draws.y), answers=_signs(draws.answers))
    return draws


def product(d: int, degree: int, seed: int) -> Target:
    """A multiple, of energy 1, of the product of the first ``degree`` coordinates in a random orthonormal frame.

    By polarisation x_1 ... x_l is the mean of s_2 ... s_l (x_1 + s_2 x_2 + ... + s_l x_l)^l over all signs s, over l!;
    it is harmonic, so the parts of lower degree cancel and zonal harmonics can stand for the powers.
    """
    frame = torch.linalg.qr(torch.randn(d, degree, generator=generator(seed), dtype=torch.float64)).Q.T
    signs = torch.tensor(list(itertools.product((1.0, -1.0), repeat=degree - 1)), dtype=torch.float64)
    directions = frame[0] + signs @ frame[1:]
    return _normalised(Target.zonal(d, degree, directions, signs.prod(-1)), degree)


def _normalised(target: Target, degree: int) -> Target:
    weights, directions = target.terms[degree]
    return Target.zonal(target.d, degree, directions, weights / math.sqrt(target.energies()[degree]))


def _signs(values: torch.Tensor) -> torch.Tensor:
    return torch.where(values < 0, -1.0, 1.0).to(values)
