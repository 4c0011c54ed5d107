"""A cheap score for the weights of a run: overlap on short clips that are not trained on."""

from collections.abc import Sequence

import torch
from torch import nn

from sonotrace.data.sample import TrainingClip
from sonotrace.training.propagate import propagate


@torch.inference_mode()
def mean_dice(network: nn.Module, clips: Sequence[TrainingClip], *, bf16: bool = False) -> float:
    """Return the mean Dice over clips, their objects and the frames after the first.

    Each clip has no batch axis. Two empty masks agree (1); an empty and a full one do not (0).
    """
    device = next(network.parameters()).device
    scores: list[float] = []
    for clip in clips:
        batch = TrainingClip(*(field[None].to(device) for field in clip))
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            predicted = propagate(network, batch).probabilities[0] > 0.5  # type: ignore[arg-type]
        truth = batch.masks[0, 1:] > 0.5  # (T-1, O, H, W)
        both = (predicted & truth).sum((2, 3)).float()
        sizes = (predicted.sum((2, 3)) + truth.sum((2, 3))).float()
        dice = torch.where(sizes > 0, 2 * both / sizes.clamp(min=1), 1.0)  # (T-1, O)
        scores += dice[:, batch.present[0]].mean(0).tolist()
    return sum(scores) / len(scores)
