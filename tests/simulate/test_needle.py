import numpy as np
import pytest

from sonotrace.simulate.beam import Probe
from sonotrace.simulate.needle import draw_needle_scene

PROBE = Probe(size=128)


@pytest.fixture(scope="module")
def scenes():
    return [draw_needle_scene(seed, PROBE) for seed in range(12)]


def test_the_mask_grows_as_the_needle_advances(scenes):
    for scene in scenes:
        areas = [scene.labels(time_s).sum() for time_s in (0.0, 1.0, 2.0, 4.0)]
        assert areas == sorted(areas)
        assert areas[-1] > 1.2 * areas[0] > 0


def test_the_tip_lies_at_the_end_of_the_mask(scenes):
    for scene in scenes:
        tip_row, tip_column = scene.truth(1.0)["tip_px"]
        entry_row, entry_column = scene.truth(1.0)["entry_px"]
        rows, columns = scene.labels(1.0).nonzero()
        along = np.hypot(rows - entry_row, columns - entry_column)
        length = np.hypot(tip_row - entry_row, tip_column - entry_column)
        radius = scene.diameter_mm / 2 / PROBE.pixel_mm
        assert along.max() == pytest.approx(length + radius, abs=1.0)


def test_the_tip_stays_in_the_picture(scenes):
    for scene in scenes:
        row, column = scene.truth(5.0)["tip_px"]
        assert -1 <= row <= 128
        assert -1 <= column <= 128


def test_a_visible_needle_is_brighter_than_the_tissue(scenes):
    for scene in scenes:
        if scene.truth(0.0)["level_db"] > 12:
            grey, inside = scene.grey(0, 0.0), scene.labels(0.0)
            assert np.percentile(grey[inside], 80) > np.percentile(grey[~inside], 80)


def test_a_flat_needle_is_brighter_than_a_steep_one(scenes):
    by_angle = sorted(scenes, key=lambda scene: scene.angle_rad)
    level = [scene.truth(0.0)["level_db"] for scene in by_angle]
    assert np.mean(level[:3]) > np.mean(level[-3:]) + 5
