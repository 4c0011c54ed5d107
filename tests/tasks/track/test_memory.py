import pytest
import torch

from sonotrace.models.video.stcn import SIZES, Stcn
from sonotrace.nn.memory import Bounded
from sonotrace.tasks.track import MemoryPropagator, Tracker, TrackerSettings

SMALL = Bounded(recent_frames=2, merged_frames=2)


@pytest.fixture(scope="module")
def stcn():
    return Stcn(SIZES["tiny"])


def answers(network, frames, mask, **settings):
    tracker = Tracker(network, settings=TrackerSettings(memory=SMALL, memory_every=1, **settings))
    return [tracker.step(frame, mask if t == 0 else None) for t, frame in enumerate(frames)]


def some_frames(count, size=(35, 50)):
    return [torch.randint(0, 256, (1, *size), dtype=torch.uint8) for _ in range(count)]


def test_stcn_is_followed_through_a_full_memory_at_odd_sizes(stcn):
    mask = torch.zeros(35, 50).byte()
    mask[3:20, 5:20], mask[20:30, 30:45] = 6, 2
    for result in answers(stcn, some_frames(9), mask):
        assert result.probabilities.shape == (2, 35, 50)
        assert result.probabilities.isfinite().all()


def test_reduced_precision_stays_near_float32(stcn):
    mask = torch.zeros(35, 50).byte()
    mask[3:20, 5:20] = 1
    frames = some_frames(4)
    exact = answers(stcn, frames, mask)
    short = answers(stcn, frames, mask, precision="bf16")
    for a, b in zip(exact, short, strict=True):
        assert b.probabilities.dtype == torch.float32
        torch.testing.assert_close(a.probabilities, b.probabilities, atol=0.1, rtol=0)


def test_a_torch_network_is_set_to_evaluation(stcn):
    stcn.train()
    MemoryPropagator(stcn, TrackerSettings())
    assert not stcn.training


def test_a_frame_is_remembered_only_when_another_follows(network):
    propagator = MemoryPropagator(network, TrackerSettings())
    window, mask = (torch.rand(1, 1, 16, 16),), torch.ones(1, 16, 16)
    propagator.predict(window, ())
    propagator.observe((1,), mask, given=True)
    assert len(propagator.bank) == 0
    propagator.predict(window, (1,))
    assert len(propagator.bank) == 16


def test_a_frame_is_remembered_without_an_object_removed_meanwhile(network):
    propagator = MemoryPropagator(network, TrackerSettings())
    window, masks = (torch.rand(1, 1, 16, 16),), torch.rand(2, 16, 16)
    propagator.predict(window, ())
    propagator.observe((1, 2), masks, given=True)
    propagator.remove(1)
    assert propagator.predict(window, (2,)).shape == (1, 16, 16)


def test_a_given_mask_is_remembered_between_the_regular_frames(network):
    propagator = MemoryPropagator(network, TrackerSettings(memory_every=5))
    window, mask = (torch.rand(1, 1, 16, 16),), torch.ones(1, 16, 16)
    for number in range(4):
        propagator.predict(window, (1,) if number else ())
        propagator.observe((1,), mask, given=number in {0, 2})
    propagator.predict(window, (1,))
    assert propagator.bank.frames == 2


def test_observing_before_predicting_is_refused(network):
    propagator = MemoryPropagator(network, TrackerSettings())
    with pytest.raises(ValueError, match="after predict"):
        propagator.observe((1,), torch.ones(1, 16, 16), given=True)


def doubled(picture):
    return picture.repeat_interleave(2, -1).repeat_interleave(2, -2)


def test_large_frames_are_followed_at_the_size_the_network_is_meant_for(network, moving):
    frames, labels = moving
    large = [doubled(frame) for frame in frames]
    tracker = Tracker(network, settings=TrackerSettings(longest_side=max(labels[0].shape)))
    for number, frame in enumerate(large):
        result = tracker.step(frame, doubled(labels[0]) if number == 0 else None)
        wrong = result.labels != doubled(labels[number])
        assert result.labels.shape == frame.shape[1:]
        assert wrong.float().mean() < 0.03  # the rims of enlarged squares are round


def test_frames_below_the_limit_are_left_alone(stcn):
    mask = torch.zeros(35, 50).byte()
    mask[3:20, 5:20] = 1
    frames = some_frames(3)
    for a, b in zip(
        answers(stcn, frames, mask), answers(stcn, frames, mask, longest_side=50), strict=True
    ):
        assert torch.equal(a.probabilities, b.probabilities)


def test_the_size_comes_with_the_weights_unless_another_is_set(network):
    network.facts = {"longest_side": 64}
    assert MemoryPropagator(network, TrackerSettings()).longest_side == 64
    assert MemoryPropagator(network, TrackerSettings(longest_side=96)).longest_side == 96
