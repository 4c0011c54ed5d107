"""Go through the frames of one clip and score every object in each."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from sonotrace.metrics.boundary import (
    HausdorffDistance,
    boundary_f,
    davis_tolerance_px,
    hd95,
    tight_tolerance_px,
)
from sonotrace.metrics.segmentation import count_pixels, mean_absolute_error, valid_pixels
from sonotrace.metrics.tracking import change, flicker, region_similarity
from sonotrace.tasks.evaluate.rules import ClipPair, LoadedFrame, Rules
from sonotrace.types import VOID, LabelMap


class Row(NamedTuple):
    """The scores of one object in one frame. NaN stands for what cannot be said."""

    frame: int
    """Position in `ClipPair.frames`."""
    object_id: int
    true_positive: int
    false_positive: int
    false_negative: int
    j: float
    f: float
    f_tight: float
    hd95: float
    one_sided: bool
    """Truth or prediction is empty, the other is not: hd95 is what `Rules.worst` says."""
    mae: float
    mae_binary: float


class FlickerRow(NamedTuple):
    """The change of one object's mask between a frame and the one before it."""

    object_id: int
    prediction: float
    beyond_truth: float
    """NaN where one of the two frames has no truth."""


@dataclass(kw_only=True)
class ClipScores:
    """All rows of one clip and what was left out."""

    pair: ClipPair
    rows: list[Row] = field(default_factory=list)
    flicker: list[FlickerRow] = field(default_factory=list)
    tolerances_px: set[tuple[int, int]] = field(default_factory=set)
    """Tolerances of `f` and of `f_tight`, by the sizes of the frames."""
    given: set[int] = field(default_factory=set)
    """Positions of the frames in which some mask was given."""
    truth_ids: set[int] = field(default_factory=set)
    prediction_ids: set[int] = field(default_factory=set)
    void_in: set[str] = field(default_factory=set)
    """Which of "prediction" and "truth" hold void pixels."""
    first_is_equal: bool = False
    """Whether the first frame with truth was predicted without a single wrong pixel."""

    @property
    def scored(self) -> set[int]:
        """Positions of the frames that were scored."""
        return {row.frame for row in self.rows}


def score_clip(pair: ClipPair, rules: Rules) -> ClipScores:
    """Score one clip, reading one frame at a time.

    Objects are those of the truth. Where the truth has none at all they are those of the
    prediction, or object 1, so that false alarms in a clip without target count.
    """
    if rules.protocol == "davis":
        return _score(pair, rules, None)
    if not pair.ordered:
        return _score(pair, rules, _ids_of_all(pair))
    scores = _score(pair, rules, None)
    if not scores.truth_ids:
        return _score(pair, rules, scores.prediction_ids or {1})
    scores.rows = [row for row in scores.rows if row.object_id in scores.truth_ids]
    scores.flicker = [row for row in scores.flicker if row.object_id in scores.truth_ids]
    return scores


def object_ids(labels: LabelMap) -> set[int]:
    """Return the ids in a label map without background and void."""
    pixels = labels.numpy().ravel()
    starts = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1  # where a run of equal ids begins
    return {int(pixels[0]), *pixels[starts].tolist()} - {0, VOID}


def _ids_of_all(pair: ClipPair) -> set[int]:
    truth: set[int] = set()
    predicted: set[int] = set()
    for i, frame in enumerate(pair.frames):
        if frame.has_truth:
            loaded = pair.load(i)
            truth |= object_ids(_truth(loaded))
            predicted |= object_ids(loaded.prediction)
    return truth or predicted or {1}


def _truth(loaded: LoadedFrame) -> LabelMap:
    if loaded.truth is None:
        raise ValueError("a frame that was said to have truth has none")
    return loaded.truth


class _InPlay:
    """Which objects count in which frame."""

    def __init__(self, pair: ClipPair, rules: Rules, fixed: set[int] | None) -> None:
        self._pair, self._rules = pair, rules
        self._fixed = fixed
        with_truth = [i for i, frame in enumerate(pair.frames) if frame.has_truth]
        self._ends = (with_truth[0], with_truth[-1]) if with_truth else (0, 0)
        self._seen: set[int] = set()
        self._known_truth: set[int] = set()

    def at(self, i: int, truth: set[int] | None, predicted: set[int]) -> tuple[set[int], bool]:
        """Return the objects that count in frame `i`, and whether a mask was given there."""
        given = self._pair.frames[i].given
        if self._rules.protocol == "davis":
            return self._at_davis(i, truth, given)
        self._seen |= predicted | (truth or set())
        counting = set(self._seen) if self._fixed is None else set(self._fixed)
        if given:
            return (counting if self._rules.score_given else set()), True
        if self._pair.first_given and truth is not None:
            new = truth - self._known_truth
            self._known_truth |= truth
            return (counting if self._rules.score_given else counting - new), bool(new)
        return counting, False

    def _at_davis(self, i: int, truth: set[int] | None, given: bool) -> tuple[set[int], bool]:
        first, last = self._ends
        if i == first and truth is not None:
            self._seen = truth
        inside = first < i < last and not given
        return (set(self._seen) if inside else set()), given or i == first


def _score(pair: ClipPair, rules: Rules, fixed: set[int] | None) -> ClipScores:
    scores = ClipScores(pair=pair)
    in_play = _InPlay(pair, rules, fixed)
    before: tuple[int, LoadedFrame, set[int]] | None = None
    for i, loaded in _frames(pair, rules):
        truth = None if loaded.truth is None else object_ids(loaded.truth)
        predicted = object_ids(loaded.prediction)
        scores.prediction_ids |= predicted
        scores.void_in |= _holding_void(loaded)
        counting, given = in_play.at(i, truth, predicted)
        if given:
            scores.given.add(i)
        if loaded.truth is not None and truth is not None:
            if not scores.truth_ids and truth:
                scores.first_is_equal = not _wrong(loaded.prediction, loaded.truth)
            scores.truth_ids |= truth
            if counting:
                scores.rows += _rows(i, loaded, sorted(counting), rules)
                shape = (loaded.truth.shape[0], loaded.truth.shape[1])
                scores.tolerances_px.add((davis_tolerance_px(shape), tight_tolerance_px(shape)))
        if before is not None and pair.ordered and _neighbours(pair, before[0], i):
            scores.flicker += _changes(before[1], loaded, sorted(before[2] & counting))
        before = (i, loaded, counting)
    return scores


def _frames(pair: ClipPair, rules: Rules) -> Iterator[tuple[int, LoadedFrame]]:
    """Yield every frame; where order means nothing, only those with truth."""
    for i, frame in enumerate(pair.frames):
        if not (frame.has_truth or pair.ordered):
            continue
        loaded = pair.load(i)
        if rules.protocol == "davis" and loaded.truth is not None:
            loaded = loaded._replace(truth=loaded.truth.masked_fill(loaded.truth == VOID, 0))
        yield i, loaded


def _neighbours(pair: ClipPair, earlier: int, later: int) -> bool:
    return pair.frames[later].number - pair.frames[earlier].number == 1


def _wrong(prediction: LabelMap, truth: LabelMap) -> bool:
    return bool(((prediction != truth) & (truth != VOID)).any())


def _holding_void(loaded: LoadedFrame) -> set[str]:
    maps = {"prediction": loaded.prediction, "truth": loaded.truth}
    return {name for name, labels in maps.items() if labels is not None and labels.max() == VOID}


def _rows(i: int, loaded: LoadedFrame, ids: list[int], rules: Rules) -> Iterable[Row]:
    truth = _truth(loaded)
    valid = valid_pixels(truth)
    pixels = int(valid.sum())
    shape = (truth.shape[0], truth.shape[1])
    tolerances = (davis_tolerance_px(shape), tight_tolerance_px(shape))
    counts = count_pixels(loaded.prediction, truth, tuple(ids))
    similarity = region_similarity(counts)
    probabilities = None if loaded.read_probabilities is None else loaded.read_probabilities()
    for k, object_id in enumerate(ids):
        predicted, true = (loaded.prediction == object_id) & valid, truth == object_id
        f, f_tight = boundary_f(predicted, true, tolerances)
        tp, fp, fn = (int(part[k]) for part in counts)
        error = error_binary = math.nan
        distance = HausdorffDistance(None, False)
        if tp + fn > 0 or rules.empty != "skip":
            distance = hd95(predicted, true, rules.spacing_mm or (1.0, 1.0), rules.worst)
            error_binary = (fp + fn) / pixels if pixels else math.nan
            if probabilities is not None:
                probability = probabilities.get(object_id, torch.zeros(shape))
                error = _number(mean_absolute_error(probability, true, valid))
        yield Row(
            frame=i,
            object_id=object_id,
            true_positive=tp,
            false_positive=fp,
            false_negative=fn,
            j=float(similarity[k]),
            f=f,
            f_tight=f_tight,
            hd95=_number(distance.distance),
            one_sided=distance.one_sided,
            mae=error,
            mae_binary=error_binary,
        )


def _changes(earlier: LoadedFrame, later: LoadedFrame, ids: list[int]) -> Iterable[FlickerRow]:
    if not ids or earlier.prediction.shape != later.prediction.shape:
        return
    if earlier.truth is None or later.truth is None:
        alone = change(earlier.prediction, later.prediction, tuple(ids))
        for object_id, moved in zip(ids, alone.tolist(), strict=True):
            yield FlickerRow(object_id, moved, math.nan)
        return
    found = flicker(
        (earlier.prediction, later.prediction), (earlier.truth, later.truth), tuple(ids)
    )
    columns = (part.tolist() for part in found)
    for object_id, moved, beyond in zip(ids, *columns, strict=True):
        yield FlickerRow(object_id, moved, beyond)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
