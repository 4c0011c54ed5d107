"""Where the ultrasound is in a screen recording, between bars, buttons and text."""

from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from sonotrace.data.clip import Clip
from sonotrace.errors import ReadError
from sonotrace.io.colour import luminance, sampled

DARK = 8
"""Grey level up to which a pixel of a single picture is background."""
MOVED = 6
"""Change over time, in grey levels, from which a pixel shows live ultrasound."""
SAMPLES = 16
"""Frames, spread over the clip, that are looked at."""
LEAST_SHARE = 0.02
"""An area smaller than this share of the picture is not believed."""


def find_picture_area(clip: Clip) -> tuple[int, int, int, int]:
    """Find the box (column, row, width, height) of the ultrasound in a screen recording.

    A pixel counts if it changes over the clip by more than `MOVED` grey levels, because
    ultrasound is never still while a screen's furniture is; in a clip that does not move, if
    it is brighter than `DARK`. Single dots and thin lines are dropped (opening by 3 x 3), gaps
    up to a hundredth of the picture's width are closed, and the box of the largest connected
    area is returned.

    Raises:
        ReadError: There is no such area, as in a black clip.
    """
    frames = [luminance(clip[i])[0].to(torch.int16) for i in sampled(len(clip), SAMPLES)]
    stack = torch.stack(frames).numpy()  # (T, H, W)
    moves = _largest(np.ptp(stack, axis=0) > MOVED)
    found = moves if moves is not None else _largest(stack.max(0) > DARK)
    if found is None:
        raise ReadError(
            clip.path or Path("clip in memory"),
            "shows no area that moves or is bright, so that it cannot be cropped by itself.",
            "Give the area: --crop X,Y,W,H.",
        )
    return found


def _largest(counts: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return the box of the largest area, None if that is too small to be believed."""
    reach = max(counts.shape[1] // 100, 1)
    block = np.ones((3, 3), dtype=bool)
    opened = ndimage.binary_opening(counts, block)
    padded = np.pad(opened, reach)
    closed = ndimage.binary_closing(padded, np.ones((2 * reach + 1, 2 * reach + 1), dtype=bool))
    labels, count = ndimage.label(closed[reach:-reach, reach:-reach], block)
    if count == 0:
        return None
    sizes = np.bincount(labels.ravel())[1:]
    if sizes.max() < LEAST_SHARE * counts.size:
        return None
    rows, columns = ndimage.find_objects(labels)[int(sizes.argmax())]
    return (
        int(columns.start),
        int(rows.start),
        int(columns.stop - columns.start),
        int(rows.stop - rows.start),
    )
