"""A rig times a tracker whose memory holds what was asked for."""

import pytest
import torch

from sonotrace.benchmark import rig
from sonotrace.benchmark.rig import Job, Rig, network_of, peak_bytes
from sonotrace.errors import ModelError


def small_rig(variant):
    return Rig(Job(model="stcn:tiny", size=64, variant=variant, threads=torch.get_num_threads()))


@pytest.mark.parametrize("variant", ["reference", "plain", "eager-bf16"])
def test_a_round_times_every_frame_and_every_stage(variant):
    timing = small_rig(variant).run(memory=3, cycles=2)
    assert len(timing.steps) == 10
    assert set(timing.stages) == {"encode", "value", "read", "decode"}
    assert min(*timing.steps, *timing.stages.values()) > 0
    assert timing.peak_bytes > 10**7


@pytest.mark.parametrize("memory", [1, 3])
def test_all_five_frames_read_the_memory_that_was_asked_for(memory, monkeypatch):
    held = []
    read = rig.MemoryPropagator.predict

    def watched(self, window, objects):
        logits = read(self, window, objects)
        held.append(self.bank.frames)
        return logits

    monkeypatch.setattr(rig.MemoryPropagator, "predict", watched)
    small_rig("plain").run(memory=memory, cycles=1)
    assert held[-5:] == [memory] * 5


def test_peak_memory_never_shrinks():
    before = peak_bytes()
    assert peak_bytes() >= before


def test_an_unknown_network_is_refused():
    with pytest.raises(ModelError, match="no model family"):
        network_of("resnet")


def test_frames_larger_than_the_weights_were_trained_for_are_timed_at_their_size():
    larger = small_rig("plain")
    larger.network.facts = {"longest_side": 32}
    assert larger._tracker(memory=1).propagator.longest_side == 64
    assert len(larger.run(memory=1, cycles=1).steps) == 5


def test_every_stage_is_computed_five_times_however_few_the_cycles(monkeypatch):
    one = small_rig("plain")
    tracker = one._tracker(memory=1)
    tracker.step(one._frame, one._mask)
    tracker.step(one._frame)
    ticks = map(float, [0, 9, *(9 * [0, 4]), *range(20)])  # the last rounds are the quickest
    calls = []
    decode = one.network.decode
    monkeypatch.setattr(one.network, "decode", lambda *words: calls.append(1) or decode(*words))
    monkeypatch.setattr(rig.time, "perf_counter", lambda: next(ticks))
    with torch.inference_mode():
        stages = one._stages(tracker)
    assert stages == {"encode": 1, "value": 1, "read": 1, "decode": 1}
    assert len(calls) == 5
