"""The benchmark measures what it says, on the tiny network."""

import pytest

from sonotrace.benchmark import speed
from sonotrace.benchmark.rig import Job, Timing
from sonotrace.benchmark.speed import Row, SpeedSettings, compare_with_public, measure_speed
from sonotrace.benchmark.steady import Steadiness
from sonotrace.benchmark.worker import Worker
from sonotrace.errors import UsageError

TINY = SpeedSettings(
    models=("stcn:tiny",),
    sizes=(64,),
    memories=(1, 2),
    variants=("reference", "eager"),
    rounds=1,
    ages=(80,),
    frames=20,
)


def settings(**changes):
    return SpeedSettings.model_validate(TINY.model_dump() | changes)


class FakeWorker(Worker):
    """Takes 4 s a frame as the reference and 1 s in any other variant."""

    def __init__(self, job):
        self.job = job

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def wait(self):
        return "no package" if self.job.variant == "onnx" else ""

    def run(self, memory, cycles):
        seconds = 4.0 if self.job.variant == "reference" else 1.0
        stages = dict.fromkeys(("encode", "value", "read", "decode"), seconds / 4)
        return Timing(steps=[seconds], stages=stages, peak_bytes=10**6)


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(speed, "Worker", FakeWorker)


def test_ratios_are_taken_to_the_reference_of_the_same_round(fake):
    rows = measure_speed(settings(parts=("frames",)), lambda _: None)["rows"]
    assert [(row["variant"], row["memory"], row["times_reference"]) for row in rows] == [
        ("reference", 1, 1.0),
        ("eager", 1, 4.0),
        ("reference", 2, 1.0),
        ("eager", 2, 4.0),
    ]


def test_a_backend_that_cannot_run_is_noted_and_left_out(fake):
    document = measure_speed(settings(parts=("frames",), variants=("onnx",)), lambda _: None)
    assert document["rows"] == []
    assert document["notes"] == ["stcn:tiny 64 onnx: no package"]


def test_equal_shares_compare_as_one():
    row = Row(
        model="stcn:paper",
        size=448,
        variant="reference",
        memory=50,
        ms=1.0,
        lowest_ms=1.0,
        highest_ms=1.0,
        frames_per_second=1.0,
        times_reference=1.0,
        stages_ms={"encode": 250.0, "read": 708.0, "decode": 530.0, "value": 236.0},
        peak_megabytes=1.0,
    )
    (compared,) = compare_with_public([row])
    assert compared["ratios"] == pytest.approx({"encode": 1, "read": 1, "decode": 1})
    assert compared["per_frame_ms"] == pytest.approx(1488 + 236 / 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parts": ("taste",)}, "no part is called 'taste'"),
        ({"variants": ("tpu",)}, "no backend is called 'tpu'"),
        ({"memories": (10, 1)}, "ascending"),
        ({"memories": (0,)}, "ascending numbers from 1"),
    ],
)
def test_unknown_words_are_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        measure_speed(settings(**changes), lambda _: None)


def test_jobs_carry_the_number_of_threads(fake, monkeypatch):
    seen = []
    monkeypatch.setattr(speed.torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(speed, "Worker", lambda job: seen.append(job) or FakeWorker(job))
    measure_speed(settings(parts=("frames",), variants=("eager",)), lambda _: None)
    assert seen == [Job(model="stcn:tiny", size=64, variant="eager", threads=3)]


def test_the_spread_over_rounds_is_reported(fake, monkeypatch):
    seconds = iter([2.0, 3.0, 7.0])
    monkeypatch.setattr(
        FakeWorker,
        "run",
        lambda *_: Timing(steps=[next(seconds)], stages=dict.fromkeys(speed.STAGES, 0.5)),
    )
    chosen = settings(parts=("frames",), variants=("eager",), memories=(1,), rounds=3)
    (row,) = measure_speed(chosen, lambda _: None)["rows"]
    assert (row["lowest_ms"], row["ms"], row["highest_ms"]) == (2000, 3000, 7000)


def test_the_long_clip_is_of_the_first_model_and_size(monkeypatch):
    seen = []

    def measure(*words):
        seen.append(words)
        return Steadiness(
            full_at_frame=71,
            ms_when_full={},
            ms_at={},
            ratios={},
            growth_bytes=0,
            largest_growth_bytes=0,
            frames=20,
        )

    monkeypatch.setattr(speed, "measure_steadiness", measure)
    document = measure_speed(settings(parts=("steady",), sizes=(64, 96)), lambda _: None)
    assert seen == [("stcn:tiny", 64, (80,), 20)]
    assert (document["steady"]["model"], document["steady"]["size"]) == ("stcn:tiny", 64)
    assert (SpeedSettings().models[0], SpeedSettings().sizes[0]) == ("stcn:small", 256)


def test_masks_are_compared_for_trained_weights_only(monkeypatch):
    seen = {}

    def measure(model, size, variants, *, clips):
        seen[model] = (size, variants, clips)
        return {"eager": "no compiler"}

    monkeypatch.setattr(speed, "measure_fidelity", measure)
    chosen = settings(parts=("fidelity",), models=("stcn:small", "stcn:paper"))
    document = measure_speed(chosen, lambda _: None)
    assert seen == {"stcn:small": (64, ["eager"], 3), "stcn:paper": (64, ["eager"], 0)}
    assert document["fidelity"]["stcn:paper 64"] == {"eager": "no compiler"}
