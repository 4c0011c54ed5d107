"""Tables show what the document holds."""

from sonotrace.benchmark.simulator_table import simulator_table

ROW = {
    "scene": "lesion",
    "domain": "linear-soft",
    "size": 256,
    "pitch_mm": 0.28,
    "scatterers": 250_000,
    "ns_per_scatterer": 30.0,
    "frames_per_second": {"1": 50.0, "2": 99.5},
    "pictures_per_second": {"1": 55.0, "2": 111.5},
    "stages_ms": {"scatter": 7.5, "truth": 2.5},
    "bake_seconds": 1.5,
    "peak_megabytes": 500.0,
    "growth_megabytes": 0.1,
    "operations": 4e7,
    "bound_ms": {"scatter": 1.0, "pulse and beam": 0.5},
    "count": {
        "scatterers": 250_000.0,
        "nodes": 200_000,
        "pulse_steps": 4e6,
        "beam_steps": 26e6,
        "megabytes": 5.5,
    },
}
DOCUMENT = {"machine": "a machine", "clock": {"gigahertz": 3.0}, "rows": [ROW]}


def test_shares_add_up_to_a_hundred():
    text = "\n".join(simulator_table(DOCUMENT))
    assert "7.50 (75 %)" in text
    assert "2.50 (25 %)" in text


def test_speeds_and_the_bound_are_shown():
    text = "\n".join(simulator_table(DOCUMENT))
    assert "99.5" in text
    assert "111.5" in text
    assert "1.50" in text  # the sum of both bounds


def test_a_scene_that_is_not_counted_has_its_speed_only():
    row = ROW | {"scene": "photoacoustic", "count": None}
    text = "\n".join(simulator_table(DOCUMENT | {"rows": [row]}))
    assert "99.5" in text
    assert "(75 %)" not in text
