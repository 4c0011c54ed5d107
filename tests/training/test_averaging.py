"""Averaged weights are lent and given back."""

import torch
from torch import nn
from torch.testing import assert_close

from sonotrace.training.averaging import MovingAverage


def test_the_average_of_still_weights_is_those_weights():
    network = nn.Linear(2, 2)
    average = MovingAverage(network, 0.9)
    for _ in range(5):
        average.update()
    assert_close(average.average["weight"], network.weight.detach())


def test_the_average_lags_behind():
    network = nn.Linear(1, 1)
    average = MovingAverage(network, 0.999)
    before = network.weight.item()
    with torch.no_grad():
        network.weight.add_(1)
    average.update()
    assert before < average.average["weight"].item() < network.weight.item()


def test_without_decay_the_average_is_the_latest_weight():
    network = nn.Linear(1, 1)
    average = MovingAverage(network, 0.0)
    with torch.no_grad():
        network.weight.add_(1)
    average.update()
    assert_close(average.average["weight"], network.weight.detach())


def test_statistics_of_norms_are_copied():
    network = nn.BatchNorm1d(2)
    average = MovingAverage(network, 0.999)
    network(torch.randn(8, 2) + 5)
    average.update()
    assert_close(average.average["running_mean"], network.running_mean)


def test_the_learning_weights_come_back():
    network = nn.Linear(1, 1)
    average = MovingAverage(network, 0.999)
    with torch.no_grad():
        network.weight.add_(1)
    learning = network.weight.item()
    with average.applied() as lent:
        assert lent.weight.item() != learning
        assert not lent.training
    assert network.weight.item() == learning
    assert network.training
