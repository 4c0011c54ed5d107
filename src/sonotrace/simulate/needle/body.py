"""The needle as a body: its gauge, its bevelled tip, its bent shaft, and how it goes in and out.

A needle follows a track that starts at a pivot in the skin. The track is an arc of a circle: a
bevelled tip drifts to one side at a constant rate, so the bend grows with the square of the
inserted length. The hand may turn the whole needle about the pivot. The needle is stiff; moving
tissue takes its end along only a little.

Coordinates are those of tissue, in mm: x across, y into depth, z out of the picture.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float64
from numba import njit

from sonotrace.errors import GeometryError
from sonotrace.simulate.motion import STILL, Flow, Push, Wander, flow_at

DIAMETERS_MM = {
    14: 2.11, 15: 1.83, 16: 1.65, 17: 1.47, 18: 1.27, 19: 1.07,
    20: 0.91, 21: 0.82, 22: 0.72, 23: 0.64, 24: 0.57, 25: 0.51,
}  # fmt: skip
"""Outer diameter of every gauge (ISO 9626, rounded)."""

_MOST_PUSHED_MM = 0.6
"""How far tissue at the tip goes along; with the two pushes behind it at most 0.9 mm add up."""
_CARRIED = 0.15
"""Share of the tissue's motion at the tip that the tip takes part in."""

Vector = tuple[float, float, float]
Along = Float64[np.ndarray, " N"]
Points3 = Float64[np.ndarray, "N 3"]
NOT_TURNED = Wander((), (), ())


class Advance(NamedTuple):
    """Inserted length over time: it eases from one knot to the next, and rests after the last."""

    times_s: tuple[float, ...]
    lengths_mm: tuple[float, ...]

    def at(self, time_s: float) -> float:
        """Return the length from pivot to tip at a time."""
        after = int(np.searchsorted(self.times_s, time_s, side="right"))
        if after == 0:
            return self.lengths_mm[0]
        if after == len(self.times_s):
            return self.lengths_mm[-1]
        start, end = self.times_s[after - 1], self.times_s[after]
        part = (time_s - start) / (end - start)
        low, high = self.lengths_mm[after - 1], self.lengths_mm[after]
        return low + (high - low) * part * part * (3 - 2 * part)


class Shaft(NamedTuple):
    """Where the needle is at one time, from the pivot to the tip."""

    along_mm: Along
    """From the pivot, along the axis."""
    axis: Points3
    forward: Points3
    """Unit tangents of the axis."""
    centre: Points3
    """Middle of what is left of the needle: the bevel takes one side of its end away."""
    half_mm: Along
    """Half of what is left: the radius, and 0 at the tip."""
    tip: Float64[np.ndarray, " 3"]
    """The sharp point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needle:
    """Everything that decides where the needle is."""

    gauge: int
    pivot: Vector
    """Where it went through the skin."""
    side: int
    """1 if it points to the right, -1 to the left."""
    angle_rad: float
    """Below the horizontal, within the picture."""
    out_rad: float
    """Between the shaft and the plane of the picture."""
    advance: Advance
    turn: Wander = NOT_TURNED
    """Added to the angle, in radians."""
    turn_out: Wander = NOT_TURNED
    """Added to the angle out of the plane."""
    bend_per_mm: float = 0.0
    """Curvature of its track."""
    bend_rad: float = 0.0
    """Which way it bends: 0 towards greater depth, a right angle out of the picture."""
    bevel_rad: float = 0.0
    """Side of the sharp point, counted like the way of the bend."""
    bevel: float = 2.2
    """Length of the bevel in diameters."""

    @property
    def diameter_mm(self) -> float:
        """Outer diameter."""
        return diameter_of(self.gauge)

    def tip_mm(self, time_s: float) -> Float64[np.ndarray, " 3"]:
        """Return where the sharp point is, were the tissue at rest."""
        return self.shaft(time_s, np.array([self.advance.at(time_s)])).tip

    def along(self, time_s: float, step_mm: float, longest_mm: float = 200.0) -> Along:
        """Return places along the axis whose last is the tip, not farther from it than given."""
        length = self.advance.at(time_s)
        count = max(2, math.ceil(min(length, longest_mm) / step_mm) + 1)
        return length - step_mm * np.arange(count - 1, -1, -1, dtype=np.float64)

    def shaft(self, time_s: float, along_mm: Along, flow: Flow | None = None) -> Shaft:
        """Return the needle at places along its axis, of which the last is the tip.

        Args:
            time_s: Since the first frame.
            along_mm: Distances from the pivot along the axis, rising.
            flow: Where tissue has gone, which takes the tip along a little.
        """
        forward, down, out = self._axes(time_s)
        track = _Track(
            np.array(self.pivot),
            forward,
            bend=math.cos(self.bend_rad) * down + math.sin(self.bend_rad) * out,
            sharp=math.cos(self.bevel_rad) * down + math.sin(self.bevel_rad) * out,
            bend_per_mm=self.bend_per_mm,
            radius=self.diameter_mm / 2,
            bevel=self.bevel * self.diameter_mm,
        )
        axis, tangent, centre = (np.empty((len(along_mm), 3)) for _ in range(3))
        half = np.empty(len(along_mm))
        _lay((axis, tangent, centre, half), along_mm, track, STILL if flow is None else flow)
        return Shaft(along_mm, axis, tangent, centre, half, centre[-1])

    def pushes(self, time_s: float) -> list[Push]:
        """Return how tissue near the tip is dragged along: with the needle, and back with it."""
        lately = self.advance.at(time_s) - self.advance.at(time_s - 0.5)
        dragged = _MOST_PUSHED_MM * math.tanh(lately / 2.5)
        if abs(dragged) < 1e-3:
            return []
        forward = self._axes(time_s)[0]
        tip = self.tip_mm(time_s)
        return [
            Push(
                _vector(tip - back * forward),
                size,
                _vector(share * dragged * forward),
            )
            for back, size, share in ((0.0, 4.0, 1.0), (8.0, 4.0, 0.5), (16.0, 5.0, 0.3))
        ]

    def _axes(
        self, time_s: float
    ) -> tuple[Float64[np.ndarray, " 3"], Float64[np.ndarray, " 3"], Float64[np.ndarray, " 3"]]:
        """Return unit vectors at the pivot: forward, across towards depth, across out."""
        angle = self.angle_rad + self.turn.at(time_s)
        out = self.out_rad + self.turn_out.at(time_s)
        flat = np.array([self.side * math.cos(angle), math.sin(angle), 0.0])
        forward = math.cos(out) * flat + np.array([0.0, 0.0, math.sin(out)])
        down = np.array([-self.side * math.sin(angle), math.cos(angle), 0.0])
        aside = -math.sin(out) * flat + np.array([0.0, 0.0, math.cos(out)])
        return forward, down, aside


def diameter_of(gauge: int) -> float:
    """Return the outer diameter of a gauge in mm.

    Raises:
        GeometryError: There is no such needle.
    """
    if gauge not in DIAMETERS_MM:
        raise GeometryError(
            f"a needle of {gauge} G; known are {min(DIAMETERS_MM)} to {max(DIAMETERS_MM)} G. "
            f"Give one of these, or leave the gauge out to have one drawn."
        )
    return DIAMETERS_MM[gauge]


def draw_advance(
    random: np.random.Generator, seconds: float, start_mm: float, limits_mm: tuple[float, float]
) -> Advance:
    """Draw pushes, rests and pull-backs that fill a clip, in some clips a retraction at its end.

    Args:
        random: Where it is drawn from.
        seconds: Length of the clip.
        start_mm: Inserted length at its start.
        limits_mm: Shortest and longest length.
    """
    time, length = 0.0, start_mm
    times, lengths = [time], [length]
    turns_back = seconds * random.uniform(0.45, 0.8) if random.random() < 0.6 else math.inf
    while time < seconds:
        back = time >= turns_back
        move = "back" if back else random.choice(["push", "push", "push", "rest", "pull", "hold"])
        if len(times) == 1 and not back:
            move = "push"
        speed = float(random.uniform(4, 14))
        way = {
            "push": random.uniform(3, 14),
            "pull": -random.uniform(1, 4),
            "back": -random.uniform(6, 25),
        }.get(move, 0.0)
        target = float(np.clip(length + way, *limits_mm))
        lasts = {"rest": random.uniform(0.15, 0.5), "hold": random.uniform(0.4, 1.2)}.get(move, 0)
        # easing is 1.5 times as fast in the middle
        time += max(float(lasts), 1.5 * abs(target - length) / speed, 0.1)
        length = target
        times.append(time)
        lengths.append(length)
    return Advance(tuple(times), tuple(lengths))


def _vector(values: Float64[np.ndarray, " 3"]) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])


class _Track(NamedTuple):
    """A needle at one time, for the kernel."""

    pivot: Float64[np.ndarray, " 3"]
    forward: Float64[np.ndarray, " 3"]
    bend: Float64[np.ndarray, " 3"]
    """Which way it bends."""
    sharp: Float64[np.ndarray, " 3"]
    """Which way the sharp point lies."""
    bend_per_mm: float
    radius: float
    bevel: float
    """Its length in mm."""


@njit(cache=True, nogil=True)
@no_type_check
def _lay(shaft, along, track, flow):
    """Fill axis, tangents, centre and half thickness along a needle."""
    axis, tangent, centre, half = shaft
    last = along[along.shape[0] - 1]
    end = _on_arc(last, track)[0]
    moved = (0.0, 0.0, 0.0)
    if not flow.still:
        moved = flow_at(flow, end[0], end[1], end[2])
    for n in range(along.shape[0]):
        place, (cosine, sine) = _on_arc(along[n], track)
        carried = 0.0
        if not flow.still:
            carried = _CARRIED * max(along[n] / last, 0.0) ** 2
        dot = 0.0
        for i in range(3):
            axis[n, i] = place[i] + carried * moved[i]
            tangent[n, i] = cosine * track.forward[i] + sine * track.bend[i]
            dot += tangent[n, i] * track.sharp[i]
        size = 0.0
        for i in range(3):
            size += (track.sharp[i] - dot * tangent[n, i]) ** 2
        left = min(max((last - along[n]) / track.bevel, 0.0), 1.0)
        half[n] = track.radius * left
        aside = track.radius * (1 - left) / np.sqrt(size)
        for i in range(3):
            centre[n, i] = axis[n, i] + aside * (track.sharp[i] - dot * tangent[n, i])


@njit(inline="always")
@no_type_check
def _on_arc(along, track):
    """Return the place this far along an arc, and cosine and sine of the angle it has turned."""
    angle = track.bend_per_mm * along
    # chords along and across, which are the lengths where there is no bend
    ahead, aside = along, 0.0
    if angle != 0:
        ahead = along * np.sin(angle) / angle
        aside = along * np.sin(angle / 2) ** 2 / (angle / 2)
    place = (
        track.pivot[0] + ahead * track.forward[0] + aside * track.bend[0],
        track.pivot[1] + ahead * track.forward[1] + aside * track.bend[1],
        track.pivot[2] + ahead * track.forward[2] + aside * track.bend[2],
    )
    return place, (np.cos(angle), np.sin(angle))
