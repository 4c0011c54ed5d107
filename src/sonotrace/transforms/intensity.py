"""Change brightness the way scanners do: gain, dynamic range, depth gain, noise, shadow, blur.

A `Look` is drawn once for a clip and can be replayed; `drift` gives its frames small
differences. Brightness is in [0, 1] before and after.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float32, Float64
from torch import Tensor

from sonotrace.settings import Settings

NOISE_SIDE = 768
"""Side of the stored noise, from which a frame takes a piece at random."""


class LookRange(Settings):
    """How far a draw may go."""

    gain: float = 0.15
    """Largest shift of brightness, which after log compression is a change of gain."""
    contrast: tuple[float, float] = (0.75, 1.3)
    """Factor about mid grey, which is a change of dynamic range."""
    gamma: tuple[float, float] = (0.7, 1.4)
    depth_gain: float = 0.12
    """Standard deviation of the brightness shift at four depths; smooth in between."""
    noise_chance: float = 0.5
    noise: float = 0.15
    """Largest standard deviation of the factor that each grain of noise applies."""
    shadow_chance: float = 0.25
    """How often there is a shadow; a second one comes half as often."""
    shadow: tuple[float, float] = (0.3, 0.9)
    """Part of the brightness that a shadow takes."""
    blur_chance: float = 0.25
    blur: float = 1.2
    """Largest standard deviation of the blur, in pixels."""
    drift: float = 0.15
    """How much of these ranges a frame may differ from its clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A column band that is darker below some depth."""

    centre: float
    """Column of its middle, in picture widths."""
    slope: float
    """Columns per row: steered and curved probes cast oblique shadows."""
    width: float
    """Half width in picture widths."""
    start: float
    """Depth of its upper end, in picture heights."""
    strength: float
    """Part of the brightness it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One draw of everything below."""

    gain: float = 0.0
    contrast: float = 1.0
    gamma: float = 1.0
    depth_gain: Float64[np.ndarray, " P"] | None = None
    """Brightness shift at depths that lie evenly from top to bottom."""
    noise: float = 0.0
    grain: int = 0
    """0 for noise of single pixels, 1 for grains of about three pixels."""
    noise_at: tuple[int, int] = (0, 0)
    """Row and column of the piece of the stored noise."""
    shadows: tuple[Shadow, ...] = ()
    blur: float = 0.0


def draw_look(ranges: LookRange, random: np.random.Generator) -> Look:
    """Draw the look of a clip."""
    shadows: list[Shadow] = []
    chance = ranges.shadow_chance
    while len(shadows) < 2 and random.random() < chance:
        shadows.append(_draw_shadow(ranges, random))
        chance = 0.5
    noisy = random.random() < ranges.noise_chance
    blurred = random.random() < ranges.blur_chance
    return Look(
        gain=random.uniform(-ranges.gain, ranges.gain),
        contrast=random.uniform(*ranges.contrast),
        gamma=float(np.exp(random.uniform(*np.log(ranges.gamma)))),
        depth_gain=random.normal(0, ranges.depth_gain, 4),
        noise=random.uniform(0, ranges.noise) if noisy else 0.0,
        grain=int(random.integers(2)),
        noise_at=_draw_place(random),
        shadows=tuple(shadows),
        blur=random.uniform(0.3, max(0.3, ranges.blur)) if blurred else 0.0,
    )


def drift(look: Look, ranges: LookRange, random: np.random.Generator) -> Look:
    """Return the look of one frame of the clip: a little different, with noise of its own."""
    part = ranges.drift
    depth_gain = look.depth_gain
    if depth_gain is not None:
        depth_gain = depth_gain + random.normal(0, part * ranges.depth_gain, len(depth_gain))
    shadows = tuple(
        replace(one, centre=one.centre + random.normal(0, 0.1 * part)) for one in look.shadows
    )
    return replace(
        look,
        gain=look.gain + part * random.uniform(-ranges.gain, ranges.gain),
        contrast=look.contrast * float(np.exp(random.normal(0, 0.3 * part))),
        gamma=look.gamma * float(np.exp(random.normal(0, 0.3 * part))),
        depth_gain=depth_gain,
        noise_at=_draw_place(random),
        shadows=shadows,
    )


def apply_look(frame: Float32[Tensor, "H W"], look: Look) -> Float32[Tensor, "H W"]:
    """Return the frame with this look, clipped to [0, 1]; black stays black under gain.

    Raises:
        ValueError: The frame is larger than `NOISE_SIDE` - 256 and the look has noise.
    """
    rows, columns = frame.shape
    x = frame
    if look.blur > 0:
        x = _blur(x, look.blur)
    if look.gamma != 1:
        x = x.clamp(min=0) ** look.gamma
    shift = torch.full((rows, 1), look.gain)
    if look.depth_gain is not None:
        shift = shift + _along_depth(look.depth_gain, rows)
    # Less and less below 1/8 of full brightness, so that what shows nothing stays black.
    x = x + (shift + (look.contrast - 1) * (x - 0.5)) * (8 * x).clamp(max=1)
    if look.noise > 0:
        x = x * (1 + look.noise * _noise(look, rows, columns))
    for shadow in look.shadows:
        x = x * _shade(shadow, rows, columns)
    return x.clamp(0, 1)


def _draw_place(random: np.random.Generator) -> tuple[int, int]:
    row, column = random.integers(0, 256, size=2)
    return int(row), int(column)


def _draw_shadow(ranges: LookRange, random: np.random.Generator) -> Shadow:
    return Shadow(
        centre=random.uniform(0, 1),
        slope=random.normal(0, 0.1),
        width=random.uniform(0.02, 0.12),
        start=random.uniform(0, 0.7),
        strength=random.uniform(*ranges.shadow),
    )


def _along_depth(values: Float64[np.ndarray, " P"], rows: int) -> Float32[Tensor, "H 1"]:
    depths = np.linspace(0, 1, len(values))
    curve = np.interp(np.linspace(0, 1, rows), depths, values)
    return torch.from_numpy(curve.astype(np.float32))[:, None]  # (H, 1)


def _shade(shadow: Shadow, rows: int, columns: int) -> Float32[Tensor, "H W"]:
    depth = torch.linspace(0, 1, rows)[:, None]
    across = torch.linspace(0, 1, columns)[None]
    off = (across - shadow.centre - shadow.slope * (depth - shadow.start)) / shadow.width
    band = torch.exp(-(off**4))  # flat in the middle, soft at the sides
    below = ((depth - shadow.start) / 0.05).clamp(0, 1)
    return 1 - shadow.strength * band * below


def _blur(frame: Float32[Tensor, "H W"], sigma: float) -> Float32[Tensor, "H W"]:
    reach = max(1, round(2.5 * sigma))
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    weights = weights / weights.sum()
    x = F.pad(frame[None, None], (reach, reach, reach, reach), mode="replicate")
    x = F.conv2d(x, weights[None, None, :, None])
    return F.conv2d(x, weights[None, None, None])[0, 0]


def _noise(look: Look, rows: int, columns: int) -> Float32[Tensor, "H W"]:
    if max(rows, columns) > NOISE_SIDE - 256:
        raise ValueError(f"noise for {rows} x {columns} pixels; at most {NOISE_SIDE - 256}")
    row, column = look.noise_at
    return _stored_noise(look.grain)[row : row + rows, column : column + columns]


@lru_cache(maxsize=2)
def _stored_noise(grain: int) -> Float32[Tensor, "S S"]:
    """Return zero-mean, unit-variance noise, always the same."""
    white = np.random.default_rng(grain).standard_normal((NOISE_SIDE, NOISE_SIDE))
    noise = torch.from_numpy(white.astype(np.float32))
    if grain:
        noise = _blur(noise, 1.2)
    return noise / noise.std()
