"""Bounds that hold for every dimension at once: constants below and above a quantity times a power of d."""
