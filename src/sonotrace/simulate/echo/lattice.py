"""Scatterers on a lattice: one in every cell of tissue, placed and signed by a hash of the cell.

Nothing is stored of a scatterer but how strong its echo is. The same cell gives the same
scatterer in any frame, at any pose and in any order, so speckle moves and decorrelates with the
probe as it does in tissue. Signs are +1 or -1 by an even chance: the field is white whatever the
positions, and half as many scatterers are needed as with random amplitudes.

Axes of tissue are those of a picture: x across, y into depth, z out of the picture, in mm.

Source of the mixing function: the finaliser of MurmurHash3 (A. Appleby, public domain).
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, UInt8
from numba import njit

LEVEL_STEP_DB = 1 / 3
LEVEL_FLOOR_DB = -60.0
"""Echo levels are stored in bytes: 0 is silence, byte q is `LEVEL_FLOOR_DB + q / 3` dB."""
LEVEL_TOP_DB = LEVEL_FLOOR_DB + 255 * LEVEL_STEP_DB
KEY_STEP = np.uint32(0xC2B2AE3D)

Values = Float32[np.ndarray, " N"]


class Box(NamedTuple):
    """Cells of the lattice: the first cell along x, y and z, and how many there are."""

    first: tuple[int, int, int]
    size: tuple[int, int, int]


def box_around(low_mm: tuple[float, ...], high_mm: tuple[float, ...], pitch_mm: float) -> Box:
    """Return the cells that cover a box of tissue."""
    first = [int(np.floor(value / pitch_mm)) for value in low_mm]
    last = [int(np.ceil(value / pitch_mm)) for value in high_mm]
    counts = [b - a for a, b in zip(first, last, strict=True)]
    return Box((first[0], first[1], first[2]), (counts[0], counts[1], counts[2]))


def scatterers_of_layer(
    box: Box, layer: int, pitch_mm: float, seed: int
) -> tuple[Values, Values, Values]:
    """Return x, y and z in mm of the scatterers of one layer of depth, x slowest, z fastest.

    Args:
        box: The cells.
        layer: Position along y, from 0 to `box.size[1] - 1`.
        pitch_mm: Edge of a cell.
        seed: Of the tissue.
    """
    columns, planes = box.size[0], box.size[2]
    points = np.empty((3, columns * planes), dtype=np.float32)
    first = (box.first[0], box.first[1] + layer, box.first[2])
    _place_layer(points, first, planes, pitch_mm, np.uint32(seed & 0xFFFFFFFF))
    return points[0], points[1], points[2]


def encode_levels(level_db: Float32[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    """Return the byte of every level; what is below the floor is silent.

    Raises:
        ValueError: A level is above what a byte holds.
    """
    steps = np.rint((level_db - LEVEL_FLOOR_DB) / LEVEL_STEP_DB)
    if steps.size and float(steps.max()) > 255:
        raise ValueError(
            f"an echo level of {float(level_db.max()):.1f} dB; at most {LEVEL_TOP_DB} can be stored"
        )
    return np.asarray(np.maximum(steps, 0), dtype=np.uint8)


def amplitudes() -> Float32[np.ndarray, "256"]:
    """Return the amplitude that each byte stands for."""
    level = LEVEL_FLOOR_DB + LEVEL_STEP_DB * np.arange(256)
    amplitude = (10 ** (level / 20)).astype(np.float32)
    amplitude[0] = 0
    return amplitude


@njit(inline="always")
@no_type_check
def mix32(value):
    """Return 32 well-mixed bits of 32 bits."""
    value = np.uint32(value ^ (value >> np.uint32(16)))
    value = np.uint32(value * np.uint32(0x85EBCA6B))
    value = np.uint32(value ^ (value >> np.uint32(13)))
    value = np.uint32(value * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))


@njit(inline="always")
@no_type_check
def hash_of_line(i, j, seed):
    """Return the part of the hash that all cells (i, j, any k) share."""
    value = mix32(np.uint32(np.uint32(j) * np.uint32(0x9E3779B1) + seed))
    return mix32(np.uint32(np.uint32(i) * np.uint32(0x85EBCA77) + value))


@njit(inline="always")
@no_type_check
def key_of_cell(line, k):
    """Return what the hash of a cell is mixed from; it grows by `KEY_STEP` from k to k + 1."""
    return np.uint32(np.uint32(k) * KEY_STEP + line)


@njit(inline="always")
@no_type_check
def hash_of_cell(line, k):
    """Return 32 bits of a cell: three times 10 bits of place, and a sign."""
    return mix32(key_of_cell(line, k))


@njit(cache=True, nogil=True)
@no_type_check
def _place_layer(points, first, planes, pitch, seed):
    step = pitch / 1024.0
    n = 0
    for i in range(points.shape[1] // planes):
        line = hash_of_line(first[0] + i, first[1], seed)
        for k in range(planes):
            bits = hash_of_cell(line, first[2] + k)
            x = (bits & np.uint32(1023)) + 0.5
            y = ((bits >> np.uint32(10)) & np.uint32(1023)) + 0.5
            z = ((bits >> np.uint32(20)) & np.uint32(1023)) + 0.5
            points[0, n] = (first[0] + i) * pitch + x * step
            points[1, n] = first[1] * pitch + y * step
            points[2, n] = (first[2] + k) * pitch + z * step
            n += 1
