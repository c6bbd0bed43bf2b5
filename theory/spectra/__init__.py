"""Eigenvalues of the NTK and the QuadNTK, their traces, limits and expansions as d grows."""
