"""From rows of scores to one document: overall, per clip, per object and per class.

Frames of one clip are alike, clips are not: the means over pictures say how good the masks
are, the interval, which draws clips, how far that can be trusted.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float64
from torch import Tensor

from sonotrace.metrics.bootstrap import DRAWS, LEVEL, bootstrap_mean
from sonotrace.metrics.segmentation import (
    Counts,
    count_empty,
    finite_deviation,
    finite_mean,
    mean_over_pictures,
    mean_scores,
    picture_scores,
    pooled_scores,
)
from sonotrace.metrics.tracking import object_statistics
from sonotrace.tasks.evaluate.rules import Rules
from sonotrace.tasks.evaluate.score import ClipScores, Row

Document = dict[str, object]
Metrics = dict[str, float | None]
WITH_INTERVAL = ("dice_mean", "iou_mean", "j_mean", "f_mean", "jf_mean")
"""Scores of clips whose mean over clips is given with an interval."""


class _Table:
    """Rows as columns, with the picture each belongs to."""

    def __init__(self, rows: Sequence[tuple[int, Row]]) -> None:
        self.rows = [row for _, row in rows]
        places: dict[tuple[int, int], int] = {}
        picture = [places.setdefault((clip, row.frame), len(places)) for clip, row in rows]
        self.picture = torch.tensor(picture, dtype=torch.int64)
        self.counts = Counts(
            *(
                torch.tensor([getattr(row, name) for row in self.rows], dtype=torch.int64)
                for name in ("true_positive", "false_positive", "false_negative")
            )
        )

    def column(self, name: str) -> Float64[Tensor, " N"]:
        """Return one field of all rows."""
        return torch.tensor([float(getattr(row, name)) for row in self.rows], dtype=torch.float64)

    def mean(self, name: str) -> float | None:
        """Return a field averaged over the objects of each picture, then over pictures."""
        return finite_mean(mean_over_pictures(self.column(name), self.picture))


def summarise(clips: Sequence[ClipScores], rules: Rules) -> Document:
    """Return the scores of all clips as one document with the keys of `evaluate --json`.

    *_mean, mae, mae_binary, hd95   per picture, the mean of its objects; then over pictures
    *_pooled                        pixels of all pictures together
    j_*, f_*, jf_mean, flicker*     per object over its frames; then over objects of all clips
    intervals                       of the mean over clips of each clip's own score
    """
    everything = _Table([(i, row) for i, clip in enumerate(clips) for row in clip.rows])
    scores = picture_scores(everything.counts, rules.empty)
    metrics = _overlap(everything, rules)
    metrics["dice_sd"] = finite_deviation(mean_over_pictures(scores.dice, everything.picture))
    metrics |= _over_objects([_tracking(clip, i) for clip in clips for i in _objects(clip)])
    of_clips = [_clip_metrics(clip, rules) for clip in clips]
    tolerances = sorted({pair for clip in clips for pair in clip.tolerances_px})
    frames = [frame for clip in clips for frame in clip.pair.frames]
    document: Document = {
        "protocol": rules.protocol,
        "metrics": metrics,
        "classes": _classes(clips, rules),
        "clips": [_clip(*both, rules) for both in zip(clips, of_clips, strict=True)],
        "intervals": _intervals(of_clips, rules),
        "empty_policy": rules.empty,
        "hd95_unit": "px" if rules.spacing_mm is None else "mm",
        "hd95_diagonals": int(everything.column("hd95_is_diagonal").sum()),
        "f_tolerance_px": [wide for wide, _ in tolerances],
        "f_tight_tolerance_px": sorted({tight for _, tight in tolerances}),
        "n_clips": len(clips),
        "n_frames": len(frames),
        "n_truth": sum(frame.has_truth for frame in frames),
        "n_given": sum(len(clip.given) for clip in clips),
        "n_scored": sum(len(clip.scored) for clip in clips),
        "n_objects": sum(len(_objects(clip)) for clip in clips),
        "n_without_truth": sum(not frame.has_truth for frame in frames),
    }
    return document | count_empty(everything.counts, rules.empty)._asdict()


def frame_rows(clips: Sequence[ClipScores], rules: Rules) -> Iterator[dict[str, object]]:
    """Yield every row of scores with its clip, frame and class, for a table in a file."""
    unit = "px" if rules.spacing_mm is None else "mm"
    for clip in clips:
        table = _Table([(0, row) for row in clip.rows])
        overlap = [column.tolist() for column in picture_scores(table.counts, rules.empty)]
        for row, *scores in zip(clip.rows, *overlap, strict=True):
            values = dict(zip(("dice", "iou", "precision", "recall"), scores, strict=True))
            values |= {"j": row.j, "f": row.f, "f_tight": row.f_tight, f"hd95_{unit}": row.hd95}
            values |= {"mae": row.mae, "mae_binary": row.mae_binary}
            yield {
                "clip": clip.pair.name,
                "frame": clip.pair.frames[row.frame].name,
                "object": row.object_id,
                "class": clip.pair.class_of(row.object_id),
            } | {name: None if math.isnan(value) else value for name, value in values.items()}


def _overlap(table: _Table, rules: Rules) -> Metrics:
    scores = picture_scores(table.counts, rules.empty)
    found = mean_scores(scores, table.picture) | pooled_scores(table.counts, rules.empty)
    return found | {name: table.mean(name) for name in ("mae", "mae_binary", "hd95")}


def _objects(clip: ClipScores) -> list[int]:
    return sorted({row.object_id for row in clip.rows})


def _tracking(clip: ClipScores, object_id: int) -> Metrics:
    """Return J, F and flicker of one object over its frames."""
    table = _Table([(0, row) for row in clip.rows if row.object_id == object_id])
    found: Metrics = {}
    for name in ("j", "f", "f_tight"):
        statistics = object_statistics(table.column(name))
        found[f"{name}_mean"] = statistics.mean
        found[f"{name}_recall"] = statistics.recall
        found[f"{name}_decay"] = statistics.decay if clip.pair.ordered else None
    found["jf_mean"] = (_known(found["j_mean"]) + _known(found["f_mean"])) / 2
    found["f_tight"] = found.pop("f_tight_mean")
    del found["f_tight_recall"], found["f_tight_decay"]
    changes = [row for row in clip.flicker if row.object_id == object_id]
    found["flicker"] = _mean([row.beyond_truth for row in changes])
    found["flicker_prediction"] = _mean([row.prediction for row in changes])
    return found


def _over_objects(objects: Sequence[Metrics]) -> Metrics:
    """Average each measure over the objects that have it."""
    names = objects[0] if objects else {}
    return {name: _mean([_known(one[name]) for one in objects]) for name in names}


def _clip_metrics(clip: ClipScores, rules: Rules) -> Metrics:
    overlap = _overlap(_Table([(0, row) for row in clip.rows]), rules)
    return overlap | _over_objects([_tracking(clip, i) for i in _objects(clip)])


def _clip(clip: ClipScores, metrics: Metrics, rules: Rules) -> Document:
    return {
        "name": clip.pair.name,
        "group": clip.pair.group,
        "n_frames": len(clip.pair.frames),
        "n_truth": sum(frame.has_truth for frame in clip.pair.frames),
        "n_given": len(clip.given),
        "n_scored": len(clip.scored),
        "given": [clip.pair.frames[i].name for i in sorted(clip.given)],
        "metrics": metrics,
        "objects": {
            i: {"class": clip.pair.class_of(i)} | _of_object(clip, i, rules) | _tracking(clip, i)
            for i in _objects(clip)
        },
    }


def _of_object(clip: ClipScores, object_id: int, rules: Rules) -> Document:
    return _of_rows([(0, row) for row in clip.rows if row.object_id == object_id], rules)


def _of_rows(rows: Sequence[tuple[int, Row]], rules: Rules) -> Document:
    """Return the scores of rows that are counted one by one, objects of a picture too."""
    table = _Table(rows)
    scores = picture_scores(table.counts, rules.empty)
    return {
        "dice_mean": finite_mean(scores.dice),
        "dice_sd": finite_deviation(scores.dice),
        "iou_mean": finite_mean(scores.iou),
        "hd95": finite_mean(table.column("hd95")),
        "n": int((~scores.dice.isnan()).sum()),
    }


def _classes(clips: Sequence[ClipScores], rules: Rules) -> Document:
    rows: dict[str, list[tuple[int, Row]]] = defaultdict(list)
    for i, clip in enumerate(clips):
        for row in clip.rows:
            rows[clip.pair.class_of(row.object_id)].append((i, row))
    return {
        name: _of_rows(rows[name], rules) | {"interval": _class_interval(rows[name], rules)}
        for name in sorted(rows)
    }


def _class_interval(rows: Sequence[tuple[int, Row]], rules: Rules) -> Document | None:
    """Return the mean over clips of a class's Dice with its interval; None for one clip."""
    of_clips: dict[int, list[tuple[int, Row]]] = defaultdict(list)
    for clip, row in rows:
        of_clips[clip].append((clip, row))
    dices = [
        _known(finite_mean(picture_scores(_Table(some).counts, rules.empty).dice))
        for some in of_clips.values()
    ]
    interval = bootstrap_mean(torch.tensor(dices, dtype=torch.float64), seed=rules.seed)
    return None if interval is None else {"dice_mean": interval._asdict()}


def _intervals(of_clips: Sequence[Metrics], rules: Rules) -> Document | None:
    """Return the means over clips with their intervals; None for one clip or loose pictures."""
    if len(of_clips) < 2:
        return None
    found: Document = {"level": LEVEL, "draws": DRAWS, "over": "clips"}
    for name in WITH_INTERVAL:
        values = [_known(metrics.get(name)) for metrics in of_clips]
        interval = bootstrap_mean(torch.tensor(values, dtype=torch.float64), seed=rules.seed)
        found[name] = None if interval is None else interval._asdict()
    return found


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _mean(values: Sequence[float]) -> float | None:
    return finite_mean(torch.tensor(values, dtype=torch.float64))
