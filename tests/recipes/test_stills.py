"""Pictures that validate are not trained on, and held-out ones are not touched."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from sonotrace.config import RunConfig, StillsConfig
from sonotrace.data.sample import TrainingClip
from sonotrace.datasets.splits import may_train_on
from sonotrace.errors import UsageError
from sonotrace.recipes.stills import cropped, divide_pictures, fewer_objects, mixed, still_clips


def constant(value: float):
    frames = torch.full((3, 1, 8, 8), float(value))
    masks = torch.ones(3, 2, 8, 8)
    return lambda number: TrainingClip(frames, masks, torch.ones(2, dtype=torch.bool))


def test_no_group_is_on_both_sides(invented):
    training, validation, _ = divide_pictures(StillsConfig(), invented)
    for name in training:
        groups = {case.group for case in training[name].cases}
        assert groups.isdisjoint(case.group for case in validation[name].cases)
        assert validation[name].cases


def test_held_out_cases_are_left_out(invented):
    training, validation, _ = divide_pictures(StillsConfig(), invented)
    pictures = [*training.values(), *validation.values()]
    assert all(may_train_on(case) for part in pictures for case in part.cases)


def test_real_held_out_cases_are_left_out(real_data):
    training, validation, left_out = divide_pictures(StillsConfig(), real_data)
    pictures = [*training.values(), *validation.values()]
    assert all(may_train_on(case) for part in pictures for case in part.cases)
    assert [len(training[name]) for name in ("busi", "nerve", "muscle")] == [606, 60, 56]
    assert left_out == f"none of {sum(map(len, pictures))}"


@pytest.fixture
def with_a_copy(invented, tmp_path):
    """Return a data folder with a held-out muscle picture, and the same in a file `apo/7`."""
    root = tmp_path / "data"
    shutil.copytree(invented, root)
    random = np.random.default_rng(99)
    pixels = random.integers(0, 255, (64, 72), dtype=np.uint8)
    images, masks = (root / "muscle_dltrack" / f"apo_{kind}" for kind in ("images", "masks"))
    for name in ("img_00480.png", "img_7.png"):
        Image.fromarray(pixels).save(images / name)
        shutil.copy(masks / "img_90000.png", masks / name)
    return root


def test_a_held_out_picture_under_another_name_is_left_out_and_told(with_a_copy):
    training, validation, left_out = divide_pictures(StillsConfig(), with_a_copy)
    kept = {case.id for part in (training, validation) for case in part["muscle"].cases}
    assert "muscle/apo/90000" in kept
    assert "muscle/apo/7" not in kept
    assert left_out == "1 of 29: muscle/apo/7 (like muscle/apo/00480)"


def test_held_out_pictures_of_sets_that_are_not_trained_on_are_compared_too(with_a_copy):
    nerve = with_a_copy / "usgra_nerve/train"
    shutil.copy(with_a_copy / "muscle_dltrack/apo_images/img_7.png", nerve / "images/extra.png")
    shutil.copy(nerve / "masks/new_0.png", nerve / "masks/extra.png")
    division = divide_pictures(StillsConfig(weights={"nerve": 1.0}), with_a_copy)
    assert division.left_out == "1 of 9: nerve/train/extra (like muscle/apo/00480)"


def test_the_group_of_a_left_out_picture_goes_with_it(with_a_copy):
    busi = with_a_copy / "busi"
    shutil.copy(
        with_a_copy / "muscle_dltrack/apo_images/img_7.png",
        busi / "Dataset_BUSI_with_GT/benign/benign (9000).png",
    )
    (busi / "near_duplicate_groups.csv").write_text(
        "class,number,group\nbenign,9000,x\nnormal,9003,x\n"
    )
    training, validation, left_out = divide_pictures(StillsConfig(), with_a_copy)
    kept = {case.id for part in (training, validation) for case in part["busi"].cases}
    assert kept.isdisjoint({"busi/benign (9000)", "busi/normal (9003)"})
    assert left_out.startswith("3 of 29: busi/benign (9000) (like muscle/apo/00480), ")


def test_an_unknown_data_set_is_refused(invented):
    with pytest.raises(UsageError, match="busi, nerve, muscle"):
        divide_pictures(StillsConfig(weights={"bussi": 1.0}), invented)


def test_sources_are_mixed_by_their_shares():
    draw = mixed([constant(0), constant(1)], [0.75, 0.25], seed=0)
    assert sum(float(draw(i).frames.mean()) for i in range(400)) == pytest.approx(100, abs=30)


def test_some_whole_batches_keep_one_object():
    draw = fewer_objects(constant(0), 0.5, batch_size=4, seed=0)
    counts = torch.tensor([len(draw(i).present) for i in range(80)]).view(20, 4)
    assert (counts == counts[:, :1]).all()
    assert 5 <= (counts[:, 0] == 1).sum() <= 15


def test_simulated_scenes_are_a_part_of_training_and_validation(invented):
    config = StillsConfig(
        triplets={"size": 64},
        synthetic_scenes=1,
        synthetic_share=1.0,
        validation_clips=4,
        validation_frames=2,
    )
    clips = still_clips(config, RunConfig(data=config), invented)
    assert clips.draw(0).frames.shape == (3, 1, 64, 64)
    assert clips.validation["synthetic"][0].frames.shape == (3, 1, 256, 256)


def test_a_crop_holds_a_part_of_the_target():
    masks = torch.zeros(3, 1, 32, 32)
    masks[:, :, 25:30, 2:9] = 1
    clip = TrainingClip(masks.clone(), masks, torch.ones(1, dtype=torch.bool))
    draw = cropped(lambda number: clip, 16, seed=0)
    for number in range(20):
        assert draw(number).frames.shape == (3, 1, 16, 16)
        assert draw(number).masks[0].any()


def test_squares_must_fit_into_simulated_frames():
    with pytest.raises(ValidationError, match="raise synthetic_size"):
        StillsConfig(triplets={"size": 300})
