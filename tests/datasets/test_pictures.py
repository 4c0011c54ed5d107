import numpy as np
import pytest
import torch
from PIL import Image

from sonotrace.datasets.pictures import Case, LabelledPictures
from sonotrace.errors import MaskError, ReadError


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(path)
    return path


def case(folder, *masks, size=(4, 4)):
    image = save(folder / "a.png", np.full(size, 7))
    labels = tuple(save(folder / f"mask{i}.png", mask) for i, mask in enumerate(masks))
    return Case(id="x/a", group="x/a", image=image, labels=labels)


def test_several_masks_are_one_target(tmp_path):
    one, other = np.zeros((4, 4)), np.zeros((4, 4))
    one[0], other[:, 0] = 255, 255
    labels = case(tmp_path, one, other).read().labels
    assert torch.equal(labels > 0, torch.from_numpy((one + other) > 0))


def test_listing_decodes_nothing(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    broken = Case(id="x/b", group="x/b", image=tmp_path / "broken.png", labels=())
    pictures = LabelledPictures([broken])
    assert len(pictures.where(lambda one: one.group == "x/b")) == 1
    with pytest.raises(ReadError):
        pictures[0]


def test_a_mask_of_another_size_is_refused_with_both_sizes(tmp_path):
    with pytest.raises(MaskError, match=r"5 x 4 pixels, but a.png has 4 x 4"):
        case(tmp_path, np.zeros((4, 5))).read()


def test_pictures_can_be_kept_by_what_is_known_of_them(tmp_path):
    pictures = LabelledPictures([case(tmp_path)])
    assert len(pictures.where(lambda one: one.id != "x/a")) == 0
