import json

from typer.testing import CliRunner

from sonotrace.cli import app

SMALL = (
    "training_scenes=2 scoring_scenes=2 frames=2 every=1 rendered_px=64 network_px=32 steps=2 "
    "batch_size=2 widths=[4,4,4,4,4,4]"
)


def run(*words: str):
    sets = [part for change in SMALL.split() for part in ("--set", change)]
    return CliRunner().invoke(app, ["benchmark", "lesions", *sets, *words])


def test_network_and_rule_are_written_side_by_side(tmp_path):
    out = tmp_path / "scores.json"
    done = run("--domain", "linear-fine", "--out", str(out), "--quiet")
    assert done.exit_code == 0, done.output
    scores = json.loads(out.read_text())["domains"]["linear-fine"]["scores"]
    assert set(scores["other seeds"]) == {"network", "rule"}


def test_an_unknown_domain_is_named():
    done = run("--domain", "linear-none")
    assert done.exit_code != 0
    assert "linear-none" in str(done.exception)
