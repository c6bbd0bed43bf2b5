"""The sphere in d dimensions: multiplicities, moments, Legendre (Gegenbauer) polynomials."""
