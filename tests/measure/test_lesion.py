"""Sizes of shapes whose size is known."""

import math

import pytest
import torch

from sonotrace.measure.lesion import measure_lesion, principal_axis


def ellipse(rows, columns, turn=0.0, size=200):
    y, x = torch.meshgrid(*[torch.arange(size) - size / 2] * 2, indexing="ij")
    u = x * math.cos(turn) + y * math.sin(turn)
    v = -x * math.sin(turn) + y * math.cos(turn)
    return (u / columns * 2) ** 2 + (v / rows * 2) ** 2 <= 1


def test_an_empty_mask_has_no_size():
    assert measure_lesion(torch.zeros(5, 5, dtype=torch.bool)) is None


def test_one_pixel_is_one_pixel_long():
    mask = torch.zeros(5, 5, dtype=torch.bool)
    mask[2, 3] = True
    size = measure_lesion(mask)
    assert (size.area, size.longest, size.across) == (1.0, 1.0, 1.0)


def test_a_row_of_pixels_is_as_long_as_it_has_pixels():
    mask = torch.zeros(5, 9, dtype=torch.bool)
    mask[2, 1:8] = True
    assert measure_lesion(mask).longest == 7.0


@pytest.mark.parametrize("turn", [0.0, 0.4, 1.2])
def test_an_ellipse_has_its_two_axes(turn):
    size = measure_lesion(ellipse(60, 120, turn))
    assert size.longest == pytest.approx(120, abs=1.5)
    assert size.across == pytest.approx(60, abs=1.5)


def test_the_area_is_counted_in_square_millimetres():
    assert measure_lesion(ellipse(60, 120), (0.1, 0.2)).area == pytest.approx(
        math.pi * 60 * 120 / 4 * 0.02, rel=0.01
    )


def test_uneven_spacing_can_turn_the_longest_diameter():
    size = measure_lesion(ellipse(60, 120), (0.4, 0.1))
    assert size.longest == pytest.approx(24, abs=0.6)
    assert size.across == pytest.approx(12, abs=0.6)


def test_the_axis_of_a_diagonal_is_diagonal():
    assert principal_axis(torch.eye(9, dtype=torch.bool)).tolist() == pytest.approx([0.5**0.5] * 2)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.3, 0.07)])
def test_diameters_are_those_between_all_edges_of_all_pixels(spacing):
    mask = torch.rand(24, 31, generator=torch.Generator().manual_seed(3)) < 0.2
    steps = torch.tensor([[0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]])
    edges = (mask.nonzero()[:, None] + steps).reshape(-1, 2).double() * torch.tensor(spacing)
    apart = torch.cdist(edges, edges)
    first, last = divmod(int(apart.argmax()), len(edges))
    along = (edges[last] - edges[first]) / apart.max()
    reach = edges @ torch.stack([-along[1], along[0]])
    size = measure_lesion(mask, spacing)
    assert size.longest == pytest.approx(float(apart.max()))
    assert size.across == pytest.approx(float(reach.max() - reach.min()))
