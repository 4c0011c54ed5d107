import json

import pytest
from typer.testing import CliRunner

from sonotrace.benchmark import lesions
from sonotrace.cli import app
from sonotrace.errors import UsageError

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


@pytest.mark.parametrize(
    "words",
    [("--domain", "linear-fine"), ("--set", "scoring_scenes=5")],
    ids=lambda words: words[0],
)
def test_held_out_domains_are_not_opened_by_a_part_of_the_task(words, monkeypatch):
    began = []
    monkeypatch.setattr(lesions, "draw_pictures", lambda *_: began.append(True))
    done = CliRunner().invoke(app, ["benchmark", "lesions", "--held-out", *words])
    assert isinstance(done.exception, UsageError)
    assert done.exception.exit_code == 2
    assert "Choose neither domains nor settings" in str(done.exception)
    assert not began
