"""Beams meet surfaces where geometry says, and bring back what the law says."""

import numpy as np
import pytest

from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.echo.picture import make_developer
from sonotrace.simulate.echo.points import add_points
from sonotrace.simulate.echo.slice import Pose, empty_echo
from sonotrace.simulate.echo.specular import Finish, reflected
from sonotrace.simulate.echo.surface import (
    Look,
    Sheet,
    Solid,
    cross,
    echoes_of,
    planes_at,
    read_sheet,
    read_solid,
    stack,
    traced_beams,
)
from sonotrace.simulate.motion import STILL, Flow
from sonotrace.simulate.path import poses_from
from sonotrace.simulate.probe import Probe, Scanner, View

LINEAR = Scanner(view=View(rows=128, columns=128, pixel_mm=40 / 128))
CONVEX = Scanner(
    probe=Probe(shape="convex", frequency_mhz=3.5, focus_mm=40, height_mm=12, lens_mm=40),
    view=View(rows=128, columns=128, pixel_mm=60 / 128),
)
FINE = Scanner(view=View(rows=256, columns=64, pixel_mm=0.1))
"""A row of pixels is no longer than the pulse, so that the peak is not averaged."""
LEVEL = Pose(np.eye(3), np.zeros(3))
FINISH = Finish(30.0, -20.0, 0.35)
STEP = 0.5


def solid_of(distance) -> Solid:
    low = np.array([-45.0, -12.0, -12.0])
    x, y, z = (np.arange(a, b, STEP) for a, b in zip(low, (45, 62, 12), strict=True))
    y, x, z = np.meshgrid(y, x, z, indexing="ij")
    return Solid(distance(x, y, z).astype(np.float32), tuple(low.tolist()), STEP)


def tilted_pose(yaw=0.1, tilt=-0.08, roll=0.12) -> Pose:
    matrix = poses_from(np.array([[1.0, 0.3, -0.7]]), np.array([[yaw, tilt, roll]]))[0]
    return Pose(np.ascontiguousarray(matrix[:3, :3]), matrix[:3, 3].copy())


def rays(grid, pose, across, offset_mm):
    """Return where beams start and where they point, in tissue: (E, W, 3) each."""
    offset, along = np.meshgrid(offset_mm, across, indexing="ij")
    if grid.shape.convex:
        way = np.stack([np.sin(along), np.cos(along), 0 * along], axis=-1)
        start = grid.shape.radius * way - [0, grid.shape.radius, 0]
    else:
        way = np.broadcast_to([0.0, 1.0, 0.0], (*along.shape, 3))
        start = np.stack([along, 0 * along, 0 * along], axis=-1)
    start = start + offset[..., None] * np.array([0.0, 0.0, 1.0])
    return start @ pose.rotation.T + pose.origin, way @ pose.rotation.T


@pytest.mark.parametrize("scanner", [LINEAR, CONVEX], ids=["linear", "convex"])
def test_a_sphere_is_met_where_geometry_says(scanner):
    grid, centre, radius = make_grid(scanner), np.array([1.0, 24.0, 0.5]), 9.0
    sphere = solid_of(lambda x, y, z: np.sqrt((x - 1) ** 2 + (y - 24) ** 2 + (z - 0.5) ** 2) - 9)
    pose, planes = tilted_pose(), np.array([-1.5, 0.0, 1.5])
    met = cross(sphere, Look(grid, pose, STILL), traced_beams(grid), planes)
    start, way = rays(grid, pose, met.across, planes)
    toward = ((start - centre) * way).sum(axis=-1)
    inside = toward**2 - ((start - centre) ** 2).sum(axis=-1) + radius**2
    depth = -toward - np.sqrt(np.maximum(inside, 0))
    normal = (start + depth[..., None] * way - centre) / radius
    incidence = np.arccos(np.abs((normal * way).sum(axis=-1)))
    clear = inside > 4  # not where beams graze it
    assert clear.sum() > 30
    assert np.abs(met.depth_mm - depth)[clear].max() < 0.05
    assert np.degrees(np.abs(met.incidence_rad - incidence)[clear]).max() < 1
    assert np.isnan(met.depth_mm[inside < -1]).all()


@pytest.mark.parametrize("scanner", [LINEAR, CONVEX], ids=["linear", "convex"])
def test_a_plane_is_met_where_geometry_says_as_a_solid_and_as_a_sheet(scanner):
    grid, pose = make_grid(scanner), tilted_pose()
    normal = np.array([0.2, -0.95, 0.15])
    normal /= np.linalg.norm(normal)
    solid = solid_of(lambda x, y, z: normal[0] * x + normal[1] * (y - 20) + normal[2] * z)
    x, z = np.meshgrid(np.arange(-45, 45), np.arange(-12, 12), indexing="ij")
    height = (20 - (normal[0] * x + normal[2] * z) / normal[1]).astype(np.float32)
    sheet = Sheet(height, np.ones_like(height), (-45.0, -12.0), 1.0)
    across, planes = traced_beams(grid)[5:-5], np.zeros(1)
    start, way = rays(grid, pose, across, planes)
    depth = ((np.array([0, 20.0, 0]) - start) @ normal) / (way @ normal)
    for surface in (solid, sheet):
        met = cross(surface, Look(grid, pose, STILL), across, planes)
        assert np.abs(met.depth_mm - depth).max() < 0.05
        angle = np.arccos(np.abs(way @ normal))
        assert np.degrees(np.abs(met.incidence_rad - angle)).max() < 1


def test_surfaces_move_with_the_tissue():
    grid, moved = make_grid(LINEAR), 0.8
    plane = solid_of(lambda x, y, z: 15 - y + 0 * x)
    vectors = np.zeros((40, 50, 15, 3), dtype=np.float32)
    vectors[..., 1] = moved
    flow = Flow(False, (-48.0, -14.0, -14.0), 2.0, vectors, moved)
    met = cross(plane, Look(grid, LEVEL, flow), traced_beams(grid), np.zeros(1))
    np.testing.assert_allclose(met.depth_mm, 15 + moved, atol=0.02)
    np.testing.assert_allclose(met.place[1], 15, atol=0.02)


def test_what_a_beam_starts_in_is_no_surface_until_it_comes_out():
    grid = make_grid(LINEAR)
    slabs = solid_of(lambda x, y, z: np.minimum(np.abs(y) - 4, np.abs(y - 20) - 3) + 0 * x)
    met = cross(slabs, Look(grid, LEVEL, STILL), np.zeros(2), np.zeros(1))
    np.testing.assert_allclose(met.depth_mm, 17, atol=0.05)


def test_nothing_is_met_beyond_the_picture():
    grid = make_grid(LINEAR)
    deep = solid_of(lambda x, y, z: 50 - y + 0 * x)
    met = cross(deep, Look(grid, LEVEL, STILL), traced_beams(grid), np.zeros(1))
    assert np.isnan(met.depth_mm).all()
    assert len(echoes_of(met, grid, FINISH, np.ones_like(met.depth_mm)).depth_mm) == 0


def level_of_plane(scanner, slope) -> np.ndarray:
    """Return dB of a plane through about 20 mm depth, the highest on every beam near the middle."""
    grid = make_grid(scanner)
    lean = 1 / np.hypot(1, slope)
    lines = grid.depth_of_lines()
    depth = lines[np.argmin(np.abs(lines - 20))]  # not between two rows
    plane = solid_of(lambda x, y, z: (depth + slope * x - y) * lean + 0 * z)
    look = Look(grid, LEVEL, STILL)
    met = cross(plane, look, traced_beams(grid), planes_at(grid, 20.0))
    echo = empty_echo(grid)
    add_points(echo, grid, echoes_of(met, grid, FINISH, np.ones_like(met.depth_mm)))
    full = np.ones((8, 8), dtype=np.float32)
    level = make_developer(grid, 0).level(echo, full, None)
    middle = grid.beams // 2
    return level[:, middle - 8 : middle + 9].max(axis=0)


@pytest.mark.parametrize("scanner", [FINE, CONVEX], ids=["linear", "convex"])
@pytest.mark.parametrize("angle_deg", [0, 20])
def test_a_flat_surface_is_as_bright_as_the_law_says(scanner, angle_deg):
    angle = np.radians(angle_deg)
    expected = 20 * np.log10(reflected(FINISH, np.array([angle]))[0])
    level = level_of_plane(scanner, np.tan(angle))
    assert level[len(level) // 2] == pytest.approx(expected, abs=1.0)


def test_a_steep_surface_has_no_gaps():
    level = level_of_plane(LINEAR, np.tan(np.radians(65)))
    assert np.ptp(level) < 1.5


def test_stacked_surfaces_are_planes_of_one():
    grid = make_grid(LINEAR)
    look, beams = Look(grid, LEVEL, STILL), traced_beams(grid)
    two = [
        cross(solid_of(lambda x, y, z, at=at: at - y + 0 * x), look, beams, np.zeros(1))
        for at in (12, 18)
    ]
    both = stack(two)
    assert both.depth_mm.shape == (2, len(beams))
    np.testing.assert_array_equal(both.place[:, 1], two[1].place[:, 0])


def test_reading_is_exact_where_fields_are_linear():
    random = np.random.default_rng(0)
    x, y, z = (random.uniform(-8, 8, 50).astype(np.float32) for _ in range(3))
    solid = solid_of(lambda a, b, c: 2 * a - b + 0.5 * c)
    np.testing.assert_allclose(read_solid(solid, x, y, z), 2 * x - y + 0.5 * z, atol=1e-4)
    a, c = np.meshgrid(np.arange(-10, 10), np.arange(-10, 10), indexing="ij")
    values = (3 * a - c).astype(np.float32)
    sheet = Sheet(values, values, (-10.0, -10.0), 1.0)
    np.testing.assert_allclose(read_sheet(values, sheet, x, z), 3 * x - z, atol=1e-4)
