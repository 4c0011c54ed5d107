import numpy as np
import pytest
from PIL import Image

from sonotrace.datasets.nerve import NERVE, VESSEL, list_nerve
from sonotrace.errors import ReadError


@pytest.fixture
def nerve(tmp_path):
    for name in ("train/images/0011", "train/images/0012", "test/images/0068"):
        image = tmp_path / f"{name}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 6), dtype=np.uint8)).save(image)
        mask = tmp_path / f"{name.replace('images', 'masks')}.png"
        mask.parent.mkdir(parents=True, exist_ok=True)
        labels = np.zeros((4, 6), dtype=np.uint8)
        labels[0], labels[1] = NERVE, VESSEL
        picture = Image.fromarray(labels).convert("P")
        picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
        picture.save(mask)
    return tmp_path


def test_label_ids_are_kept(nerve):
    assert list_nerve(nerve)[0].labels.unique().tolist() == [0, NERVE, VESSEL]


def test_a_training_picture_that_looks_like_a_test_picture_shares_its_group(nerve):
    groups = {case.id: case.group for case in list_nerve(nerve).cases}
    assert groups["nerve/train/0011"] == groups["nerve/test/0068"]
    assert groups["nerve/train/0012"] == "nerve/train/0012"


def test_a_missing_mask_is_named(nerve):
    (nerve / "test/masks/0068.png").unlink()
    with pytest.raises(ReadError, match=r"masks/0068\.png"):
        list_nerve(nerve)


def test_a_wrong_folder_says_where_to_point(tmp_path):
    with pytest.raises(ReadError, match="Give the folder of usgra-seg"):
        list_nerve(tmp_path)


def test_the_real_pictures_hold_nerves_and_vessels(real_data):
    pictures = list_nerve(real_data / "usgra_nerve")
    assert len(pictures) == 110
    assert set(pictures[0].labels.unique().tolist()) <= {0, NERVE, VESSEL}
