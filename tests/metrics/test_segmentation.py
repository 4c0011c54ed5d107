import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics.meandice import DiceMetric

from sonotrace.metrics.segmentation import (
    Counts,
    count_empty,
    count_pixels,
    finite_deviation,
    harmonic_mean,
    mean_absolute_error,
    mean_scores,
    picture_scores,
    pooled_scores,
)


def counts_of(*pictures: tuple[int, int, int]) -> Counts:
    """Each picture as true positives, false positives, false negatives."""
    return Counts(*torch.tensor(pictures).reshape(-1, 3).T)


def means_of(counts: Counts, empty="one") -> dict[str, float | None]:
    return mean_scores(picture_scores(counts, empty), torch.arange(len(counts[0])))


# Overlap 0.9 of 1; both empty; only prediction; only truth.
FOUR = counts_of((90, 10, 10), (0, 0, 0), (0, 50, 0), (0, 0, 50))

PIXELS = st.integers(0, 400)
PICTURES = st.lists(st.tuples(PIXELS, PIXELS, PIXELS), min_size=1, max_size=12)


def test_pixels_are_counted_for_every_object_by_its_own_id():
    truth = torch.tensor([[1, 1, 3, 0]], dtype=torch.uint8)
    prediction = torch.tensor([[1, 3, 3, 1]], dtype=torch.uint8)
    counts = count_pixels(prediction, truth, (1, 3, 7))
    assert [part.tolist() for part in counts] == [[1, 1, 0], [1, 1, 0], [1, 0, 0]]


def test_void_pixels_of_the_truth_count_for_nothing():
    truth = torch.tensor([[1, 255, 255, 0]], dtype=torch.uint8)
    prediction = torch.tensor([[1, 1, 0, 0]], dtype=torch.uint8)
    assert count_pixels(prediction, truth, (1,)) == counts_of((1, 0, 0))


def test_void_in_the_prediction_is_no_object():
    truth = torch.tensor([[1, 0]], dtype=torch.uint8)
    prediction = torch.tensor([[255, 255]], dtype=torch.uint8)
    assert count_pixels(prediction, truth, (1,)) == counts_of((0, 0, 1))


def test_scores_of_one_picture_follow_their_definitions():
    scores = picture_scores(counts_of((6, 2, 4)))
    assert [float(score) for score in scores] == pytest.approx([12 / 18, 6 / 12, 6 / 8, 6 / 10])


@pytest.mark.parametrize(
    ("empty", "dice"), [("one", 1.9 / 4), ("zero", 0.9 / 4), ("skip", 0.9 / 2)]
)
def test_the_policy_decides_what_pictures_without_the_object_score(empty, dice):
    assert means_of(FOUR, empty)["dice_mean"] == pytest.approx(dice)


def test_pooling_gives_another_figure_than_the_mean_of_pictures():
    assert pooled_scores(FOUR)["dice_pooled"] == pytest.approx(180 / (180 + 60 + 60))


def test_false_positives_on_empty_pictures_are_reported_by_every_policy():
    for empty in ("one", "skip", "zero"):
        found = count_empty(FOUR, empty)
        assert found.n_empty_truth == 2
        assert found.false_positive_rate_on_empty == 0.5
        assert found.n_skipped == (2 if empty == "skip" else 0)


def test_with_skip_a_set_of_empty_pictures_has_no_score():
    nothing = counts_of((0, 0, 0), (0, 9, 0))
    assert set(means_of(nothing, "skip").values()) == {None}
    assert set(pooled_scores(nothing, "skip").values()) == {None}


def test_a_picture_with_two_objects_counts_once():
    scores = picture_scores(counts_of((1, 0, 0), (1, 0, 0), (0, 1, 1)))
    assert mean_scores(scores, torch.tensor([0, 0, 1]))["dice_mean"] == 0.5


@settings(deadline=None)
@given(PICTURES)
def test_pooled_f1_is_pooled_dice_and_follows_from_pooled_iou(pictures):
    pooled = pooled_scores(counts_of(*pictures))
    assert pooled["f1_pooled"] == pytest.approx(pooled["dice_pooled"])
    assert pooled["dice_pooled"] == pytest.approx(
        2 * pooled["iou_pooled"] / (1 + pooled["iou_pooled"])
    )


@settings(deadline=None)
@given(PICTURES, st.sampled_from(["one", "zero"]))
def test_mean_dice_is_at_most_f1_of_means(pictures, empty):
    means = means_of(counts_of(*pictures), empty)
    assert means["dice_mean"] <= means["f1_of_means"] + 1e-9


@settings(deadline=None)
@given(PICTURES, st.sampled_from(["one", "zero"]))
def test_mean_iou_is_at_least_what_mean_dice_implies(pictures, empty):
    means = means_of(counts_of(*pictures), empty)
    assert means["iou_mean"] >= means["dice_mean"] / (2 - means["dice_mean"]) - 1e-9


@settings(deadline=None)
@given(PICTURES, st.integers(2, 9))
def test_scores_do_not_depend_on_the_size_of_the_pixels(pictures, factor):
    coarse, fine = counts_of(*pictures), Counts(*(p * factor for p in counts_of(*pictures)))
    assert means_of(coarse) == pytest.approx(means_of(fine))


def test_published_precision_and_recall_give_the_published_f1():
    # STNAN, doi:10.3389/fonc.2024.1519536: P .863, R .803, F1 .832; its STCN row .861, .761.
    assert harmonic_mean(0.863, 0.803) == pytest.approx(0.832, abs=5e-4)
    assert harmonic_mean(0.861, 0.761) == pytest.approx(0.808, abs=5e-4)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_dice_equals_monai_where_its_definition_is_ours(seed):
    draw = torch.Generator().manual_seed(seed)
    truth, prediction = (torch.rand((2, 4, 9, 7), generator=draw) > 0.6).byte()
    monai = DiceMetric(reduction="none", ignore_empty=False)
    expected = monai(prediction[:, None].float(), truth[:, None].float()).ravel().double()
    counted = [count_pixels(p, t, (1,)) for p, t in zip(prediction, truth, strict=True)]
    ours = picture_scores(Counts(*(torch.cat(parts) for parts in zip(*counted, strict=True))))
    torch.testing.assert_close(ours.dice, expected, atol=1e-6, rtol=0)


def test_the_error_of_probabilities_is_not_that_of_the_mask_made_of_them():
    truth = torch.tensor([[True, False]])
    probability = torch.tensor([[0.75, 0.25]])
    valid = torch.ones_like(truth)
    assert mean_absolute_error(probability, truth, valid) == 0.25
    assert mean_absolute_error((probability > 0.5).float(), truth, valid) == 0.0


def test_void_pixels_have_no_error():
    truth = torch.tensor([[True, False]])
    valid = torch.tensor([[True, False]])
    assert mean_absolute_error(torch.tensor([[0.5, 1.0]]), truth, valid) == 0.5
    assert mean_absolute_error(torch.tensor([[0.5, 1.0]]), truth, ~truth & valid) is None


def test_one_value_has_no_deviation():
    assert finite_deviation(torch.tensor([0.5, math.nan]).double()) is None
    assert finite_deviation(torch.tensor([0.0, 1.0]).double()) == pytest.approx(math.sqrt(0.5))


def test_values_of_which_one_is_infinite_have_no_deviation():
    assert finite_deviation(torch.tensor([0.5, 0.7, math.inf]).double()) is None
