import pytest
import torch

from sonotrace.datasets.synthetic import HELD_OUT_FROM, SyntheticClips, SyntheticTriplets
from sonotrace.errors import DataContractError


def test_one_clip_for_each_seed_with_its_own_group():
    clips = SyntheticClips("lesion", range(HELD_OUT_FROM, HELD_OUT_FROM + 2), frames=3, size=64)
    first, second = clips[0], clips[1]
    assert len(clips) == 2
    assert first.id == f"synthetic/lesion/{HELD_OUT_FROM}"
    assert first.group != second.group
    assert len(first.clip) == len(first.masks) == 3


@pytest.mark.parametrize(
    "seeds", [range(99_990, 100_010), range(500_000, 500_001), range(-1, 3), range(0)]
)
def test_seeds_between_training_and_results_are_refused(seeds):
    with pytest.raises(DataContractError, match="neither all for training"):
        SyntheticClips("lesion", seeds)


def test_training_on_held_out_seeds_is_refused():
    with pytest.raises(DataContractError, match="not all for training"):
        SyntheticTriplets(range(HELD_OUT_FROM, HELD_OUT_FROM + 5))


@pytest.fixture(scope="module")
def triplets():
    return SyntheticTriplets(range(2), size=64)


def test_a_triplet_has_one_target_from_its_first_frame_on(triplets):
    for i in range(8):
        clip = triplets[i]
        assert clip.frames.shape == (3, 1, 64, 64)
        assert clip.present.tolist() == [True, False]
        assert clip.masks[0, 0].any()
        assert not clip.masks[:, 1].any()


def test_the_same_index_gives_the_same_triplet(triplets):
    again = SyntheticTriplets(range(2), size=64)
    for first, second in zip(triplets[5], again[5], strict=True):
        assert torch.equal(first, second)


def test_too_many_frames_are_refused():
    with pytest.raises(ValueError, match="1 to 4"):
        SyntheticTriplets(range(2), frames=5)
