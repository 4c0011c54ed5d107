"""What is to be found in a picture of a needle: where it is, and which part of it can be seen.

A pixel belongs to the needle if its centre lies within half a diameter of the axis, projected
into the picture; along the bevel the needle narrows to its sharp point, but not below a pixel.

Of that, a part of the shaft can be seen if

1. it reaches into the slice: |offset| - diameter / 2 <= half the slice's thickness at that depth
   (`specular.half_slice_mm`), and
2. its level is at least `VISIBLE_DB` above what surrounds it. The level is the peak of the facing
   wall by angle and elevation, less what tissue above takes. What surrounds it is the power of
   speckle from the tissue beside it, less the same, and of haze and noise. Both are averaged over
   a few mm, and pieces and gaps of a mm are left out, so that spots make no holes.

The last mm can also be seen if the tip, which shines at any angle, fulfils 2.
"""

from typing import Any, NamedTuple, no_type_check

import numpy as np
from jaxtyping import Bool, Float64, UInt8
from numba import njit
from scipy import ndimage

from sonotrace.simulate.grid import Grid
from sonotrace.simulate.needle_echo import Nodes
from sonotrace.simulate.scene import Moment
from sonotrace.simulate.world import Anatomy

VISIBLE_DB = 3.0
TIP_MM = 1.0
"""Length of shaft that counts as the tip."""
_BESIDE_MM = (-2.6, -1.3, 1.3, 2.6)
"""Where the tissue beside the shaft is asked."""
_AVERAGED_MM = 3.0
_RAY_MM = 1.0

Labels = UInt8[np.ndarray, "H W"]
Values = Float64[np.ndarray, " N"]
Flags = Bool[np.ndarray, " N"]


class Surroundings(NamedTuple):
    """What a needle has to be seen against, in dB over reference speckle."""

    passed_db: Values
    """What tissue above leaves of an echo; the depth gain control has made up for its part."""
    background_db: Values
    """Power of speckle, haze and noise."""


def surroundings(moment: Moment, anatomy: Anatomy, nodes: Nodes) -> Surroundings:
    """Return what the scanner shows beside the shaft, as tissue, haze and noise have it."""
    passed = _passed_db(moment, anatomy, nodes)
    steep = np.arctan2(np.gradient(nodes.y), np.gradient(nodes.x))
    aside = np.array(_BESIDE_MM)[:, None]
    x, y = nodes.x - aside * np.sin(steep), nodes.y + aside * np.cos(steep)
    tissue = _ask(moment, anatomy.echo_db, x, y)
    power = (10 ** (tissue / 10)).mean(axis=0)
    power = ndimage.gaussian_filter1d(power, _averaged(nodes), mode="nearest")
    display = moment.grid.scanner.display
    haze = display.clutter_db - display.clutter_decay_db_per_mm * np.maximum(nodes.depth_mm, 0)
    total = power * 10 ** (passed / 10) + 10 ** (haze / 10) + 10 ** (display.noise_db / 10)
    return Surroundings(passed, 10 * np.log10(total))


def shown(
    nodes: Nodes, level_db: Values, tip_db: float, around: Surroundings, in_slice: Flags
) -> Flags:
    """Return at which nodes the needle can be seen.

    Args:
        nodes: Of which the last is the tip, if it is near the picture.
        level_db: Of the facing wall over reference speckle.
        tip_db: Of the tip; -inf if the last node is not the tip.
        around: What both have to be seen against.
        in_slice: Where the shaft reaches into the slice.
    """
    over = level_db + around.passed_db - around.background_db
    over = np.clip(over, VISIBLE_DB - 6, VISIBLE_DB + 6)  # where it ends, it ends
    over = ndimage.gaussian_filter1d(over, 0.5 * _averaged(nodes), mode="nearest")
    seen = _without_bits(over >= VISIBLE_DB)
    tip_over = tip_db + around.passed_db[-1] - around.background_db[-1]
    if tip_over >= VISIBLE_DB:
        seen |= nodes.along_mm >= nodes.along_mm[-1] - TIP_MM
    return np.asarray(seen & in_slice)


def paint(grid: Grid, nodes: Nodes, seen: Flags) -> tuple[Labels, Labels]:
    """Return masks of the whole needle and of the part of it that can be seen."""
    view = grid.scanner.view
    whole = np.zeros((view.rows, view.columns), dtype=np.uint8)
    visible = np.zeros_like(whole)
    if len(nodes.x) > 1:
        row, column = grid.scanner.pixel_of(nodes.x, nodes.y)
        radius = float(nodes.half_mm.max()) / view.pixel_mm
        half = np.maximum(nodes.half_mm / view.pixel_mm, min(radius, np.sqrt(0.5)))
        nearest = np.full(whole.shape, np.inf, dtype=np.float32)
        _paint(whole, visible, nearest, (row, column, half, seen))
    if grid.conversion is not None:
        outside = grid.conversion.node < 0
        whole[outside] = 0
        visible[outside] = 0
    return whole, visible


def place_facts(grid: Grid, tip: Float64[np.ndarray, " 3"], nodes: Nodes) -> dict[str, Any]:
    """Return where the needle is, in pixels and mm of the probe's frame.

    The entry is where the axis comes into the picture, the angle that of the line from there to
    the tip: 0 points right, 90 into depth, 180 left.
    """
    scanner = grid.scanner
    facts: dict[str, Any] = {
        "tip_px": _pixel(scanner.pixel_of(tip[0:1], tip[1:2])),
        "tip_mm": _listed(tip),
        "entry_px": None,
        "entry_mm": None,
        "angle_deg": None,
        "off_plane_mm": float(tip[2]),
    }
    inside = _from_border(grid, nodes)
    if (inside > 0).any():
        first = int(np.argmax(inside > 0))
        part = 0.0
        if first > 0:
            part = float(inside[first] / (inside[first] - inside[first - 1]))
        axis = np.stack([nodes.x, nodes.y, nodes.offset_mm], axis=1)
        entry = axis[first] + part * (axis[max(first - 1, 0)] - axis[first])
        facts["entry_px"] = _pixel(scanner.pixel_of(entry[0:1], entry[1:2]))
        facts["entry_mm"] = _listed(entry)
        run = tip - entry
        facts["angle_deg"] = float(np.degrees(np.arctan2(run[1], run[0])))
    return facts


def _from_border(grid: Grid, nodes: Nodes) -> Values:
    """Return how far, in pixels, nodes lie within the picture, and the fan of a convex array."""
    view = grid.scanner.view
    row, column = grid.scanner.pixel_of(nodes.x, nodes.y)
    inside = np.minimum(row + 0.5, view.rows - 0.5 - row)
    inside = np.minimum(inside, np.minimum(column + 0.5, view.columns - 0.5 - column))
    if grid.shape.convex:
        half = np.radians(grid.scanner.probe.angle_deg) / 2
        aside = (half - abs(nodes.across)) * (grid.shape.radius + nodes.depth_mm)
        inside = np.minimum(inside, np.minimum(aside, nodes.depth_mm) / view.pixel_mm)
    return np.asarray(inside)


def _passed_db(moment: Moment, anatomy: Anatomy, nodes: Nodes) -> Values:
    """Return what tissue leaves of an echo, along straight beams to every second node."""
    shape, scanner = moment.grid.shape, moment.grid.scanner
    depth, across = nodes.depth_mm[::2], nodes.across[::2]
    down = np.arange(0.5 * _RAY_MM, max(float(depth.max()), 1.0), _RAY_MM)
    if shape.convex:
        radius = shape.radius + down[:, None]
        x, y = radius * np.sin(across), radius * np.cos(across) - shape.radius
    else:
        x, y = np.broadcast_arrays(across[None], down[:, None])
    excess = _ask(moment, anatomy.attenuation, x, y) - scanner.display.reference_attenuation
    excess[down[:, None] > depth] = 0
    loss = 2 * scanner.probe.frequency_mhz * excess.sum(axis=0) * _RAY_MM / 10
    return np.interp(nodes.along_mm, nodes.along_mm[::2], -loss)


def _ask(moment: Moment, function: Any, x: Any, y: Any) -> Float64[np.ndarray, "A B"]:
    """Return a property of the tissue that is now at points of the picture."""
    place = moment.tissue_at(np.ascontiguousarray(x).ravel(), np.ascontiguousarray(y).ravel())
    values = function(*(np.ascontiguousarray(p, dtype=np.float32) for p in place))
    return np.asarray(values.reshape(x.shape), dtype=np.float64)


def _without_bits(seen: Flags) -> Flags:
    """Return flags without gaps of up to four nodes, and without pieces of one or two."""
    ends = np.pad(seen, 6, mode="edge")
    ends = ndimage.binary_closing(ends, np.ones(5))
    return np.asarray(ndimage.binary_opening(ends, np.ones(3))[6:-6])


def _averaged(nodes: Nodes) -> float:
    """Return the standard deviation, in nodes, over which levels are averaged."""
    return 0.5 * _AVERAGED_MM / float(nodes.along_mm[1] - nodes.along_mm[0])


def _pixel(place: tuple[Any, Any]) -> list[float]:
    return [float(place[0][0]), float(place[1][0])]


def _listed(point: Float64[np.ndarray, " 3"]) -> list[float]:
    return [float(value) for value in point]


@njit(cache=True, nogil=True)
@no_type_check
def _paint(whole, visible, nearest, nodes):
    row, column, half, seen = nodes
    for n in range(row.shape[0] - 1):
        reach = max(half[n], half[n + 1]) + 1
        r0 = max(0, int(np.floor(min(row[n], row[n + 1]) - reach)))
        r1 = min(whole.shape[0], int(np.ceil(max(row[n], row[n + 1]) + reach)) + 1)
        c0 = max(0, int(np.floor(min(column[n], column[n + 1]) - reach)))
        c1 = min(whole.shape[1], int(np.ceil(max(column[n], column[n + 1]) + reach)) + 1)
        a, b = row[n + 1] - row[n], column[n + 1] - column[n]
        squared = max(a * a + b * b, 1e-12)
        for r in range(r0, r1):
            for c in range(c0, c1):
                part = ((r - row[n]) * a + (c - column[n]) * b) / squared
                part = min(max(part, 0.0), 1.0)
                off = np.hypot(r - row[n] - part * a, c - column[n] - part * b)
                if off > (1 - part) * half[n] + part * half[n + 1]:
                    continue
                whole[r, c] = 1
                if off < nearest[r, c]:
                    nearest[r, c] = off
                    visible[r, c] = seen[n + 1] if part > 0.5 else seen[n]
