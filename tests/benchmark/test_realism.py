"""Simulated pictures are set beside real ones; here both are invented."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from sonotrace.benchmark import realism
from sonotrace.benchmark.realism import (
    COMPARISONS,
    Comparison,
    Picture,
    RealismSettings,
    compare,
    cut_to_fan,
    measure_realism,
    quantile_distance,
    realism_table,
    simulate_pictures,
)
from sonotrace.datasets.splits import held_out
from sonotrace.errors import ReadError
from sonotrace.io.picture import write_labels, write_picture
from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.probe import Probe, Scanner, View


def picture(seed, level=100):
    random = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(random.standard_normal((112, 112)), (1, 2))
    grey = np.clip(level + 20 * field / field.std(), 0, 255).astype(np.uint8)
    return Picture(grey, f"group {seed // 2}")


REAL = [picture(seed) for seed in range(8)]


@pytest.fixture(scope="module")
def compared():
    alike = [picture(seed) for seed in range(20, 24)]
    brighter = [picture(seed, 160) for seed in range(20, 24)]
    return compare(REAL, {"alike": alike, "brighter": brighter})


def test_pictures_of_the_same_kind_lie_within_the_real_range(compared):
    assert compared["measures"]["grey_50"]["within"] == {"alike": True, "brighter": False}


def test_brighter_pictures_are_as_far_off_as_they_are_brighter(compared):
    distances = compared["histogram"]["simulated"]
    assert distances["brighter"] == pytest.approx(60, abs=2)
    assert distances["alike"] < 3


def test_halves_of_the_real_set_are_nearer_than_another_set(compared):
    median = compared["measures"]["grey_50"]
    assert median["real_to_real"] < median["distance"]["brighter"]


def test_the_median_lies_in_its_range(compared):
    for found in compared["measures"].values():
        median, low, high = found["real"]
        assert low <= median <= high


def test_the_distance_of_a_shifted_sample_is_the_shift():
    values = np.random.default_rng(0).standard_normal(200)
    assert quantile_distance(values, values + 3) == pytest.approx(3)


def test_every_measure_has_a_line(compared):
    lines = realism_table({"sets": {"breast": {"scene": "lesion", **compared}}})
    assert sum(line.split()[0] in compared["measures"] for line in lines if line) == len(
        compared["measures"]
    )
    assert any("grey_50" in line and "!" in line for line in lines)


def test_held_out_pictures_are_not_read(tmp_path):
    kept_away = min(held_out("nerve", scored_only=True)).split("/")[-1]
    for part, name in (("train", "0500"), ("train", "0501"), ("test", kept_away)):
        for folder in ("images", "masks"):
            (tmp_path / f"{part}/{folder}").mkdir(parents=True, exist_ok=True)
        grey = torch.randint(0, 255, (1, 128, 128), dtype=torch.uint8)
        write_picture(tmp_path / f"{part}/images/{name}.png", grey)
        write_labels(tmp_path / f"{part}/masks/{name}.png", torch.zeros_like(grey[0]))
    read = COMPARISONS["nerve"].read(tmp_path, RealismSettings())
    assert [one.group for one in read] == ["nerve/train/0500", "nerve/train/0501"]


def test_only_sets_that_are_there_are_compared(tmp_path, monkeypatch):
    def simulate(kind, domain, settings):
        return [picture(seed) for seed in range(settings.scenes)]

    monkeypatch.setattr(realism, "simulate_pictures", simulate)
    table = {
        name: Comparison("lesion", ("linear-soft",), lambda folder, settings: REAL, name)
        for name in ("breast", "spine")
    }
    monkeypatch.setattr(realism, "COMPARISONS", table)
    (tmp_path / "spine").mkdir()
    settings = RealismSettings(sets=("breast", "spine"), scenes=2)
    assert list(measure_realism(tmp_path, settings, lambda line: None)["sets"]) == ["spine"]


def test_a_folder_without_any_set_is_refused(tmp_path):
    with pytest.raises(ReadError, match="holds none of the folders busi"):
        measure_realism(tmp_path, RealismSettings(), lambda line: None)


def test_simulated_frames_have_the_size_asked_for():
    frames = simulate_pictures("lesion", "linear-fine", RealismSettings(scenes=1, size=96))
    assert frames[0].grey.shape == (96, 96)
    assert 32 <= frames[0].height_mm <= 42


def test_a_fan_is_cut_to_where_it_is_filled():
    scanner = Scanner(
        probe=Probe(shape="convex", frequency_mhz=3.5),
        view=View(rows=128, columns=128, pixel_mm=0.7),
    )
    grid = make_grid(scanner)
    inside = np.where(grid.conversion.node >= 0, 200, 0).astype(np.uint8)
    cut = cut_to_fan(inside, grid)
    assert cut.shape[1] == 64
    assert cut.shape[0] > 96
    assert (cut == 200).all()
