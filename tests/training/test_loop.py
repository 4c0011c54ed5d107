"""A run that is stopped and resumed is the run that was not stopped."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sonotrace.errors import MissingExtraError, ReadError
from sonotrace.training.callbacks import read_log
from sonotrace.training.clip_loss import LossConfig, make_clip_loss
from sonotrace.training.loop import STATE, Lesson, LoopConfig, fit, uses_bf16
from sonotrace.training.optim import OptimConfig
from sonotrace.training.validation import mean_dice

LOOP = LoopConfig(
    batch_size=2, workers=0, precision="float32", log_every=1, validate_every=3, save_every=3
)


def optim(steps: int = 6) -> OptimConfig:
    return OptimConfig(steps=steps, warmup_steps=2, decay_steps=2, learning_rate=1e-2)


def lesson(network, draw, kept=None):
    return Lesson(
        network=network,
        draw=draw,
        loss=make_clip_loss(LossConfig()),
        validate=lambda some: {"dice": mean_dice(some, [draw(1000)])},
        save=lambda some, step, scores: None if kept is None else kept.append((step, scores)),
    )


def column(out, name: str) -> list[str]:
    return [row[name] for row in read_log(out / "log.csv") if row[name]]


def test_stop_and_resume_equals_no_stop(network, draw, tmp_path):
    other = copy.deepcopy(network)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    fit(lesson(network, draw), optim(), LOOP, whole)

    def killed(number: int):
        if number == 9:  # in the fifth step, after the state of step 3 was saved
            raise KeyboardInterrupt
        return draw(number)

    with pytest.raises(KeyboardInterrupt):
        fit(lesson(other, killed), optim(), LOOP, parts)
    torch.rand(5)
    fit(lesson(other, draw), optim(), LOOP, parts, resume=True)
    assert_close(dict(other.state_dict()), dict(network.state_dict()), atol=0, rtol=0)
    assert column(parts, "loss") == column(whole, "loss")
    assert column(parts, "validation") == column(whole, "validation")


def test_the_same_seed_gives_the_same_loss(network, draw, tmp_path):
    other = copy.deepcopy(network)
    for name, one in (("a", network), ("b", other)):
        fit(lesson(one, draw), optim(), LOOP, tmp_path / name)
    assert column(tmp_path / "a", "loss") == column(tmp_path / "b", "loss")


def test_the_loss_falls(network, draw, tmp_path):
    fit(lesson(network, lambda number: draw(0)), optim(30), LOOP, tmp_path)
    losses = [float(loss) for loss in column(tmp_path, "loss")]
    assert losses[-1] < 0.8 * losses[0]


def test_a_resumed_run_may_have_more_steps(network, draw, tmp_path):
    fit(lesson(network, draw), optim(4), LOOP, tmp_path)
    fit(lesson(network, draw), optim(6), LOOP, tmp_path, resume=True)
    assert [int(step) for step in column(tmp_path, "step")][-1] == 6


def test_the_best_weights_are_kept(network, draw, tmp_path):
    kept = []
    scores = iter([0.5, 0.4, 0.6])
    one = lesson(network, draw, kept)
    judged = Lesson(
        network=one.network,
        draw=draw,
        loss=one.loss,
        validate=lambda some: {"dice": next(scores)},
        save=one.save,
    )
    fit(judged, optim(9), LOOP, tmp_path)
    assert [step for step, _ in kept] == [3, 9]


def test_frozen_norms_keep_their_statistics(network, draw, tmp_path):
    before = network.norm.running_mean.clone()
    frozen = LoopConfig(**{**dict(LOOP), "freeze_norms": True})
    fit(lesson(network, draw), optim(), frozen, tmp_path)
    assert_close(network.norm.running_mean, before, atol=0, rtol=0)


def test_free_norms_learn_their_statistics(network, draw, tmp_path):
    before = network.norm.running_mean.clone()
    fit(lesson(network, draw), optim(), LOOP, tmp_path)
    assert not torch.equal(network.norm.running_mean, before)


def test_there_must_be_something_to_resume(network, draw, tmp_path):
    with pytest.raises(ReadError, match=f"holds no {STATE}"):
        fit(lesson(network, draw), optim(), LOOP, tmp_path, resume=True)


def test_a_loss_that_is_no_number_stops_the_run(network, draw, tmp_path):
    nn.init.constant_(network.answer.bias, float("nan"))
    with pytest.raises(FloatingPointError, match="Lower optim"):
        fit(lesson(network, draw), optim(), LOOP, tmp_path)


def test_tensorboard_is_an_extra(network, draw, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboard", None)
    wanted = LoopConfig(**{**dict(LOOP), "tensorboard": True})
    with pytest.raises(MissingExtraError, match="log"):
        fit(lesson(network, draw), optim(), wanted, tmp_path)


def test_precision_can_be_chosen():
    assert uses_bf16(LoopConfig(precision="bf16"))
    assert not uses_bf16(LoopConfig(precision="float32"))


def test_bf16_trains(network, draw, tmp_path):
    half = LoopConfig(**{**dict(LOOP), "precision": "bf16"})
    fit(lesson(network, draw), optim(), half, tmp_path)
    assert len(column(tmp_path, "loss")) == 6
