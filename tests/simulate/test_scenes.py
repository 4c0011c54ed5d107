"""Laws that hold for every kind of scene."""

import functools
import json

import numpy as np
import pytest

from sonotrace.errors import UsageError
from sonotrace.simulate.domains import DOMAINS
from sonotrace.simulate.record import describe
from sonotrace.simulate.scene import render, set_stage
from sonotrace.simulate.scenes import CLASSES, DEFAULT_DOMAINS, SCENES, make_scene

FRAMES, SIZE = 3, (80, 96)

every_scene = pytest.mark.parametrize("kind", SCENES)


def scene(kind, seed=3, **options):
    return make_scene(kind, seed, **({"frames": FRAMES, "size": SIZE} | options))


@functools.cache  # a scene is a value, and baking takes long
def stage(kind, seed=3):
    return set_stage(scene(kind, seed), threads=1)


@functools.cache
def rendered(kind):
    return [stage(kind).frame(i) for i in reversed(range(FRAMES))][::-1]


def test_there_are_four_kinds_and_each_has_a_domain_and_named_classes():
    assert set(SCENES) == {"lesion", "needle", "spine", "sweep"}
    assert set(DEFAULT_DOMAINS) == set(CLASSES) == set(SCENES)
    assert not any(DOMAINS[name].held_out for name in DEFAULT_DOMAINS.values())


@every_scene
def test_the_same_seed_gives_the_same_bytes_in_any_order_and_on_two_threads(kind):
    for one, other in zip(rendered(kind), render(scene(kind), threads=2), strict=True):
        assert one.grey.tobytes() == other.grey.tobytes()
        assert one.truth.visible.tobytes() == other.truth.visible.tobytes()
        assert json.dumps(one.truth.facts) == json.dumps(other.truth.facts)


@every_scene
def test_another_seed_gives_another_clip(kind):
    one, other = rendered(kind)[0].grey, stage(kind, 4).grey(0)
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] < 0.9


@every_scene
@pytest.mark.parametrize("seed", [3, 4])
def test_the_first_frame_shows_the_target(kind, seed):
    assert stage(kind, seed).truth(0).visible.any()


@every_scene
def test_labels_are_documented_and_what_is_seen_is_there(kind):
    for frame in rendered(kind):
        seen, there = frame.truth.visible, frame.truth.geometric
        assert set(np.unique(there)) <= {0, *CLASSES[kind]}
        assert (seen[seen > 0] == there[seen > 0]).all()
        assert set(np.unique(frame.truth.distractors)) <= {0, 1}
        assert frame.grey.shape == seen.shape == there.shape == SIZE


@every_scene
def test_pictures_are_neither_black_nor_white(kind):
    for frame in rendered(kind):
        assert 10 < frame.grey.mean() < 150
        assert frame.grey.std() > 10


@every_scene
def test_the_truth_can_be_written_and_has_a_class_and_challenges(kind):
    document = describe(scene(kind))
    json.dumps(document, allow_nan=False)
    json.dumps([frame.truth.facts for frame in rendered(kind)], allow_nan=False)
    assert isinstance(document["class"], str)
    assert all(isinstance(challenge, str) for challenge in document["challenges"])


def test_the_truth_of_a_needle_has_the_promised_keys():
    for frame in rendered("needle"):
        promised = {"tip_px", "entry_px", "angle_deg", "visible", "off_plane_mm"}
        assert promised <= set(frame.truth.facts)


@pytest.mark.parametrize("kind", ["lesion", "needle", "sweep"])
@pytest.mark.parametrize("domain", [name for name in DOMAINS if DOMAINS[name].held_out])
def test_scenes_can_be_drawn_in_every_held_out_domain(kind, domain):
    assert scene(kind, domain=domain).domain == domain


def test_a_spine_can_be_drawn_in_a_held_out_domain():
    assert scene("spine", domain="convex-other").domain == "convex-other"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("liver", 0), "lesion, needle, spine, sweep"),
        (("lesion", 0, {"domain": "liner"}), "linear-soft"),
        (("lesion", 0, {"frames": 0}), "at least 1"),
        (("lesion", 0, {"size": 32}), "64 to 4096"),
        (("lesion", 0, {"size": (100, 5000)}), "64 to 4096"),
        (("lesion", 0, {"size": 4096, "domain": "linear-high"}), "another size or domain"),
        (("lesion", 0, {"size": 4096}), "0.01 to 2 mm"),
        (("lesion", 0, {"size": 5000}), "more than can be made"),
        (("lesion", 0, {"size": (64,)}), "rows and columns"),
        (("lesion", -1), "seed of -1"),
        (("lesion", 1, {"foo": 1}), "'foo' cannot be chosen .* kind"),
        (("lesion", 1, {"kind": "odd"}), "benign or malignant"),
        (("needle", 1, {"with_lesion": "no"}), "True or False"),
        (("spine", 1, {"view": "odd"}), "transverse or paramedian"),
        (("sweep", 1, {"of": "cow"}), "phantom, vessels or breast"),
        (("sweep", 1, {"path": "zig"}), "s-shaped"),
        (("sweep", 1, {"step_mm": float("nan")}), "number above 0"),
        (("sweep", 1, {"step_mm": 0}), "number above 0"),
    ],
)
def test_impossible_requests_are_a_wrong_use(arguments, words):
    kind, seed, *options = arguments
    with pytest.raises(UsageError, match=words):
        make_scene(kind, seed, **(options[0] if options else {}))
