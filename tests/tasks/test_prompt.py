"""Boxes and clicks become the mask that their rule says."""

import math

import pytest
import torch

from sonotrace.errors import UsageError
from sonotrace.tasks.prompt import mask_from_box, mask_from_click


def disc(radius=20, centre=(50, 60), inside=40, outside=120):
    y, x = torch.meshgrid(torch.arange(100), torch.arange(120), indexing="ij")
    mask = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2
    grey = torch.where(mask, inside, outside) + torch.randint(-15, 16, (100, 120))
    return grey.clamp(0, 255).to(torch.uint8)[None], mask


def test_a_box_becomes_the_ellipse_inside_it():
    mask = mask_from_box((10.0, 20.0, 60.0, 40.0), (100, 120))
    rows, columns = mask.nonzero().unbind(1)
    assert (int(columns.min()), int(columns.max())) == (10, 69)
    assert (int(rows.min()), int(rows.max())) == (20, 59)
    assert int(mask.sum()) == pytest.approx(math.pi * 60 * 40 / 4, rel=0.01)


def test_a_box_may_reach_over_the_border():
    assert bool(mask_from_box((-30.0, -30.0, 60.0, 60.0), (100, 120))[0, 0])


@pytest.mark.parametrize("box", [(0.0, 0.0, 0.0, 5.0), (200.0, 0.0, 10.0, 10.0)])
def test_a_box_without_pixels_is_refused(box):
    with pytest.raises(UsageError):
        mask_from_box(box, (100, 120))


@pytest.mark.parametrize("inside", [40, 200])
def test_a_click_takes_the_disc_it_is_in(inside):
    frame, truth = disc(inside=inside)
    mask = mask_from_click(60.0, 50.0, frame)
    overlap = 2 * int((mask & truth).sum()) / int(mask.sum() + truth.sum())
    assert overlap > 0.95


def test_a_click_where_nothing_stands_out_is_refused():
    with pytest.raises(UsageError, match="nothing stands out"):
        mask_from_click(60.0, 50.0, torch.full((1, 100, 120), 90, dtype=torch.uint8))


def test_a_click_off_the_picture_is_refused():
    with pytest.raises(UsageError, match="off the picture of 120 x 100"):
        mask_from_click(120.0, 50.0, torch.zeros(1, 100, 120, dtype=torch.uint8))
