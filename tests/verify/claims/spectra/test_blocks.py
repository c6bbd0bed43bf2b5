"""The networks that S5 and S7 share."""

from verify.claims.spectra.blocks import block_grid, block_modes
from verify.claims.spectra.s5_top_block import S5
from verify.claims.spectra.s7_subspace import S7
from verify.sizes.profile import QUICK


def test_both_claims_read_the_same_networks() -> None:
    grid = block_grid(QUICK)
    assert S5.design(QUICK) == S7.design(QUICK) == tuple(cell for row in grid for cell in row)
    assert [cell.m for cell in grid[0]] == list(QUICK.spectral.block_widths[QUICK.k])
    assert {cell.d for row in grid for cell in row} == {block_modes(QUICK).d}
