"""A mask from a box or a click, by rules simple enough to predict.

They start a track where nobody has drawn a mask. A drawn mask is better: both rules look at
one frame only and know nothing of anatomy.
"""

import math

import numpy as np
import torch
from scipy import ndimage

from sonotrace.errors import UsageError
from sonotrace.types import Frame, Mask

Box = tuple[float, float, float, float]
"""Column and row of the top-left corner, width, height; in pixels."""


def mask_from_box(box: Box, size: tuple[int, int]) -> Mask:
    """Return the ellipse that touches the four sides of `box`.

    Lesions, nerves and vessels in cross-section are nearer to an ellipse than to a rectangle,
    which takes in 27 % more.

    Args:
        box: Column, row, width and height; may reach over the border of the picture.
        size: Rows and columns of the picture.

    Raises:
        UsageError: The box is empty, or no pixel of the picture lies in its ellipse.
    """
    column, row, width, height = box
    if width <= 0 or height <= 0:
        raise UsageError(f"a box of {width:g} x {height:g} pixels is empty. Give X,Y,WIDTH,HEIGHT.")
    rows = (torch.arange(size[0], dtype=torch.float64) + 0.5 - row - height / 2) / (height / 2)
    columns = (torch.arange(size[1], dtype=torch.float64) + 0.5 - column - width / 2) / (width / 2)
    mask = rows[:, None] ** 2 + columns[None] ** 2 <= 1  # (H, W)
    if not bool(mask.any()):
        raise UsageError(
            f"the box {column:g},{row:g},{width:g},{height:g} holds no pixel of a picture of "
            f"{size[1]} x {size[0]} pixels."
        )
    return mask


def mask_from_click(column: float, row: float, frame: Frame) -> Mask:
    """Return the area around a click that is about as bright as the click.

    The picture is smoothed over speckle (Gaussian, 1 % of the shorter side, at least 2
    pixels). The brightness of the surroundings is the mean of a ring around the click, from a
    quarter to a third of the shorter side away. Taken are the pixels inside the ring that are
    nearer in brightness to the click than to the surroundings and hang together with the
    click; holes are filled and threads thinner than the smoothing are cut.

    Args:
        column: Zero-based, from the left.
        row: Zero-based, from the top.
        frame: The picture that was clicked on.

    Raises:
        UsageError: The click is off the picture, or nothing stands out around it.
    """
    rows, columns = frame.shape[1:]
    if not (0 <= row <= rows - 1 and 0 <= column <= columns - 1):
        raise UsageError(
            f"the click {column:g},{row:g} is off the picture of {columns} x {rows} pixels."
        )
    sigma = max(2.0, 0.01 * min(rows, columns))
    smooth = ndimage.gaussian_filter(frame.float().mean(dim=0).numpy(), sigma)
    y, x = np.ogrid[:rows, :columns]
    away = np.hypot(y - row, x - column) / min(rows, columns)
    here = float(smooth[round(row), round(column)])
    tolerance = abs(float(smooth[(away > 1 / 4) & (away <= 1 / 3)].mean()) - here) / 2
    alike = (away <= 1 / 4) & (np.abs(smooth - here) < tolerance)
    alike = ndimage.binary_opening(alike, iterations=math.ceil(sigma / 2))
    pieces, _ = ndimage.label(alike)
    piece = pieces[round(row), round(column)]
    if tolerance < 2 or piece == 0:
        raise UsageError(
            f"nothing stands out around {column:g},{row:g}: the brightness there differs by "
            f"{2 * tolerance:.1f} grey levels from its surroundings. Click nearer to the middle "
            f"of the target, or give --box X,Y,W,H or a --mask."
        )
    return torch.from_numpy(ndimage.binary_fill_holes(pieces == piece))
