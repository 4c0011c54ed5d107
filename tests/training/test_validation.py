"""The score of validation is a Dice."""

import pytest
import torch
from torch import nn

from sonotrace.data.sample import TrainingClip
from sonotrace.models.video import QueryFeatures
from sonotrace.training.loader import with_slots
from sonotrace.training.validation import mean_dice


class Repeats(nn.Module):
    """Says at every frame what the mask of the first was."""

    in_channels = 1
    stride = 32
    minimum_size = 32
    lookahead_frames = 0

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def encode_query(self, frames):
        x = nn.functional.avg_pool2d(frames, 32)
        return QueryFeatures(x, x, x, (), (32, 32))

    def encode_memory(self, frames, features, masks):
        return masks.flatten(2)[..., None, None]

    def decode(self, read, features):
        return 20 * (read[:, :, :, 0, 0].unflatten(2, (32, 32)) - 0.5)


def test_repeating_the_mask_of_something_still_is_perfect(draw):
    clip = draw(0)
    still = TrainingClip(clip.frames, clip.masks[:1].expand(3, -1, -1, -1), clip.present)
    assert mean_dice(Repeats(), [still]) == 1


def test_repeating_the_mask_of_something_that_moves_is_not(draw):
    assert 0.2 < mean_dice(Repeats(), [draw(0)]) < 0.95


def test_two_empty_masks_agree_and_one_does_not(draw):
    clip = draw(0)
    masks = clip.masks.clone()
    masks[1:] = 0
    assert mean_dice(Repeats(), [TrainingClip(clip.frames, masks, clip.present)]) == 0
    assert mean_dice(Repeats(), [TrainingClip(clip.frames, 0 * masks, clip.present)]) == 1


def test_slots_without_object_do_not_count(draw):
    clip = draw(0)
    assert mean_dice(Repeats(), [with_slots(clip, 2)]) == pytest.approx(
        mean_dice(Repeats(), [clip])
    )
