"""The kernel where the time goes: every scatterer of the slice, deposited on the grid.

Cells are listed line by line (`sonotrace.simulate.echo.lines`) and worked off a batch at a time, in
passes over the batch. The first passes compute what each scatterer adds and where; they have no
branches and no look-ups, so that eight scatterers are computed at once. The last looks up level
and elevational field and adds to the nodes.

A scatterer costs a hash, a byte of level, the pose, sine and cosine of its phase, one complex
look-up of the elevational field, and four nodes.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from sonotrace.simulate.echo.beam import OFFSETS
from sonotrace.simulate.echo.lines import (
    LANES,
    blend_layer,
    drift_of,
    empty_lists,
    frame_of,
    list_courses,
    scatter,
)


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def sum_slice(nodes, lattice, slice_, flow, tables):
    """Deposit the scatterers of the slice; return how many lie in it."""
    where = slice_.where
    frame = frame_of(lattice, slice_.rotation, slice_.origin, where.axis)
    lists = empty_lists(lattice.box.size[where.axis])
    drift = drift_of(lattice, slice_, flow)
    levels = lattice.levels.reshape(-1)
    numbers = _numbers(where)
    total = 0
    for a in range(where.ranges[0], where.ranges[1]):
        if not flow.still:
            blend_layer(drift, a)
        b = where.ranges[2]
        while b < where.ranges[3]:
            courses, b = list_courses(lists, (a, b), slice_, frame, drift)
            listed = scatter(lists, courses, lattice, slice_)
            padded = (listed + LANES - 1) // LANES * LANES
            if where.convex:
                _bend(lists.place, np.float32(where.radius), padded)
            _weigh(lists.place, lists.whole, numbers, padded)
            total += _deposit(nodes, levels, lists, listed, tables)
    return total


@njit(inline="always")
@no_type_check
def _add(nodes, at, weight, real, imag):
    """Add a weighted complex number to a node."""
    nodes[at] += weight * real
    nodes[at + np.uintp(1)] += weight * imag


@njit
@no_type_check
def _numbers(where):
    """Return the numbers that `_weigh` needs, in single precision and integers."""
    return (
        np.float32(where.per_depth),
        np.float32(where.per_offset),
        np.float32(where.per_sample),
        np.float32(where.per_beam),
        np.float32(where.margin - 0.5),
        np.float32(where.centre),
        np.float32(where.turns_per_mm),
        np.float32(4 * where.boost_sample),
        np.int32(where.rows - 1),
        np.int32(2 * where.half_beams),
        np.int32(where.depths - 1),
        np.int32(OFFSETS - 1),
    )


@njit(error_model="numpy", fastmath={"contract"})
@no_type_check
def _bend(place, radius, number):
    """Take x and y to the angle and depth of a convex array."""
    x, y = place[0], place[1]
    for m in range(number):
        across, away = x[m], y[m] + radius
        a, b = abs(across), abs(away)
        large, small = max(a, b), min(a, b)
        t = small / max(large, np.float32(1e-9))
        u = t * t
        # least largest error, 1e-7 rad, of an odd polynomial up to t = 1
        p = np.float32(0.02455712) - u * np.float32(0.00478045)
        p = np.float32(0.09942758) - u * (np.float32(0.05990471) - u * p)
        p = np.float32(0.19971375) - u * (np.float32(0.14029419) - u * p)
        angle = t * (np.float32(0.99999991) - u * (np.float32(0.33332094) - u * p))
        angle = np.float32(1.57079633) - angle if a > b else angle
        angle = np.float32(3.14159265) - angle if away < 0 else angle
        x[m] = -angle if across < 0 else angle
        y[m] = np.sqrt(across * across + away * away) - radius


@njit(error_model="numpy", fastmath={"contract"})
@no_type_check
def _weigh(place, whole, numbers, number):
    """Take places to nodes and parts between them, and signs to complex amplitudes."""
    (
        inverse_depth, inverse_offset, inverse_sample, inverse_beam,
        margin, centre, turns_per_mm, boost, rows, beams, deepest, widest,
    ) = numbers  # fmt: skip
    across, along, off, real, imag = place[0], place[1], place[2], place[3], place[4]
    left, upper, lower = place[5], place[6], place[7]
    table, node, other = whole[0], whole[2], whole[3]
    one, two, half = np.float32(1), np.float32(2), np.float32(0.5)
    for m in range(number):
        depth = along[m]
        row, column = depth * inverse_sample + margin, across[m] * inverse_beam + centre
        i, j = np.int32(row), np.int32(column)
        down, right = row - np.float32(i), column - np.float32(j)
        at = np.int32(depth * inverse_depth + half)
        offset = min(np.int32(off[m] * inverse_offset + half), widest)
        inside = (depth >= 0) & (column >= 0) & (at <= deepest) & (i < rows) & (j < beams - 1)
        odd = np.int32(j & 1)
        first = np.int32(i * (2 * beams) + odd * beams + j - odd)
        node[m] = first if inside else np.int32(-1)
        other[m] = np.int32(first + beams - odd * (2 * beams - 2))
        table[m] = np.int32(at * (widest + 1) + offset)
        turns = depth * turns_per_mm
        t = turns - np.float32(np.int32(turns + half))
        u = t * t
        # sine and cosine of half the phase, pi t, to 1e-7 by least largest error
        s = np.float32(2.55007766) - u * (np.float32(0.59829216) - u * np.float32(0.07765941))
        s = t * (np.float32(3.14159264) - u * (np.float32(5.16770998) - u * s))
        c = np.float32(4.05841191) - u * (np.float32(1.33188016) - u * np.float32(0.2196968))
        c = np.float32(0.99999995) - u * (np.float32(4.93479286) - u * c)
        strength = real[m] * (one + boost * (down - down * down))
        real[m] = strength * (one - two * s * s)
        imag[m] = -two * strength * s * c
        both = down * right
        above, right = right - both, right - right * right
        left[m], upper[m], lower[m] = one - down - above, above, both
        along[m], across[m] = down - both, right


@njit(error_model="numpy", fastmath={"contract"})
@no_type_check
def _deposit(nodes, levels, lists, number, tables):
    """Add the scatterers of a batch to the nodes; return how many lie in the slice."""
    below, second, offsets = np.uintp(tables.width), np.uintp(1), np.uintp(OFFSETS)
    place, whole = lists.place, lists.whole
    humps, w10, offs, reals, imags = place[0], place[1], place[2], place[3], place[4]
    w00, w01, w11 = place[5], place[6], place[7]
    fields, cells, nears, others = whole[0], whole[1], whole[2], whole[3]
    one, total = np.float32(1), np.uintp(0)
    for n in range(number):
        m = np.uintp(n)
        f = np.uintp(fields[m])
        at = f // offsets
        if nears[m] < 0:
            continue
        if offs[m] > tables.half_mm[at]:
            continue
        p, q = np.uintp(nears[m]), np.uintp(others[m])
        level = np.uintp(levels[np.uintp(cells[m])])
        total += np.uintp(level != 0)
        strength = tables.amplitude[level] * (one + tables.boost_beam[at] * humps[m])
        f += f
        a, b = tables.field[f] * strength, tables.field[f + second] * strength
        re = reals[m] * a - imags[m] * b
        im = reals[m] * b + imags[m] * a
        _add(nodes, p, w00[m], re, im)
        _add(nodes, q, w01[m], re, im)
        _add(nodes, p + below, w10[m], re, im)
        _add(nodes, q + below, w11[m], re, im)
    return np.int64(total)
