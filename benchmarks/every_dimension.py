"""Bounds for every dimension: processor time, tightness, and certified values at random dimensions.

python benchmarks/every_dimension.py             seconds of each activation, degrees 0 .. 6, every d >= 3
python benchmarks/every_dimension.py --values 200    the same with 200 random d up to 10^9 held against the bounds
"""

from __future__ import annotations

import argparse
import random
import time

from flint import arb

from theory import Activation, bounds_for_all_dimensions
from theory.spectra.eigenvalues import NTK, eigenvalue_ball

ACTIVATIONS = (
    "sin(z + pi/4)",
    "erf(z + 1/2)",
    "gelu(z + 1)",
    "exp(z)",
    "exp(-z**2/2)",
    "tanh(z + 1)",
    "softplus(z + 1)",
    "sigmoid(z)",
)
LARGEST = 10**9


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--degrees", type=int, default=6, help="the largest degree")
    parser.add_argument("--smallest", type=int, default=3, help="d_min")
    parser.add_argument("--values", type=int, default=0, help="random dimensions for each degree")
    parser.add_argument("--activations", default=",".join(ACTIVATIONS))
    arguments = parser.parse_args()
    rng = random.Random(0)  # noqa: S311 - not for secrets
    print("| activation | seconds | d0 | largest upper/lower | values outside |\n|---|---|---|---|---|")
    for text in arguments.activations.split(","):
        start = time.process_time()
        found = [
            bounds_for_all_dimensions(text, degree, d_min=arguments.smallest) for degree in range(arguments.degrees + 1)
        ]
        seconds = time.process_time() - start
        positive = [bounds for bounds in found if bounds.exponent is not None]
        spread = max(float((bounds.upper / bounds.lower).mid()) for bounds in positive)
        outside = 0
        for bounds in positive:
            power = -int(bounds.exponent or 0)
            for _ in range(arguments.values):
                d = round(LARGEST ** rng.uniform(0, 1)) + arguments.smallest
                value = eigenvalue_ball(NTK, Activation.parse(text), bounds.degree, d, 80) * arb(d) ** power
                outside += not (bounds.lower <= value.upper() and value.lower() <= bounds.upper)
        switches = sorted({bounds.switch for bounds in positive})
        print(f"| {text} | {seconds:.1f} | {switches} | {spread:.3g} | {outside} |", flush=True)


if __name__ == "__main__":
    main()
