"""Masks of a needle, whole and as far as it can be seen."""

from typing import no_type_check

import numpy as np
from jaxtyping import Bool, UInt8
from numba import njit

from sonotrace.simulate.echo.grid import Grid
from sonotrace.simulate.needle.echo import Nodes
from sonotrace.simulate.tissue.section import fan_nodes, in_fan

_NEEDLE = 1

Labels = UInt8[np.ndarray, "H W"]
Flags = Bool[np.ndarray, " N"]


def paint(grid: Grid, nodes: Nodes, seen: Flags, behind: Labels) -> tuple[Labels, Labels, bool]:
    """Return masks of the whole needle and of what can be seen of it, and whether any can.

    Args:
        grid: Of the scanner.
        nodes: Of the needle.
        seen: Which of them can be seen.
        behind: 2 where there is a lesion, else 0.
    """
    view = grid.scanner.view
    whole, visible = behind.copy(), behind.copy()
    if len(nodes.x) > 1:
        row, column = grid.scanner.pixel_of(nodes.x, nodes.y)
        radius = float(nodes.half_mm.max()) / view.pixel_mm
        half = np.maximum(nodes.half_mm / view.pixel_mm, min(radius, np.sqrt(0.5)))
        masks = (whole, visible, behind, fan_nodes(grid))
        nearest = np.empty(whole.shape, dtype=np.float32)
        _paint(masks, nearest, (row, column, half, seen))
    return whole, visible, bool((visible == _NEEDLE).any())


@njit(cache=True, nogil=True)
@no_type_check
def _paint(masks, nearest, nodes):
    """Lay the needle over what is behind it; `nearest` counts where there is needle already."""
    whole, visible, behind, node = masks
    row, column, half, seen = nodes
    for n in range(row.shape[0] - 1):
        reach = max(half[n], half[n + 1]) + 1
        r0 = max(0, int(np.floor(min(row[n], row[n + 1]) - reach)))
        r1 = min(whole.shape[0], int(np.ceil(max(row[n], row[n + 1]) + reach)) + 1)
        c0 = max(0, int(np.floor(min(column[n], column[n + 1]) - reach)))
        c1 = min(whole.shape[1], int(np.ceil(max(column[n], column[n + 1]) + reach)) + 1)
        a, b = row[n + 1] - row[n], column[n + 1] - column[n]
        inverse = 1 / max(a * a + b * b, 1e-12)
        for r in range(r0, r1):
            down = r - row[n]
            for c in range(c0, c1):
                right = c - column[n]
                part = min(max((down * a + right * b) * inverse, 0.0), 1.0)
                off = (down - part * a) ** 2 + (right - part * b) ** 2
                if off > ((1 - part) * half[n] + part * half[n + 1]) ** 2:
                    continue
                if whole[r, c] == _NEEDLE and off >= nearest[r, c]:
                    continue
                if in_fan(node, r, c):
                    whole[r, c], nearest[r, c] = _NEEDLE, off
                    there = seen[n + 1] if part > 0.5 else seen[n]
                    visible[r, c] = _NEEDLE if there else behind[r, c]
