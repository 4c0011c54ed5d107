import math

import pytest
import torch

from sonotrace.metrics.segmentation import Counts, count_pixels
from sonotrace.metrics.tracking import (
    change,
    flicker,
    object_statistics,
    region_similarity,
)


def labels(*rows: list[int]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.uint8)


def slow_decay(values: list[float]) -> float:
    """First and last of four bins whose borders are numbered from 1, each shared by two."""
    n = len(values)
    borders = [math.floor(1 + i * (n - 1) / 4 + 0.5 + 1e-10) for i in range(5)]
    first = values[borders[0] - 1 : borders[1]]
    last = values[borders[3] - 1 : borders[4]]
    return sum(first) / len(first) - sum(last) / len(last)


def test_j_is_intersection_over_union_and_1_where_both_are_empty():
    counts = count_pixels(labels([1, 1, 0, 2]), labels([1, 0, 1, 2]), (1, 2, 9))
    assert region_similarity(counts).tolist() == pytest.approx([1 / 3, 1, 1])


def test_a_missed_object_has_j_0():
    missed = Counts(*torch.tensor([[0], [0], [5]]))
    assert region_similarity(missed).tolist() == [0]


def test_recall_counts_frames_above_one_half():
    assert object_statistics(torch.tensor([0.5, 0.6, 0.4, 0.9]).double()).recall == 0.5


def test_decay_compares_the_first_quarter_with_the_last():
    # Eight frames: borders 1, 2.75, 4.5, 6.25, 8 round to 1, 3, 5, 6, 8 (half upwards).
    values = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]).double()
    assert object_statistics(values).decay == pytest.approx(0.8 - 0.3)


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 8, 11, 67, 300, 1000])
def test_decay_equals_its_definition_for_clips_of_any_length(frames):
    values = torch.rand(frames, dtype=torch.float64)
    assert object_statistics(values).decay == pytest.approx(slow_decay(values.tolist()))


def test_no_frames_have_no_statistics():
    with pytest.raises(ValueError, match="without a scored frame"):
        object_statistics(torch.zeros(0, dtype=torch.float64))


def test_change_is_one_minus_iou_and_none_where_the_object_is_absent():
    assert change(labels([1, 1, 0]), labels([0, 1, 1]), (1, 5)).tolist() == pytest.approx(
        [2 / 3, 0]
    )


def test_a_perfect_prediction_flickers_as_the_truth_does():
    truths = (labels([1, 1, 0]), labels([0, 1, 1]))
    found = flicker(truths, truths, (1,))
    assert found.beyond_truth.tolist() == [0]
    assert found.prediction.tolist() == pytest.approx([2 / 3])


def test_a_still_truth_makes_every_change_flicker():
    still = labels([1, 1, 0])
    found = flicker((still, labels([0, 1, 1])), (still, still), (1,))
    assert found.beyond_truth.tolist() == pytest.approx([2 / 3])


def test_a_frozen_prediction_lags_behind_a_moving_truth():
    frozen = labels([1, 1, 0])
    found = flicker((frozen, frozen), (labels([1, 1, 0]), labels([0, 1, 1])), (1,))
    assert found.beyond_truth.tolist() == pytest.approx([-2 / 3])


def test_void_pixels_do_not_flicker():
    void = (labels([1, 255]), labels([1, 0]))
    assert flicker((labels([1, 1]), labels([1, 0])), void, (1,)).prediction.tolist() == [0]
