"""Outlines: how far apart they are, and how much of them agrees within a tolerance.

Two rules for what an outline is are in use and are kept apart here:

`boundary_f`  pixels that differ from their right, lower or lower right neighbour: half a pixel
              off towards the origin, inside and outside alike. As the DAVIS evaluation does;
              Perazzi et al., CVPR 2016, doi:10.1109/CVPR.2016.85, after Martin et al.,
              IEEE TPAMI 26, 2004, doi:10.1109/TPAMI.2004.1273918.
`hd95`        pixels of the mask with a neighbour (of 4) outside it, as MONAI does.

Distances go from outline pixel to nearest outline pixel through a k-d tree, which is exact and
far cheaper than a distance transform of the picture.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from sonotrace.types import Mask

DAVIS_TOLERANCE = 0.008
"""Tolerance of the boundary F as a part of the picture's diagonal."""
TIGHT_TOLERANCE_PX = 2
"""The tighter tolerance: at 448 px DAVIS allows 6, which is wider than a needle."""


WorstDistance = Literal["diagonal", "inf", "skip"]
"""What the distance is where one mask is empty and the other is not.

"diagonal": that of the picture, the largest distance there can be.
"inf": infinite, and so is every mean that it enters.
"skip": none; the picture is left out of the mean, which a miss can then improve.
"""


class HausdorffDistance(NamedTuple):
    """The distance of two outlines, and whether it stands in for a missing one."""

    distance: float | None
    """None if both masks are empty, or if one is and such pictures are skipped."""
    one_sided: bool
    """One mask is empty, the other is not; the distance is what `WorstDistance` says."""


def davis_tolerance_px(shape: tuple[int, int]) -> int:
    """Return 0.008 of the diagonal, rounded up to whole pixels: 6 for 448 x 448."""
    return math.ceil(DAVIS_TOLERANCE * math.hypot(*shape))


def tight_tolerance_px(shape: tuple[int, int]) -> int:
    """Return 2 pixels, or the tolerance of DAVIS where that is less."""
    return min(TIGHT_TOLERANCE_PX, davis_tolerance_px(shape))


def boundary_f(prediction: Mask, truth: Mask, tolerances_px: tuple[int, ...]) -> tuple[float, ...]:
    """Return the F score of the outline pixels for each tolerance.

    Precision is the share of the predicted outline that lies within the tolerance of a true
    one, recall the share of the true outline within it of a predicted one. No outline in
    either gives 1, in one of the two 0.
    """
    predicted, true = _steps(prediction.numpy()), _steps(truth.numpy())
    if len(predicted) == 0 or len(true) == 0:
        return (float(len(predicted) == len(true)),) * len(tolerances_px)
    to_true, _ = cKDTree(true).query(predicted)
    to_predicted, _ = cKDTree(predicted).query(true)
    scores = []
    for tolerance in tolerances_px:
        precision = float((to_true <= tolerance).mean())
        recall = float((to_predicted <= tolerance).mean())
        both = precision + recall
        scores.append(2 * precision * recall / both if both else 0.0)
    return tuple(scores)


def hd95(
    prediction: Mask,
    truth: Mask,
    spacing: tuple[float, float] = (1.0, 1.0),
    worst: WorstDistance = "diagonal",
) -> HausdorffDistance:
    """Return the 95th percentile Hausdorff distance of two masks.

    It is the larger of the 95th percentiles of the two directed distances, as in MONAI; the
    95th percentile of both directions pooled, as in medpy, is another figure. If one mask is
    empty the distance is the picture's diagonal unless `worst` says otherwise, so that a miss
    never improves a mean.

    Args:
        prediction: The predicted mask.
        truth: The true mask.
        spacing: Row and column spacing; the unit of the result is its unit, pixels for 1, 1.
        worst: The distance where one of the two masks is empty.
    """
    predicted, true = (_inner_outline(mask.numpy()) * spacing for mask in (prediction, truth))
    if len(predicted) == 0 and len(true) == 0:
        return HausdorffDistance(None, False)
    if len(predicted) == 0 or len(true) == 0:
        rows, columns = truth.shape
        diagonal = math.hypot(rows * spacing[0], columns * spacing[1])
        return HausdorffDistance({"diagonal": diagonal, "inf": math.inf, "skip": None}[worst], True)
    to_true, _ = cKDTree(true).query(predicted)
    to_predicted, _ = cKDTree(predicted).query(true)
    return HausdorffDistance(
        float(max(np.percentile(to_true, 95), np.percentile(to_predicted, 95))), False
    )


def _steps(mask: np.ndarray) -> np.ndarray:
    """Return (N, 2) pixels that differ from the right, lower or lower right neighbour.

    In the last row only the right neighbour counts, in the last column only the lower one.
    """
    box = _box(mask)
    if box is None:
        return np.empty((0, 2))
    top, bottom, left, right = box
    first_row, first_column = max(top - 1, 0), max(left - 1, 0)
    part = mask[first_row : bottom + 2, first_column : right + 2]  # one pixel around the object
    # Beyond the picture's edge the pixel itself stands in for the neighbour, which leaves the
    # comparisons of the last row and column that DAVIS makes and no others.
    padded = np.pad(part, ((0, 1), (0, 1)), mode="edge")
    east, south, diagonal = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    steps = (part ^ east) | (part ^ south) | (part ^ diagonal)
    return np.add(np.argwhere(steps), (first_row, first_column))


def _inner_outline(mask: np.ndarray) -> np.ndarray:
    """Return (N, 2) pixels of the mask with one of 4 neighbours outside it or the picture."""
    box = _box(mask)
    if box is None:
        return np.empty((0, 2))
    top, bottom, left, right = box
    part = np.pad(mask[top : bottom + 1, left : right + 1], 1)
    inside = part[:-2, 1:-1] & part[2:, 1:-1] & part[1:-1, :-2] & part[1:-1, 2:]
    return np.add(np.argwhere(part[1:-1, 1:-1] & ~inside), (top, left))


def _box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return first and last row, first and last column of the object; None if it is empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    if len(rows) == 0:
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])
