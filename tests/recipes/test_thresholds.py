"""Thresholds come from tracked clips."""

import torch

from sonotrace.data.sample import TrainingClip
from sonotrace.models import build_model, model_config
from sonotrace.recipes.thresholds import fit_thresholds


def test_every_frame_after_the_first_counts():
    network = build_model(model_config("stcn:tiny"))
    masks = torch.zeros(4, 1, 32, 32)
    masks[:, :, 8:20, 8:20] = 1
    clip = TrainingClip(0.5 * masks, masks, torch.ones(1, dtype=torch.bool))
    assert fit_thresholds(network, [clip, clip]).fitted_frames == 6
