"""The separation theorem: bounds against certified values at many d, errors against the exact ones, least widths."""

import json
import math
from fractions import Fraction

import pytest
from flint import arb

from theory import Activation, multiplicity, ntk_eigenvalue, risk_floor, separation_theorem
from theory.learning.separation_error import SUPREMA, errors
from theory.learning.separation_text import LEAST_SAMPLED, outwards, zonal_means

SIGMAS = ("sin(z + pi/4)", "tanh(z + 1)", "erf(z + 1/2)")
PARTS = ("dense", "sparse", "signs", "cross", "odd", "even", "fourth")


@pytest.fixture(scope="module", params=SIGMAS)
def theorem(request):
    return separation_theorem(request.param)


@pytest.mark.parametrize("d", [100, 137, 1000, 54_321])
def test_bounds_hold_at_every_d_looked_at(theorem, d: int) -> None:
    # Checks :eq:`separation-constants`.
    found, means, sigma = theorem.bounds(), zonal_means(theorem.activation, d), theorem.activation
    assert means["slope energy"] <= found["slope energy"]
    assert means["curvature energy"] <= found["curvature energy"]
    assert abs(means["curvature"]) >= found["least curvature"]
    assert abs(means["radial slope"]) >= found["least radial slope"]
    eigenvalues = [ntk_eigenvalue(sigma, degree, d) for degree in (0, 1)]
    assert eigenvalues[1] >= found["least eigenvalue"]
    assert abs(eigenvalues[0] - means["radial slope"] ** 2) < 1e-11
    strength = arb(d + 2) / (2 * (d - 1))
    assert strength <= found["strength"] ** 2 * (1 + arb(1e-9))
    assert found["strength"] ** 2 <= arb(102) / (2 * 99) * (1 + arb(1e-9))  # it falls with d, so d = 100 is the bound
    assert strength / eigenvalues[0] + 1 / eigenvalues[1] <= found["dense norm"]


def test_errors_bound_the_exact_variances(theorem) -> None:
    # Checks :eq:`separation-taylor`: exact at a given d, by the formulas of :eq:`width-signs` and :eq:`width-sparse`.
    m = theorem.taylor_width
    for d in (100, 10_000):
        means, alpha = zonal_means(theorem.activation, d), (arb(d + 2) / (2 * (d - 1))).sqrt()
        curvature = abs(means["curvature"])
        signs = 2 * alpha * means["slope energy"] / (curvature * arb(m).sqrt())
        sparse = 2 * alpha**2 / m * arb(3 * d) / (d + 2) * (means["curvature energy"] / curvature**2 - 1)
        bound = theorem.errors(m)
        assert signs <= bound.signs**2 <= 1.45 * signs
        assert sparse <= bound.sparse**2 <= 1.8 * sparse


def test_errors_are_those_of_the_formulas() -> None:
    """Every part from made-up numbers in doubles, as docs/mathematics writes it."""
    # Checks :eq:`separation-taylor` and :eq:`separation-network`.
    m, (s1, s2, s3, s4) = 50, (1.1, 0.9, 1.7, 2.3)
    alpha, curvature, slope_energy, curvature_energy, size, largest = 0.7, 0.4, 0.5, 0.3, 2.6, 1.9
    given = {
        "strength": alpha,
        "least curvature": curvature,
        "slope energy": slope_energy,
        "curvature energy": curvature_energy,
        "dense norm": size,
        "largest dense": largest,
    }
    suprema = dict(zip(SUPREMA, map(arb, (s1, s2, s3, s4)), strict=True))
    found = errors(m, suprema, {name: arb(value) for name, value in given.items()})
    c = math.sqrt(4 * alpha / (curvature * math.sqrt(m)))
    q = [1.0, *(m ** (-i / 2) * largest ** (i - 1) * math.sqrt(size) for i in range(1, 5))]
    expected = {
        "dense": math.sqrt(2 / m * s1**2 * size),
        "sparse": math.sqrt(6 * alpha**2 / m * (curvature_energy / curvature**2 - 1)),  # 3d/(d+2) <= 3
        "signs": math.sqrt(2 * alpha * slope_energy / (math.sqrt(m) * curvature)),
        "cross": math.sqrt(3 / (2 * m) * c**2 * s2**2 * size),
        "odd": math.sqrt(15) / 6 / math.sqrt(2) * s3 * (c**3 + 3 * c * q[2]),
        "even": math.sqrt(m) * math.sqrt(15) / 6 * s3 * (1.5 * c**2 * q[1] + q[3]),
        "fourth": math.sqrt(m)
        * (math.sqrt(105) / 48)
        * s4
        * (sum(math.comb(4, i) * c ** (4 - i) * q[i] for i in range(5)) + q[4]),
    }
    assert {name: float(getattr(found, name)) for name in PARTS} == pytest.approx(expected, rel=1e-12)
    even = expected["dense"] + expected["sparse"] + expected["even"]
    odd = expected["signs"] + expected["cross"] + expected["odd"]
    assert float(found.network) == pytest.approx((math.hypot(even, odd) + expected["fourth"]) ** 2, rel=1e-12)


def test_errors_fall_and_the_widths_are_the_least(theorem) -> None:
    # Checks :eq:`separation-network` and :eq:`separation-theorem`.
    for network, m in ((False, theorem.taylor_width), (True, theorem.network_width)):
        assert theorem.ratio(m, network) <= 1 < theorem.ratio(m - 2, network)
        assert theorem.ratio(m // 8 * 2, network) > 2
        assert all(getattr(theorem.errors(m), p) < getattr(theorem.errors(m // 4 * 2), p) for p in PARTS)


def test_the_floor_is_that_of_the_kernels() -> None:
    theorem = separation_theorem("sin(z + pi/4)")
    assert theorem.floor == Fraction(7, 10)
    for d in (100, 101, 12_345, 10**6):
        assert risk_floor(d, int(theorem.share * multiplicity(d, 2)), {2: 1}) >= float(theorem.floor)
        assert risk_floor(d, int(Fraction(4, 10) * multiplicity(d, 2)), {2: 1}) < float(theorem.floor)


def test_the_proof_names_every_number(theorem) -> None:
    text = theorem.explain()
    assert f"{theorem.taylor_width:,}" in text
    assert f"{theorem.network_width:,}" in text
    assert max(map(len, text.splitlines())) <= 118
    assert text.startswith(str(theorem))
    data = json.loads(json.dumps(theorem.certificate()))
    assert data["widths"] == {"taylor": theorem.taylor_width, "network": theorem.network_width}
    assert data["sphere"][0]["d"] == LEAST_SAMPLED


def test_a_larger_error_needs_less_width() -> None:
    strict, lax = separation_theorem("sin(z + pi/4)"), separation_theorem("sin(z + pi/4)", epsilon="1/3")
    assert lax.taylor_width < strict.taylor_width
    assert separation_theorem("sin(z + pi/4)", d_min=1000).taylor_width < strict.taylor_width
    assert separation_theorem("sin(z + pi/4)", delta="1/5").taylor_width < strict.taylor_width


@pytest.mark.parametrize(
    ("activation", "arguments", "needle"),
    [
        ("relu(z)", {}, "distribution|kink|function"),
        ("z**2", {}, "not bounded"),
        ("sin(z)", {}, "curvature"),
        ("cos(z)", {}, "least|eigenvalue|slope"),
        ("cos(z) + exp(-1/2)*z**2/2", {}, "bounded"),
        ("sin(z + pi/4)", {"k": 2}, "k=2"),
        ("sin(z + pi/4)", {"d_min": 2}, "d_min=2"),
        ("erf(z + 1/2)", {"d_min": 5}, "larger d_min"),
        ("sin(z + pi/4)", {"epsilon": 2}, "epsilon=2"),
        ("sin(z + pi/4)", {"epsilon": "x"}, "rational"),
        ("sin(z + pi/4)", {"epsilon": "9/10"}, "nothing is separated"),
        ("sin(z + pi/4)", {"energies": (1, 0)}, "E_2 > 0"),
        ("sin(z + pi/4)", {"epsilon": "1/100000", "delta": "1/100000"}, "no width"),
    ],
)
def test_what_is_refused(activation: str, arguments: dict, needle: str) -> None:
    with pytest.raises(ValueError, match=needle):
        separation_theorem(activation, **arguments)


def test_decimals_are_rounded_outwards() -> None:
    third = arb(1) / 3
    assert arb(outwards(third, True, 5)) > third > arb(outwards(third, False, 5))
    assert outwards(-third, True, 3) == "-0.333"
    assert Activation.parse("sin(z + pi/4)") == separation_theorem("sin(z + pi/4)").activation
