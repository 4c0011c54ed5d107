"""A transmission is read where it was computed."""

import numpy as np

from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.echo.shade import coarser, passed_at
from sonotrace.simulate.echo.shadow import coarse_axes
from sonotrace.simulate.probe import Scanner, View

GRID = make_grid(Scanner(view=View(rows=96, columns=96, pixel_mm=0.4)))


def test_nodes_are_read_as_they_are():
    depth, across = coarse_axes(GRID)
    passed = np.random.default_rng(0).random((len(depth), len(across)), dtype=np.float32)
    down, right = np.meshgrid(depth[:-1], across[:-1], indexing="ij")
    read = passed_at(GRID, passed, down.ravel(), right.ravel())
    np.testing.assert_allclose(read, passed[:-1, :-1].ravel(), atol=1e-5)


def test_a_depth_that_is_not_there_stays_so():
    read = passed_at(GRID, np.ones((8, 8), dtype=np.float32), np.array([np.nan, 5.0]), np.zeros(2))
    assert np.isnan(read[0])
    assert read[1] == 1


def test_the_coarser_grid_is_as_wide():
    fine, coarse = GRID.beam_positions(), coarser(GRID).beam_positions()
    np.testing.assert_allclose(coarse[[0, -1]], fine[[0, -1]])
    assert len(fine) > 240
    assert len(coarse) == (len(fine) + 1) // 2
