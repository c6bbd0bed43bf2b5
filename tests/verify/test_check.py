"""The checker accepts what separation_theorem writes, refuses every number changed, and files of other kinds."""

import ast
import copy
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import mpmath
import pytest
from mpmath import iv

import verify.check
import verify.intervals
from theory import separation_theorem
from verify.check import Refused, check, main

TEXT = "sin(z + pi/4)"
SPARE = 0.001
"""A bit: what a number is changed by, relatively."""


@pytest.fixture(scope="module")
def data():
    return json.loads(json.dumps(separation_theorem(TEXT).certificate()))


def leaves(node, path=()):
    """Every number of a certificate with its place."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from leaves(value, (*path, i))
    elif path[-1] not in ("format", "activation", "name", "relation"):
        yield path, node


def changed(text, sign: int):
    """A number a bit larger or smaller; integers by one, widths, which are even, by two."""
    if isinstance(text, int):
        return text + sign * (1 if text % 2 or text < 1000 else 2)
    if text.startswith("["):
        middle, radius = text[1:-1].split(" +/- ")
        return f"[{changed(middle, sign)} +/- {radius}]"
    value = Fraction(text)
    moved = value * (1 + sign * Fraction(SPARE))
    return str(moved) if "/" in text or "." not in text else format(float(moved), ".25f")


def replaced(data, path, value):
    copied = copy.deepcopy(data)
    node = copied
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return copied


def refused(data) -> bool:
    try:
        list(check(data))
    except Refused:
        return True
    return False


def test_a_certificate_is_accepted(data, tmp_path: Path, capsys) -> None:
    file = tmp_path / "c.json"
    file.write_text(json.dumps(data))
    assert main([str(file)]) == 0
    assert "The certificate holds." in capsys.readouterr().out


def test_every_number_changed_a_bit_is_refused(data) -> None:
    """Either way, each in turn: the harmful direction is one of the two."""
    places = list(leaves(data))
    assert len(places) > 60
    for path, value in places:
        for sign in (-1, 1):
            if value in (0, "0"):
                continue
            assert refused(replaced(data, path, changed(value, sign))), f"{path}: {value} -> {changed(value, sign)}"


@pytest.mark.parametrize("text", ["sin(z + 1)", "tanh(z + 1)", "sin(z + pi/4) + z", "2*sin(z + pi/4)"])
def test_another_activation_is_refused(data, text: str) -> None:
    with pytest.raises(Refused):
        list(check(replaced(data, ("activation",), text)))


def test_consistent_lies_are_refused(data) -> None:
    """A certificate of smaller suprema, made whole by the writer itself, fails at the suprema."""
    from theory.learning import separation

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(separation, "SLACK", separation.SLACK * 0.99)
        lie = json.loads(json.dumps(separation_theorem(TEXT).certificate()))
    with pytest.raises(Refused, match="exceeds"):
        list(check(lie))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(separation, "MEANS", ("curvature energy", "slope energy", "slope", "curvature"))
        lie = json.loads(json.dumps(separation_theorem("tanh(z + 1)", d_min=200).certificate()))
    with pytest.raises(Refused):
        list(check(lie))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b'{"format": NaN}',
        b'{"format": 1e999999}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"format": ' + b"9" * 100_000 + b"}",
        b'{"a": 1}' * 10,
        b" " * 2_000_000,
    ],
    ids=["empty", "open", "list", "number", "nan", "huge exponent", "bytes", "deep", "digits", "several", "long"],
)
def test_foreign_files_are_refused_in_a_sentence(text: bytes, tmp_path: Path, capsys) -> None:
    file = tmp_path / "c.json"
    file.write_bytes(text)
    assert main([str(file)]) == 1
    out = capsys.readouterr()
    assert out.out.startswith("refused: ")
    assert out.out.count("\n") == 1
    assert out.err == ""


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("d_min",), True),
        (("d_min",), "100"),
        (("d_min",), 10**40),
        (("d_min",), 2),
        (("k",), 2),
        (("activation",), 7),
        (("activation",), "__import__('os').system('true')"),
        (("activation",), "(" * 300),
        (("activation",), "z**9999"),
        (("activation",), "sin(z)" + "+z" * 400),
        (("energies", "dense"), "1/0"),
        (("energies", "dense"), "-1"),
        (("energies", "sparse"), "0"),
        (("means", "slope"), "[nan +/- 1]"),
        (("means", "slope"), "[0.42 +/- 1]"),
        (("means", "slope"), None),
        (("means", "curvature"), "0.001"),
        (("suprema", "sigma'"), "1e999"),
        (("suprema", "sigma'"), "-1"),
        (("suprema", "sigma'"), "9" * 100),
        (("widths", "taylor"), 31_211),
        (("widths", "taylor"), 10**20),
        (("network",), {"epsilon": "1/4", "delta": "1/10", "more": "1"}),
        (("errors",), []),
        (("sphere",), []),
        (("inequalities",), {}),
        (("inequalities", 0, "relation"), ">="),
    ],
)
def test_damaged_members_are_refused(data, path, value, tmp_path: Path, capsys) -> None:
    file = tmp_path / "c.json"
    file.write_text(json.dumps(replaced(data, path, value)))
    assert main([str(file)]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("refused: ")


def test_a_missing_file_and_no_file(tmp_path: Path, capsys) -> None:
    assert main([str(tmp_path / "none.json")]) == 1
    assert main([]) == 2


def test_it_imports_none_of_the_packages_that_it_checks() -> None:
    theirs = {"theory", "numerics", "torch", "flint", "sympy"}
    code = f"import sys, verify.check; sys.exit(bool({theirs!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    for module in (verify.check, verify.intervals):
        tree = ast.parse(Path(module.__file__).read_text())
        names = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not {str(name).split(".")[0] for name in names} & theirs


@pytest.mark.parametrize(
    "text", ["sin(z + pi/4)", "tanh(z + 1)", "erf(z + 1/2)", "softplus(z + 1)", "exp(-z**2/2)*z + cos(2*z)"]
)
def test_series_against_numerical_derivatives(text: str) -> None:
    """At a point and on an interval around it, from orders 1 to 4."""
    names = {"sigmoid": lambda u: 1 / (1 + mpmath.exp(-u)), "softplus": lambda u: mpmath.log(1 + mpmath.exp(u))}
    space = {n: getattr(mpmath, n) for n in ("sin", "cos", "tanh", "exp", "erf", "pi")} | names

    def value(z):
        return eval(text, {"__builtins__": {}}, space | {"z": z})  # noqa: S307

    iv.prec = 80
    for at in ("0.3", "-1.7"):
        found = verify.intervals.derivatives(text, iv.mpf(at), 4, 1)
        wide = verify.intervals.derivatives(text, iv.mpf(at) + iv.mpf([-1, 1]) / 50, 4, 1)
        with mpmath.workdps(40):
            for order in range(1, 5):
                want = mpmath.diff(value, mpmath.mpf(at), order)
                assert abs(mpmath.mpf(found[order - 1][0].mid.a) - want) < 1e-12
                assert wide[order - 1][0].a <= want <= wide[order - 1][0].b


@pytest.mark.parametrize("text", ["softplus(2*z + 1)", "sigmoid(3*z + 1)", "z*0 + tanh(z + 1)"])
def test_a_product_with_a_constant_is_bounded_to_the_ends_of_the_line(text: str) -> None:
    """0 times an interval without an end is 0; and the bound is sharp: 1 % less is refused."""
    iv.prec = 80
    function = lambda z: mpmath.tanh(z + 1)  # noqa: E731
    if text.startswith("s"):
        slope = 2 if text.startswith("soft") else 3
        function = lambda z: 1 / (1 + mpmath.exp(-slope * z - 1)) * (2 if slope == 2 else 1)  # noqa: E731
    order = 2 if text.startswith("soft") else 1  # softplus' is the sigmoid: its supremum is at infinity
    most = max(abs(mpmath.diff(function, mpmath.mpf(i) / 50 - 4)) for i in range(400))
    at_order = verify.intervals.stays_below
    assert at_order(text, order, iv.mpf(most) * 1.001)
    assert not at_order(text, order, iv.mpf(most) * 0.99)


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("exp(exp(exp(exp(z))))", "a number above 2"),
        ("sin(exp(exp(exp(z))))", "a number above 2"),
        ("z**20*z**20*z**20*z**20*z**20", "more than 100 operations"),
        ("+".join(["z"] * 60), "more than 100 operations"),
        ("sin(300*z)**2 + cos(300*z)**2", "could not be bounded in"),
    ],
)
def test_what_would_run_without_end_is_refused(text: str, needle: str) -> None:
    iv.prec = 80
    with pytest.raises(Refused, match=needle):
        verify.intervals.stays_below(text, 1, iv.mpf(2))
