"""A tracker that slows down or leaks over a long clip is found out."""

import pytest
import torch

from sonotrace.benchmark.steady import follow_clip, measure_steadiness, resident_bytes
from sonotrace.models.video import QueryFeatures
from sonotrace.nn.memory import Bounded, MemoryBank
from sonotrace.tasks.track import Tracker, TrackerSettings

MB = 10**6
SHORT = TrackerSettings(memory=Bounded(recent_frames=2, merged_frames=1), memory_every=5)
"""Full at frame 16."""


class BlankNetwork:
    """Sees nothing, and takes no time for it."""

    in_channels, stride, minimum_size, lookahead_frames = 1, 4, 8, 0

    def encode_query(self, frames):
        return QueryFeatures(torch.rand(1, 4, 2, 2), *torch.zeros(2, 1, 4, 2, 2), (), (8, 8))

    def encode_memory(self, frames, features, masks):
        return torch.zeros(1, 1, 4, 2, 2)

    def decode(self, read, features):
        return torch.zeros(1, 1, 8, 8)


class Clocked(Tracker):
    """Every step takes 1 s, and `slower` more for every frame before it."""

    now = 0.0
    slower = 0.0

    def step(self, frame, mask=None):
        Clocked.now += 1 + Clocked.slower * self._frames
        return super().step(frame, mask)


@pytest.fixture
def clocked(monkeypatch):
    monkeypatch.setattr(Clocked, "now", 0.0)
    return Clocked(BlankNetwork(), settings=SHORT)


def follow(tracker, ages, frames):
    pictures = torch.randint(0, 256, (8, 1, 8, 8), dtype=torch.uint8)
    return follow_clip(tracker, pictures, ages, frames, lambda: Clocked.now)


def test_a_tracker_that_always_takes_as_long_has_a_ratio_of_one(clocked):
    steady = follow(clocked, (20, 90), 10)
    assert steady.full_at_frame == 16
    assert steady.ratios == pytest.approx({20: 1.0, 90: 1.0})
    assert steady.ms_when_full == pytest.approx({20: 1000.0, 90: 1000.0})


def test_a_tracker_that_slows_down_has_larger_and_larger_ratios(clocked, monkeypatch):
    monkeypatch.setattr(Clocked, "slower", 0.01)
    steady = follow(clocked, (20, 90), 10)
    young = 1 + 0.01 * (17 + 29.5)  # the mean of 60 frames from frame 17 on
    assert steady.ratios[20] == pytest.approx((1 + 0.01 * (20 + 29.5)) / young)
    assert steady.ratios[90] == pytest.approx((1 + 0.01 * (90 + 29.5)) / young)


def test_the_clip_goes_on_for_all_frames_after_the_memory_was_full(clocked):
    assert follow(clocked, (), 30).frames == 30
    assert clocked._frames == 17 + 30


def test_a_bank_that_leaks_is_reported_as_growth(clocked, monkeypatch):
    leaked = []
    add = MemoryBank.add

    def leaking(self, *words, **choices):
        leaked.append(8 * MB)
        add(self, *words, **choices)

    monkeypatch.setattr(MemoryBank, "add", leaking)
    monkeypatch.setattr("sonotrace.benchmark.steady.resident_bytes", lambda: sum(leaked))
    steady = follow(clocked, (), 60)
    assert steady.growth_bytes > 60 * MB
    assert steady.largest_growth_bytes >= steady.growth_bytes


def test_a_bank_that_does_not_leak_is_not(clocked):
    assert follow(clocked, (), 60).growth_bytes < 50 * MB


def test_the_most_in_between_is_found_although_it_was_let_go(clocked, monkeypatch):
    looks = iter([100, 900, 300])
    monkeypatch.setattr("sonotrace.benchmark.steady.resident_bytes", lambda: next(looks))
    monkeypatch.setattr("sonotrace.benchmark.steady._LOOK_EVERY", 20)
    steady = follow(clocked, (), 20)
    assert (steady.growth_bytes, steady.largest_growth_bytes) == (200, 800)


def test_the_default_memory_is_full_by_frame_100():
    steady = measure_steadiness("stcn:tiny", 32, ages=(), frames=5)
    assert 0 < steady.full_at_frame <= 100
    assert steady.frames == 5


def test_a_process_holds_some_memory():
    assert resident_bytes() > 10**7
