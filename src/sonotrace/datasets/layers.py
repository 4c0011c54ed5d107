"""Pieces of pictures that are laid over other pictures: further targets, and look-alikes."""

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

from sonotrace.transforms.spatial import Warp, Window, sample, shifted

_FEATHER = 5
"""Width, in pixels of the source, over which a piece blends into what lies beneath."""


class Layer(NamedTuple):
    """One piece: what it shows, where, and whether a tracker should follow it."""

    planes: Float32[Tensor, "3 Hi Wi"]
    """Brightness, opacity, and 1 inside its outline."""
    at: tuple[float, float]
    """Where its middle lies in the first frame: (x, y) in half output sides."""
    extent: float
    """Its longer side as a part of the output's side."""
    is_target: bool


def cut_out(
    image: UInt8[Tensor, "H W"],
    mask: Bool[Tensor, "H W"],
    random: np.random.Generator,
    *,
    is_target: bool,
) -> Layer:
    """Cut the object of a mask out, with a seam of its surroundings."""
    rows = mask.any(dim=1).nonzero()[:, 0]
    columns = mask.any(dim=0).nonzero()[:, 0]
    margin = 2 * _FEATHER + 1
    top, bottom = max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1
    left, right = max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1
    inside = mask[top:bottom, left:right].to(torch.float32)
    brightness = image[top:bottom, left:right].to(torch.float32) / 255
    if random.random() < 0.5:
        inside, brightness = inside.flip(1), brightness.flip(1)
    reach = 0.7 if is_target else 0.9
    longest = max(inside.shape) / max(image.shape)
    return Layer(
        torch.stack([brightness, _feathered(inside), inside]),
        at=(random.uniform(-reach, reach), random.uniform(-reach, reach)),
        extent=float(np.clip(longest * random.uniform(0.7, 1.4), 0.12, 0.7)),
        is_target=is_target,
    )


def blob(image: UInt8[Tensor, "H W"], level: float, random: np.random.Generator) -> Layer:
    """Make an irregular patch of the picture's own texture at the mean brightness `level`."""
    side = int(min(*image.shape, random.integers(48, 112)))
    row = int(random.integers(image.shape[0] - side + 1))
    column = int(random.integers(image.shape[1] - side + 1))
    texture = image[row : row + side, column : column + side].to(torch.float32) / 255
    present = max(float(texture.mean()), 1 / 255)
    inside = _irregular(side, random)
    return Layer(
        torch.stack([(texture * (level / present)).clamp(0, 1), _feathered(inside), inside]),
        at=(random.uniform(-0.9, 0.9), random.uniform(-0.9, 0.9)),
        extent=random.uniform(0.12, 0.4),
        is_target=False,
    )


def mean_brightness(image: UInt8[Tensor, "H W"], mask: Bool[Tensor, "H W"]) -> float:
    """Return the mean of the picture inside the mask, in [0, 1]."""
    return float(image[mask].to(torch.float32).mean()) / 255


def sample_layer(layer: Layer, warps: list[Warp], size: int) -> Float32[Tensor, "T 3 H W"]:
    """Return the planes of a layer as each warp shows it."""
    rows, columns = layer.planes.shape[1:]
    window = Window(
        column=(columns - 1) / 2,
        row=(rows - 1) / 2,
        side=max(rows, columns) / layer.extent,
    )
    x, y = layer.at
    return sample(layer.planes, window, [shifted(warp, x, y) for warp in warps], size)


def _feathered(inside: Float32[Tensor, "H W"]) -> Float32[Tensor, "H W"]:
    """Return 1 inside, falling to 0 within two widths of the feather outside."""
    grown = _box_mean(inside) > 1e-6
    return _box_mean(grown.to(torch.float32))


def _irregular(side: int, random: np.random.Generator) -> Float32[Tensor, "H W"]:
    """Return a mask of one roundish region whose radius waves with the angle."""
    axis = torch.linspace(-1, 1, side)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    angle = torch.atan2(y, x)
    radius = torch.full_like(x, 0.6)
    for waves in range(2, 6):
        phase = random.uniform(0, 2 * math.pi)
        radius = radius + random.normal(0, 0.12 / waves) * torch.cos(waves * angle + phase)
    squeeze = random.uniform(0.5, 1.0)
    return (torch.hypot(x, y / squeeze) < radius).to(torch.float32)


def _box_mean(plane: Float32[Tensor, "H W"]) -> Float32[Tensor, "H W"]:
    """Return the mean of the surrounding square, with zeros beyond the border."""
    width = 2 * _FEATHER + 1
    x = F.avg_pool2d(plane[None], (width, 1), stride=1, padding=(_FEATHER, 0))
    return F.avg_pool2d(x, (1, width), stride=1, padding=(0, _FEATHER))[0]
