import numpy as np
import pytest

from sonotrace.simulate.tissue.texture import Cells, Gland, Streaks


@pytest.fixture(scope="module")
def plane():
    x, y = np.meshgrid(np.arange(0, 60, 0.1), np.arange(0, 60, 0.1))
    flat = [values.ravel().astype(np.float32) for values in (x, y, np.zeros_like(x))]
    return flat, x.shape


FAT = Cells(level_db=0.0, size_mm=(12.0, 5.0, 10.0), wall_db=12.0)
SOFT = Streaks(level_db=0.0, size_mm=(7.0, 1.2, 5.0), contrast_db=2.5, threads_db=9.0)
GLAND = Gland(level_db=8.0, island_db=-8.0, island_mm=(6.0, 2.5, 5.0))


@pytest.mark.parametrize("texture", [FAT, SOFT, GLAND])
def test_most_of_a_texture_is_near_its_level(plane, texture):
    level = texture.echo_db(*plane[0])
    assert level.dtype == np.float32
    assert abs(np.median(level) - texture.level_db) < 3


def test_walls_of_cells_are_thin_and_bright(plane):
    bare = Cells(level_db=0.0, size_mm=(12.0, 5.0, 10.0), wall_db=0.0)
    walls = FAT.echo_db(*plane[0]) - bare.echo_db(*plane[0])
    assert walls.max() > 10
    assert 0.01 < np.mean(walls > 3) < 0.15


def test_fibres_run_along_their_slope(plane):
    """Levels change least along the fibres."""
    flat, shape = plane
    slope = 0.5
    texture = Streaks(
        level_db=0.0, size_mm=(9.0, 0.8, 5.0), contrast_db=3.0, threads_db=0.0, slope=slope,
        bend_mm=0.0,
    )  # fmt: skip
    level = texture.echo_db(*flat).reshape(shape)
    along = np.mean((level[5:, 10:] - level[:-5, :-10]) ** 2)  # 1 mm across, 0.5 mm down
    against = np.mean((level[5:, :-10] - level[:-5, 10:]) ** 2)
    assert along < 0.2 * against


def test_islands_cover_about_the_share_that_is_asked_for(plane):
    def covered(coverage):
        some = Gland(level_db=0.0, island_db=-10.0, island_mm=(5.0, 2.5, 5.0), coverage=coverage)
        return np.mean(some.echo_db(*plane[0]) < -5)

    assert covered(0.1) < covered(0.25) < covered(0.4)
    assert 0.15 < covered(0.3) < 0.4


def test_the_two_families_of_fat_differ_in_their_statistics(plane):
    """Lobules have rare bright walls, streaks a level that varies everywhere."""

    def spread_of_the_darker_half(texture):
        level = texture.echo_db(*plane[0])
        return np.median(level) - np.quantile(level, 0.1)

    assert spread_of_the_darker_half(SOFT) > 1.2 * spread_of_the_darker_half(FAT)
