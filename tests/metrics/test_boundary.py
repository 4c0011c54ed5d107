import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics.hausdorff_distance import compute_hausdorff_distance

from sonotrace.metrics.boundary import (
    boundary_f,
    davis_tolerance_px,
    hd95,
    tight_tolerance_px,
)


def square(top: int, left: int, side: int, shape: tuple[int, int] = (64, 64)) -> torch.Tensor:
    mask = torch.zeros(shape, dtype=torch.bool)
    mask[top : top + side, left : left + side] = True
    return mask


def random_mask(seed: int, share: float, shape: tuple[int, int] = (13, 17)) -> torch.Tensor:
    """Blobs that often touch the picture's edge; empty for a share of 0."""
    noise = torch.rand((1, 1, *shape), generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.avg_pool2d(noise, 3, stride=1, padding=1)[0, 0]
    return smooth > torch.quantile(smooth, 1 - share) if share else smooth > 2


def slow_outline(mask: np.ndarray) -> set[tuple[int, int]]:
    """Pixels unlike their right, lower or lower right neighbour; beyond the edge is nothing."""
    found = set()
    for r, c in np.ndindex(mask.shape):
        neighbours = [(r, c + 1), (r + 1, c), (r + 1, c + 1)]
        inside = [(y, x) for y, x in neighbours if y < mask.shape[0] and x < mask.shape[1]]
        if any(mask[r, c] != mask[y, x] for y, x in inside):
            found.add((r, c))
    return found


def slow_dilation(pixels: set[tuple[int, int]], radius: int) -> set[tuple[int, int]]:
    """Every pixel of a disk around every pixel."""
    steps = range(-radius, radius + 1)
    disk = [(dr, dc) for dr in steps for dc in steps if dr * dr + dc * dc <= radius * radius]
    return {(r + dr, c + dc) for r, c in pixels for dr, dc in disk}


def slow_f(prediction: np.ndarray, truth: np.ndarray, radius: int) -> float:
    """The published rules, pixel by pixel."""
    predicted, true = slow_outline(prediction), slow_outline(truth)
    if not predicted or not true:
        return float(not predicted and not true)
    precision = len(predicted & slow_dilation(true, radius)) / len(predicted)
    recall = len(true & slow_dilation(predicted, radius)) / len(true)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


SEEDS = st.integers(0, 2**32 - 1)
SHARES = st.sampled_from([0.0, 0.1, 0.3, 0.6, 0.95])


@settings(max_examples=40, deadline=None)
@given(SEEDS, SEEDS, SHARES, SHARES, st.integers(1, 3))
def test_f_equals_the_published_rules_pixel_by_pixel(one, other, share, other_share, radius):
    prediction, truth = random_mask(one, share), random_mask(other, other_share)
    expected = slow_f(prediction.numpy(), truth.numpy(), radius)
    assert boundary_f(prediction, truth, (radius,))[0] == pytest.approx(expected)


def test_the_tolerance_is_0_008_of_the_diagonal_rounded_up():
    assert davis_tolerance_px((448, 448)) == 6
    assert davis_tolerance_px((480, 854)) == 8
    assert davis_tolerance_px((64, 64)) == 1


def test_the_tight_tolerance_is_never_wider_than_that_of_davis():
    assert tight_tolerance_px((448, 448)) == 2
    assert tight_tolerance_px((64, 64)) == 1


def test_a_shift_of_up_to_the_tolerance_costs_no_f():
    truth = square(20, 20, 20)
    assert boundary_f(square(23, 20, 20), truth, (3,)) == (1.0,)
    assert boundary_f(square(23, 20, 20), truth, (2,))[0] < 1


def test_an_object_that_fills_the_picture_has_no_outline():
    full = torch.ones((8, 8), dtype=torch.bool)
    assert boundary_f(full, full, (1,)) == (1.0,)
    assert boundary_f(full, square(2, 2, 3, (8, 8)), (1,)) == (0.0,)


def test_two_empty_masks_agree_and_one_empty_mask_does_not():
    nothing = torch.zeros((8, 8), dtype=torch.bool)
    assert boundary_f(nothing, nothing, (1, 2)) == (1.0, 1.0)
    assert boundary_f(nothing, square(2, 2, 3, (8, 8)), (1,)) == (0.0,)


def test_hd95_of_a_shifted_square_is_its_shift():
    found = hd95(square(10, 10, 21), square(10, 15, 21))
    assert found == (5.0, False)


def test_hd95_is_given_in_the_unit_of_the_spacing():
    found = hd95(square(10, 10, 21), square(10, 15, 21), (0.1, 0.2))
    assert found.distance == pytest.approx(1.0)


def test_a_missed_object_is_as_far_away_as_the_picture_is_large():
    nothing = torch.zeros((30, 40), dtype=torch.bool)
    found = hd95(nothing, square(5, 5, 3, (30, 40)), (2.0, 2.0))
    assert found == (100.0, True)
    assert hd95(nothing, nothing) == (None, False)


@pytest.mark.parametrize(
    ("worst", "distance"), [("diagonal", 50.0), ("inf", math.inf), ("skip", None)]
)
def test_what_a_miss_or_a_false_alarm_is_worth_can_be_chosen_and_two_empty_masks_are_neither(
    worst, distance
):
    nothing, something = torch.zeros((30, 40), dtype=torch.bool), square(5, 5, 3, (30, 40))
    assert hd95(nothing, something, worst=worst) == (distance, True)
    assert hd95(something, nothing, worst=worst) == (distance, True)
    assert hd95(nothing, nothing, worst=worst) == (None, False)
    assert hd95(something, something, worst=worst) == (0.0, False)


def test_a_small_far_blob_counts_in_the_direction_that_sees_it():
    # 4 of 44 outline pixels of the prediction lie 40 columns off: more than 5 %.
    prediction, truth = square(10, 5, 11), square(10, 5, 11)
    prediction[12:14, 50:52] = True
    assert hd95(prediction, truth).distance == pytest.approx(35.0, abs=1)
    assert hd95(truth, truth).distance == 0


@settings(max_examples=25, deadline=None)
@given(SEEDS, SEEDS, st.sampled_from([0.1, 0.3, 0.6]))
def test_hd95_equals_monai(one, other, share):
    prediction, truth = random_mask(one, share), random_mask(other, share)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = compute_hausdorff_distance(
            prediction[None, None].float(),
            truth[None, None].float(),
            percentile=95,
            spacing=[0.5, 0.25],
        )
    ours = hd95(prediction, truth, (0.5, 0.25)).distance
    assert ours == pytest.approx(float(expected), abs=1e-5)


def test_the_diagonal_bounds_every_distance():
    corner, other = square(0, 0, 1), square(63, 63, 1)
    assert hd95(corner, other).distance == pytest.approx(math.hypot(63, 63))
