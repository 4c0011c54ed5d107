"""A dark lesion with a blurred boundary that moves, changes its shape and may leave the slice."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from sonotrace.simulate.beam import (
    AXIAL_STEPS,
    Decibel,
    Grey,
    Probe,
    draw_gain,
    echo_of_scatterers,
    picture_of,
    pixel_points,
)
from sonotrace.simulate.motion import Motion, Wander, draw_motion, draw_wander
from sonotrace.simulate.tissue import (
    LookAlike,
    Outline,
    Tissue,
    draw_outline,
    draw_tissue,
    inside_weight,
)

Values = Float[np.ndarray, "..."]
Inside = Bool[np.ndarray, "H W"]

SPECKLE_MM = 1.0
"""Move of the slice after which the speckle has become another one."""
_COARSE = 4
"""Pixels between the points at which shadows are computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionScene:
    """Everything that decides every frame of a clip of one lesion."""

    seed: int
    probe: Probe
    kind: Literal["benign", "malignant"]
    tissue: Tissue
    motion: Motion
    lesion: Outline
    level_db: float
    softness_mm: float
    elevation: Wander
    """How far the slice has moved out of its first plane, in mm."""
    half_thickness_mm: float
    """How far it can move before the lesion is gone: it is an ellipsoid."""
    turn: Wander
    """Change of the outline's shape, in radians of the phase of its waves."""
    behind_db_per_mm: float
    """What each mm of lesion adds to what lies deeper: a shadow if it is negative."""
    look_alikes: tuple[LookAlike, ...]
    gain_db: Decibel

    def grey(self, index: int, time_s: float) -> Grey:
        """Render the picture at a time; `index` decides the noise."""
        tissue, elevation = self.tissue, self.elevation.at(time_s)
        strength = tissue.at_elevation(0.5 * math.pi * elevation / SPECKLE_MM)
        near = self._near(tissue.x, tissue.z)
        outside = self._outside_mm(tissue.x[near], tissue.z[near], time_s)
        weight = inside_weight(outside, self.softness_mm)
        strength[near] *= 10 ** (self.level_db * weight / 20)
        x, z = self.motion.forward(tissue.x, tissue.z, time_s)
        echo = echo_of_scatterers(self.probe, x, z, strength)
        gain = self.gain_db + self._behind_db(time_s)
        return picture_of(self.probe, echo, gain, np.random.default_rng([self.seed, 1, index]))

    def labels(self, time_s: float) -> Inside:
        """Return which pixels' centres lie in the lesion, from the same outline and motion."""
        x, z = pixel_points(self.probe)
        centre_x, centre_z = self._centre_mm(time_s)
        near = self._near(x - centre_x + self.lesion.x, z - centre_z + self.lesion.z)
        inside = np.zeros(x.shape, dtype=bool)
        was_x, was_z = self.motion.backward(x[near], z[near], time_s)
        inside[near] = self._outside_mm(was_x, was_z, time_s) < 0
        return inside

    def look_alike_labels(self, time_s: float) -> Inside:
        """Return which pixels' centres lie in a dark region that is not the lesion."""
        x, z = self.motion.backward(*pixel_points(self.probe), time_s)
        inside = np.zeros(x.shape, dtype=bool)
        for one in self.look_alikes:
            inside |= one.outline.outside_mm(x, z) < 0
        return inside

    def truth(self, time_s: float) -> dict[str, Any]:
        """Return where the lesion's centre is and how large its section is, relative to its own."""
        x, z = self._centre_mm(time_s)
        pixel = self.probe.pixel_mm
        return {
            "centre_px": [z / pixel - 0.5, x / pixel + (self.probe.size - 1) / 2],
            "section": self._section(time_s),
            "visible": self._section(time_s) > 0,
        }

    def _centre_mm(self, time_s: float) -> tuple[float, float]:
        """Return where the lesion's centre is, across and in depth."""
        x, z = self.motion.forward(np.array([self.lesion.x]), np.array([self.lesion.z]), time_s)
        return float(x[0]), float(z[0])

    def _section(self, time_s: float) -> float:
        """Return the size of the slice through the ellipsoid, relative to its middle."""
        part = self.elevation.at(time_s) / self.half_thickness_mm
        return math.sqrt(max(0.0, 1 - part**2))

    def _outside_mm(self, x: Values, z: Values, time_s: float) -> Values:
        return self.lesion.outside_mm(x, z, self._section(time_s), self.turn.at(time_s))

    def _near(self, x: Values, z: Values) -> Bool[np.ndarray, "..."]:
        """Return which points can be in the lesion, in tissue that is stretched up to a third."""
        reach = 2 * max(self.lesion.half_width, self.lesion.half_height) + self.softness_mm
        return np.asarray((abs(x - self.lesion.x) < reach) & (abs(z - self.lesion.z) < reach))

    def _behind_db(self, time_s: float) -> Decibel:
        """Return what the lesion takes from, or gives to, the tissue behind it."""
        x, z = (points[::_COARSE, ::_COARSE] for points in pixel_points(self.probe))
        was_x, was_z = self.motion.backward(x, z, time_s)
        weight = inside_weight(self._outside_mm(was_x, was_z, time_s), self.softness_mm)
        path = np.cumsum(weight, axis=0) * _COARSE * self.probe.pixel_mm
        path = ndimage.gaussian_filter1d(path, 1.0, axis=1)
        factors = (AXIAL_STEPS * self.probe.size / x.shape[0], self.probe.size / x.shape[1])
        fine = ndimage.zoom(path, factors, order=1, mode="nearest", grid_mode=True)
        return np.asarray(self.behind_db_per_mm * fine, dtype=np.float32)


def draw_lesion_scene(seed: int, probe: Probe) -> LesionScene:
    """Draw a scene: half of them benign; in about a fifth the lesion leaves the slice."""
    random = np.random.default_rng([seed, 0])
    malignant = bool(random.random() < 0.5)
    width = probe.depth_mm
    x, z = random.uniform(-0.25, 0.25) * width, random.uniform(0.3, 0.65) * width
    lesion = draw_outline(
        random, x, z, random.uniform(0.07, 0.17) * width, 0.10 if malignant else 0.03
    )
    level = random.uniform(-18, -8)
    look_alikes = tuple(_draw_look_alikes(random, lesion, level, width))
    leaves = random.random() < 0.2
    half_thickness = lesion.half_width * random.uniform(0.8, 1.3)
    return LesionScene(
        seed=seed,
        probe=probe,
        kind="malignant" if malignant else "benign",
        tissue=draw_tissue(random, probe, look_alikes),
        motion=draw_motion(random, width),
        lesion=lesion,
        level_db=level,
        softness_mm=random.uniform(0.9, 1.8) if malignant else random.uniform(0.35, 0.9),
        elevation=draw_wander(random, half_thickness * (0.8 if leaves else 0.25), 0.3),
        half_thickness_mm=half_thickness,
        turn=draw_wander(random, 0.6, 0.3),
        behind_db_per_mm=random.uniform(-1.2, -0.2) if malignant else random.uniform(-0.1, 0.5),
        look_alikes=look_alikes,
        gain_db=draw_gain(probe, random),
    )


def _draw_look_alikes(
    random: np.random.Generator, lesion: Outline, level_db: float, width_mm: float
) -> list[LookAlike]:
    """Draw dark regions of about the lesion's darkness that keep clear of it."""
    drawn: list[LookAlike] = []
    for _ in range(int(random.integers(1, 4))):
        x, z = random.uniform(-0.45, 0.45) * width_mm, random.uniform(0.2, 0.9) * width_mm
        outline = draw_outline(random, x, z, random.uniform(0.04, 0.12) * width_mm, 0.06)
        reach = 1.3 * (max(outline[2:4]) + max(lesion[2:4]))
        if math.hypot(x - lesion.x, z - lesion.z) > reach:
            drawn.append(
                LookAlike(outline, level_db * random.uniform(0.6, 1.1), random.uniform(0.35, 1.5))
            )
    return drawn
