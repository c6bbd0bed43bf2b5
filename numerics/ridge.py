"""Kernel ridge regression by one eigendecomposition for all ridges."""

from __future__ import annotations

import torch


class KernelRidge:
    """Ridge regression on a Gram matrix: coefficients (K + ridge I)^{-1} y.

    Args:
        gram: K, (n, n), symmetric positive semi-definite.
        y: labels, (n,).

    Raises:
        ValueError: shapes that do not match, or entries that are not finite.

    Cost: one symmetric eigendecomposition, O(n^3); each further ridge O(n^2).
    """

    def __init__(self, gram: torch.Tensor, y: torch.Tensor) -> None:
        n = len(y)
        if gram.shape != (n, n):
            raise ValueError(f"gram of shape {tuple(gram.shape)}, y of length {n}: needs gram of shape ({n}, {n})")
        if not (torch.isfinite(gram).all() and torch.isfinite(y).all()):
            raise ValueError("gram or y has entries that are not finite; rescale the data")
        values, self._vectors = torch.linalg.eigh(gram)
        self._values = values.clamp_min(0.0)
        self._rotated = self._vectors.T @ y

    def coefficients(self, ridge: float) -> torch.Tensor:
        """(K + ridge I)^{-1} y, shape (n,).

        Raises:
            ValueError: ridge < 0, or ridge = 0 on a singular K.
        """
        shifted = self._values + ridge
        if ridge < 0 or bool((shifted <= 0).any()):
            raise ValueError(f"ridge={ridge!r}: needs ridge > 0 (ridge = 0 only for a non-singular Gram matrix)")
        return self._vectors @ (self._rotated / shifted)

    def predict(self, cross_gram: torch.Tensor, ridge: float) -> torch.Tensor:
        """Predictions at test points, from their Gram matrix with the training points, shape (n_test, n)."""
        return cross_gram @ self.coefficients(ridge)
