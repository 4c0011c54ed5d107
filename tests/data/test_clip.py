"""A clip is an ordered source of frames, cut and cropped without being read."""

import pickle

import pytest
import torch

from sonotrace.data.clip import Clip, clip_from_frames
from sonotrace.errors import SpacingError


def numbered(count=6, rows=8, columns=10):
    return [torch.full((1, rows, columns), i, dtype=torch.uint8) for i in range(count)]


@pytest.fixture
def clip():
    return clip_from_frames(numbered(), frames_per_second=20.0)


def values(clip):
    return [int(frame[0, 0, 0]) for frame in clip]


def test_a_clip_can_be_gone_through_twice(clip):
    assert values(clip) == values(clip) == [0, 1, 2, 3, 4, 5]


def test_negative_numbers_count_from_the_end(clip):
    assert int(clip[-1][0, 0, 0]) == 5


def test_a_frame_that_is_not_there_is_an_index_error(clip):
    with pytest.raises(IndexError, match="frame 6 of a clip of 6 frames"):
        clip[6]


def test_a_cut_keeps_times_and_numbers_of_the_file(clip):
    part = clip.cut(2, 5).cut(1, 3)
    assert values(part) == [3, 4]
    assert part.times_s.tolist() == pytest.approx([0.15, 0.2])
    assert part.first_frame == 3


@pytest.mark.parametrize(("start", "stop"), [(3, 3), (-1, 2), (0, 7)])
def test_an_impossible_cut_is_refused(clip, start, stop):
    with pytest.raises(ValueError, match="of a clip of 6 frames"):
        clip.cut(start, stop)


def test_crops_add_up(clip):
    part = clip.cropped((2, 1, 6, 5)).cropped((1, 1, 3, 2))
    assert part.crop == (3, 2, 3, 2)
    assert part[0].shape == (1, 2, 3) == part.shape


@pytest.mark.parametrize("box", [(-1, 0, 2, 2), (0, 0, 11, 2), (0, 0, 0, 2)])
def test_a_crop_off_the_picture_is_refused(clip, box):
    with pytest.raises(ValueError, match="box"):
        clip.cropped(box)


def test_the_rate_comes_from_the_times(clip):
    assert clip.frames_per_second == pytest.approx(20.0)


def test_without_a_clock_there_is_no_rate():
    assert clip_from_frames(numbered()).frames_per_second is None


def test_spacing_is_unknown_until_somebody_vouches_for_it(clip):
    assert (clip.spacing_mm, clip.spacing_source) == (None, "unknown")
    assert clip.with_spacing((0.1, 0.2)).spacing_source == "user"


@pytest.mark.parametrize("spacing", [(0.0, 0.1), (0.1, -0.1), (float("nan"), 0.1), (200.0, 0.1)])
def test_impossible_spacing_is_refused(clip, spacing):
    with pytest.raises(SpacingError, match="impossible"):
        clip.with_spacing(spacing)


def test_spacing_without_its_source_is_a_mistake():
    with pytest.raises(ValueError, match="spacing"):
        Clip(
            source=clip_from_frames(numbered()).source,
            path=None,
            format="",
            shape=(1, 8, 10),
            times_s=None,
            spacing_mm=(0.1, 0.1),
        )


def test_frames_of_different_shapes_are_no_clip():
    with pytest.raises(ValueError, match="different shapes"):
        clip_from_frames([*numbered(1), *numbered(1, rows=9)])


def test_a_clip_travels_to_another_process(clip):
    assert values(pickle.loads(pickle.dumps(clip.cut(1, 3).cropped((0, 0, 2, 2))))) == [1, 2]
