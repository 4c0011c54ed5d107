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
from jaxtyping import Float, Float32, Float64
from torch import Tensor

from sonotrace.settings import Settings

Grid = Float32[Tensor, "H W 2"]
"""For every output pixel, the column and row of the input, in input pixels."""
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


def place(warp: Warp, window: Window, size: int) -> Grid:
    """Return where each pixel of a `size` x `size` output lies in the input."""
    column_sign = -1.0 if window.flipped else 1.0
    half = window.side / 2
    to_input = np.array([[column_sign * half, 0, window.column], [0, half, window.row]])
    matrix = torch.from_numpy((to_input @ warp.matrix).astype(np.float32))
    grid = _output_points(size) @ matrix.T  # (H, W, 2)
    if warp.bend is not None:
        fine = _interpolate_bend(warp.bend, size)
        fine[..., 0] *= column_sign * half
        fine[..., 1] *= half
        grid += fine
    return grid


def sample(
    planes: Float[Tensor, "C Hi Wi"], grids: Float32[Tensor, "T H W 2"]
) -> Float[Tensor, "T C H W"]:
    """Read planes at grids from `place`, bilinear, zero outside.

    For masks give 0 and 1, and take what is at least 0.5: the outline then lies between
    pixels where it should, which nearest reading cannot do.
    """
    rows, columns = planes.shape[1:]
    per_pixel = torch.tensor([2 / columns, 2 / rows])
    normal = (grids + 0.5) * per_pixel - 1  # pixel centres are integers; corners are -1 and 1
    return F.grid_sample(
        planes.expand(len(grids), *planes.shape),
        normal,
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )


@lru_cache(maxsize=8)
def _output_points(size: int) -> Float32[Tensor, "H W 3"]:
    axis = (torch.arange(size, dtype=torch.float32) + 0.5) * (2 / size) - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y, torch.ones_like(x)], dim=-1)


def _interpolate_bend(bend: Float64[np.ndarray, "P P 2"], size: int) -> Float32[Tensor, "H W 2"]:
    """Spread the control points over the output as a tensor product of cubics."""
    weights = _cubic_weights(bend.shape[0], size)
    points = torch.from_numpy(bend.astype(np.float32))
    return torch.einsum("hp,pqc,wq->hwc", weights, points, weights)


@lru_cache(maxsize=8)
def _cubic_weights(points: int, size: int) -> Float32[Tensor, "H P"]:
    """Return the uniform cubic B-spline weights of every control point at every pixel."""
    at = (np.arange(size) + 0.5) / size * (points - 1)
    distance = np.abs(at[:, None] - np.arange(points)[None])
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    weights = np.where(distance < 1, near, far)
    weights /= weights.sum(axis=1, keepdims=True)  # the border lacks its outer neighbours
    return torch.from_numpy(weights.astype(np.float32))
