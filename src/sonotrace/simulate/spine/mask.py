"""What is to be found in a picture of a spine: classes of bone, ligamentum flavum and dura.

Bone is a band around the first crossing of every beam; bone behind it is left out. The
ligamentum flavum lies between its two surfaces; the dura is a band around its own. They are there
wherever they are; they can be seen where enough of the beam is left. That is what the picture is
shaded by, averaged over the rays of the aperture: behind a bit of bone that most of them pass by,
the picture shows the dura, and so do the masks.
"""

from typing import Any, no_type_check

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from numba import njit

from sonotrace.simulate.echo.grid import Grid
from sonotrace.simulate.echo.shade import bilinear, passed_at
from sonotrace.simulate.echo.shadow import Attenuation, read_volume, transmission
from sonotrace.simulate.echo.surface import STEEPEST, Crossings, Look, cross, read_sheet
from sonotrace.simulate.motion import flow_at
from sonotrace.simulate.scene import Moment, Truth
from sonotrace.simulate.spine.body import DURA, LIGAMENT
from sonotrace.simulate.spine.tissue import Back

BAND_MM = (-0.6, 2.2)
"""Of bone, from above the crossing to below it, for a spine of size 1."""
DURA_MM = 0.9
"""Half the thickness of its band, for a spine of size 1."""
BONE_DB, SOFT_DB = -14.0, -12.0
"""Transmission that is needed to see bone, and to see what is soft."""
PRESENT = 0.35
"""Least strength of a sheet that is labelled."""
NAMES = (
    "spinous process",
    "lamina",
    "articular or transverse process",
    "ligamentum flavum",
    "dura",
)
NARROW_MM = 1.5
"""Bone that is narrower, for a spine of size 1, is not labelled by itself: a stripe takes the class
of the wider stripe beside it on the same surface; a surface that is narrower has none."""
_SHEETS = ("ligament", "ligament_end", "dura", "front")

Labels = UInt8[np.ndarray, "Y X Z"]
Passed = Float32[np.ndarray, "H W"]


def find_truth(back: Back, part: Labels, attenuation: Attenuation, moment: Moment) -> Truth:
    """Return masks and facts of a frame.

    Args:
        back: The tissue.
        part: Class of bone at every voxel of `back.bone`.
        attenuation: Of the tissue.
        moment: The frame.
    """
    grid, size = moment.grid, back.spine.size
    look = Look(grid, moment.pose, moment.flow)
    bone = cross(back.bone, look, grid.beam_positions(), np.zeros(1))
    passed = transmission(grid, attenuation, moment.pose, moment.flow)
    depth = bone.depth_mm[0]
    kind = _part_at(back, part, bone)
    step = grid.shape.beam_step * (grid.shape.radius + depth if grid.shape.convex else 1.0)
    tidy(kind, depth, np.broadcast_to(step, depth.shape), NARROW_MM * size)
    left = passed_at(grid, passed, depth + BAND_MM[0] * size, bone.across)
    seen = np.where(left > 10 ** (BONE_DB / 20), kind, 0).astype(np.uint8)
    view = grid.scanner.view
    geometric = np.zeros((view.rows, view.columns), dtype=np.uint8)
    visible = np.zeros_like(geometric)
    crossing = (depth, kind, seen, BAND_MM[0] * size, BAND_MM[1] * size)
    _mark(
        (geometric, visible),
        _pixels(grid),
        crossing,
        _soft(back),
        (moment.pose, moment.flow),
        (passed, np.float32(10 ** (SOFT_DB / 20))),
    )
    facts = {
        "visible": [NAMES[n - 1] for n in range(1, 6) if (visible == n).any()],
        **_facts(back, look, passed, bone),
    }
    return Truth(visible, geometric, np.zeros_like(geometric), facts)


def tidy(
    kind: UInt8[np.ndarray, " W"],
    depth_mm: Float64[np.ndarray, " W"],
    step_mm: Float64[np.ndarray, " W"],
    narrow_mm: float,
) -> None:
    """Take classes away that cover too few neighbouring beams; wider ones stay as they are.

    Args:
        kind: Class at every beam, 0 for none; changed in place.
        depth_mm: Of the surface; nan where there is none. Where it breaks another begins.
        step_mm: Between beams, at the surface.
        narrow_mm: Stripes and surfaces that are narrower go.
    """
    _tidy(kind, depth_mm, step_mm, narrow_mm)


def _part_at(back: Back, part: Labels, bone: Crossings) -> UInt8[np.ndarray, " W"]:
    """Return the class of bone at every crossing of the first plane; 0 where there is none."""
    x, y, z = bone.place[:, 0]
    origin, step = back.bone.origin, back.bone.step
    index = [
        np.clip(np.rint((value - origin[a]) / step).astype(int), 0, part.shape[n] - 1)
        for n, a, value in ((0, 1, y), (1, 0, x), (2, 2, z))
    ]
    found = part[index[0], index[1], index[2]]
    return np.where(np.isnan(bone.depth_mm[0]), 0, found).astype(np.uint8)


def _pixels(grid: Grid) -> tuple[Any, ...]:
    """Return what gives the kernel beam and depth of every pixel."""
    conversion, shape = grid.conversion, grid.shape
    if conversion is None:
        empty = np.zeros((0, 0), dtype=np.float32)
        maps = (np.zeros((0, 0), dtype=np.int32), empty, empty)
    else:
        maps = (conversion.node, conversion.down, conversion.right)
    view, top = grid.scanner.view, grid.scanner.fan_top_mm()
    steps = (shape.beam_step, shape.sample_step * shape.per_row, view.pixel_mm)
    return (maps, (grid.lines, grid.beams), steps, top, shape.radius)


def _soft(back: Back) -> tuple[Any, ...]:
    """Return what gives the kernel ligamentum flavum and dura."""
    sheets = [back.sheets[name] for name in _SHEETS]
    stack = [sheet.height for sheet in sheets] + [sheets[0].strength, sheets[2].strength]
    packed = np.ascontiguousarray(np.stack(stack, axis=-1))
    first = sheets[0]
    # only between these can there be any
    canal = first.strength > 0
    low, high = first.height[canal].min(), sheets[3].height[canal].max()
    place = first.origin[0] + first.step * np.nonzero(canal.any(axis=1))[0]
    margin = 4 * back.spine.size
    box = (place[0] - margin, place[-1] + margin, low - margin, high + margin)
    bone = (back.bone.distance, back.bone.origin, back.bone.step)
    return (packed, first.origin, first.step, box, bone, DURA_MM * back.spine.size)


def _facts(back: Back, look: Look, passed: Passed, bone: Crossings) -> dict[str, Any]:
    """Return depths at the middle beam, in mm; None where it meets nothing or it is in shadow."""
    middle = np.array([0.0])
    limit = float(np.interp(0.0, bone.across, np.arange(len(bone.across))))
    first = float(bone.depth_mm[0, round(limit)])
    depths: dict[str, float | None] = {}
    for name in _SHEETS:
        sheet = back.sheets[name]
        met = cross(sheet, look, middle, np.zeros(1))
        depth = float(met.depth_mm[0, 0])
        x, y, z = met.place[:, 0]
        strength = read_sheet(sheet.strength, sheet, x, z)[0]
        left = passed_at(look.grid, passed, met.depth_mm[0], middle)[0]
        outside = _outside_bone(back, x, y, z)
        seen = strength > PRESENT and left > 10 ** (SOFT_DB / 20) and outside
        depths[name] = round(depth, 2) if seen else None
    top, end, dura = depths["ligament"], depths["ligament_end"], depths["dura"]
    return {
        "bone_mm": None if np.isnan(first) else round(first, 2),
        "ligamentum_flavum_mm": top,
        "ligamentum_flavum_thickness_mm": None if top is None or end is None else _gap(top, end),
        "dura_mm": dura,
        "anterior_dura_mm": depths["front"],
        "epidural_gap_mm": None if end is None or dura is None else _gap(end, dura),
    }


def _outside_bone(back: Back, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> bool:
    bone = back.bone
    return bool(read_volume(bone.distance, bone.origin, bone.step, x[0], y[0], z[0]) > 0)


def _gap(above: float, below: float) -> float:
    return round(below - above, 2)


@njit(cache=True, nogil=True)
@no_type_check
def _tidy(kind, depth, step, narrow):
    count = kind.shape[0]
    first = 0
    while first < count:
        last = first + 1
        # nan is never close to anything
        while last < count and abs(depth[last] - depth[last - 1]) < STEEPEST * step[last]:
            last += 1
        if step[first:last].sum() < narrow or np.isnan(depth[first]):
            kind[first:last] = 0
        else:
            while _widen(kind[first:last], step[first:last], narrow):
                pass
        first = last


@njit(cache=True, nogil=True)
@no_type_check
def _widen(kind, step, narrow):
    """Give the narrowest stripe of a surface to the wider one beside it, if it is too narrow."""
    count = kind.shape[0]
    none = (0, 0, 0.0)  # first, last and width of stripes
    here, best, best_left, best_right = none, none, none, none
    least = narrow
    first = 0
    waiting = False
    while first < count:
        last = first + 1
        while last < count and kind[last] == kind[first]:
            last += 1
        now = (first, last, step[first:last].sum())
        if waiting:
            best_right, waiting = now, False
        if now[2] < least and now[1] - now[0] < count:
            least, best, best_left, best_right = now[2], now, here, none
            waiting = True
        here = now
        first = last
    if best[1] == 0:
        return False
    taken = best_left if best_left[2] >= best_right[2] else best_right
    kind[best[0] : best[1]] = kind[taken[0]]
    return True


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _mark(masks, pixels, crossing, soft, sight, light):
    """Fill in the masks of what is there and of what can be seen."""
    geometric, visible = masks
    (node, down, right), (lines, beams), steps, top, radius = pixels
    depth_of, kind, seen, above, below = crossing
    direct = node.shape[0] == 0
    moved = np.zeros(3)
    for r in range(geometric.shape[0]):
        moved[:] = 0
        for c in range(geometric.shape[1]):
            line, beam = float(r), float(c)
            if not direct:
                n = node[r, c]
                if n < 0:
                    continue
                whole = n // beams
                line, beam = whole + down[r, c], n - whole * beams + right[r, c]
            depth = (line + 0.5) * steps[1]
            j = int(beam + 0.5)
            surface = _between(depth_of, beam, steps[0] * (radius + depth if radius > 0 else 1.0))
            off = depth - surface
            if above <= off <= below and kind[j] > 0:
                geometric[r, c], visible[r, c] = kind[j], seen[j]
                continue
            x = (c - 0.5 * (geometric.shape[1] - 1)) * steps[2]
            label = _soft_at(moved, x, (r + 0.5) * steps[2] + top, soft, sight)
            if label == 0:
                continue
            geometric[r, c] = label
            passed, limit = light
            i = line / (lines - 1) * (passed.shape[0] - 1)
            k = beam / (beams - 1) * (passed.shape[1] - 1)
            if bilinear(passed, i, k) > limit:
                visible[r, c] = label


@njit
@no_type_check
def _between(depth, beam, step_mm):
    """Return the depth of the surface between two beams, or at the nearer one if it breaks."""
    j = min(int(beam), depth.shape[0] - 2)
    part = beam - j
    if abs(depth[j + 1] - depth[j]) < STEEPEST * step_mm:
        return (1 - part) * depth[j] + part * depth[j + 1]
    return depth[j + 1] if part >= 0.5 else depth[j]


@njit
@no_type_check
def _soft_at(moved, x, y, soft, sight):
    """Return the class of what is soft at a place, or 0."""
    packed, origin, step, box, bone, half = soft
    pose, flow = sight
    turn = pose.rotation
    p0 = turn[0, 0] * x + turn[0, 1] * y + pose.origin[0]
    p1 = turn[1, 0] * x + turn[1, 1] * y + pose.origin[1]
    p2 = turn[2, 0] * x + turn[2, 1] * y + pose.origin[2]
    if p0 < box[0] or p0 > box[1] or p1 < box[2] or p1 > box[3]:
        return 0
    if not flow.still:
        # the pixel before is a close guess
        for _ in range(5 if moved[0] == 0 else 1):
            u, v, w = flow_at(flow, p0 - moved[0], p1 - moved[1], p2 - moved[2])
            moved[0], moved[1], moved[2] = u, v, w
        p0, p1, p2 = p0 - moved[0], p1 - moved[1], p2 - moved[2]
    a = min(max((p0 - origin[0]) / step, 0.0), packed.shape[0] - 1.001)
    c = min(max((p2 - origin[1]) / step, 0.0), packed.shape[1] - 1.001)
    i, k = int(a), int(c)
    a, c = a - i, c - k
    weights = ((1 - a) * (1 - c), (1 - a) * c, a * (1 - c), a * c)
    label = 0
    if _corners(packed, i, k, 0, weights) < p1 < _corners(packed, i, k, 1, weights):
        label = LIGAMENT if _corners(packed, i, k, 4, weights) > PRESENT else 0
    elif abs(p1 - _corners(packed, i, k, 2, weights)) < half or (
        abs(p1 - _corners(packed, i, k, 3, weights)) < half
    ):
        label = DURA if _corners(packed, i, k, 5, weights) > PRESENT else 0
    if label and read_volume(bone[0], bone[1], bone[2], p0, p1, p2) <= 0:
        return 0
    return label


@njit(inline="always")
@no_type_check
def _corners(packed, i, k, n, weights):
    near = weights[0] * packed[i, k, n] + weights[1] * packed[i, k + 1, n]
    return near + weights[2] * packed[i + 1, k, n] + weights[3] * packed[i + 1, k + 1, n]
