"""The cell of the Gram matrix's bulk: all but its largest eigenvalues, as quantiles."""

from __future__ import annotations

from verify.running.experiment import Cell, Numbers

LEVELS = tuple((2 * i - 1) / 100 for i in range(1, 51))
"""Levels of the stored quantiles."""


class GramBulk(Cell):
    """Eigenvalues of the empirical NTK Gram matrix of n random inputs and one random network, the largest left out.

    Numbers: ``quantiles`` at :data:`LEVELS` of the n - ``spikes`` smallest; the i-th smallest of N stands at the level
    (i - 1/2) / N, with straight lines between.

    Attributes:
        activation, d, m: of the network.
        n: inputs.
        spikes: how many of the largest eigenvalues are left out.
        stretch: factor on the first half of the coordinates, before the inputs are put back on the sphere; 1 leaves
            them uniform.
    """

    activation: str
    d: int
    m: int
    n: int
    spikes: int
    stretch: float = 1.0

    def run(self) -> Numbers:
        from verify.cells.bulk_run import gram_bulk

        return gram_bulk(self)

    @property
    def cost(self) -> float:
        """The product over the neurons, and the eigenvalues."""
        return self.n**2 * (self.m / 4 + 2 * self.n)
