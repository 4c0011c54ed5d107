import numpy as np
import pytest

from sonotrace.simulate.echo.lattice import hash_of_cell, hash_of_line
from sonotrace.simulate.tissue.noise import cell_walls, rough, smooth


@pytest.fixture(scope="module")
def places():
    random = np.random.default_rng(0)
    return [random.uniform(-200, 200, 60_000).astype(np.float32) for _ in range(3)]


@pytest.mark.parametrize("field", [smooth, rough])
def test_a_field_has_mean_0_and_standard_deviation_1(places, field):
    values = field(*places, (3.0, 3.0, 3.0), 5)
    assert abs(values.mean()) < 0.05
    assert 0.85 < values.std() < 1.15


def test_the_same_place_gives_the_same_value_in_any_company(places):
    whole = smooth(*places, (2.0, 1.0, 3.0), 7)
    some = [np.ascontiguousarray(axis[100:200][::-1]) for axis in places]
    np.testing.assert_array_equal(smooth(*some, (2.0, 1.0, 3.0), 7)[::-1], whole[100:200])


def test_another_seed_gives_another_field(places):
    first, second = (smooth(*places, (3.0, 3.0, 3.0), seed) for seed in (1, 2))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


def test_a_field_varies_over_its_size_and_no_faster(places):
    x, y, z = places
    values = smooth(x, y, z, (8.0, 1.0, 8.0), 3)
    along = smooth(x + np.float32(0.5), y, z, (8.0, 1.0, 8.0), 3)
    across = smooth(x, y + np.float32(0.5), z, (8.0, 1.0, 8.0), 3)
    assert np.corrcoef(values, along)[0, 1] > 0.97
    assert np.corrcoef(values, across)[0, 1] < 0.9


def test_a_field_is_continuous_where_cells_meet():
    x = np.array([2.9999, 3.0001], dtype=np.float32)
    other = np.full(2, 0.3, dtype=np.float32)
    values = smooth(x, other, other, (3.0, 3.0, 3.0), 1)
    assert abs(values[0] - values[1]) < 1e-3


def test_the_distance_to_a_wall_grows_as_one_walks_away_from_it(places):
    """Along its normal it grows by 1 mm for every mm, however large cells are along each axis."""
    size = (9.0, 3.0, 6.0)
    wall = cell_walls(*places, size, 4)[0].astype(float)
    step = 0.01
    slopes = []
    for axis in range(3):
        moved = [place.copy() for place in places]
        moved[axis] += np.float32(step)
        slopes.append((cell_walls(*moved, size, 4)[0] - wall) / step)
    norm = np.sqrt(np.sum(np.square(slopes), axis=0))
    assert (wall >= 0).all()
    assert 0.9 < np.median(norm) < 1.1


def test_flat_cells_have_walls_that_face_the_beam(places):
    flat = cell_walls(*places, (12.0, 1.5, 12.0), 2)[1]
    tall = cell_walls(*places, (2.0, 12.0, 2.0), 2)[1]
    assert np.median(flat) > 0.9
    assert np.median(tall) < 0.3


def test_the_number_of_a_cell_is_even_over_0_to_1(places):
    which = cell_walls(*places, (4.0, 4.0, 4.0), 9)[2]
    counts = np.histogram(which, bins=10, range=(0, 1))[0] / which.size
    np.testing.assert_allclose(counts, 0.1, atol=0.01)


def test_no_point_outside_the_27_cells_is_ever_nearer(places):
    """Compare with a search that leaves no neighbour out: the nearest two are found."""
    place = [float(axis[0]) for axis in places]
    cell = [int(np.floor(value)) for value in place]
    squared = []
    with np.errstate(over="ignore"):
        for i in range(cell[0] - 2, cell[0] + 3):
            for j in range(cell[1] - 2, cell[1] + 3):
                line = hash_of_line(i, j, np.uint32(3))
                for k in range(cell[2] - 2, cell[2] + 3):
                    bits = int(hash_of_cell(line, k))
                    point = [
                        n + ((bits >> (10 * axis)) & 1023) / 1024
                        for axis, n in enumerate((i, j, k))
                    ]
                    squared.append((float(np.sum(np.subtract(point, place) ** 2)), point))
    (first, near), (second, far) = sorted(squared)[:2]
    gap = 0.5 * (second - first) / np.linalg.norm(np.subtract(far, near))
    some = [axis[:1] for axis in places]
    assert cell_walls(*some, (1.0, 1.0, 1.0), 3)[0][0] == pytest.approx(gap, abs=1e-3)
