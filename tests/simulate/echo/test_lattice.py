"""One scatterer in every cell, the same whoever asks."""

import numpy as np
import pytest

from sonotrace.simulate.echo.lattice import (
    LEVEL_FLOOR_DB,
    amplitudes,
    box_around,
    encode_levels,
    scatterers_of_layer,
)

PITCH = 0.25


def test_a_scatterer_lies_in_its_cell():
    box = box_around((-1.0, 0.0, -0.5), (1.0, 1.0, 0.5), PITCH)
    x, y, z = scatterers_of_layer(box, 2, PITCH, 5)
    cells = np.stack([np.floor(v / PITCH) for v in (x, y, z)]).reshape(3, box.size[0], box.size[2])
    np.testing.assert_array_equal(cells[0], np.arange(-4, 4)[:, None] + np.zeros(4))
    np.testing.assert_array_equal(cells[1], box.first[1] + 2 + np.zeros((8, 4)))
    np.testing.assert_array_equal(cells[2], np.arange(-2, 2) + np.zeros((8, 1)))


def test_a_scatterer_is_the_same_in_every_box_that_holds_it():
    large = box_around((-1.0, 0.0, -1.0), (1.0, 1.0, 1.0), PITCH)
    small = box_around((0.0, 0.5, 0.0), (1.0, 1.0, 1.0), PITCH)
    whole = scatterers_of_layer(large, 3, PITCH, 9)
    part = scatterers_of_layer(small, 1, PITCH, 9)
    for a, b in zip(whole, part, strict=True):
        np.testing.assert_array_equal(a.reshape(8, 8)[4:, 4:].ravel(), b)


def test_another_seed_gives_other_places():
    box = box_around((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), PITCH)
    one, other = scatterers_of_layer(box, 0, PITCH, 1), scatterers_of_layer(box, 0, PITCH, 2)
    assert not np.isclose(one[0], other[0]).any()


def test_places_fill_the_cells_evenly():
    # 65,536 even numbers: mean 0.5 within 4 standard errors of 0.289 / 256, variance 1 / 12
    box = box_around((0.0, 0.0, 0.0), (64.0, 0.25, 64.0), PITCH)
    for value in scatterers_of_layer(box, 0, PITCH, 0):
        part = value.astype(np.float64) / PITCH % 1
        assert part.mean() == pytest.approx(0.5, abs=0.0046)
        assert part.var() == pytest.approx(1 / 12, rel=0.02)


def test_levels_survive_in_a_byte_within_half_a_step():
    level = np.linspace(-59, 24, 200, dtype=np.float32)
    back = 20 * np.log10(amplitudes()[encode_levels(level)])
    np.testing.assert_allclose(back, level, atol=1 / 6 + 1e-4)


def test_what_is_silent_has_no_amplitude():
    level = np.array([-np.inf, LEVEL_FLOOR_DB - 1], dtype=np.float32)
    assert amplitudes()[encode_levels(level)].tolist() == [0, 0]


def test_a_level_above_the_table_is_refused():
    with pytest.raises(ValueError, match=r"26\.0 dB; at most 25\.0"):
        encode_levels(np.array([26.0], dtype=np.float32))
