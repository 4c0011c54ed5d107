"""Bodies of other tissue laid into an anatomy: vessels, lobules, ribs, lesions.

Echo levels are in dB over fat, attenuation in dB/cm/MHz. A body's surface is exact, however
blurred its echoes are: masks are where its signed distance is below 0.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from sonotrace.simulate.echo.lattice import LEVEL_TOP_DB
from sonotrace.simulate.tissue.noise import rough, smooth
from sonotrace.simulate.tissue.outline import Body, facing
from sonotrace.simulate.world import Anatomy

Values = Float32[np.ndarray, " N"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What a body is made of, and what it does to the tissue around it."""

    level_db: float | None
    """None leaves the echoes of the tissue as they are."""
    attenuation: float | None
    softness_mm: float = 0.3
    """Width over which the echo level changes at the surface."""
    grain_db: float = 1.5
    grain_mm: float = 1.2
    specks_db: float = 0.0
    """Bright internal echoes."""
    rim_db: float = 0.0
    """A thin capsule or wall, where it lies across the beam; a quarter of it elsewhere."""
    halo_db: float = 0.0
    """A broad bright border outside."""
    halo_mm: float = 1.5
    edge_attenuation: float = 0.0
    """Added where the surface lies along the beam: shadows of the edges."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """A body and its filling."""

    body: Body
    filling: Filling

    def near(self, x: Values, y: Values, z: Values) -> Bool[np.ndarray, " N"] | None:
        """Return which places the inclusion may change; None for none of them."""
        if x.size == 0:
            return None
        filling = self.filling
        margin = 2.0 * filling.softness_mm + (3 * filling.halo_mm if filling.halo_db else 0.8)
        low, high = self.body.box_mm()
        if y.max() < low[1] - margin or y.min() > high[1] + margin:
            return None
        inside = np.ones(x.shape, dtype=bool)
        for place, a, b in zip((x, y, z), low, high, strict=True):
            inside &= (place > a - margin) & (place < b + margin)
        return inside if inside.any() else None

    def echo_over(self, level: Values, x: Values, y: Values, z: Values) -> Values:
        """Return the echo level where `level` was, at places near the body."""
        filling = self.filling
        distance = self.body.distance_mm(x, y, z)
        if filling.halo_db:
            outside = np.maximum(distance, 0) / filling.halo_mm
            level = level + filling.halo_db * np.exp(-(outside**2)) * (distance > 0)
        if filling.level_db is not None:
            size = (filling.grain_mm, filling.grain_mm, filling.grain_mm)
            inner = filling.level_db + filling.grain_db * rough(x, y, z, size, filling.seed)
            if filling.specks_db:
                specks = smooth(x, y, z, (0.7, 0.5, 0.7), filling.seed + 5)
                inner = inner + filling.specks_db * np.clip(specks - 1.0, 0, 1)
            weight = inside_weight(distance, filling.softness_mm)
            level = level + weight * (inner - level)
        if filling.rim_db:
            across = facing(self.body, x, y, z, distance)
            rim = np.exp(-((distance / 0.28) ** 2)) * (0.25 + 0.75 * across**2)
            level = level + filling.rim_db * rim
        return np.asarray(level, dtype=np.float32)

    def attenuation_over(self, value: Values, x: Values, y: Values, z: Values) -> Values:
        """Return the attenuation where `value` was, at places near the body."""
        filling = self.filling
        distance = self.body.distance_mm(x, y, z)
        if filling.attenuation is not None:
            weight = inside_weight(distance, max(filling.softness_mm, 0.5))
            value = value + weight * (filling.attenuation - value)
        if filling.edge_attenuation:
            along = 1 - facing(self.body, x, y, z, distance) ** 2
            edge = np.exp(-((distance / 0.6) ** 2)) * along**2
            value = value + filling.edge_attenuation * edge
        return np.asarray(value, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """An anatomy with bodies in it; later ones lie over earlier ones."""

    base: Anatomy
    inclusions: tuple[Inclusion, ...]

    def echo_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return the echo level at places in mm."""
        level = self.base.echo_db(x, y, z)
        for one in self.inclusions:
            near = one.near(x, y, z)
            if near is not None:
                level[near] = one.echo_over(level[near], x[near], y[near], z[near])
        return np.minimum(level, np.float32(LEVEL_TOP_DB))

    def attenuation(self, x: Values, y: Values, z: Values) -> Values:
        """Return the attenuation in dB/cm/MHz."""
        value = self.base.attenuation(x, y, z)
        for one in self.inclusions:
            near = one.near(x, y, z)
            if near is not None:
                value[near] = one.attenuation_over(value[near], x[near], y[near], z[near])
        return value


def inside_weight(distance_mm: Values, softness_mm: float) -> Values:
    """Return 1 inside, 0 outside, and a smooth step of this width at the surface."""
    step = np.clip(distance_mm * np.float32(4 / softness_mm), -30, 30)
    return np.asarray(1 / (1 + np.exp(step)), dtype=np.float32)
