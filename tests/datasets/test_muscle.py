import numpy as np
import pytest
from PIL import Image

from sonotrace.datasets.muscle import list_muscle
from sonotrace.errors import ReadError


@pytest.fixture
def muscle(tmp_path):
    for name in ("apo/img_00480", "apo/img_00481", "apo/img_00001", "fasc/img_00001"):
        part, file = name.split("/")
        for kind, value in (("images", 90), ("masks", 255)):
            folder = tmp_path / f"{part}_{kind}"
            folder.mkdir(exist_ok=True)
            pixels = np.zeros((4, 4), dtype=np.uint8)
            pixels[1] = value
            Image.fromarray(pixels).save(folder / f"{file}.png")
    return tmp_path


def test_a_recording_is_one_group_and_other_pictures_are_their_own(muscle):
    groups = {case.id: case.group for case in list_muscle(muscle).cases}
    assert groups["muscle/apo/00480"] == groups["muscle/apo/00481"]
    assert groups["muscle/apo/00001"] != groups["muscle/fasc/00001"]


def test_numbers_between_frames_of_a_recording_belong_to_it(muscle):
    for name in ("apo_images/img_00491", "apo_images/img_00503"):
        for file in (muscle / f"{name}.png", muscle / f"{name.replace('images', 'masks')}.png"):
            Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(file)
    groups = {case.id: case.group for case in list_muscle(muscle).cases}
    assert groups["muscle/apo/00503"] == groups["muscle/apo/00491"]


def test_each_picture_says_what_its_mask_shows(muscle):
    targets = [case.attributes["target"] for case in list_muscle(muscle).cases]
    assert targets == ["aponeurosis"] * 3 + ["fascicle"]


def test_white_in_a_mask_is_object_one(muscle):
    assert list_muscle(muscle)[0].labels.unique().tolist() == [0, 1]


def test_a_wrong_folder_says_where_to_point(tmp_path):
    with pytest.raises(ReadError, match="Give the folder that holds apo_images"):
        list_muscle(tmp_path)


def test_the_real_pictures_are_all_listed(real_data):
    assert len(list_muscle(real_data / "muscle_dltrack")) == 84
