import pytest
import torch

from sonotrace.errors import ReadError
from sonotrace.io.colour import choose_channels, conform, luminance, sampled


def _grey_with(coloured_pixels, spread):
    frame = torch.full((3, 100, 100), 100, dtype=torch.uint8)
    frame[0].view(-1)[:coloured_pixels] += spread
    return frame


def test_luminance_weighs_green_most():
    colours = 255 * torch.eye(3, dtype=torch.uint8)[:, None]  # (C, 1, 3): red, green, blue
    assert luminance(colours).tolist() == [[[76, 150, 29]]]


def test_luminance_is_rounded_exactly():
    levels = torch.arange(0, 256, 5)
    colours = torch.cartesian_prod(levels, levels, levels).T[:, None]  # (C, 1, all colours)
    red, green, blue = colours
    exact = (299 * red + 587 * green + 114 * blue + 500) // 1000
    assert torch.equal(luminance(colours.to(torch.uint8))[0].long(), exact)


def test_luminance_of_grey_is_itself():
    levels = torch.arange(256, dtype=torch.uint8)[None, None]
    assert torch.equal(luminance(levels.expand(3, 1, 256)), levels)


def test_a_clip_with_the_noise_of_lossy_coding_is_grey():
    assert choose_channels([_grey_with(10_000, 16)]) == (1, [])


def test_a_small_marker_leaves_a_clip_grey_and_is_told():
    channels, notes = choose_channels([_grey_with(9, 100)])
    assert channels == 1
    assert "0.09%" in notes[0]


def test_one_coloured_frame_makes_a_clip_coloured():
    channels, notes = choose_channels([_grey_with(0, 0), _grey_with(51, 100)])
    assert channels == 3
    assert "strong colour in 0.5%" in notes[0]


def test_weak_colour_is_no_warning():
    assert choose_channels([_grey_with(500, 60)]) == (3, [])


def test_a_frame_of_another_size_is_refused_with_both_sizes(tmp_path):
    with pytest.raises(ReadError, match=r"4 x 3 pixels .* is 5 x 3"):
        conform(tmp_path, torch.zeros((1, 3, 4), dtype=torch.uint8), (1, 3, 5))


def test_channels_follow_the_clip(tmp_path):
    grey = torch.full((1, 2, 2), 7, dtype=torch.uint8)
    assert conform(tmp_path, grey, (3, 2, 2)).shape == (3, 2, 2)
    assert torch.equal(conform(tmp_path, grey.expand(3, 2, 2), (1, 2, 2)), grey)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 1000])
def test_sampled_frames_begin_with_the_first_and_end_with_the_last(count):
    picks = sampled(count)
    assert picks[0] == 0
    assert picks[-1] == count - 1
    assert picks == sorted(set(picks))
    assert len(picks) == min(count, 8)
