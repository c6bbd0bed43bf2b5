"""Stated noise against the scatter of records: what is estimated, and what is refuted."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from verify.cli.main import main
from verify.judging.chance import Chance
from verify.judging.looks import FIXED
from verify.judging.rules import DecisionRule, Measurement, Prediction
from verify.judging.scatter import Scatter, as_json, refuted, scatters, table
from verify.judging.worlds import judged_in, remembered
from verify.registry import CLAIMS
from verify.session import verify
from verify.sizes.profile import QUICK, changed

GRID = (8.0, 16.0, 32.0, 64.0)
NOISE = 0.1


def seen(rule: DecisionRule, noise: float, seed: int = 0) -> Scatter:
    """Of data that the rule simulates with a noise of their own."""
    data = replace(rule, noise=noise).simulated(0.3, np.random.default_rng(seed))
    claim = remembered(CLAIMS["E1"])
    fake = replace(
        claim,
        predict=lambda p: {rule.name: Prediction(0.0)},
        observe=lambda p, e: {rule.name: Measurement(data)},
        rules=lambda p: (rule,),
        controls=claim.controls[:1],
    )
    assert claim.world is not None
    judged = judged_in(claim, claim.world, QUICK, 1.0, 1, Chance((0, 0)), FIXED)
    (found,) = scatters([replace(judged, claim=fake)])
    return found


@pytest.mark.parametrize("statistic", ["mean", "exponent", "clustered exponent"])
def test_the_noise_that_made_the_data_is_seen(statistic) -> None:
    """Of 400 repetitions within 4 of its standard errors; on the degrees of freedom that a text book counts."""
    rule = DecisionRule("x", statistic, "within", 0.1, 1.0, NOISE, 400, GRID if "exponent" in statistic else ())
    found = seen(rule, NOISE)
    freedom = {"mean": 399, "exponent": 1596, "clustered exponent": 399}[statistic]
    assert found.freedom == freedom
    assert abs(found.ratio - 1) < 4 / np.sqrt(2 * freedom)
    assert 1e-4 < found.p_value < 1 - 1e-4


def test_p_values_are_uniform_and_twice_the_noise_is_refuted() -> None:
    """Of 300 runs of 12 numbers 5 % have p < .05, within four binomial errors; of 50 with twice the noise 93.5 %."""
    rule = DecisionRule("x", "mean", "within", 0.1, 1.0, NOISE, 12)
    assert abs(np.mean([seen(rule, NOISE, s).p_value < 0.05 for s in range(300)]) - 0.05) < 0.05
    assert np.mean([seen(rule, 2 * NOISE, s).p_value < 0.05 for s in range(50)]) > 0.935 - 4 * 0.035


@pytest.mark.parametrize(
    ("statistic", "freedom"), [("exponent", 36 - 4 - 2), ("mean exponent", 36 - 4 * 3), ("mean", 9 - 3)]
)
def test_what_is_a_groups_own_is_no_scatter(statistic, freedom: int) -> None:
    """Factors of an exponent's groups, their exponents too for a mean exponent, and means of a mean's."""
    rule = DecisionRule("x", statistic, "within", 0.1, 1.0, NOISE, 9, GRID if "exponent" in statistic else (), groups=3)
    own, data = np.repeat([1.0, 10.0, 100.0], 3), rule.simulated(0.3, np.random.default_rng(1))
    shifted = data * own[:, None] if "exponent" in statistic else data + own
    if statistic == "mean exponent":
        shifted = shifted * np.array(GRID) ** np.repeat([0.0, 1.0, -1.0], 3)[:, None]
    claim = CLAIMS["E1"]
    assert claim.world is not None
    judged = judged_in(remembered(claim), claim.world, QUICK, 1.0, 1, Chance((0, 0)), FIXED)
    fake = replace(
        claim,
        predict=lambda p: {"x": 0.3},
        observe=lambda p, e: {"x": Measurement(shifted)},
        rules=lambda p: (rule,),
    )
    (found,) = scatters([replace(judged, claim=fake)])
    assert (found.freedom, found.p_value > 0.001) == (freedom, True)


def test_units_reductions_and_missing_numbers() -> None:
    """Relative noise is in units of the prediction, ratios are reduced first, and NaN is no observation."""
    rng = np.random.default_rng(2)
    claim = CLAIMS["E1"]
    assert claim.world is not None
    judged = judged_in(remembered(claim), claim.world, QUICK, 1.0, 1, Chance((0, 0)), FIXED)

    def of(rule: DecisionRule, predicted: object, data: object) -> list[Scatter]:
        fake = replace(
            claim,
            predict=lambda p: {"x": Prediction(predicted)},
            observe=lambda p, e: {"x": Measurement(data)},
            rules=lambda p: (rule,),
        )
        return scatters([replace(judged, claim=fake)])

    values = 1 + NOISE * rng.normal(size=200)
    plain = DecisionRule("x", "mean", "within", 0.1, 1.0, NOISE, 200)
    (relative,) = of(replace(plain, relative=True), 5.0, 5 * values)
    (ratio,) = of(replace(plain, scale="ratio"), [7.0] * 200, 7 * values)
    values[:20] = np.nan
    (fewer,) = of(plain, 1.0, values)
    assert relative.ratio == pytest.approx(ratio.ratio)
    assert abs(ratio.ratio - 1) < 0.2
    assert fewer.freedom == 179
    assert of(replace(plain, replicates=2), 1.0, [np.nan, 1.0]) == []
    (brought,) = of(replace(plain, statistic="normal mean", relative=True), 2.0, (2.0, 0.05))
    assert (brought.seen, brought.freedom, brought.p_value) == (0.025, 0, 1.0)


def test_what_a_table_says() -> None:
    rule = DecisionRule("x", "mean", "within", 0.1, 1.0, NOISE, 12)
    found = [Scatter("A", "", rule, 0.3, 11), Scatter("B", "k = 1", rule, 0.02, 11), Scatter("C", "", rule, 0.1, 11)]
    assert refuted(found) == {"A : x"}
    text = table(found, markdown=True)
    assert "| A | x | 0.1 | 0.3 | 3.00 | 11 |" in text
    assert "too small (Holm at 1%): 1; more than 3 times too large: 1" in text
    assert [one["refuted"] for one in as_json(found)["rules"]] == [True, False, False]


def test_the_command_reads_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = changed(QUICK, {"separation": {"networks": 4, "inputs": 40, "draws": 12}, "base_seed": 100})
    verify([CLAIMS["E1"]], sizes, tmp_path / "fixed", 1)
    assert main(["calibrate", "--records", str(tmp_path / "fixed"), "--json"]) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert (told["base_seed"], len(told["rules"])) == (100, 4)
    assert main(["calibrate", "E1", "--records", str(tmp_path / "fixed"), "--markdown"]) in (0, 1)
    assert "| claim | rule | stated noise |" in capsys.readouterr().out
    monkeypatch.setattr("verify.judging.scatter.refuted", lambda found: {"E1"})
    assert main(["calibrate", "--records", str(tmp_path / "fixed")]) == 1
    capsys.readouterr()
    fields = "networks=4", "inputs=40", "draws=12"
    small = [word for field in fields for word in ("--set", f"separation.{field}")]
    main(["verify", "--claims", "E1", *small, "--adaptive", "--budget", "1s", "--out", str(tmp_path / "looked"), "-q"])
    capsys.readouterr()
    for words, sentence in (
        (["N3", "--records", str(tmp_path / "fixed")], "holds none of them"),
        (["--records", str(tmp_path / "looked")], "give a run of fixed sizes"),
        (["--records", str(tmp_path / "nowhere")], "no records.sqlite there"),
        (["--records", str(tmp_path), "--worlds"], "--worlds and --records: give one of them"),
    ):
        assert main(["calibrate", *words]) == 2
        assert sentence in " ".join(capsys.readouterr().err.split())
