"""S: eigenvalues of the NTK and the QuadNTK."""
