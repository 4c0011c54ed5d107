"""The checks of the physics: their laws in closed form, and that all of them are made.

What they find is asserted where the code is that they check: in tests/simulate.
"""

import json

import numpy as np
import pytest

from sonotrace.benchmark.physics import measure_physics, tilt_law
from sonotrace.benchmark.physics_plots import draw_physics
from sonotrace.benchmark.physics_rig import PhysicsSettings
from sonotrace.benchmark.physics_table import physics_rows, physics_table
from sonotrace.simulate.echo.beam import gaussian_waist_mm
from sonotrace.simulate.probe import Probe

QUICK = PhysicsSettings(
    pixels=96, seeds=1, pitches_mm=(0.5,), depths_mm=(10.0, 30.0), farthest_mm=0.6,
    steps_mm=(0.3,), tilts_deg=(0.8,), sub_positions=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def results():
    return measure_physics(QUICK)


def test_at_the_focus_a_tilt_is_a_shift_and_a_lean():
    # freehand: exp(-d^2 / 2 s^2) exp(-(2 k s sin a)^2 / 2) where wavefronts are flat
    probe, angle = Probe(elevation="gaussian"), np.radians(0.8)
    waist = gaussian_waist_mm(probe)
    shift = np.exp(-((20 * np.sin(angle)) ** 2) / (2 * waist**2))
    lean = np.exp(-((4 * np.pi / probe.wavelength_mm * waist * np.sin(angle)) ** 2) / 2)
    assert tilt_law(probe, 20.0, 1e-6, float(angle)) == pytest.approx(shift * lean, rel=1e-3)


def test_the_results_are_plain_numbers(results):
    assert json.loads(json.dumps(results)) == results


def test_every_number_has_a_name_of_its_own(results):
    names = [row.name for row in physics_rows(results)]
    assert len(names) == len(set(names)) > 20


def test_the_table_has_a_line_for_every_number(results):
    lines = physics_table(results)
    assert len(lines) == 1 + len(physics_rows(results))
    assert lines[0].split() == ["measured", "expected"]


def test_a_picture_is_drawn_for_every_law(results, tmp_path):
    pytest.importorskip("matplotlib")
    paths = draw_physics(results, tmp_path)
    assert len(paths) == 8
    assert all(path.stat().st_size > 5000 for path in paths)
