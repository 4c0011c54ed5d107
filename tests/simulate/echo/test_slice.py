"""Echoes of the slice: all scatterers of it, at the right strength, in any direction."""

import numpy as np
import pytest

from sonotrace.benchmark.physics import speckle_by_density
from sonotrace.benchmark.physics_picture import level_by_depth
from sonotrace.benchmark.physics_rig import (
    PhysicsSettings,
    complex_echoes,
    echoes_at,
    pose_at,
    power_correlation,
    renderer_of,
)
from sonotrace.simulate.echo.lattice import scatterers_of_layer
from sonotrace.simulate.echo.slice import Lattice, empty_echo, sum_echoes
from sonotrace.simulate.motion import STILL, Push, TissueMotion, flow_box, went_to
from sonotrace.simulate.probe import Probe, Scanner, View

THICK = Probe(height_mm=8.0, lens_mm=12.0)
CONVEX = Probe(
    shape="convex", frequency_mhz=3.5, f_receive=2.0, f_transmit=3.5,
    focus_mm=55.0, height_mm=12.0, lens_mm=55.0,
)  # fmt: skip
SMALL = Scanner(probe=THICK, view=View(rows=96, columns=96, pixel_mm=0.2))
FAN = Scanner(probe=CONVEX, view=View(rows=96, columns=96, pixel_mm=0.6))
OBLIQUE = [(0, 0, 0), (0, 30, 0), (0, 50, 0), (0, 53.5, 0), (0, 80, 0), (90, 0, 0), (45, 35, 20)]


def lattice_points(lattice, flow=STILL):
    """Return places of all scatterers now; tissue moves as its cell's centre does."""
    box, pitch = lattice.box, lattice.pitch
    i, k = np.meshgrid(np.arange(box.size[0]), np.arange(box.size[2]), indexing="ij")
    places = []
    for layer in range(box.size[1]):
        found = scatterers_of_layer(box, layer, pitch, int(lattice.seed))
        cells = (i.ravel(), np.full(i.size, layer), k.ravel())
        rest = [(c + f + 0.5) * pitch for c, f in zip(cells, box.first, strict=True)]
        moved = went_to(flow, *rest)
        places.append(
            np.stack(
                [a + m - r for a, m, r in zip(found, moved, rest, strict=True)], dtype=np.float64
            )
        )
    return np.concatenate(places, axis=1)


def number_in_slice(renderer, pose, flow=STILL):
    """Count scatterers of the slice one by one, without walking along lines."""
    grid, shape = renderer.grid, renderer.grid.shape
    place = lattice_points(renderer.world.lattice, flow)
    x, y, z = pose.rotation.T @ (place - pose.origin[:, None])
    depth, across = y, x
    if shape.convex:
        depth = np.hypot(x, y + shape.radius) - shape.radius
        across = np.arctan2(x, y + shape.radius)
    at = np.floor(depth / grid.elevation.depth_step_mm + 0.5).astype(int)
    inside = (depth >= 0) & (at < len(grid.elevation.half_mm))
    inside[inside] &= np.abs(z[inside]) <= grid.elevation.half_mm[at[inside]]
    row = depth / shape.sample_step + shape.margin - 0.5
    column = across / shape.beam_step + shape.centre
    return int(
        (inside & (column >= 0) & (row < shape.rows - 1) & (column < shape.columns - 1)).sum()
    )


def number_found(renderer, pose, flow=STILL):
    echo = empty_echo(renderer.grid)
    lattice = renderer.world.lattice
    return sum_echoes(echo, renderer.grid, renderer.tables, lattice, pose, flow)


@pytest.mark.parametrize("angles", OBLIQUE)
@pytest.mark.parametrize(("scanner", "pitch"), [(SMALL, 0.4), (FAN, 0.8)])
def test_no_scatterer_of_an_oblique_slice_is_lost(scanner, pitch, angles):
    pose = pose_at((1.0, 0.5, 2.0), angles)
    renderer = renderer_of(scanner, [pose], pitch_mm=pitch)
    # single precision decides about those on the surface
    assert number_found(renderer, pose) == pytest.approx(number_in_slice(renderer, pose), abs=2)


@pytest.mark.parametrize("angles", [(0, 0, 0), (0, 50, 0), (90, 0, 0)])
def test_no_scatterer_of_moving_tissue_is_lost(angles):
    pose = pose_at((0.0, 0.0, 0.0), angles)
    renderer = renderer_of(SMALL, [pose], pitch_mm=0.4, moved_mm=2.0)
    push = Push((1.0, 8.0, 1.0), 6.0, (0.6, -0.5, 0.9))
    flow = TissueMotion().flow(0.0, flow_box((-30.0, -30.0, -30.0), (30.0, 30.0, 30.0)), [push])
    assert number_found(renderer, pose, flow) == pytest.approx(
        number_in_slice(renderer, pose, flow), abs=2
    )


@pytest.mark.parametrize("angles", OBLIQUE)
def test_speckle_of_an_oblique_slice_is_as_strong_as_that_of_a_straight_one(angles):
    pose = pose_at(angles_deg=angles)
    power = np.abs(echoes_at(renderer_of(SMALL, [pose]), pose)) ** 2
    # 19 x 19 mm hold about 2500 independent cells: 2 % standard error of the power
    assert power.mean() == pytest.approx(1, abs=0.08)


def test_speckle_has_an_rms_of_1_at_every_depth():
    found = level_by_depth(PhysicsSettings(seeds=1, pixels=128))
    for name in ("linear", "steered", "convex"):
        np.testing.assert_allclose(found[name], 1, atol=0.1)
        assert np.mean(found[name]) == pytest.approx(1, abs=0.02)


def test_developed_speckle_has_a_rayleigh_envelope():
    found = speckle_by_density(PhysicsSettings(seeds=2, pitches_mm=(0.2,)))
    assert found["snr"][0] == pytest.approx(1.913, abs=0.05)
    assert found["ratio"][0] == pytest.approx(2, abs=0.1)


def test_sparse_scatterers_make_speckle_that_is_not_developed():
    # +-1 amplitudes, from 1 to 8 in a resolution cell: 1.1, 1.65, 1.88
    found = speckle_by_density(PhysicsSettings(seeds=1, pitches_mm=(0.5, 0.35, 0.25)))
    np.testing.assert_allclose(found["snr"], [1.1, 1.64, 1.88], atol=0.08)
    assert found["ratio"] == sorted(found["ratio"], reverse=True)


def only_one(renderer, cell):
    """Return a world of a single scatterer, and where it is."""
    lattice = renderer.world.lattice
    levels = np.zeros_like(lattice.levels)
    levels[cell[1], cell[0], cell[2]] = 180  # 0 dB
    x, y, z = scatterers_of_layer(lattice.box, cell[1], lattice.pitch, int(lattice.seed))
    n = cell[0] * lattice.box.size[2] + cell[2]
    place = np.array([x[n], y[n], z[n]], dtype=np.float64)
    return Lattice(levels, lattice.box, lattice.pitch, lattice.seed), place


@pytest.mark.parametrize("angles", [(0, 0, 0), (3, -2, 10)])
def test_a_scatterer_appears_where_it_is(angles):
    pose = pose_at((1.0, -0.5, 0.1), angles)
    renderer = renderer_of(SMALL, [pose])
    grid, shape = renderer.grid, renderer.grid.shape
    box, pitch = renderer.world.lattice.box, renderer.world.lattice.pitch
    near = pose.rotation @ [3.0, 11.0, 0.0] + pose.origin
    cell = [int(c // pitch) - f for c, f in zip(near, box.first, strict=True)]
    lattice, place = only_one(renderer, cell)
    echo = empty_echo(grid)
    assert sum_echoes(echo, grid, renderer.tables, lattice, pose, STILL) == 1
    power = np.abs(complex_echoes(grid, echo)) ** 2
    rows, columns = np.indices(power.shape)
    row, column = (rows * power).sum() / power.sum(), (columns * power).sum() / power.sum()
    x, y, _ = pose.rotation.T @ (place - pose.origin)
    assert (row + 0.5) * shape.sample_step == pytest.approx(y, abs=0.1 * shape.sample_step)
    beam = (column - (grid.beams - 1) / 2) * shape.beam_step
    assert beam == pytest.approx(x, abs=0.1 * shape.beam_step)


def test_the_echo_turns_by_twice_the_wavenumber_with_depth():
    poses = [pose_at((0.0, 0.0, 0.0)), pose_at((0.0, -0.02, 0.0))]
    renderer = renderer_of(SMALL, poses)
    one, other = (echoes_at(renderer, pose) for pose in poses)
    turned = np.angle((other * one.conj()).sum())
    assert turned == pytest.approx(-4 * np.pi / 1.54 * 7.5 * 0.02, abs=0.05)


def test_half_a_turn_about_the_axis_of_depth_mirrors_the_picture():
    poses = [pose_at(), pose_at(angles_deg=(180, 0, 0))]
    renderer = renderer_of(SMALL, poses)
    one, other = (np.abs(echoes_at(renderer, pose)) ** 2 for pose in poses)
    assert power_correlation(one, np.ascontiguousarray(other[:, ::-1])) > 0.9999


def test_the_same_pose_gives_the_same_bits_and_another_seed_other_speckle():
    one, again, other = (
        renderer_of(SMALL, [pose_at()], seed=seed).echoes(pose_at()) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    grid = renderer_of(SMALL, [pose_at()]).grid
    a, b = (np.abs(complex_echoes(grid, echo)) ** 2 for echo in (one, other))
    assert abs(power_correlation(a, b)) < 0.06
