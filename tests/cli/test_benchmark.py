"""The words of `sonotrace benchmark`."""

import json

import pytest
import torch
from typer.testing import CliRunner

import sonotrace.recipes.score_tracker
from sonotrace.cli import app
from sonotrace.errors import UsageError
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
