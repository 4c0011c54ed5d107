"""The model card speaks of the weights that ship."""

import json
from pathlib import Path

import pytest

from sonotrace.models.weights import WEIGHTS, read_facts, weights_sha256

CARDS = Path(__file__).parents[2] / "docs/models"


def card(model: str) -> str:
    return " ".join((CARDS / f"{model.replace(':', '-')}.md").read_text().split())


@pytest.mark.parametrize("model", WEIGHTS)
def test_the_card_names_the_weights(model):
    assert f"SHA-256 of the weights: `{weights_sha256(model)}`" in card(model)


@pytest.mark.parametrize("model", WEIGHTS)
def test_the_card_tells_the_step_and_what_chose_it(model):
    facts = read_facts(model)
    assert f"{facts['steps']:,} of" in card(model)
    told = ", ".join(f"{name} {value:.3f}" for name, value in facts["validation"].items())
    assert told in card(model)


@pytest.mark.parametrize("model", WEIGHTS)
def test_the_card_tells_the_thresholds(model):
    fitted = json.loads(read_facts(model)["state_thresholds"])
    tracked, lost = fitted["tracked_confidence"], fitted["lost_confidence"]
    assert f"from confidence {tracked:.3f} on and as lost below {lost:.3f}" in card(model)
    assert f"fitted on {fitted['fitted_frames']} frames" in card(model)
