"""Work is counted by hand from the same formulas."""

import pytest

from sonotrace.benchmark.simulator_bound import (
    OPERATIONS,
    FrameCount,
    count_frame,
    measure_clock,
)
from sonotrace.simulate.scene import set_stage
from sonotrace.simulate.scenes import make_scene


def test_the_grid_is_counted_node_by_node():
    stage = set_stage(make_scene("sweep", 1, frames=1, size=96), threads=1)
    grid, count = stage.renderer.grid, count_frame(stage)
    assert count.nodes == grid.shape.rows * grid.shape.columns
    assert count.levels == grid.lines * grid.beams
    samples = grid.lines * grid.shape.per_row
    looks, _, taps = grid.taps.beam_real.shape
    assert looks == 3  # one straight, two that mirror one another: two even parts and an odd one
    assert count.beam_steps == samples * grid.beams * 3 * (taps // 2 + 1) * 6


def test_a_scatterer_is_bound_by_its_stores():
    count = FrameCount(
        scatterers=1000.0,
        nodes=1,
        pulse_steps=0.0,
        beam_steps=160.0,
        levels=0,
        coarse_nodes=0,
        megabytes=0.0,
    )
    assert count.cycles()["scatter"] == pytest.approx(1000 * (OPERATIONS / 16 + 8))
    assert count.cycles()["pulse and beam"] == pytest.approx(10)
    assert count.operations() == OPERATIONS * 1000 + 160


def test_the_clock_of_a_processor_is_some_gigahertz():
    assert 0.3 < measure_clock(repeats=1).gigahertz < 8
