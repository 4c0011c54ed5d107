"""A rule without learning that finds lesions: the largest dark blob of a picture.

It stands beside every network that is scored on simulated lesions. Where the rule does well, the
pictures are too easy to say anything about the network.
"""

import numpy as np
import torch
from jaxtyping import Float64
from scipy import ndimage

from sonotrace.settings import Settings
from sonotrace.types import Frame, LabelMap

LESION = 2


class DarkBlobSettings(Settings):
    """The rule's numbers; `fit_dark_blob` chooses them on pictures for training."""

    smooth: float = 0.02
    """Standard deviation of the blur that removes speckle, in picture widths."""
    darkest: float = 0.2
    """Share of the picture that counts as dark."""
    skip: float = 0.12
    """Share of the depth, from the top, in which no lesion is looked for."""
    level_rows: bool = True
    """Whether rows are made equally bright first, since deep rows are darker."""


def largest_dark_blob(frame: Frame, settings: DarkBlobSettings | None = None) -> LabelMap:
    """Return a label map with the largest dark region that does not touch the lower edge.

    Args:
        frame: One picture.
        settings: The rule's numbers.
    """
    rule = settings or DarkBlobSettings()
    grey = frame.to(torch.float64).mean(0).numpy()
    smooth = ndimage.gaussian_filter(grey, rule.smooth * grey.shape[1])
    inside = ndimage.binary_erosion(grey > 0, iterations=1) | (smooth > 4)  # not the fan's outside
    if rule.level_rows:
        smooth = smooth - _row_means(smooth, inside)[:, None]
    inside[: int(rule.skip * len(grey))] = False
    labels = torch.zeros(grey.shape, dtype=torch.uint8)
    if not inside.any():
        return labels
    dark = inside & (smooth < np.quantile(smooth[inside], rule.darkest))
    parts, count = ndimage.label(dark)
    if count == 0:
        return labels
    sizes = ndimage.sum_labels(dark, parts, np.arange(1, count + 1))
    at_edge = np.unique(np.concatenate([parts[-1], parts[:, 0], parts[:, -1]]))
    free = sizes.copy()
    free[at_edge[at_edge > 0] - 1] = 0
    best = int(np.argmax(free if free.max() > 0 else sizes)) + 1
    blob = ndimage.binary_fill_holes(parts == best)
    labels[torch.from_numpy(blob)] = LESION
    return labels


def fit_dark_blob(frames: list[Frame], truths: list[LabelMap]) -> DarkBlobSettings:
    """Return the numbers with which the rule scores best on these pictures."""
    tries = [
        DarkBlobSettings(smooth=smooth, darkest=darkest, level_rows=level)
        for smooth in (0.012, 0.02, 0.035)
        for darkest in (0.08, 0.15, 0.25, 0.35)
        for level in (False, True)
    ]

    def score(rule: DarkBlobSettings) -> float:
        pairs = zip(frames, truths, strict=True)
        return float(np.mean([dice(largest_dark_blob(f, rule), truth) for f, truth in pairs]))

    return max(tries, key=score)


def dice(prediction: LabelMap, truth: LabelMap) -> float:
    """Return the Dice of the lesion; two empty masks agree."""
    a, b = prediction == LESION, truth == LESION
    sizes = int(a.sum() + b.sum())
    return 2 * int((a & b).sum()) / sizes if sizes else 1.0


def _row_means(smooth: Float64[np.ndarray, "H W"], inside: np.ndarray) -> Float64[np.ndarray, " H"]:
    counts = np.maximum(inside.sum(axis=1), 1)
    means = np.where(inside, smooth, 0).sum(axis=1) / counts
    return np.asarray(ndimage.gaussian_filter1d(means, 0.03 * len(means)))
