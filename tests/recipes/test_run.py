"""A run begins with weights that fit, in a place that is free."""

import sys

import pytest
import torch
from torch.testing import assert_close

from sonotrace.config import RunConfig, with_changes
from sonotrace.errors import MissingExtraError, ModelError, ReadError, UsageError
from sonotrace.models import build_model, model_config
from sonotrace.models.weights import load_model, save_weights
from sonotrace.recipes import find_recipe
from sonotrace.recipes.run import BEST, Start, train


@pytest.fixture
def quick() -> RunConfig:
    changes = [
        "model=stcn:tiny",
        "optim.steps=1",
        "optim.learning_rate=1e-9",
        "optim.warmup_steps=0",
        "loop.batch_size=1",
        "loop.workers=0",
        "loop.precision=float32",
        "data.real.size=32",
        "data.validation_clips=1",
        "data.validation_frames=2",
    ]
    return with_changes(find_recipe("stcn-finetune"), changes)


def saved(tmp_path, name: str):
    torch.manual_seed(5)
    network = build_model(model_config(name))
    save_weights(network, tmp_path / "before.safetensors")
    return network, tmp_path / "before.safetensors"


def test_a_run_begins_with_the_weights_it_is_given(quick, own_clips, tmp_path):
    network, path = saved(tmp_path, "stcn:tiny")
    said = []
    train(quick, own_clips, tmp_path / "run", Start(init_from=path), said.append)
    after = load_model(tmp_path / "run" / BEST).key_projection.weight
    assert_close(after, network.key_projection.weight.detach(), atol=1e-3, rtol=0)
    assert "0 left untrained" in said[0]


def test_weights_of_another_size_are_refused(quick, own_clips, tmp_path):
    _, path = saved(tmp_path, "stcn:small")
    with pytest.raises(ModelError, match="another shape"):
        train(quick, own_clips, tmp_path / "run", Start(init_from=path), print)
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_there_is_not_overwritten(quick, own_clips, tmp_path):
    (tmp_path / "log.csv").write_text("precious")
    with pytest.raises(UsageError, match="add --resume"):
        train(quick, own_clips, tmp_path)
    assert (tmp_path / "log.csv").read_text() == "precious"


def test_there_must_be_a_run_to_resume(quick, own_clips, tmp_path):
    with pytest.raises(ReadError, match="no folder of a run"):
        train(quick, own_clips, tmp_path / "none", Start(resume=True))


def test_a_run_that_cannot_log_as_wanted_leaves_nothing(quick, own_clips, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingExtraError):
        train(with_changes(quick, ["loop.tensorboard=true"]), own_clips, tmp_path / "run")
    assert not (tmp_path / "run").exists()
