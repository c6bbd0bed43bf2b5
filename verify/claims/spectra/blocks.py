"""The networks of S5 and S7: their exact feature covariance at several widths, and theory at their dimension."""

from __future__ import annotations

from verify.cells.subspace import TopBlock
from verify.predictions.finite_size import Modes, modes
from verify.sizes.profile import Profile


def block_grid(p: Profile) -> list[list[TopBlock]]:
    """Networks by replicate and width."""
    sizes = p.spectral
    return [
        [
            TopBlock(
                activation=p.activation,
                d=sizes.block_dimension[p.k],
                m=m,
                k=p.k,
                replicate=replicate,
                base_seed=p.base_seed,
            )
            for m in sizes.block_widths[p.k]
        ]
        for replicate in range(sizes.block_replicates[p.k])
    ]


def block_modes(p: Profile) -> Modes:
    """Theory at their dimension."""
    return modes(p.sigma, p.spectral.block_dimension[p.k])
