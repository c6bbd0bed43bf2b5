"""Profiles as data: files, single fields, refusals."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from theory import Activation
from verify.sizes.profile import FULL, PROFILES, QUICK, Profile, changed, load_profile

FILE = """
base = "full"
activations = ["tanh(z + 1)"]

[spectral]
blocks = 1000
block_dimension = { 1 = 6 }
"""


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    found = load_profile(str(path), ["spectral.blocks=2000", 'device = "cpu"', "base_seed=3"])
    assert (found.name, found.base_seed, found.activations) == ("mine", 3, ("tanh(z + 1)",))
    assert found.spectral.blocks == 2000
    assert found.spectral.block_dimension == {1: 6}, "a table by k is replaced whole"
    changed = {"name", "base_seed", "activations", "spectral"}
    assert found.model_dump(exclude=changed) == FULL.model_dump(exclude=changed)
    same = {"blocks", "block_dimension"}
    assert found.spectral.model_dump(exclude=same) == FULL.spectral.model_dump(exclude=same)


def test_the_activations_of_ours_can_be_read_and_are_distinct() -> None:
    """The check that other profiles pass as they are loaded."""
    for profile in PROFILES.values():
        for texts in (profile.activations, profile.training.more_activations):
            assert len({Activation.parse(text) for text in texts}) == len(texts)


def test_a_profile_survives_its_json() -> None:
    for profile in (QUICK, FULL):
        assert Profile.model_validate_json(profile.model_dump_json()) == profile
    assert load_profile("quick") == PROFILES["quick"]


def test_a_release_differs_from_its_sizes_in_the_base_seed_alone() -> None:
    for sizes in (QUICK, FULL):
        assert PROFILES[sizes.name].model_dump(exclude={"base_seed"}) == sizes.model_dump(exclude={"base_seed"})
        assert sizes.base_seed == 0


REFUSED = {
    "headline.ratios={}": r"^headline\.ratios=\{\}: needs an entry for at least one k",
    "headline.ratios={1=[]}": "needs at least 2 items",
    "headline.ratios={1=[nan, 1.0]}": "needs to be a finite number",
    "headline.ratios={1=[2.0, 1.0]}": "needs increasing values",
    "headline.ratios={2=[1.0, 2.0]}": r"^headline\.ratios=.*needs an entry for k = 1, which dimensions has",
    "spectral.block_dimension={3=6}": r"^spectral\.block_widths=.*needs an entry for k = 3",
    "spectral.block_dimension={x=6}": "integer",
    "spectral.gram_width={1=4097, 2=4096}": "needs an even width m",
    "optimization.width_ratio={1=7}": r"needs an even m = width_ratio d at d = 7",
    "spectral.block=3": r"^spectral\.block=3: there is no such field; did you mean spectral\.blocks\?",
    "specral.blocks=3": "did you mean spectral",
    "zzz=3": "there is no such field; there are name, base_seed",
    "spectral=3": "needs a table of sizes",
    "spectral.blocks=true": "integer",
    "spectral.blocks='300'": "integer",
    "spectral.blocks=300.0": "integer",
    "spectral.blocks=10000000000": "less than or equal to 1000000000",
    "spectral.dimension=2": "greater than or equal to 3",
    "spectral.limit_dimensions=[10, 20, 50]": "twice the one before",
    "spectral.exponent_dimensions=[10, 20, 40]": "at least 4 items",
    "directions.joint_amplitudes={1=[0.0], 2=[0.1]}": "other than 0",
    "training.more_activations=['foo(z)']": r"training\.more_activations='foo\(z\)'",
    "activations=['tanh(z+1)', 'tanh(z + 1)']": "needs each activation once",
    "activations=[3]": "string",
    "device='tpu'": "needs cpu, cuda, or cuda:N",
    "base_seed=-1": "greater than or equal to 0",
    "base_seed=99999999999999999999": "less than",
    "name=''": "needs at least 1 character",
}


@pytest.mark.parametrize("override", REFUSED)
def test_what_no_experiment_can_have_is_refused_on_load(override: str) -> None:
    """In one sentence with field and requirement, before anything is computed."""
    with pytest.raises(ValueError, match=REFUSED[override]) as caught:
        load_profile("quick", [override])
    assert not isinstance(caught.value, ValidationError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        *(b"base = []", b"base = {}", b"[[spectral]]\nblocks = 300", b"spectral = []", b"\xff\xfe", b"\0"),
        *(b"#" * 1_000_001, b"x = " + b"[" * 50_000, b"base_seed = " + b"9" * 5000),
        b"base = [" + b"1," * 500 + b"]",
    ],
)
def test_files_of_a_wrong_shape(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"needs|cannot be read") as caught:
        load_profile(str(path))
    assert not isinstance(caught.value, ValidationError)
    assert len(str(caught.value)) < 500


def test_odd_files(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    for name in ("folder.toml", "x" * 300 + ".toml", "a\0b.toml"):
        with pytest.raises(ValueError, match="cannot be read"):
            load_profile(str(tmp_path / name))


def test_the_profiles_of_the_package_pass_and_changes_are_checked() -> None:
    for name, profile in PROFILES.items():
        assert load_profile(name) == profile
    assert changed(QUICK, {"base_seed": 4, "training": {"averaged": 7}}).training.averaged == 7
    with pytest.raises(ValueError, match="needs each activation once"):
        changed(QUICK, {"activations": ("tanh(z)", "tanh(z)")})


@pytest.mark.parametrize(
    ("content", "overrides", "needle"),
    [
        ("base = 'huge'", [], "profile='huge': needs one of quick, full, gpu"),
        ("base = ", [], "cannot be read"),
        ("spectral = 3", [], "spectral"),
        ("[spectral]\nblcks = 3", [], "blcks"),
        ("[spectral]\nblocks = 'many'", [], "blocks"),
        ("", ["spectral.blocks=1e"], "needs field=value with a TOML value"),
        ("", ["spectral.blocks"], "needs field=value"),
        ("", ["spectral.blocks=3\nbase_seed=4"], "needs field=value with a TOML value"),
        ("", ['base="full"'], "name it by --profile"),
        ("", ["name.x=1"], "name"),
        ("activations = []", [], "activations"),
    ],
)
def test_refusals_name_the_field(content: str, overrides: list[str], needle: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises((ValueError, ValidationError), match=needle):
        load_profile(str(path), overrides)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ValueError, match=r"nowhere\.toml.*cannot be read"):
        load_profile("nowhere.toml")
