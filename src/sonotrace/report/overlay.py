"""Drawing what was found on the picture it was found in."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, UInt8
from torch import Tensor

from sonotrace.types import VOID, Frame, LabelMap

COLOURS = (
    (0, 220, 120),
    (255, 160, 0),
    (60, 160, 255),
    (255, 80, 160),
    (230, 230, 60),
    (160, 110, 255),
    (0, 220, 230),
    (255, 110, 80),
)
"""Of objects 1, 2, ...; they begin again after the last. Bright, to stand out from grey."""


def colour_of(object_id: int) -> tuple[int, int, int]:
    """Return the red, green and blue in which an object is drawn."""
    return COLOURS[(object_id - 1) % len(COLOURS)]


def draw_outlines(frame: Frame, labels: LabelMap) -> UInt8[Tensor, "3 H W"]:
    """Return the picture in colour with the outline of every object; pixels within stay as is.

    The outline lies inside the object; it is 1 pixel wide, and wider on large pictures.
    """
    picture = frame.expand(3, -1, -1).clone()
    width = max(1, round(min(labels.shape) / 350))
    present = torch.bincount(labels.flatten()).nonzero().flatten().tolist()
    for object_id in present:
        if object_id in (0, VOID):
            continue
        mask = labels == object_id
        rows, columns = _extent(mask.any(1)), _extent(mask.any(0))
        edge = _inner_edge(mask[rows, columns], width)
        colour = torch.tensor(colour_of(object_id), dtype=torch.uint8)
        picture[:, rows, columns][:, edge] = colour[:, None]
    return picture


def _extent(occupied: Bool[Tensor, " N"]) -> slice:
    """Return the places from the first to the last that is true, and one more on each side."""
    places = occupied.nonzero()
    return slice(max(0, int(places[0]) - 1), int(places[-1]) + 2)


def _inner_edge(mask: Bool[Tensor, "H W"], width: int) -> Bool[Tensor, "H W"]:
    """Return the pixels of `mask` that lie within `width` of its edge; the border is no edge."""
    outside = 1 - mask[None, None].float()
    near = F.max_pool2d(outside, 2 * width + 1, stride=1, padding=width)
    return mask & (near[0, 0] > 0)
