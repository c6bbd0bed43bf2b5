"""Quantities that can be pinned by name, and the constants of 40 digits that come with the package."""
