"""Funk-Hecke coefficients lambda_l and their Gaussian limits: closed forms, certified values, which of them vanish."""
