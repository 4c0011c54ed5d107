"""The kernels stay within their arrays: numba checks bounds only when asked to."""

import os
import subprocess
import sys

SCRIPT = """
import numpy as np
from sonotrace.benchmark.physics_rig import pose_at, renderer_of
from sonotrace.simulate.motion import Push, TissueMotion, flow_box
from sonotrace.simulate.probe import Probe, Scanner, View
from sonotrace.simulate.echo.points import Points

view = View(rows=48, columns=48, pixel_mm=0.25)
convex = Probe(shape="convex", radius_mm=20.0, lens_mm=12.0, focus_mm=12.0)
push = Push((0.0, 6.0, 0.0), 4.0, (0.4, 0.3, -0.5))
flow = TissueMotion().flow(0.0, flow_box((-12, -12, -12), (12, 12, 12)), [push])
edges = np.array([-3.0, 0.0, 6.0, 11.99, 30.0])
for probe in (Probe(height_mm=4.0, lens_mm=8.0), convex):
    for angles in ((0, 0, 0), (0, 50, 0), (90, 0, 0)):
        pose = pose_at((0.0, 0.0, 0.0), angles)
        scanner = Scanner(probe=probe, view=view)
        renderer = renderer_of(scanner, [pose], pitch_mm=0.6, moved_mm=1.0)
        points = [Points(edges, edges / 20, np.ones(5)), Points(edges, -edges, np.ones(5))]
        for motion in ({}, {"flow": flow}):
            level = renderer.level(pose, points=points, noise_seed=3, **motion)
            assert np.isfinite(level).all()
            assert (level[-1] > -100).all() and (level[:, -1] > -100).all()
            assert renderer.grey(pose, noise_seed=3, **motion).shape == (48, 48)
print("within bounds")
"""


def test_kernels_stay_within_bounds_and_reach_the_last_row_and_column(pytestconfig):
    cache = pytestconfig.cache.mkdir("numba-boundscheck")
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "within bounds\n", done.stderr[-2000:]
