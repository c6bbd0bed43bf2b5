"""Activations: what may be written as sigma(z), how it is read, and its derivatives."""

from theory.activations.activation import (
    CATALOGUE,
    MAX_TEXT,
    Activation,
    ActivationLike,
    Z,
    expression,
    gelu,
    sigmoid,
    softplus,
)

__all__ = ["CATALOGUE", "MAX_TEXT", "Activation", "ActivationLike", "Z", "expression", "gelu", "sigmoid", "softplus"]
