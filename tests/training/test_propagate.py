"""Masks are carried from frame to frame, and every frame learns from the last."""

import torch
from torch.testing import assert_close

from sonotrace.data.sample import TrainingClip
from sonotrace.nn.memory import aggregate
from sonotrace.training.loader import collate, with_slots
from sonotrace.training.propagate import merge, propagate


def test_merging_gives_the_probabilities_of_the_tracker():
    logits = 3 * torch.randn(2, 3, 4, 5)
    merged = merge(logits, torch.ones(2, 3, dtype=torch.bool)).softmax(1)
    assert_close(merged[:, 1:], aggregate(logits), atol=1e-5, rtol=1e-4)


def test_objects_and_background_add_up_to_one(network, draw):
    scores = propagate(network, collate([draw(0, objects=2)])).scores
    assert_close(scores.softmax(2).sum(2), torch.ones(1, 2, 32, 32))


def test_an_empty_slot_changes_nothing(network, draw):
    network.eval()
    clip = draw(0)
    alone = propagate(network, collate([clip])).probabilities
    padded = TrainingClip(*(field[None] for field in with_slots(clip, 3)))
    assert_close(propagate(network, padded).probabilities[:, :, :1], alone)


def test_an_empty_slot_has_no_probability(network, draw):
    padded = TrainingClip(*(field[None] for field in with_slots(draw(0), 2)))
    assert propagate(network, padded).probabilities[:, :, 1].max() == 0


def test_a_pixel_that_is_very_wrong_still_learns():
    logits = torch.full((1, 1, 1, 1), -60.0, requires_grad=True)
    scores = merge(logits, torch.ones(1, 1, dtype=torch.bool))
    torch.nn.functional.cross_entropy(scores, torch.ones(1, 1, 1, dtype=torch.long)).backward()
    assert logits.grad is not None
    assert logits.grad.item() < -0.5


def test_masks_of_later_frames_are_not_looked_at(network, draw):
    network.eval()
    clip = collate([draw(0)])
    masks = clip.masks.clone()
    masks[:, 1:] = torch.rand_like(masks[:, 1:])
    other = TrainingClip(clip.frames, masks, clip.present)
    assert_close(propagate(network, other).scores, propagate(network, clip).scores)


def test_the_last_frame_teaches_what_was_predicted_before(network, draw):
    clip = collate([draw(0)])
    prediction = propagate(network, clip)
    earlier = prediction.scores[:, 0]
    earlier.retain_grad()
    stacked = propagate(network, clip)
    (gradient,) = torch.autograd.grad(
        stacked.probabilities[:, 1].sum(), network.answer.weight, retain_graph=True
    )
    assert gradient.abs().sum() > 0
    memory = torch.autograd.grad(stacked.probabilities[:, 1].sum(), network.remember.weight)[0]
    assert memory.abs().sum() > 0
