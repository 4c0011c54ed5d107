"""Smooth motion of tissue, as a map from where it was at time 0 to where it is."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Values = Float[np.ndarray, "..."]

_INVERSIONS = 8
"""Steps of the inverse: below 1e-4 mm for gradients of displacement up to 0.3."""


class Wander(NamedTuple):
    """A smooth number over time that starts at 0: a sum of sines."""

    sizes: tuple[float, ...]
    rates_hz: tuple[float, ...]
    phases_rad: tuple[float, ...]

    def at(self, time_s: float) -> float:
        """Return the number at a time."""
        waves = zip(self.sizes, self.rates_hz, self.phases_rad, strict=True)
        return float(
            sum(
                size * (np.sin(2 * np.pi * rate * time_s + phase) - np.sin(phase))
                for size, rate, phase in waves
            )
        )


def draw_wander(random: np.random.Generator, size: float, rate_hz: float = 0.5) -> Wander:
    """Draw a wander of standard deviation about `size`, around one rate."""
    return Wander(
        tuple(random.normal(0, size / np.sqrt(2), 3).tolist()),
        tuple((rate_hz * random.uniform(0.4, 2.0, 3)).tolist()),
        tuple(random.uniform(0, 2 * np.pi, 3).tolist()),
    )


class Push(NamedTuple):
    """A round region that is moved more than its surroundings."""

    x: float
    z: float
    radius: float
    across: Wander
    down: Wander


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Shift, turn, squeeze and local pushes. All lengths in mm."""

    across: Wander
    down: Wander
    turn: Wander
    """Radians about `centre`."""
    squeeze: Wander
    """Strain along depth; the skin at depth 0 stays where it is."""
    pushes: tuple[Push, ...]
    centre: tuple[float, float]

    def displacement(self, x: Values, z: Values, time_s: float) -> tuple[Values, Values]:
        """Return how far the tissue that was at (x, z) at time 0 has moved, across and down."""
        turn, squeeze = self.turn.at(time_s), self.squeeze.at(time_s)
        off_x, off_z = x - self.centre[0], z - self.centre[1]
        across = self.across.at(time_s) + (np.cos(turn) - 1) * off_x - np.sin(turn) * off_z
        down = self.down.at(time_s) + np.sin(turn) * off_x + (np.cos(turn) - 1) * off_z
        down = down + squeeze * z
        for push in self.pushes:
            squared = ((x - push.x) ** 2 + (z - push.z) ** 2) / push.radius**2
            weight = np.exp(-0.5 * squared)
            across = across + push.across.at(time_s) * weight
            down = down + push.down.at(time_s) * weight
        return across, down

    def forward(self, x: Values, z: Values, time_s: float) -> tuple[Values, Values]:
        """Return where the tissue that was at (x, z) is now."""
        across, down = self.displacement(x, z, time_s)
        return x + across, z + down

    def backward(self, x: Values, z: Values, time_s: float) -> tuple[Values, Values]:
        """Return where the tissue that is now at (x, z) was: the inverse of `forward`."""
        was_x, was_z = x, z
        for _ in range(_INVERSIONS):
            across, down = self.displacement(was_x, was_z, time_s)
            was_x, was_z = x - across, z - down
        return was_x, was_z


def draw_motion(random: np.random.Generator, width_mm: float, strength: float = 1.0) -> Motion:
    """Draw a motion for a picture of this width; `strength` 0 is stillness."""
    scale = strength * width_mm / 40
    pushes = tuple(
        Push(
            x=random.uniform(-0.4, 0.4) * width_mm,
            z=random.uniform(0.2, 0.8) * width_mm,
            radius=random.uniform(0.15, 0.3) * width_mm,
            across=draw_wander(random, 0.7 * scale),
            down=draw_wander(random, 0.7 * scale),
        )
        for _ in range(2)
    )
    return Motion(
        across=draw_wander(random, 1.5 * scale, 0.3),
        down=draw_wander(random, 0.8 * scale, 0.3),
        turn=draw_wander(random, 0.03 * strength, 0.3),
        squeeze=draw_wander(random, 0.02 * strength),
        pushes=pushes,
        centre=(0.0, width_mm / 2),
    )
