"""Between label maps with their object ids and one map per object."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sonotrace.errors import MaskError
from sonotrace.tasks.track.states import TargetState
from sonotrace.types import VOID, LabelMap, Probability


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameResult:
    """What a tracker found in one frame. The lists are in the order of `object_ids`.

    The tensors are on the CPU and made in inference mode: clone one before changing it.
    """

    frame: int
    """Number of the frame, counted from the start of the clip."""
    labels: LabelMap
    """The most likely object of every pixel, by its id; where a mask was given, that mask."""
    probabilities: Probability
    """What is left to 1 at a pixel is the probability of the background."""
    object_ids: tuple[int, ...]
    confidence: tuple[float, ...]
    """Mean probability of each object over its own pixels of `labels`; 0 if it has none."""
    states: tuple[TargetState, ...]
    given: bool
    """Whether the mask of this frame was given; such a frame must not be scored."""
    seconds: float
    """Time it took to answer."""


class Claims(NamedTuple):
    """Which pixels each object holds against all others and the background."""

    labels: LabelMap
    areas: tuple[int, ...]
    confidence: tuple[float, ...]


def ids_in(mask: LabelMap, frame: int) -> tuple[int, ...]:
    """Return the object ids of a given mask, ascending; void and background are none.

    Raises:
        MaskError: There is no object in it.
    """
    counts = torch.bincount(mask.flatten(), minlength=256)
    counts[0] = counts[VOID] = 0
    ids = tuple(counts.nonzero().flatten().tolist())
    if not ids:
        raise MaskError(
            f"the mask of frame {frame} shows no object: all pixels are 0 (background) or "
            f"{VOID} (void). Give a mask with ids from 1 to {VOID - 1}, or none."
        )
    return ids


def masks_of(mask: LabelMap, ids: Sequence[int]) -> Bool[Tensor, "O H W"]:
    """Return one map per object, true where its id is; nowhere for ids that are absent."""
    return mask == torch.tensor(ids, dtype=torch.uint8, device=mask.device)[:, None, None]


def put_given(
    predicted: Float[Tensor, "O H W"], given: Bool[Tensor, "O H W"]
) -> Float[Tensor, "O H W"]:
    """Return the probabilities after a user's word: 1 and 0 for the objects that were given.

    Objects that the user did not draw stay as predicted, outside what was drawn.
    """
    drawn = given.flatten(1).any(1)[:, None, None]
    free = ~given.any(0)
    return torch.where(drawn, given.float(), predicted * free)


def claim(probabilities: Probability, ids: Sequence[int]) -> Claims:
    """Give every pixel to its most likely object or to the background, which wins ties."""
    count = len(ids)
    if not count:
        labels = probabilities.new_zeros(probabilities.shape[1:], dtype=torch.uint8)
        return Claims(labels.cpu(), (), ())
    best, which = probabilities.max(0)  # (H, W)
    which = (which + 1).masked_fill_(best <= 1 - probabilities.sum(0), 0)
    labels = torch.tensor([0, *ids], dtype=torch.uint8, device=best.device)[which]
    areas = torch.bincount(which.flatten(), minlength=count + 1)[1:]
    sums = torch.bincount(which.flatten(), best.flatten(), minlength=count + 1)[1:]
    confidence = sums / areas.clamp(min=1)
    return Claims(labels.cpu(), tuple(areas.tolist()), tuple(confidence.tolist()))
