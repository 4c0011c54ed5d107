"""The learning rate is a function of the step."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from sonotrace.training.optim import OptimConfig, learning_rate_at, make_optimizer

HOLD = OptimConfig(learning_rate=0.1, steps=100, warmup_steps=10, decay_steps=20)


def test_the_rate_rises_evenly_over_the_warm_up():
    assert [learning_rate_at(i, HOLD) for i in (0, 4, 9)] == pytest.approx([0.01, 0.05, 0.1])


def test_hold_stays_until_the_last_steps():
    assert [learning_rate_at(i, HOLD) for i in (10, 50, 80)] == pytest.approx([0.1, 0.1, 0.1])


@pytest.mark.parametrize("schedule", ["hold", "cosine"])
def test_the_rate_ends_at_zero(schedule):
    config = OptimConfig(steps=100, warmup_steps=10, decay_steps=20, schedule=schedule)
    assert learning_rate_at(100, config) == pytest.approx(0)


def test_cosine_is_half_way_down_in_the_middle():
    config = OptimConfig(learning_rate=0.1, steps=110, warmup_steps=10, schedule="cosine")
    assert learning_rate_at(60, config) == pytest.approx(0.05)


def test_multistep_multiplies_at_each_milestone():
    config = OptimConfig(
        learning_rate=1.0, steps=100, warmup_steps=0, schedule="multistep", milestones=(0.5, 0.75)
    )
    rates = [learning_rate_at(i, config) for i in (49, 50, 74, 75)]
    assert rates == pytest.approx([1, 0.1, 0.1, 0.01])


def test_a_milestone_beyond_the_end_is_refused():
    with pytest.raises(ValidationError, match="shares between 0 and 1"):
        OptimConfig(milestones=(500,))


def test_weights_that_cannot_learn_are_left_out():
    network = nn.Linear(2, 2)
    network.bias.requires_grad_(False)
    groups = make_optimizer(network, OptimConfig()).param_groups
    assert [len(group["params"]) for group in groups] == [1, 0]


def test_only_matrices_decay():
    groups = make_optimizer(nn.Linear(2, 2), OptimConfig(weight_decay=0.3)).param_groups
    assert [group["weight_decay"] for group in groups] == [0.3, 0.0]


def test_adam_is_adam():
    optimizer = make_optimizer(nn.Linear(2, 2), OptimConfig(kind="adam"))
    assert type(optimizer) is torch.optim.Adam
