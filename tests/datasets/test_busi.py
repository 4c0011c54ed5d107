import numpy as np
import pytest
from PIL import Image

from sonotrace.datasets.busi import SHIPPED_GROUPS, list_busi, read_groups
from sonotrace.errors import ReadError


@pytest.fixture
def busi(tmp_path):
    for name, files in {
        "benign": ["benign (2)", "benign (2)_mask", "benign (10)", "benign (10)_mask"],
        "malignant": ["malignant (1)", "malignant (1)_mask", "malignant (1)_mask_1"],
        "normal": ["normal (1)", "normal (1)_mask"],
    }.items():
        folder = tmp_path / "Dataset_BUSI_with_GT" / name
        folder.mkdir(parents=True)
        for file in files:
            mask = np.zeros((6, 8), dtype=np.uint8)
            if "_mask" in file and name != "normal":
                mask[0 if file.endswith("_mask") else 3] = 255
            Image.fromarray(mask).save(folder / f"{file}.png")
    return tmp_path


def test_cases_come_by_class_and_number(busi):
    assert [case.id for case in list_busi(busi).cases] == [
        "busi/benign (2)",
        "busi/benign (10)",
        "busi/malignant (1)",
        "busi/normal (1)",
    ]


def test_all_lesions_of_a_picture_are_one_target(busi):
    labels = list_busi(busi)[2].labels
    assert labels.sum() == 16
    assert labels[0].all()
    assert labels[3].all()


def test_a_normal_picture_has_an_empty_mask(busi):
    assert not list_busi(busi)[3].labels.any()


def test_groups_come_from_the_file_beside_the_pictures(busi):
    (busi / "near_duplicate_groups.csv").write_text(
        "class,number,group\nbenign,2,5\nmalignant,1,5\n"
    )
    groups = [case.group for case in list_busi(busi).cases]
    assert groups == ["busi/5", "busi/benign (10)", "busi/5", "busi/normal (1)"]


def test_without_that_file_near_duplicates_still_share_a_group(busi):
    shipped = read_groups(SHIPPED_GROUPS)
    assert len(shipped) == 780
    assert len(set(shipped.values())) == 582
    assert shipped["busi/benign (2)"] == "busi/1"
    groups = [case.group for case in list_busi(busi).cases]
    assert groups == [shipped[case.id] for case in list_busi(busi).cases]


def test_a_file_of_groups_without_its_columns_is_refused(busi):
    (busi / "near_duplicate_groups.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ReadError, match="no columns class, number and group"):
        list_busi(busi)


def test_a_picture_without_a_mask_is_refused_by_name(busi):
    (busi / "Dataset_BUSI_with_GT/benign/benign (2)_mask.png").unlink()
    with pytest.raises(ReadError, match=r"no benign \(2\)_mask.png"):
        list_busi(busi)


def test_a_wrong_folder_says_where_to_point(tmp_path):
    with pytest.raises(ReadError, match="Give the folder into which"):
        list_busi(tmp_path)


def test_the_shipped_groups_are_those_of_the_real_set(real_data):
    assert read_groups(SHIPPED_GROUPS) == read_groups(real_data / "busi/near_duplicate_groups.csv")


def test_the_real_set_has_its_published_counts(real_data):
    cases = list_busi(real_data / "busi").cases
    counts = [
        sum(case.attributes["class"] == name for case in cases)
        for name in ("benign", "malignant", "normal")
    ]
    assert counts == [437, 210, 133]
    assert sum(len(case.labels) > 1 for case in cases) == 17
    assert len({case.group for case in cases}) == 582
