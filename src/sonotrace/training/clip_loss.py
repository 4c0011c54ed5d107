"""How wrong the predicted masks of a batch of clips are.

Cross-entropy over background and objects, of all pixels or only of the hardest, and Dice of
the objects; summed over the frames of a clip, averaged over the clips.

Source: Cheng et al., "Rethinking Space-Time Networks with Improved Memory Coverage for
Efficient Video Object Segmentation", NeurIPS 2021, arXiv:2106.05210 (bootstrapped
cross-entropy); Cheng and Schwing, XMem, ECCV 2022, arXiv:2207.07115 (its sum with Dice).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from sonotrace.data.sample import TrainingClip
from sonotrace.losses.overlap import Bootstrap, dice_loss, hardest_mean
from sonotrace.settings import Settings
from sonotrace.training.module import ClipLoss
from sonotrace.training.propagate import Propagation


class LossConfig(Settings):
    """Which pixels count, and how much the overlap does."""

    hardest_share: float = Field(default=1.0, gt=0, le=1)
    """Part of the pixels of a frame that counts in the end: the most wrong. 1: all of them."""
    plain_until: int = Field(default=20_000, ge=0)
    """Steps during which all pixels count."""
    falls_until: int = Field(default=70_000, ge=1)
    """Step from which only `hardest_share` counts; in between the share falls evenly."""
    dice_weight: float = Field(default=1.0, ge=0)


def make_clip_loss(config: LossConfig) -> ClipLoss:
    """Return the loss with these settings."""
    bootstrap = Bootstrap(config.plain_until, config.falls_until, config.hardest_share)

    def loss(prediction: Propagation, clip: TrainingClip, step: int) -> Tensor:
        truth = clip.masks[:, 1:] * clip.present[:, None, :, None, None]
        later = truth.shape[1]
        flat = truth.flatten(0, 1)  # (B*(T-1), O, H, W)
        present = clip.present.repeat_interleave(later, 0)
        entropy = hardest_mean(
            cross_entropy(prediction.scores.flatten(0, 1), flat), bootstrap.share_at(step)
        )
        overlap = dice_loss(prediction.probabilities.flatten(0, 1), flat, present)
        return later * (entropy + config.dice_weight * overlap).mean()

    return loss


def cross_entropy(
    scores: Float[Tensor, "B S H W"], masks: Float[Tensor, "B O H W"]
) -> Float[Tensor, "B H W"]:
    """Return -log of the probability given to what each pixel shows, in nats.

    S is O + 1: the background comes first. Taken from the scores and not from probabilities,
    so that no pixel is too wrong to learn.
    """
    labels = torch.zeros_like(masks[:, 0], dtype=torch.long)  # (B, H, W), 0: background
    for i, mask in enumerate(masks.unbind(1)):  # argmax would be a quarter of the time of a step
        labels = labels.masked_fill(mask > 0.5, i + 1)
    return F.cross_entropy(scores, labels, reduction="none")
