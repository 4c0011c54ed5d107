"""The distance of a tip from its target is that from the surface as the tissue lies now."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from sonotrace.simulate.motion import STILL, came_from, draw_tissue_motion, flow_box, went_to
from sonotrace.simulate.needle.target import distance_to_target_mm
from sonotrace.simulate.tissue.outline import Blob, draw_directions, draw_waves

BOX = flow_box((-25.0, -5.0, -15.0), (25.0, 40.0, 15.0))


def dense_surface(blob, count=200_000):
    """Return places of the surface at rest, found by halving on `contains`, evenly spread."""
    number = np.arange(count) + 0.5
    out, turn = 1 - 2 * number / count, np.pi * (1 + np.sqrt(5)) * number
    ring = np.sqrt(1 - out**2)
    ray = np.stack([ring * np.cos(turn), ring * np.sin(turn), out]) * max(blob.half_mm)
    centre = np.array(blob.centre)[:, None]
    low, high = np.zeros(count), np.full(count, 2.0)
    for _ in range(18):
        middle = (low + high) / 2
        inside = blob.contains(*(centre + middle * ray))
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return centre + low * ray


@pytest.mark.parametrize("seed", range(4))
def test_it_is_that_of_a_dense_surface_of_tissue_that_moves(seed):
    random = np.random.default_rng(seed)
    blob = Blob(
        centre=(1.0, 15.0, -0.5),
        half_mm=(6.0, 4.0, 5.0),
        roll_rad=0.3,
        waves=draw_waves(random, 6, 0.06, (2.0, 5.0)),
    )
    motion = draw_tissue_motion(random, (-20.0, 0.0, -6.0), (20.0, 30.0, 6.0), 2.0)
    flow = motion.flow(3.3, BOX)
    surface = np.stack(went_to(flow, *dense_surface(blob)), axis=1)
    tips = surface[random.integers(len(surface), size=60)] + random.normal(
        0, 1, (60, 3)
    ) * random.choice([0.3, 2.0, 5.0], (60, 1))
    truth, _ = cKDTree(surface).query(tips)
    found = np.array([distance_to_target_mm(tip, blob, flow) for tip in tips])
    # places of the dense surface lie 0.06 mm apart where it is widest
    assert np.abs(found) == pytest.approx(truth, abs=0.05)
    inside = blob.contains(*came_from(flow, *np.ascontiguousarray(tips.T)))
    assert 0 < inside.sum() < 60
    assert ((found < 0) == inside).all()


@pytest.mark.parametrize("away", [-2.0, -0.5, 0.5, 8.0])
def test_of_a_ball_at_rest_it_is_exact_in_all_directions(away):
    ball = Blob(centre=(1.0, 12.0, 0.5), half_mm=(4.0, 4.0, 4.0))
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    for ray in [*axes, *draw_directions(np.random.default_rng(0), 20)]:
        tip = np.array(ball.centre) + (4.0 + away) * ray
        assert distance_to_target_mm(tip, ball, STILL) == pytest.approx(away, abs=0.006)
