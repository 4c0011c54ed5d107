"""Move, turn, bend and crop pictures with their masks.

A `Warp` is drawn once and can be replayed. It says for every pixel of the output where in the
input it comes from, in units of half an output side: (x, y) = (-1, -1) is the top-left corner
of the output, x to the right. Warps of a clip are chained, so that motion adds up, and every
frame is sampled once from the original picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float32, Float64
from torch import Tensor

from sonotrace.settings import Settings

Matrix = Float64[np.ndarray, "3 3"]


class WarpRange(Settings):
    """How far a draw may go. Zero everywhere is the identity."""

    rotation_deg: float = 20.0
    scale: tuple[float, float] = (0.9, 1.1)
    shear_deg: float = 10.0
    translation: float = 0.1
    """Largest shift along an axis, in output sides."""
    bend_chance: float = 0.5
    """How often the picture is bent as well."""
    bend: float = 0.04
    """Standard deviation of the control points' shift, in half output sides."""
    bend_points: int = 5
    """Control points along a side; more bend more finely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warp:
    """One affine map, and a smooth bend added to it."""

    matrix: Matrix
    """Takes output (x, y, 1) to input (x, y, 1), both in half output sides."""
    bend: Float64[np.ndarray, "P P 2"] | None = None
    """Shift of control points that lie evenly on the output; cubic in between."""


@dataclass(frozen=True, slots=True)
class Window:
    """The square of the input that an undistorted output shows."""

    column: float
    row: float
    """Centre in input pixels."""
    side: float
    """Side in input pixels."""
    flipped: bool = False
    """Whether left and right are exchanged."""


def draw_warp(ranges: WarpRange, random: np.random.Generator) -> Warp:
    """Draw one warp about the centre of the output."""
    angle = math.radians(random.uniform(-ranges.rotation_deg, ranges.rotation_deg))
    scale = random.uniform(*ranges.scale)
    shear = math.tan(math.radians(random.uniform(-ranges.shear_deg, ranges.shear_deg)))
    shift = 2 * random.uniform(-ranges.translation, ranges.translation, size=2)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = np.eye(3)
    matrix[:2, :2] = turn @ np.array([[1, shear], [0, 1]]) / scale
    matrix[:2, 2] = shift
    bend = None
    if random.random() < ranges.bend_chance:
        bend = random.normal(0, ranges.bend, (ranges.bend_points, ranges.bend_points, 2))
    return Warp(matrix=matrix, bend=bend)


def chain(warps: Sequence[Warp]) -> list[Warp]:
    """Return, for every warp, that warp and all before it as one: motion that adds up.

    Bends are added rather than nested, which differs from nesting by products of small shifts.
    """
    matrix = np.eye(3)
    bend: Float64[np.ndarray, "P P 2"] | None = None
    chained = []
    for warp in warps:
        matrix = matrix @ warp.matrix
        if warp.bend is not None:
            bend = warp.bend if bend is None else bend + warp.bend
        chained.append(Warp(matrix=matrix, bend=bend))
    return chained


def shifted(warp: Warp, x: float, y: float) -> Warp:
    """Return the warp with its content moved by (x, y) half output sides on the output."""
    move = np.eye(3)
    move[:2, 2] = -x, -y
    return Warp(matrix=warp.matrix @ move, bend=warp.bend)


def sample(
    planes: Float32[Tensor, "C Hi Wi"], window: Window, warps: Sequence[Warp], size: int
) -> Float32[Tensor, "T C H W"]:
    """Show planes through a window as each warp does; bilinear, zero outside the planes.

    For masks give 0 and 1, and take what is at least 0.5: the outline then lies between
    pixels where it should, which nearest reading cannot do.
    """
    rows, columns = planes.shape[1:]
    places = torch.stack([_places(warp, window, size, (rows, columns)) for warp in warps])
    return F.grid_sample(
        planes.expand(len(warps), *planes.shape),
        places.permute(0, 2, 3, 1),  # (T, H, W, 2)
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )


def _places(
    warp: Warp, window: Window, size: int, shape: tuple[int, int]
) -> Float32[Tensor, "2 H W"]:
    """Return column and row of the input for each output pixel, -1 to 1 between its borders.

    Both are products of two thin matrices: what varies down the output times what varies
    across it, one pair for y, one for x and the offset, one for each column of control points.
    That is less work than adding them up pixel by pixel.
    """
    rows, columns = shape
    half = window.side / 2
    column_sign = -1.0 if window.flipped else 1.0
    to_unit = np.array([2 / columns, 2 / rows])
    reach = to_unit * half * [column_sign, 1.0]
    centre = to_unit * (np.array([window.column, window.row]) + 0.5) - 1
    along_x, along_y = reach * warp.matrix[:2, 0], reach * warp.matrix[:2, 1]
    offset = centre + reach * warp.matrix[:2, 2]
    axis = (np.arange(size) + 0.5) * (2 / size) - 1
    ones = np.ones_like(axis)
    down = [np.stack([axis, ones], axis=1)] * 2
    across = [np.stack([along_y[i] * ones, along_x[i] * axis + offset[i]]) for i in range(2)]
    if warp.bend is not None:
        weights = _cubic_weights(warp.bend.shape[0], size)
        for i in range(2):
            down[i] = np.concatenate([down[i], reach[i] * weights @ warp.bend[..., i]], axis=1)
            across[i] = np.concatenate([across[i], weights.T])
    left, right = np.stack(down).astype(np.float32), np.stack(across).astype(np.float32)
    return torch.from_numpy(left) @ torch.from_numpy(right)


@lru_cache(maxsize=8)
def _cubic_weights(points: int, size: int) -> Float64[np.ndarray, "H P"]:
    """Return the uniform cubic B-spline weights of every control point at every pixel."""
    at = (np.arange(size) + 0.5) / size * (points - 1)
    distance = np.abs(at[:, None] - np.arange(points)[None])
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    weights = np.where(distance < 1, near, far)
    weights /= weights.sum(axis=1, keepdims=True)  # the border lacks its outer neighbours
    return np.asarray(weights)
