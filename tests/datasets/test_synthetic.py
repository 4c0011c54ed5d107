import multiprocessing

import numpy as np
import pytest
import torch

from sonotrace.datasets.synthetic import (
    TARGETS,
    SyntheticClips,
    SyntheticTriplets,
    thinned,
    training_domains,
)
from sonotrace.errors import DataContractError, UsageError
from sonotrace.simulate.domains import DOMAINS, HELD_OUT_FROM
from sonotrace.simulate.scene import set_stage
from sonotrace.simulate.scenes import CLASSES, make_scene


def test_one_clip_for_each_seed_with_its_own_group():
    clips = SyntheticClips("lesion", range(HELD_OUT_FROM, HELD_OUT_FROM + 2), frames=3, size=64)
    first, second = clips[0], clips[1]
    assert len(clips) == 2
    assert first.id == f"synthetic/lesion/linear-soft/{HELD_OUT_FROM}"
    assert first.group != second.group
    assert len(first.clip) == len(first.masks) == 3
    assert first.attributes["held_out"] == "yes"
    assert first.attributes["class"] in {"benign", "malignant"}


@pytest.mark.parametrize(
    "seeds", [range(99_990, 100_010), range(500_000, 500_001), range(-1, 3), range(0)]
)
def test_seeds_between_training_and_results_are_refused(seeds):
    with pytest.raises(DataContractError, match="neither all for training"):
        SyntheticClips("lesion", seeds)


def test_training_on_held_out_seeds_is_refused():
    with pytest.raises(DataContractError, match="not all for training"):
        SyntheticTriplets(range(HELD_OUT_FROM, HELD_OUT_FROM + 5))


@pytest.mark.parametrize("domain", [name for name in DOMAINS if DOMAINS[name].held_out])
def test_training_in_a_held_out_domain_is_refused_and_results_are_not(domain):
    with pytest.raises(DataContractError, match="held out"):
        SyntheticClips("lesion", range(3), domains=(domain,))
    with pytest.raises(DataContractError, match="held out"):
        SyntheticTriplets(range(3), domains=("linear-soft", domain))
    results = SyntheticClips("lesion", range(HELD_OUT_FROM, HELD_OUT_FROM + 1), domains=(domain,))
    assert results.scene(0).domain == domain


def test_an_unknown_domain_is_a_wrong_use():
    with pytest.raises(UsageError, match="no domain"):
        SyntheticClips("lesion", range(3), domains=("linear",))


@pytest.mark.parametrize("kind", CLASSES)
def test_the_domains_of_training_are_several_kinds_of_scanner_and_never_held_out(kind):
    names = training_domains(kind)
    assert names
    assert not any(DOMAINS[name].held_out for name in names)


def test_the_targets_are_named_classes():
    for kind, label in TARGETS.items():
        assert label in CLASSES[kind]


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


def test_the_memory_for_scenes_is_bounded_and_no_clip_depends_on_it(triplets):
    """A scene takes 8 frames of 64 x 64 pixels and as many bits: 36,864 bytes; so one fits."""
    tight = SyntheticTriplets(range(2), size=64, memory_mb=0)
    for i in (5, 0, 7, 5):
        for first, second in zip(triplets[i], tight[i], strict=True):
            assert torch.equal(first, second)
        assert len(tight._strips) == 1
    assert len(triplets._strips) > 1


def test_too_many_frames_are_refused():
    with pytest.raises(ValueError, match="1 to 4"):
        SyntheticTriplets(range(2), frames=5)


def _sum_of(index):
    return float(SyntheticTriplets(range(2), size=64)[index].frames.double().sum())


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_another_process_makes_the_same_triplet(triplets, way):
    if way not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot {way}")
    with multiprocessing.get_context(way).Pool(1) as pool:
        assert pool.map(_sum_of, [5]) == [float(triplets[5].frames.double().sum())]


@pytest.mark.parametrize("kind", ["lesion", "needle"])
def test_a_thinned_scene_shows_the_same_truth_at_the_same_times(kind):
    scene = make_scene(kind, 3, frames=11, size=64)
    whole, some = set_stage(scene, threads=1), set_stage(thinned(scene, 5), threads=1)
    for i in range(3):
        assert some.moment(i).time_s == pytest.approx(whole.moment(5 * i).time_s)
        one, other = some.truth(i).geometric, whole.truth(5 * i).geometric
        assert np.mean(one != other) < 0.002  # the grid of displacement begins elsewhere
