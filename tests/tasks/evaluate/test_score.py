import math

import pytest
import torch

from sonotrace.data.masks import LabelMapsInMemory, MaskTrack, masks_from_maps
from sonotrace.tasks.evaluate import ClipPair, Frame, LoadedFrame, Rules, pair_tracks, score_clip
from sonotrace.tasks.evaluate.score import object_ids


def row_of(*ids: int) -> torch.Tensor:
    """A label map of one row, wide enough that every id has a pixel of its own."""
    labels = torch.zeros((1, 8), dtype=torch.uint8)
    for object_id in ids:
        labels[0, object_id] = object_id
    return labels


def clip_of(prediction: list, truth: list, **about) -> ClipPair:
    """Frames numbered from 0; None in the truth is a frame without it."""
    frames = tuple(
        Frame(
            number=i,
            name=f"{i:05d}",
            has_truth=labels is not None,
            given=i in about.get("given", ()),
        )
        for i, labels in enumerate(truth)
    )
    return ClipPair(
        name="clip",
        frames=frames,
        load=lambda i: LoadedFrame(prediction[i], truth[i]),
        ordered=about.get("ordered", True),
        first_given=about.get("first_given", False),
    )


def scored(scores) -> list[tuple[int, int]]:
    """Frame and object of every row."""
    return [(row.frame, row.object_id) for row in scores.rows]


def test_a_frame_whose_mask_was_given_is_not_scored_unless_asked():
    pair = clip_of([row_of(1)] * 3, [row_of(1)] * 3, given=(0,))
    assert scored(score_clip(pair, Rules())) == [(1, 1), (2, 1)]
    assert len(score_clip(pair, Rules(score_given=True)).rows) == 3
    assert score_clip(pair, Rules()).given == {0}


def test_davis_leaves_out_the_first_and_the_last_frame_with_truth():
    pair = clip_of([row_of(1)] * 5, [row_of(1)] * 5)
    assert scored(score_clip(pair, Rules(protocol="davis"))) == [(1, 1), (2, 1), (3, 1)]


def test_davis_knows_only_the_objects_of_the_first_frame():
    truth = [row_of(1), row_of(1, 2), row_of(1, 2)]
    assert scored(score_clip(clip_of(truth, truth), Rules(protocol="davis"))) == [(1, 1)]


def test_an_object_counts_from_its_first_appearance():
    truth = [row_of(1), row_of(1), row_of(1, 2), row_of(1)]
    found = scored(score_clip(clip_of(truth, truth), Rules()))
    assert [frame for frame, object_id in found if object_id == 2] == [2, 3]


def test_an_object_predicted_before_it_appears_counts_as_wrong():
    prediction = [row_of(1), row_of(1, 2), row_of(1, 2)]
    truth = [row_of(1), row_of(1), row_of(1, 2)]
    rows = score_clip(clip_of(prediction, truth), Rules()).rows
    assert [(row.frame, row.j) for row in rows if row.object_id == 2] == [(1, 0.0), (2, 1.0)]


def test_the_first_frame_of_every_object_is_left_out_where_it_was_given():
    truth = [row_of(1), row_of(1), row_of(1, 2), row_of(1, 2)]
    found = scored(score_clip(clip_of(truth, truth, first_given=True), Rules()))
    assert found == [(1, 1), (2, 1), (3, 1), (3, 2)]


def test_void_is_left_out_and_for_davis_it_is_background():
    truth = row_of(1)
    truth[0, 5:7] = 255
    prediction = row_of(1)
    prediction[0, 5] = 1
    pair = clip_of([prediction] * 3, [truth] * 3)
    assert score_clip(pair, Rules()).rows[1].j == 1
    assert score_clip(pair, Rules(protocol="davis")).rows[0].j == 0.5


def test_objects_in_no_truth_are_not_scored_but_known():
    scores = score_clip(clip_of([row_of(1, 4)] * 2, [row_of(1)] * 2), Rules())
    assert scored(scores) == [(0, 1), (1, 1)]
    assert scores.prediction_ids - scores.truth_ids == {4}


def test_false_alarms_in_a_clip_without_target_are_scored():
    scores = score_clip(clip_of([row_of(), row_of(3)], [row_of()] * 2), Rules())
    assert [(row.frame, row.object_id, row.j) for row in scores.rows] == [(0, 3, 1), (1, 3, 0)]
    assert scored(score_clip(clip_of([row_of()], [row_of()]), Rules())) == [(0, 1)]


def test_pictures_by_themselves_are_scored_for_every_object_of_the_set():
    truth = [row_of(1), row_of(2)]
    found = scored(score_clip(clip_of(truth, truth, ordered=False), Rules()))
    assert found == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_frames_without_truth_are_not_scored_but_flicker():
    prediction = [row_of(1), row_of(), row_of(1)]
    scores = score_clip(clip_of(prediction, [row_of(1), None, None]), Rules())
    assert scored(scores) == [(0, 1)]
    assert [row.prediction for row in scores.flicker] == [1.0, 1.0]
    assert all(math.isnan(row.beyond_truth) for row in scores.flicker)


def test_the_step_from_a_given_mask_to_a_predicted_one_is_no_flicker():
    prediction = [row_of(1), row_of(), row_of()]
    pair = clip_of(prediction, [row_of(1)] * 3, given=(0,))
    assert [row.prediction for row in score_clip(pair, Rules()).flicker] == [0.0]


def test_frames_that_are_not_neighbours_do_not_flicker():
    maps = LabelMapsInMemory((row_of(1), row_of(1)))
    track = MaskTrack(source=maps, frames=(0, 5), shape=(1, 8))
    assert score_clip(pair_tracks("clip", track, track), Rules()).flicker == []


def test_the_error_of_probabilities_is_nan_without_them():
    pair = pair_tracks("clip", masks_from_maps([row_of(1)]), masks_from_maps([row_of(1)]))
    row = score_clip(pair, Rules()).rows[0]
    assert math.isnan(row.mae)
    assert row.mae_binary == 0


def test_hd95_follows_the_spacing():
    moved = torch.zeros((1, 8), dtype=torch.uint8)
    moved[0, 4] = 1
    pair = clip_of([moved], [row_of(1)])
    assert score_clip(pair, Rules()).rows[0].hd95 == 3
    in_mm = score_clip(pair, Rules(spacing_mm=(1, 0.5))).rows[0]
    assert in_mm.hd95 == pytest.approx(1.5)


def test_the_ids_of_a_label_map_leave_out_background_and_void():
    labels = torch.tensor([[7, 0, 0, 3], [3, 255, 200, 200]], dtype=torch.uint8)
    assert object_ids(labels) == {3, 7, 200}
    assert object_ids(torch.full((2, 2), 4, dtype=torch.uint8)) == {4}


def test_a_picture_that_is_skipped_has_no_distance_and_no_error():
    pair = clip_of([row_of(1), row_of(1)], [row_of(), row_of(1)], ordered=False)
    skipped, scored_one = score_clip(pair, Rules(empty="skip")).rows
    assert math.isnan(skipped.hd95)
    assert math.isnan(skipped.mae_binary)
    assert not skipped.one_sided
    assert scored_one.hd95 == 0
    assert score_clip(pair, Rules()).rows[0].one_sided
