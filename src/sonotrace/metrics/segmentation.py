"""Overlap of masks: Dice, IoU, precision, recall, per picture and pooled.

The same predictions give different figures by how they are averaged, so every name says it:

*_mean     per picture first, then the mean over pictures
*_pooled   from true positives, false positives and false negatives summed over all pictures
f1_of_means  the harmonic mean of precision_mean and recall_mean

Always: f1_pooled = dice_pooled = 2 iou_pooled / (1 + iou_pooled);
dice_mean <= f1_of_means; iou_mean >= dice_mean / (2 - dice_mean).
"""

import math
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from sonotrace.types import VOID, LabelMap, Mask

EmptyPolicy = Literal["one", "skip", "zero"]
"""What a picture without the object scores.

"one": nothing predicted where nothing is scores 1 in all four; anything predicted scores 0.
"skip": pictures whose truth is empty are left out, whatever is predicted there; out of the
means of hd95 and of absolute errors too. J and F have rules of their own.
"zero": they score 0, whatever is predicted there.
"""


class Counts(NamedTuple):
    """Pixels by what prediction and truth say of them, one entry per picture and object."""

    true_positive: Int64[Tensor, "*N"]
    false_positive: Int64[Tensor, "*N"]
    false_negative: Int64[Tensor, "*N"]


class OverlapScores(NamedTuple):
    """Scores in [0, 1], one entry per picture and object; NaN where the policy skips it."""

    dice: Float64[Tensor, " N"]
    iou: Float64[Tensor, " N"]
    precision: Float64[Tensor, " N"]
    recall: Float64[Tensor, " N"]


def count_pixels(prediction: LabelMap, truth: LabelMap, ids: tuple[int, ...]) -> Counts:
    """Count right and wrong pixels of every object of `ids`.

    Pixels that are void in the truth count for nothing; void in the prediction is no object.
    """
    predicted_ids, true_ids = prediction.numpy(), truth.numpy()
    valid = true_ids != VOID
    all_valid = bool(valid.all())
    rows = []
    for object_id in ids:
        predicted, true = predicted_ids == object_id, true_ids == object_id
        if not all_valid:
            predicted &= valid
        both = np.count_nonzero(predicted & true)
        rows.append((both, np.count_nonzero(predicted) - both, np.count_nonzero(true) - both))
    return Counts(*torch.tensor(rows, dtype=torch.int64).reshape(-1, 3).T)


def picture_scores(counts: Counts, empty: EmptyPolicy = "one") -> OverlapScores:
    """Return Dice, IoU, precision and recall of every picture and object by itself.

    Where one of the two masks is empty all four are 0, so that a missed lesion and an
    invented one cost the same in each.
    """
    tp, fp, fn = (part.double() for part in counts)
    absent = tp + fn == 0
    nothing = absent & (fp == 0)
    both_empty = {"one": 1.0, "skip": math.nan, "zero": 0.0}[empty]

    def ratio(part: Tensor, whole: Tensor) -> Tensor:
        score = torch.where(whole > 0, part / whole.clamp(min=1), 0.0)
        score = torch.where(nothing, both_empty, score)
        return torch.where(absent, math.nan, score) if empty == "skip" else score

    return OverlapScores(
        dice=ratio(2 * tp, 2 * tp + fp + fn),
        iou=ratio(tp, tp + fp + fn),
        precision=ratio(tp, tp + fp),
        recall=ratio(tp, tp + fn),
    )


def mean_over_pictures(
    values: Float64[Tensor, " N"], picture: Int64[Tensor, " N"]
) -> Float64[Tensor, " P"]:
    """Average the objects of each picture; NaN where a picture has no value.

    Args:
        values: One per picture and object; NaN is left out.
        picture: Which picture each value belongs to, from 0 on.
    """
    known = ~values.isnan()
    size = int(picture.max()) + 1 if len(picture) else 0
    total = torch.zeros(size, dtype=torch.float64)
    count = torch.zeros(size, dtype=torch.float64)
    total.index_add_(0, picture[known], values[known])
    count.index_add_(0, picture[known], torch.ones_like(values[known]))
    return total / count  # 0 / 0 is NaN


def mean_scores(scores: OverlapScores, picture: Int64[Tensor, " N"]) -> dict[str, float | None]:
    """Return the scores averaged over pictures; None where no picture has one.

    A picture with several objects counts once, with the mean of its objects.
    """
    named = {
        f"{name}_mean": finite_mean(mean_over_pictures(values, picture))
        for name, values in scores._asdict().items()
    }
    named["f1_of_means"] = harmonic_mean(named["precision_mean"], named["recall_mean"])
    return named


def pooled_scores(counts: Counts, empty: EmptyPolicy = "one") -> dict[str, float | None]:
    """Return the scores of all pictures as if they were one.

    With "skip", pictures whose truth is empty are left out here too. Where no pixel of truth
    or prediction is left the scores are 1, 0 or None as the policy says.
    """
    if empty == "skip":
        present = counts.true_positive + counts.false_negative > 0
        counts = Counts(*(part[present] for part in counts))
    total = Counts(*(part.sum().reshape(1) for part in counts))
    dice, iou, precision, recall = (
        None if score.isnan() else float(score) for score in picture_scores(total, empty)
    )
    return {
        "dice_pooled": dice,
        "iou_pooled": iou,
        "precision_pooled": precision,
        "recall_pooled": recall,
        "f1_pooled": harmonic_mean(precision, recall),
    }


class EmptyTruth(NamedTuple):
    """What became of the pictures that do not show the object."""

    n_empty_truth: int
    """Pictures and objects whose truth is empty."""
    n_skipped: int
    """Those that were left out of the means."""
    false_positive_rate_on_empty: float | None
    """Share of them in which something was predicted; None without any."""


def count_empty(counts: Counts, empty: EmptyPolicy = "one") -> EmptyTruth:
    """Count the pictures whose truth is empty and those among them with a false positive."""
    absent = counts.true_positive + counts.false_negative == 0
    number = int(absent.sum())
    invented = int((counts.false_positive[absent] > 0).sum())
    return EmptyTruth(
        number, number if empty == "skip" else 0, invented / number if number else None
    )


def mean_absolute_error(
    probability: Float[Tensor, "H W"], truth: Mask, valid: Mask
) -> float | None:
    """Return the mean of |probability - truth| over the valid pixels; None without any.

    Of probabilities this is `mae`; of a predicted mask in place of them it is `mae_binary`.
    The two are different figures.
    """
    if not valid.any():
        return None
    return float((probability.double() - truth.double()).abs()[valid].mean())


def harmonic_mean(first: float | None, second: float | None) -> float | None:
    """Return 2 ab / (a + b), 0 if both are 0, None if one is missing."""
    if first is None or second is None:
        return None
    return 2 * first * second / (first + second) if first + second > 0 else 0.0


def finite_mean(values: Float64[Tensor, " N"]) -> float | None:
    """Return the mean of all but NaN; None if there is nothing else."""
    known = values[~values.isnan()]
    return float(known.mean()) if len(known) else None


def finite_deviation(values: Float64[Tensor, " N"]) -> float | None:
    """Return the sample standard deviation of all but NaN; None of fewer than two.

    None as well where a value is infinite.
    """
    known = values[~values.isnan()]
    return float(known.std()) if len(known) > 1 and bool(known.isfinite().all()) else None


def valid_pixels(truth: LabelMap) -> Bool[Tensor, "H W"]:
    """Return the pixels that are not void in the truth."""
    return truth != VOID
