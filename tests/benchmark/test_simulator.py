"""The benchmark of the simulator counts what is there and leaves no stage out."""

import pytest

from sonotrace.benchmark import simulator
from sonotrace.benchmark.simulator import (
    PHOTOACOUSTIC,
    STAGES,
    SimulatorSettings,
    measure_scene,
    measure_simulator,
    time_stages,
)
from sonotrace.errors import UsageError
from sonotrace.simulate.scene import set_stage
from sonotrace.simulate.scenes import make_scene

TINY = SimulatorSettings(
    scenes=("sweep",), sizes=(96,), threads=(1,), frames=2, rounds=1, long_frames=4
)


class Here:
    """Measures in this process."""

    def __init__(self, *arguments, **options):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def submit(self, function, *arguments):
        self.result = lambda: function(*arguments)
        return self


@pytest.fixture(scope="module")
def document():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulator, "ProcessPoolExecutor", Here)
        return measure_simulator(TINY, lambda _: None)


def test_a_row_has_every_stage_and_both_kinds_of_bound(document):
    (row,) = document["rows"]
    assert set(row["stages_ms"]) == set(STAGES)
    assert min(row["stages_ms"].values()) > 0
    assert set(row["bound_ms"]) == {"scatter", "pulse and beam"}
    assert row["moving"]


def test_the_bound_is_below_what_was_measured(document):
    (row,) = document["rows"]
    for stage, least in row["bound_ms"].items():
        assert 0 < least < row["stages_ms"][stage]


def test_scatterers_are_counted_before_they_are_summed(document):
    (row,) = document["rows"]
    assert row["count"]["scatterers"] == pytest.approx(row["scatterers"], rel=0.05)


def test_a_photoacoustic_row_has_speed_and_memory_only():
    row = measure_scene(PHOTOACOUSTIC, 96, TINY)
    assert row.frames_per_second[1] > 0
    assert row.count is None
    assert row.peak_megabytes > 50


def test_an_unknown_scene_is_refused():
    with pytest.raises(UsageError, match="no scene is called 'liver'"):
        measure_simulator(SimulatorSettings(scenes=("liver",)), lambda _: None)


def test_stages_are_timed_on_average_over_the_frames():
    stage = set_stage(make_scene("sweep", 1, frames=2, size=96), threads=1)
    times, scatterers = time_stages(stage, rounds=1)
    assert set(times) == set(STAGES)
    assert scatterers > 1000
