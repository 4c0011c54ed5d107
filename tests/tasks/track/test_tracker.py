import gc

import pytest
import torch

from sonotrace.errors import DataContractError, MaskError
from sonotrace.nn.memory import Bounded, Recent, Unbounded
from sonotrace.tasks.track import StateThresholds, Tracker, TrackerSettings


def test_objects_are_followed_with_their_own_ids(network, moving):
    frames, labels = moving
    tracker = Tracker(network)
    for number, (frame, truth) in enumerate(zip(frames, labels, strict=True)):
        result = tracker.step(frame, labels[0] if number == 0 else None)
        assert torch.equal(result.labels, truth)
        assert (result.frame, result.object_ids) == (number, (1, 4))
        assert result.given == (number == 0)


def test_renaming_the_objects_renames_the_answer(network, moving):
    frames, labels = moving
    names = torch.arange(256).byte()
    names[1], names[4] = 200, 17
    plain, renamed = Tracker(network), Tracker(network)
    plain.step(frames[0], labels[0])
    renamed.step(frames[0], names[labels[0].long()])
    for frame in frames[1:]:
        expected = names[plain.step(frame).labels.long()]
        assert torch.equal(renamed.step(frame).labels, expected)


def test_objects_and_background_share_every_pixel(network, moving):
    frames, labels = moving
    tracker = Tracker(network)
    tracker.step(frames[0], labels[0])
    for frame in frames[1:]:
        probabilities = tracker.step(frame).probabilities
        assert probabilities.min() >= 0
        assert probabilities.sum(0).max() <= 1 + 1e-6


def test_an_object_is_followed_alone_as_beside_others(network, scene):
    frames = [scene({1: (4, 4 * t), 4: (20, 20)}) for t in range(6)]
    both, alone = Tracker(network), Tracker(network)
    both.step(*frames[0])
    alone.step(frames[0][0], torch.where(frames[0][1] == 1, 1, 0).byte())
    for frame, _ in frames[1:]:
        assert torch.equal(both.step(frame).labels == 1, alone.step(frame).labels == 1)


def test_the_answer_for_a_given_mask_is_that_mask_with_void_as_background(network, scene):
    frame, labels = scene({3: (8, 8)})
    given = labels.clone()
    given[0] = 255
    assert torch.equal(Tracker(network).step(frame, given).labels, labels)


def test_frames_before_the_first_mask_get_an_empty_answer(network, moving):
    frames, labels = moving
    tracker = Tracker(network)
    empty = tracker.step(frames[0])
    assert empty.object_ids == ()
    assert empty.probabilities.shape == (0, 32, 40)
    assert not empty.labels.any()
    tracker.step(frames[1], labels[1])
    assert torch.equal(tracker.step(frames[2]).labels, labels[2])


def test_a_later_mask_adds_objects(network, scene):
    tracker = Tracker(network)
    tracker.step(*scene({1: (4, 4)}))
    frame, labels = scene({1: (4, 8), 9: (20, 20)})
    result = tracker.step(frame, torch.where(labels == 9, 9, 0).byte())
    assert torch.equal(result.labels, labels)
    frame, labels = scene({1: (4, 12), 9: (20, 16)})
    assert torch.equal(tracker.step(frame).labels, labels)
    assert tracker.object_ids == (1, 9)


def test_a_later_mask_corrects_objects(network, scene):
    tracker = Tracker(network)
    frame, labels = scene({1: (4, 4), 2: (20, 20)})
    tracker.step(frame, torch.where(labels == 1, 1, 0).byte())
    wrong = torch.where(labels == 2, 1, 0).byte()
    assert torch.equal(tracker.step(frame, wrong).labels, wrong)


@pytest.mark.parametrize(
    "memory", [Unbounded(), Recent(recent_frames=2), Bounded(recent_frames=2, merged_frames=2)]
)
def test_a_late_object_is_followed_through_eviction(network, scene, memory):
    tracker = Tracker(network, settings=TrackerSettings(memory=memory, memory_every=1))
    tracker.step(*scene({1: (4, 4)}))
    for t in range(40):
        places = {1: (4, 4 * (t % 8))} | ({9: (20, 4 * (t % 8))} if t >= 12 else {})
        frame, labels = scene(places)
        result = tracker.step(frame, labels if t == 12 else None)
        assert torch.equal(result.labels, labels)


def test_an_object_that_is_removed_is_followed_no_more(network, moving):
    frames, labels = moving
    tracker = Tracker(network)
    tracker.step(frames[0], labels[0])
    tracker.remove(4)
    result = tracker.step(frames[1])
    assert result.object_ids == (1,)
    assert torch.equal(result.labels, torch.where(labels[1] == 1, 1, 0).byte())
    tracker.remove(1)
    assert tracker.step(frames[2]).object_ids == ()
    assert torch.equal(tracker.step(frames[3], labels[3]).labels, labels[3])
    assert torch.equal(tracker.step(frames[4]).labels, labels[4])


def test_removing_what_is_not_there_names_what_is(network, moving):
    tracker = Tracker(network)
    tracker.step(moving[0][0], moving[1][0])
    with pytest.raises(ValueError, match=r"no object 7 to remove; there are \[1, 4\]"):
        tracker.remove(7)


@pytest.mark.parametrize("every", [1, 3, 5])
def test_the_first_frame_and_every_nth_are_remembered_but_not_the_last(network, moving, every):
    frames, labels = moving
    tracker = Tracker(network, settings=TrackerSettings(memory_every=every))
    for number, frame in enumerate(frames):
        tracker.step(frame, labels[0] if number == 0 else None)
    assert network.remembered == len(range(0, len(frames) - 1, every))


@pytest.mark.parametrize("size", [(8, 8), (33, 47), (30, 41), (64, 9)])
def test_any_size_is_answered_in_that_size(network, scene, size):
    frame, labels = scene({2: (0, 0)}, size)
    tracker = Tracker(network)
    tracker.step(frame, labels)
    result = tracker.step(frame)
    assert result.labels.shape == size
    assert result.probabilities.shape == (1, *size)


def test_grey_frames_are_replicated_for_colour_networks(network, moving):
    frames, labels = moving
    network.in_channels = 3
    tracker = Tracker(network)
    tracker.step(frames[0], labels[0])
    assert tracker.step(frames[1]).labels.any()
    assert tracker.notes == ()


def test_colour_frames_enter_grey_networks_as_luminance_and_are_noted_once(network, moving):
    frames, labels = moving
    grey, colour = Tracker(network), Tracker(network)
    grey.step(frames[0], labels[0])
    colour.step(frames[0].expand(3, -1, -1), labels[0])
    for frame in frames[1:]:
        assert torch.equal(colour.step(frame.expand(3, -1, -1)).labels, grey.step(frame).labels)
    assert len(colour.notes) == 1


def test_answers_carry_no_gradient(network, moving):
    tracker = Tracker(network)
    result = tracker.step(moving[0][0], moving[1][0])
    assert not result.probabilities.requires_grad
    assert result.probabilities.is_inference()


def live_tensor_bytes():
    gc.collect()
    return sum(o.nbytes for o in gc.get_objects() if type(o) is torch.Tensor)


def test_memory_is_flat_over_a_thousand_frames(network, scene):
    settings = TrackerSettings(memory=Bounded(recent_frames=2, merged_frames=2), memory_every=2)
    tracker = Tracker(network, settings=settings)
    frame, labels = scene({1: (4, 4)}, (16, 16))
    tracker.step(frame, labels)
    held = []
    for number in range(1000):
        tracker.step(frame)
        if number in {99, 999}:
            held.append(live_tensor_bytes())
    assert held[0] == held[1]


def test_a_reset_tracker_answers_like_a_new_one(network, moving):
    frames, labels = moving
    tracker = Tracker(network)
    tracker.step(frames[5], labels[5])
    tracker.step(frames[6])
    assert tracker.flush() == []
    first = tracker.step(frames[0], labels[0])
    assert first.frame == 0
    fresh = Tracker(network)
    fresh.step(frames[0], labels[0])
    assert torch.equal(tracker.step(frames[1]).probabilities, fresh.step(frames[1]).probabilities)


class Foresight:
    """Answers with the brightness of the frame two later, or of the last one it was shown."""

    in_channels, minimum_size, lookahead_frames = 1, 1, 2

    def predict(self, window, objects):
        return (window[-1][0] - 0.5).expand(len(objects), -1, -1) * 20

    def observe(self, objects, probabilities, *, given):
        pass

    def remove(self, identity):
        pass

    def reset(self):
        pass


def test_a_network_that_looks_ahead_answers_later_and_flush_brings_the_rest():
    frames = [torch.full((1, 4, 4), 250 * (t % 2), dtype=torch.uint8) for t in range(6)]
    tracker = Tracker(Foresight())
    mask = torch.ones(4, 4).byte()
    answers = [tracker.step(frame, mask if t == 0 else None) for t, frame in enumerate(frames)]
    assert [None if a is None else a.frame for a in answers] == [None, None, 0, 1, 2, 3]
    rest = tracker.flush()
    assert [a.frame for a in rest] == [4, 5]
    seen = [bool(a.labels.all()) for a in [*answers[3:], *rest]]
    assert seen == [True, False, True, True, True]


def test_a_mask_of_another_size_is_refused(network, moving):
    with pytest.raises(MaskError, match=r"is 5 x 5 pixels.*the frame 32 x 40"):
        Tracker(network).step(moving[0][0], torch.ones(5, 5).byte())


def test_a_mask_without_objects_is_refused(network, moving):
    with pytest.raises(MaskError, match="mask of frame 0 shows no object"):
        Tracker(network).step(moving[0][0], torch.full((32, 40), 255).byte())


def test_frames_that_change_size_are_refused(network, moving):
    tracker = Tracker(network)
    tracker.step(moving[0][0], moving[1][0])
    with pytest.raises(DataContractError, match=r"frame 1 is 30 x 40.*call reset"):
        tracker.step(moving[0][0][:, :30])


def test_frames_that_are_too_small_are_refused(network):
    with pytest.raises(DataContractError, match="needs at least 8 x 8"):
        Tracker(network).step(torch.zeros(1, 7, 40).byte())


def test_a_memory_network_that_looks_ahead_is_refused(network):
    network.lookahead_frames = 1
    with pytest.raises(ValueError, match="Propagator of its own"):
        Tracker(network)


def test_thresholds_come_with_the_weights_unless_others_are_set(network):
    fitted = StateThresholds(tracked_confidence=0.93)
    network.facts = fitted.to_metadata()
    assert Tracker(network).thresholds == fitted
    chosen = TrackerSettings(states=StateThresholds())
    assert Tracker(network, settings=chosen).thresholds == StateThresholds()
