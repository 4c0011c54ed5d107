"""Fingerprints, and frames of today beside those of the version they are said to have.

Where frames were changed on purpose, raise `SIMULATOR_VERSION` and write the new means with

    python tests/simulate/test_record.py
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sonotrace.simulate import record
from sonotrace.simulate.record import as_json, describe, fingerprint, world_from_image
from sonotrace.simulate.scene import set_stage
from sonotrace.simulate.scenes import SCENES, make_scene

MEANS = Path(__file__).with_name("block_means.json")
"""Mean grey level of blocks of 8 x 8 pixels of the first frame of a scene of every kind."""
TOLERANCE = 2
"""Grey levels; processors round differently."""


def block_means(kind):
    grey = set_stage(make_scene(kind, 3, frames=1, size=64), threads=1).grey(0)
    return grey.reshape(8, 8, 8, 8).mean(axis=(1, 3))


def write_means():
    means = {kind: np.rint(block_means(kind)).astype(int).tolist() for kind in SCENES}
    rows = (f' "{kind}": {json.dumps(rows)}' for kind, rows in means.items())
    MEANS.write_text("{\n" + ",\n".join(rows) + "\n}\n")


@pytest.mark.parametrize("kind", SCENES)
def test_frames_are_those_of_the_simulators_version(kind):
    apart = abs(block_means(kind) - np.array(json.loads(MEANS.read_text())[kind])).max()
    assert apart <= TOLERANCE + 0.5, (  # the written means are whole numbers
        f"blocks of the scene {kind} are {apart:.1f} grey levels from the written ones. If that is "
        f"meant, raise SIMULATOR_VERSION in simulate/record.py, so that fingerprints change, and "
        f"run: python tests/simulate/test_record.py"
    )


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


def test_another_version_of_the_simulator_has_another_fingerprint(scene, monkeypatch):
    before = fingerprint(scene)
    monkeypatch.setattr(record, "SIMULATOR_VERSION", record.SIMULATOR_VERSION + 1)
    assert fingerprint(scene) != before


def test_a_document_is_json_with_a_line_for_each_frame():
    document = {"seed": 3, "frames": [{"frame": 0, "place": np.zeros(2)}, {"frame": 1}]}
    text = as_json(document)
    assert json.loads(text)["frames"] == [{"frame": 0, "place": [0.0, 0.0]}, {"frame": 1}]
    assert sum('"frame":' in line for line in text.splitlines()) == 2


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


if __name__ == "__main__":
    write_means()
