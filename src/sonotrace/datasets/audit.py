"""Find pictures that are nearly the same, within a set or between two.

Two pictures are near duplicates if their thumbnails correlate above 0.93. A thumbnail is the
grey picture at 64 x 64 pixels, blurred a little, so that other text, calipers, borders or a
changed gain do not hide the likeness. On BUSI this finds 583 groups among 780 pictures, of which
the table that ships joins two. Training on still pictures leaves out what looks like a held-out
picture by this rule.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from sonotrace.datasets.pictures import Case
from sonotrace.errors import DataContractError
from sonotrace.io.picture import read_picture
from sonotrace.types import Frame

THRESHOLD = 0.93
_SIDE = 64

Thumbnails = Float[np.ndarray, "N P"]
Others = Float[np.ndarray, "M P"]


class Pair(NamedTuple):
    """Two pictures that look alike, by their positions in the two sets."""

    first: int
    second: int
    correlation: float


class LookAlike(NamedTuple):
    """A case that looks like another one; 1 is the correlation of equal thumbnails."""

    case: Case
    other: Case
    correlation: float


def thumbnails(pictures: Iterable[Tensor]) -> Thumbnails:
    """Return one row for each picture (C, H, W), whatever its size.

    A row has zero mean and length 1, so that products are correlations.
    A picture of one brightness has no correlation with anything: its row is 0.
    """
    return np.stack([_thumbnail(picture) for picture in pictures])


def look_alikes(first: Thumbnails, second: Others, threshold: float = THRESHOLD) -> list[Pair]:
    """Return the pairs of one picture from each set that correlate above the threshold."""
    correlation = first @ second.T
    found = np.argwhere(correlation > threshold)
    return [Pair(int(i), int(j), float(correlation[i, j])) for i, j in found]


def cases_like(cases: Sequence[Case], others: Sequence[Case]) -> list[LookAlike]:
    """Return the cases that look like one of the others, each with the one it is most like.

    Every picture is decoded once, without its labels: some 6 ms for each one.

    Raises:
        ReadError: A picture cannot be decoded.
    """
    if not cases or not others:
        return []
    first, second = (
        thumbnails(read_picture(case.image) for case in some) for some in (cases, others)
    )
    most: dict[int, Pair] = {}
    for pair in look_alikes(first, second):
        if pair.first not in most or pair.correlation > most[pair.first].correlation:
            most[pair.first] = pair
    return [
        LookAlike(cases[i], others[pair.second], pair.correlation)
        for i, pair in sorted(most.items())
    ]


def groups_of(rows: Thumbnails, threshold: float = THRESHOLD) -> list[int]:
    """Return a group number for every picture: look-alikes of look-alikes are together."""
    group = list(range(len(rows)))
    for i, j, _ in look_alikes(rows, rows, threshold):
        old, new = max(group[i], group[j]), min(group[i], group[j])
        group = [new if one == old else one for one in group]
    numbers = {one: n for n, one in enumerate(dict.fromkeys(group))}
    return [numbers[one] for one in group]


def require_no_look_alikes(
    training: Thumbnails, others: Others, names: tuple[Sequence[str], Sequence[str]]
) -> None:
    """Refuse a division that has nearly the same picture on both sides.

    Args:
        training: Thumbnails of the training pictures.
        others: Others of the pictures for validation or results.
        names: What to call the pictures of both sets in the message.

    Raises:
        DataContractError: At least one pair looks alike.
    """
    pairs = look_alikes(training, others)
    if pairs:
        worst = max(pairs, key=lambda pair: pair.correlation)
        raise DataContractError(
            f"{len(pairs)} pairs of near duplicates between training and other pictures, such as "
            f"{names[0][worst.first]!r} and {names[1][worst.second]!r} (correlation "
            f"{worst.correlation:.2f}). Give both pictures of a pair the same group."
        )


def _thumbnail(picture: Frame) -> Float[np.ndarray, " P"]:
    grey = picture.to(torch.float32).mean(dim=0, keepdim=True)
    small = F.interpolate(grey[None], size=(_SIDE, _SIDE), mode="area")[0, 0].numpy()
    soft = ndimage.gaussian_filter(small.astype(np.float64), 1.0).ravel()
    soft -= soft.mean()
    length = float(np.linalg.norm(soft))
    return np.asarray(soft / length if length > 1e-6 else np.zeros_like(soft))
