"""Scores of objects followed through a clip, by the rules of the DAVIS challenge, and flicker.

J is the IoU of an object's masks in one frame, 1 if both are empty; F is that of their outlines
(`metrics.boundary`). Mean, recall and decay are taken over the frames of one object, then
averaged over all objects of all clips, however long the clips are.

Source: Pont-Tuset et al., "The 2017 DAVIS Challenge on Video Object Segmentation",
arXiv:1704.00675. Differs from the published program in one thing: frame numbers of the decay
are not cut to 8 bits, so that it is right for clips of more than 256 frames too.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from sonotrace.metrics.segmentation import Counts, count_pixels
from sonotrace.types import VOID, LabelMap

RECALL_ABOVE = 0.5


class ObjectStatistics(NamedTuple):
    """One measure of one object over the frames of a clip."""

    mean: float
    recall: float
    """Share of the frames with more than 0.5."""
    decay: float
    """Mean of the first quarter of the frames less that of the last; > 0 means it got worse."""


def region_similarity(counts: Counts) -> Float64[Tensor, "*N"]:
    """Return J of every frame and object: true positives over the union, 1 if that is empty."""
    union = (counts.true_positive + counts.false_positive + counts.false_negative).double()
    return torch.where(union > 0, counts.true_positive / union.clamp(min=1), 1.0)


def object_statistics(values: Float64[Tensor, " T"]) -> ObjectStatistics:
    """Return mean, recall and decay of one object's J or F, frames in order.

    The quarters share their border frames, as in the published program.
    """
    if len(values) == 0:
        raise ValueError("an object without a scored frame has no statistics")
    edges = np.round(np.linspace(1, len(values), 5) + 1e-10).astype(int) - 1
    first = values[edges[0] : edges[1] + 1].mean()
    last = values[edges[3] : edges[4] + 1].mean()
    recall = (values > RECALL_ABOVE).double().mean()
    return ObjectStatistics(float(values.mean()), float(recall), float(first - last))


def change(earlier: LabelMap, later: LabelMap, ids: tuple[int, ...]) -> Float64[Tensor, " O"]:
    """Return 1 - IoU between two label maps for every object; 0 where both lack it."""
    counts = count_pixels(later, earlier, ids)
    return 1 - region_similarity(counts)


class Flicker(NamedTuple):
    """How much masks change from one frame to the next, one entry per object."""

    prediction: Float64[Tensor, " O"]
    """1 - IoU of the predictions for two neighbouring frames: needs no truth."""
    beyond_truth: Float64[Tensor, " O"]
    """The same less that of the truth. Above 0 the prediction flickers, below 0 it lags."""


def flicker(
    predictions: tuple[LabelMap, LabelMap],
    truths: tuple[LabelMap, LabelMap],
    ids: tuple[int, ...],
) -> Flicker:
    """Compare two neighbouring frames; pixels void in the truth of either count for nothing."""
    void = (truths[0] == VOID) | (truths[1] == VOID)
    maps = [*predictions, *truths]
    if void.any():
        maps = [labels.masked_fill(void, 0) for labels in maps]
    predicted = change(maps[0], maps[1], ids)
    return Flicker(predicted, predicted - change(maps[2], maps[3], ids))
