from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sonotrace.errors import ReadError
from sonotrace.io.folder import gaps, natural_key, read_folder
from sonotrace.io.picture import write_picture


def _folder(path, names, shape=(1, 4, 5)):
    path.mkdir(exist_ok=True)
    for i, name in enumerate(names):
        write_picture(path / name, torch.full(shape, i, dtype=torch.uint8))
    return path


def test_frames_come_in_natural_order(tmp_path):
    clip = read_folder(_folder(tmp_path / "a", ["f10.png", "f9.png", "f8.bmp"]))
    assert clip.names == ("f8", "f9", "f10")
    assert [int(frame[0, 0, 0]) for frame in clip] == [2, 1, 0]
    assert clip.warnings == ()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**12), unique=True), st.text(max_size=4))
def test_natural_order_is_the_order_of_the_numbers(numbers, prefix):
    prefix += "_"
    names = sorted((f"{prefix}{number}.png" for number in numbers), key=natural_key)
    assert names == [f"{prefix}{number}.png" for number in sorted(numbers)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=6)))
def test_natural_order_does_not_depend_on_the_order_given(names):
    assert sorted(names, key=natural_key) == sorted(reversed(names), key=natural_key)


def test_a_gap_is_told():
    assert gaps(("00480", "00481", "00484")) == [
        "2 frame numbers are missing, the first after 00481; the frames are taken as consecutive."
    ]


def test_a_steady_step_is_told():
    assert "go up by 5" in gaps(("5", "10", "15"))[0]


@pytest.mark.parametrize("names", [("7", "8", "9"), ("a", "b"), ("x1", "y3"), ("5",)])
def test_names_without_a_gap_are_no_news(names):
    assert gaps(names) == []


def test_hidden_files_and_other_files_are_left_out(tmp_path):
    folder = _folder(tmp_path / "a", ["1.png", ".2.png"])
    (folder / "notes.txt").write_text("x")
    (folder / "3.png").mkdir()
    assert read_folder(folder).names == ("1",)


def test_a_folder_without_frames_is_a_read_error(tmp_path):
    with pytest.raises(ReadError, match="holds no pictures"):
        read_folder(tmp_path)


def test_a_missing_folder_is_a_read_error(tmp_path):
    with pytest.raises(ReadError, match="cannot be listed"):
        read_folder(tmp_path / "missing")


def test_two_frames_of_one_name_are_refused_and_the_pattern_that_is_named_works(tmp_path):
    folder = _folder(tmp_path / "a", ["0.png", "1.png", "0.jpg"])
    with pytest.raises(ReadError, match=r"0\.png: has the same name as 0\.jpg but") as error:
        read_folder(folder)
    pattern = str(error.value).split("'")[1]
    assert pattern == str(folder / "*.png")
    assert read_folder(Path(pattern)).names == ("0", "1")
    with pytest.raises(ReadError, match=r"0\.png: has the same name as 0\.jpg but"):
        read_folder(folder / "0*")


def test_a_frame_of_another_size_is_named_with_both_sizes(tmp_path):
    folder = _folder(tmp_path / "a", [f"{i}.png" for i in range(20)])
    _folder(folder, ["1.png"], shape=(1, 6, 5))
    clip = read_folder(folder)
    with pytest.raises(ReadError, match=r"1\.png: a frame of 5 x 6 .* is 5 x 4"):
        clip[1]


def test_a_folder_that_mixes_sizes_names_a_pattern_in_that_folder_which_works(tmp_path):
    folder = _folder(tmp_path / "mixed", ["img_0481.png", "img_0482.png"])
    _folder(folder, ["img_0011.png"], shape=(1, 6, 5))
    with pytest.raises(ReadError, match="by a quoted pattern, such as") as error:
        read_folder(folder)
    pattern = str(error.value).split("'")[1]
    assert pattern == str(folder / "img_048*.png")
    assert read_folder(Path(pattern)).names == ("img_0481", "img_0482")


def test_a_coloured_frame_in_a_grey_clip_keeps_the_shape(tmp_path):
    folder = _folder(tmp_path / "a", [f"{i}.png" for i in range(20)])
    red = torch.zeros((3, 4, 5), dtype=torch.uint8)
    red[0] = 255
    write_picture(folder / "1.png", red)
    assert {tuple(frame.shape) for frame in read_folder(folder)} == {(1, 4, 5)}


def test_a_pattern_takes_the_pictures_whose_names_match(tmp_path):
    for number, size in ((478, 8), (480, 9), (481, 9), (490, 9), (508, 8)):
        write_picture(tmp_path / f"img_{number:05d}.png", torch.zeros(1, size, 9).byte())
    clip = read_folder(tmp_path / "img_004[89]*.png")
    assert clip.names == ("img_00480", "img_00481", "img_00490")
    assert clip.path == tmp_path


def test_a_pattern_that_matches_nothing_says_so(tmp_path):
    with pytest.raises(ReadError, match=r"none_\*.png: holds no pictures"):
        read_folder(tmp_path / "none_*.png")
