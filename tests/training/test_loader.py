"""The stream of clips is the same however it is cut up."""

from itertools import islice

import torch

from sonotrace.training.loader import BatchNumbers, ClipStream, collate, make_loader, with_slots


def test_a_stream_that_is_resumed_goes_on_where_it_was():
    whole = list(islice(BatchNumbers(4), 5))
    assert list(islice(BatchNumbers(4, step=3), 2)) == whole[3:]


def test_two_processes_share_the_clips_of_one():
    one = list(islice(BatchNumbers(4), 3))
    parts = [list(islice(BatchNumbers(2, rank=rank, world=2), 3)) for rank in (0, 1)]
    assert [a + b for a, b in zip(*parts, strict=True)] == one


def test_a_batch_has_the_slots_of_the_clip_with_the_most_objects(draw):
    batch = collate([draw(0), draw(1, objects=3)])
    assert batch.masks.shape == (2, 3, 3, 32, 32)
    assert batch.present.tolist() == [[True, False, False], [True, True, True]]


def test_slots_that_no_clip_uses_are_dropped(draw):
    batch = collate([with_slots(draw(0), 4), with_slots(draw(1), 4)])
    assert batch.present.shape == (2, 1)


def test_a_worker_makes_the_clips_that_the_program_would(draw):
    numbers = BatchNumbers(2)
    here = next(iter(make_loader(ClipStream(draw), numbers, workers=0)))
    there = next(iter(make_loader(ClipStream(draw), numbers, workers=1)))
    assert torch.equal(here.frames, there.frames)
