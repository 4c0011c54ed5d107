"""Intervals of means by resampling clips with replacement."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from torch import Tensor

DRAWS = 2000
LEVEL = 0.95


class Interval(NamedTuple):
    """A mean of clips and where it would lie with other clips of the same kind."""

    mean: float
    low: float
    high: float
    n: int
    """Clips that had a value."""


def bootstrap_mean(
    values: Float64[Tensor, " N"], *, draws: int = DRAWS, seed: int = 0
) -> Interval | None:
    """Return the mean of one value per clip with its 95 % percentile interval.

    Clips are drawn, not frames, because the frames of a clip are alike. None for fewer than
    two clips: one clip says nothing about another.

    Args:
        values: One per clip; NaN is left out.
        draws: How often as many clips are drawn with replacement.
        seed: Of the draws.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    known = values[~values.isnan()].numpy()
    if len(known) < 2:
        return None
    drawn = np.random.default_rng(seed).integers(len(known), size=(draws, len(known)))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(known[drawn].mean(axis=1), (tail, 1 - tail))
    return Interval(float(known.mean()), float(low), float(high), len(known))
