"""Tables hold what was measured and leave out what was not."""

from sonotrace.benchmark.table import speed_table

ROW = {
    "model": "stcn:tiny",
    "size": 64,
    "variant": "eager",
    "memory": 10,
    "ms": 12.5,
    "frames_per_second": 80.0,
    "times_reference": None,
    "stages_ms": {"encode": 1.0, "value": 2.0, "read": 3.0, "decode": 4.0},
    "peak_megabytes": 321.0,
}


def test_a_row_shows_its_numbers():
    line = speed_table({"machine": "box", "rows": [ROW]})[-1]
    assert line.split()[:4] == ["stcn:tiny", "64", "eager", "10"]
    assert [float(word) for word in line.split()[4:]] == [12.5, 80.0, 1.0, 2.0, 3.0, 4.0, 321.0]


def test_parts_that_were_not_measured_are_left_out():
    assert speed_table({"machine": "box"}) == ["machine: box"]


def test_long_clips_are_told_in_words():
    steady = {"full_at_frame": 71, "ratios": {500: 1.01}, "growth_bytes": 2_000_000, "frames": 9}
    text = "\n".join(speed_table({"machine": "box", "steady": steady}))
    assert "relative to frame 71" in text
    assert "1.010 at frame 500" in text
    assert "2.0 MB over 9 frames" in text
