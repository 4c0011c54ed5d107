import csv
import json
import math

import pytest
import torch
from typer.testing import CliRunner

from sonotrace.cli import app
from sonotrace.errors import MaskError, OutputExistsError, SpacingError, UsageError
from sonotrace.io.picture import write_labels

METRICS = {
    *("dice_mean", "iou_mean", "precision_mean", "recall_mean", "f1_of_means"),
    *("dice_pooled", "iou_pooled", "precision_pooled", "recall_pooled", "f1_pooled"),
    *("mae", "mae_binary", "hd95", "j_mean", "f_mean", "jf_mean", "flicker"),
}
KEYS = {
    *("protocol", "metrics", "classes", "clips", "empty_policy"),
    *("n_frames", "n_scored", "n_given", "n_empty_truth"),
}


def evaluate(*arguments):
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def scores(*arguments):
    return json.loads(evaluate(*arguments, "--json"))


def save(folder, *lengths, object_id=1):
    """Frames with a bar of each length on a field of 20 x 30."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, length in enumerate(lengths):
        labels = torch.zeros((20, 30), dtype=torch.uint8)
        labels[5:10, :length] = object_id
        write_labels(folder / f"{i:05d}.png", labels)


@pytest.fixture
def folders(tmp_path):
    save(tmp_path / "predicted", 10, 5, 10, 20)
    save(tmp_path / "true", 10, 10, 10, 10)
    return tmp_path / "predicted", tmp_path / "true"


def test_json_has_the_keys_that_are_promised(folders):
    document = scores(*folders)
    assert set(document) >= KEYS
    assert set(document["metrics"]) >= METRICS
    assert set(document["classes"]["1"]) >= {"dice_mean", "dice_sd", "iou_mean", "hd95", "n"}


def test_scores_are_those_of_the_masks(folders):
    metrics = scores(*folders)["metrics"]
    assert metrics["iou_mean"] == pytest.approx((1 + 0.5 + 1 + 0.5) / 4)
    assert metrics["iou_pooled"] == pytest.approx(35 / 50)


def test_two_pictures_are_scored_like_clips(folders):
    document = scores(folders[0] / "00001.png", folders[1] / "00001.png")
    assert document["metrics"]["iou_mean"] == 0.5
    assert (document["n_scored"], document["intervals"]) == (1, None)
    assert document["metrics"]["j_decay"] is None


def test_given_frames_are_not_scored(folders):
    document = scores(*folders, "--given", "0,2")
    assert (document["n_given"], document["n_scored"]) == (2, 2)
    assert document["metrics"]["iou_mean"] == 0.5
    assert scores(*folders, "--given", "0,2", "--score-given")["n_scored"] == 4
    assert scores(*folders, "--given", "first")["clips"][0]["given"] == ["00000"]


def test_what_track_was_given_is_not_scored(folders, tmp_path):
    save(tmp_path / "run/masks", 10, 5, 10, 20)
    report = {"command": "track", "settings": {"first_frame": 0, "backward": True}}
    report["results"] = {"given_frames": [0]}
    (tmp_path / "run/report.json").write_text(json.dumps(report))
    document = scores(tmp_path / "run", folders[1])
    assert document["clips"][0]["given"] == ["00000"]
    assert document["n_scored"] == 3


def test_a_perfect_first_frame_is_suspected_to_have_been_given(folders):
    assert "--given first" in scores(*folders)["warnings"][0]
    assert scores(*folders, "--given", "none")["warnings"] == []


def test_davis_folders_are_scored_by_the_rules_of_davis(tmp_path):
    for clip in ("a", "b"):
        save(tmp_path / "results" / clip, 10, 5, 10, 5)
        save(tmp_path / "truth/Annotations/480p" / clip, 10, 10, 10, 10)
    (tmp_path / "truth/attributes.csv").write_text("clip,class\na,benign\nb,malignant\n")
    document = scores(tmp_path / "results", tmp_path / "truth", "--protocol", "davis")
    assert document["n_scored"] == 4
    assert document["metrics"]["j_mean"] == pytest.approx(0.75)
    assert set(document["classes"]) == {"benign", "malignant"}
    assert document["intervals"]["j_mean"]["n"] == 2


def test_the_empty_policy_is_reported_and_obeyed(tmp_path):
    save(tmp_path / "p", 0, 10)
    save(tmp_path / "t", 0, 10)
    assert scores(tmp_path / "p", tmp_path / "t")["metrics"]["dice_mean"] == 1
    skipped = scores(tmp_path / "p", tmp_path / "t", "--unordered", "--empty", "skip")
    assert (skipped["empty_policy"], skipped["n_skipped"]) == ("skip", 1)
    zero = scores(tmp_path / "p", tmp_path / "t", "--unordered", "--empty", "zero")
    assert zero["metrics"]["dice_mean"] == 0.5
    assert zero["false_positive_rate_on_empty"] == 0


def test_what_a_miss_is_worth_in_hd95_can_be_chosen_and_is_reported(tmp_path):
    save(tmp_path / "p", 0, 10)
    save(tmp_path / "t", 10, 10)
    sides = (tmp_path / "p", tmp_path / "t")
    usual = scores(*sides)
    assert (usual["hd95_worst"], usual["hd95_one_sided"]) == ("diagonal", 1)
    assert usual["metrics"]["hd95"] == pytest.approx(math.hypot(20, 30) / 2)
    skipped = scores(*sides, "--worst", "skip")
    assert (skipped["metrics"]["hd95"], skipped["hd95_one_sided"]) == (0, 1)
    infinite = scores(*sides, "--worst", "inf", "--out", tmp_path / "s.json")
    assert infinite["metrics"]["hd95"] == "inf"
    assert json.loads((tmp_path / "s.json").read_text()) == infinite


def test_millimetres_come_from_a_spacing_that_is_given_and_from_nowhere_else(folders):
    document = scores(*folders, "--spacing-mm", "0.5,0.2")
    assert document["hd95_unit"] == "mm"
    pixels = scores(*folders)
    assert pixels["hd95_unit"] == "px"
    assert document["metrics"]["hd95"] == pytest.approx(0.2 * pixels["metrics"]["hd95"])
    with pytest.raises(SpacingError, match="--spacing-mm"):
        scores(*folders, "--require-mm")


def test_objects_that_no_truth_has_are_named(tmp_path):
    save(tmp_path / "p", 10, 10, object_id=2)
    save(tmp_path / "t", 10, 10)
    document = scores(tmp_path / "p", tmp_path / "t")
    assert "objects 2 are in no truth" in document["warnings"][0]
    assert document["metrics"]["dice_mean"] == 0


def test_nothing_left_to_score_is_an_error(tmp_path):
    save(tmp_path / "p", 10, 10)
    save(tmp_path / "t", 10, 10)
    with pytest.raises(MaskError, match="none is left to score"):
        scores(tmp_path / "p", tmp_path / "t", "--protocol", "davis")


def test_options_that_make_no_sense_are_refused(folders):
    with pytest.raises(UsageError, match="--given takes"):
        scores(*folders, "--given", "one")
    with pytest.raises(UsageError, match="no --score-given"):
        scores(*folders, "--protocol", "davis", "--score-given")
    with pytest.raises(UsageError, match="--void takes 255"):
        scores(*folders, "--void", "7")
    with pytest.raises(UsageError, match=r"\.json or \.csv"):
        scores(*folders, "--out", "scores.txt")


def test_the_table_says_how_each_figure_was_averaged(folders):
    shown = evaluate(*folders)
    assert "4 frames scored of 4 with truth" in shown
    assert "mean of pictures" in shown
    assert "pixels of all pictures pooled" in shown
    assert "No interval" in shown


def test_files_hold_the_document_or_a_row_per_frame_and_object(folders, tmp_path):
    shown = scores(*folders, "--out", tmp_path / "s.json")
    assert json.loads((tmp_path / "s.json").read_text()) == shown
    evaluate(*folders, "--out", tmp_path / "s.csv")
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["iou"]) for row in rows] == [1, 0.5, 1, 0.5]
    assert [row["frame"] for row in rows] == ["00000", "00001", "00002", "00003"]
    with pytest.raises(OutputExistsError):
        evaluate(*folders, "--out", tmp_path / "s.csv")


def test_clips_of_one_patient_are_not_taken_as_independent_without_a_word(tmp_path):
    for clip in ("a", "b"):
        save(tmp_path / "p" / clip, 10, 5)
        save(tmp_path / "t/Annotations" / clip, 10, 10)
    (tmp_path / "t/attributes.csv").write_text("clip,patient\na,P1\nb,P1\n")
    document = scores(tmp_path / "p", tmp_path / "t")
    assert document["n_given"] == 2
    assert "come from one patient" in document["warnings"][-1]


def test_ids_that_the_published_program_would_count_as_perfect_are_named(tmp_path):
    save(tmp_path / "p", 10, 10, 10, object_id=3)
    save(tmp_path / "t", 10, 10, 10, object_id=3)
    document = scores(tmp_path / "p", tmp_path / "t", "--protocol", "davis")
    assert "every absent number below 3" in document["warnings"][0]


def test_masks_that_hold_void_and_no_object_are_pointed_out(tmp_path):
    save(tmp_path / "p", 10, 10, object_id=255)
    save(tmp_path / "t", 10, 10)
    document = scores(tmp_path / "p", tmp_path / "t")
    assert "the prediction holds void (255) and no object" in document["warnings"][0]
