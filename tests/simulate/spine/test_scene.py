"""Spines have their classes where the surfaces are, and shadows below their bones."""

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sonotrace.errors import GeometryError
from sonotrace.settings import replace
from sonotrace.simulate.domains import DOMAINS
from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.echo.shade import passed_at
from sonotrace.simulate.echo.shadow import transmission
from sonotrace.simulate.echo.surface import Look, cross
from sonotrace.simulate.motion import STILL
from sonotrace.simulate.path import FASTEST_MM_S
from sonotrace.simulate.scene import Moment, set_stage
from sonotrace.simulate.spine.mask import BAND_MM, SOFT_DB
from sonotrace.simulate.spine.scene import draw_course, spine_scene
from sonotrace.simulate.world import pose_of

SMALL = replace(DOMAINS["linear-low"], name="small", depth_mm=(25.0, 26.0))
"""A newborn's spine, which takes little time."""
DOMAIN = {"small": SMALL, "convex": replace(DOMAINS["convex-other"], depth_mm=(40.0, 41.0))}
VIEWS = ("transverse", "paramedian")
SIZE = 96


@cache
def scene_of(seed, domain, view, frames=3):
    return spine_scene(seed, DOMAIN[domain], frames=frames, rows=SIZE, columns=SIZE, view=view)


@cache
def stage_of(domain, view):
    return set_stage(scene_of(1, domain, view), threads=1)


def moment_of(scene, index=0) -> Moment:
    pose = pose_of(scene.poses[index])
    return Moment(index, 0.0, make_grid(scene.scanner), pose, STILL)


def truths(domain, view, seeds):
    for seed in seeds:
        scene = scene_of(seed, domain, view)
        for index in range(len(scene)):
            yield scene, moment_of(scene, index), scene.content.truth(moment_of(scene, index))


@pytest.mark.parametrize(
    ("view", "classes"), [("transverse", {1, 2, 3, 4, 5}), ("paramedian", {2, 3, 4, 5})]
)
def test_a_view_shows_its_classes_over_some_seeds(view, classes):
    seen = set()
    for _, _, truth in truths("small", view, range(5)):
        assert truth.visible.any()
        seen |= set(np.unique(truth.visible).tolist())
    assert classes <= seen


@pytest.mark.parametrize("view", VIEWS)
def test_what_can_be_seen_is_there(view):
    for _, _, truth in truths("small", view, range(3)):
        seen = truth.visible > 0
        np.testing.assert_array_equal(truth.visible[seen], truth.geometric[seen])
        assert not truth.distractors.any()


@pytest.mark.parametrize("view", VIEWS)
def test_masks_of_bone_begin_above_the_surface_as_far_as_they_should(view):
    scene, moment, truth = next(truths("small", view, [1]))
    size = scene.content.back.spine.size
    across = (np.arange(SIZE) - (SIZE - 1) / 2) * scene.scanner.view.pixel_mm
    met = cross(scene.content.back.bone, Look(moment.grid, moment.pose, STILL), across, np.zeros(1))
    bone = (truth.geometric > 0) & (truth.geometric < 4)
    columns = np.nonzero(bone.any(axis=0) & np.isfinite(met.depth_mm[0]))[0]
    ideal, _ = scene.scanner.pixel_of(
        np.zeros(len(columns)),
        met.depth_mm[0, columns] + BAND_MM[0] * size,
    )
    first = np.argmax(bone[:, columns], axis=0)
    # the first pixel whose centre is in the band: 0 to 1 below its edge
    off = np.abs(first - ideal - 0.5)
    assert len(columns) > 10
    assert np.mean(off <= 0.52) > 0.9  # elsewhere the surface breaks between two beams
    assert np.median(off) <= 0.5


def test_nothing_is_labelled_outside_the_fan():
    for scene, moment, truth in truths("convex", "paramedian", [2]):
        x, y = scene.scanner.pixel_points()
        radius = scene.scanner.probe.radius_mm
        half = np.radians(scene.scanner.probe.angle_deg) / 2
        outside = np.abs(np.arctan2(x, y + radius)) > half
        outside |= np.hypot(x, y + radius) < radius
        assert outside.any()
        assert not truth.geometric[outside].any()
        assert moment.grid.conversion is not None


def test_no_depth_is_told_of_what_lies_within_bone():
    # below the middle beam the ligament of this spine begins 1.4 mm inside a lamina
    scene = spine_scene(34, DOMAINS["convex-deep"], frames=1, rows=128, columns=128, view=VIEWS[1])
    facts = set_stage(scene, threads=1).frame(0).truth.facts
    assert facts["bone_mm"] is not None
    assert facts["ligamentum_flavum_mm"] is None


def test_facts_are_in_order():
    found = 0
    every = [one for view in VIEWS for one in truths("small", view, range(5))]
    for scene, _, truth in every:
        facts = truth.facts
        assert set(facts["visible"]) or not truth.visible.any()
        if facts["ligamentum_flavum_mm"] is None or facts["dura_mm"] is None:
            continue
        found += 1
        assert facts["ligamentum_flavum_mm"] < facts["dura_mm"]
        # 5.5 mm apart in an adult, as far as waves and the slope of the beam let them
        apart = (facts["dura_mm"] - facts["ligamentum_flavum_mm"]) / scene.facts["size"]
        assert 3.0 < apart < 8.5
    assert found


def test_the_paramedian_picture_runs_along_the_spine():
    along = scene_of(1, "small", "paramedian").poses[:, 2, 0]
    across = scene_of(1, "small", "transverse").poses[:, 0, 0]
    assert (np.abs(along) > 0.97).all()
    assert (np.abs(across) > 0.97).all()


def mean_db(level, where) -> float:
    return float(10 * np.log10((10 ** (level[where] / 10)).mean()))


def around_bone(stage, moment):
    """Return what lies 2 to 10 mm above bone and 7 to 12 mm below it, in an adult's spine."""
    grid, size = moment.grid, stage.scene.facts["size"]
    look = Look(grid, moment.pose, STILL)
    met = cross(stage.scene.content.back.bone, look, grid.beam_positions(), np.zeros(1))
    depth, lines = met.depth_mm[0], grid.depth_of_lines()[:, None]
    hit = np.isfinite(depth) & (depth < 0.7 * lines[-1])
    inner = np.convolve(hit, np.ones(9), "same") == 9  # the edges of shadows are soft
    assert inner.sum() > 4
    above = (lines < depth - 2 * size) & (lines > depth - 10 * size) & inner
    below = (lines > depth + 7 * size) & (lines < depth + 12 * size) & inner
    return above, below


@pytest.mark.parametrize("view", VIEWS)
def test_bone_throws_a_shadow_of_20_db(view):
    stage = stage_of("small", view)
    moment = moment_of(stage.scene)
    level = stage.renderer.level(moment.pose, points=(), noise_seed=None)
    above, below = around_bone(stage, moment)
    assert mean_db(level, above) - mean_db(level, below) > 20


def test_late_echoes_lighten_shadows():
    stage = stage_of("small", "paramedian")
    moment = moment_of(stage.scene)
    surfaces, sheets, *late = stage.scene.content.points(moment)
    _, below = around_bone(stage, moment)
    dark = stage.renderer.level(moment.pose, points=(surfaces, sheets), noise_seed=None)
    grey = stage.renderer.level(moment.pose, points=(surfaces, sheets, *late), noise_seed=None)
    assert 3 < np.median(grey[below]) - np.median(dark[below]) < 40


PENUMBRAE = [("transverse", 2), ("paramedian", 2), ("paramedian", 4)]
"""Views and seeds of the convex domain where beams pass bits of bone, so that both are there."""


@cache
def partly_hidden(view, seed):
    """Return the stage of a scene, its only moment and the truth."""
    scene = spine_scene(seed, DOMAIN["convex"], frames=1, rows=SIZE, columns=SIZE, view=view)
    stage = set_stage(scene, threads=1)
    return stage, stage.moment(0), stage.truth(0)


@pytest.mark.parametrize(("view", "seed"), PENUMBRAE)
def test_soft_tissue_can_be_seen_where_the_picture_is_not_in_shadow(view, seed):
    stage, moment, truth = partly_hidden(view, seed)
    renderer, grid = stage.renderer, moment.grid
    echo = renderer.echoes(moment.pose, flow=moment.flow, points=stage.scene.content.points(moment))
    passed = transmission(grid, renderer.world.attenuation, moment.pose, moment.flow)
    taken = renderer.developer.level(echo, passed, None)
    taken -= renderer.developer.level(echo, np.ones_like(passed), None)
    x, y = (places[truth.geometric > 3] for places in stage.scene.scanner.pixel_points())
    radius = grid.shape.radius
    left = passed_at(grid, taken, np.hypot(x, y + radius) - radius, np.arctan2(x, y + radius))
    seen = truth.visible[truth.geometric > 3] > 0
    assert min(seen.sum(), (~seen).sum()) > 30
    # an echo is smeared by pulse and beam, over places with less shadow
    assert (left[~seen] > SOFT_DB + 1).mean() < 0.02
    assert (left[seen] < SOFT_DB - 1).mean() < 0.1


@pytest.mark.parametrize(("view", "seed"), PENUMBRAE)
@pytest.mark.parametrize("kind", [4, 5])
def test_hidden_ligament_and_dura_stand_out_far_less_than_seen(view, seed, kind):
    stage, _, truth = partly_hidden(view, seed)
    grey, other = stage.grey(0).astype(float), (truth.geometric == 0).astype(float)
    around = gaussian_filter(grey * other, 4) / np.maximum(gaussian_filter(other, 4), 1e-3)
    seen, there = truth.visible == kind, truth.geometric == kind
    assert min(seen.sum(), (there & ~seen).sum()) > 10
    assert (grey - around)[there & ~seen].mean() < 0.4 * (grey - around)[seen].mean()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("frames", [1, 2, 6, 24, 60])
def test_the_probe_is_no_faster_than_a_hand(view, frames):
    for seed in range(20):
        random = np.random.default_rng(seed)
        poses = draw_course(random, view, frames, size=1.0, depth_mm=84.0)
        assert np.isfinite(poses).all()
        for depth in (0.0, 42.0):  # of the face and of the middle of the picture
            steps = np.diff(poses @ [0.0, depth, 0.0, 1.0], axis=0)
            way = np.linalg.norm(steps, axis=1).sum()
            # what trembles comes on top
            assert way <= (FASTEST_MM_S + 2) * (frames - 1) / 25


def test_the_same_seed_gives_the_same_picture():
    one = stage_of("small", "transverse")
    again = spine_scene(1, SMALL, frames=3, rows=SIZE, columns=SIZE, view="transverse")
    other = set_stage(again, threads=2)
    np.testing.assert_array_equal(one.frame(2).grey, other.frame(2).grey)
    np.testing.assert_array_equal(one.frame(2).truth.visible, other.frame(2).truth.visible)


def test_a_picture_too_shallow_for_a_spine_is_refused():
    shallow = replace(DOMAINS["linear-high"], depth_mm=(15.0, 16.0))
    with pytest.raises(GeometryError, match="convex-deep"):
        spine_scene(0, shallow, frames=2, rows=SIZE, columns=SIZE)
