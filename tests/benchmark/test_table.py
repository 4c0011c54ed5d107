"""Tables hold what was measured and leave out what was not."""

from sonotrace.benchmark.table import speed_table

ROW = {
    "model": "stcn:tiny",
    "size": 64,
    "variant": "eager",
    "memory": 10,
    "ms": 12.5,
    "lowest_ms": 11.5,
    "highest_ms": 14.0,
    "frames_per_second": 80.0,
    "times_reference": None,
    "stages_ms": {"encode": 1.0, "value": 2.0, "read": 3.0, "decode": 4.0},
    "peak_megabytes": 321.0,
}


def test_a_row_shows_its_numbers():
    line = speed_table({"machine": "box", "rows": [ROW]})[-1]
    assert line.split()[:4] == ["stcn:tiny", "64", "eager", "10"]
    numbers = [float(word) for word in line.split()[4:]]
    assert numbers == [12.5, 11.5, 14.0, 80.0, 1.0, 2.0, 3.0, 4.0, 321.0]


def test_parts_that_were_not_measured_are_left_out():
    assert speed_table({"machine": "box"}) == ["machine: box"]


def test_long_clips_are_told_in_words():
    steady = {
        "model": "stcn:tiny",
        "size": 64,
        "full_at_frame": 71,
        "ratios": {500: 1.01},
        "growth_bytes": 2_000_000,
        "largest_growth_bytes": 3_000_000,
        "frames": 9,
    }
    text = "\n".join(speed_table({"machine": "box", "steady": steady}))
    assert "stcn:tiny at 64 pixels, the memory full from frame 71 on" in text
    assert "1.010 at frame 500" in text
    assert "2.0 MB over 9 frames from there, at most 3.0 MB" in text


def test_the_worst_frame_and_the_worst_clip_are_shown():
    each = {
        "key": 1e-6,
        "value": 2e-6,
        "logit": 3e-6,
        "tracked": (4e-6, 9e-6, 5e-6),
        "iou_mean": 0.999,
        "iou_lowest": 0.987,
        "clips": 6,
    }
    found = {"stcn:tiny 64": {"eager": each, "compiled": "there is no compiler"}}
    lines = speed_table({"machine": "box", "fidelity": found})
    assert lines[3].split()[2:] == [
        *("eager", "1.0e-06", "2.0e-06", "3.0e-06", "9.0e-06", "0.9990", "0.9870", "6")
    ]
    assert lines[4] == "not compared: stcn:tiny 64 compiled: there is no compiler"


def test_masks_that_were_not_compared_have_no_overlap():
    each = {"key": 0.0, "value": 0.0, "logit": 0.0, "tracked": (0.0,), "clips": 0}
    lines = speed_table({"machine": "box", "fidelity": {"stcn:paper 64": {"plain": each}}})
    assert lines[3].split() == ["stcn:paper", "64", "plain"] + 4 * ["0.0e+00"]
