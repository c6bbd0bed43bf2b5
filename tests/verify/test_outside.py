"""Claims from a file or from an installed package: judged like ours, told apart from ours, refused in one sentence."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from verify import outside, registry
from verify.cli.main import main
from verify.running.experiment import fingerprint
from verify.session import verify
from verify.sizes.profile import QUICK

ROOT = Path(__file__).parents[2]
MADE = ("mine", "others", "beside", "my_package", "my_package.claims", "no_claims")
CLAIM = '''"""A claim that is true."""
from verify import Cell, Claim, Control, DecisionRule, scaled

FACTOR = 1.0


class Draw(Cell):
    def run(self):
        import numpy as np

        return {"mean": FACTOR * float(np.random.default_rng(self.seed("draw")).normal(1.0, 0.1))}


def cells(p):
    return tuple(Draw(base_seed=p.base_seed, replicate=r) for r in range(16))


def predict(p):
    return {"mean": 1.0}


def observe(p, evidence):
    return {"mean": [evidence[cell]["mean"] for cell in cells(p)]}


M1 = Claim(
    id="M1",
    title="A mean",
    statement="m = 1",
    source="made up",
    why="It is drawn so.",
    refuted_by="Another mean.",
    hypotheses=(),
    depends_on=(),
    design=cells,
    rules=lambda p: (DecisionRule("mean", "mean", "within", 0.2, 0.5, 0.1, 16),),
    predict=predict,
    observe=observe,
    controls=(Control("twice the mean", predict=scaled(predict, 2.0)),),
    activations="none",
)
CLAIMS = (M1,)
'''

Writer = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    """Write a file of claims, with replacements, into a folder of its own; what is loaded is forgotten afterwards."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)

    def forget() -> None:
        for name in MADE:
            sys.modules.pop(name, None)

    def write(name: str = "mine.py", text: str = CLAIM) -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        forget()
        return name

    yield write
    forget()


def edited(old: str, new: str) -> str:
    assert old in CLAIM
    return CLAIM.replace(old, new)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(words)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_every_command_knows_a_claim_from_a_file(write: Writer, capsys: pytest.CaptureFixture[str]) -> None:
    source = ("--claims-from", write())
    status, out, _ = run(capsys, "verify", *source, "--workers", "1", "--json")
    (entry,) = json.loads(out)["claims"]
    assert (status, entry["id"], entry["verdict"], entry["control"]["verdict"]) == (0, "M1", "HOLDS", "FAILS")
    page = Path("out/report.html")
    assert "made up" in page.read_text(encoding="utf-8")
    page.unlink()
    for words, needle in (
        (("claims",), "M1  A mean"),
        (("explain", "M1"), "Verdict: HOLDS"),
        (("figure", "m1"), "figure: M1.svg"),
        (("report", "out"), "report: out/report.html"),
        (("calibrate", "M1", "--runs", "50"), "M1"),
    ):
        status, out, err = run(capsys, *words, *source)
        assert (status, err) == (0, ""), words
        assert needle in out
    assert page.exists()
    assert run(capsys, "claims", *source)[1].count("control:") == 1, "ours are not listed"
    described = " ".join(run(capsys, "explain", "M1", *source, "--out", "nothing")[1].split())
    assert "Written in: mine.py." in described
    assert "--claims M1 --claims-from mine.py --profile quick" in described


def test_without_the_file_its_records_are_named(write: Writer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "verify", "--claims-from", write(), "--workers", "1")[0] == 0
    for words in (("report", "out"), ("explain", "S2")):
        status, _, err = run(capsys, *words)
        assert status == 2
        assert "its run holds claim M1, which this version does not know; a claim from a file is found with" in err
    status, _, err = run(capsys, "verify", "--claims", "M1")
    assert (status, "unknown claim M1; known are S1" in err) == (2, True)


def test_beside_or_without_ours(write: Writer) -> None:
    source = [write()]
    assert [c.id for c in registry.select(None, sources=source)] == ["M1"]
    assert [c.id for c in registry.select("m1, S2", sources=source)] == ["S2", "M1"]
    assert [c.id for c in registry.select(None)] == list(registry.CLAIMS)
    assert list(registry.known(source * 2)) == [*registry.CLAIMS, "M1"], "a source may be given twice"


def test_an_edit_measures_the_own_cells_again_and_no_others(write: Writer, tmp_path: Path) -> None:
    others = CLAIM.replace("M1", "M2")

    def computed(text: str = CLAIM) -> dict[str, tuple[int, str]]:
        mine, theirs = write("mine.py", text), write("others.py", others)
        judged = verify(registry.select(None, sources=[mine, theirs]), QUICK, tmp_path / "out").judgements
        return {j.claim.id: (j.computed, str(j.verdict)) for j in judged}

    before = fingerprint()
    assert computed() == {"M1": (16, "HOLDS"), "M2": (16, "HOLDS")}
    assert computed() == {"M1": (0, "HOLDS"), "M2": (0, "HOLDS")}
    assert computed(edited("FACTOR = 1.0", "FACTOR = 2.0")) == {"M1": (16, "FAILS"), "M2": (0, "HOLDS")}
    assert computed(edited('"made up"', '"made anew"')) == {"M1": (0, "HOLDS"), "M2": (0, "HOLDS")}, (
        "no cell has changed"
    )
    assert fingerprint() == before


def test_workers_import_the_file(write: Writer, tmp_path: Path) -> None:
    write("beside.py", "SIZE = 1.0\n")
    write(text=edited("FACTOR = 1.0", "from beside import SIZE as FACTOR"))
    line = [sys.executable, "-m", "verify", "verify", "--claims-from", "mine.py", "--workers", "2", "--json"]
    done = subprocess.run(
        line,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["claims"][0]["verdict"] == "HOLDS"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "mine.py",
            edited("M1", "S2"),
            r"S2: is registered by verify/claims/.* and mine.py; give the one that is",
        ),
        ("mine.py", edited("M1", "m1"), r"mine.py: id='m1': needs a capital letter"),
        ("mine.py", CLAIM + "1 / 0\n", r"mine.py: cannot be imported \(ZeroDivisionError: .*, line \d+\); mend it"),
        ("mine.py", "import no_such_thing\n", r"cannot be imported \(ModuleNotFoundError: .*no_such_thing.*, line 1\)"),
        ("mine.py", "def f(:\n", r"mine.py: cannot be imported \(SyntaxError: .*, line 1\)"),
        ("mine.py", "raise BaseException('x')\n", r"mine.py: cannot be imported \(BaseException: x, line 1\); mend it"),
        (
            "mine.py",
            "class Silent(Exception):\n    __str__ = None\nraise Silent\n",
            r"mine.py: cannot be imported \(Silent: its message cannot be shown, line 3\); mend it",
        ),
        ("mine.py", "raise SystemExit(3)\n", r"mine.py: cannot be imported \(SystemExit: 3, line 1\)"),
        ("mine.py", edited("CLAIMS = (M1,)", ""), r"mine.py: registers no claim; name what it defines in CLAIMS"),
        ("mine.py", edited("CLAIMS = (M1,)", "CLAIMS = (M1, 'M2')"), r"CLAIMS holds 'M2', which is no Claim"),
        ("mine.py", edited("controls=(C", "controls=() and (C"), r"mine.py: M1 has no control, so nothing shows"),
        ("mine.py", edited("depends_on=()", "depends_on=('N33',)"), r"M1 builds on N33, which .* did you mean N"),
        ("json.py", CLAIM, r"json.py: import json finds .*json.__init__.py instead; give the file another name"),
        ("my-claims.py", CLAIM, r"my-claims.py: is imported as a module; give it a name of letters"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(
    name: str, text: str, sentence: str, write: Writer, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "verify", "--claims-from", write(name, text), "--workers", "1")
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert re.search(sentence, err), err
    assert not Path("out").exists()


def test_a_field_that_may_change_is_one_sentence(write: Writer, capsys: pytest.CaptureFixture[str]) -> None:
    text = edited("class Draw(Cell):\n", "class Draw(Cell):\n    parts: list[int] = [1]\n\n")
    status, _, err = run(capsys, "verify", "--claims-from", write("mine.py", text), "--claims", "M1", "--workers", "1")
    assert (status, err.count("\n")) == (2, 1), err
    assert "M1: a field of Draw may change after its cell was made (unhashable type: 'list'); use a tuple" in err


def test_two_files_with_one_id(write: Writer) -> None:
    mine, theirs = write("mine.py"), write("others.py", text=edited('"A mean"', '"Another"'))
    with pytest.raises(ValueError, match=r"M1: is registered by mine.py and others.py; give the one that is yours"):
        registry.known([mine, theirs])


def test_names_that_are_no_source(write: Writer) -> None:
    with pytest.raises(ValueError, match="there is no such file"):
        outside.read("nowhere.py")
    with pytest.raises(ValueError, match=r"needs a file that ends in .py, or a package with claims; "):
        outside.read("nowhere")


@pytest.fixture
def package(write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution as pip lays it out, with a package whose entry point names a module with claims."""
    site = tmp_path / "site-packages"
    (site / "my_package").mkdir(parents=True)
    (site / "my_package" / "__init__.py").write_text("")
    (site / "my_package" / "claims.py").write_text(CLAIM)
    metadata = site / "my_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{outside.GROUP}]\nmy-claims = my_package.claims\n")
    monkeypatch.syspath_prepend(site)
    return site


def test_an_installed_package_is_found_by_name_and_by_id(package: Path) -> None:
    assert "my_package" not in sys.modules
    registry.select("S2")
    assert "my_package" not in sys.modules, "nobody asked for it"
    assert [c.id for c in registry.select(None, sources=["my-claims"])] == ["M1"]
    assert [c.id for c in registry.select("M1,S2")] == ["S2", "M1"]
    assert [c.id for c in registry.select("M1", sources=["my-claims"])] == ["M1"], "named and installed is no clash"
    assert registry.known(["my-claims"])["M1"].file == "my_package.claims"
    with pytest.raises(ValueError, match=r"installed are .*my-claims.*; did you mean my-claims"):
        outside.read("my-claim")


def test_records_of_an_installed_package_follow_its_code(package: Path, tmp_path: Path) -> None:
    """Its version stays, as it does while its author works on it."""

    def computed() -> int:
        for name in MADE:
            sys.modules.pop(name, None)
        (judged,) = verify(registry.select("M1"), QUICK, tmp_path / "out").judgements
        return judged.computed

    assert [computed(), computed()] == [16, 0]
    (package / "my_package" / "claims.py").write_text(edited("FACTOR = 1.0", "FACTOR = 1.1"))
    assert [computed(), computed()] == [16, 0]


def test_an_installed_package_that_cannot_be_imported(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (package / "my_package" / "claims.py").write_text("1 / 0\n")
    assert run(capsys, "claims")[0] == 0, "nobody asked for it"
    status, _, err = run(capsys, "explain", "M1")
    assert (status, "my-claims: cannot be imported (ZeroDivisionError: division by zero" in err) == (2, True)
