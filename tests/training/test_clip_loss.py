"""The loss is smallest for the truth."""

import pytest
import torch
from torch.testing import assert_close

from sonotrace.training.clip_loss import LossConfig, cross_entropy, make_clip_loss
from sonotrace.training.loader import collate
from sonotrace.training.propagate import Propagation


def prediction(masks: torch.Tensor, certainty: float) -> Propagation:
    """Return scores that say `masks`, frames after the first, with some certainty."""
    background = 1 - masks.sum(2, keepdim=True)
    scores = certainty * torch.cat([background, masks], 2)
    return Propagation(scores, scores.softmax(2)[:, :, 1:])


def test_the_truth_costs_nothing(draw):
    clip = collate([draw(0, objects=2)])
    loss = make_clip_loss(LossConfig())(prediction(clip.masks[:, 1:], 40), clip, 0)
    assert_close(loss, torch.tensor(0.0), atol=1e-4, rtol=0)


def test_another_mask_costs_more_the_surer_it_is(draw):
    clip = collate([draw(0)])
    loss = make_clip_loss(LossConfig())
    wrong = clip.masks[:, 1:].roll(7, -1)
    assert loss(prediction(wrong, 2), clip, 0) < loss(prediction(wrong, 8), clip, 0)


def test_frames_are_summed(draw):
    clip = collate([draw(0)])
    loss = make_clip_loss(LossConfig(dice_weight=0))
    scores = torch.zeros(1, 2, 2, 32, 32)
    assert_close(
        loss(Propagation(scores, scores.softmax(2)[:, :, 1:]), clip, 0),
        torch.tensor(2 * 0.6931472),
    )


def test_later_only_the_hardest_pixels_count(draw):
    clip = collate([draw(0)])
    config = LossConfig(hardest_share=0.1, plain_until=10, falls_until=20, dice_weight=0)
    loss = make_clip_loss(config)
    wrong = prediction(clip.masks[:, 1:].roll(3, -1), 4)
    losses = [float(loss(wrong, clip, step)) for step in (0, 10, 15, 20)]
    assert losses[0] == losses[1] < losses[2] < losses[3]


def test_cross_entropy_of_no_knowledge_is_the_logarithm_of_the_choices():
    masks = torch.zeros(1, 2, 3, 3)
    assert cross_entropy(torch.zeros(1, 3, 3, 3), masks).mean().item() == pytest.approx(1.0986123)
