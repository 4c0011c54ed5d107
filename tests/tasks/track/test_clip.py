import pytest
import torch

from sonotrace.data.clip import clip_from_frames
from sonotrace.data.masks import MaskTrack, masks_from_maps
from sonotrace.errors import MaskError
from sonotrace.tasks.track import Tracker, first_marks, given_masks, track_clip


class Guarded:
    """Label maps of which only some may be touched."""

    def __init__(self, maps, allowed):
        self.maps, self.allowed = maps, allowed

    def __len__(self):
        return len(self.maps)

    def __getitem__(self, position):
        if position not in self.allowed:
            raise AssertionError(f"the truth of frame {position} was touched")
        return self.maps[position]


def probabilities(answers):
    return {answer.frame: answer.probabilities for answer in answers}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[frame], b[frame]) for frame in a)


@pytest.mark.parametrize("given", [[0], [2], [1, 5]])
def test_only_the_given_masks_are_touched(network, moving, given):
    frames, labels = moving
    guarded = MaskTrack(source=Guarded(labels, given), frames=tuple(range(8)), shape=(32, 40))
    masks = given_masks(guarded, given)
    answers = list(track_clip(Tracker(network), clip_from_frames(frames), masks, backward=True))
    assert sorted(answer.frame for answer in answers) == list(range(8))
    assert [answer.frame for answer in answers if answer.given] == given


def test_the_truth_of_other_frames_cannot_leak_into_the_answers(network, moving):
    frames, labels = moving
    noise = [labels[0], *(torch.randint(0, 5, (32, 40)).byte() for _ in labels[1:])]
    clip, answers = clip_from_frames(frames), []
    for truth in (labels, noise):
        masks = given_masks(masks_from_maps(truth), [0])
        answers.append(probabilities(track_clip(Tracker(network), clip, masks)))
    assert same(*answers)


def test_backward_is_forward_on_the_reversed_clip(network, moving):
    frames, labels = moving
    back = track_clip(Tracker(network), clip_from_frames(frames), {7: labels[7]}, backward=True)
    turned = clip_from_frames(frames[::-1])
    forth = track_clip(Tracker(network), turned, {0: labels[7]})
    assert same(probabilities(back), {7 - t: p for t, p in probabilities(forth).items()})


def test_answers_come_forward_first_and_then_backward(network, moving):
    frames, labels = moving
    clip, masks = clip_from_frames(frames), {3: labels[3]}
    answers = track_clip(Tracker(network), clip, masks, backward=True)
    assert [answer.frame for answer in answers] == [3, 4, 5, 6, 7, 2, 1, 0]
    assert [a.frame for a in track_clip(Tracker(network), clip, masks)] == [3, 4, 5, 6, 7]


def test_the_answer_for_each_given_frame_is_its_mask(network, moving):
    frames, labels = moving
    masks = {1: labels[1], 4: torch.roll(labels[4], 3, dims=1)}
    for answer in track_clip(Tracker(network), clip_from_frames(frames), masks):
        assert answer.given == (answer.frame in masks)
        if answer.given:
            assert torch.equal(answer.labels, masks[answer.frame])


def test_a_clip_is_decoded_one_frame_at_a_time(network, moving):
    frames, labels = moving
    clip, decoded = clip_from_frames(frames), []

    class Counting:
        def __len__(self):
            return len(frames)

        def __getitem__(self, index):
            decoded.append(index)
            return frames[index]

    object.__setattr__(clip, "source", Counting())
    for answer in track_clip(Tracker(network), clip, {0: labels[0]}):
        assert decoded == list(range(answer.frame + 1))


@pytest.mark.parametrize(("frames", "problem"), [([], "no mask"), ([8], r"masks for frames \[8\]")])
def test_masks_that_fit_no_frame_are_refused(network, moving, frames, problem):
    clip = clip_from_frames(moving[0])
    with pytest.raises(ValueError, match=problem):
        track_clip(Tracker(network), clip, dict.fromkeys(frames, moving[1][0]))


def test_a_frame_without_a_label_map_cannot_be_given(moving):
    truth = masks_from_maps(moving[1][:3])
    with pytest.raises(MaskError, match=r"no label map for frames \[5\].*from 0 to 2"):
        given_masks(truth, [0, 5])


@pytest.fixture
def late(scene):
    """Object 1 is first marked in frame 2, object 4 in frame 5; both are there all the time."""
    painted = [scene({1: (4, 4 * t), 4: (20, 28 - 4 * t)}) for t in range(8)]
    labels = [truth for _, truth in painted]
    masks = {frame: torch.where(labels[frame] == i, i, 0).byte() for frame, i in ((2, 1), (5, 4))}
    return clip_from_frames([frame for frame, _ in painted]), labels, masks


def test_each_object_goes_back_from_the_frame_where_it_is_first_marked(network, late):
    clip, labels, masks = late
    answers = list(track_clip(Tracker(network), clip, masks, backward=True))
    found = torch.zeros(8, 32, 40).byte()
    for answer in answers:
        found[answer.frame] = torch.where(
            found[answer.frame] > 0, found[answer.frame], answer.labels
        )
    assert torch.equal(found, torch.stack(labels))
    assert [answer.frame for answer in answers] == [2, 3, 4, 5, 6, 7, 4, 3, 2, 1, 0]
    assert [answer.object_ids for answer in answers[6:9]] == [(4,), (4,), (4,)]
    assert [set(answer.object_ids) for answer in answers[9:]] == [{1, 4}, {1, 4}]


def test_going_back_takes_in_the_masks_on_the_way_without_repeating_their_objects(network, late):
    clip, labels, masks = late
    masks[3] = torch.where(labels[3] == 1, 1, 0).byte()
    answers = list(track_clip(Tracker(network), clip, masks, backward=True))[6:]
    assert [answer.frame for answer in answers] == [4, 3, 2, 1, 0]
    for answer in answers[:3]:
        assert answer.object_ids == (4,)
        assert len(answer.probabilities) == len(answer.states) == len(answer.confidence) == 1
        assert torch.equal(answer.labels, torch.where(labels[answer.frame] == 4, 4, 0).byte())


def test_a_mask_that_only_corrects_does_not_change_the_way_back(network, moving):
    frames, labels = moving
    clip = clip_from_frames(frames)
    alone, corrected = (
        list(track_clip(Tracker(network), clip, masks, backward=True))
        for masks in ({3: labels[3]}, {3: labels[3], 6: torch.roll(labels[6], 5, dims=1)})
    )
    assert [answer.frame for answer in corrected] == [3, 4, 5, 6, 7, 2, 1, 0]
    assert same(probabilities(alone[5:]), probabilities(corrected[5:]))


def test_the_first_marks_are_the_earliest_of_each_object(moving):
    labels = moving[1]
    only = torch.where(labels[2] == 4, 4, 0).byte()
    assert first_marks({5: labels[5], 2: only}) == {4: 2, 1: 5}
