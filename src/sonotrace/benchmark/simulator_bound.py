"""What a simulated frame has to cost: counted before anything is timed.

The counts are those of the arithmetic and of the numbers moved, stage by stage. The bound that
follows takes a core that does two multiply-adds of eight numbers in a cycle, or reads two and
writes one number (or eight side by side) in a cycle, and never waits.
"""

import time
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from numba import njit

from sonotrace.simulate.echo.picture_kernel import ALIKE, fold_looks
from sonotrace.simulate.echo.shadow import coarse_axes
from sonotrace.simulate.scene import Stage

LANES = 8
"""Numbers of single precision in a register."""
PER_CYCLE = 2
"""Arithmetic instructions in a cycle."""
OPERATIONS = 130
"""Additions, multiplications, shifts and conversions of one scatterer up to its four weights:
15 for the hash, 40 for the place, 55 for nodes, parts and phase, 20 for the complex amplitude."""
STORES = 8
"""Numbers written for one scatterer: a complex number at each of four nodes."""
_LOG_OPERATIONS = 20
_CHAIN = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How many cycles the machine does."""

    gigahertz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCount:
    """Work of one frame."""

    scatterers: float
    """Volume of the slice over the volume of a cell."""
    nodes: int
    """Complex numbers of the grid."""
    pulse_steps: float
    """Additions and multiply-adds of the convolution in depth, mirrored taps added first."""
    beam_steps: float
    """The same across: an even part for each look, and an odd one for slanted looks; a look and its
    mirror image count once."""
    levels: int
    """Logarithms."""
    coarse_nodes: int
    """At which attenuation is read."""
    megabytes: float
    """A byte of level for each scatterer; the grid cleared, written and read; the picture."""

    def operations(self) -> float:
        """Return the arithmetic operations of a frame; a multiply-add counts as one."""
        steps = self.pulse_steps + self.beam_steps
        return OPERATIONS * self.scatterers + steps + _LOG_OPERATIONS * self.levels

    def cycles(self) -> dict[str, float]:
        """Return the least cycles of the largest stages on one core."""
        at_once = LANES * PER_CYCLE
        return {
            # eight numbers go to places of their own: the stores cannot be done side by side
            "scatter": self.scatterers * (OPERATIONS / at_once + STORES),
            "pulse and beam": (self.pulse_steps + self.beam_steps) / at_once
            + _LOG_OPERATIONS * self.levels / at_once,
        }


def count_frame(stage: Stage) -> FrameCount:
    """Count the work of a frame, from nothing but the scanner and the density of scatterers."""
    grid, pitch = stage.renderer.grid, stage.scene.pitch_mm
    shape, taps = grid.shape, grid.taps
    depth = (np.arange(shape.rows) - shape.margin + 0.5) * shape.sample_step
    depth = depth[(depth > 0) & (depth < grid.scanner.reach_mm())]
    breadth = shape.columns * shape.beam_step * (shape.radius + depth if shape.convex else 1.0)
    volume = float((breadth * 2 * grid.half_slab_mm(depth)).sum() * shape.sample_step)
    nodes = shape.rows * shape.columns
    samples = grid.lines * shape.per_row
    looks = fold_looks(taps.pulse, taps.beam_real, taps.beam_imag)
    slanted = int(np.count_nonzero(np.abs(looks.odd).max(axis=(1, 2, 3)) > ALIKE))
    pairs = (len(looks.kind) + slanted) * looks.even.shape[2]
    view = grid.scanner.view
    down, beside = coarse_axes(grid)
    scatterers = volume / pitch**3
    return FrameCount(
        scatterers=scatterers,
        nodes=nodes,
        pulse_steps=float(samples * shape.columns * 2 * len(taps.pulse)),
        # of each pair of taps two additions and four multiply-adds, as numbers are complex
        beam_steps=float(samples * grid.beams * pairs * 6),
        levels=grid.lines * grid.beams,
        coarse_nodes=len(down) * len(beside),
        megabytes=(scatterers + 3 * 8 * nodes + 5 * view.rows * view.columns) / 1e6,
    )


def measure_clock(repeats: int = 5) -> Clock:
    """Time a chain of operations of which each waits one cycle for the one before."""
    _chain(1000)
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        _chain(_CHAIN)
        seconds.append(time.perf_counter() - started)
    return Clock(gigahertz=6 * _CHAIN / min(seconds) / 1e9)


@njit(cache=True, nogil=True)
@no_type_check
def _chain(number):
    """Shift and combine: six operations a round, each with the result of the last."""
    value = np.uint64(88172645463325252)
    for _ in range(number):
        value ^= value << np.uint64(13)
        value ^= value >> np.uint64(7)
        value ^= value << np.uint64(17)
    return value
