import math

import pytest
import torch

from sonotrace.metrics.bootstrap import bootstrap_mean, bootstrap_pooled
from sonotrace.metrics.segmentation import Counts, pooled_scores


def counts_of(*clips: tuple[int, int, int]) -> Counts:
    """Each clip as true positives, false positives, false negatives."""
    return Counts(*torch.tensor(clips).reshape(-1, 3).T)


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


def test_clips_of_which_one_is_infinite_have_no_interval():
    assert bootstrap_mean(torch.tensor([1.0, 2.0, math.inf]).double()) is None


def test_the_middle_of_a_pooled_interval_is_the_pooled_score_and_no_mean_of_clips():
    counts = counts_of((900, 50, 50), (1, 9, 9), (400, 100, 20))
    found, pooled = bootstrap_pooled(counts), pooled_scores(counts)
    assert {name: interval.mean for name, interval in found.items()} == pytest.approx(pooled)
    assert all(interval.low <= interval.mean <= interval.high for interval in found.values())


def test_draws_of_one_clip_alone_bound_a_pooled_interval_of_two():
    interval = bootstrap_pooled(counts_of((10, 0, 0), (5, 5, 5)))["dice_pooled"]
    assert (interval.low, interval.high, interval.n) == (0.5, 1.0, 2)


def test_a_single_clip_and_clips_that_are_all_skipped_have_no_pooled_interval():
    assert set(bootstrap_pooled(counts_of((1, 1, 1))).values()) == {None}
    nothing = counts_of((0, 0, 0), (0, 0, 0))
    assert set(bootstrap_pooled(nothing, "skip").values()) == {None}
    assert bootstrap_pooled(nothing)["iou_pooled"] == (1.0, 1.0, 1.0, 2)
