"""Cells: what is computed and stored. Each imports theory and numerics only; none judges."""
