"""Baked tissue, and requests that cannot be met."""

from dataclasses import replace

import numpy as np
import pytest

from sonotrace.benchmark.physics_rig import Uniform, pose_at, renderer_of
from sonotrace.errors import GeometryError, ResourceError
from sonotrace.simulate import memory
from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.echo.lattice import scatterers_of_layer
from sonotrace.simulate.probe import Probe, Scanner, View
from sonotrace.simulate.scene import set_stage
from sonotrace.simulate.scenes import make_scene
from sonotrace.simulate.world import bake, pose_of, speckle_pitch_mm

SCANNER = Scanner(view=View(rows=64, columns=64, pixel_mm=0.2))
CONVEX = Scanner(probe=Probe(shape="convex", radius_mm=20.0, height_mm=8.0), view=SCANNER.view)


class Ramp:
    """Echo level x, attenuation y."""

    def echo_db(self, x, y, z):
        return x.astype(np.float32)

    def attenuation(self, x, y, z):
        return y.astype(np.float32)


def test_every_scatterer_has_the_level_of_its_own_place():
    world = bake(Ramp(), make_grid(SCANNER), [pose_at()], pitch_mm=0.5, seed=4)
    box = world.lattice.box
    x, _, _ = scatterers_of_layer(box, 5, 0.5, 4)
    level = world.lattice.levels[5].ravel() / 3 - 60
    np.testing.assert_allclose(level, x, atol=1 / 6 + 1e-3)


def test_attenuation_is_sampled_at_the_corners_of_voxels():
    tissue = bake(Ramp(), make_grid(SCANNER), [pose_at()], pitch_mm=0.5).attenuation
    depth = tissue.origin[1] + tissue.step * np.arange(len(tissue.values))
    np.testing.assert_allclose(tissue.values[:, 0, 0], depth, atol=1e-5)


def test_the_same_tissue_is_baked_on_any_number_of_threads():
    grid = make_grid(SCANNER)
    one, two = (
        bake(Ramp(), grid, [pose_at()], pitch_mm=0.5, threads=threads).lattice.levels
        for threads in (1, 2)
    )
    assert np.array_equal(one, two)


@pytest.mark.parametrize("scanner", [SCANNER, CONVEX])
@pytest.mark.parametrize("angles", [(0, 0, 0), (0, 80, 0), (0, -50, 40), (90, 0, 0)])
def test_a_pose_that_was_baked_is_inside_whatever_its_direction(scanner, angles):
    pose = pose_at(angles_deg=angles)
    renderer = renderer_of(scanner, [pose], pitch_mm=1.0)
    renderer.world.require_around(renderer.grid, pose, 0.0)


def test_a_pose_outside_the_tissue_is_refused_in_words():
    renderer = renderer_of(SCANNER, [pose_at()], pitch_mm=0.5)
    with pytest.raises(GeometryError, match=r"the slice reaches from .* Bake the tissue around"):
        renderer.grey(pose_at((0, 0, 30)))


@pytest.mark.parametrize("pitch", [0.0, -1.0, 0.01, 3.0, float("inf"), float("nan")])
def test_a_pitch_that_leaves_no_scatterers_or_too_many_is_refused(pitch):
    with pytest.raises(GeometryError, match=r"Give a pitch of 0\.05 to 2 mm"):
        bake(Uniform(), make_grid(SCANNER), [pose_at()], pitch_mm=pitch)


def test_more_tissue_than_fits_in_memory_is_refused_before_it_is_made():
    poses = [pose_at(), pose_at((0, 0, 1_000_000))]
    with pytest.raises(ResourceError, match="Shorten the path"):
        bake(Uniform(), make_grid(SCANNER), poses)


def test_scatterers_that_cannot_be_numbered_are_refused_whatever_memory_there_is(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**15)
    poses = [pose_at(), pose_at((0, 0, 1_000_000))]
    with pytest.raises(ResourceError, match="can be numbered"):
        bake(Uniform(), make_grid(SCANNER), poses)


def test_tissue_that_fits_a_large_memory_is_refused_in_a_small_one(monkeypatch):
    """2 m at 0.2 mm are 16 x 16 x 2000 mm or more: 64 million scatterers, a byte each."""
    grid, poses = make_grid(SCANNER), [pose_at(), pose_at((0, 0, 2_000))]
    monkeypatch.setattr(memory, "available_bytes", lambda: 60_000_000)
    bake(Uniform(), grid, poses[:1], pitch_mm=0.5)
    with pytest.raises(ResourceError, match=r"0\.1 GB are available.*Shorten the path") as caught:
        bake(Uniform(), grid, poses, pitch_mm=0.2)
    assert caught.value.exit_code == 6


def test_large_pictures_on_many_threads_are_refused_in_a_small_memory(monkeypatch):
    grid = make_grid(Scanner(view=View(rows=512, columns=512, pixel_mm=0.05)))
    monkeypatch.setattr(memory, "available_bytes", lambda: 80_000_000)
    bake(Uniform(), grid, [pose_at()], pitch_mm=0.5, threads=1)
    with pytest.raises(ResourceError, match=r"512 x 512 pixels on 64 threads.*fewer threads"):
        bake(Uniform(), grid, [pose_at()], pitch_mm=0.5, threads=64)


def test_no_poses_are_refused():
    with pytest.raises(ValueError, match="no poses"):
        bake(Uniform(), make_grid(SCANNER), [])


@pytest.mark.parametrize("diagonal", [(2.0, 1.0, 1.0), (1.0, 1.0, -1.0), (0.2, 0.2, 0.2)])
def test_a_pose_that_is_not_rigid_is_refused(diagonal):
    with pytest.raises(GeometryError, match="no motion of a rigid probe"):
        pose_of(np.diag([*diagonal, 1.0]))


def test_a_finer_resolution_needs_a_finer_pitch():
    low, high = speckle_pitch_mm(Probe(frequency_mhz=5.0)), speckle_pitch_mm(Probe())
    assert high < low
    # 8.3 in a cell at 0.25 mm, see sonotrace.benchmark.physics
    assert high == pytest.approx(0.25, rel=0.06)
    assert speckle_pitch_mm(Probe(), 18.0) == pytest.approx(high * 0.5 ** (1 / 3))


@pytest.mark.parametrize("kind", ["lesion", "spine", "sweep"])
def test_scatterers_that_no_slice_holds_do_not_matter(kind):
    scene = make_scene(kind, 3, frames=9, size=96)
    stage = set_stage(scene, threads=1)
    renderer = stage.renderer
    poses = [pose_of(pose) for pose in scene.poses]
    whole = bake(
        scene.anatomy,
        renderer.grid,
        poses,
        moved_mm=5.0,
        seed=scene.seed,
        pitch_mm=scene.pitch_mm,
    )
    assert (renderer.world.lattice.levels == 0).mean() > (whole.lattice.levels == 0).mean() + 0.1
    complete = replace(renderer, world=whole)
    for index in (0, 4, 8):
        moment = stage.moment(index)
        shown = [
            one.grey(moment.pose, flow=moment.flow, noise_seed=index)
            for one in (renderer, complete)
        ]
        np.testing.assert_array_equal(*shown)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_pose_without_a_place_is_refused(wrong):
    pose = np.eye(4)
    pose[1, 3] = wrong
    with pytest.raises(GeometryError, match="finite"):
        pose_of(pose)
