"""What ``escape-ntk spectrum`` prints, at the ends of its range."""

import csv
import json

import pytest
from flint import arb, ctx

from theory import Activation, ntk_spectrum
from verify.cli.main import main
from verify.cli.spectra import FORMULAS, MAX_DIGITS, _count, _double


@pytest.mark.parametrize("kernel", ["ntk", "quadntk"])
@pytest.mark.parametrize(("d", "degrees", "digits"), [(3, 0, 1), (3, 60, 15), (10**6, 0, 15), (10**6, 60, 1)])
def test_every_form_at_the_ends(
    kernel: str, d: int, degrees: int, digits: int, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["spectrum", "sin(z + pi/4)", "--d", str(d), "--degrees", str(degrees), "--digits", str(digits)]
    words += ["--kernel", kernel]
    assert main(words) == 0
    table = capsys.readouterr().out.splitlines()
    assert FORMULAS[{"ntk": "NTK", "quadntk": "QuadNTK"}[kernel]] == table[1]
    assert len(table) == degrees + 5
    assert main([*words, "--latex"]) == 0
    assert capsys.readouterr().out.count(r"\\") == degrees + 2
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [entry["degree"] for entry in found["spectrum"]] == list(range(degrees + 1))
    assert {"mid", "radius"} <= found["spectrum"][-1].keys()
    assert found["formula"] == table[1]
    assert main([*words, "--csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    for row, entry in zip(rows, found["spectrum"], strict=True):
        assert (row["eigenvalue"], row["degree"]) == (entry["eigenvalue"], str(entry["degree"]))
        assert row["multiplicity"] == str(entry["multiplicity"])
        assert (row["mid"], row["radius"]) == tuple(
            "" if entry[n] is None else repr(entry[n]) for n in ("mid", "radius")
        )


def test_two_forms_of_one_table_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spectrum", "tanh(z + 1)", "--d", "10", "--csv", "--json"]) == 2
    assert "give one of them" in capsys.readouterr().err


def test_a_kernel_in_t(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["spectrum", "1 - acos(t)/pi", "--d", "10", "--degrees", "4", "--kernel", "zonal"]
    assert main(words) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].startswith("kernel 1 - acos(t)/pi on the sphere")
    assert table[1] == FORMULAS["zonal"]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [entry["eigenvalue"] == "0" for entry in found["spectrum"]] == [False, False, True, False, True]
    assert main(["spectrum", "tanh(z)", "--d", "10", "--kernel", "zonal"]) == 2
    assert "write the expression in t" in capsys.readouterr().err


def test_numbers_enclose_the_value(capsys: pytest.CaptureFixture[str]) -> None:
    """mid +- radius contains the value found to 60 digits, and no radius is larger than the digits asked leave."""
    words = ["spectrum", "tanh(z + 1)", "--d", "20", "--degrees", "8", "--json"]
    fine = ntk_spectrum(Activation.parse("tanh(z + 1)"), 20, 8, digits=60)
    for digits in (1, 15, 40):
        assert main([*words, "--digits", str(digits)]) == 0
        found = json.loads(capsys.readouterr().out)
        pairs = [(entry["mid"], entry["radius"]) for entry in found["spectrum"]]
        for (mid, radius), value in zip(pairs, fine.eigenvalues, strict=True):
            with ctx.workprec(2000):
                assert abs(value - arb(mid)) <= arb(radius)
            assert 0 < radius <= abs(mid) * (10.0**-digits + 2.0**-52)
        with ctx.workprec(2000):
            assert abs(fine.tail - arb(found["tail_mid"])) <= arb(found["tail_radius"]) + fine.tail.rad()


def test_exact_values_and_values_beyond_doubles() -> None:
    with ctx.workprec(200):
        assert _double(arb(0)) == {"mid": 0.0, "radius": 0.0}
        assert _double(arb("0.25")) == {"mid": 0.25, "radius": 0.0}
        assert _double(arb(0, "1e-20"))["mid"] == 0.0
        tenth = _double(arb(1) / 10)
        assert tenth["mid"] == 0.1
        assert 0 < tenth["radius"] < 1e-17
        for beyond in (arb("1e-400"), arb("1e-310"), arb("1e400"), arb(0, "1e400"), arb("nan")):
            assert _double(beyond) == {"mid": None, "radius": None}
        assert _double(arb(0, "1e-400"))["radius"] == 5e-324


def test_multiplicities_of_many_digits_are_text() -> None:
    assert _count(10 ** (MAX_DIGITS - 1)) == 10 ** (MAX_DIGITS - 1)
    text = _count(10**MAX_DIGITS)
    assert text == "1" + "0" * MAX_DIGITS
    json.dumps(text)


def test_degrees_without_end_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spectrum", "tanh(z + 1)", "--d", "20", "--degrees", "100000"]) == 2
    assert "degrees=100000: needs degrees <= 10000" in capsys.readouterr().err
