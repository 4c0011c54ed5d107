"""Tissue takes, and leaves, as many dB as were set."""

import dataclasses

import numpy as np
import pytest

from sonotrace.benchmark.physics_picture import shadows
from sonotrace.benchmark.physics_rig import PhysicsSettings, Slab, Uniform, pose_at, renderer_of
from sonotrace.settings import replace
from sonotrace.simulate.echo.shadow import coarse_axes, transmission
from sonotrace.simulate.motion import STILL
from sonotrace.simulate.probe import Probe, Scanner, View

VIEW = View(rows=96, columns=96, pixel_mm=0.4)
CONVEX = Scanner(probe=Probe(shape="convex", frequency_mhz=3.5, lens_mm=30.0), view=VIEW)
DEFAULT = Scanner(view=VIEW)


def passed_db(scanner, tissue):
    renderer = renderer_of(scanner, [pose_at()], tissue=tissue, pitch_mm=0.5)
    passed = transmission(renderer.grid, renderer.world.attenuation, pose_at(), STILL)
    depth, across = coarse_axes(renderer.grid)
    return depth, across, 20 * np.log10(passed.astype(np.float64))


@pytest.mark.parametrize(("scanner", "frequency"), [(DEFAULT, 7.5), (CONVEX, 3.5)])
@pytest.mark.parametrize("loss", [0.4, 1.0])
def test_echoes_fall_by_2_f_times_the_excess_of_attenuation(scanner, frequency, loss):
    depth, _, level = passed_db(scanner, Uniform(loss))
    slope = np.polyfit(depth / 10, level[:, level.shape[1] // 2], 1)[0]
    assert slope == pytest.approx(-2 * frequency * (loss - 0.7), rel=0.05)


def test_tissue_of_the_reference_changes_nothing():
    np.testing.assert_allclose(passed_db(DEFAULT, Uniform(0.7))[2], 0, atol=1e-4)


def test_a_cyst_brightens_and_an_absorber_darkens_what_lies_behind():
    # 1 cm both ways at 7.5 MHz: 15 cm MHz times 0.65 and -1 dB
    found = shadows(PhysicsSettings(pixels=96))
    assert found["cyst"]["behind_db"] == pytest.approx(9.75, abs=0.5)
    assert found["absorber"]["behind_db"] == pytest.approx(-15, abs=0.5)


def test_a_shadow_lies_behind_what_casts_it_and_nowhere_else():
    tissue = Slab(loss=1.7, top_mm=10.0, bottom_mm=20.0, half_width_mm=6.0)
    depth, across, level = passed_db(DEFAULT, tissue)
    np.testing.assert_allclose(level[depth < 9], 0, atol=1e-3)
    np.testing.assert_allclose(level[:, np.abs(across) > 17], 0, atol=0.1)
    assert level[-1, np.abs(across) < 1].max() < -10


def test_edges_of_a_shadow_grow_softer_with_depth():
    tissue = Slab(loss=3.0, top_mm=5.0, bottom_mm=8.0, half_width_mm=8.0)
    depth, _, level = passed_db(DEFAULT, tissue)
    passed = 10 ** (level / 20)
    part = (passed - passed[-1].min()) / (1 - passed[-1].min())
    soft = ((part > 0.1) & (part < 0.9)).sum(axis=1)
    at = [int(np.argmin(np.abs(depth - wanted))) for wanted in (10, 20, 35)]
    assert soft[at[0]] < soft[at[1]] < soft[at[2]]


@pytest.mark.parametrize("probe", [Probe(), Probe(f_receive=0.4), CONVEX.probe])
def test_amplitudes_are_the_mean_over_rays_that_are_followed_one_by_one(probe):
    scanner = Scanner(probe=probe, view=VIEW)
    tissue = Slab(loss=2.5, top_mm=5.0, bottom_mm=12.0, half_width_mm=6.0)
    renderer = renderer_of(scanner, [pose_at()], tissue=tissue, pitch_mm=0.5)
    grid, known = renderer.grid, renderer.world.attenuation
    straight = replace(scanner, probe=replace(probe, f_receive=1e6))  # losses down each beam
    down = transmission(make_grid_like(grid, straight), known, pose_at(), STILL)
    depth, across = coarse_axes(grid)
    sums = -20 * np.log10(down.astype(np.float64))
    passed = followed(grid, depth, across, losses_of(sums, depth))
    found = transmission(grid, known, pose_at(), STILL)
    # at the slab's sharp edges, interpolating twice differs from interpolating once
    assert np.abs(found - passed).max() < 0.05
    assert np.abs(found - passed).mean() < 2e-3


def make_grid_like(grid, scanner):
    """The same grid of another scanner's receiving aperture."""
    return dataclasses.replace(grid, scanner=scanner)


def losses_of(sums, depth):
    """Undo the sum by trapezoids down each beam: dB for one step of depth, at each place."""
    here = np.empty_like(sums)
    here[0] = sums[0] * (depth[1] - depth[0]) / depth[0]
    for i in range(1, len(sums)):
        here[i] = 2 * (sums[i] - sums[i - 1]) - here[i - 1]
    return here


def followed(grid, depth, across, here):
    """Follow five rays to every place, by interpolation in each row above it."""
    passed = np.zeros_like(here)
    radius = grid.shape.radius + depth if grid.shape.convex else np.ones(len(depth))
    # a ray's x, or angle, changes by what its slope makes of depth
    for slope in np.linspace(-0.5, 0.5, 5) * 0.7 / grid.scanner.probe.f_receive:
        lean = slope * depth / radius
        for i in range(len(depth)):
            met = [np.interp(across + lean[i] - lean[k], across, here[k]) for k in range(i + 1)]
            weights = np.ones(i + 1)
            weights[0] = depth[0] / (depth[1] - depth[0]) + (0.5 if i else 0)
            weights[-1] = 0.5 if i else weights[-1]
            passed[i] += 10 ** (-(weights @ np.array(met)) / 20) / 5
    return passed
