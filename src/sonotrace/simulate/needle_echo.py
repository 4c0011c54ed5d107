"""Echoes of a needle: its walls, what rings between them, its tip, and its side lobes.

The wall that faces the probe and, 9 dB below it, the one behind are lines whose level falls with
the angle between the beam and the wall's normal, in three dimensions (`specular`). Across the
beam, sound goes to and fro between the walls: weaker and weaker copies follow below, one for each
diameter (reverberation, a comet tail). The tip scatters alike in all directions. Bright places
also answer beams beside them, from as far away as they are: arcs that fall off to both sides.

The levels are chosen by eye; see `specular`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from sonotrace.simulate.echo import Pose
from sonotrace.simulate.grid import Grid
from sonotrace.simulate.motion import Wander
from sonotrace.simulate.needle_body import Shaft
from sonotrace.simulate.render import Points
from sonotrace.simulate.specular import (
    Finish,
    elevational_weight,
    half_slice_mm,
    point_strength,
    reflected,
)

NODE_MM = 0.5
"""Step along the shaft at which angle, depth and level are computed."""
FACING = 0.35
"""A wall answers from up to this part of its radius beside its crest: as far as it leans by the
20 degrees of its lobe."""
_MARGIN_MM = 3.0
_STEP = 0.7
"""Of the points of a line, in lengths of the pulse."""
_LOBES_MM = (0.7, 6.0)
"""Nearest and farthest beam of the arcs beside a bright place."""
_LOBE_STEP_MM = 0.1

Values = Float64[np.ndarray, " N"]


class Shine(NamedTuple):
    """How brightly a needle shows. Levels are in dB over its wall unless they say otherwise."""

    finish: Finish = Finish(32.0, -31.0, np.radians(20.0))
    tip_db: float = -14.0
    """Of the tip, over the wall across the beam."""
    back_db: float = -9.0
    inner_db: tuple[float, ...] = ()
    """Of surfaces between the walls, such as those of a stylet, from front to back."""
    rings_db: tuple[float, ...] = (-12.0, -19.0, -26.0)
    ring_rad: float = float(np.radians(11.0))
    """Angle at which the ringing has fallen to 1/e."""
    lobes_db: float = -27.0
    spots_db: tuple[float, ...] = (0.0,)
    """Changes of the level along the shaft, one for every mm from the tip."""
    coupling: Wander = Wander((), (), ())
    """Changes of the level over time, in dB."""


class Nodes(NamedTuple):
    """Places along the part of the shaft that is near the picture, as the probe sees them."""

    along_mm: Values
    """From the pivot."""
    x: Values
    """Of the middle of what the bevel leaves, in the probe's frame."""
    y: Values
    offset_mm: Values
    """Of the axis, out of the plane of the picture."""
    half_mm: Values
    """Half of the needle's thickness there."""
    depth_mm: Values
    """Of the axis, along the beam."""
    across: Values
    """Beam of the axis: mm, or radians for a convex array."""
    incidence_rad: Values
    """Between the beam and the normal of the shaft."""
    slope: Values
    """Change of depth for a mm across."""
    flat: Values
    """mm in the picture for a mm of the shaft."""
    front: tuple[Values, Values]
    """Depth and beam of the wall that faces the probe."""
    back: tuple[Values, Values]


def see(grid: Grid, pose: Pose, shaft: Shaft) -> Nodes:
    """Return the part of a shaft that is near the picture, in the probe's frame."""
    axis = (shaft.axis - pose.origin) @ pose.rotation
    depth, across = _beam_of(grid, axis)
    edge = float(abs(grid.beam_positions()[-1])) * (1.0 if not grid.shape.convex else 1.02)
    wide = _MARGIN_MM / (1.0 if not grid.shape.convex else grid.shape.radius)
    near = (depth > -_MARGIN_MM) & (depth < grid.scanner.reach_mm() + _MARGIN_MM)
    near &= abs(across) < edge + wide
    axis, depth, across = axis[near], depth[near], across[near]
    forward = shaft.forward[near] @ pose.rotation
    centre = (shaft.centre[near] - pose.origin) @ pose.rotation
    half = shaft.half_mm[near]
    beam = np.zeros_like(axis)
    beam[:, 1] = 1.0
    if grid.shape.convex:
        beam[:, 0], beam[:, 1] = np.sin(across), np.cos(across)
    along_beam = np.clip((forward * beam).sum(axis=1), -0.9999, 0.9999)
    along_row = forward[:, 0] * beam[:, 1] - forward[:, 1] * beam[:, 0]
    leaning = np.sqrt(1 - along_beam**2)
    facing = (along_beam[:, None] * forward - beam) / leaning[:, None]
    small = np.where(abs(along_row) < 1e-3, 1e-3, along_row)
    return Nodes(
        along_mm=shaft.along_mm[near],
        x=centre[:, 0],
        y=centre[:, 1],
        offset_mm=axis[:, 2],
        half_mm=half,
        depth_mm=depth,
        across=across,
        incidence_rad=np.arcsin(abs(along_beam)),
        slope=along_beam / small,
        flat=np.hypot(along_beam, along_row),
        front=_beam_of(grid, centre + half[:, None] * facing),
        back=_beam_of(grid, centre - half[:, None] * facing),
    )


def wall_amplitude(grid: Grid, nodes: Nodes, shine: Shine, time_s: float) -> Values:
    """Return the peak amplitude of the facing wall over reference speckle, without its spots."""
    radius = float(nodes.half_mm.max(initial=0.0))
    aside = np.maximum(abs(nodes.offset_mm) - FACING * radius, 0)
    amplitude = reflected(shine.finish, nodes.incidence_rad)
    amplitude *= elevational_weight(grid, nodes.depth_mm, aside)
    return np.asarray(amplitude * 10 ** (shine.coupling.at(time_s) / 20))


def tip_amplitude(grid: Grid, tip: Float64[np.ndarray, " 3"], shine: Shine) -> float:
    """Return the amplitude of the tip, a point of the probe's frame."""
    depth, _ = _beam_of(grid, tip[None])
    weight = float(elevational_weight(grid, depth, tip[2:3])[0])
    return weight * 10 ** ((shine.finish.peak_db + shine.tip_db) / 20)


def in_slice(grid: Grid, nodes: Nodes, radius_mm: float) -> np.ndarray:
    """Return at which nodes the shaft reaches into the slice."""
    return abs(nodes.offset_mm) - radius_mm <= half_slice_mm(grid, nodes.depth_mm)


def needle_points(
    grid: Grid, pose: Pose, shaft: Shaft, shine: Shine, time_s: float
) -> list[Points]:
    """Return the echoes of a needle.

    Args:
        grid: Of the scanner.
        pose: Where the probe is.
        shaft: Where the needle is, every `NODE_MM` or so.
        shine: How brightly it shows.
        time_s: Since the first frame.
    """
    nodes = see(grid, pose, shaft)
    if len(nodes.along_mm) < 2:
        return []
    amplitude = wall_amplitude(grid, nodes, shine, time_s)
    radius = float(shaft.half_mm.max())
    tip = (shaft.tip - pose.origin) @ pose.rotation
    depth, across = _beam_of(grid, tip[None])
    strength = tip_amplitude(grid, tip, shine)
    points = [Points(depth, across, np.array([strength]))]
    points += _walls(grid, nodes, amplitude, shine, float(shaft.along_mm[-1]), radius)
    bright = [(depth[0], across[0], strength + 0.3 * amplitude[-1])]
    from_tip = shaft.along_mm[-1] - nodes.along_mm
    for back in _brightest(shine.spots_db):
        n = int(np.argmin(abs(from_tip - back)))
        if abs(from_tip[n] - back) < NODE_MM:
            bright.append((nodes.front[0][n], nodes.front[1][n], 0.7 * amplitude[n]))
    return [*points, _side_lobes(grid, np.array(bright), shine.lobes_db)]


def _walls(
    grid: Grid, nodes: Nodes, amplitude: Values, shine: Shine, length_mm: float, radius_mm: float
) -> list[Points]:
    """Return both walls and what rings between them, in points close enough to make lines."""
    step = _STEP * grid.scanner.probe.pulse_mm
    fine = np.arange(nodes.along_mm[0], nodes.along_mm[-1], step)
    fading = np.sqrt(np.minimum(1.0, 2 * nodes.half_mm / radius_mm))
    per_mm = point_strength(grid, nodes.depth_mm, nodes.slope, nodes.flat, amplitude * fading)
    spots = np.array(shine.spots_db)
    place = np.clip(length_mm - fine, 0, len(spots) - 1)
    spotted = 10 ** (np.interp(place, np.arange(len(spots)), spots) / 20)

    def along(values: Values) -> Float64[np.ndarray, " F"]:
        return np.interp(fine, nodes.along_mm, values)

    strength = along(per_mm) * step * spotted
    depth, across = along(nodes.front[0]), along(nodes.front[1])
    back_depth, back_across = along(nodes.back[0]), along(nodes.back[1])
    lines = [
        Points(depth, across, strength),
        Points(back_depth, back_across, strength * 10 ** (shine.back_db / 20)),
    ]
    for i, inner_db in enumerate(shine.inner_db):
        part = (i + 1) / (len(shine.inner_db) + 1)
        between = (1 - part) * depth + part * back_depth
        beams = (1 - part) * across + part * back_across
        lines.append(Points(between, beams, strength * 10 ** (inner_db / 20)))
    # nothing rings where the bevel has taken a wall away
    ringing = strength * along(nodes.half_mm / radius_mm) ** 2
    ringing *= np.exp(-((along(nodes.incidence_rad) / shine.ring_rad) ** 2))
    heard = ringing > 0.03 * strength
    for i, ring_db in enumerate(shine.rings_db):
        if not heard.any():
            break
        further = (i + 1) * (back_depth - depth)[heard]
        weaker = ringing[heard] * 10 ** (ring_db / 20)
        lines.append(Points(back_depth[heard] + further, back_across[heard], weaker))
    return lines


def _brightest(spots_db: tuple[float, ...]) -> list[int]:
    """Return the two places, in mm from the tip, where a shaft is brightest."""
    if len(spots_db) < 8:
        return []
    return [int(n) for n in np.argsort(spots_db)[-2:]]


def _side_lobes(grid: Grid, bright: Float64[np.ndarray, "B 3"], lobes_db: float) -> Points:
    """Return what bright places (depth, beam, amplitude) leave in the beams beside them."""
    depth, across, amplitude = bright.T[:, :, None]  # (B, 1) each
    nearest, farthest = _LOBES_MM
    right = np.arange(nearest, farthest, _LOBE_STEP_MM)
    aside = np.concatenate([-right[::-1], right])
    if grid.shape.convex:
        radius = grid.shape.radius
        angle = aside / (radius + depth)
        beams = across + angle
        # from the element in the middle of each beam to the place
        away = np.hypot((radius + depth) * np.sin(angle), (radius + depth) * np.cos(angle) - radius)
    else:
        beams, away = across + aside, np.hypot(depth, aside)
    level = amplitude * 10 ** ((lobes_db - 2.0 * (abs(aside) - nearest)) / 20)
    slope = (aside / np.maximum(away, 1.0)).ravel()
    away = away.ravel()
    step = np.full_like(away, _LOBE_STEP_MM)
    return Points(away, beams.ravel(), point_strength(grid, away, slope, step, level.ravel()))


def _beam_of(grid: Grid, points: Float64[np.ndarray, "N 3"]) -> tuple[Values, Values]:
    """Return depth along the beam, and beam, of points of the probe's frame."""
    x, y = points[:, 0], points[:, 1]
    if not grid.shape.convex:
        return y.copy(), x.copy()
    radius = grid.shape.radius
    return np.hypot(x, y + radius) - radius, np.arctan2(x, y + radius)
