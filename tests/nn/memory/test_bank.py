import pytest
import torch

from sonotrace.nn.memory import (
    Bounded,
    EntrySize,
    MemoryBank,
    Recent,
    Unbounded,
    predicted_bytes,
    read_top_k,
)

SMALL = Bounded(permanent_frames=2, recent_frames=3, merged_frames=2)
POLICIES = [Unbounded(), Recent(permanent_frames=2, recent_frames=3), SMALL]


def frame(objects: int = 1):
    """A key and the values of some objects in one frame of 2x3 positions."""
    return torch.randn(4, 2, 3), torch.randn(objects, 5, 2, 3)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.policy)
def test_what_fits_is_read_as_if_it_were_one_tensor(policy):
    bank, frames = MemoryBank(policy), [frame(2) for _ in range(4)]
    for number, (key, values) in enumerate(frames):
        bank.add(key, values, [7, 3], permanent=number == 0)
    query = torch.randn(4, 2, 3)
    keys = torch.stack([key for key, _ in frames], dim=1)
    values = torch.stack([value for _, value in frames], dim=2)
    expected = read_top_k(query[None], keys[None], values[None])[0]
    torch.testing.assert_close(bank.read(query, [7, 3]), expected)
    torch.testing.assert_close(bank.read(query, [3]), expected[1:])


def test_a_recent_memory_holds_the_first_and_the_latest_frames():
    bank, frames = MemoryBank(POLICIES[1]), [frame() for _ in range(9)]
    for number, (key, values) in enumerate(frames):
        bank.add(key, values, [1], permanent=number == 0)
    expected = MemoryBank(Unbounded())
    for number in (0, 6, 7, 8):
        expected.add(*frames[number], [1])
    query = torch.randn(4, 2, 3)
    torch.testing.assert_close(bank.read(query, [1]), expected.read(query, [1]))


def test_of_many_permanent_frames_the_first_and_the_latest_stay():
    bank, frames = MemoryBank(POLICIES[1]), [frame() for _ in range(9)]
    for key, values in frames:
        bank.add(key, values, [1], permanent=True)
    expected = MemoryBank(Unbounded())
    for number in (0, 5, 6, 7, 8):
        expected.add(*frames[number], [1])
    query = torch.randn(4, 2, 3)
    torch.testing.assert_close(bank.read(query, [1]), expected.read(query, [1]))


def test_a_bounded_memory_keeps_its_size_over_two_thousand_frames():
    bank, sizes = MemoryBank(SMALL), set()
    for number in range(2000):
        bank.add(*frame(), [1], permanent=number == 0)
        if number >= 10:
            sizes.add((len(bank), bank.nbytes, bank.frames))
        if number % 50 == 0:
            assert bank.read(torch.randn(4, 2, 3), [1]).isfinite().all()
    assert sizes == {(len(bank), bank.nbytes, 6)}
    assert len(bank) == 6 * 6


def test_the_default_memory_is_full_by_frame_one_hundred():
    bank = MemoryBank(Bounded())
    for number in range(0, 100, 5):
        bank.add(*frame(), [1], permanent=number == 0)
    assert bank.full


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.policy)
@pytest.mark.parametrize("frames", [1, 8, 9, 40])
def test_bytes_are_as_predicted(policy, frames):
    bank = MemoryBank(policy)
    for number in range(frames):
        bank.add(*frame(2), [1, 2], permanent=number == 0)
    size = EntrySize(key_channels=4, value_channels=5, objects=2)
    assert bank.nbytes == predicted_bytes(policy, size, frames=frames, positions=6)


def test_remembering_writes_into_the_same_buffers():
    bank = MemoryBank(SMALL)
    bank.add(*frame(), [1], permanent=True)
    place = bank._values[1].data_ptr()
    for _ in range(20):
        bank.add(*frame(), [1])
    assert bank._values[1].data_ptr() == place


def test_a_late_object_reads_only_the_frames_that_know_it():
    bank, late = MemoryBank(Unbounded()), MemoryBank(Unbounded())
    for number in range(6):
        key, values = frame(2)
        objects = [1, 2] if number >= 4 else [1]
        bank.add(key, values[: len(objects)], objects, permanent=number in {0, 4})
        if number >= 4:
            late.add(key, values[1:], [2])
    query = torch.randn(4, 2, 3)
    torch.testing.assert_close(bank.read(query, [1, 2])[1:], late.read(query, [2]))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.policy)
def test_a_late_object_does_not_change_what_is_read_of_an_early_one(policy):
    alone, together = MemoryBank(policy), MemoryBank(policy)
    query = torch.randn(4, 2, 3)
    for number in range(5):
        key, values = frame(2)
        alone.add(key, values[:1], [1], permanent=number in {0, 3})
        both = [1, 2] if number >= 3 else [1]
        together.add(key, values[: len(both)], both, permanent=number in {0, 3})
    torch.testing.assert_close(together.read(query, [1, 2])[:1], alone.read(query, [1]))


def test_a_late_object_lives_through_merging_and_never_reads_frames_before_it():
    bank = MemoryBank(SMALL)
    for number in range(30):
        key, values = frame(2)
        values[1] = number  # what is known of object 2 tells the frame
        objects = [1, 2] if number >= 12 else [1]
        bank.add(key, values[: len(objects)], objects, permanent=number in {0, 12})
        if number >= 12:
            read = bank.read(torch.randn(4, 2, 3), [1, 2])[1]
            assert 12 - 1e-4 <= read.min() <= read.max() <= number + 1e-4


def test_an_object_that_is_removed_leaves_the_others_as_they_were():
    bank, query = MemoryBank(SMALL), torch.randn(4, 2, 3)
    for number in range(5):
        bank.add(*frame(2), [1, 2], permanent=number == 0)
    before = bank.read(query, [1, 2])
    bank.remove(1)
    torch.testing.assert_close(bank.read(query, [2]), before[1:])


def test_an_object_that_comes_back_knows_nothing_of_its_former_life():
    bank, query = MemoryBank(SMALL), torch.randn(4, 2, 3)
    bank.add(*frame(2), [1, 2], permanent=True)
    bank.remove(2)
    key, values = frame(2)
    bank.add(key, torch.stack([values[0], torch.ones_like(values[1])]), [1, 2])
    torch.testing.assert_close(bank.read(query, [2]), torch.ones(1, 5, 2, 3))


def test_a_constant_value_survives_merging():
    bank = MemoryBank(SMALL)
    for _ in range(20):
        key, values = frame()
        bank.add(key, torch.full_like(values, 3), [1])
        read = bank.read(key, [1])
    torch.testing.assert_close(read, torch.full((1, 5, 2, 3), 3.0))


def test_frames_of_another_size_are_refused():
    bank = MemoryBank(SMALL)
    bank.add(*frame(), [1])
    with pytest.raises(ValueError, match="Clear the memory before another clip"):
        bank.add(torch.randn(4, 3, 3), torch.randn(1, 5, 3, 3), [1])
