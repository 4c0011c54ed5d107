import math

import numpy as np
import pytest
import torch

from sonotrace.transforms.spatial import (
    Warp,
    WarpRange,
    Window,
    chain,
    draw_warp,
    sample,
    shifted,
)

IDENTITY = Warp(matrix=np.eye(3))
WHOLE = Window(column=7.5, row=7.5, side=16.0)


def turned(degrees):
    angle = math.radians(degrees)
    matrix = np.eye(3)
    matrix[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    return Warp(matrix=matrix)


def seen(picture, warp, window=WHOLE):
    return sample(picture[None], window, [warp], 16)[0, 0]


@pytest.fixture
def picture():
    return torch.rand(16, 16)


def test_no_warp_over_the_whole_picture_changes_nothing(picture):
    torch.testing.assert_close(seen(picture, IDENTITY), picture)


def test_a_flipped_window_mirrors_left_and_right(picture):
    flipped = Window(7.5, 7.5, 16.0, flipped=True)
    torch.testing.assert_close(seen(picture, IDENTITY, flipped), picture.flip(1))


def test_a_quarter_turn_moves_every_pixel_to_its_turned_place(picture):
    # Output (x, y) shows input (-y, x): the picture turns by a quarter, clockwise or not.
    torch.testing.assert_close(seen(picture, turned(90)), picture.rot90(1), rtol=1e-4, atol=1e-4)


def test_content_moves_right_and_down_by_positive_shifts(picture):
    moved = seen(picture, shifted(IDENTITY, 2 * 3 / 16, 2 * 1 / 16))
    torch.testing.assert_close(moved[1:, 3:], picture[:-1, :-3], rtol=1e-4, atol=1e-4)


def test_beyond_the_picture_there_is_nothing():
    shown = seen(torch.ones(16, 16), shifted(IDENTITY, 1.0, 0.0))
    assert not shown[:, :7].any()
    assert shown[:, 9:].min() == 1


def test_a_window_shows_a_part_enlarged():
    picture = torch.zeros(16, 16)
    picture[4:8, 8:12] = 1
    shown = seen(picture, IDENTITY, Window(column=9.5, row=5.5, side=4.0))
    assert shown[2:-2, 2:-2].min() == 1


def test_chained_turns_add_up(picture):
    last = chain([turned(30), turned(40), turned(20)])[-1]
    torch.testing.assert_close(seen(picture, last), seen(picture, turned(90)))


def test_chained_bends_add_up():
    bend = np.full((4, 4, 2), 0.1)
    warps = [Warp(matrix=np.eye(3), bend=bend), IDENTITY, Warp(matrix=np.eye(3), bend=bend)]
    np.testing.assert_allclose(chain(warps)[-1].bend, 2 * bend)


def test_a_constant_bend_is_a_shift(picture):
    bend = np.zeros((5, 5, 2))
    bend[..., 0] = -0.25
    bent = Warp(matrix=np.eye(3), bend=bend)
    torch.testing.assert_close(seen(picture, bent), seen(picture, shifted(IDENTITY, 0.25, 0.0)))


def test_a_range_of_nothing_draws_the_identity():
    nothing = WarpRange(rotation_deg=0, scale=(1, 1), shear_deg=0, translation=0, bend_chance=0)
    drawn = draw_warp(nothing, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.matrix, np.eye(3), atol=1e-12)
    assert drawn.bend is None


def test_the_same_seed_draws_the_same_warp():
    one, other = (draw_warp(WarpRange(), np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.matrix, other.matrix)


def test_a_mask_stays_on_its_picture_under_any_warp():
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    disc = ((rows - 30) ** 2 + (columns - 34) ** 2 < 200).float()
    random = np.random.default_rng(1)
    for _ in range(10):
        warp, window = draw_warp(WarpRange(bend_chance=1), random), Window(31.5, 31.5, 64.0)
        picture, mask = sample(torch.stack([disc, disc]), window, [warp], 64)[0]
        assert torch.equal(picture >= 0.5, mask >= 0.5)
        assert (mask >= 0.5).sum() > 200
