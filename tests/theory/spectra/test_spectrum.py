import re
import sys

import numpy as np
import pytest
from flint import arb, ctx

from theory import (
    Activation,
    Spectrum,
    Undecided,
    coefficient,
    coefficients,
    effective_ridge,
    multiplicity,
    ntk_eigenvalue,
    ntk_spectrum,
    ntk_trace,
    quadntk_eigenvalue,
    quadntk_spectrum,
    quadntk_trace,
)

parse = Activation.parse
SHIFTED = parse("sin(z + pi/4)")
BOTH = [
    (ntk_spectrum, ntk_eigenvalue, ntk_trace, "NTK"),
    (quadntk_spectrum, quadntk_eigenvalue, quadntk_trace, "QuadNTK"),
]


@pytest.mark.parametrize("text", ["sin(z + pi/4)", "tanh(z + 1)", "tanh(z)", "z**4 - z**3"])
@pytest.mark.parametrize(("spectrum", "eigenvalue", "trace", "name"), BOTH)
@pytest.mark.parametrize("digits", [15, 25, 40])
def test_a_spectrum_collects_the_eigenvalues(text, spectrum, eigenvalue, trace, name, digits) -> None:
    activation, d, top = parse(text), 7, 6
    found = spectrum(activation, d, top, digits)
    assert (found.activation, found.d, found.kernel, found.digits) == (activation, d, name, digits)
    assert found.degrees == tuple(range(top + 1))
    assert found.multiplicities == tuple(multiplicity(d, j) for j in range(top + 1))
    for degree, value in zip(found.degrees, found.eigenvalues, strict=True):
        expected = eigenvalue(activation, degree, d, digits + 5)
        assert value.overlaps(expected)
        assert value.is_zero() == expected.is_zero()
        assert value.is_zero() or value.rel_accuracy_bits() >= digits * 3.3219
    with ctx.workprec(300):
        whole = trace(activation, d, digits + 5)
        listed = sum((n * v for n, v in zip(found.multiplicities, found.eigenvalues, strict=True)), arb(0))
        assert found.tail.overlaps(whole - listed)
        assert found.tail.rad() < whole * arb(10) ** -(digits - 1)


def test_defaults() -> None:
    assert ntk_spectrum(SHIFTED, 5, 0).digits == quadntk_spectrum(SHIFTED, 5, 0).digits == 15
    assert Spectrum(SHIFTED, 5, (0,), (1,), (arb(1),), arb(0)).digits == 15
    assert Spectrum(SHIFTED, 5, (0,), (1,), (arb(1),), arb(0)).kernel == "NTK"


@pytest.mark.parametrize("text", ["tanh(z + 1)", "relu(z)", "erf(z + 1/2)", "exp(z/2)"])
def test_partial_sums_approach_the_trace_from_below(text: str) -> None:
    activation = parse(text)
    spectrum = ntk_spectrum(activation, 6, 14)
    assert spectrum.tail > -arb("1e-12")
    assert spectrum.tail < ntk_spectrum(activation, 6, 10).tail
    assert spectrum.tail < arb("0.1") * ntk_trace(activation, 6)


def test_effective_ridge_from_the_listed_degrees() -> None:
    spectrum = ntk_spectrum(SHIFTED, 8, 5, 25)
    for k in range(6):
        found = spectrum.effective_ridge(k)
        assert found.overlaps(effective_ridge(SHIFTED, 8, k, 30))
        assert found.rad() < arb("1e-22")
    assert spectrum.effective_ridge(5).overlaps(spectrum.tail)
    assert spectrum.effective_ridge(-1).overlaps(ntk_trace(SHIFTED, 8, 30))
    assert spectrum.trace.overlaps(ntk_trace(SHIFTED, 8, 30))
    assert spectrum.trace.rad() < arb("1e-22")
    for k in (-2, 6):
        with pytest.raises(ValueError, match=f"k={k}: needs -1 <= k <= 5"):
            spectrum.effective_ridge(k)


def test_many_digits_survive_the_sums() -> None:
    """A sum over degrees keeps the digits of its terms, whatever precision the caller works at."""
    spectrum = ntk_spectrum(SHIFTED, 30, 8, 100)
    assert spectrum.trace.rel_accuracy_bits() >= 329
    assert spectrum.effective_ridge(0).rel_accuracy_bits() >= 329


def test_printed_table() -> None:
    assert str(ntk_spectrum(parse("z**3"), 12, 3, digits=6)).splitlines() == [
        "NTK of z**3 on the sphere of radius sqrt(d), d = 12",
        "degree  multiplicity  eigenvalue, certified",
        "     0             1  0",
        "     1            12  [11.0204 +/- 8.17e-6]",
        "     2            77  0",
        "     3           352  [0.413265 +/- 3.07e-7]",
        f"trace above degree 3: {ntk_spectrum(parse('z**3'), 12, 3, digits=6).tail.str(5)}",
    ]
    tail = str(ntk_spectrum(parse("relu(z)"), 10, 3, digits=8)).splitlines()[-1]
    assert tail.startswith("trace above degree 3: [0.76477 +/- ")  # 5 - 0.16730 - 10/4 - 54 * 0.0290357
    wide = str(ntk_spectrum(parse("z**2"), 10**6, 3)).splitlines()
    assert wide[-2].startswith("     3  166667166666000000  0")
    assert wide[1].startswith("degree        multiplicity  eigen")


def test_latex_table() -> None:
    small = ntk_spectrum(parse("z**3"), 10**6, 3, digits=8).to_latex().splitlines()
    assert small == [
        r"\begin{tabular}{rrl}",
        r"$\ell$ & $N(1000000,\ell)$ & $\Lambda_\ell$ \\ \hline",
        r"$0$ & $1$ & $0$ \\",
        r"$1$ & $1000000$ & $9.0000360$ \\",
        r"$2$ & $500000499999$ & $0$ \\",
        r"$3$ & $166667166666000000$ & $1.0799914 \cdot 10^{-10}$ \\",
        r"\end{tabular}",
    ]
    assert r"& $Q_\ell$ \\ \hline" in quadntk_spectrum(parse("z**2"), 5, 0).to_latex()


def test_numpy_table() -> None:
    spectrum = ntk_spectrum(SHIFTED, 9, 4)
    table = spectrum.to_numpy()
    assert table.dtype.names == ("degree", "multiplicity", "eigenvalue")
    assert [table.dtype[i] for i in range(3)] == [np.int64, np.float64, np.float64]
    assert table["degree"].tolist() == [0, 1, 2, 3, 4]
    assert table["multiplicity"].tolist() == [float(n) for n in spectrum.multiplicities]
    assert table["eigenvalue"].tolist() == [float(v.mid()) for v in spectrum.eigenvalues]


def test_pandas_table() -> None:
    pytest.importorskip("pandas")
    spectrum = quadntk_spectrum(SHIFTED, 10**5, 5)
    frame = spectrum.to_pandas()
    assert list(frame.columns) == ["multiplicity", "eigenvalue", "radius", "eigenvalue_ball"]
    assert frame.index.name == "degree"
    assert frame.index.tolist() == [0, 1, 2, 3, 4, 5]
    assert frame["multiplicity"].tolist() == list(spectrum.multiplicities)  # exact: beyond 64 bits
    assert frame["multiplicity"].iloc[5] > 2**64
    assert frame["eigenvalue"].tolist() == [float(v.mid()) for v in spectrum.eigenvalues]
    assert frame["radius"].tolist() == [float(v.rad()) for v in spectrum.eigenvalues]
    assert frame["eigenvalue_ball"].tolist() == [v.str(15) for v in spectrum.eigenvalues]
    assert frame.attrs == {"kernel": "QuadNTK", "activation": "sin(z + pi/4)", "d": 10**5}


def test_pandas_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"escape-ntk\[notebook\]"):
        ntk_spectrum(SHIFTED, 9, 1).to_pandas()


def test_one_undecided_coefficient_does_not_matter() -> None:
    """Integrating the derivative of (1-t^2)^{(d-1)/2} e^z gives E[(d - (d-1) z - z^2) e^z] = 0, unknown to parity."""
    activation, d = parse("(17 - 7*z - z**2)*exp(z)"), 10
    with pytest.raises(Undecided):
        coefficient(activation, 0, d, 1)
    with pytest.raises(Undecided):
        coefficients(activation, 3, d, 1)
    spectrum = ntk_spectrum(activation, d, 3)
    assert len(spectrum.eigenvalues) == 4
    for degree, value in enumerate(spectrum.eigenvalues):
        assert value.overlaps(ntk_eigenvalue(activation, degree, d, 20))
        assert value.rel_accuracy_bits() >= 50
    assert spectrum.eigenvalues[1].overlaps(9 * arb(10) / 10 * coefficient(activation, 2, d, 1) ** 2)
    twice = parse("(22 - 5*z - z**2)*exp(z)")  # here it is sigma''
    for degree, value in enumerate(quadntk_spectrum(twice, d, 2).eigenvalues):
        assert value.overlaps(quadntk_eigenvalue(twice, degree, d, 20))


def test_arguments_are_checked() -> None:
    for spectrum in (ntk_spectrum, quadntk_spectrum):
        for d, top, needle in ((2, 3, "d=2"), (5, -1, "max_degree=-1"), ("x", 3, "d='x'")):
            with pytest.raises(ValueError, match=needle):
                spectrum(SHIFTED, d, top)
        with pytest.raises(ValueError, match="digits=0"):
            spectrum(SHIFTED, 5, 2, 0)


def test_notebook_table_and_long_multiplicities() -> None:
    spectrum = ntk_spectrum(Activation.parse("sin(z + pi/4)"), 10**6, 12)
    assert spectrum.multiplicities[12] > 10**60
    assert max(map(len, str(spectrum).splitlines())) < 110
    page = spectrum._repr_html_()
    assert page.count("<tr>") == 14
    assert "NTK of sin(z + pi/4), d = 1000000" in page


def test_given_eigenvalues_in_every_form() -> None:
    pd = pytest.importorskip("pandas")
    values = [2.0, 0.5, 0.25]
    expected = Spectrum.from_eigenvalues(values, d=10)
    assert expected.multiplicities == (1, 10, 54)
    for form in (
        tuple(values),
        np.array(values),
        np.array(values, np.float32),
        pd.Series(values),
        dict(enumerate(values)),
    ):
        assert Spectrum.from_eigenvalues(form, d=10) == expected
    assert Spectrum.from_eigenvalues([1, 2]).eigenvalues == Spectrum.from_eigenvalues(np.array([1, 2])).eigenvalues
    sparse = Spectrum.from_eigenvalues({0: 1.0, 3: 2.0}, multiplicities=np.array([1, 2, 3, 4]))
    assert [bool(value.is_zero()) for value in sparse.eigenvalues] == [False, True, True, False]
    assert sparse.trace.overlaps(arb(9))
    assert "eigenvalue, given" in str(sparse)
    assert "multiplicity" in sparse.to_latex()
    assert sparse.to_pandas().attrs["d"] is None


@pytest.mark.parametrize(
    ("arguments", "needle"),
    [
        (([],), "one or more"),
        ((1.0,), "one or more"),
        ((["1"],), "eigenvalues[0]='1'"),
        (([1.0, float("nan")],), "eigenvalues[1]=nan"),
        (([1 + 2j],), "finite real number"),
        (([1.0], 10, [1]), "needs one of them"),
        (([1.0], None, [0]), "needs 1 integers >= 1"),
        (([1.0], None, [1, 2]), "needs 1 integers >= 1"),
        (([1.0], None, [1.5]), "needs 1 integers >= 1"),
        (([1.0], 2), "d=2"),
        (([1.0], 10, None, "x"), "tail='x'"),
        (({-1: 1.0},), "degree=-1"),
    ],
)
def test_bad_eigenvalues(arguments: tuple, needle: str) -> None:
    with pytest.raises(ValueError, match=re.escape(needle)):
        Spectrum.from_eigenvalues(*arguments)
