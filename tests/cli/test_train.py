"""The words of `sonotrace train`."""

import json

import pytest
from typer.testing import CliRunner

import sonotrace.recipes.run
from sonotrace.cli import app
from sonotrace.errors import UsageError
from sonotrace.recipes.run import RunResult


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Return what the command asked for, instead of training."""
    calls = []

    def train(config, data, out, start, say):
        calls.append((config, data, out, start))
        return RunResult(str(out / "best.safetensors"), str(out), config.optim.steps, 1.0, {})

    monkeypatch.setattr(sonotrace.recipes.run, "train", train)
    return calls


def run(*words: str):
    return CliRunner().invoke(app, ["train", *words, "--data", "DATA", "--out", "RUN"])


def test_settings_and_options_arrive(asked):
    run("stcn-small-stills", "--set", "optim.steps=9", "--devices", "2", "--resume")
    ((config, _, _, start),) = asked
    assert (config.optim.steps, start.devices, start.resume) == (9, 2, True)


def test_json_says_where_the_weights_are(asked):
    result = run("stcn-small-stills", "--json")
    assert json.loads(result.stdout)["weights"] == "RUN/best.safetensors"


def test_an_unknown_setting_is_refused(asked):
    result = run("stcn-small-stills", "--set", "optim.stepps=9")
    assert isinstance(result.exception, UsageError)
    assert not asked


def test_an_unknown_recipe_is_refused(asked):
    assert isinstance(run("stcn-large").exception, UsageError)
