import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from sonotrace.data.masks import masks_from_maps
from sonotrace.tasks.evaluate import Rules, frame_rows, pair_tracks, score_clip, summarise


def bar(length: int, object_id: int = 1, size: int = 20) -> torch.Tensor:
    labels = torch.zeros((size, size), dtype=torch.uint8)
    labels[5:10, :length] = object_id
    return labels


def clip_of(
    name: str, lengths: list[int], class_name: str | None = None, rules: Rules | None = None
):
    """Predicted bars of these lengths where the truth is 10 long; 0 is a miss."""
    prediction = masks_from_maps([bar(length) for length in lengths])
    truth = masks_from_maps([bar(10)] * len(lengths))
    return score_clip(pair_tracks(name, prediction, truth, class_name=class_name), rules or Rules())


def test_a_missed_lesion_makes_hd95_worse_and_is_counted():
    good = summarise([clip_of("a", [10, 12])], Rules())
    missed = summarise([clip_of("a", [10, 12, 0])], Rules())
    assert missed["metrics"]["hd95"] > good["metrics"]["hd95"]
    assert missed["hd95_diagonals"] == 1


def test_a_miss_may_count_as_infinite_or_not_at_all_and_is_told_either_way():
    infinite, skipped = Rules(worst="inf"), Rules(worst="skip")
    lengths = [10, 12, 0]
    found = summarise([clip_of("a", lengths, rules=infinite)], infinite)
    assert (found["metrics"]["hd95"], found["metrics"]["hd95_sd"]) == (math.inf, None)
    assert (found["hd95_worst"], found["hd95_one_sided"], found["hd95_diagonals"]) == ("inf", 1, 0)
    found = summarise([clip_of("a", lengths, rules=skipped)], skipped)
    both = summarise([clip_of("a", lengths[:2])], Rules())["metrics"]["hd95"]
    assert found["metrics"]["hd95"] == both
    assert (found["hd95_worst"], found["hd95_one_sided"]) == ("skip", 1)


def test_clips_of_which_one_is_infinitely_far_off_have_no_interval_of_hd95():
    rules = Rules(worst="inf")
    clips = [clip_of("a", [10, 5], rules=rules), clip_of("b", [0, 5], rules=rules)]
    intervals = summarise(clips, rules)["intervals"]
    assert intervals["hd95"] is None
    assert intervals["dice_mean"]["n"] == 2


def test_pictures_count_alike_in_the_mean_and_objects_in_j():
    long, short = clip_of("long", [10] * 9), clip_of("short", [5])
    metrics = summarise([long, short], Rules())["metrics"]
    assert metrics["iou_mean"] == pytest.approx((9 * 1 + 0.5) / 10)
    assert metrics["j_mean"] == pytest.approx((1 + 0.5) / 2)


def test_jf_is_the_mean_of_j_and_f():
    metrics = summarise([clip_of("a", [8, 14])], Rules())["metrics"]
    assert metrics["jf_mean"] == pytest.approx((metrics["j_mean"] + metrics["f_mean"]) / 2)


def test_one_clip_has_no_interval_and_two_have():
    one, other = clip_of("a", [10, 5]), clip_of("b", [5, 5])
    assert summarise([one], Rules())["intervals"] is None
    interval = summarise([one, other], Rules())["intervals"]["iou_mean"]
    assert interval["mean"] == pytest.approx((0.75 + 0.5) / 2)
    assert interval["low"] == pytest.approx(0.5)
    assert interval["high"] == pytest.approx(0.75)


def test_every_figure_that_was_measured_has_an_interval_and_every_mean_of_pictures_a_deviation():
    clips = [clip_of("a", [10, 5, 9]), clip_of("b", [5, 5, 12])]
    document = summarise(clips, Rules())
    metrics, intervals = document["metrics"], document["intervals"]
    measured = {name for name, value in metrics.items() if value is not None}
    deviations = {name for name in measured if name.endswith("_sd")}
    assert {name for name in measured - deviations if not intervals[name]} == set()
    means = ("dice", "iou", "precision", "recall", "hd95", "mae_binary")
    assert deviations == {f"{name}_sd" for name in means}
    assert (metrics["mae"], metrics["mae_sd"], intervals["mae"]) == (None, None, None)
    pooled = intervals["iou_pooled"]
    assert pooled["mean"] == metrics["iou_pooled"]
    assert pooled["low"] < pooled["mean"] < pooled["high"]


def test_a_deviation_is_that_of_pictures():
    metrics = summarise([clip_of("a", [10, 5]), clip_of("b", [10])], Rules())["metrics"]
    assert metrics["iou_sd"] == pytest.approx(np.std([1, 0.5, 1], ddof=1))
    assert metrics["precision_sd"] == 0


def test_an_object_of_several_clips_has_a_row_with_intervals_and_one_of_a_single_clip_has_none():
    two = [bar(10) + bar(20, 2).flipud(), bar(8) + bar(16, 2).flipud()]
    truth = masks_from_maps([two[0]] * 2)
    clips = [
        clip_of("a", [10, 5]),
        score_clip(pair_tracks("b", masks_from_maps(two), truth), Rules()),
    ]
    objects = summarise(clips, Rules())["objects"]
    assert list(objects) == ["1", "2"]
    assert (objects["1"]["n_clips"], objects["1"]["n"]) == (2, 4)
    assert objects["1"]["iou_mean"] == pytest.approx((1 + 0.5 + 1 + 0.8) / 4)
    interval = objects["1"]["interval"]["iou_mean"]
    assert (interval["low"], interval["high"], interval["n"]) == (0.75, 0.9, 2)
    assert {"j_mean", "f_mean", "hd95", "recall_mean"} <= set(objects["1"]["interval"])
    assert (objects["2"]["n_clips"], objects["2"]["interval"]) == (1, None)


def test_pictures_that_are_skipped_do_not_enter_the_interval_of_pooled_scores():
    rules = Rules(empty="skip")
    clips = [clip_of("a", [10, 5]), clip_of("b", [5, 5])]
    empty = masks_from_maps([bar(0)] * 2)
    alarm = pair_tracks("c", masks_from_maps([bar(10)] * 2), empty)
    document = summarise([*clips, score_clip(alarm, rules)], rules)
    found, without = document["intervals"], summarise(clips, rules)["intervals"]
    assert found["iou_pooled"] == without["iou_pooled"]
    assert found["iou_pooled"]["n"] == 2


def test_classes_are_those_of_the_clips_else_the_ids():
    clips = [clip_of("a", [10], "benign"), clip_of("b", [5], "malignant"), clip_of("c", [10])]
    classes = summarise(clips, Rules())["classes"]
    assert list(classes) == ["1", "benign", "malignant"]
    assert classes["malignant"]["iou_mean"] == 0.5
    assert classes["benign"]["dice_sd"] is None
    assert classes["benign"]["n"] == 1


def test_numbers_of_frames_say_what_was_scored():
    prediction, truth = masks_from_maps([bar(10)] * 4), masks_from_maps([bar(10)] * 3)
    pair = pair_tracks("a", prediction, truth, given=(0,))
    found = summarise([score_clip(pair, Rules())], Rules())
    numbers = [found[f"n_{name}"] for name in ("frames", "truth", "given", "scored")]
    assert numbers == [4, 3, 1, 2]
    assert found["n_without_truth"] == 1
    assert found["clips"][0]["given"] == ["0"]


def test_the_tolerances_in_pixels_are_stated():
    found = summarise([clip_of("a", [10])], Rules())
    assert (found["f_tolerance_px"], found["f_tight_tolerance_px"]) == ([1], [1])


def test_what_nobody_measured_is_none():
    found = summarise([clip_of("a", [10])], Rules())
    assert found["metrics"]["mae"] is None
    assert found["metrics"]["flicker"] is None
    assert found["metrics"]["mae_binary"] == 0


def test_every_scored_object_of_every_frame_has_a_row():
    rules = Rules(spacing_mm=(0.1, 0.1))
    rows = list(frame_rows([clip_of("a", [10, 5], rules=rules)], rules))
    assert [row["frame"] for row in rows] == ["0", "1"]
    assert rows[1]["iou"] == 0.5
    assert rows[1]["hd95_mm"] == pytest.approx(0.5)


def wobbling_clip(seed: int, frames: int) -> list[torch.Tensor]:
    """Two blobs that wander and change size, with void here and there."""
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[:60, :80]
    maps = []
    for t in range(frames):
        labels = np.zeros((60, 80), dtype=np.uint8)
        for object_id in (1, 2):
            row, column = draw.normal((20 * object_id, 25 * object_id), 2)
            radius = draw.uniform(6, 11) * (object_id == 1 or t != 2)
            labels[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = object_id
        labels[draw.random((60, 80)) > 0.995] = 255
        maps.append(torch.from_numpy(labels))
    return maps


def published_j(prediction: np.ndarray, truth: np.ndarray) -> float:
    union = (prediction | truth).sum()
    return (prediction & truth).sum() / union if union else 1.0


def published_f(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Outlines by shifted copies of the mask, dilated by a disk of 0.008 of the diagonal."""

    def outline(mask: np.ndarray) -> np.ndarray:
        east, south, diagonal = (np.zeros_like(mask) for _ in range(3))
        east[:, :-1], south[:-1], diagonal[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
        found = (mask ^ east) | (mask ^ south) | (mask ^ diagonal)
        found[-1], found[:, -1] = mask[-1] ^ east[-1], mask[:, -1] ^ south[:, -1]
        found[-1, -1] = False
        return found

    radius = int(np.ceil(0.008 * np.linalg.norm(truth.shape)))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = x * x + y * y <= radius * radius
    predicted, true = outline(prediction), outline(truth)
    if not predicted.any() or not true.any():
        return float(predicted.any() == true.any())
    precision = predicted[ndimage.binary_dilation(true, disk)].sum() / predicted.sum()
    recall = true[ndimage.binary_dilation(predicted, disk)].sum() / true.sum()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def published(measure, clips) -> tuple[float, float, float]:
    """Mean, recall and decay over the objects of all clips, first and last frame left out."""
    found = []
    for prediction, truth in clips:
        for object_id in range(1, int(truth[0].numpy()[truth[0].numpy() < 255].max()) + 1):
            pairs = list(zip(prediction, truth, strict=True))[1:-1]
            values = np.array(
                [measure((p == object_id).numpy(), (t == object_id).numpy()) for p, t in pairs]
            )
            ids = (np.round(np.linspace(1, len(values), 5) + 1e-10) - 1).astype(int)
            bins = [values[ids[i] : ids[i + 1] + 1] for i in range(4)]
            decay = bins[0].mean() - bins[3].mean()
            found.append((values.mean(), (values > 0.5).mean(), decay))
    return tuple(np.mean(found, axis=0))


def test_davis_scores_equal_the_published_rules_on_whole_clips():
    clips = [(wobbling_clip(seed, n), wobbling_clip(seed + 9, n)) for seed, n in ((1, 7), (2, 12))]
    rules = Rules(protocol="davis")
    pairs = [pair_tracks("clip", *map(masks_from_maps, clip)) for clip in clips]
    metrics = summarise([score_clip(pair, rules) for pair in pairs], rules)["metrics"]
    for name, measure in (("j", published_j), ("f", published_f)):
        ours = [metrics[f"{name}_{part}"] for part in ("mean", "recall", "decay")]
        assert ours == pytest.approx(published(measure, clips))


def test_a_class_of_several_clips_has_an_interval_of_its_own():
    clips = [clip_of("a", [10], "benign"), clip_of("b", [5], "benign"), clip_of("c", [10], "other")]
    classes = summarise(clips, Rules())["classes"]
    interval = classes["benign"]["interval"]["dice_mean"]
    assert interval["mean"] == pytest.approx((1 + 2 / 3) / 2)
    assert (interval["low"], interval["high"]) == pytest.approx((2 / 3, 1))
    assert classes["other"]["interval"] is None
