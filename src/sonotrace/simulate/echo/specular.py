"""Echoes of smooth surfaces: needles, bone, the dura, fascia.

They are not built from random scatterers. The sum over a smooth surface falls by 19 dB at 10
degrees, which is narrower than what scanners show of real, rough ones, and could not be tuned. A
surface is deposited as a line of points with a flat phase instead, scaled so that its peak, after
pulse and beam, is

    A(psi) = 10^(peak / 20) (d + (1 - d) exp(-(psi / lobe)^2)),   d = 10^(diffuse / 20)

for an angle psi between the beam and the surface's normal. Peak, d and lobe are chosen by eye so
that needles fade as published ones do: bright across the beam, faint from 35 degrees on (Nichols
et al., J Vasc Interv Radiol 14:1553, 2003; Arif et al., doi:10.1007/s00270-017-1798-7).
"""

import math
from functools import lru_cache
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float64
from numba import njit

from sonotrace.simulate.echo.beam import elevation_table, lateral_inverse_square
from sonotrace.simulate.echo.grid import Grid
from sonotrace.simulate.probe import Probe

SLICE_ENERGY = 0.9
"""Share of the elevational energy that lies in what is called the slice."""

Values = Float64[np.ndarray, " N"]


class Finish(NamedTuple):
    """How a surface reflects."""

    peak_db: float
    """Across the beam, over reference speckle."""
    diffuse_db: float
    """How much less it returns at any angle."""
    lobe_rad: float
    """Angle at which the mirror-like part has fallen to 1/e."""


def reflected(finish: Finish, incidence_rad: Values) -> Values:
    """Return the peak amplitude at angles between the beam and the surface's normal."""
    diffuse = 10 ** (finish.diffuse_db / 20)
    mirror = np.exp(-((incidence_rad / finish.lobe_rad) ** 2))
    return np.asarray(10 ** (finish.peak_db / 20) * (diffuse + (1 - diffuse) * mirror))


def point_strength(
    grid: Grid, depth_mm: Values, slope: Values, step_mm: Values, amplitude: Values
) -> Values:
    """Return what points of a line must have so that the line peaks at `amplitude`.

    The peak is that of the row of pixels that holds the line, averaged over where in the row it
    lies and, as the picture is, over the directions of steering.

    Args:
        grid: Its pulse and beam decide how the line is spread.
        depth_mm: Of every point, along the beam.
        slope: Change of depth for a mm across, in the picture.
        step_mm: Distance to the next point along the line.
        amplitude: Peak after pulse and beam.
    """
    probe, shape = grid.scanner.probe, grid.shape
    number = 4 * np.pi / probe.wavelength_mm
    lines = _Lines(
        convex=shape.convex,
        radius=shape.radius,
        beam_step=shape.beam_step,
        pulse=probe.pulse_mm,
        # depositing between nodes widens pulse and beam by a triangle, of variance step^2 / 6
        widened=probe.pulse_mm**2 + shape.sample_step**2 / 6,
        pixel=grid.scanner.view.pixel_mm,
        turns=number * np.sin(np.radians(probe.steering_deg)),
    )
    strength = np.empty_like(depth_mm)
    inverse = lateral_inverse_square(probe, depth_mm)
    _strength(strength, (depth_mm, inverse, slope, step_mm, amplitude), lines)
    return strength


def elevational_weight(grid: Grid, depth_mm: Values, offset_mm: Values) -> Values:
    """Return the share of the echo's amplitude that is left at an offset from the slice.

    It never rises with the offset: ripples of the near field average out over the width of a
    surface.
    """
    table = grid.elevation
    field = _monotone_field(grid.scanner.probe, grid.scanner.reach_mm())
    weight = np.empty(np.shape(depth_mm))
    _weigh(weight, depth_mm, offset_mm, (field, table.depth_step_mm, table.offset_step_mm))
    return weight


def half_slice_mm(grid: Grid, depth_mm: Values) -> Values:
    """Return the offset within which `SLICE_ENERGY` of the elevational energy lies."""
    half = _half_slice(grid.scanner.probe, grid.scanner.reach_mm())
    return np.asarray(
        np.interp(depth_mm, grid.elevation.depth_step_mm * np.arange(len(half)), half)
    )


@lru_cache(maxsize=32)
def _monotone_field(probe: Probe, reach_mm: float) -> Float64[np.ndarray, "D Z"]:
    """Return the largest field at each offset or beyond; 0 at the end of the table."""
    size = np.abs(elevation_table(probe, reach_mm).field).astype(np.float64)
    field = np.maximum.accumulate(size[:, ::-1], axis=1)[:, ::-1]
    field[:, -1] = 0.0
    return field


@lru_cache(maxsize=32)
def _half_slice(probe: Probe, reach_mm: float) -> Float64[np.ndarray, " D"]:
    table = elevation_table(probe, reach_mm)
    power = np.abs(table.field).astype(np.float64) ** 2
    power[:, 1:] *= 2
    grown = np.cumsum(power, axis=1)
    inside = np.argmax(grown >= SLICE_ENERGY * grown[:, -1:], axis=1)
    return np.asarray(np.maximum(inside, 1) * table.offset_step_mm, dtype=np.float64)


class _Lines(NamedTuple):
    """What decides how the points of a line are spread."""

    convex: bool
    radius: float
    beam_step: float
    pulse: float
    widened: float
    """Variance of the pulse, once it is deposited."""
    pixel: float
    turns: Float64[np.ndarray, " S"]
    """Change of phase for a mm across, of every direction of steering."""


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _strength(out, values, lines):
    depth, inverse, slope, step, amplitude = values
    pulse, turns = lines.widened, lines.turns
    for n in range(out.shape[0]):
        narrow = 1 / inverse[n]
        reach = lines.radius + depth[n] if lines.convex else 1.0
        beam = narrow + (lines.beam_step * reach) ** 2 / 6
        lost = lines.pulse / np.sqrt(pulse) * np.sqrt(abs(narrow / beam))
        cosine = 1 / np.sqrt(1 + slope[n] ** 2)
        sine = abs(slope[n]) * cosine
        # a line along (cos, sin) under exp(-x^2/2 s^2 - y^2/2 p^2 + i q x) integrates to
        # sqrt(2 pi / a) exp(-q^2 cos^2 / 2 a); there are 1 / step points in a mm of it
        a = cosine**2 / beam + sine**2 / pulse
        fading = -(cosine**2) * (1 / a).real
        looks = 0.0
        for turn in turns:
            looks += np.exp(turn**2 * fading)
        power = 2 * np.pi / abs(a) * lost**2 * looks / turns.shape[0]
        across = 1 / (1 / (cosine**2 * pulse + sine**2 * beam)).real
        power *= _share_in_row(np.sqrt(across) / max(cosine, 1e-3), lines.pixel)
        out[n] = amplitude[n] * step[n] / np.sqrt(power)


@njit(inline="always")
@no_type_check
def _share_in_row(spread_mm, pixel_mm):
    """Return the mean power of exp(-y^2 / 2 s^2) in the row of pixels that holds its peak."""
    ratio = pixel_mm / spread_mm
    return np.sqrt(np.pi) * math.erf(ratio) / ratio - (1 - np.exp(-(ratio**2))) / ratio**2


@njit(cache=True, nogil=True)
@no_type_check
def _weigh(out, depth_mm, offset_mm, table):
    field, depth_step, offset_step = table
    for n in range(out.shape[0]):
        at = int(min(max(np.rint(depth_mm[n] / depth_step), 0), field.shape[0] - 1))
        place = abs(offset_mm[n]) / offset_step
        offset = int(min(place, field.shape[1] - 2))
        part = min(place - offset, 1.0)
        out[n] = (1 - part) * field[at, offset] + part * field[at, offset + 1]
