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

from sonotrace.simulate.echo.lattice import KEY_STEP, hash_of_line, key_of_cell, mix32

BATCH = 512
"""Cells that are listed before they are worked off: little enough for the fastest cache."""
BENDS = 2
"""Of a course; lines that bend more often are several courses."""
LANES = 8
"""Cells are written in groups of this size; the last group of a course may be too long."""

Vector = tuple[float, float, float]


class Lists(NamedTuple):
    """What is known of the cells of a batch: one row of each for each kind of number."""

    place: Float32[np.ndarray, "8 B"]
    """x, y, z and sign; later x - x^2 of the part x between beams, the weight of the node below, z,
    the complex amplitude, and the weights of the other nodes: here, beside, and below that."""
    whole: Int32[np.ndarray, "4 B"]
    """Place in the table of the field, cell of the lattice, upper nodes on both sides."""
    starts: Float32[np.ndarray, "N 6"]
    """Of a course: where its first cell is and what a cell adds."""
    bends: Float32[np.ndarray, "N 2 4"]
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
    """The flow in the probe's frame, at nodes around the slice.

    Along the lines they reach so far that no cell of the slice lies outside: beyond the nodes of
    the flow, the outermost ones are repeated.
    """

    still: bool
    nodes: Float64[np.ndarray, "S F N3"]
    """Across the lines, the slower axis first, and along them: x, y and z of each node."""
    layer: Float64[np.ndarray, "F N3"]
    """The same in one layer of the lattice."""
    column: Float64[np.ndarray, " N3"]
    """The same along one line."""
    per_node: float
    """Cells from node to node."""
    per_cell: float
    """The inverse."""
    firsts: Vector
    """Cells at which the first nodes lie, of the axes of `nodes`."""
    last: float
    """Node along a line, as a number."""
    steep: Float64[np.ndarray, " F"]
    """Most by which z changes from cell to cell in one layer, near each node across the lines."""


@njit
@no_type_check
def empty_lists(longest):
    """Return room for a batch and the line that makes it full."""
    # rows start at different places within 4 kB: where two meet, a processor takes what is read
    # from one for what was just written to the other, and waits
    room = (BATCH + longest + 2 * LANES + 1023) // 1024 * 1024 + 112
    both = np.zeros((12, room), dtype=np.float32)
    return Lists(
        both[:8],
        both[8:].view(np.int32),
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
def drift_of(lattice, slice_, flow):
    """Turn the flow around a slice into the probe's frame."""
    axis, ranges, vectors = slice_.where.axis, slice_.where.ranges, flow.vectors
    fast, slow = _others(axis)
    size = (vectors.shape[1], vectors.shape[0], vectors.shape[2])
    pitch, first = lattice.pitch, lattice.box.first
    per_node, per_cell = flow.step / pitch, pitch / flow.step
    shifts = (
        flow.origin[slow] / pitch - first[slow] - 0.5,
        flow.origin[fast] / pitch - first[fast] - 0.5,
        flow.origin[axis] / pitch - first[axis] - 0.5,
    )
    low = int(np.floor((ranges[4] - shifts[2]) * per_cell))
    high = int(np.ceil((ranges[5] - shifts[2]) * per_cell)) + BENDS + 1
    if flow.still:
        low, high = 0, 1
    nodes = np.zeros((size[slow], size[fast], 3 * (high - low + 1)))
    place = [0, 0, 0]
    for s in range(0 if flow.still else size[slow]):
        for f in range(size[fast]):
            for n in range(low, high + 1):
                place[slow], place[fast] = s, f
                place[axis] = min(max(n, 0), size[axis] - 1)
                u = vectors[place[1], place[0], place[2]]
                at = 3 * (n - low)
                nodes[s, f, at], nodes[s, f, at + 1], nodes[s, f, at + 2] = _turned(
                    slice_.rotation, u[0], u[1], u[2]
                )
    layer, steep = np.zeros_like(nodes[0]), np.zeros(size[fast])
    firsts = (shifts[0], shifts[1], shifts[2] + low * per_node)
    column, last = np.zeros_like(layer[0]), float(high - low)
    return Drift(flow.still, nodes, layer, column, per_node, per_cell, firsts, last, steep)


@njit(error_model="numpy")
@no_type_check
def blend_layer(drift, a):
    """Interpolate the flow to a layer of the lattice."""
    at = min(max((a - drift.firsts[0]) * drift.per_cell, 0.0), drift.nodes.shape[0] - 1.001)
    s, part = int(at), at - int(at)
    near, far = drift.nodes[s].reshape(-1), drift.nodes[s + 1].reshape(-1)
    layer = drift.layer.reshape(-1)
    for n in range(layer.size):
        layer[n] = near[n] + part * (far[n] - near[n])
    for f in range(drift.layer.shape[0]):
        steepest = 0.0
        for n in range(5, drift.layer.shape[1], 3):
            steepest = max(steepest, abs(drift.layer[f, n] - drift.layer[f, n - 3]))
        drift.steep[f] = steepest * drift.per_cell


@njit(error_model="numpy")
@no_type_check
def list_courses(lists, line, slice_, frame, drift):
    """List courses of cells that may lie in the slice, from one line of a layer on.

    Return how many there are when a batch is full or the layer ends, and the next line.
    """
    # what is inlined here has no branches: numba would count references to arrays around them
    widest, where, along, still = slice_.widest_mm, slice_.where, frame.along, drift.still
    layer, column, across = drift.layer, drift.column, drift.layer.shape[0] - 1.001
    (a, b), (begin, end) = line, where.ranges[4:]
    along_nodes = (drift.firsts[2], drift.per_cell, drift.last)
    courses, listed, inverse, second = 0, 0, 1 / along[2], np.uintp(1)
    while b < where.ranges[3] and listed < BATCH:
        start, moved = _start(frame, a, b), (0.0, 0.0)
        centre = -start[2] * inverse
        middle = centre
        if not still:
            at = min(max((b - drift.firsts[1]) * drift.per_cell, 0.0), across)
            f, part = np.uintp(np.int64(at)), at - np.int64(at)
            for m in range(column.size):
                n = np.uintp(m)
                column[n] = layer[f, n] + part * (layer[f + second, n] - layer[f, n])
            middle = centre - _moved(column, along_nodes, centre, 2) * inverse
            moved = (
                _moved(column, along_nodes, middle, 0),
                _moved(column, along_nodes, middle, 1),
            )
        reach = widest[_depth_index(start, along, middle, moved, where)]
        wide = (reach + frame.spread[2]) * abs(inverse)
        if not still:
            # cells may be closer together, and `middle` off by a share of its last step
            share = max(drift.steep[f], drift.steep[f + second]) * abs(inverse)
            wide = (wide + share * abs(middle - centre)) / (1 - min(share, 0.8))
        first, last = _whole(middle - wide, middle + wide, begin, end)
        if first < last and _seen(start, along, (first, last - 1), moved, where):
            listed += last - first
            while first < last:
                beyond = last
                if still:
                    _write_straight(lists.starts, courses, start, along, first)
                else:
                    beyond = _write_bent(lists, courses, (start, along), (first, last), drift)
                _write_cells(lists.cells, courses, (a, b, first), beyond, where.axis)
                courses += 1
                first = beyond
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
def _moved(column, nodes, m, q):
    """Return how far cell m of a line has moved, along one axis of the probe."""
    at = min(max((m - nodes[0]) * nodes[1], 0.0), nodes[2] - 0.001)
    whole = np.int64(at)
    n = np.uintp(3 * whole + q)
    return column[n] + (at - whole) * (column[n + np.uintp(3)] - column[n])


@njit(inline="always")
@no_type_check
def _whole(low, high, begin, end):
    """Return the first cell from `low` to `high`, and the one beyond the last."""
    low, high = max(low, begin - 1.0), min(high, end + 1.0)
    low, high = min(low, end + 1.0), max(high, begin - 2.0)
    return max(begin, int(np.ceil(low))), min(end, int(np.floor(high)) + 1)


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
def _write_cells(cells, n, at, beyond, axis):
    """Write down the first cell of a course, and how many there are."""
    a, b, first = at
    n = np.uintp(n)
    cells[n, 0] = b if axis == 2 else (a if axis == 1 else first)
    cells[n, 1] = a if axis != 1 else first
    cells[n, 2] = first if axis == 2 else b
    cells[n, 3] = beyond - first


@njit(inline="always")
@no_type_check
def _write_straight(starts, n, start, along, first):
    """Write down where the first cell of a course is and what a cell adds."""
    n = np.uintp(n)
    for q in range(3):
        starts[n, q] = start[q] + first * along[q]
        starts[n, 3 + q] = along[q]


@njit(inline="always")
@no_type_check
def _write_bent(lists, n, course, cells, drift):
    """Do the same, and its bends, for tissue that has moved; return the cell beyond its last.

    It ends before the node after its last bend.
    """
    start, along = course
    first, last = cells
    starts, bends, column, n = lists.starts, lists.bends, drift.column, np.uintp(n)
    node = int((first - drift.firsts[2]) * drift.per_cell)
    into = first - drift.firsts[2] - node * drift.per_node
    for j in range(BENDS):
        bends[n, j, 0] = (1 + j) * drift.per_node - into
    for q in range(3):
        at, three = np.uintp(3 * node + q), np.uintp(3)
        slope = (column[at + three] - column[at]) * drift.per_cell
        starts[n, q] = start[q] + first * along[q] + column[at] + into * slope
        starts[n, 3 + q] = along[q] + slope
        for j in range(BENDS):
            at += three
            after = (column[at + three] - column[at]) * drift.per_cell
            bends[n, j, 1 + q] = after - slope
            slope = after
    return min(last, int(np.ceil(drift.firsts[2] + (node + 1 + BENDS) * drift.per_node)))


@njit(error_model="numpy", fastmath={"contract"})
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
            p, q = max(e - pa, zero), max(e - pb, zero)
            x[at] = x0 + e * dx + (p * xp + q * xq) + (ja * xa + jb * xb + (jc * xc + xd))
            y[at] = y0 + e * dy + (p * yp + q * yq) + (ja * ya + jb * yb + (jc * yc + yd))
            off = z0 + e * dz + (p * zp + q * zq)
            z[at] = abs(off + (ja * za + jb * zb + (jc * zc + zd)))
            sign[at] = np.float32(1) - np.float32(2) * np.float32(np.int32(bits >> np.uint32(31)))
            numbers[at] = np.int32(start + c * stride)
        listed += number
    return listed
