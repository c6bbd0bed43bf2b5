"""Profiles as data: files, single fields, refusals."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from verify.profile import FULL, QUICK, Profile, load_profile

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


def test_a_profile_survives_its_json() -> None:
    for profile in (QUICK, FULL):
        assert Profile.model_validate_json(profile.model_dump_json()) == profile
    assert load_profile("quick") == QUICK


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
