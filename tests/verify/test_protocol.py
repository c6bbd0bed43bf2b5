"""The release protocol: the file says what the code does, and whoever reads a run is told where they differ."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from verify import protocol
from verify.cli.difference import protocols
from verify.cli.explain import explain
from verify.cli.options import sizes
from verify.judging.claim import Claim
from verify.protocol import NONE, TUNED, WRITE, coded, comparisons, in_force, main, own, remarks, section, text
from verify.registry import CLAIMS
from verify.session import Run, reload, verify
from verify.sizes.profile import PROFILES, QUICK, changed

S1, S2 = CLAIMS["S1"], CLAIMS["S2"]
FRESH = QUICK.model_copy(update={"base_seed": 987})


def made(claims: tuple[Claim, ...] = (S1,)) -> dict[str, str]:
    return {"protocol": in_force(FRESH, claims)}


def test_the_file_is_what_the_code_does() -> None:
    found = text(coded())
    assert found == Path(protocol.__file__).with_name("protocol.json").read_text(encoding="utf-8"), (
        f"sizes, margins or seeds differ from verify/protocol.json: {WRITE} fixes them anew, and marks earlier verdicts"
    )
    assert json.loads(found)["profiles"].keys() == PROFILES.keys()


def test_the_digest_depends_on_no_order_and_no_last_digit() -> None:
    released = PROFILES["quick"]
    whole = section(released, (S1,))
    mixed = random.Random(3).sample(list(whole["claims"].items()), len(whole["claims"]))
    assert protocol._sealed(released, dict(mixed))["digest"] == whole["digest"]
    rule = S1.rules(QUICK)[0]
    shaken = replace(S1, rules=lambda p: (replace(rule, margin=rule.margin * (1 + 1e-13)), *S1.rules(p)[1:]))
    assert (
        section(released, (shaken,))["digest"] == whole["digest"] == protocol.protocol()["profiles"]["quick"]["digest"]
    )


@pytest.mark.parametrize("field", ["margin", "alternative"])
def test_another_margin_is_another_protocol(field: str) -> None:
    moved = replace(
        S1, rules=lambda p: tuple(replace(r, **{field: getattr(r, field) * 1.01}) for r in S1.rules(p)[-1:])
    )
    assert in_force(FRESH, (moved,)) != in_force(FRESH, (S1,))
    (differs, other) = remarks(FRESH, (moved,), made())
    assert "the code differs from verify/protocol.json" in differs
    assert WRITE in differs
    assert other.startswith(f"made under another release protocol ({made()['protocol']})")


def test_cases_with_rules_of_their_own_are_named() -> None:
    pooled = replace(S1, ks=lambda p: (1, 2), rules=lambda p: (replace(S1.rules(p)[0], margin=float(p.k)),))
    found = comparisons(pooled, QUICK)
    assert [entry["margin"] for entry in found] == [1.0, 2.0]
    assert all(label.startswith("k = 2") for label in found[1]["cases"])


def test_another_planted_error_is_another_protocol() -> None:
    listed = section(PROFILES["quick"], (S1,))["claims"]["S1"]
    planted = [entry for entry in listed if "control" in entry]
    assert [entry["control"] for entry in planted] == [control.planted for control in S1.controls]
    milder = replace(S1, controls=(replace(S1.controls[0], planted="a smaller one"), *S1.controls[1:]))
    fewer = replace(S1, controls=S1.controls[1:])
    halved = replace(S1, controls=(replace(S1.controls[0], replicates=lambda p: 3), *S1.controls[1:]))
    digests = {in_force(FRESH, (claim,)) for claim in (S1, milder, fewer, halved)}
    assert len(digests) == 4


def test_sizes_of_ones_own_are_no_release() -> None:
    mine = changed(FRESH, {"spectral": {"blocks": 399}, "training": {"averaged": 7}})
    assert own(mine) == ["spectral.blocks", "training.averaged"]
    assert in_force(mine) == NONE
    (said,) = remarks(mine, (S1,), {"protocol": NONE})
    assert said.endswith("profile quick in spectral.blocks, training.averaged")
    named = FRESH.model_copy(update={"name": "mine"})
    assert remarks(named, (S1,), {"protocol": NONE}) == ("no release protocol: mine is a profile of your own",)


def test_a_release_with_fresh_draws_needs_no_remark() -> None:
    assert remarks(FRESH, (S1,), made(), [made()]) == ()


def test_records_of_another_protocol_are_told() -> None:
    (said,) = remarks(FRESH, (S1,), made(), [made(), {"protocol": "quick 0123"}, {}])
    assert "(none named, quick 0123)" in said
    (said,) = remarks(FRESH, (S1,), {})
    assert said.startswith("made before there was a release protocol")
    (said,) = remarks(FRESH, (S1, replace(S1, id="S99")), made())
    assert said == "no part of the release protocol: S99"


def test_a_run_of_quick_as_it_is_released_is_from_fresh_draws() -> None:
    """The base seed that a command takes by itself is the protocol's, and none that was seen in tuning."""
    released = sizes("quick", (), ())
    assert released.base_seed == protocol.protocol()["profiles"]["quick"]["base_seed"]
    assert all(released.base_seed not in one.seeds for one in TUNED)
    assert remarks(released, (S1,), {"protocol": in_force(released, (S1,))}) == ()
    assert remarks(QUICK, (S1,), made())[0].startswith("base seed 0 was used in tuning")


def test_spent_seeds_are_told() -> None:
    seeds = [seed for one in TUNED for seed in one.seeds]
    assert seeds == [
        0,
        1,
        50,
        100,
        101,
        102,
        103,
        *range(200, 208),
        317,
        *range(500, 540),
        942,
        *range(540, 560),
        943,
        944,
        600,
    ]
    for seed in seeds:
        (said,) = remarks(FRESH.model_copy(update={"base_seed": seed}), (S1,), made())
        assert said.startswith(f"base seed {seed} was used in tuning (")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    folder = tmp_path_factory.mktemp("protocol")
    return folder, verify([S2], QUICK, folder)


def test_runs_carry_it_and_readers_tell_it(run: tuple[Path, Run]) -> None:
    folder, found = run
    assert found.provenance["protocol"] == f"quick {protocol.protocol()['profiles']['quick']['digest']}"
    (said,) = found.protocol
    assert said.startswith("base seed 0 was used in tuning")
    again = reload(folder, CLAIMS)
    assert again.protocol == found.protocol
    assert list(protocols(folder, folder)) == [f"before: {said}", f"after: {said}"]
    shown = " ".join(explain(S2, QUICK, again.judgements[0], remarks=again.protocol).split())
    assert f"Protocol: {said}." in shown


def test_the_command_says_whether_the_file_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(protocol, "__file__", str(tmp_path / "protocol.py"))
    monkeypatch.setattr(protocol, "coded", lambda: {"digest": "1", "profiles": {}})
    assert main([]) == 1
    assert WRITE in capsys.readouterr().out
    assert main(["--write"]) == 0
    assert main([]) == 0
    assert main(["--twice"]) == 2
    protocol.protocol.cache_clear()
