"""Every recipe builds, and takes two steps on invented data."""

import pytest

from sonotrace.config import ClipsConfig, read_config, with_changes, write_config
from sonotrace.errors import UsageError
from sonotrace.models.weights import load_model, read_facts
from sonotrace.recipes import RECIPES, find_recipe
from sonotrace.recipes.run import BEST, CONFIG, Start, train
from sonotrace.training.callbacks import read_log

QUICK = [
    "model=stcn:tiny",
    "optim.steps=2",
    "loop.batch_size=2",
    "loop.workers=0",
    "loop.precision=float32",
    "loop.validate_every=1",
]
STILLS = [
    "data.triplets.size=48",
    "data.synthetic_scenes=0",
    "data.validation_clips=3",
    "data.validation_frames=3",
]
CLIPS = ["data.real.size=48", "data.validation_clips=2", "data.validation_frames=3"]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_takes_two_steps(name, invented, own_clips, tmp_path):
    config = find_recipe(name)
    real = isinstance(config.data, ClipsConfig)
    quick = with_changes(config, QUICK + (CLIPS if real else STILLS))
    result = train(
        quick, own_clips if real else invented, tmp_path / "run", Start(), lambda _: None
    )
    assert result.steps == 2
    assert len([row for row in read_log(tmp_path / "run/log.csv") if row["loss"]]) == 1
    assert load_model(tmp_path / "run" / BEST).config.family == "stcn"
    assert "state_thresholds" in read_facts(tmp_path / "run" / BEST)
    assert read_config(tmp_path / "run" / CONFIG) == quick


def test_a_file_of_settings_is_a_recipe_too(tmp_path):
    config = with_changes(find_recipe("stcn-finetune"), ["seed=7"])
    write_config(config, tmp_path / "mine.yaml")
    assert find_recipe(str(tmp_path / "mine.yaml")) == config


def test_an_unknown_recipe_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match="stcn-small-stills"):
        find_recipe("stcn-smal")
