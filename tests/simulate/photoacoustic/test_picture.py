import numpy as np
import pytest

from sonotrace.simulate.echo.beam import gaussian_waist_mm
from sonotrace.simulate.frames import in_order
from sonotrace.simulate.motion import Flow
from sonotrace.simulate.photoacoustic.picture import Light, listening_probe, make_photoacoustic
from sonotrace.simulate.probe import SPEED_OF_SOUND, Probe, Scanner, View
from sonotrace.simulate.tissue.vessel import make_vessels
from sonotrace.simulate.world import pose_of

PIXEL_MM = 0.18
"""Beams are columns then."""
SCANNER = Scanner(view=View(rows=96, columns=96, pixel_mm=PIXEL_MM))
PLAIN = Light(skin_db=-300.0, gain_db_per_mm=0.0, width_mm=500.0)
HERE = pose_of(np.eye(4))


def tube(start, end, radius_mm, absorption=1.0):
    ends = np.array([start], dtype=float), np.array([end], dtype=float)
    return make_vessels(*ends, np.array([radius_mm]), np.array([absorption]))


def through(x_mm, depth_mm, radius_mm=0.3):
    """A vessel that crosses the picture."""
    return tube((x_mm, depth_mm, -9), (x_mm, depth_mm, 9), radius_mm)


def level(vessels, *, scanner=SCANNER, light=PLAIN, pose=HERE, **more):
    return make_photoacoustic(scanner, vessels, light=light).level(pose, **more)


def peaks(profile):
    """Rows that are higher than their neighbours and less than 12 dB below the highest."""
    top = (profile[1:-1] > profile[:-2]) & (profile[1:-1] >= profile[2:])
    rows = np.flatnonzero(top) + 1
    return rows[profile[rows] > profile.max() - 12]


def test_listening_one_way_is_the_stand_ins_two_ways():
    stand_in = listening_probe(Probe(), PLAIN)
    wavelength = SPEED_OF_SOUND / (Probe().frequency_mhz * PLAIN.band)
    assert stand_in.wavelength_mm / 2 == pytest.approx(wavelength)
    assert 0.512 * stand_in.wavelength_mm * stand_in.f_receive == pytest.approx(
        0.512 * wavelength * PLAIN.f_receive
    )
    one_way = np.sqrt(2) * 0.376 * wavelength * Probe().lens_mm / Probe().height_mm
    assert gaussian_waist_mm(stand_in) == pytest.approx(one_way)


@pytest.mark.parametrize("mu_eff", [0.05, 0.12])
def test_levels_fall_with_depth_as_the_fluence_does(mu_eff):
    light = PLAIN.model_copy(update={"mu_eff_per_mm": mu_eff})
    near, far = (level(through(0, depth), light=light).max() for depth in (6.0, 14.0))
    expected = 20 * np.log10(np.exp(-mu_eff * 8.0))
    assert far - near == pytest.approx(expected, abs=0.5)


def test_light_falls_off_to_the_sides():
    light = PLAIN.model_copy(update={"width_mm": 12.0})
    middle, side = (level(through(x, 8.0), light=light).max() for x in (0.0, 6.0))
    assert side - middle == pytest.approx(20 * np.log10(np.exp(-1)), abs=0.7)


def test_levels_follow_absorption_without_any_normalisation():
    strong, weak = (level(tube((-3, 8, 0), (3, 8, 0), 0.2, a)) for a in (1.0, 0.5))
    seen = strong > strong.max() - 30
    np.testing.assert_allclose((strong - weak)[seen], 20 * np.log10(2), atol=0.01)


def test_a_vessel_along_the_skin_is_brighter_than_one_into_depth():
    along = level(tube((-4, 9, 0), (4, 9, 0), 0.3))
    into = level(tube((0, 5, 0), (0, 13, 0), 0.3))
    middle = slice(41, 59), slice(41, 55)  # around a depth of 9 mm
    assert along[middle].max() > into[middle].max() + 20


def test_a_vessel_fades_as_it_leaves_the_direction_of_view():
    def slanted(angle_deg):
        way = 4 * np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg)), 0])
        middle = np.array([0, 9, 0])
        picture = level(tube(middle - way, middle + way, 0.3))
        return picture[41:59, 41:55].max()

    seen = [slanted(angle) for angle in (0, 15, 30, 45, 60)]
    assert seen == sorted(seen, reverse=True)
    assert seen[0] - seen[2] > 3


def test_a_vessel_wider_than_two_wavelengths_shows_two_walls():
    picture = level(through(0, 9.0, 0.8))
    depth = (peaks(picture[:, 47]) + 0.5) * PIXEL_MM
    np.testing.assert_allclose(depth, [8.2, 9.8], atol=0.11)


def test_a_small_vessel_shows_one_line_at_its_depth():
    depth = (peaks(level(through(0, 9.0, 0.08))[:, 47]) + 0.5) * PIXEL_MM
    np.testing.assert_allclose(depth, [9.0], atol=0.11)


def test_a_vessel_out_of_the_slice_is_weaker_the_farther_it_is():
    seen = [level(tube((-4, 14, z), (4, 14, z), 0.2)).max() for z in (0.0, 0.5, 1.0, 1.5)]
    assert seen == sorted(seen, reverse=True)
    assert seen[0] - seen[3] > 6


def test_joints_between_links_do_not_show():
    whole = level(tube((-4, 9, 0), (4, 9, 0), 0.3))
    x = np.linspace(-4, 4, 17)
    points = np.stack([x, np.full(17, 9.0), np.zeros(17)], axis=1)
    links = make_vessels(points[:-1], points[1:], np.full(16, 0.3), np.ones(16))
    seen = whole > whole.max() - 25
    np.testing.assert_allclose(level(links)[seen], whole[seen], atol=0.1)


def test_a_probe_moved_by_whole_pixels_sees_the_picture_moved():
    moved = np.eye(4)
    moved[0, 3] = 3 * PIXEL_MM
    vessels = tube((-3, 7, 0), (3, 9, 0.5), 0.25)
    there, here = level(vessels, pose=pose_of(moved)), level(vessels)
    seen = (here > here.max() - 25)[:, 3:]
    np.testing.assert_allclose(there[:, :-3][seen], here[:, 3:][seen], atol=0.3)


def test_vessels_move_with_the_tissue():
    vectors = np.empty((12, 12, 12, 3), dtype=np.float32)
    vectors[:] = (0.5, 0.3, 0.2)
    flow = Flow(False, (-12.0, -2.0, -12.0), 2.0, vectors, 0.7)
    moved = level(tube((-3, 7, 0), (3, 9, 0), 0.25), flow=flow)
    there = level(tube((-2.5, 7.3, 0.2), (3.5, 9.3, 0.2), 0.25))
    seen = there > there.max() - 25
    np.testing.assert_allclose(moved[seen], there[seen], atol=0.05)


def test_the_skin_is_where_the_light_says():
    light = PLAIN.model_copy(update={"skin_db": 0.0, "skin_mm": 2.0})
    depth = (level(through(0, 12.0), light=light).argmax(axis=0) + 0.5) * PIXEL_MM
    np.testing.assert_allclose(np.median(depth), 2.0, atol=0.15)


def test_a_convex_array_sees_alike_in_all_its_directions():
    probe = Probe(shape="convex", frequency_mhz=4.0, radius_mm=40.0, height_mm=8.0, lens_mm=20.0)
    scanner = Scanner(probe=probe, view=View(rows=96, columns=96, pixel_mm=0.4))
    found = []
    for angle in (0.0, 0.25):
        x, y = 52 * np.sin(angle), 52 * np.cos(angle) - 40
        found.append(level(through(x, y, 0.4), scanner=scanner).max())
    assert found[1] == pytest.approx(found[0], abs=0.7)


def test_frames_do_not_depend_on_how_many_are_made_at_once():
    picture = make_photoacoustic(SCANNER, tube((-3, 7, 0), (3, 9, 0.5), 0.25))

    def grey(index):
        pose = np.eye(4)
        pose[2, 3] = 0.1 * index
        return picture.grey(pose_of(pose), noise_seed=index)

    one, two = (list(in_order(grey, range(4), threads)) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_noise_changes_from_frame_to_frame():
    picture = make_photoacoustic(SCANNER, tube((-3, 7, 0), (3, 9, 0.5), 0.25))
    assert (picture.grey(HERE, noise_seed=1) != picture.grey(HERE, noise_seed=2)).any()
