import shutil
import subprocess
import sys

import pytest
import torch

from sonotrace.errors import ReadError, SpacingError
from sonotrace.io.picture import write_picture
from sonotrace.io.readers import open_clip, open_sweep
from sonotrace.io.video import write_video


def _frames(count):
    return [torch.full((1, 8, 10), 20 * i, dtype=torch.uint8) for i in range(count)]


def test_the_content_decides_not_the_name(tmp_path):
    write_video(tmp_path / "a.mp4", _frames(4), 25)
    shutil.move(tmp_path / "a.mp4", tmp_path / "a.dcm")
    assert "h264" in open_clip(tmp_path / "a.dcm").format


def test_a_folder_a_picture_and_a_video_are_clips(tmp_path):
    for i, frame in enumerate(_frames(3)):
        write_picture(tmp_path / f"{i}.png", frame)
    write_video(tmp_path / "a.mp4", _frames(3), 25)
    assert [len(open_clip(tmp_path / name)) for name in (".", "1.png", "a.mp4")] == [3, 1, 3]


def test_options_cut_crop_and_give_the_spacing(tmp_path):
    for i, frame in enumerate(_frames(5)):
        write_picture(tmp_path / f"{i}.png", frame)
    clip = open_clip(tmp_path, spacing_mm=(0.1, 0.2), crop=(1, 2, 4, 5), start=2, stop=4)
    assert (len(clip), clip.shape, clip.first_frame) == (2, (1, 5, 4), 2)
    assert (clip.spacing_mm, clip.spacing_source) == ((0.1, 0.2), "user")
    assert int(clip[0][0, 0, 0]) == 40


def test_an_impossible_spacing_is_refused(tmp_path):
    write_picture(tmp_path / "a.png", _frames(1)[0])
    with pytest.raises(SpacingError):
        open_clip(tmp_path / "a.png", spacing_mm=(0.0, 1.0))


def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "words.mp4").write_text("words are no video")
    (tmp_path / "folder").mkdir()
    for name, words in {
        "missing": "does not exist",
        "empty.png": "is empty",
        "words.mp4": "Known are: DICOM ultrasound; pictures",
        "folder": "holds no pictures",
    }.items():
        with pytest.raises(ReadError, match=words):
            open_clip(tmp_path / name)


def test_a_folder_of_clips_names_the_first_of_them_and_one_to_give(tmp_path):
    (tmp_path / "LICENSE.txt").write_text("words are no clip")
    (tmp_path / "empty.dcm").touch()
    (tmp_path / "cine1").write_bytes(bytes(128) + b"DICM")
    write_video(tmp_path / "cine10.mp4", _frames(2), 25)
    (tmp_path / "cine2.mha").write_text("ObjectType = Image\nNDims = 3\n")
    with pytest.raises(ReadError, match=r"clips of their own: cine1, cine2\.mha, cine10") as error:
        open_clip(tmp_path)
    assert f"such as {tmp_path / 'cine1'}." in str(error.value)
    for number in range(20, 24):
        shutil.copy(tmp_path / "cine1", tmp_path / f"cine{number}")
    with pytest.raises(ReadError, match=r"cine10\.mp4, cine20, \.\.\.\. Give one"):
        open_clip(tmp_path)


def test_a_device_is_not_waited_for():
    with pytest.raises(ReadError, match="neither a file nor a folder"):
        open_clip("/dev/null")


def test_many_clips_are_not_taken_for_one(tmp_path):
    (tmp_path / "JPEGImages/480p/bear").mkdir(parents=True)
    with pytest.raises(ReadError, match="many clips"):
        open_clip(tmp_path)


def test_a_file_without_poses_is_no_sweep(tmp_path):
    write_picture(tmp_path / "a.png", _frames(1)[0])
    with pytest.raises(ReadError, match="no sequence file"):
        open_sweep(tmp_path / "a.png")


def test_all_real_kinds_open(real_data):
    found = {
        "MPEG": "lung_neuruppin_video/Reg_pat1Image_133232.mpeg",
        "QuickTime": "phantom_cine_itkpocus/butterfly-ocular-phantom.mp4",
        "DICOM": "dicom_us/examples_ybr_color.dcm",
        "equence": "plus_freehand/SpinePhantomFreehand.igs.mha",
    }
    for words, name in found.items():
        clip = open_clip(real_data / name)
        assert words in clip.format
        assert tuple(clip[len(clip) - 1].shape) == clip.shape


def test_plain_pictures_need_no_package_for_videos():
    code = "import sys, sonotrace.io.picture; sys.exit('av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
