"""Learning curves do not depend on how many degrees are listed; energies and sizes are read or refused."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from flint import arb

from theory import (
    Activation,
    Spectrum,
    dense_norm,
    dense_norm_expr,
    effective_regularization,
    kernel_ridge_risk,
    learnabilities,
    multiplicity,
    ntk_eigenvalue,
    ntk_spectrum,
    optimal_ridge,
    quadntk_spectrum,
    samples_for_risk,
)
from theory.learning.eigenlearning import TOLERANCE, Eigenlearning, Truncated

parse = Activation.parse
SHIFTED = parse("sin(z + pi/4)")


def risk_by_brute_force(spectrum: Spectrum, n: int, ridge: float, energies: dict[int, float], noise: float) -> float:
    """The module's law with every listed degree, solved by SciPy in log kappa."""
    from scipy.optimize import brentq

    count = np.array([float(c) for c in spectrum.multiplicities])
    value = np.array([float(v.mid()) for v in spectrum.eigenvalues])
    energy = np.array([energies.get(k, 0.0) for k in spectrum.degrees])
    rest = ridge + max(float(spectrum.tail.mid()), 0.0)
    law = lambda s: (count * value / (value + math.exp(s))).sum() + rest / math.exp(s) - n  # noqa: E731
    kappa = math.exp(brentq(law, -90, 20, xtol=1e-13, rtol=1e-14))
    learned = value / (value + kappa)
    unlearned = ((kappa / (value + kappa)) ** 2 * energy).sum() + sum(v for k, v in energies.items() if k >= len(value))
    return n / (n - (count * learned**2).sum()) * (unlearned + noise)


@pytest.mark.parametrize(
    ("text", "d", "n", "ridge", "energies", "noise", "enough"),
    [
        ("relu(z)", 10, 20_000, 0.0, {2: 1.0}, 0.0, 200),
        ("relu(z)", 10, 20_000, 0.0, {2: 1.0, 6: 0.5}, 0.1, 200),
        ("relu(z)", 5, 3_000, 0.0, {1: 1.0}, 0.0, 900),
        ("tanh(z + 1)", 10, 20_000, 0.0, {2: 1.0}, 0.0, 30),
        ("tanh(z + 1)", 10, 5_000, 1e-3, {2: 1.0, 7: 1.0}, 0.1, 30),
        ("gelu(z)", 8, 4_000, 1e-6, {2: 1.0, 4: 1.0}, 0.0, 30),
        ("sin(z + pi/4)", 5, 500, 0.0, {1: 1.0, 3: 0.2}, 0.01, 40),
    ],
)
def test_the_risk_does_not_depend_on_the_degrees_listed(text, d, n, ridge, energies, noise, enough) -> None:
    activation = parse(text)
    expected = risk_by_brute_force(ntk_spectrum(activation, d, enough, 60), n, ridge, energies, noise)
    for listed in (0, 2, 3, 5, 12, 25):
        found = kernel_ridge_risk(ntk_spectrum(activation, d, listed), n, ridge, energies, noise)
        assert found == pytest.approx(expected, rel=TOLERANCE)


def test_the_case_of_the_report() -> None:
    """relu, d = 10: three degrees gave 1.75e-6 for 6.44e-7."""
    for top in (2, 3, 30):
        found = kernel_ridge_risk(ntk_spectrum(parse("relu(z)"), 10, top), 20_000, 0.0, {2: 1.0})
        assert found == pytest.approx(6.4403e-7, rel=1e-3)


def test_every_function_has_enough_degrees() -> None:
    short, long = (ntk_spectrum(parse("relu(z)"), 10, top) for top in (2, 100))
    energies = {2: 1.0, 4: 0.5}
    assert effective_regularization(short, 20_000, 0.0) == pytest.approx(
        effective_regularization(long, 20_000, 0.0), rel=1e-3
    )
    few, many = learnabilities(short, 20_000, 0.0), learnabilities(long, 20_000, 0.0)
    assert list(few) == [0, 1, 2]
    assert [few[k] for k in few] == pytest.approx([many[k] for k in few], rel=1e-3)
    for noise in (0.2,):
        ridges = [optimal_ridge(spectrum, 20_000, energies, noise) for spectrum in (short, long)]
        assert ridges[0] == pytest.approx(ridges[1], rel=1e-2, abs=1e-3)
        goal = 0.05 + noise
        counts = [samples_for_risk(spectrum, goal, energies, noise) for spectrum in (short, long)]
        assert counts[0] == pytest.approx(counts[1], rel=5e-3)
    assert samples_for_risk(short, 1e-6, {2: 1.0}, ridge=0.0) == pytest.approx(
        samples_for_risk(long, 1e-6, {2: 1.0}, ridge=0.0), rel=5e-3
    )


def test_energy_beyond_the_list_is_learned() -> None:
    short, long = (ntk_spectrum(parse("tanh(z + 1)"), 6, top) for top in (1, 12))
    assert kernel_ridge_risk(short, 3000, 1e-4, {5: 1.0}) == pytest.approx(
        kernel_ridge_risk(long, 3000, 1e-4, {5: 1.0}), rel=TOLERANCE
    )
    best = [optimal_ridge(spectrum, 3000, {5: 1.0}, 0.1) for spectrum in (short, long)]
    assert best[0] == pytest.approx(best[1], rel=0.01)
    assert math.isfinite(optimal_ridge(short, 3000, {5: 1.0}, 0.1))


def test_the_bound_holds() -> None:
    """Of the risk's error at random truncations, where it is below 0.03 (eta <= 0.01, as derived)."""
    # Checks :eq:`truncation`.
    rng = np.random.default_rng(5)
    full = {text: ntk_spectrum(parse(text), 6, 60, 60) for text in ("relu(z)", "tanh(z + 1)")}
    tight = 0
    for _ in range(100):
        text, top, n = str(rng.choice(list(full))), int(rng.integers(0, 12)), int(10 ** rng.uniform(0, 3.5))
        ridge, noise = float(rng.choice([0.0, 1e-3, 1.0])), float(rng.choice([0.0, 0.1]))
        energies = {int(k): 1.0 for k in rng.integers(0, 14, 2)}
        problem = Eigenlearning.of(ntk_spectrum(parse(text), 6, top), energies, noise)
        kappa = problem.kappa(n, ridge)
        bound = sum(problem.truncation(n, kappa, ridge))
        truth = risk_by_brute_force(full[text], n, ridge, energies, noise)
        error = abs(problem.risk(n, kappa, ridge) / truth - 1)
        if truth > 1e-9 and bound < 0.03:
            assert error <= bound + 1e-6
            tight += error > bound / 100 > 1e-8
    assert tight > 5


def test_what_cannot_be_settled_names_the_degree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("theory.learning.extension.MAX_DEGREE", {True: 64, False: 16})
    flat = parse("relu(z)")
    with pytest.raises(ValueError, match=r"n=2000: kappa=.*needs a spectrum up to degree \d+ or so, or a larger ridge"):
        kernel_ridge_risk(ntk_spectrum(flat, 3, 4), 2000, 0.0, {2: 1.0})
    tanh = ntk_spectrum(parse("tanh(z + 1)"), 10, 4)
    with pytest.raises(ValueError, match=r"needs a spectrum up to degree 5000$"):
        optimal_ridge(tanh, 100, {5000: 1.0})


def test_a_spectrum_by_hand_cannot_be_continued() -> None:
    made = ntk_spectrum(SHIFTED, 5, 2)
    other = replace(made, eigenvalues=tuple(2 * v for v in made.eigenvalues))
    with pytest.raises(ValueError, match="is not that of sin"):
        kernel_ridge_risk(other, 5000, 0.0, {1: 1.0})
    assert kernel_ridge_risk(other, 10, 1000.0, {1: 1.0}) > 0


def test_listed_degrees_that_suffice_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    spectrum = ntk_spectrum(SHIFTED, 20, 4)
    monkeypatch.setattr("theory.learning.extension._computed", None)
    assert kernel_ridge_risk(spectrum, 60, 0.1, {1: 1.0, 2: 1.0}) == pytest.approx(1.121, abs=1e-4)
    assert optimal_ridge(spectrum, 180, {1: 1.0, 2: 1.0}, 0.5) > 0
    assert samples_for_risk(spectrum, 0.5, {1: 1.0, 2: 1.0}, noise=0.3) == 639
    with pytest.raises(Truncated):
        Eigenlearning.of(ntk_spectrum(parse("relu(z)"), 10, 2), {2: 1.0}, 0.0).solved(20_000, 0.0)


FUNCTIONS = {
    "risk": lambda s, e: kernel_ridge_risk(s, 50, 0.1, e),
    "best": lambda s, e: optimal_ridge(s, 50, e),
    "samples": lambda s, e: samples_for_risk(s, 0.5, e),
    "dense": lambda s, e: dense_norm(SHIFTED, 9, e),
    "dense_expr": lambda s, e: dense_norm_expr(SHIFTED, 9, e),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_energies_are_read_or_refused(name: str) -> None:
    function, spectrum = FUNCTIONS[name], ntk_spectrum(SHIFTED, 9, 4)
    good = function(spectrum, {1: 1.0, 2: 0.5})
    for key in (np.int64(2), np.uint8(2), sp.Integer(2)):
        assert str(function(spectrum, {1: np.float64(1), key: np.float32(0.5)})) == str(good)
    through_json = json.loads(json.dumps({1: 1.0, 2: 0.5}))
    for bad, needle in (
        (through_json, r"degree='1': needs an integer degree >= 0; JSON"),
        ({-1: 1.0}, "degree=-1"),
        ({-1: 0.0}, "degree=-1"),
        ({2.0: 1.0}, r"degree=2\.0"),
        ({True: 1.0}, "degree=True"),
        ({None: 1.0}, "degree=None"),
        ({(1,): 1.0}, r"degree=\(1,\)"),
        ({1: -1.0}, r"energies\[1\]=-1"),
        ({1: math.nan}, r"energies\[1\]=nan"),
        ({1: math.inf}, r"energies\[1\]=inf"),
        ({1: "1.0"}, r"energies\[1\]='1\.0'"),
        ({1: None}, r"energies\[1\]=None"),
        ({1: True}, r"energies\[1\]=True"),
        ({1: 1j}, r"energies\[1\]=1j"),
        ({1: np.ones(2)}, r"energies\[1\]=array"),
        ([(1, 1.0)], "energies=.*needs a dictionary by degree"),
        (None, "energies=None"),
    ):
        with pytest.raises(ValueError, match=needle):
            function(spectrum, bad)


class Same(int):
    """An integer that is no key equal to another one."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def test_two_keys_of_one_degree_are_refused() -> None:
    for function in FUNCTIONS.values():
        with pytest.raises(ValueError, match="two keys mean this one"):
            function(ntk_spectrum(SHIFTED, 9, 4), {Same(2): 1.0, Same(2): 3.0})


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0, "1", None, True, np.ones(1), 1j, 10**400])
def test_sizes_are_read_or_refused(bad: object) -> None:
    spectrum = ntk_spectrum(SHIFTED, 9, 4)
    for name, call in (
        ("ridge", lambda: kernel_ridge_risk(spectrum, 50, bad, {1: 1.0})),
        ("ridge", lambda: effective_regularization(spectrum, 50, bad)),
        ("ridge", lambda: learnabilities(spectrum, 50, bad)),
        ("noise", lambda: kernel_ridge_risk(spectrum, 50, 0.1, {1: 1.0}, bad)),
        ("noise", lambda: optimal_ridge(spectrum, 50, {1: 1.0}, bad)),
        ("noise", lambda: samples_for_risk(spectrum, 0.5, {1: 1.0}, bad)),
        ("risk", lambda: samples_for_risk(spectrum, bad, {1: 1.0})),
    ):
        with pytest.raises(ValueError, match=f"{name}=.*: needs a finite number >= 0"):
            call()


def test_sample_sizes_of_any_integer_type() -> None:
    spectrum = ntk_spectrum(SHIFTED, 9, 4)
    expected = kernel_ridge_risk(spectrum, 60, 0.5, {1: 1.0}, 0.25)
    for n in (np.int64(60), np.uint16(60), sp.Integer(60)):
        assert kernel_ridge_risk(spectrum, n, np.float32(0.5), {1: 1.0}, np.float64(0.25)) == expected
    for n in (0, -1, True, 60.0, np.float64(60), "60", np.array([60]), None, 10**5000):
        with pytest.raises(ValueError, match="n="):
            kernel_ridge_risk(spectrum, n, 0.5, {1: 1.0})


def test_multiplicities_beyond_the_range_of_doubles() -> None:
    """d = 10^6, degree 80: N > 1e308, Lambda < 1e-400, N Lambda moderate; against the first five degrees."""
    wide, narrow = (ntk_spectrum(parse("sin(z + pi/4)"), 10**6, top) for top in (80, 4))
    assert wide.multiplicities[80] > 10**308
    energies = {1: 1.0, 70: 1.0}
    for n in (200, 10**7):
        assert effective_regularization(wide, n, 0.1) == pytest.approx(
            effective_regularization(narrow, n, 0.1), rel=1e-12
        )
        found = kernel_ridge_risk(wide, n, 0.1, energies, 0.5)
        assert found == pytest.approx(kernel_ridge_risk(narrow, n, 0.1, {1: 1.0}, 1.5), rel=1e-12)
    assert optimal_ridge(wide, 10**7, energies, 0.5) == pytest.approx(optimal_ridge(narrow, 10**7, {1: 1.0}, 1.5))
    assert samples_for_risk(wide, 1.7, energies, 0.5) == samples_for_risk(narrow, 1.7, {1: 1.0}, 1.5)
    table = wide.to_numpy()
    assert table["multiplicity"][80] == math.inf
    assert table["multiplicity"][4] == float(wide.multiplicities[4])
    assert table["eigenvalue"][80] == 0.0
    share = multiplicity(10**6, 80) * ntk_eigenvalue(parse("sin(z + pi/4)"), 80, 10**6, 20)
    assert wide.contributions[80].overlaps(share)
    assert sum(wide.contributions, wide.tail).overlaps(wide.trace)
    if pytest.importorskip("pandas"):
        assert wide.to_pandas()["multiplicity"].iloc[80] == multiplicity(10**6, 80)


def test_multiplicities_too_long_to_write_out() -> None:
    """More than 4300 digits, where str() of an integer fails."""
    count = multiplicity(10**6, 2000)
    made = Spectrum(SHIFTED, 10**6, (2000,), (count,), (arb(1),), arb(0))
    assert "2.222923e+6265" in str(made)
    assert "2.222923e+6265" in made._repr_html_()
    assert r"2.222923 \cdot 10^{6265}" in made.to_latex()
    assert made.to_numpy()["multiplicity"][0] == math.inf
    for k in (10**5000, -(10**5000)):
        with pytest.raises(ValueError, match=r"k=-?1\.000000e\+5000: needs -1 <= k"):
            made.effective_ridge(k)
    with pytest.raises(ValueError, match=r"d=1\.000000e\+5000: needs d <="):
        multiplicity(10**5000, 2)
    assert multiplicity(3, 10**9) == 2 * 10**9 + 1


def test_quadntk_spectra_are_continued_too() -> None:
    short, long = (quadntk_spectrum(parse("tanh(z + 1)"), 8, top) for top in (1, 20))
    assert kernel_ridge_risk(short, 2000, 0.0, {2: 1.0}) == pytest.approx(
        kernel_ridge_risk(long, 2000, 0.0, {2: 1.0}), rel=1e-3
    )


def test_a_ridgeless_fit_of_noise_does_not_end_at_the_degrees_listed() -> None:
    """With 4, 8 and 12 degrees the risk seemed to reach 0.5 at 20748, 6.9e6 and 4.8e8 samples; it never does."""
    for top in (4, 12):
        with pytest.raises(ValueError, match=r"not reached with 1000000000000000 samples at ridge=0\.0"):
            samples_for_risk(ntk_spectrum(SHIFTED, 20, top), 0.5, {1: 1.0, 2: 1.0}, noise=0.3, ridge=0.0)
