"""Frames of one clip, in order, cropped alike."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from sonotrace.data.clip import clip_from_frames
from sonotrace.data.masks import masks_from_maps
from sonotrace.data.sample import VideoSample
from sonotrace.errors import DataContractError
from sonotrace.settings import replace
from sonotrace.training.real_clips import RealClips, RealClipSettings, _choose_frames
from sonotrace.transforms.intensity import LookRange

STILL = LookRange(
    gain=0,
    contrast=(1, 1),
    gamma=(1, 1),
    depth_gain=0,
    noise_chance=0,
    shadow_chance=0,
    blur_chance=0,
    drift=0,
)
PLAIN = RealClipSettings(size=64, crop=(1, 1), flip_chance=0, reverse_chance=0, look=STILL)


def moving_square(frames: int = 10, size: int = 64, *, ids: tuple[int, ...] = (3,)) -> VideoSample:
    """Return squares that move two pixels a frame, bright where the masks are."""
    pictures, maps = [], []
    for t in range(frames):
        labels = torch.zeros(size, size, dtype=torch.uint8)
        for i, one in enumerate(ids):
            labels[20 * i + 5 : 20 * i + 15, 2 * t + 5 : 2 * t + 15] = one
        pictures.append(((labels > 0) * 200).to(torch.uint8)[None])
        maps.append(labels)
    clip, masks = clip_from_frames(pictures), masks_from_maps(maps)
    return VideoSample(id="a", group="a", clip=clip, masks=masks)


def test_masks_lie_on_their_objects():
    clip = RealClips([moving_square()], RealClipSettings(size=64, look=STILL))(3)
    assert ((clip.frames[:, 0] > 0.4) == (clip.masks[:, 0] > 0.5)).float().mean() > 0.97


def test_the_same_number_gives_the_same_clip():
    samples = [moving_square()]
    one, two = (RealClips(samples, RealClipSettings(size=64))(5) for _ in range(2))
    assert torch.equal(one.frames, two.frames)


def test_another_number_gives_another_clip():
    clips = RealClips([moving_square()], RealClipSettings(size=64))
    assert not torch.equal(clips(0).frames, clips(1).frames)


def test_an_uncropped_clip_is_the_clip():
    clip = RealClips([moving_square(3)], replace(PLAIN, max_gap=1))(0)
    expected = torch.stack([frame.float() / 255 for frame in moving_square(3).clip])
    assert_close(clip.frames, expected)


@pytest.mark.parametrize("max_gap", [1, 3, 50])
def test_frames_are_ordered_with_bounded_gaps(max_gap):
    settings = replace(PLAIN, max_gap=max_gap, frames=4)
    random = np.random.default_rng(0)
    for _ in range(50):
        gaps = np.diff(_choose_frames(range(10), settings, random))
        assert gaps.min() >= 1
        assert gaps.max() <= max_gap


def test_time_can_run_backwards():
    chosen = _choose_frames(range(9), replace(PLAIN, reverse_chance=1), np.random.default_rng(0))
    assert chosen == sorted(chosen, reverse=True)


def test_a_clip_that_is_too_short_repeats_its_end():
    chosen = _choose_frames(range(2), replace(PLAIN, frames=4), np.random.default_rng(0))
    assert chosen == [0, 1, 1, 1]


def test_every_object_has_a_slot_of_its_own():
    clip = RealClips([moving_square(ids=(3, 7))], PLAIN)(0)
    assert clip.present.tolist() == [True, True]
    assert not (clip.masks[:, 0] * clip.masks[:, 1]).any()


def test_a_narrow_frame_is_filled_up_with_black():
    sample = moving_square()
    tall = VideoSample(
        id="a",
        group="a",
        clip=sample.clip.cropped((0, 0, 40, 64)),
        masks=masks_from_maps([labels[:, :40] for _, labels in sample.masks]),
    )
    clip = RealClips([tall], PLAIN)(0)
    assert clip.frames.shape == (3, 1, 64, 64)
    assert clip.frames[..., :12].max() == 0


def test_clips_without_masks_are_of_no_use():
    sample = moving_square(1)
    with pytest.raises(DataContractError, match="none of 1 clips"):
        RealClips([sample], PLAIN)
