from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from sonotrace.errors import GeometryError
from sonotrace.simulate.domains import find_domain
from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.motion import STILL
from sonotrace.simulate.needle.body import Advance, Needle
from sonotrace.simulate.needle.echo import Shine, see, wall_amplitude
from sonotrace.simulate.needle.scene import NeedleContent, needle_scene
from sonotrace.simulate.probe import Probe, Scanner, View
from sonotrace.simulate.render import make_renderer
from sonotrace.simulate.scene import Moment, render
from sonotrace.simulate.tissue.fascia import Streak
from sonotrace.simulate.world import bake, pose_of

SCANNER = Scanner(
    probe=Probe(elevation="gaussian", focus_mm=12.0, lens_mm=13.0),
    view=View(rows=128, columns=128, pixel_mm=0.18),
)
GRID = make_grid(SCANNER)
HERE = pose_of(np.eye(4))
PLAIN = Shine(back_db=-60.0, rings_db=(), lobes_db=-90.0, tip_db=-60.0)
SIZE = {"rows": 96, "columns": 96}


def even(level_db):
    """Return tissue that is the same everywhere, and takes what the gain makes up for."""
    return SimpleNamespace(
        echo_db=lambda x, y, z: np.full_like(x, level_db),
        attenuation=lambda x, y, z: np.full_like(x, SCANNER.display.reference_attenuation),
    )


UNIT = even(0.0)


def content(angle_deg=20.0, *, side=1, off_mm=0.0, advance=None, shine=PLAIN, gauge=18, **more):
    """Return a needle whose shaft goes through the middle of the picture, its tip beyond it."""
    angle, back = np.radians(angle_deg), 14.0
    pivot = (-side * back * float(np.cos(angle)), 12.0 - back * float(np.sin(angle)), off_mm)
    needle = Needle(
        gauge=gauge,
        pivot=pivot,
        side=side,
        angle_rad=float(angle),
        out_rad=0.0,
        advance=advance or Advance((0.0,), (back + 7.0,)),
        **more,
    )
    return NeedleContent(needle=needle, shine=shine, streaks=(), lesion=None, anatomy=UNIT)


def moment(time_s=0.0):
    return Moment(0, time_s, GRID, HERE, STILL)


def renderer(anatomy, seed=0):
    world = bake(anatomy, GRID, [HERE], moved_mm=1.0, seed=seed, pitch_mm=0.25)
    return make_renderer(GRID, world)


def wall_level(angle_deg, off_mm, seeds=4):
    """Return the mean level of the facing wall over unit speckle, less the speckle's power."""
    scene = content(angle_deg, off_mm=off_mm)
    nodes = see(GRID, HERE, scene.shaft(moment()))
    beam = nodes.front[1] / GRID.shape.beam_step + (GRID.beams - 1) / 2
    line = nodes.front[0] / SCANNER.view.pixel_mm - 0.5
    columns = np.arange(int(0.35 * GRID.beams), int(0.65 * GRID.beams))
    rows = np.rint(np.interp(columns, beam, line)).astype(int)
    level = [
        renderer(UNIT, seed).level(HERE, points=scene.points(moment()))[rows, columns]
        for seed in range(seeds)
    ]
    return 10 * np.log10(max((10 ** (np.array(level) / 10)).mean() - 1.0, 1e-3)), nodes


@pytest.mark.parametrize("angle_deg", [0.0, 20.0, 40.0])
def test_the_facing_wall_is_as_bright_as_the_model_says(angle_deg):
    level, nodes = wall_level(angle_deg, 0.0)
    model = 20 * np.log10(np.median(wall_amplitude(GRID, nodes, PLAIN, 0.0)))
    assert level == pytest.approx(model, abs=1.5)


def test_the_wall_gets_fainter_as_the_needle_leaves_the_slice():
    level = [wall_level(10.0, off_mm, seeds=1)[0] for off_mm in (0.0, 0.4, 0.8, 1.2)]
    assert level == sorted(level, reverse=True)
    assert level[0] - level[-1] > 10


@pytest.mark.parametrize(("side", "bevel_rad"), [(1, 0.0), (-1, 3.1), (1, 1.5)])
def test_the_tip_lies_on_the_border_of_the_mask(side, bevel_rad):
    for length in (14.0, 15.37, 17.71):
        scene = content(23.0, side=side, advance=Advance((0.0,), (length,)), bevel_rad=bevel_rad)
        truth = scene.truth(moment())
        row, column = truth.facts["tip_px"]
        inside = np.argwhere(truth.geometric == 1)
        away = np.hypot(inside[:, 0] - row, inside[:, 1] - column)
        beyond = (inside[:, 1] - column) * side
        assert away.min() < 0.75  # half the diagonal of a pixel, and rounding
        assert beyond.max() <= 0.75


def test_what_is_seen_is_part_of_what_is_there():
    for angle_deg in (5.0, 30.0, 50.0, 65.0):
        for off_mm in (0.0, 1.0, 2.0):
            truth = content(angle_deg, off_mm=off_mm, shine=Shine()).truth(moment())
            assert ((truth.visible == 0) | (truth.visible == truth.geometric)).all()
            assert truth.facts["visible"] == (truth.visible == 1).any()


def test_a_retracted_needle_is_shorter():
    moving = content(25.0, advance=Advance((0.0, 1.0, 2.0), (21.0, 16.0, 12.0)))
    truths = [moving.truth(moment(time_s)) for time_s in (0.0, 1.0, 2.0)]
    assert [truth.facts["length_mm"] for truth in truths] == [21.0, 16.0, 12.0]
    areas = [int(truth.geometric.sum()) for truth in truths]
    assert areas == sorted(set(areas), reverse=True)


def test_a_mirrored_needle_has_a_mirrored_truth_and_mirrored_echoes():
    bent = {"bend_per_mm": 0.004, "bend_rad": 0.3, "bevel_rad": 0.7, "shine": Shine()}
    one, other = content(33.0, **bent), content(33.0, side=-1, **bent)
    first, second = one.truth(moment()), other.truth(moment())
    assert (first.geometric == second.geometric[:, ::-1]).all()
    assert (first.visible == second.visible[:, ::-1]).all()
    assert first.facts["angle_deg"] == pytest.approx(180 - second.facts["angle_deg"])
    assert first.facts["tip_px"][1] == pytest.approx(127 - second.facts["tip_px"][1])
    for a, b in zip(one.points(moment()), other.points(moment()), strict=True):
        assert np.sort(a.across) == pytest.approx(np.sort(-b.across), abs=1e-9)
        assert a.strength.sum() == pytest.approx(b.strength.sum())


def test_a_needle_beside_the_slice_is_there_but_not_seen():
    truth = content(10.0, off_mm=5.0, shine=Shine()).truth(moment())
    assert (truth.geometric == 1).sum() > 100
    assert not truth.visible.any()
    assert truth.facts["visible"] is False
    assert truth.facts["off_plane_mm"] == pytest.approx(5.0, abs=1.0)


def test_at_a_steep_angle_only_the_tip_is_seen():
    steep = content(62.0, advance=Advance((0.0,), (14.0,)), shine=Shine())
    truth = steep.truth(moment())
    rows = np.argwhere(truth.visible == 1)[:, 0]
    assert 0 < (truth.visible == 1).sum() < 0.4 * (truth.geometric == 1).sum()
    assert rows.max() == pytest.approx(truth.facts["tip_px"][0], abs=1.5)


def test_the_picture_is_bright_where_the_mask_is():
    scene = content(3.0, shine=Shine())
    grey = renderer(UNIT).grey(HERE, points=scene.points(moment()), noise_seed=1).astype(float)
    inside = scene.truth(moment()).visible == 1
    assert grey[inside].mean() > grey[~inside].mean() + 20
    assert np.percentile(grey[inside], 75) > np.percentile(grey[~inside], 97)
    columns = np.flatnonzero(inside.any(axis=0))[3:-6]
    brightest = grey[:, columns].argmax(axis=0)
    near = ndimage.binary_dilation(inside)  # the wall lies on the border of the mask
    assert near[brightest, columns].mean() > 0.95


def test_entry_and_tip_in_mm_are_those_in_pixels():
    facts = content(20.0).truth(moment()).facts
    for place in ("tip", "entry"):
        x, y, _ = facts[f"{place}_mm"]
        assert facts[f"{place}_px"] == pytest.approx([y / 0.18 - 0.5, x / 0.18 + 63.5])
    assert facts["entry_px"][1] == pytest.approx(-0.5, abs=0.05)
    assert facts["angle_deg"] == pytest.approx(20, abs=3)


def test_pushes_drag_tissue_with_the_needle_and_by_less_than_a_mm():
    going = content(20.0, advance=Advance((0.0, 1.0), (10.0, 22.0)))
    resting = content(20.0)
    pushes = going.pushes(0.6)
    x = np.array([push.vector[0] for push in pushes])
    assert (x > 0).all()
    assert 0.3 < sum(np.linalg.norm(push.vector) for push in pushes) <= 1.1
    assert np.linalg.norm(pushes[0].vector) <= 0.6
    assert not resting.pushes(0.6)


def test_streaks_are_marked_as_what_they_are():
    streak = Streak(
        centre=(0.0, 10.0, 0.0), slope_rad=0.3, half_mm=4.0, out_mm=3.0, thickness_mm=0.3,
        level_db=15.0,
    )  # fmt: skip
    scene = content(10.0)
    with_streak = NeedleContent(
        needle=scene.needle, shine=PLAIN, streaks=(streak,), lesion=None, anatomy=UNIT
    )
    marked = with_streak.truth(moment()).distractors
    assert marked.sum() * 0.18**2 == pytest.approx(2 * 4.0 * 2 * 0.3, rel=0.1)
    assert set(np.unique(with_streak.truth(moment()).geometric)) == {0, 1}


@pytest.fixture(scope="module")
def drawn():
    names = ("linear-soft", "convex-deep")
    return [
        needle_scene(seed, find_domain(name), frames=6, with_lesion=True, **SIZE)
        for seed, name in enumerate(names)
    ]


def test_the_first_frame_shows_the_needle_on_top_of_its_target(drawn):
    for scene in drawn:
        first = Moment(0, 0.0, make_grid(scene.scanner), pose_of(scene.poses[0]), STILL)
        truth = scene.content.truth(first)
        assert (truth.visible == 1).sum() >= 30
        assert (truth.visible == 2).sum() >= 60
        assert truth.facts["tip_to_lesion_mm"] > -5


def test_a_drawn_needle_shines_in_its_first_picture(drawn):
    grey, truth = next(iter(render(drawn[0], threads=1, only=[0])))
    assert np.percentile(grey[truth.visible == 1], 75) > np.percentile(grey, 75)


def test_the_same_seed_draws_the_same_scene(drawn):
    again = needle_scene(0, find_domain("linear-soft"), frames=6, with_lesion=True, **SIZE)
    assert again.facts == drawn[0].facts
    assert again.content.needle == drawn[0].content.needle
    assert (again.poses == drawn[0].poses).all()
    assert again.frames_per_second == 25


def test_an_impossible_needle_is_refused_with_a_remedy():
    soft, deep = find_domain("linear-soft"), find_domain("convex-deep")
    with pytest.raises(GeometryError, match="14 to 25 G"):
        needle_scene(0, soft, frames=2, gauge=13, **SIZE)
    with pytest.raises(GeometryError, match="choose another gauge"):
        needle_scene(0, soft, frames=2, gauge=14, rows=1024, columns=64)
    with pytest.raises(GeometryError, match="pixels thick"):
        needle_scene(0, deep, frames=2, gauge=25, **SIZE)
