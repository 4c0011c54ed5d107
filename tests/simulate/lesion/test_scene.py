from dataclasses import replace

import numpy as np
import pytest

from sonotrace.simulate.domains import DOMAINS, find_domain
from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.lesion.scene import ALIKE_DB, BLURRED_MM, LESION, lesion_scene
from sonotrace.simulate.motion import STILL
from sonotrace.simulate.path import FASTEST_MM_S
from sonotrace.simulate.scene import Moment, set_stage
from sonotrace.simulate.tissue.outline import Blob
from sonotrace.simulate.world import pose_of

SOFT = find_domain("linear-soft")


def scene_of(seed, name="linear-soft", frames=6, side=96, **options):
    return lesion_scene(seed, find_domain(name), frames=frames, rows=side, columns=side, **options)


def section(scene, index):
    """Which pixels show the lesion, had no tissue moved."""
    x, y = scene.scanner.pixel_points()
    pose = scene.poses[index]
    points = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)])
    place = pose[:3, :3] @ points + pose[:3, 3:]
    return scene.content.body.contains(*place)


def moment(scene, index, flow=STILL):
    time_s = index / scene.frames_per_second
    return Moment(index, time_s, make_grid(scene.scanner), pose_of(scene.poses[index]), flow)


@pytest.mark.parametrize("name", DOMAINS)
def test_the_first_frame_shows_the_lesion(name):
    for seed in range(30):
        assert np.count_nonzero(section(scene_of(seed, name), 0)) >= 40


def test_the_same_seed_gives_the_same_scene():
    first, second = (set_stage(scene_of(3), threads=1).frame(2) for _ in range(2))
    np.testing.assert_array_equal(first.grey, second.grey)
    np.testing.assert_array_equal(first.truth.visible, second.truth.visible)
    assert first.truth.facts == second.truth.facts


def test_some_clips_lose_the_lesion_on_the_way():
    lost = [not section(scene_of(seed, frames=49), 24).any() for seed in range(40)]
    assert 3 < sum(lost) < 25


@pytest.mark.parametrize("offset_mm", [0.0, 30.0])
def test_masks_are_empty_where_the_slice_is_off_the_lesion(offset_mm):
    scene = scene_of(0)
    scene.poses[0, 2, 3] += offset_mm
    truth = scene.content.truth(moment(scene, 0))
    there = offset_mm == 0
    assert truth.facts["visible"] == bool(truth.visible.any()) == bool(truth.geometric.any())
    assert truth.facts["visible"] == there


def test_most_lesions_are_malignant_unless_a_kind_is_asked_for():
    kinds = [scene_of(seed, frames=2).facts["class"] for seed in range(60)]
    assert 0.4 < np.mean([kind == "malignant" for kind in kinds]) < 0.8
    assert scene_of(0, kind="benign").facts["class"] == "benign"
    assert scene_of(0, kind="malignant").facts["class"] == "malignant"


def test_the_tag_of_a_blurred_boundary_is_its_softness():
    for seed in range(20):
        facts = scene_of(seed, frames=2).facts
        assert ("blurred boundary" in facts["challenges"]) == (facts["softness_mm"] >= BLURRED_MM)


def test_the_tag_of_a_look_alike_is_a_lobule_as_dark_as_the_lesion_that_is_in_the_picture():
    for seed in range(12):
        scene = scene_of(seed, frames=9, side=128)
        level = scene.anatomy.inclusions[0].filling.level_db
        alike = [
            one.body
            for one in scene.anatomy.base.inclusions
            if isinstance(one.body, Blob) and abs(one.filling.level_db - level) <= ALIKE_DB
        ]
        shown = np.zeros((len(alike), 9), dtype=bool)
        for index in range(9):
            for k, body in enumerate(alike):
                one = replace(scene.content, look_alikes=(body,))
                shown[k, index] = one.truth(moment(scene, index)).distractors.any()
        expected = bool((shown.mean(axis=1) >= 0.5).any())
        assert ("look-alike" in scene.facts["challenges"]) == expected, seed


@pytest.mark.parametrize("name", ["linear-soft", "linear-fine"])
def test_about_half_of_the_clips_have_a_look_alike(name):
    tags = [scene_of(seed, name, frames=2).facts["challenges"] for seed in range(100)]
    assert 0.3 < np.mean(["look-alike" in some for some in tags]) < 0.6


def test_every_challenge_is_met_by_some_clips_and_not_by_others():
    tags = [scene_of(seed, frames=24).facts["challenges"] for seed in range(40)]
    for tag in ("shape change", "blurred boundary", "look-alike"):
        assert 4 < sum(tag in some for some in tags) < 40


def test_masks_move_with_the_tissue():
    """A material point of the surface is on the border of the mask, wherever tissue has gone."""
    scene = scene_of(1, frames=12)
    stage = set_stage(scene, threads=1)
    at = stage.moment(9)
    labels = scene.content.truth(at).visible
    x, y, z = at.tissue_at(*map(np.ravel, at.grid.scanner.pixel_points()))
    distance = scene.content.body.distance_mm(x, y, z).reshape(labels.shape)
    assert (labels[distance < -0.05] == LESION).all()
    assert (labels[distance > 0.05] == 0).all()


def test_look_alikes_are_never_the_lesion():
    for seed in range(3):
        scene = scene_of(seed)
        truth = scene.content.truth(moment(scene, 0))
        assert not ((truth.visible == LESION) & (truth.distractors == 1)).any()


def test_nothing_is_labelled_outside_the_fan():
    for seed in range(2):
        scene = scene_of(seed, "convex-deep")
        at = moment(scene, 0)
        truth = scene.content.truth(at)
        outside = at.grid.conversion.node < 0
        assert not truth.visible[outside].any()
        assert not truth.distractors[outside].any()


def test_the_section_of_a_still_lesion_is_that_of_its_body():
    scene = scene_of(2)
    at = moment(scene, 0)
    area = scene.content.truth(at).facts["area_px"]
    assert area == pytest.approx(np.count_nonzero(section(scene, 0)), rel=0.02)


def test_a_lesion_is_in_the_picture_where_its_mask_is():
    """With and without the lesion, pictures differ in the mask more than beside it."""
    scene = scene_of(5, side=128, kind="malignant")
    without = replace(scene, anatomy=scene.anatomy.base)
    one, other = (set_stage(some, threads=1).frame(0) for some in (scene, without))
    change = abs(one.grey.astype(float) - other.grey)
    inside = one.truth.visible == LESION
    top = np.flatnonzero(inside.any(axis=1))[0]
    above = np.zeros_like(inside)
    above[: max(top - 12, 1)] = True
    assert change[inside].mean() > 4 * change[above].mean()


def test_calcifications_follow_the_tissue():
    scene = next(
        some
        for some in (scene_of(seed, kind="malignant") for seed in range(30))
        if some.content.grains.strength.size
    )
    stage = set_stage(scene, threads=1)
    at = stage.moment(4)
    (points,) = scene.content.points(at)
    seen = points.strength > 1
    body = scene.content.body
    place = at.tissue_at(points.across[seen], points.depth_mm[seen])
    assert (body.distance_mm(*place) < 1.0).all()


def test_jerks_and_rests_are_another_motion():
    smooth, jerky = (scene_of(1, name).motion for name in ("linear-soft", "linear-low"))
    times = np.arange(0, 4, 0.04)
    steps = [
        np.abs(np.diff([motion.swings[0].course.at(t) for t in times]))
        for motion in (smooth, jerky)
    ]
    assert (steps[0] > 0).all()
    assert np.mean(steps[1] == 0) > 0.2


@pytest.mark.parametrize("frames", [6, 24, 60])
def test_the_probe_is_no_faster_than_a_hand(frames):
    for seed in range(12):
        poses = scene_of(seed, frames=frames).poses
        way = np.abs(np.diff(poses[:, 2, 3])).sum()
        # what trembles comes on top
        assert way / ((frames - 1) / 25) < FASTEST_MM_S + 6
