"""Learning: ridge regression curves, Rademacher bounds, rates with their derivations."""
