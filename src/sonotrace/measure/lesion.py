"""Size of a lesion: area, centroid, longest diameter and the diameter across it."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from scipy.spatial import ConvexHull, QhullError
from torch import Tensor

from sonotrace.types import Mask

Spacing = tuple[float, float]
"""Row and column spacing: mm per pixel, or (1, 1) for lengths in pixels."""

PIXELS: Spacing = (1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionSize:
    """Lengths and area in the unit of the spacing; positions in pixels, (row, column)."""

    area: float
    centroid_px: tuple[float, float]
    longest: float
    """Largest distance between two points of the outline."""
    longest_ends_px: tuple[tuple[float, float], tuple[float, float]]
    across: float
    """Caliper width at right angles to the longest diameter."""


def measure_lesion(mask: Mask, spacing: Spacing = PIXELS) -> LesionSize | None:
    """Measure one object; None where the mask is empty.

    The outline runs along the edges of the pixels, so one pixel is one pixel long and a
    disc of diameter D measures D to within a pixel. The two diameters are those of
    the RECIST and BI-RADS habit: the longest one, and the width at right angles to it.

    Args:
        mask: Pixels of the object, in any number of pieces.
        spacing: Row and column spacing in mm; leave it out for pixels.
    """
    rows, columns = np.nonzero(mask.numpy())
    if len(rows) == 0:
        return None
    points = _outline(rows, columns) * np.asarray(spacing)
    corners = _hull(points)
    apart = np.linalg.norm(corners[:, None] - corners[None], axis=2)
    first, last = np.unravel_index(int(apart.argmax()), apart.shape)
    along = (corners[last] - corners[first]) / apart[first, last]
    reach = corners @ np.array([-along[1], along[0]])
    ends = corners[[first, last]] / np.asarray(spacing)
    return LesionSize(
        area=float(len(rows) * spacing[0] * spacing[1]),
        centroid_px=(float(rows.mean()), float(columns.mean())),
        longest=float(apart[first, last]),
        longest_ends_px=(
            (float(ends[0, 0]), float(ends[0, 1])),
            (float(ends[1, 0]), float(ends[1, 1])),
        ),
        across=float(reach.max() - reach.min()),
    )


def _outline(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the middles of the four edges of the first and the last pixel of every row.

    No corner of the convex hull is missing: of points on one line only the outermost can be
    corners, and what lies above, below and beside the pixels of a row lies on three lines.
    The pixels come row by row, from left to right.
    """
    starts = np.flatnonzero(np.diff(rows)) + 1
    keep = np.concatenate(([0], starts, starts - 1, [len(rows) - 1]))
    centres = np.stack([rows[keep], columns[keep]], axis=1).astype(float)
    steps = np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
    middles: np.ndarray = (centres[:, None] + steps).reshape(-1, 2)
    return middles


def _hull(points: np.ndarray) -> np.ndarray:
    try:
        corners: np.ndarray = points[ConvexHull(points).vertices]
    except QhullError:  # all points on one line
        return points
    return corners


def principal_axis(mask: Mask, spacing: Spacing = PIXELS) -> Float64[Tensor, "2"]:
    """Return the direction (row, column) of the longest extent as a unit vector; row >= 0."""
    points = mask.nonzero().double() * torch.tensor(spacing, dtype=torch.float64)
    spread = points - points.mean(dim=0)
    _, vectors = torch.linalg.eigh(spread.mT @ spread)
    axis: Tensor = vectors[:, 1]
    forwards = axis[0] > 0 or (axis[0] == 0 and axis[1] > 0)
    return axis if forwards else -axis
