"""Ends, angle and speed of lines that were drawn."""

import pytest
import torch

from sonotrace.measure.needle import measure_needle, tip_speed


def line(entry, tip, size=128):
    mask = torch.zeros(size, size, dtype=torch.bool)
    for share in torch.linspace(0, 1, 500).tolist():
        row = entry[0] + share * (tip[0] - entry[0])
        column = entry[1] + share * (tip[1] - entry[1])
        mask[round(row), round(column)] = True
    return mask


def test_no_needle_no_place():
    assert measure_needle(torch.zeros(8, 8, dtype=torch.bool)) is None


@pytest.mark.parametrize(
    ("entry", "tip", "angle"),
    [((10, 5), (70, 65), 45), ((10, 120), (70, 60), 135), ((5, 50), (100, 50), 90)],
)
def test_the_deeper_end_is_the_tip(entry, tip, angle):
    place = measure_needle(line(entry, tip))
    assert place.tip_px == pytest.approx(tip, abs=1)
    assert place.entry_px == pytest.approx(entry, abs=1)
    assert place.angle_deg == pytest.approx(angle, abs=1)


@pytest.mark.parametrize(
    ("entry", "tip", "angle"), [((40, 0), (40, 70), 0), ((40, 127), (40, 50), 180)]
)
def test_a_flat_needle_points_away_from_the_side(entry, tip, angle):
    place = measure_needle(line(entry, tip))
    assert place.tip_px == pytest.approx(tip, abs=1)
    assert abs(place.angle_deg) == pytest.approx(angle, abs=1)


def test_length_is_in_millimetres_where_spacing_is():
    assert measure_needle(line((0, 0), (60, 80)), (0.1, 0.1)).length == pytest.approx(10, abs=0.2)


def test_speed_is_the_way_of_the_tip_over_time():
    before = measure_needle(line((0, 0), (30, 30)))
    after = measure_needle(line((0, 0), (60, 60)))
    assert tip_speed(before, after, 0.5, (0.1, 0.1)) == pytest.approx(8.49, abs=0.2)


def test_two_frames_at_the_same_time_have_no_speed():
    place = measure_needle(line((0, 0), (30, 30)))
    with pytest.raises(ValueError, match="apart in time"):
        tip_speed(place, place, 0.0)
