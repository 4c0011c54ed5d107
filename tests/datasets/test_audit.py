import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from sonotrace.datasets import DATASETS
from sonotrace.datasets.audit import (
    cases_like,
    groups_of,
    look_alikes,
    require_no_look_alikes,
    thumbnails,
)
from sonotrace.datasets.pictures import Case
from sonotrace.datasets.splits import may_train_on
from sonotrace.errors import DataContractError


def picture(seed, size=(120, 160)):
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(size), 8)
    return torch.from_numpy((120 + 60 * smooth / abs(smooth).max()).astype(np.uint8))[None]


def disturbed(frame):
    """The same picture enlarged, darker, with text burnt in and in colour."""
    large = frame[:, ::1].repeat_interleave(2, 1).repeat_interleave(2, 2).clone()
    large[:, 5:11, 5:30] = 255
    return (large * 0.7).to(torch.uint8).expand(3, -1, -1)


def test_a_rescaled_darkened_and_annotated_picture_is_found():
    first = thumbnails([picture(0), picture(1)])
    second = thumbnails([picture(2), disturbed(picture(1))])
    pairs = look_alikes(first, second)
    assert [(pair.first, pair.second) for pair in pairs] == [(1, 1)]


def test_different_pictures_are_not_alike():
    rows = thumbnails(picture(seed) for seed in range(10))
    assert groups_of(rows) == list(range(10))


def test_look_alikes_of_look_alikes_share_a_group():
    a, b, c = np.eye(3)
    middle = (a + b) / np.sqrt(2)
    assert groups_of(np.stack([a, c, b, middle]), threshold=0.7) == [0, 1, 0, 0]


def test_a_flat_picture_is_like_nothing():
    flat = torch.full((1, 80, 80), 9, dtype=torch.uint8)
    assert look_alikes(thumbnails([flat]), thumbnails([flat])) == []


def test_a_leak_is_refused_by_name():
    training, others = thumbnails([picture(0)]), thumbnails([disturbed(picture(0))])
    with pytest.raises(DataContractError, match=r"'mine' and 'theirs' \(correlation 0\.9"):
        require_no_look_alikes(training, others, (["mine"], ["theirs"]))


def test_a_clean_division_passes():
    training, others = thumbnails([picture(0)]), thumbnails([picture(1)])
    require_no_look_alikes(training, others, (["mine"], ["theirs"]))


def test_a_case_is_named_once_with_the_one_it_is_most_like(tmp_path):
    def saved(name, frame):
        Image.fromarray(frame.permute(1, 2, 0).squeeze(-1).numpy()).save(tmp_path / f"{name}.png")
        return Case(id=name, group=name, image=tmp_path / f"{name}.png", labels=())

    fresh, copied = saved("fresh", picture(0)), saved("copied", picture(1))
    near, same = saved("near", disturbed(picture(1))), saved("same", picture(1))
    (found,) = cases_like([fresh, copied], [near, same])
    assert (found.case.id, found.other.id) == ("copied", "same")
    assert found.correlation == pytest.approx(1)
    assert len(cases_like([copied], [near])) == 1


def test_nothing_looks_like_nothing():
    assert cases_like([], []) == []


@pytest.mark.parametrize("name", ["nerve", "muscle"])
def test_no_real_training_picture_looks_like_a_held_out_one(name, real_data):
    row = DATASETS[name]
    listed = row.list(real_data / row.folder)
    training = listed.where(may_train_on)
    kept_away = listed.where(lambda case: not may_train_on(case))
    require_no_look_alikes(
        thumbnails(training[i].image for i in range(len(training))),
        thumbnails(kept_away[i].image for i in range(len(kept_away))),
        ([case.id for case in training.cases], [case.id for case in kept_away.cases]),
    )
