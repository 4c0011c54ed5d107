import math

import pytest
import torch

from sonotrace.metrics.bootstrap import bootstrap_mean


def test_one_clip_has_no_interval():
    assert bootstrap_mean(torch.tensor([0.7, math.nan]).double()) is None


def test_the_interval_of_equal_clips_is_their_value():
    assert bootstrap_mean(torch.full((4,), 0.5).double()) == (0.5, 0.5, 0.5, 4)


def test_the_same_seed_gives_the_same_interval():
    values = torch.rand(9).double()
    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)


def test_the_interval_of_many_clips_is_that_of_the_normal_law():
    values = torch.randn(400, dtype=torch.float64)
    found = bootstrap_mean(values)
    error = float(values.std()) / math.sqrt(400)
    assert found.low == pytest.approx(found.mean - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(found.mean + 1.96 * error, abs=0.15 * error)
