"""Intervals by resampling clips with replacement: of means over clips, and of pooled scores."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from sonotrace.metrics.segmentation import Counts, EmptyPolicy, picture_scores

DRAWS = 2000
LEVEL = 0.95


class Interval(NamedTuple):
    """A mean of clips and where it would lie with other clips of the same kind."""

    mean: float
    """Of one value per clip; for a pooled score that of the pixels of all clips together."""
    low: float
    high: float
    n: int
    """Clips that had a value."""


def bootstrap_mean(
    values: Float64[Tensor, " N"], *, draws: int = DRAWS, seed: int = 0
) -> Interval | None:
    """Return the mean of one value per clip with its 95 % percentile interval.

    Clips are drawn, not frames, because the frames of a clip are alike. None for fewer than
    two clips, for one clip says nothing about another, and where a value is infinite.

    Args:
        values: One per clip; NaN is left out.
        draws: How often as many clips are drawn with replacement.
        seed: Of the draws.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    known = values[~values.isnan()].numpy()
    if len(known) < 2 or not np.isfinite(known).all():
        return None
    means = known[_draw(len(known), draws, seed)].mean(axis=1)
    return Interval(float(known.mean()), *_percentiles(means), len(known))


def bootstrap_pooled(
    counts: Counts, empty: EmptyPolicy = "one", *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Interval | None]:
    """Return the pooled scores with their 95 % percentile intervals.

    Clips are drawn as in `bootstrap_mean`, and the pixels of those drawn are counted together.
    None for fewer than two clips.

    Args:
        counts: One entry per clip, the sum over its pictures that count.
        empty: What a draw scores in which no clip shows the object.
        draws: How often as many clips are drawn with replacement.
        seed: Of the draws.
    """
    number = len(counts.true_positive)
    names = {"dice": "dice", "iou": "iou", "precision": "precision", "recall": "recall"}
    names |= {"f1": "dice"}  # pooled, the two are one figure
    if number < 2:
        return {f"{name}_pooled": None for name in names}
    drawn = torch.from_numpy(_draw(number, draws, seed))
    overall = picture_scores(Counts(*(part.sum().reshape(1) for part in counts)), empty)._asdict()
    of_draws = picture_scores(Counts(*(part[drawn].sum(1) for part in counts)), empty)._asdict()
    found: dict[str, Interval | None] = {}
    for name, score in names.items():
        value, values = float(overall[score]), of_draws[score]
        known = values[~values.isnan()].numpy()
        nothing = np.isnan(value) or len(known) == 0
        found[f"{name}_pooled"] = None if nothing else Interval(value, *_percentiles(known), number)
    return found


def _draw(number: int, draws: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(number, size=(draws, number))


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, (tail, 1 - tail))
    return float(low), float(high)
