"""What is to be found in a picture of a needle: where it is, and which part of it can be seen.

A pixel belongs to the needle if its centre lies within half a diameter of the axis, projected
into the picture; along the bevel the needle narrows to its sharp point, but not below a pixel.

Of that, a part of the shaft can be seen if

1. it reaches into the slice: |offset| - diameter / 2 <= half the slice's thickness at that depth
   (`echo.specular.half_slice_mm`), and
2. its level is at least `VISIBLE_DB` above what surrounds it. The level is the peak of the facing
   wall by angle, elevation and spots, less what tissue above takes. What surrounds it is speckle
   from the tissue beside it, less the same, and haze and noise. Pictures are logarithmic, so the
   tissue's power is averaged over about a beam, and what that gives, in dB, over the band on both
   sides: a few thin bright fibres hide nothing. Both are averaged over a few mm of shaft, and
   pieces and gaps of a mm are left out, so that spots make no holes.

The last mm can also be seen if the tip, which shines at any angle, fulfils 2.
"""

from typing import Any, NamedTuple, no_type_check

import numpy as np
from jaxtyping import Bool, Float32, Float64
from numba import njit

from sonotrace.simulate.echo.grid import Grid
from sonotrace.simulate.echo.specular import half_slice_mm
from sonotrace.simulate.needle.echo import Nodes
from sonotrace.simulate.scene import Moment
from sonotrace.simulate.world import Anatomy

VISIBLE_DB = 5.0
"""There a shaft stands out of the picture by about as much as its speckle varies."""
TIP_MM = 1.0
"""Length of shaft that counts as the tip."""
_BESIDE_MM = (-3.2, -2.8, -2.4, -2.0, -1.6, -1.2, 1.2, 1.6, 2.0, 2.4, 2.8, 3.2)
"""Where the tissue beside the shaft is asked."""
_STAGGERED = (0.94, 1.0, 1.06)
"""Scales of these distances, which nodes take in turn: no fibre along the shaft is met by all."""
_OUT = (-0.6, 0.6, 0.0)
"""Distances out of the picture, as shares of half the slice, which nodes take in turn."""
_BEAM_MM = 0.5
"""Standard deviation, along the shaft, over which power is averaged."""
_AVERAGED_MM = 3.0
_RAY_MM = 1.0

Values = Float64[np.ndarray, " N"]
Flags = Bool[np.ndarray, " N"]


class Surroundings(NamedTuple):
    """What a needle has to be seen against, in dB over reference speckle."""

    passed_db: Values
    """What tissue above leaves of an echo; the depth gain control has made up for its part."""
    background_db: Values
    """Of speckle, haze and noise."""


def surroundings(moment: Moment, anatomy: Anatomy, nodes: Nodes) -> Surroundings:
    """Return what the scanner shows beside the shaft, as tissue, haze and noise have it."""
    shape, scanner = moment.grid.shape, moment.grid.scanner
    beside = np.empty((3, len(_BESIDE_MM), len(nodes.x)))
    half_slice = half_slice_mm(moment.grid, nodes.depth_mm)
    _go_beside(beside, (nodes.x, nodes.y), half_slice, (_BESIDE_MM, _STAGGERED, _OUT))
    everywhere = np.ones(beside.shape[1:], dtype=np.bool_)
    tissue = _ask(moment, anatomy.echo_db, beside, everywhere)
    # straight beams to every second node
    depth, across = nodes.depth_mm[::2], nodes.across[::2]
    down = np.arange(0.5 * _RAY_MM, max(float(depth.max()), 1.0), _RAY_MM)
    rays = np.empty((3, len(down), len(depth)))
    above = np.empty(rays.shape[1:], dtype=np.bool_)
    _follow_beams(rays, above, down, (depth, across), (shape.convex, shape.radius))
    takes = _ask(moment, anatomy.attenuation, rays, above)
    display = scanner.display
    found = np.empty((2, len(nodes.x)))
    numbers = _Numbers(
        # there and back, through cm
        db_per_step=2 * scanner.probe.frequency_mhz * _RAY_MM / 10,
        reference=display.reference_attenuation,
        haze_db=display.clutter_db,
        decay=display.clutter_decay_db_per_mm,
        noise=10 ** (display.noise_db / 10),
        beam=_in_nodes(nodes, _BEAM_MM),
        spread=_in_nodes(nodes, 0.5 * _AVERAGED_MM),
    )
    _surround(found, nodes, (tissue, takes, above), numbers)
    return Surroundings(found[0], found[1])


def shown(
    nodes: Nodes, level_db: Values, tip_db: float, around: Surroundings, in_slice: Flags
) -> Flags:
    """Return at which nodes the needle can be seen.

    Args:
        nodes: Of which the last is the tip, if it is near the picture.
        level_db: Of the facing wall over reference speckle, with its spots.
        tip_db: Of the tip; -inf if the last node is not the tip.
        around: What both have to be seen against.
        in_slice: Where the shaft reaches into the slice.
    """
    over = level_db + around.passed_db - around.background_db
    over = np.clip(over, VISIBLE_DB - 6, VISIBLE_DB + 6)  # where it ends, it ends
    over = _smoothed(over, _in_nodes(nodes, 0.25 * _AVERAGED_MM))
    seen: Flags = _without_bits(over >= VISIBLE_DB)
    tip_over = tip_db + around.passed_db[-1] - around.background_db[-1]
    if tip_over >= VISIBLE_DB:
        seen |= nodes.along_mm >= nodes.along_mm[-1] - TIP_MM
    return np.asarray(seen & in_slice)


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


def median_where(where: Flags, values: tuple[Values, ...]) -> tuple[float, ...]:
    """Return the middle of each of some values at the nodes that are flagged."""
    return tuple(float(_median(one, where)) for one in values)


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


def _ask(
    moment: Moment,
    function: Any,
    points: Float64[np.ndarray, "3 A B"],
    where: Bool[np.ndarray, "A B"],
) -> Float32[np.ndarray, " C"]:
    """Return a property of the tissue that is now at some of the points of the picture."""
    place = moment.tissue_at(*(p.ravel() for p in points))
    chosen = where.ravel()
    return np.asarray(function(*(p[chosen].astype(np.float32) for p in place)))


def _in_nodes(nodes: Nodes, length_mm: float) -> float:
    """Return a length along the shaft in steps from node to node."""
    return length_mm / float(nodes.along_mm[1] - nodes.along_mm[0])


def _pixel(place: tuple[Any, Any]) -> list[float]:
    return [float(place[0][0]), float(place[1][0])]


def _listed(point: Float64[np.ndarray, " 3"]) -> list[float]:
    return [float(value) for value in point]


class _Numbers(NamedTuple):
    """Of a scanner, for the kernel."""

    db_per_step: float
    """What a step of a ray takes for each dB/cm/MHz."""
    reference: float
    haze_db: float
    decay: float
    noise: float
    """Power."""
    beam: float
    """Standard deviation, in nodes, over which power is averaged."""
    spread: float
    """And then levels."""


@njit(cache=True, nogil=True)
@no_type_check
def _go_beside(out, places, half_slice, ways):
    """Fill points at distances from a line, across it and out of the picture in turn."""
    x, y = places
    asides, scales, offsets = ways
    last = x.shape[0] - 1
    for n in range(last + 1):
        before, after = max(n - 1, 0), min(n + 1, last)
        steep = np.arctan2(y[after] - y[before], x[after] - x[before])
        sine, cosine = np.sin(steep), np.cos(steep)
        for i in range(len(asides)):
            aside = asides[i] * scales[n % len(scales)]
            out[0, i, n] = x[n] - aside * sine
            out[1, i, n] = y[n] + aside * cosine
            out[2, i, n] = offsets[(i + n) % len(offsets)] * half_slice[n]


@njit(cache=True, nogil=True)
@no_type_check
def _follow_beams(out, above, down, beams, shape):
    """Fill points at depths along beams, and which of them lie above the beams' ends."""
    depth, across = beams
    convex, radius = shape
    for i in range(down.shape[0]):
        for n in range(depth.shape[0]):
            above[i, n] = down[i] <= depth[n]
            out[0, i, n], out[1, i, n], out[2, i, n] = across[n], down[i], 0.0
            if convex:
                out[0, i, n] = (radius + down[i]) * np.sin(across[n])
                out[1, i, n] = (radius + down[i]) * np.cos(across[n]) - radius


@njit(cache=True, nogil=True)
@no_type_check
def _surround(out, nodes, asked, numbers):
    """Fill what tissue above every node leaves, and what is around the node, in dB."""
    tissue, takes, above = asked
    loss = np.zeros(above.shape[1])
    k = 0
    for i in range(above.shape[0]):
        for n in range(loss.shape[0]):
            if above[i, n]:
                loss[n] += numbers.db_per_step * (takes[k] - numbers.reference)
                k += 1
    along = nodes.along_mm
    count, last = along.shape[0], 2 * loss.shape[0] - 2
    level = _level_beside(tissue.reshape(-1, count), numbers)
    for n in range(count):
        i = min(n // 2, loss.shape[0] - 1)
        passed = -loss[i]
        if n < last and n % 2:
            part = (along[n] - along[n - 1]) / (along[n + 1] - along[n - 1])
            passed -= part * (loss[i + 1] - loss[i])
        haze = numbers.haze_db - numbers.decay * max(nodes.depth_mm[n], 0.0)
        speckle = 10 ** ((level[n] + passed) / 10)
        out[0, n] = passed
        out[1, n] = 10 * np.log10(speckle + 10 ** (haze / 10) + numbers.noise)


@njit(cache=True, nogil=True)
@no_type_check
def _level_beside(tissue, numbers):
    """Return the mean level of speckle beside every node."""
    level = np.zeros(tissue.shape[1])
    for i in range(tissue.shape[0]):
        power = _smoothed(10 ** (tissue[i] / 10), numbers.beam)
        level += 10 * np.log10(power) / tissue.shape[0]
    return _smoothed(level, numbers.spread)


@njit(cache=True, nogil=True)
@no_type_check
def _smoothed(values, spread):
    """Return values averaged by a Gaussian; beyond their ends they go on as they end."""
    reach = int(4 * spread + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread) ** 2)
    weights /= weights.sum()
    out = np.zeros(values.shape[0])
    for n in range(values.shape[0]):
        for k in range(weights.shape[0]):
            at = min(max(n + k - reach, 0), values.shape[0] - 1)
            out[n] += weights[k] * values[at]
    return out


@njit(cache=True, nogil=True)
@no_type_check
def _widened(flags, reach, value):
    """Return flags whose runs of a value are longer by some nodes at either end."""
    out = flags.copy()
    for n in range(flags.shape[0]):
        for k in range(max(n - reach, 0), min(n + reach + 1, flags.shape[0])):
            if flags[k] == value:
                out[n] = value
    return out


@njit(cache=True, nogil=True)
@no_type_check
def _without_bits(seen):
    """Return flags without gaps of up to four nodes, and without pieces of one or two."""
    flags = np.empty(seen.shape[0] + 12, dtype=np.bool_)
    for n in range(flags.shape[0]):  # beyond their ends they go on as they end
        flags[n] = seen[min(max(n - 6, 0), seen.shape[0] - 1)]
    flags = _widened(_widened(flags, 2, True), 2, False)
    return _widened(_widened(flags, 1, False), 1, True)[6:-6].copy()


@njit(cache=True, nogil=True)
@no_type_check
def _median(values, where):
    return np.median(values[where])
