"""Kernel ridge regression by one eigendecomposition for all ridges."""

from __future__ import annotations

import math

import torch


class KernelRidge:
    """Ridge regression on a Gram matrix: coefficients (K + ridge I)^{-1} y.

    Args:
        gram: K, (n, n), symmetric positive semi-definite.
        y: labels, (n,).

    Raises:
        ValueError: shapes that do not match, entries that are not finite, or a matrix that is not symmetric
            positive semi-definite beyond rounding.

    Cost: one symmetric eigendecomposition, O(n^3); each further ridge O(n^2).
    """

    def __init__(self, gram: torch.Tensor, y: torch.Tensor) -> None:
        n = len(y)
        if y.ndim != 1 or gram.shape != (n, n):
            shapes = f"gram of shape {tuple(gram.shape)}, y of shape {tuple(y.shape)}"
            raise ValueError(f"{shapes}: needs gram of shape ({n}, {n}) and y of shape ({n},)")
        if not (torch.isfinite(gram).all() and torch.isfinite(y).all()):
            raise ValueError("gram or y has entries that are not finite; rescale the data")
        scale = float(gram.abs().max())
        rounding = 100 * n * torch.finfo(gram.dtype).eps * scale
        if float((gram - gram.T).abs().max()) > rounding:
            raise ValueError("gram is not symmetric; pass the Gram matrix of one set of points")
        values, self._vectors = torch.linalg.eigh(gram)
        if float(values[0]) < -rounding:
            raise ValueError(f"gram has the eigenvalue {float(values[0]):.3g}; needs a positive semi-definite matrix")
        self._values = values.clamp_min(0.0)
        self._rotated = self._vectors.T @ y

    def coefficients(self, ridge: float) -> torch.Tensor:
        """(K + ridge I)^{-1} y, shape (n,).

        Raises:
            ValueError: ridge < 0, or ridge = 0 on a singular K.
        """
        shifted = self._values + ridge
        if not (math.isfinite(ridge) and ridge >= 0) or bool((shifted <= 0).any()):
            raise ValueError(f"ridge={ridge!r}: needs ridge > 0 (ridge = 0 only for a non-singular Gram matrix)")
        return self._vectors @ (self._rotated / shifted)

    def predict(self, cross_gram: torch.Tensor, ridge: float) -> torch.Tensor:
        """Predictions at test points, from their Gram matrix with the training points, shape (n_test, n)."""
        return cross_gram @ self.coefficients(ridge)
