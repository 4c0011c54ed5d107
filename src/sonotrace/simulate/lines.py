"""The way through the lattice: which cells of each line may lie in the slice, and where they are.

A line is a row of cells along the axis of the tissue that is closest to the slice's normal, so
that it crosses the slice once, within a short range. In the probe's frame the cells of a line lie
on a straight course, or, where tissue has moved, on one that bends at the nodes of the flow and is
straight between them: x + step m + sum of bend max(0, m - node). Motion costs little more than
the nodes of each line.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int32
from numba import njit

from sonotrace.simulate.lattice import KEY_STEP, hash_of_line, key_of_cell, mix32

BATCH = 256
"""Cells that are listed before they are worked off: little enough for the fastest cache."""
BENDS = 3
"""Of a course; lines that bend more often are several courses."""
LANES = 8
"""Cells are written in groups of this size; the last group of a course may be too long."""

Vector = tuple[float, float, float]


class Lists(NamedTuple):
    """What is known of the cells of a batch: one row of each for each kind of number."""

    place: Float32[np.ndarray, "5 B"]
    """x, y, z and sign; later parts between nodes, z, and the complex amplitude."""
    whole: Int32[np.ndarray, "4 B"]
    """Place in the table of the field, cell of the lattice, upper nodes on both sides."""
    starts: Float32[np.ndarray, "N 6"]
    """Of a course: where its first cell is and what a cell adds."""
    bends: Float32[np.ndarray, "N 3 4"]
    """Of a course: cells from its first one to the node at which it bends, and what is added to the
    step from there on."""
    cells: Int32[np.ndarray, "N 4"]
    """Of a course: its first cell within the box, along x, y and z, and how many there are."""


class Frame(NamedTuple):
    """How the lattice lies in the probe's frame: what a step by one cell adds, in mm."""

    along: Vector
    fast: Vector
    slow: Vector
    corner: Vector
    """Centre of the first cell of the box."""
    spread: Vector
    """How far a scatterer may lie from the centre of its cell."""


class Drift(NamedTuple):
    """The flow of one layer of the lattice, in the probe's frame."""

    still: bool
    nodes: Float32[np.ndarray, "F N 3"]
    per_node: float
    """Cells from node to node."""
    per_cell: float
    """The inverse."""
    shift_fast: float
    """Cell at which node 0 lies, across the lines."""
    shift: float
    """The same along the lines."""
    column: Float64[np.ndarray, "N 3"]
    """The flow at the nodes along one line."""
    largest_mm: Float64[np.ndarray, " 1"]
    """Out of the plane of the slice, in this layer."""


@njit
@no_type_check
def empty_lists(longest):
    """Return room for a batch and the line that makes it full."""
    # rows start at different places within 4 kB: where two meet, a processor takes what is read
    # from one for what was just written to the other, and waits
    room = (BATCH + longest + 2 * LANES + 1023) // 1024 * 1024 + 112
    both = np.zeros((9, room), dtype=np.float32)
    return Lists(
        both[:5],
        both[5:].view(np.int32),
        np.empty((BATCH + longest, 6), dtype=np.float32),
        np.zeros((BATCH + longest, BENDS, 4), dtype=np.float32),
        np.empty((BATCH + longest, 4), dtype=np.int32),
    )


@njit
@no_type_check
def frame_of(lattice, rotation, origin, axis):
    """Return how the lattice lies in the probe's frame."""
    pitch, first = lattice.pitch, lattice.box.first
    corner = _turned(
        rotation,
        (first[0] + 0.5) * pitch - origin[0],
        (first[1] + 0.5) * pitch - origin[1],
        (first[2] + 0.5) * pitch - origin[2],
    )
    fast, slow = _others(axis)
    size = np.abs(rotation)
    half = 0.5 * pitch
    return Frame(
        (rotation[axis, 0] * pitch, rotation[axis, 1] * pitch, rotation[axis, 2] * pitch),
        (rotation[fast, 0] * pitch, rotation[fast, 1] * pitch, rotation[fast, 2] * pitch),
        (rotation[slow, 0] * pitch, rotation[slow, 1] * pitch, rotation[slow, 2] * pitch),
        corner,
        (half * size[:, 0].sum(), half * size[:, 1].sum(), half * size[:, 2].sum()),
    )


@njit(inline="always")
@no_type_check
def _others(axis):
    """Return the axes across the lines: the faster one in memory, and the slower one."""
    return (0 if axis == 2 else 2), (1 if axis != 1 else 0)


@njit(inline="always")
@no_type_check
def _turned(turn, x, y, z):
    """Take a direction of the tissue to the probe's frame."""
    return (
        turn[0, 0] * x + turn[1, 0] * y + turn[2, 0] * z,
        turn[0, 1] * x + turn[1, 1] * y + turn[2, 1] * z,
        turn[0, 2] * x + turn[1, 2] * y + turn[2, 2] * z,
    )


@njit
@no_type_check
def room_for_drift(lattice, axis, flow):
    """Return room for the flow of a layer."""
    fast, _ = _others(axis)
    size = (flow.vectors.shape[1], flow.vectors.shape[0], flow.vectors.shape[2])
    pitch, first = lattice.pitch, lattice.box.first
    return Drift(
        flow.still,
        np.zeros((size[fast], size[axis], 3), dtype=np.float32),
        flow.step / pitch,
        pitch / flow.step,
        flow.origin[fast] / pitch - first[fast] - 0.5,
        flow.origin[axis] / pitch - first[axis] - 0.5,
        np.zeros((size[axis], 3)),
        np.zeros(1),
    )


@njit
@no_type_check
def blend_layer(drift, lattice, slice_, flow, a):
    """Interpolate the flow to a layer of the lattice, and turn it into the probe's frame."""
    axis, turn, vectors, nodes = slice_.where.axis, slice_.rotation, flow.vectors, drift.nodes
    _, slow = _others(axis)
    size = vectors.shape[0] if slow == 1 else vectors.shape[1]
    at = ((lattice.box.first[slow] + a + 0.5) * lattice.pitch - flow.origin[slow]) / flow.step
    at = min(max(at, 0.0), size - 1.001)
    s = int(at)
    part = at - s
    begin, end = slice_.where.ranges[4], slice_.where.ranges[5]
    low = max(int(np.floor((begin - drift.shift) / drift.per_node)), 0)
    high = min(int(np.ceil((end - drift.shift) / drift.per_node)) + 1, nodes.shape[1])
    near, far, largest = (s, 0, 0), (s + 1, 0, 0), 0.0
    for f in range(nodes.shape[0]):
        for n in range(min(low, nodes.shape[1] - 1), high):
            if axis == 2:
                near, far = (s, f, n), (s + 1, f, n)
            elif axis == 1:
                near, far = (n, s, f), (n, s + 1, f)
            else:
                near, far = (s, n, f), (s + 1, n, f)
            u = (1 - part) * vectors[near[0], near[1], near[2], 0]
            v = (1 - part) * vectors[near[0], near[1], near[2], 1]
            w = (1 - part) * vectors[near[0], near[1], near[2], 2]
            u += part * vectors[far[0], far[1], far[2], 0]
            v += part * vectors[far[0], far[1], far[2], 1]
            w += part * vectors[far[0], far[1], far[2], 2]
            nodes[f, n, 0], nodes[f, n, 1], nodes[f, n, 2] = _turned(turn, u, v, w)
            largest = max(largest, abs(nodes[f, n, 2]))
    drift.largest_mm[0] = largest


@njit(error_model="numpy")
@no_type_check
def list_courses(lists, line, slice_, frame, drift):
    """List courses of cells that may lie in the slice, from one line of a layer on.

    Return how many there are when a batch is full or the layer ends, and the next line.
    """
    widest, where, along, still = slice_.widest_mm, slice_.where, frame.along, drift.still
    nodes, column = drift.nodes, drift.column
    a, b = line
    courses, listed, inverse = 0, 0, 1 / along[2]
    farthest = where.reach_mm + frame.spread[2]
    while b < where.ranges[3] and listed < BATCH:
        start, moved, shaken = _start(frame, a, b), (0.0, 0.0), 0.0
        middle = -start[2] * inverse
        wide = (farthest + drift.largest_mm[0]) * abs(inverse)
        first, last = _within(middle, wide, where.ranges[4], where.ranges[5])
        if first < last and not still:
            f, part, low, high = _nodes_of(drift, b, first, last)
            least, most = 1e9, -1e9
            for n in range(low, high + 1):
                column[n, 0] = nodes[f, n, 0] + part * (nodes[f + 1, n, 0] - nodes[f, n, 0])
                column[n, 1] = nodes[f, n, 1] + part * (nodes[f + 1, n, 1] - nodes[f, n, 1])
                column[n, 2] = nodes[f, n, 2] + part * (nodes[f + 1, n, 2] - nodes[f, n, 2])
                least, most = min(least, column[n, 2]), max(most, column[n, 2])
            middle -= 0.5 * (least + most) * inverse
            shaken = 0.5 * (most - least)
            n = min(max(int((middle - drift.shift) * drift.per_cell + 0.5), low), high)
            moved = (column[n, 0], column[n, 1])
        if first < last:
            reach = widest[_depth_index(start, along, middle, moved, where)]
            wide = (reach + frame.spread[2] + shaken) * abs(inverse)
            first, last = _within(middle, wide, first, last)
        if first < last and _seen(start, along, (first, last - 1), moved, where):
            listed += last - first
            while first < last:
                cell = (a, b, first, last)
                end = _write(lists, courses, (start, along), cell, (drift, where.axis))
                lists.cells[courses, 3] = end - first
                courses += 1
                first = end
        b += 1
    return courses, b


@njit(inline="always")
@no_type_check
def _start(frame, a, b):
    """Return where cell 0 of a line is."""
    return (
        frame.corner[0] + a * frame.slow[0] + b * frame.fast[0],
        frame.corner[1] + a * frame.slow[1] + b * frame.fast[1],
        frame.corner[2] + a * frame.slow[2] + b * frame.fast[2],
    )


@njit(inline="always")
@no_type_check
def _within(middle, wide, first, last):
    """Return which of the cells are within `wide` of `middle`."""
    low, high = max(middle - wide, first - 1.0), min(middle + wide, last + 1.0)
    return max(first, int(np.ceil(low))), min(last, int(np.floor(high)) + 1)


@njit(inline="always")
@no_type_check
def _nodes_of(drift, b, first, last):
    """Return the nodes beside a line: across it and its part of the way between, and along it."""
    top = drift.nodes.shape[1] - 1
    at = min(max((b - drift.shift_fast) * drift.per_cell, 0.0), drift.nodes.shape[0] - 1.001)
    f = int(at)
    low = int(np.floor((first - drift.shift) * drift.per_cell))
    high = int(np.floor((last - 1 - drift.shift) * drift.per_cell)) + 1
    return f, at - f, min(max(low, 0), top), min(max(high, 0), top)


@njit(inline="always")
@no_type_check
def _depth_index(start, along, middle, moved, where):
    """Return the row of the table of the field where a line crosses the slice."""
    depth = start[1] + middle * along[1] + moved[1]
    if where.convex:
        x, y = start[0] + middle * along[0] + moved[0], depth + where.radius
        depth = np.sqrt(x * x + y * y) - where.radius
    return min(max(int(depth * where.per_depth + 0.5), 0), where.depths - 1)


@njit(inline="always")
@no_type_check
def _seen(start, along, ends, moved, where):
    """Tell whether some of the cells may lie within the picture."""
    one, two = ends
    x, y = start[0] + one * along[0] + moved[0], start[1] + one * along[1] + moved[1]
    other_x, other_y = x + (two - one) * along[0], y + (two - one) * along[1] + where.radius
    y += where.radius
    nearest = min(abs(x), abs(other_x)) if x * other_x > 0 else 0.0
    beside = nearest * where.edge[0] - max(y, other_y) * where.edge[1]
    if where.convex:
        y, other_y = np.sqrt(x * x + y * y), np.sqrt(other_x * other_x + other_y * other_y)
    return (
        beside <= where.edge[2] + where.off_mm
        and max(y, other_y) - where.radius >= -where.off_mm
        and min(y, other_y) - where.radius <= where.deepest_mm + where.off_mm
    )


@njit(inline="always")
@no_type_check
def _write(lists, n, course, line, what):
    """Write down a course: its first cell and what a cell adds; return the cell beyond its last.

    It ends before the node after its last bend.
    """
    start, along = course
    a, b, first, last = line
    drift, axis = what
    cells, starts, bends, column = lists.cells, lists.starts, lists.bends, drift.column
    cells[n, 0] = b if axis == 2 else (a if axis == 1 else first)
    cells[n, 1] = a if axis != 1 else first
    cells[n, 2] = first if axis == 2 else b
    top, node = column.shape[0] - 1, -1
    if not drift.still:
        # -1 and `top` stand for what lies before and beyond the nodes
        node = min(max(int(np.floor((first - drift.shift) * drift.per_cell)), -1), top)
    here, there = max(node, 0), min(node + 1, top)
    into = first - drift.shift - node * drift.per_node
    end = last
    if node < top and not drift.still:
        beyond = int(np.ceil(drift.shift + (node + 1 + BENDS) * drift.per_node))
        end = min(last, beyond) if node + BENDS < top else last
    for q in range(3):
        slope = (column[there, q] - column[here, q]) * drift.per_cell
        starts[n, q] = start[q] + first * along[q] + column[here, q] + into * slope
        starts[n, 3 + q] = along[q] + slope
        for j in range(BENDS):
            one, two = min(node + 1 + j, top), min(node + 2 + j, top)
            after = (column[two, q] - column[one, q]) * drift.per_cell
            bends[n, j, 0] = (1 + j) * drift.per_node - into
            bends[n, j, 1 + q] = after - slope
            slope = after
    return end


@njit(error_model="numpy")
@no_type_check
def scatter(lists, courses, lattice, slice_):
    """Write where the scatterers of all courses are, their signs and numbers; return how many.

    Eight are computed at a time; after the last there may be up to seven that do not count.
    """
    x, y, z, sign = lists.place[0], lists.place[1], lists.place[2], lists.place[3]
    numbers, turn, axis = lists.whole[1], slice_.jitter, slice_.where.axis
    first, size, seed = lattice.box.first, lattice.box.size, lattice.seed
    xa, xb, xc, xd = turn[0, 0], turn[0, 1], turn[0, 2], turn[0, 3]
    ya, yb, yc, yd = turn[1, 0], turn[1, 1], turn[1, 2], turn[1, 3]
    za, zb, zc, zd = turn[2, 0], turn[2, 1], turn[2, 2], turn[2, 3]
    mask, ten, twenty, zero = np.uint32(1023), np.uint32(10), np.uint32(20), np.float32(0)
    stride = np.int32(1 if axis == 2 else (size[2] if axis == 0 else size[0] * size[2]))
    across, along = np.int32(axis == 0), np.int32(axis == 1)
    listed = 0
    for n in range(courses):
        i, j, k, number = lists.cells[n]
        start = np.int32((j * size[0] + i) * size[2] + k)
        i, j, k = np.int32(i + first[0]), np.int32(j + first[1]), np.int32(k + first[2])
        key = key_of_cell(hash_of_line(i, j, seed), k)
        x0, y0, z0, dx, dy, dz = lists.starts[n]
        pa, xp, yp, zp = lists.bends[n, 0]
        pb, xq, yq, zq = lists.bends[n, 1]
        pc, xr, yr, zr = lists.bends[n, 2]
        for m in range((number + LANES - 1) // LANES * LANES):
            c = np.int32(m)
            if axis == 2:
                bits = mix32(np.uint32(key + np.uint32(c) * KEY_STEP))
            else:
                line = hash_of_line(np.int32(i + c * across), np.int32(j + c * along), seed)
                bits = mix32(key_of_cell(line, k))
            ja = np.float32(np.int32(bits & mask))
            jb = np.float32(np.int32((bits >> ten) & mask))
            jc = np.float32(np.int32((bits >> twenty) & mask))
            at = np.uintp(listed) + np.uintp(m)
            e = np.float32(c)
            p, q, r = max(e - pa, zero), max(e - pb, zero), max(e - pc, zero)
            x[at] = x0 + e * dx + (p * xp + q * xq + r * xr) + (ja * xa + jb * xb + (jc * xc + xd))
            y[at] = y0 + e * dy + (p * yp + q * yq + r * yr) + (ja * ya + jb * yb + (jc * yc + yd))
            off = z0 + e * dz + (p * zp + q * zq + r * zr)
            z[at] = abs(off + (ja * za + jb * zb + (jc * zc + zd)))
            sign[at] = np.float32(1) - np.float32(2) * np.float32(np.int32(bits >> np.uint32(31)))
            numbers[at] = np.int32(start + c * stride)
        listed += number
    return listed
