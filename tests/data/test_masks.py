"""A mask track knows which frames it knows."""

import pytest
import torch

from sonotrace.data.masks import LabelMapsInMemory, MaskTrack, masks_from_maps


def maps(count):
    return [torch.full((4, 5), i, dtype=torch.uint8) for i in range(count)]


def sparse():
    source = LabelMapsInMemory(tuple(maps(3)))
    return MaskTrack(source=source, frames=(2, 5, 9), shape=(4, 5))


def test_masks_are_found_by_frame_number():
    assert int(sparse()[5][0, 0]) == 1


def test_an_unknown_frame_is_not_an_empty_one():
    with pytest.raises(KeyError):
        sparse()[3]
    assert 3 not in sparse()


def test_only_numbers_are_frames():
    assert 9 in sparse()
    assert 10 not in sparse()
    assert "2" not in sparse()


def test_masks_come_with_their_frames_in_order():
    assert [frame for frame, _ in sparse()] == [2, 5, 9]


def test_masks_in_memory_begin_at_frame_0():
    assert masks_from_maps(maps(2)).frames == (0, 1)


@pytest.mark.parametrize("frames", [(1, 2), (2, 1, 3), (1, 1, 2)])
def test_frame_numbers_must_fit_and_ascend(frames):
    with pytest.raises(ValueError, match="frame numbers"):
        MaskTrack(source=LabelMapsInMemory(tuple(maps(3))), frames=frames, shape=(4, 5))
