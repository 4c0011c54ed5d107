import pickle

import pytest
import torch

from sonotrace.simulate.scenes import LESION, NEEDLE, lesion_clip, needle_clip


@pytest.mark.parametrize(("make", "label"), [(lesion_clip, LESION), (needle_clip, NEEDLE)])
def test_masks_hold_the_target_from_the_first_frame(make, label):
    assert make(0, frames=2, size=64).masks[0].unique().tolist() == [0, label]


@pytest.mark.parametrize("make", [lesion_clip, needle_clip])
def test_the_same_seed_gives_the_same_bytes(make):
    one, other = make(3, frames=3, size=64), make(3, frames=3, size=64)
    assert torch.equal(one.clip[2], other.clip[2])
    assert torch.equal(one.masks[2], other.masks[2])
    assert one.truth == other.truth


def test_a_frame_is_the_same_whether_or_not_others_were_asked_for():
    one, other = lesion_clip(0, frames=6, size=64), lesion_clip(0, frames=6, size=64)
    before = list(one.clip)[4]
    assert torch.equal(before, other.clip[4])


def test_another_seed_gives_another_clip():
    assert not torch.equal(lesion_clip(0, size=64).clip[0], lesion_clip(1, size=64).clip[0])


def test_spacing_and_clock_are_set():
    clip = lesion_clip(0, frames=11, size=80, frames_per_second=20.0).clip
    assert clip.spacing_mm == (0.5, 0.5)
    assert clip.frames_per_second == pytest.approx(20)
    assert clip.shape == (1, 80, 80)


def test_the_truth_has_one_entry_for_each_frame():
    scene = needle_clip(0, frames=5, size=64)
    assert len(scene.truth["frames"]) == len(scene.clip) == len(scene.masks) == 5


def test_a_clip_can_go_to_another_process():
    clip = lesion_clip(0, frames=2, size=64).clip
    assert torch.equal(pickle.loads(pickle.dumps(clip))[1], clip[1])


def test_neighbouring_frames_are_more_alike_than_distant_ones():
    clip = lesion_clip(2, frames=30, size=96).clip
    first, next_one, last = (clip[i].float().flatten() for i in (0, 1, 29))
    near = torch.corrcoef(torch.stack([first, next_one]))[0, 1]
    far = torch.corrcoef(torch.stack([first, last]))[0, 1]
    assert near > far + 0.2
    assert near > 0.7


def test_too_coarse_a_picture_is_refused():
    with pytest.raises(ValueError, match="at least 64"):
        lesion_clip(0, size=32)


def test_a_clip_without_frames_is_refused():
    with pytest.raises(ValueError, match="0 frames"):
        lesion_clip(0, frames=0)
