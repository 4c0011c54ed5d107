"""Random fields of place that need no storage: the same place gives the same value.

`smooth` is value noise: random numbers at the corners of a lattice, blended between them.
`cell_walls` asks for the nearest of points scattered one to a cell (Worley, SIGGRAPH
1996, doi:10.1145/237170.237267): lobules are the regions of these points and septa the walls
between them, the places equally far from two.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float32
from numba import njit

from sonotrace.simulate.echo.lattice import hash_of_cell, hash_of_line

Values = Float32[np.ndarray, " N"]
Size = tuple[float, float, float]


def smooth(x: Values, y: Values, z: Values, size_mm: Size, seed: int) -> Values:
    """Return values of mean 0 and standard deviation about 1 that vary over `size_mm`.

    Args:
        x: Across, in mm.
        y: Into depth.
        z: Out of the picture.
        size_mm: Distance of the lattice's corners along x, y and z.
        seed: Another seed, another field.
    """
    out = np.empty(x.shape, dtype=np.float32)
    _smooth(out, (x, y, z), size_mm, np.uint32(seed & 0xFFFFFFFF))
    return out


def rough(x: Values, y: Values, z: Values, size_mm: Size, seed: int) -> Values:
    """Return three octaves of `smooth`, each half as large and half as strong."""
    total = smooth(x, y, z, size_mm, seed)
    for octave in (1, 2):
        part = 0.5**octave
        finer = (size_mm[0] * part, size_mm[1] * part, size_mm[2] * part)
        total += np.float32(part) * smooth(x, y, z, finer, seed + 7919 * octave)
    return total / np.float32(1.146)


def cell_walls(
    x: Values, y: Values, z: Values, size_mm: Size, seed: int
) -> tuple[Values, Values, Values]:
    """Return the distance to the nearest wall in mm, its facing, and a number of the cell.

    The facing is the cosine between the wall's normal and the axis of depth, without its sign:
    1 where the wall lies across the beam. The number is even over [0, 1).
    """
    wall, facing, which = (np.empty(x.shape, dtype=np.float32) for _ in range(3))
    _cell_walls((wall, facing, which), (x, y, z), size_mm, np.uint32(seed & 0xFFFFFFFF))
    return wall, facing, which


@njit(inline="always")
@no_type_check
def _corner(line, k):
    """Return a number of a corner, of mean 0 and variance 1."""
    bits = hash_of_cell(line, k)
    # the sum of three even numbers is about normal
    total = (
        np.int32(bits & np.uint32(1023))
        + np.int32((bits >> np.uint32(10)) & np.uint32(1023))
        + np.int32((bits >> np.uint32(20)) & np.uint32(1023))
    )
    return (total - 1534.5) / 512.0


@njit(inline="always")
@no_type_check
def _ease(part):
    """Return a step from 0 to 1 that begins and ends level."""
    return part * part * (3 - 2 * part)


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _smooth(out, places, size, seed):
    """Neighbours often share a cell: its corners are kept until the next."""
    x, y, z = places
    scale_x, scale_y, scale_z = 1 / size[0], 1 / size[1], 1 / size[2]
    last_i, last_j, last_k = 2**30, 2**30, 2**30
    v000, v001, v010, v011, v100, v101, v110, v111 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for n in range(out.shape[0]):
        a, b, c = x[n] * scale_x, y[n] * scale_y, z[n] * scale_z
        i, j, k = int(np.floor(a)), int(np.floor(b)), int(np.floor(c))
        if i != last_i or j != last_j or k != last_k:
            line = hash_of_line(i, j, seed)
            v000, v001 = _corner(line, k), _corner(line, k + 1)
            line = hash_of_line(i, j + 1, seed)
            v010, v011 = _corner(line, k), _corner(line, k + 1)
            line = hash_of_line(i + 1, j, seed)
            v100, v101 = _corner(line, k), _corner(line, k + 1)
            line = hash_of_line(i + 1, j + 1, seed)
            v110, v111 = _corner(line, k), _corner(line, k + 1)
            last_i, last_j, last_k = i, j, k
        a, b, c = _ease(a - i), _ease(b - j), _ease(c - k)
        near = v000 + c * (v001 - v000)
        near += b * (v010 + c * (v011 - v010) - near)
        far = v100 + c * (v101 - v100)
        far += b * (v110 + c * (v111 - v110) - far)
        out[n] = 1.6 * (near + a * (far - near))  # blending has taken from the variance


@njit(inline="always")
@no_type_check
def _gap(part, step):
    """Return how far a place at `part` of its cell is from the cell `step` further on."""
    if step < 0:
        return part
    return 1 - part if step > 0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _cell_walls(out, places, size, seed):
    """Nearest cells first, so that most of the others can be left out."""
    wall, facing, which = out
    x, y, z = places
    for n in range(wall.shape[0]):
        a, b, c = x[n] / size[0], y[n] / size[1], z[n] / size[2]
        i, j, k = int(np.floor(a)), int(np.floor(b)), int(np.floor(c))
        first, second, owner = 1e9, 1e9, np.uint32(0)
        u0, v0, w0, u1, v1, w1 = 0.0, 0.0, 0.0, 1.0, 1.0, 1.0
        for p in (0, -1, 1):
            apart_p = _gap(a - i, p) ** 2
            for q in (0, -1, 1):
                apart_q = apart_p + _gap(b - j, q) ** 2
                if apart_q > second:
                    continue
                line = hash_of_line(i + p, j + q, seed)
                for r in (0, -1, 1):
                    if apart_q + _gap(c - k, r) ** 2 > second:
                        continue
                    bits = hash_of_cell(line, k + r)
                    u = i + p + np.int32(bits & np.uint32(1023)) / 1024.0 - a
                    v = j + q + np.int32((bits >> np.uint32(10)) & np.uint32(1023)) / 1024.0 - b
                    w = k + r + np.int32((bits >> np.uint32(20)) & np.uint32(1023)) / 1024.0 - c
                    squared = u * u + v * v + w * w
                    if squared < first:
                        second, u1, v1, w1 = first, u0, v0, w0
                        first, u0, v0, w0, owner = squared, u, v, w, bits
                    elif squared < second:
                        second, u1, v1, w1 = squared, u, v, w
        # the wall is the plane (second - first) / 2 = n . place, with n between the two points
        s, t, r = (u1 - u0) / size[0], (v1 - v0) / size[1], (w1 - w0) / size[2]
        slope = np.sqrt(s * s + t * t + r * r) + 1e-9
        wall[n] = 0.5 * (second - first) / slope
        facing[n] = abs(t) / slope
        mixed = np.uint32(owner * np.uint32(0x9E3779B1))
        which[n] = np.int32(mixed >> np.uint32(16)) / 65536.0
