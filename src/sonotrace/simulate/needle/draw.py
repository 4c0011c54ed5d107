"""Where needles go: gauges that fit a picture, tracks through it, and how needles shine."""

import math
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy import ndimage

from sonotrace.errors import GeometryError
from sonotrace.simulate.echo.specular import Finish
from sonotrace.simulate.motion import draw_wander
from sonotrace.simulate.needle.body import DIAMETERS_MM, Needle, diameter_of, draw_advance
from sonotrace.simulate.needle.echo import Shine
from sonotrace.simulate.probe import Scanner
from sonotrace.simulate.tissue.outline import Blob, draw_waves

THINNEST_PIXELS = 0.7
"""A needle that is asked for is at least as thick, so that its mask has no gaps; one that is drawn
is at least one pixel thick."""
LONGEST_MM = 130.0
"""No needle reaches farther from the picture."""
CROSSING_RAD = 0.2
"""Needles at a larger angle to the picture cross it; the others lie along it."""


class Track(NamedTuple):
    """A straight line through the picture, before the needle is bent."""

    point: tuple[float, float]
    """Of the plane of the picture, that the line goes through."""
    side: int
    angle_rad: float
    out_rad: float
    enters_mm: float
    """From the pivot to where the line enters the picture, or the slice."""
    leaves_mm: float
    pivot: tuple[float, float, float]


def fitting_gauge(random: np.random.Generator, scanner: Scanner, gauge: int | None) -> int:
    """Return the gauge asked for, or a drawn one, if it can be shown.

    One that is asked for may be as thin as `THINNEST_PIXELS`; a drawn one is a pixel or more.

    Raises:
        GeometryError: It cannot.
    """
    view = scanner.view
    limit = 0.25 * min(view.width_mm, view.depth_mm)
    fit = [g for g, d in DIAMETERS_MM.items() if view.pixel_mm <= d <= limit]
    if gauge is None and fit:
        return int(random.choice(fit))
    diameter = DIAMETERS_MM[18] if gauge is None else diameter_of(gauge)
    thinnest = THINNEST_PIXELS * view.pixel_mm
    if gauge is not None and thinnest <= diameter <= limit:
        return gauge
    fit = [g for g, d in DIAMETERS_MM.items() if thinnest <= d <= limit]
    which = f"thicknesses of {min(fit)} to {max(fit)} G fit" if fit else "no gauge fits"
    raise GeometryError(
        f"a needle {diameter:.2f} mm thick in a picture of {view.width_mm:.1f} x "
        f"{view.depth_mm:.1f} mm with pixels of {view.pixel_mm:.2f} mm: it must be at least "
        f"{THINNEST_PIXELS:g} pixels thick, {thinnest:.2f} mm, and at most a quarter of the "
        f"picture. Here {which}; choose another gauge or another number of rows and columns."
    )


def draw_track(random: np.random.Generator, scanner: Scanner) -> Track | None:
    """Draw a line that crosses enough of the picture; None if the one drawn does not."""
    reach, width = scanner.reach_mm(), scanner.view.width_mm
    convex = scanner.probe.shape == "convex"
    side = int(random.choice([-1, 1]))
    crossing = random.random() < 0.1
    point = (
        float(side * width * random.uniform(-0.1, 0.3)),
        float(reach * random.uniform(0.3, 0.75)),
    )
    if crossing:
        angle = random.uniform(15, 45)
        out = math.radians(random.uniform(18, 45)) * random.choice([-1, 1])
    else:
        angle = random.uniform(20, 66) if convex else random.triangular(4, 28, 62)
        out = math.radians(random.normal(0, 1.2))
    slope = math.radians(angle)
    along = np.arange(-LONGEST_MM, LONGEST_MM, 0.25)
    x = point[0] + side * along * math.cos(slope) * math.cos(out)
    y = point[1] + along * math.sin(slope) * math.cos(out)
    inside = _in_view(scanner, x, y)
    before = np.flatnonzero(~inside & (along < 0))
    after = np.flatnonzero(~inside & (along > 0))
    if not before.size or not after.size:
        return None
    starts, ends = float(along[before[-1]]), float(along[after[0]])
    at_skin = -point[1] / (math.sin(slope) * math.cos(out))
    pivot = max(at_skin, starts - 25.0)
    if crossing:
        starts, ends = -4.0, min(ends, 8.0)
    else:
        from_face = _depth_along_beam(scanner, x[before[-1]], y[before[-1]])
        if ends - starts < 0.45 * min(width, reach) or from_face < 2.0:
            return None
    forward = (side * math.cos(slope) * math.cos(out), math.sin(slope) * math.cos(out))
    skin = (
        point[0] + pivot * forward[0],
        point[1] + pivot * forward[1],
        pivot * math.sin(out) + float(random.normal(0, 0.15)),
    )
    return Track(point, side, slope, out, starts - pivot, ends - pivot, skin)


def _depth_along_beam(scanner: Scanner, x: float, y: float) -> float:
    if scanner.probe.shape == "linear":
        return float(y)
    radius = scanner.probe.radius_mm
    return math.hypot(x, y + radius) - radius


def _in_view(scanner: Scanner, x: Any, y: Any) -> Any:
    """Return which places lie in the picture, and in the fan of a convex array."""
    inside = (y > scanner.fan_top_mm()) & (y < scanner.reach_mm())
    inside &= abs(x) < scanner.view.width_mm / 2
    if scanner.probe.shape == "convex":
        radius = scanner.probe.radius_mm
        angle = np.arctan2(x, y + radius)
        inside &= abs(angle) < math.radians(scanner.probe.angle_deg) / 2
        inside &= np.hypot(x, y + radius) > radius
    return inside


def draw_needle(
    random: np.random.Generator, track: Track, gauge: int, seconds: float, far: float
) -> tuple[Needle, float]:
    """Draw a needle on a track and how it goes in and out; return also its longest length.

    Args:
        random: Where it is drawn from.
        track: From where to where it may go.
        gauge: Of the needle.
        seconds: Length of the clip.
        far: How much of the track it may reach.
    """
    span = track.leaves_mm - track.enters_mm
    crossing = abs(track.out_rad) > CROSSING_RAD
    lowest = track.enters_mm + span * (0.3 if random.random() < 0.7 else -0.05)
    limits = (min(lowest, track.enters_mm + 0.3 * span), track.enters_mm + far * span)
    begins = random.uniform(0.5, 0.8) if crossing else random.uniform(0.35, 0.7)
    start = track.enters_mm + span * begins * far / 0.88
    bend = 0.06 * track.leaves_mm * (0.25 + 0.75 * (gauge - 14) / 11) * abs(random.normal(0, 0.7))
    turning = 0.6 if random.random() < 0.65 else 5.0
    needle = Needle(
        gauge=gauge,
        pivot=track.pivot,
        side=track.side,
        angle_rad=track.angle_rad,
        out_rad=track.out_rad,
        advance=draw_advance(random, seconds, start, limits),
        turn=draw_wander(random, math.radians(turning), 0.2),
        turn_out=draw_wander(random, math.radians(0.1 if crossing else 0.5), 0.2),
        bend_per_mm=2 * bend / track.leaves_mm**2,
        bend_rad=float(random.choice([0.0, math.pi]) + random.normal(0, 0.15)),
        bevel_rad=float(random.uniform(-math.pi, math.pi)),
        bevel=float(random.uniform(1.6, 2.6)),
    )
    return needle, limits[1]


def draw_shine(random: np.random.Generator) -> Shine:
    """Draw how brightly a needle shows: most are plain, some are made to echo at any angle."""
    echogenic = random.random() < 0.15
    diffuse = random.uniform(-22, -18) if echogenic else random.uniform(-33, -27)
    loud = float(random.uniform(-24, -15))
    spots = float(random.uniform(1.5, 3.5)) * _wavy(random, 0.8)
    spots += float(random.uniform(0.5, 3.0)) * _wavy(random, 5.0)
    return Shine(
        finish=Finish(
            float(random.uniform(28, 36)),
            float(diffuse),
            math.radians(random.uniform(16, 21)),
        ),
        tip_db=float(random.uniform(-17, -11)),
        back_db=float(random.uniform(-20, -12)),
        inner_db=tuple(random.uniform(-26, -19, int(random.integers(0, 2))).tolist()),
        rings_db=tuple(loud - 8.0 * i for i in range(int(random.integers(1, 6)))),
        lobes_db=float(random.uniform(-32, -24)),
        spots_db=tuple(spots.tolist()),
        coupling=draw_wander(random, float(random.uniform(0.4, 2.0)), 0.5),
    )


def draw_target(
    random: np.random.Generator, needle: Needle, longest_mm: float, scanner: Scanner
) -> Blob:
    """Draw an ellipsoid around the place that the needle can reach, or just beyond."""
    at = longest_mm + float(random.uniform(0, 4))
    target = needle.shaft(0.0, np.array([at])).axis[-1] + random.normal(0, 1.0, 3)
    scale = 1.4 if scanner.probe.shape == "convex" else 1.0
    half = [random.uniform(4, 7), random.uniform(2.8, 4.6), random.uniform(4, 7)]
    return Blob(
        centre=(float(target[0]), float(target[1]), float(target[2])),
        half_mm=(scale * half[0], scale * half[1], scale * half[2]),
        roll_rad=float(random.normal(0, 0.15)),
        waves=draw_waves(random, 6, float(random.uniform(0.02, 0.06)), (2.0, 5.0)),
    )


def _wavy(random: np.random.Generator, over_mm: float) -> Float64[np.ndarray, " N"]:
    """Return noise of standard deviation 1 that changes over this length, every mm."""
    white = random.standard_normal(int(LONGEST_MM) + 1)
    return np.asarray(
        ndimage.gaussian_filter1d(white, over_mm, mode="wrap")
        * np.sqrt(2 * np.sqrt(np.pi) * over_mm)
    )
