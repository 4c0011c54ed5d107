"""A sweep has one rigid pose for every frame, or none."""

import pytest
import torch

from sonotrace.data.clip import clip_from_frames
from sonotrace.data.sweep import Sweep
from sonotrace.errors import DataContractError, GeometryError


def clip(count=3):
    return clip_from_frames([torch.zeros(1, 4, 5, dtype=torch.uint8)] * count)


def poses(count=3):
    return torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)


def test_a_sweep_without_poses_is_allowed():
    assert Sweep(clip=clip()).world_from_image is None


def test_every_frame_needs_its_pose():
    with pytest.raises(DataContractError, match="2 poses for 3 frames"):
        Sweep(clip=clip(), world_from_image=poses(2))


def test_a_pose_with_pixel_scale_in_it_is_refused():
    with pytest.raises(GeometryError, match="calibration"):
        Sweep(clip=clip(), world_from_image=poses() * torch.tensor([0.1, 0.1, 0.1, 1.0]))


def test_channels_share_the_frames():
    with pytest.raises(DataContractError, match="'photoacoustic'"):
        Sweep(clip=clip(), channels={"photoacoustic": clip(2)})


def test_every_picture_needs_its_state():
    with pytest.raises(DataContractError, match="2 states of pictures for 3 frames"):
        Sweep(clip=clip(), pictures_valid=(True, False))
