"""Losses of masks of several objects that share the pixels with a background.

Probabilities are those of the objects after aggregation: what they leave to 1 is the
background's. Slots without an object (`present` is false) count as background and add nothing.

Sources: bootstrapped cross-entropy as in Cheng et al., STCN, NeurIPS 2021, arXiv:2106.05210;
Dice of Milletari et al., V-Net, 3DV 2016, arXiv:1606.04797, in MONAI's definition.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from monai.losses.dice import DiceLoss
from torch import Tensor

_LEAST = 1e-7
"""The smallest probability that is told from none; bounds the cross-entropy at 16.1."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """All pixels count at first; then fewer and fewer, the hardest ones."""

    plain_until: int = 20_000
    """Steps during which all pixels count."""
    falls_until: int = 70_000
    """Step from which only `share` of the pixels counts; between the two it falls linearly."""
    share: float = 0.15

    def share_at(self, step: int) -> float:
        """Return the part of the pixels that counts at `step`."""
        part = (step - self.plain_until) / max(1, self.falls_until - self.plain_until)
        return 1 - (1 - self.share) * min(1.0, max(0.0, part))


def cross_entropy(
    probabilities: Float[Tensor, "B O H W"],
    masks: Float[Tensor, "B O H W"],
    present: Bool[Tensor, "B O"],
) -> Float[Tensor, "B H W"]:
    """Return -log of the probability given to what each pixel shows, in nats."""
    there = present[:, :, None, None].to(probabilities.dtype)
    p, truth = probabilities * there, masks * there
    background, outside = 1 - p.sum(dim=1), 1 - truth.sum(dim=1)  # (B, H, W)
    given = (p * truth).sum(dim=1) + background * outside
    return -given.clamp(min=_LEAST).log()


def hardest_mean(each: Float[Tensor, "B H W"], share: float) -> Float[Tensor, " B"]:
    """Return the mean of the largest `share` of each picture's values, at least of one."""
    if not 0 < share <= 1:
        raise ValueError(f"a share of {share} of the pixels is not in (0, 1]")
    values = each.flatten(1)  # (B, H*W)
    count = max(1, round(share * values.shape[1]))
    if count < values.shape[1]:
        values = values.topk(count, dim=1, sorted=False).values
    return values.mean(dim=1)


def dice_loss(
    probabilities: Float[Tensor, "B O H W"],
    masks: Float[Tensor, "B O H W"],
    present: Bool[Tensor, "B O"],
) -> Float[Tensor, " B"]:
    """Return 1 - Dice, the mean over the objects of each picture; 0 where there are none.

    One pixel is added above and below the fraction, so that an empty mask that is predicted
    empty costs nothing, and one that is not still has a gradient.
    """
    every: Tensor = DiceLoss(smooth_nr=1.0, smooth_dr=1.0, reduction="none")(probabilities, masks)
    there = present.to(probabilities.dtype)
    return (every.flatten(1) * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)


def mask_loss(
    probabilities: Float[Tensor, "B O H W"],
    masks: Float[Tensor, "B O H W"],
    present: Bool[Tensor, "B O"],
    *,
    share: float = 1.0,
    dice_weight: float = 1.0,
) -> Float[Tensor, ""]:
    """Return the cross-entropy of the hardest `share` plus the weighted Dice loss, of a batch."""
    entropy = hardest_mean(cross_entropy(probabilities, masks, present), share)
    if dice_weight == 0:
        return entropy.mean()
    return torch.mean(entropy + dice_weight * dice_loss(probabilities, masks, present))
