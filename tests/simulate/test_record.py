from dataclasses import replace

import numpy as np
import pytest

from sonotrace.simulate.record import describe, fingerprint, world_from_image
from sonotrace.simulate.scenes import SCENES, make_scene


@pytest.fixture(scope="module")
def scene():
    return make_scene("lesion", 3, frames=3, size=96)


@pytest.mark.parametrize("kind", [kind for kind in SCENES if kind != "spine"])  # drawn slowly
def test_the_same_scene_has_the_same_fingerprint_and_another_seed_another(kind):
    one, same, other = (make_scene(kind, seed, frames=3, size=96) for seed in (1, 1, 2))
    assert fingerprint(one) == fingerprint(same) != fingerprint(other)


def test_whatever_is_changed_changes_the_fingerprint(scene):
    moved = scene.poses.copy()
    moved[1, 0, 3] += 1e-9
    display = scene.scanner.display.model_copy(update={"curve": 0.5})
    changed = [
        replace(scene, poses=moved),
        replace(scene, pitch_mm=scene.pitch_mm + 1e-6),
        replace(scene, scanner=scene.scanner.model_copy(update={"display": display})),
        replace(scene, domain="linear-fine"),
        replace(scene, frames_per_second=24.0),
        make_scene("lesion", 3, frames=4, size=96),
    ]
    assert len({fingerprint(one) for one in [scene, *changed]}) == len(changed) + 1


def test_another_version_of_the_package_has_another_fingerprint(scene, monkeypatch):
    before = fingerprint(scene)
    monkeypatch.setattr("sonotrace.simulate.record.version", lambda package: "0.0.0")
    assert fingerprint(scene) != before


def test_a_scene_that_cannot_be_hashed_is_refused(scene):
    with pytest.raises(TypeError, match="generator"):
        fingerprint(replace(scene, facts={"class": (i for i in range(3))}))


def test_the_top_left_pixel_is_where_the_pose_says(scene):
    pose = world_from_image(scene, 1)
    x, y = scene.scanner.pixel_points()
    expected = scene.poses[1] @ [x[0, 0], y[0, 0], 0, 1]
    assert np.allclose(pose @ [0, 0, 0, 1], expected)
    across = scene.scanner.view.pixel_mm * 95
    expected = scene.poses[1] @ [x[0, -1], y[0, 0], 0, 1]
    assert np.allclose(pose @ [across, 0, 0, 1], expected)


def test_a_held_out_domain_is_marked(scene):
    assert describe(scene)["held_out"] is False
    assert describe(make_scene("lesion", 3, domain="linear-low", frames=1))["held_out"] is True
