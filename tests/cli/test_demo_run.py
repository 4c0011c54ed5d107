"""Clips of the demo are files like any user's."""

import pytest
import torch

from sonotrace.cli.demo_run import dices, write_clip
from sonotrace.data.masks import masks_from_maps
from sonotrace.io import open_clip, open_masks
from sonotrace.simulate.scenes import lesion_clip


def test_a_written_clip_is_read_back_as_it_was(tmp_path):
    scene = lesion_clip(1, frames=3, size=64)
    write_clip(tmp_path, scene.clip, scene.masks)
    clip = open_clip(tmp_path / "frames")
    masks = open_masks(tmp_path / "truth", clip)
    for number in range(3):
        assert torch.equal(clip[number], scene.clip[number])
        assert torch.equal(masks[number], scene.masks[number])


def test_the_given_frame_does_not_count():
    wrong, right = torch.zeros(4, 4, dtype=torch.uint8), torch.ones(4, 4, dtype=torch.uint8)
    prediction = masks_from_maps([wrong, right, right])
    assert dices("clip", prediction, masks_from_maps([right] * 3)) == pytest.approx(1.0)
