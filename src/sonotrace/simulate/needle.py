"""A needle that is pushed through tissue: a bright line whose brightness depends on its angle."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from sonotrace.simulate.beam import (
    Decibel,
    Echo,
    Grey,
    Probe,
    draw_gain,
    echo_of_scatterers,
    echo_of_surface,
    line_scale,
    picture_of,
    pixel_points,
)
from sonotrace.simulate.motion import Motion, Wander, draw_motion, draw_wander
from sonotrace.simulate.tissue import LookAlike, Tissue, draw_outline, draw_tissue

_PER_MM = 20.0
"""Echoes per mm of the shaft."""
_PERPENDICULAR_DB = 32.0
"""Peak of a needle across the beams, over speckle."""
_LOBE_RAD = math.radians(20)
"""Angle at which the mirror-like part of its echo has fallen to 1/e."""
_VISIBLE_DB = 6.0
"""Mean peak over speckle from which the shaft counts as visible."""
_REVERBERATIONS_DB = (-9.0, -16.0)
"""Echoes between the walls of the shaft, below the shaft itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedleScene:
    """Everything that decides every frame of a clip of one needle."""

    seed: int
    probe: Probe
    tissue: Tissue
    motion: Motion
    entry_mm: tuple[float, float]
    """Across and depth of the point at the border of the picture."""
    angle_rad: float
    """Below the horizontal."""
    direction: int
    """1 if it comes from the left, -1 from the right."""
    diameter_mm: float
    lengths_mm: tuple[float, float]
    """From the entry to the tip at the start and at the end."""
    seconds: float
    """How long the advance takes."""
    wobble: Wander
    """Radians added to the angle."""
    diffuse_db: float
    """How much less than across the beams it returns at any angle."""
    fade: Wander
    """Change of its level in dB: how well it lies in the slice."""
    spots_db: Float[np.ndarray, " S"]
    """Change of its level along the shaft, every 1.5 mm."""
    gain_db: Decibel

    def grey(self, index: int, time_s: float) -> Grey:
        """Render the picture at a time; `index` decides the noise."""
        x, z = self.motion.forward(self.tissue.x, self.tissue.z, time_s)
        echo = echo_of_scatterers(self.probe, x, z, self.tissue.strength)
        echo += self._echo(time_s)
        random = np.random.default_rng([self.seed, 1, index])
        return picture_of(self.probe, echo, self.gain_db, random)

    def labels(self, time_s: float) -> Bool[np.ndarray, "H W"]:
        """Return which pixels' centres lie in the shaft, seen or not."""
        x, z = pixel_points(self.probe)
        tip_x, tip_z = self.tip_mm(time_s)
        entry_x, entry_z = self.entry_mm
        run_x, run_z = tip_x - entry_x, tip_z - entry_z
        along = ((x - entry_x) * run_x + (z - entry_z) * run_z) / (run_x**2 + run_z**2)
        part = np.clip(along, 0, 1)
        distance = np.hypot(x - entry_x - part * run_x, z - entry_z - part * run_z)
        return np.asarray(distance <= self.diameter_mm / 2)

    def tip_mm(self, time_s: float) -> tuple[float, float]:
        """Return where the tip is, across and in depth."""
        length, angle = self._length_mm(time_s), self._angle_rad(time_s)
        across = self.entry_mm[0] + self.direction * length * math.cos(angle)
        return across, self.entry_mm[1] + length * math.sin(angle)

    def truth(self, time_s: float) -> dict[str, Any]:
        """Return tip and entry as (row, column), the angle, and how bright the shaft is."""
        return {
            "tip_px": self._pixel(self.tip_mm(time_s)),
            "entry_px": self._pixel(self.entry_mm),
            "angle_deg": math.degrees(self._angle_rad(time_s)),
            "level_db": self._level_db(time_s),
            "visible": self._level_db(time_s) > _VISIBLE_DB,
        }

    def _pixel(self, point_mm: tuple[float, float]) -> list[float]:
        pixel = self.probe.pixel_mm
        return [point_mm[1] / pixel - 0.5, point_mm[0] / pixel + (self.probe.size - 1) / 2]

    def _length_mm(self, time_s: float) -> float:
        part = min(1.0, time_s / self.seconds)
        start, end = self.lengths_mm
        return start + (end - start) * part**2 * (3 - 2 * part)

    def _angle_rad(self, time_s: float) -> float:
        return self.angle_rad + self.wobble.at(time_s)

    def _level_db(self, time_s: float) -> float:
        """Return the mean peak of the shaft over speckle."""
        diffuse = 10 ** (self.diffuse_db / 20)
        mirror = math.exp(-((self._angle_rad(time_s) / _LOBE_RAD) ** 2))
        level = 20 * math.log10(diffuse + (1 - diffuse) * mirror)
        return _PERPENDICULAR_DB + level + self.fade.at(time_s)

    def _echo(self, time_s: float) -> Echo:
        """Sum the upper wall, the echoes between the walls, and the tip."""
        length, angle = self._length_mm(time_s), self._angle_rad(time_s)
        along = np.arange(0, length, 1 / _PER_MM)
        x = self.entry_mm[0] + self.direction * along * math.cos(angle)
        z = self.entry_mm[1] + along * math.sin(angle) - self.diameter_mm / 2
        spots = np.interp(along, 1.5 * np.arange(len(self.spots_db)), self.spots_db)
        level = self._level_db(time_s) + spots
        scale = line_scale(self.probe, _PER_MM, angle)
        strength = scale * 10 ** (level / 20)
        echo = echo_of_surface(self.probe, x, z, strength)
        for i, below_db in enumerate(_REVERBERATIONS_DB):
            lower = z + (i + 1) * self.diameter_mm
            echo += echo_of_surface(self.probe, x, lower, strength * 10 ** (below_db / 20))
        tip = 10 ** ((_PERPENDICULAR_DB - 12) / 20) * scale * _PER_MM * self.probe.beam_mm
        echo += echo_of_surface(self.probe, x[-1:], z[-1:], np.array([tip]))
        return echo


def draw_needle_scene(seed: int, probe: Probe) -> NeedleScene:
    """Draw a scene: a needle from one side, at 10 to 55 degrees, among dark regions and streaks."""
    random = np.random.default_rng([seed, 0])
    width = probe.depth_mm
    direction = int(random.choice([-1, 1]))
    angle = math.radians(random.uniform(10, 55))
    entry_z = random.uniform(0.05, 0.4) * width
    farthest = min(0.85 * width / math.cos(angle), (0.95 * width - entry_z) / math.sin(angle))
    look_alikes = tuple(_draw_region(random, width) for _ in range(int(random.integers(0, 3))))
    return NeedleScene(
        seed=seed,
        probe=probe,
        tissue=draw_tissue(random, probe, look_alikes),
        motion=draw_motion(random, width, 0.6),
        entry_mm=(-direction * width / 2, entry_z),
        angle_rad=angle,
        direction=direction,
        diameter_mm=random.uniform(0.9, 1.6),
        lengths_mm=(random.uniform(0.25, 0.45) * farthest, random.uniform(0.7, 1.0) * farthest),
        seconds=random.uniform(1.5, 4.0),
        wobble=draw_wander(random, 0.015, 0.4),
        diffuse_db=random.uniform(-20, -12),
        fade=draw_wander(random, 2.5, 0.4),
        spots_db=random.normal(0, 2.0, 48),
        gain_db=draw_gain(probe, random),
    )


def _draw_region(random: np.random.Generator, width_mm: float) -> LookAlike:
    x, z = random.uniform(-0.4, 0.4) * width_mm, random.uniform(0.3, 0.8) * width_mm
    outline = draw_outline(random, x, z, random.uniform(0.05, 0.15) * width_mm, 0.05)
    return LookAlike(outline, random.uniform(-16, -6), random.uniform(0.35, 1.2))
