import pickle

import pytest
import torch

from sonotrace.simulate.clip import clip_of
from sonotrace.simulate.scenes import make_scene


@pytest.fixture(scope="module")
def made():
    return clip_of(make_scene("lesion", 3, frames=4, size=96))


def test_a_frame_is_the_same_whether_or_not_others_were_asked_for(made):
    again = clip_of(make_scene("lesion", 3, frames=4, size=96))
    before = list(made.clip)[2]
    assert torch.equal(before, again.clip[2])
    assert torch.equal(made.masks[2], again.masks[2])


def test_spacing_and_clock_are_those_of_the_scene(made):
    view = make_scene("lesion", 3, frames=4, size=96).scanner.view
    assert made.clip.spacing_mm == (view.pixel_mm, view.pixel_mm)
    assert made.clip.frames_per_second == pytest.approx(25)
    assert made.clip.shape == (1, 96, 96)
    assert len(made.clip) == len(made.masks) == 4


def test_a_clip_goes_to_another_process_without_its_baked_tissue(made):
    frame = made.clip[1]
    packed = pickle.dumps(made.clip)
    assert len(packed) < 2_000_000
    assert torch.equal(pickle.loads(packed)[1], frame)


def test_what_is_there_can_be_asked_for_instead_of_what_is_seen():
    scene = make_scene("needle", 3, frames=2, size=96)
    seen, there = clip_of(scene).masks[0], clip_of(scene, which="geometric").masks[0]
    assert (there > 0).sum() >= (seen > 0).sum() > 0
