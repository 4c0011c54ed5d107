"""Where a needle is: tip, entry, angle, length, and the speed of its tip."""

import math
from dataclasses import dataclass

import torch

from sonotrace.measure.lesion import PIXELS, Spacing, principal_axis
from sonotrace.types import Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedlePlace:
    """Positions in pixels, (row, column); length in the unit of the spacing."""

    tip_px: tuple[float, float]
    entry_px: tuple[float, float]
    angle_deg: float
    """From the lateral direction down to the needle as it goes in: 0 lies flat and points
    right, 90 points straight into depth, 180 lies flat and points left."""
    length: float


def measure_needle(mask: Mask, spacing: Spacing = PIXELS) -> NeedlePlace | None:
    """Find the two ends of a straight needle; None where the mask is empty.

    A line is laid through the mask along its longest extent. Its ends are the outermost
    pixels, and the one that is deeper is taken for the tip, because needles enter from the
    skin; a needle that lies flat has its tip at the end farther from the picture's side.

    Args:
        mask: Pixels of the needle, in any number of pieces.
        spacing: Row and column spacing in mm; leave it out for pixels.
    """
    pixels = mask.nonzero().double()
    if len(pixels) == 0:
        return None
    scale = torch.tensor(spacing, dtype=torch.float64)
    axis = principal_axis(mask, spacing)
    centre = (pixels * scale).mean(dim=0)
    along = (pixels * scale - centre) @ axis
    shallow, deep = ((centre + axis * along[i]) / scale for i in (along.argmin(), along.argmax()))
    if abs(deep[0] - shallow[0]) < 1.0:
        middle = (mask.shape[1] - 1) / 2
        shallow, deep = sorted((shallow, deep), key=lambda end: -abs(float(end[1]) - middle))
    run = (deep - shallow) * scale
    return NeedlePlace(
        tip_px=(float(deep[0]), float(deep[1])),
        entry_px=(float(shallow[0]), float(shallow[1])),
        angle_deg=math.degrees(math.atan2(float(run[0]), float(run[1]))),
        length=float(run.norm()),
    )


def tip_speed(
    before: NeedlePlace, after: NeedlePlace, seconds: float, spacing: Spacing = PIXELS
) -> float:
    """Return the speed of the tip between two frames, in the spacing's unit per second."""
    if seconds <= 0:
        raise ValueError(f"two frames must be apart in time, not {seconds} s")
    rows = (after.tip_px[0] - before.tip_px[0]) * spacing[0]
    columns = (after.tip_px[1] - before.tip_px[1]) * spacing[1]
    return math.hypot(rows, columns) / seconds
