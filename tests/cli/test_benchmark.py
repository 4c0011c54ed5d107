"""The words of `sonotrace benchmark`."""

import json

import pytest
import torch
from typer.testing import CliRunner

import sonotrace.benchmark.physics
import sonotrace.benchmark.physics_plots
import sonotrace.benchmark.physics_table
import sonotrace.benchmark.realism
import sonotrace.benchmark.simulator
import sonotrace.benchmark.simulator_table
import sonotrace.recipes.score_tracker
from sonotrace.cli import app
from sonotrace.errors import OutputExistsError, UsageError
from sonotrace.models import build_model, model_config
from sonotrace.models.weights import save_weights

SCORES = {
    "muscle_clip": {"trained": {"mean": {"dice": 0.5, "iou": 0.4}, "frames": {}}},
    "synthetic_lesion": {"trained": {"dice": {"mean": 0.7, "low": 0.6, "high": 0.8, "n": 4}}},
}


@pytest.fixture
def weights(monkeypatch, tmp_path):
    monkeypatch.setattr(
        sonotrace.recipes.score_tracker, "score_tracker", lambda network, data, settings: SCORES
    )
    torch.manual_seed(0)
    save_weights(build_model(model_config("stcn:tiny")), tmp_path / "tiny.safetensors")
    return str(tmp_path / "tiny.safetensors")


def run(*words: str):
    return CliRunner().invoke(app, ["benchmark", "video", "--data", "DATA", *words])


def test_the_table_has_intervals_where_there_are_several_clips(weights):
    lines = run("--model", weights).stderr.splitlines()
    assert lines[1].split() == ["muscle_clip", "trained", "0.500", "0.400"]
    assert "0.700 (0.600, 0.800)" in lines[2]


def test_the_scores_are_written_with_their_settings(weights, tmp_path):
    run("--model", weights, "--out", str(tmp_path / "s.json"), "--set", "synthetic_clips=3")
    written = json.loads((tmp_path / "s.json").read_text())
    assert written["settings"]["synthetic_clips"] == 3
    assert written["sets"] == SCORES


def test_an_unknown_setting_is_refused(weights):
    assert isinstance(run("--model", weights, "--set", "clips=3").exception, UsageError)


def test_realism_writes_what_was_compared(monkeypatch, tmp_path):
    def measure(data, settings, say):
        return {"settings": settings.model_dump(mode="json"), "sets": {}}

    monkeypatch.setattr(sonotrace.benchmark.realism, "measure_realism", measure)
    out = tmp_path / "r.json"
    words = ["realism", "--data", "DATA", "--sets", "nerve", "--scenes", "3", "--out", str(out)]
    assert CliRunner().invoke(app, ["benchmark", *words]).exit_code == 0
    settings = json.loads(out.read_text())["settings"]
    assert (settings["sets"], settings["scenes"]) == (["nerve"], 3)


def test_realism_refuses_a_set_that_nobody_knows():
    words = ["benchmark", "realism", "--data", "DATA", "--sets", "liver"]
    error = CliRunner().invoke(app, words).exception
    assert isinstance(error, UsageError)
    assert "breast, muscle, nerve, spine" in str(error)


@pytest.fixture
def quick_physics(monkeypatch):
    def measure(settings, say):
        say("measuring ...")
        return {"seeds": settings.seeds}

    def draw(results, folder):
        (folder / "physics-level.png").write_bytes(b"PNG")
        return [folder / "physics-level.png"]

    monkeypatch.setattr(sonotrace.benchmark.physics, "measure_physics", measure)
    monkeypatch.setattr(sonotrace.benchmark.physics_plots, "draw_physics", draw)
    monkeypatch.setattr(sonotrace.benchmark.physics_table, "physics_table", lambda found: ["a row"])


def run_physics(*words: str):
    return CliRunner().invoke(app, ["benchmark", "physics", *words])


@pytest.mark.usefixtures("quick_physics")
def test_physics_writes_plots_and_numbers_and_shows_a_table(tmp_path):
    pytest.importorskip("matplotlib")
    done = run_physics("--out", str(tmp_path / "p"), "--set", "seeds=2", "--json")
    assert json.loads((tmp_path / "p/physics.json").read_text()) == {"seeds": 2}
    assert (tmp_path / "p/physics-level.png").exists()
    assert "a row" in done.stderr
    assert json.loads(done.stdout) == {"seeds": 2}


@pytest.mark.usefixtures("quick_physics")
def test_physics_does_not_overwrite_unless_told_to(tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "kept").write_text("mine")
    assert isinstance(run_physics("--out", str(tmp_path)).exception, OutputExistsError)
    assert (tmp_path / "kept").read_text() == "mine"


def test_the_simulator_is_measured_instead_of_the_tracker(monkeypatch):
    seen = []
    monkeypatch.setattr(
        sonotrace.benchmark.simulator,
        "measure_simulator",
        lambda settings, say: seen.append(settings) or {"rows": []},
    )
    monkeypatch.setattr(sonotrace.benchmark.simulator_table, "simulator_table", lambda _: ["done"])
    words = ["benchmark", "speed", "--simulator", "--size", "256", "--json"]
    found = CliRunner().invoke(app, words)
    assert json.loads(found.stdout) == {"rows": []}
    assert "done" in found.stderr
    assert [settings.sizes for settings in seen] == [(256,)]
