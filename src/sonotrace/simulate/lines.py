"""The way through the lattice: which cells of each line may lie in the slice, and where they are.

A line is a row of cells along the axis of the tissue that is closest to the slice's normal, so
that it crosses the slice once, within a short range. In the probe's frame the cells of a line lie
on a straight course or, where tissue has moved, on one straight course between each two nodes of
the flow. Motion costs per line, not per scatterer.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int32
from numba import njit

from sonotrace.simulate.lattice import KEY_STEP, hash_of_line, key_of_cell, mix32

BATCH = 256
"""Cells that are listed before they are worked off: little enough for the fastest cache."""
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


class Course(NamedTuple):
    """Straight part of a line: where its cell 0 would be, and what a cell adds."""

    start: Vector
    step: Vector
    inverse: float
    """1 / `step[2]`."""


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
    starts, cells, widest, where = lists.starts, lists.cells, slice_.widest_mm, slice_.where
    nodes, along, ranges = drift.nodes, frame.along, where.ranges
    a, b = line
    courses, listed, top = 0, 0, nodes.shape[1] - 1
    farthest = where.reach_mm + frame.spread[2]
    while b < ranges[3] and listed < BATCH:
        start = _start(frame, a, b)
        course = Course(start, along, 1 / along[2])
        first, last = _within(course, farthest + drift.largest_mm[0], ranges[4], ranges[5])
        f, part, node = _nodes_beside(drift, b, first, nodes.shape[0] - 2, top)
        # -1 and `top` stand for what lies before and beyond the nodes
        n = max(node, 0)
        u0 = nodes[f, n, 0] + part * (nodes[f + 1, n, 0] - nodes[f, n, 0])
        v0 = nodes[f, n, 1] + part * (nodes[f + 1, n, 1] - nodes[f, n, 1])
        w0 = nodes[f, n, 2] + part * (nodes[f + 1, n, 2] - nodes[f, n, 2])
        while first < last:
            end = last
            if not drift.still:
                n = min(node + 1, top)
                u1 = nodes[f, n, 0] + part * (nodes[f + 1, n, 0] - nodes[f, n, 0])
                v1 = nodes[f, n, 1] + part * (nodes[f + 1, n, 1] - nodes[f, n, 1])
                w1 = nodes[f, n, 2] + part * (nodes[f + 1, n, 2] - nodes[f, n, 2])
                course = _moved(start, along, (u0, v0, w0), (u1, v1, w1), (drift, node))
                end = _end(drift, node, top, last)
                u0, v0, w0 = u1, v1, w1
                node += 1
            low, high = _within(course, farthest, first, end)
            first = max(end, first)
            if high <= low:
                continue
            reach = widest[_depth_index(course, low, high, where)] + frame.spread[2]
            low, high = _within(course, reach, low, high)
            if high > low and _seen(course, low, high, where):
                _write(starts, cells, courses, course, (a, b, low, high, where.axis))
                courses += 1
                listed += high - low
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
def _nodes_beside(drift, b, first, last_fast, top):
    """Return the node before a line, the line's part of the way to the next; and the node along."""
    at = min(max((b - drift.shift_fast) * drift.per_cell, 0.0), last_fast + 0.999)
    f = int(at)
    node = int(np.floor((first - drift.shift) * drift.per_cell))
    return f, at - f, min(max(node, -1), top)


@njit(inline="always")
@no_type_check
def _end(drift, node, top, last):
    """Return the first cell beyond the next node."""
    beyond = int(np.ceil(drift.shift + (node + 1) * drift.per_node))
    return min(last, beyond) if node < top else last


@njit(inline="always")
@no_type_check
def _moved(start, along, here, there, what):
    """Return the course of a line between two nodes, given the flow at both."""
    drift, node = what
    place = drift.shift + node * drift.per_node
    d0 = (there[0] - here[0]) * drift.per_cell
    d1 = (there[1] - here[1]) * drift.per_cell
    d2 = (there[2] - here[2]) * drift.per_cell
    slope = along[2] + d2
    slope = slope if abs(slope) > 1e-9 else 1e-9
    return Course(
        (
            start[0] + here[0] - place * d0,
            start[1] + here[1] - place * d1,
            start[2] + here[2] - place * d2,
        ),
        (along[0] + d0, along[1] + d1, slope),
        1 / slope,
    )


@njit(inline="always")
@no_type_check
def _within(course, reach, first, last):
    """Return which of the cells are within `reach` of the middle of the slice."""
    middle, wide = -course.start[2] * course.inverse, reach * abs(course.inverse)
    low, high = max(middle - wide, first - 1.0), min(middle + wide, last + 1.0)
    return max(first, int(np.ceil(low))), min(last, int(np.floor(high)) + 1)


@njit(inline="always")
@no_type_check
def _depth_index(course, first, last, where):
    """Return the row of the table of the field where the course crosses the slice."""
    middle = min(max(-course.start[2] * course.inverse, first), last - 1)
    depth = course.start[1] + middle * course.step[1]
    if where.convex:
        x, y = course.start[0] + middle * course.step[0], depth + where.radius
        depth = np.sqrt(x * x + y * y) - where.radius
    return min(max(int(depth * where.per_depth + 0.5), 0), where.depths - 1)


@njit(inline="always")
@no_type_check
def _seen(course, low, high, where):
    """Tell whether some of the cells may lie within the picture."""
    start, step, n = course.start, course.step, high - 1
    x, y = start[0] + low * step[0], start[1] + low * step[1] + where.radius
    other_x, other_y = start[0] + n * step[0], start[1] + n * step[1] + where.radius
    nearest = min(abs(x), abs(other_x)) if x * other_x > 0 else 0.0
    beside = nearest * where.edge[0] - max(y, other_y) * where.edge[1]
    if where.convex:
        y, other_y = np.sqrt(x * x + y * y), np.sqrt(other_x * other_x + other_y * other_y)
    return (
        beside <= where.edge[2]
        and max(y, other_y) - where.radius >= -where.off_mm
        and min(y, other_y) - where.radius <= where.deepest_mm + where.off_mm
    )


@njit(inline="always")
@no_type_check
def _write(starts, cells, n, course, line):
    """Write down a course: where its first cell is and what a cell adds; which cells, how many."""
    a, b, low, high, axis = line
    starts[n, 0] = course.start[0] + low * course.step[0]
    starts[n, 1] = course.start[1] + low * course.step[1]
    starts[n, 2] = course.start[2] + low * course.step[2]
    starts[n, 3], starts[n, 4], starts[n, 5] = course.step[0], course.step[1], course.step[2]
    cells[n, 0] = b if axis == 2 else (a if axis == 1 else low)
    cells[n, 1] = a if axis != 1 else low
    cells[n, 2] = low if axis == 2 else b
    cells[n, 3] = high - low


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
    mask, ten, twenty = np.uint32(1023), np.uint32(10), np.uint32(20)
    stride = np.int32(1 if axis == 2 else (size[2] if axis == 0 else size[0] * size[2]))
    across, along = np.int32(axis == 0), np.int32(axis == 1)
    listed = 0
    for n in range(courses):
        i, j, k, number = lists.cells[n]
        start = np.int32((j * size[0] + i) * size[2] + k)
        i, j, k = np.int32(i + first[0]), np.int32(j + first[1]), np.int32(k + first[2])
        key = key_of_cell(hash_of_line(i, j, seed), k)
        x0, y0, z0, dx, dy, dz = lists.starts[n]
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
            x[at] = x0 + np.float32(c) * dx + (ja * xa + jb * xb + (jc * xc + xd))
            y[at] = y0 + np.float32(c) * dy + (ja * ya + jb * yb + (jc * yc + yd))
            z[at] = abs(z0 + np.float32(c) * dz + (ja * za + jb * zb + (jc * zc + zd)))
            sign[at] = np.float32(1) - np.float32(2) * np.float32(np.int32(bits >> np.uint32(31)))
            numbers[at] = np.int32(start + c * stride)
        listed += number
    return listed
