from dataclasses import replace

import numpy as np
import pytest

from sonotrace.simulate.beam import Probe, pixel_points
from sonotrace.simulate.lesion import draw_lesion_scene

PROBE = Probe(size=96)


@pytest.fixture(scope="module")
def scenes():
    return [draw_lesion_scene(seed, PROBE) for seed in range(12)]


def test_every_lesion_is_there_at_the_start(scenes):
    assert all(scene.labels(0.0).sum() > 20 for scene in scenes)


def test_a_lesion_is_darker_than_its_rim(scenes):
    darker = 0
    for scene in scenes:
        x, z = scene.tissue.x, scene.tissue.z
        grey, inside = scene.grey(0, 0.0).astype(float), scene.labels(0.0)
        assert x.shape == z.shape
        rim = np.zeros_like(inside)
        rows, columns = inside.nonzero()
        rim[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
        rim &= ~inside & ~scene.look_alike_labels(0.0)
        darker += grey[inside].mean() < grey[rim].mean() - 5
    assert darker >= 10


def test_look_alikes_keep_clear_of_the_lesion(scenes):
    assert not any((scene.labels(0.0) & scene.look_alike_labels(0.0)).any() for scene in scenes)


def test_the_centre_lies_in_the_mask_while_it_can_be_seen(scenes):
    for scene in scenes:
        for time_s in (0.0, 0.5, 1.0):
            truth = scene.truth(time_s)
            row, column = (round(c) for c in truth["centre_px"])
            if truth["section"] > 0.3 and 0 <= row < 96 and 0 <= column < 96:
                assert scene.labels(time_s)[row, column]


def test_the_mask_is_where_the_tissue_of_the_lesion_went(scenes):
    x, z = pixel_points(PROBE)
    for scene in scenes[:6]:
        was = scene.motion.backward(x, z, 1.3)
        section, turn = scene.truth(1.3)["section"], scene.turn.at(1.3)
        everywhere = scene.lesion.outside_mm(*was, section, turn) < 0
        np.testing.assert_array_equal(scene.labels(1.3), everywhere)


def test_a_lesion_that_left_the_slice_has_an_empty_mask(scenes):
    thin = replace(scenes[0], half_thickness_mm=1e-3)
    assert thin.labels(0.0).any()
    assert not thin.labels(1.0).any()
    assert not thin.truth(1.0)["visible"]


def test_both_kinds_are_drawn(scenes):
    assert {scene.kind for scene in scenes} == {"benign", "malignant"}
