"""Losses of the masks of several objects, and which pixels of a loss count.

Slots without an object (`present` is false) add nothing.

Sources: the bootstrap is that of Cheng et al., STCN, NeurIPS 2021, arXiv:2106.05210;
Dice of Milletari et al., V-Net, 3DV 2016, arXiv:1606.04797, in MONAI's definition.
"""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from monai.losses.dice import DiceLoss
from torch import Tensor


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
