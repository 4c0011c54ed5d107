import json

import pytest
import torch

from sonotrace.errors import ReadError, UsageError
from sonotrace.io.picture import write_labels
from sonotrace.tasks.evaluate import find_masks

EMPTY = torch.zeros((4, 4), dtype=torch.uint8)


def save(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        write_labels(folder / f"{name}.png", EMPTY)


def test_a_folder_of_masks_is_one_clip_in_natural_order(tmp_path):
    save(tmp_path / "a", "10", "9", "2")
    found = find_masks(tmp_path / "a")
    assert found.kind == "folder"
    assert list(found.clips["a"].files) == ["2", "9", "10"]


def test_what_track_wrote_says_which_masks_were_given(tmp_path):
    save(tmp_path / "run/masks", "00480", "00481", "00482")
    report = {"command": "track", "settings": {"first_frame": 0, "backward": True}}
    report["results"] = {"given_frames": [1]}
    (tmp_path / "run/report.json").write_text(json.dumps(report))
    assert find_masks(tmp_path / "run").clips["run"].given == ("00481",)


def test_without_backward_the_first_mask_written_is_the_first_given(tmp_path):
    save(tmp_path / "run/masks", "00007", "00008", "00009")
    report = {"command": "track", "settings": {"first_frame": 5}}
    report["results"] = {"given_frames": [7, 9]}
    (tmp_path / "run/report.json").write_text(json.dumps(report))
    assert find_masks(tmp_path / "run").clips["run"].given == ("00007", "00009")


def test_a_report_that_names_frames_without_mask_is_refused(tmp_path):
    save(tmp_path / "run/masks", "00000")
    report = {"command": "track", "settings": {}, "results": {"given_frames": [0, 9]}}
    (tmp_path / "run/report.json").write_text(json.dumps(report))
    with pytest.raises(ReadError, match="does not say which masks were given"):
        find_masks(tmp_path / "run")


def test_a_folder_of_folders_is_several_clips(tmp_path):
    save(tmp_path / "a", "0")
    save(tmp_path / "b/masks", "0")
    (tmp_path / "empty").mkdir()
    assert list(find_masks(tmp_path).clips) == ["a", "b"]


@pytest.mark.parametrize("resolution", ["480p", ""])
def test_a_data_set_gives_classes_and_patients(tmp_path, resolution):
    for clip in ("a", "b"):
        save(tmp_path / "Annotations" / resolution / clip, "00000")
    (tmp_path / "attributes.csv").write_text("clip,patient,class\na,P1,benign\n")
    found = find_masks(tmp_path)
    assert found.kind == "davis"
    assert (found.clips["a"].group, found.clips["a"].class_name) == ("P1", "benign")
    assert found.clips["b"].class_name is None


def test_a_list_chooses_clips_of_a_data_set(tmp_path):
    for clip in ("a", "b"):
        save(tmp_path / "Annotations/480p" / clip, "00000")
    (tmp_path / "ImageSets/2017").mkdir(parents=True)
    (tmp_path / "ImageSets/2017/val.txt").write_text("b\n")
    assert list(find_masks(tmp_path, subset="val").clips) == ["b"]


def test_of_several_resolutions_one_must_be_named(tmp_path):
    for resolution in ("480p", "full"):
        save(tmp_path / "Annotations" / resolution / "a", "00000")
    with pytest.raises(UsageError, match="480p, full"):
        find_masks(tmp_path)
    assert list(find_masks(tmp_path, resolution="full").clips) == ["a"]


@pytest.mark.parametrize("name", ["poses.csv", "volume.nii.gz", "sweep.igs.mha"])
def test_poses_and_volumes_are_refused_with_what_works(tmp_path, name):
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(UsageError, match="Masks can be scored against masks"):
        find_masks(tmp_path / name)


def test_a_place_without_masks_says_what_to_give(tmp_path):
    with pytest.raises(ReadError, match="holds no masks"):
        find_masks(tmp_path)
    with pytest.raises(ReadError, match="does not exist"):
        find_masks(tmp_path / "nowhere")
