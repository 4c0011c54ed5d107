import pytest
import torch

from sonotrace.datasets.davis import list_davis
from sonotrace.errors import DataContractError
from sonotrace.io.picture import write_picture


@pytest.fixture
def root(tmp_path):
    for clip in "abc":
        folder = tmp_path / f"JPEGImages/480p/{clip}"
        folder.mkdir(parents=True)
        write_picture(folder / "0.png", torch.zeros(1, 4, 4, dtype=torch.uint8))
    (tmp_path / "ImageSets/2017").mkdir(parents=True)
    (tmp_path / "ImageSets/2017/train.txt").write_text("a\nb\n")
    (tmp_path / "ImageSets/2017/val.txt").write_text("c\n")
    return tmp_path


def test_lists_without_a_common_patient_pass(root):
    assert list_davis(root, subset="train").names == ("a", "b")


def test_a_patient_in_two_lists_is_refused(root):
    (root / "attributes.csv").write_text("clip,patient\na,p1\nb,p2\nc,p1\n")
    with pytest.raises(DataContractError, match=r"'p1' is in the lists '2017/train' \(clip 'a'\)"):
        list_davis(root, subset="train")
    assert len(list_davis(root)) == 3


def test_a_clip_in_two_lists_is_refused(root):
    (root / "ImageSets/2017/val.txt").write_text("b\nc\n")
    with pytest.raises(DataContractError, match="'b'"):
        list_davis(root, subset="val")


def test_a_list_may_hold_those_it_is_named_after(root):
    (root / "ImageSets/2017/trainval.txt").write_text("a\nb\nc\n")
    assert list_davis(root, subset="train").names == ("a", "b")


def test_lists_of_another_year_do_not_count(root):
    (root / "ImageSets/2016").mkdir()
    (root / "ImageSets/2016/other.txt").write_text("a\n")
    assert list_davis(root, subset="2017/train").names == ("a", "b")
