"""Numbers of how a picture looks follow from what was put into it."""

import numpy as np
import pytest
from scipy import ndimage

from sonotrace.benchmark.appearance import (
    earth_movers,
    histogram,
    live_area,
    measure_picture,
)


def noise(depth, across, rows=240, columns=260, seed=0):
    """Grey noise whose autocorrelation is a Gaussian of these widths."""
    random = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(random.standard_normal((rows, columns)), (depth, across))
    return np.clip(110 + 25 * field / field.std(), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def measured():
    return measure_picture(noise(1.0, 2.0, 480, 260))


@pytest.mark.parametrize(("way", "sigma"), [("depth", 1.0), ("across", 2.0)])
def test_the_speckle_width_is_that_of_the_noise(measured, way, sigma):
    # white noise under a Gaussian correlates by exp(-lag^2 / (4 sigma^2)): one half at
    # 2 sigma sqrt(ln 2); removing the local mean takes a little off
    expected = 1000 * 2 * sigma * np.sqrt(np.log(2)) / 480
    for third in ("shallow", "middle", "deep"):
        assert measured[f"speckle_{way}_{third}"] == pytest.approx(expected, rel=0.15)


def test_a_picture_of_twice_the_size_has_the_same_numbers():
    small = measure_picture(noise(1.5, 3.0, 200, 220))
    large = measure_picture(noise(3.0, 6.0, 400, 440))
    for name in ("speckle_depth_middle", "speckle_across_middle", "power_depth_16"):
        assert large[name] == pytest.approx(small[name], rel=0.2)


def test_shares_of_power_sum_to_one(measured):
    for way in ("depth", "across"):
        shares = [value for name, value in measured.items() if name.startswith(f"power_{way}")]
        assert sum(shares) == pytest.approx(1)


def test_a_wave_lies_in_its_octave():
    rows = np.arange(256)[:, None]
    wave = np.broadcast_to(128 + 60 * np.sin(2 * np.pi * 24 * rows / 256), (256, 256))
    assert measure_picture(wave.astype(np.uint8))["power_depth_16"] > 0.95


def test_layers_have_gradients_along_depth_and_their_transpose_has_not():
    layers = noise(1.0, 12.0)
    assert measure_picture(layers)["layered_share"] > 0.9
    assert measure_picture(np.ascontiguousarray(layers.T))["layered_share"] < 0.1


def test_noise_without_direction_is_less_coherent_than_layers():
    assert measure_picture(noise(1.0, 1.0))["coherence"] < 0.4
    assert measure_picture(noise(1.0, 12.0))["coherence"] > 0.8


def test_brightness_is_given_by_depth():
    ramp = np.repeat(np.linspace(0, 254, 300).astype(np.uint8)[:, None], 120, axis=1)
    measures = measure_picture(ramp)
    for name, mean in (("shallow", 42), ("middle", 127), ("deep", 212)):
        assert measures[f"bright_{name}"] == pytest.approx(mean, abs=1.5)


def test_a_shift_of_grey_costs_its_length():
    a = noise(1.0, 1.0)
    b = (a - 30).astype(np.uint8)
    assert earth_movers(histogram(a), histogram(b)) == pytest.approx(30, abs=0.3)
    assert earth_movers(histogram(a), histogram(a)) == 0


def test_a_black_picture_has_no_speckle():
    measures = measure_picture(np.zeros((128, 128), dtype=np.uint8))
    assert all(np.isnan(value) for name, value in measures.items() if name.startswith("speckle"))


def test_a_small_picture_is_refused():
    with pytest.raises(ValueError, match="96 rows and columns are needed"):
        measure_picture(np.zeros((95, 200), dtype=np.uint8))


def test_the_screen_around_the_picture_is_cut_away():
    screen = np.full((400, 500), 52, dtype=np.uint8)
    screen[50:350, 60:400] = noise(0.8, 0.8, 300, 340)
    screen[60:180, 440:455] = np.linspace(0, 255, 120).astype(np.uint8)[:, None]
    rows, columns = live_area(screen).shape
    assert 288 <= rows <= 300
    assert 328 <= columns <= 340


def test_a_screen_without_picture_stays_whole():
    flat = np.full((120, 130), 7, dtype=np.uint8)
    assert live_area(flat).shape == (120, 130)
