import pytest
import torch

from sonotrace.data.sample import Sample
from sonotrace.datasets.splits import held_out_rows
from sonotrace.datasets.triplets import StillTriplets, TripletSettings
from sonotrace.errors import DataContractError

SIZE = 64
PLAIN = TripletSettings(
    size=SIZE,
    pasted_target_chance=0,
    second_target_chance=0,
    distractor_chance=0,
    leave_chance=0,
)


def still(name="x/a", ids=(1,), size=(90, 120)):
    labels = torch.zeros(size, dtype=torch.uint8)
    for n, label in enumerate(ids):
        labels[30:60, 20 + 45 * n : 50 + 45 * n] = label
    image = torch.randint(60, 90, (1, *size), dtype=torch.uint8)
    image[0, labels > 0] = 220
    return Sample(id=name, group=name, image=image, labels=labels)


def triplets(settings=PLAIN, pictures=None, **options):
    return StillTriplets([pictures or [still(), still("x/b")]], settings, **options)


def test_shapes_are_those_of_the_settings():
    clip = triplets(PLAIN.model_copy(update={"frames": 4, "max_objects": 3}))[0]
    assert clip.frames.shape == (4, 1, SIZE, SIZE)
    assert clip.masks.shape == (4, 3, SIZE, SIZE)
    assert clip.present.shape == (3,)


def test_values_are_brightness_and_zero_or_one():
    dataset = triplets(TripletSettings(size=SIZE))
    for i in range(20):
        clip = dataset[i]
        assert clip.frames.min() >= 0
        assert clip.frames.max() <= 1
        assert set(clip.masks.unique().tolist()) <= {0.0, 1.0}


def test_the_same_seed_and_index_give_the_same_clip_in_any_order():
    one, other = triplets(TripletSettings(size=SIZE)), triplets(TripletSettings(size=SIZE))
    other._targets = one._targets
    _ = other[7]
    for first, second in zip(one[3], other[3], strict=True):
        assert torch.equal(first, second)


def test_another_seed_gives_another_clip():
    assert not torch.equal(triplets(seed=0)[3].frames, triplets(seed=1)[3].frames)


def test_every_clip_shows_a_target_in_its_first_frame():
    dataset = triplets(TripletSettings(size=SIZE))
    for i in range(30):
        clip = dataset[i]
        assert clip.present[0]
        assert clip.masks[0, clip.present].sum(dim=(1, 2)).min() > 0


def test_masks_move_with_the_picture():
    dataset = triplets()
    for i in range(10):
        clip = dataset[i]
        for frame, mask in zip(clip.frames[:, 0], clip.masks[:, 0], strict=True):
            shown = frame > 0.02
            assert frame[mask > 0].mean() > frame[(mask == 0) & shown].mean() + 0.1


def test_frames_of_a_clip_differ():
    clip = triplets()[0]
    assert not torch.equal(clip.masks[0], clip.masks[1])


def test_empty_slots_are_empty_and_come_last():
    dataset = triplets(PLAIN.model_copy(update={"max_objects": 3}), [still(ids=(1, 2))])
    for i in range(10):
        clip = dataset[i]
        assert not clip.masks[:, ~clip.present].any()
        assert clip.present.sort(descending=True).values.equal(clip.present)


def test_objects_never_share_a_pixel():
    settings = TripletSettings(size=SIZE, second_target_chance=1, max_objects=3)
    dataset = triplets(settings, [still(ids=(1, 2))])
    assert all(dataset[i].masks.sum(dim=1).max() <= 1 for i in range(20))


def test_a_second_target_comes_from_another_picture():
    settings = PLAIN.model_copy(update={"second_target_chance": 1.0, "split_chance": 0.0})
    dataset = triplets(settings)
    assert any(dataset[i].present.sum() == 2 for i in range(10))


def test_a_distractor_changes_the_picture_and_adds_no_target():
    settings = PLAIN.model_copy(update={"distractor_chance": 1.0})
    dataset = triplets(settings)
    assert all(dataset[i].present.sum() == 1 for i in range(10))


def test_a_target_that_leaves_is_missing_in_a_later_frame():
    dataset = triplets(PLAIN.model_copy(update={"leave_chance": 1.0}))
    for i in range(10):
        later = dataset[i].masks[1:, 0].sum(dim=(1, 2))
        assert later.min() == 0
        assert later.max() > 0


def test_parts_of_one_label_can_become_two_targets():
    torn = still()
    torn.labels[30:60, 80:110] = 1
    dataset = triplets(PLAIN.model_copy(update={"split_chance": 1.0}), [torn])
    assert any(dataset[i].present.sum() == 2 for i in range(10))


def test_pictures_without_a_target_are_backgrounds_only():
    settings = PLAIN.model_copy(update={"pasted_target_chance": 1.0})
    dataset = triplets(settings, [still(), still("x/empty", ids=())])
    assert all(dataset[i].present.sum() == 1 for i in range(10))


def test_a_pool_without_any_target_is_refused():
    with pytest.raises(DataContractError, match="pool 0 has no picture with a target"):
        triplets(pictures=[still(ids=())])


def test_a_held_out_picture_is_refused():
    with pytest.raises(DataContractError, match="held-out"):
        triplets(pictures=[still(held_out_rows()[0].id)])


def test_a_pool_of_no_weight_is_never_drawn():
    dark, bright = still("x/dark"), still("x/bright")
    dark.image[:] = 0
    dataset = StillTriplets([[bright], [dark]], PLAIN, weights=[1.0, 0.0])
    assert all(dataset[i].frames.max() > 0.1 for i in range(10))


def test_weights_that_fit_no_pools_are_refused():
    with pytest.raises(ValueError, match="2 weights for 1 pools"):
        triplets(weights=[1.0, 2.0])


def test_large_colour_pictures_are_shrunk_and_grey():
    colour = still(size=(600, 900))
    colour = Sample(
        id="x/c", group="x/c", image=colour.image.expand(3, -1, -1), labels=colour.labels
    )
    dataset = triplets(pictures=[colour])
    assert dataset._targets[0][0].image.shape == (1, 267, 400)
    assert dataset[0].frames.shape[1] == 1


def test_a_thin_line_survives_shrinking():
    thin = still(size=(600, 900), ids=())
    thin.labels[300:302] = 1  # 2 of 2.25 rows
    dataset = triplets(pictures=[thin])
    assert dataset._targets[0][0].labels.any(dim=0).all()
