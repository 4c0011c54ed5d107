"""The reference is slow, and right."""

import pytest
import torch

from sonotrace.benchmark.reference import DensePropagator
from sonotrace.models import build_model, model_config
from sonotrace.nn.memory import Unbounded
from sonotrace.tasks.track import Propagator, Tracker, TrackerSettings


def test_it_tracks_like_the_tracker_with_an_unbounded_memory():
    network = build_model(model_config("stcn:tiny")).eval()
    frames = torch.randint(0, 256, (12, 1, 48, 48), dtype=torch.uint8)
    mask = torch.zeros(48, 48, dtype=torch.uint8)
    mask[10:30, 12:34] = 1
    dense = Tracker(DensePropagator(network))
    gathered = Tracker(network, settings=TrackerSettings(memory=Unbounded()))
    for i, frame in enumerate(frames):
        given = mask if i == 0 else None
        was, now = dense.step(frame, given), gathered.step(frame, given)
        assert (was.probabilities - now.probabilities).abs().max() < 1e-4


def test_it_is_a_propagator_that_keeps_its_objects():
    propagator = DensePropagator(build_model(model_config("stcn:tiny")))
    assert isinstance(propagator, Propagator)
    with pytest.raises(ValueError, match="cannot stop following object 3"):
        propagator.remove(3)
    with pytest.raises(ValueError, match="observe comes after predict"):
        propagator.observe([1], torch.zeros(1, 8, 8), given=False)


def test_as_many_frames_are_remembered_as_asked_for():
    network = build_model(model_config("stcn:tiny")).eval()
    mask = torch.zeros(32, 32, dtype=torch.uint8)
    mask[8:20, 8:20] = 1
    held = []
    for every in (1, 5):
        tracker = Tracker(DensePropagator(network, memory_every=every))
        for t in range(7):
            tracker.step(torch.zeros(1, 32, 32, dtype=torch.uint8), None if t else mask)
        held.append(tracker.propagator._keys.shape[2] // 4)  # 2 x 2 positions
    assert held == [6, 2]
