from types import SimpleNamespace

import numpy as np
import pytest

from sonotrace.simulate.domains import find_domain
from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.motion import STILL, TissueMotion, flow_box
from sonotrace.simulate.needle.body import Advance, Needle
from sonotrace.simulate.needle.echo import Shine, in_slice, see
from sonotrace.simulate.needle.scene import NeedleContent, needle_scene
from sonotrace.simulate.needle.truth import surroundings
from sonotrace.simulate.probe import Display, Probe, Scanner, View
from sonotrace.simulate.scene import Moment, set_stage
from sonotrace.simulate.world import pose_of

SCANNER = Scanner(
    probe=Probe(elevation="gaussian", focus_mm=12.0, lens_mm=13.0),
    view=View(rows=128, columns=128, pixel_mm=0.18),
    display=Display(clutter_db=-60.0, noise_db=-80.0),
)
GRID = make_grid(SCANNER)
SLOPE = np.radians(25.0)


def fibres(moved_mm=0.0, level_db=12.0):
    """Return dark tissue with bright threads every 1.3 mm, along the needle and thin as a hair."""

    def echo_db(x, y, z):
        across = y * np.cos(SLOPE) - x * np.sin(SLOPE) - moved_mm
        off = (across + 0.65) % 1.3 - 0.65
        return np.where(abs(off) < 0.08, level_db, 0.0).astype(np.float32)

    attenuation = SCANNER.display.reference_attenuation
    return SimpleNamespace(echo_db=echo_db, attenuation=lambda x, y, z: x * 0 + attenuation)


def content(anatomy, shine=None):
    back = 14.0
    needle = Needle(
        gauge=18,
        pivot=(-back * float(np.cos(SLOPE)), 12.0 - back * float(np.sin(SLOPE)), 0.0),
        side=1,
        angle_rad=float(SLOPE),
        out_rad=0.0,
        advance=Advance((0.0,), (back + 7.0,)),
    )
    shine = shine or Shine()
    return NeedleContent(needle=needle, shine=shine, streaks=(), lesion=None, anatomy=anatomy)


def moment():
    return Moment(0, 0.0, GRID, pose_of(np.eye(4)), STILL)


def contrast_db(anatomy, shine=None):
    return content(anatomy, shine).truth(moment()).facts["contrast_db"]


def test_thin_fibres_that_move_by_tenths_of_a_mm_change_the_contrast_little():
    contrasts = [contrast_db(fibres(moved)) for moved in np.arange(0.0, 1.3, 0.1)]
    # asked at 12 places, of which each counts by a twelfth, threads of 12 dB change it by 1 dB each
    assert np.ptp(contrasts) < 2.0


def test_the_level_of_even_tissue_is_what_a_needle_is_seen_against():
    dark, bright = contrast_db(fibres(level_db=0.0)), contrast_db(fibres(0.0, 0.0))
    assert dark == pytest.approx(bright)
    even = content(fibres(level_db=0.0))
    nodes = see(GRID, moment().pose, even.shaft(moment()))
    around = surroundings(moment(), even.anatomy, nodes)
    assert around.background_db == pytest.approx(0.0, abs=0.01)
    assert around.passed_db == pytest.approx(0.0, abs=0.01)


def test_spots_along_the_shaft_count_for_what_can_be_seen():
    plain, loud = Shine(spots_db=(0.0,) * 30), Shine(spots_db=(4.0,) * 30)
    change = contrast_db(fibres(), loud) - contrast_db(fibres(), plain)
    assert change == pytest.approx(4.0)


SEEDS = [("linear-soft", 4), ("linear-soft", 7), ("linear-soft", 8), ("linear-soft", 17)]
SEEDS += [("linear-fine", seed) for seed in (6, 7, 8, 9, 11, 17)]


@pytest.fixture(scope="module")
def drawn():
    return [
        needle_scene(seed, find_domain(name), frames=8, rows=96, columns=96) for name, seed in SEEDS
    ]


def masks(scene):
    """Return masks of what can be seen and of what is there, of every frame."""
    reach, half = scene.scanner.reach_mm() + 4, scene.scanner.view.width_mm / 2 + 4
    box, grid = flow_box([-half, -3.0, -5.0], [half, reach, 5.0]), make_grid(scene.scanner)
    truths = []
    for index, pose in enumerate(scene.poses):
        time_s = index / scene.frames_per_second
        motion = scene.motion or TissueMotion()
        flow = motion.flow(time_s, box, scene.content.pushes(time_s))
        truths.append(scene.content.truth(Moment(index, time_s, grid, pose_of(pose), flow)))
    seen = np.array([truth.visible == 1 for truth in truths])
    return seen, np.array([truth.geometric == 1 for truth in truths])


def overlap(some):
    """Return the mean overlap (IoU) of masks with their next ones."""
    before, after = some[:-1], some[1:]
    both = (before & after).sum(axis=(1, 2))
    return (both / np.maximum((before | after).sum(axis=(1, 2)), 1)).mean()


def test_what_can_be_seen_does_not_flicker(drawn):
    lost, blinks = [], []
    for scene in drawn:
        seen, there = masks(scene)
        lost.append(overlap(there) - overlap(seen))
        stays = there[:-2] & there[1:-1] & there[2:]
        alone = (seen[1:-1] != seen[:-2]) & (seen[1:-1] != seen[2:]) & stays
        blinks.append(alone.sum() / stays.sum())
    # some of these needles leave the slice or fade; what is seen of them shrinks, but for good
    assert np.mean(lost) < 0.1
    assert np.mean(blinks) < 0.015


def stands_out(grey, scanner, nodes):
    """Return how much brighter, in grey levels, the wall at every node is than what is beside it.

    Both are averages over 2 mm of the shaft; beside it there are places 1.2 to 3.2 mm away.
    """
    steep = np.arctan2(np.gradient(nodes.y), np.gradient(nodes.x))
    aside = np.arange(-3.2, 3.21, 0.1)
    x = nodes.x - aside[:, None] * np.sin(steep)
    y = nodes.y + aside[:, None] * np.cos(steep)
    row, column = (np.rint(place).astype(int) for place in scanner.pixel_of(x, y))
    size = grey.shape
    inside = (row >= 0) & (row < size[0]) & (column >= 0) & (column < size[1])
    values = grey[row.clip(0, size[0] - 1), column.clip(0, size[1] - 1)].astype(float)
    profile = np.stack([np.convolve(line, np.full(5, 0.2), "same") for line in values])
    profile[~inside] = np.nan
    near, far = abs(aside) <= nodes.half_mm.max(), abs(aside) >= 1.2
    whole = inside.all(axis=0)
    whole[:2] = whole[-2:] = False
    out = np.full(len(nodes.x), np.nan)
    out[whole] = profile[near][:, whole].max(axis=0) - profile[far][:, whole].mean(axis=0)
    return out


def test_hidden_parts_are_fainter_in_the_picture_than_visible_parts(drawn):
    visible, hidden = [], []
    for scene in drawn[::2]:
        stage, needle = set_stage(scene, threads=1), scene.content.needle
        for index in (0, 5):
            now = stage.moment(index)
            shaft = scene.content.shaft(now)
            nodes = see(now.grid, now.pose, shaft)
            grey, truth = stage.frame(index)
            contrast = stands_out(grey, scene.scanner, nodes)
            row, column = (np.rint(a).astype(int) for a in scene.scanner.pixel_of(nodes.x, nodes.y))
            known = np.flatnonzero(
                np.isfinite(contrast) & in_slice(now.grid, nodes, needle.diameter_mm / 2)
            )
            seen = truth.visible[row[known], column[known]] == 1
            visible.append(contrast[known][seen])
            hidden.append(contrast[known][~seen])
    bright, faint = np.concatenate(visible), np.concatenate(hidden)
    assert (bright[:, None] > faint).mean() > 0.8
    assert np.percentile(faint, 90) < np.median(bright)
