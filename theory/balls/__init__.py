"""Certified numbers: balls (midpoint and radius), suprema on strips, and quadrature with a proved error."""
