"""The grid is fine enough, and pixels find their nodes."""

import numpy as np
import pytest

from sonotrace.simulate.echo.beam import beam_mm
from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.probe import Probe, Scanner, View

CONVEX = Probe(
    shape="convex", frequency_mhz=3.5, f_receive=2.0, focus_mm=55.0, height_mm=12.0, lens_mm=55.0
)


@pytest.mark.parametrize("pixels", [96, 256, 448])
@pytest.mark.parametrize(("probe", "depth"), [(Probe(), 40.0), (CONVEX, 80.0)])
def test_steps_are_at_most_1_1_standard_deviations_of_pulse_and_beam(pixels, probe, depth):
    grid = make_grid(
        Scanner(probe=probe, view=View(rows=pixels, columns=pixels, pixel_mm=depth / pixels))
    )
    assert grid.shape.sample_step <= 0.9 * probe.pulse_mm
    lines = grid.depth_of_lines()[grid.lines // 10 :]
    step = grid.shape.beam_step * ((probe.radius_mm + lines) if grid.shape.convex else 1.0)
    assert (step <= 1.1 * beam_mm(probe, lines)).all()


def test_samples_divide_rows_of_pixels_evenly():
    grid = make_grid(Scanner())
    assert grid.shape.sample_step * grid.shape.per_row == pytest.approx(40 / 256)
    assert grid.depth_of_lines()[0] == pytest.approx(20 / 256)


def test_beams_lie_symmetrically_and_span_the_picture():
    beams = make_grid(Scanner()).beam_positions()
    np.testing.assert_allclose(beams, -beams[::-1], atol=1e-9)
    assert beams[-1] >= (256 - 1) / 2 * 40 / 256


def test_pixels_outside_the_fan_have_no_node():
    scanner = Scanner(probe=CONVEX, view=View(rows=96, columns=96, pixel_mm=0.9))
    grid = make_grid(scanner)
    x, y = scanner.pixel_points()
    radius = np.hypot(x, y + CONVEX.radius_mm)
    angle = np.abs(np.arctan2(x, y + CONVEX.radius_mm))
    depth = radius - CONVEX.radius_mm
    inside = (depth >= 0) & (depth <= grid.lines * 0.9) & (angle <= np.radians(31))
    np.testing.assert_array_equal(grid.conversion.node >= 0, inside)


def test_nodes_and_weights_of_a_pixel_give_back_its_place():
    scanner = Scanner(probe=CONVEX, view=View(rows=96, columns=96, pixel_mm=0.9))
    grid = make_grid(scanner)
    node, down, right = grid.conversion
    x, y = scanner.pixel_points()
    kept = (node >= 0) & (np.hypot(x, y + 50) - 50 > 1) & (np.hypot(x, y + 50) - 50 < 70)
    line, beam = node // grid.beams + down, node % grid.beams + right
    depth = (line + 0.5) * 0.9
    angle = (beam - (grid.beams - 1) / 2) * grid.shape.beam_step
    np.testing.assert_allclose(((50 + depth) * np.sin(angle))[kept], x[kept], atol=1e-4)
    np.testing.assert_allclose(((50 + depth) * np.cos(angle) - 50)[kept], y[kept], atol=1e-4)


def test_every_node_of_a_pixel_is_on_the_grid():
    for probe in (Probe(), CONVEX):
        grid = make_grid(Scanner(probe=probe, view=View(rows=96, columns=70, pixel_mm=0.7)))
        assert grid.conversion.node.max() + grid.beams + 1 < grid.lines * grid.beams
