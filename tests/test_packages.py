"""What must hold before the packages can be imported: the names are ours, and the extra is there where it is needed."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import escape_ntk

ROOT = Path(__file__).parent.parent
WITHOUT_EXTRA = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {set(escape_ntk.EXTRA)!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""
"""An interpreter in which only what ``theory`` needs is installed; not even numpy, which Spectrum.to_numpy needs."""


def python(folder: Path, *arguments: str, listed: bool = True) -> subprocess.CompletedProcess[str]:
    """In a folder, which is also on the path where it is ``listed``."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*[str(folder)] * listed, str(ROOT)])}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_constants_need_no_torch(tmp_path: Path) -> None:
    """theory, the golden constants, spectrum, --help and --version work; the rest names the extra in one sentence."""
    code = f"""{WITHOUT_EXTRA}
import theory
assert len(theory.golden_constants()) > 300
from verify.cli.main import main
for words in (["spectrum", "tanh(z + 1)", "--d", "10", "--degrees", "1", "--json"], ["--help"], ["--version"]):
    assert main(words) == 0, words
for words in (["claims"], ["verify"], ["report", "x"], ["explain", "N3"], ["compare", "a", "b"], ["calibrate"]):
    assert main(words) == 2, words
import importlib
heavy = ("numerics", "verify.session", "verify.sizes.profile", "verify.registry", "verify.report")
for name in (*heavy, "verify.running.store"):
    try:
        importlib.import_module(name)
    except ImportError as error:
        assert "pip install 'escape-ntk[verify]'" in str(error) and "torch" in str(error), error
    else:
        raise SystemExit(name + " was imported")
try:
    from verify import Claim
except ImportError as error:
    assert "pip install 'escape-ntk[verify]'" in str(error), error
assert not {set(escape_ntk.EXTRA)!r} & set(sys.modules)
"""
    done = python(tmp_path, "-c", code)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    sentences = done.stderr.splitlines()
    assert len(sentences) == 6
    assert all(line.startswith("escape-ntk: ") and "pip install 'escape-ntk[verify]'" in line for line in sentences)


def test_the_metadata_agree_with_what_is_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = project["project"]["dependencies"]
    extras = project["project"]["optional-dependencies"]
    names = {line.split(">")[0] for line in extras["verify"]}
    assert not names & {line.split(">")[0] for line in needed}
    assert names | {"numpy"} == set(escape_ntk.EXTRA)
    assert all(extras[name][0] == "escape-ntk[verify]" for name in ("dev", "notebook", "docs", "cluster", "records"))
    assert project["project"]["scripts"] == {"escape-ntk": "escape_ntk:main"}
    assert project["project"]["entry-points"]["pytest11"] == {"escape_ntk_pytest": "escape_ntk_pytest"}
    packaged = project["tool"]["setuptools"]
    assert packaged["py-modules"] == ["escape_ntk", "escape_ntk_pytest"]
    for name in ("constants.json", "constants.schema.json"):
        assert name in packaged["package-data"]["theory"]
        assert (ROOT / "theory" / name).is_file()
    assert "protocol.json" in packaged["package-data"]["verify"]


def test_the_citation_is_one() -> None:
    """The keys that Citation File Format 1.2.0 requires, and what the metadata say too."""
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (found["cff-version"], found["type"]) == ("1.2.0", "software")
    assert (found["version"], found["license"]) == (project["version"], project["license"])
    assert found["authors"] == project["authors"]
    assert found["message"]
    assert found["title"].startswith(project["name"])
    (paper,) = found["references"]
    assert paper["identifiers"][0]["value"] in project["description"]
    for entry in (found, paper):
        assert entry["title"]
        assert entry["type"]
        assert all({"name"} == set(a) or {"family-names", "given-names"} == set(a) for a in entry["authors"])


def test_the_command_is_a_module_too(tmp_path: Path) -> None:
    for module in ("escape_ntk", "verify"):
        done = python(tmp_path, "-m", module, "spectrum", "tanh(z", "--d", "9")
        assert (done.returncode, done.stdout) == (2, "")
        assert "not an expression" in done.stderr


def test_files_of_the_user_beside_the_module_are_not_imported(tmp_path: Path) -> None:
    """Under ``python -m`` the current folder comes first, and these names are imported on the way."""
    for name in ("random", "copy", "token", "platform"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('mine')\n")
    for module in ("escape_ntk", "verify"):
        done = python(tmp_path, "-m", module, "claims", listed=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("content", ["x = 1", "raise RuntimeError('mine')"])
def test_a_verify_of_the_users_is_named_by_the_command(content: str, tmp_path: Path) -> None:
    """It is not run, and nobody is told to install what is installed."""
    (tmp_path / "verify.py").write_text(content)
    done = python(tmp_path, "-c", "import escape_ntk, sys; sys.exit(escape_ntk.main())")
    assert done.returncode == 2
    assert f"import verify finds {tmp_path / 'verify.py'} instead of the package" in done.stderr
    assert "rename what was found" in done.stderr
    assert "reinstall" not in done.stderr


def test_importing_the_command_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, verify.cli.main; print(sorted({'torch', 'scipy', 'pydantic', 'sympy', 'loky'} & set(sys.modules)))"
    )
    assert python(tmp_path, "-c", code).stdout == "[]\n"


def test_the_plugin_that_every_pytest_loads_imports_nothing_of_ours(tmp_path: Path) -> None:
    """A project with a verify.py of its own, say, sees no difference."""
    (tmp_path / "verify.py").write_text("raise SystemExit('imported')\n")
    code = "import sys, pytest; before = set(sys.modules); import escape_ntk_pytest; print(set(sys.modules) - before)"
    loaded = set(ast.literal_eval(python(tmp_path, "-c", code).stdout))
    library = {name for name in loaded if name.split(".")[0] in sys.stdlib_module_names}
    assert loaded - library == {"escape_ntk", "escape_ntk_pytest"}


@pytest.mark.parametrize("kind", ["file", "folder", "package"])
def test_a_shadowing_name_is_named(kind: str, tmp_path: Path) -> None:
    """A file, folder or package of the user's called theory or numerics is named, with the remedy, where it bites."""
    for name in ("theory", "numerics"):
        folder = tmp_path / name
        place = folder / f"{name}.py" if kind == "file" else folder / name
        if kind == "file":
            folder.mkdir()
            place.write_text("")
        else:
            place.mkdir(parents=True)
        if kind == "package":
            place = place / "__init__.py"
            place.write_text("")
        if kind == "folder":  # our folders come after the regular package of an installation: there it does no harm
            place.joinpath("notes.txt").write_text("")
        importer = "numerics" if name == "theory" else "verify.sizes.profile"
        if kind == "folder":
            # A folder without __init__.py wins only where ours is found by a later finder, as in an editable
            # installation; the finder of the test stands for it.
            code = f"""
import importlib.machinery, importlib.util, sys
class First:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations.append({str(place)!r})
            return spec
sys.meta_path.insert(0, First())
import {importer}
"""
            trials = [("-c", code)]
        else:
            trials = [("-c", f"import {importer}"), ("-m", "verify", "spectrum", "z", "--d", "5")]
            trials.append(("-c", "import escape_ntk, sys; sys.exit(escape_ntk.main())"))
        for arguments in trials:
            done = python(folder, *arguments)
            last = done.stderr.splitlines()[-1]
            assert f"import {name} finds {place} instead of the package {ROOT / name}" in last
            assert "rename what was found" in last
            if "-m" in arguments or "escape_ntk.main" in arguments[1]:
                assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
            else:
                assert done.returncode == 1
