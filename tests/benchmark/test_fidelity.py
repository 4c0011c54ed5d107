"""Float32 in another layout is the same; bf16 is near."""

import pytest
import torch

from sonotrace.benchmark import fidelity
from sonotrace.benchmark.fidelity import (
    Footage,
    footage_of,
    measure_fidelity,
    tracked_logits,
    tracked_masks,
)
from sonotrace.benchmark.reference import DensePropagator
from sonotrace.benchmark.rig import network_of
from sonotrace.nn.memory import MemoryBank
from sonotrace.simulate.domains import HELD_OUT_FROM
from sonotrace.tasks.track import Tracker


def compare(*variants, model="stcn:tiny", size=64, **lengths):
    lengths = {"clips": 0, "tracked_frames": 4} | lengths
    return measure_fidelity(model, size, variants, **lengths)


def test_float32_differs_by_rounding_and_bf16_by_more():
    found = compare("eager", "eager-bf16")
    assert found["eager"].logit < 1e-4 < found["eager-bf16"].logit < 0.1
    assert max(found["eager"].tracked) < 1e-4 < max(found["eager-bf16"].tracked) < 0.2


def test_a_clip_tracked_with_the_gathered_read_is_that_of_the_dense_one():
    found = compare("plain", "eager", tracked_frames=6)
    for name in ("plain", "eager"):
        assert len(found[name].tracked) == 5
        assert max(found[name].tracked) < 1e-4


def test_the_full_size_tracks_like_the_dense_reference():
    found = compare("eager", model="stcn:paper", size=96, tracked_frames=3)
    assert max(found["eager"].tracked) < 1e-4


def test_a_read_that_is_off_is_found_in_every_frame(monkeypatch):
    read = MemoryBank.read
    monkeypatch.setattr(MemoryBank, "read", lambda self, *words: 1.1 * read(self, *words))
    (found,) = compare("plain").values()
    assert found.logit == 0
    assert min(found.tracked) > 1e-4


def test_masks_of_the_same_network_overlap_fully_and_others_are_counted_by_clip(monkeypatch):
    masks = iter([[[1, 1]], [[1, 1]], [[1, 1]], [[1, 0]]])  # twice the reference's, twice its
    monkeypatch.setattr(
        fidelity, "tracked_masks", lambda *_: [torch.tensor(mask) > 0 for mask in next(masks)]
    )
    (found,) = compare("plain", clips=1, frames=2).values()
    assert (found.iou_mean, found.iou_lowest, found.clips) == (0.75, 0.5, 2)


def test_what_cannot_be_run_is_told_and_the_others_go_on(monkeypatch):
    monkeypatch.setitem(fidelity.VARIANTS, "onnx-bf16", fidelity.VARIANTS["onnx"])
    prepare = fidelity.variant_of

    def failing(network, name):
        if name == "onnx-bf16":
            raise RuntimeError("no such kernel")
        return prepare(network, name)

    monkeypatch.setattr(fidelity, "variant_of", failing)
    found = compare("onnx-bf16", "plain", tracked_frames=2)
    assert found["onnx-bf16"] == "no such kernel"
    assert found["plain"].logit == 0


@pytest.mark.parametrize("kind", ["lesion", "needle"])
def test_footage_is_held_out_from_training_and_begins_with_its_target(kind, monkeypatch):
    seen = []
    clips = fidelity.SyntheticClips
    monkeypatch.setattr(
        fidelity, "SyntheticClips", lambda *a, **b: seen.append(a) or clips(*a, **b)
    )
    footage = footage_of(kind, 2, frames=2, size=64)
    assert min(seen[0][1]) == HELD_OUT_FROM + 2
    assert footage.mask.unique().tolist() == [0, 1]
    assert len(footage.frames) == 2


def test_logits_are_those_of_a_tracker():
    network = network_of("stcn:tiny")
    frames = torch.randint(0, 256, (4, 1, 32, 32), dtype=torch.uint8)
    mask = torch.zeros(32, 32, dtype=torch.uint8)
    mask[8:20, 8:20] = 1
    footage = Footage(tuple(frames), mask)
    with torch.inference_mode():
        logits = tracked_logits(DensePropagator(network), footage)
    masks = tracked_masks(Tracker(DensePropagator(network)), footage)
    assert [torch.equal(a[0] > 0, b) for a, b in zip(logits, masks, strict=True)] == 3 * [True]


def test_the_shipped_weights_find_the_same_masks_in_bf16():
    (found,) = compare("eager-bf16", model="stcn:small", size=128, clips=1, frames=4).values()
    assert found.clips == 2
    assert found.iou_mean >= 0.99
