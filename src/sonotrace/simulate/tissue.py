"""Tissue as a sheet of scatterers: layers, streaks, look-alikes and what they send back."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32
from scipy import ndimage

from sonotrace.simulate.beam import Probe, speckle_scale

Values = Float[np.ndarray, "..."]

PER_MM2 = 40.0
"""Scatterers per mm2: about 8 in each resolution cell, enough for full speckle."""
MARGIN_MM = 6.0
"""Tissue beyond the picture, so that motion brings tissue and not emptiness into view."""
_MAP_MM = 0.25
"""Pixel of the map of echo strength."""


class Outline(NamedTuple):
    """A closed curve around a centre: an ellipse whose radius waves with the angle. In mm."""

    x: float
    z: float
    half_width: float
    half_height: float
    tilt_rad: float
    waves: tuple[float, ...]
    """Relative size of 2, 3, 4, ... waves around the curve."""
    phases_rad: tuple[float, ...]

    def outside_mm(self, x: Values, z: Values, scale: float = 1.0, turn: float = 0.0) -> Values:
        """Return about how far points lie outside the curve; negative inside.

        Args:
            x: Across, in mm.
            z: Depth, in mm.
            scale: Size of the curve relative to its own; at 0 or less nothing is inside.
            turn: Shift of the waves' phases in radians, which changes the shape.
        """
        if scale <= 0:
            return np.full(np.broadcast(x, z).shape, np.inf)
        cos, sin = math.cos(self.tilt_rad), math.sin(self.tilt_rad)
        along = (cos * (x - self.x) + sin * (z - self.z)) / self.half_width
        across = (cos * (z - self.z) - sin * (x - self.x)) / self.half_height
        angle = np.arctan2(across, along)
        radius = np.full_like(angle, scale)
        for i, (size, phase) in enumerate(zip(self.waves, self.phases_rad, strict=True)):
            radius += scale * size * np.cos((i + 2) * angle + phase + turn)
        mean = math.sqrt(self.half_width * self.half_height)
        return (np.hypot(along, across) - radius) * mean


class LookAlike(NamedTuple):
    """A dark region that is not the lesion."""

    outline: Outline
    level_db: float
    softness_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tissue:
    """Scatterers where they are at time 0, in two sheets of independent strengths."""

    x: Float[np.ndarray, " N"]
    z: Float[np.ndarray, " N"]
    strength: Float[np.ndarray, " N"]
    """Of the sheet in view at elevation 0, so that speckle without structure has an rms of 1."""
    other: Float[np.ndarray, " N"]
    """Of the sheet a quarter of the way on."""

    def at_elevation(self, angle_rad: float) -> Float[np.ndarray, " N"]:
        """Return the strengths as the slice leaves its plane: speckle that changes smoothly.

        A stand-in for a third dimension: after half a turn the first speckle comes back.
        """
        return math.cos(angle_rad) * self.strength + math.sin(angle_rad) * self.other


def draw_outline(
    random: np.random.Generator, x: float, z: float, radius_mm: float, roughness: float
) -> Outline:
    """Draw a curve around (x, z); `roughness` is the size of its waves."""
    flat = math.exp(random.normal(0.15, 0.2))
    waves = random.normal(0, roughness, 5) / np.arange(1, 6)
    return Outline(
        x,
        z,
        radius_mm * math.sqrt(flat),
        radius_mm / math.sqrt(flat),
        random.normal(0, 0.25),
        tuple(waves.tolist()),
        tuple(random.uniform(0, 2 * np.pi, 5).tolist()),
    )


def draw_tissue(
    random: np.random.Generator, probe: Probe, look_alikes: tuple[LookAlike, ...]
) -> Tissue:
    """Draw layered tissue with bright streaks and the given dark regions."""
    half = probe.depth_mm / 2 + MARGIN_MM
    low, high = -MARGIN_MM, probe.depth_mm + MARGIN_MM
    count = round(PER_MM2 * 2 * half * (high - low))
    x = random.uniform(-half, half, count)
    z = random.uniform(low, high, count)
    level = _read_map(_draw_level_map(random, half, low, high), x + half, z - low)
    for one in look_alikes:
        level += one.level_db * inside_weight(one.outline.outside_mm(x, z), one.softness_mm)
    amplitude = speckle_scale(probe, PER_MM2) * 10 ** (level / 20)
    signs = 2.0 * random.integers(0, 2, (2, count)) - 1
    return Tissue(x=x, z=z, strength=amplitude * signs[0], other=amplitude * signs[1])


def inside_weight(outside_mm: Values, softness_mm: float) -> Values:
    """Return 1 inside, 0 outside, and a smooth step of this width at the outline."""
    return 1 / (1 + np.exp(np.clip(4 * outside_mm / softness_mm, -30, 30)))


def _draw_level_map(
    random: np.random.Generator, half: float, low: float, high: float
) -> Float32[np.ndarray, "Hm Wm"]:
    """Return dB over reference speckle on a map of tissue at time 0."""
    rows, columns = int((high - low) / _MAP_MM) + 2, int(2 * half / _MAP_MM) + 2
    depth = (np.arange(rows) * _MAP_MM + low)[:, None]
    patches = ndimage.gaussian_filter(random.standard_normal((rows, columns)), (6, 14))
    level = 4.0 * patches / patches.std()
    edge = ndimage.gaussian_filter1d(random.standard_normal((2, columns)), 20, axis=1)
    edge *= 1.0 / edge.std()
    fat, gland = random.uniform(5, 9), random.uniform(14, 22)
    level += np.where(depth < 1.5, 8.0, 0.0)
    level -= 4.0 * ((depth > 1.5) & (depth < fat + edge[0]))
    level += 3.0 * ((depth > fat + edge[0]) & (depth < gland + edge[1]))
    for _ in range(int(random.integers(6, 16))):
        level += _streak(random, rows, columns)
    return ndimage.gaussian_filter(level, 0.7).astype(np.float32)


def _streak(random: np.random.Generator, rows: int, columns: int) -> Float[np.ndarray, "Hm Wm"]:
    """Return the level of one bright, slightly bent line such as a fascia."""
    z, x = np.mgrid[:rows, :columns].astype(float)
    x, z = x - random.uniform(0, columns), z - random.uniform(0, rows)
    angle = random.normal(0, 0.25)
    along = math.cos(angle) * x + math.sin(angle) * z
    across = math.cos(angle) * z - math.sin(angle) * x + random.normal(0, 0.002) * along**2
    length, width = random.uniform(3, 14) / _MAP_MM, random.uniform(0.2, 0.5) / _MAP_MM
    shape = np.exp(-0.5 * (along / length) ** 4 - 0.5 * (across / width) ** 2)
    return random.uniform(6, 14) * shape


def _read_map(
    level: Float32[np.ndarray, "Hm Wm"], right: Values, down: Values
) -> Float[np.ndarray, " N"]:
    at = np.stack([down / _MAP_MM, right / _MAP_MM])
    read = ndimage.map_coordinates(level, at, order=1, mode="nearest")
    return np.asarray(read, dtype=np.float64)
