"""From rows of scores to one document: overall, per clip, per object and per class.

Frames of one clip are alike, clips are not: the means over pictures say how good the masks
are, the interval, which draws clips, how far that can be trusted.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor

from sonotrace.io.folder import natural_key
from sonotrace.metrics.bootstrap import DRAWS, LEVEL, bootstrap_mean, bootstrap_pooled
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
ERRORS = ("mae", "mae_binary", "hd95")
WITHOUT_INTERVAL = ("_sd", "_pooled")
"""Ends of the names that are no mean: deviations, and pooled scores, whose interval is another."""


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
    *_sd                            standard deviation of these over pictures
    *_pooled                        pixels of all pictures together
    j_*, f_*, jf_mean, flicker*     per object over its frames; then over objects of all clips
    classes, objects                one by one, of all clips that have the class or the id
    intervals                       of the mean over clips of each clip's own score; of a pooled
                                    score, of the pixels of the clips drawn
    """
    everything = _Table([(i, row) for i, clip in enumerate(clips) for row in clip.rows])
    tracking = [{i: _tracking(clip, i) for i in _objects(clip)} for clip in clips]
    metrics = _overlap(everything, rules)
    metrics |= _over_objects([one for objects in tracking for one in objects.values()])
    of_clips = [_clip_metrics(*both, rules) for both in zip(clips, tracking, strict=True)]
    one_sided = int(everything.column("one_sided").sum())
    tolerances = sorted({pair for clip in clips for pair in clip.tolerances_px})
    frames = [frame for clip in clips for frame in clip.pair.frames]
    document: Document = {
        "protocol": rules.protocol,
        "metrics": metrics,
        "classes": _groups(clips, tracking, rules, lambda clip, i: clip.pair.class_of(i)),
        "objects": _groups(clips, tracking, rules, lambda _, i: str(i)),
        "clips": [_clip(*all_, rules) for all_ in zip(clips, of_clips, tracking, strict=True)],
        "intervals": _intervals(clips, of_clips, rules),
        "empty_policy": rules.empty,
        "hd95_unit": "px" if rules.spacing_mm is None else "mm",
        "hd95_worst": rules.worst,
        "hd95_one_sided": one_sided,
        "hd95_diagonals": one_sided if rules.worst == "diagonal" else 0,
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
    found |= {name: table.mean(name) for name in ERRORS}
    columns = scores._asdict() | {name: table.column(name) for name in ERRORS}
    for name, values in columns.items():
        found[f"{name}_sd"] = finite_deviation(mean_over_pictures(values, table.picture))
    return found


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


def _clip_metrics(clip: ClipScores, tracking: Mapping[int, Metrics], rules: Rules) -> Metrics:
    overlap = _overlap(_Table([(0, row) for row in clip.rows]), rules)
    return overlap | _over_objects(list(tracking.values()))


def _clip(
    clip: ClipScores, metrics: Metrics, tracking: Mapping[int, Metrics], rules: Rules
) -> Document:
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
            i: {"class": clip.pair.class_of(i)}
            | _of_rows([row for row in clip.rows if row.object_id == i], rules)
            | measures
            for i, measures in tracking.items()
        },
    }


def _of_rows(rows: Sequence[Row], rules: Rules) -> Document:
    """Return the scores of rows that are counted one by one, objects of a picture too."""
    table = _Table([(0, row) for row in rows])
    scores = picture_scores(table.counts, rules.empty)
    found: Document = {}
    for name, values in scores._asdict().items():
        found[f"{name}_mean"] = finite_mean(values)
        found[f"{name}_sd"] = finite_deviation(values)
    for name in ERRORS:
        found[name] = finite_mean(table.column(name))
        found[f"{name}_sd"] = finite_deviation(table.column(name))
    return found | {"n": int((~scores.dice.isnan()).sum())}


def _groups(
    clips: Sequence[ClipScores],
    tracking: Sequence[Mapping[int, Metrics]],
    rules: Rules,
    group_of: Callable[[ClipScores, int], str],
) -> Document:
    """Return the scores of the objects of each group over all clips that have some of it."""
    rows: dict[str, dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
    measures: dict[str, dict[int, list[Metrics]]] = defaultdict(lambda: defaultdict(list))
    for i, clip in enumerate(clips):
        for object_id, found in tracking[i].items():
            name = group_of(clip, object_id)
            rows[name][i] += [row for row in clip.rows if row.object_id == object_id]
            measures[name][i].append(found)
    groups: Document = {}
    for name in sorted(rows, key=natural_key):
        of_clips = [
            _of_rows(some, rules) | _over_objects(measures[name][i])
            for i, some in rows[name].items()
        ]
        intervals = _over_clips(of_clips, rules)
        groups[name] = (
            _of_rows([row for some in rows[name].values() for row in some], rules)
            | _over_objects([one for some in measures[name].values() for one in some])
            | {"n_clips": len(of_clips), "interval": intervals if any(intervals.values()) else None}
        )
    return groups


def _intervals(
    clips: Sequence[ClipScores], of_clips: Sequence[Metrics], rules: Rules
) -> Document | None:
    """Return the means over clips with their intervals; None for one clip or loose pictures."""
    if len(of_clips) < 2:
        return None
    found: Document = {"level": LEVEL, "draws": DRAWS, "over": "clips"}
    pooled = bootstrap_pooled(_totals(clips, rules), rules.empty, seed=rules.seed)
    found |= {name: interval and interval._asdict() for name, interval in pooled.items()}
    return found | _over_clips(of_clips, rules)


def _over_clips(of_clips: Sequence[Mapping[str, Any]], rules: Rules) -> Document:
    """Return the mean over clips of every mean with its interval, None where there is none."""
    names = dict.fromkeys(name for metrics in of_clips for name in metrics)
    found: Document = {}
    for name in names:
        if name == "n" or name.endswith(WITHOUT_INTERVAL):
            continue
        values = torch.tensor([_known(m.get(name)) for m in of_clips], dtype=torch.float64)
        interval = bootstrap_mean(values, seed=rules.seed)
        found[name] = interval and interval._asdict()
    return found


def _totals(clips: Sequence[ClipScores], rules: Rules) -> Counts:
    """Return the pixels of each clip summed over what pooled scores count; clips without: none."""
    totals = []
    for clip in clips:
        counts = _Table([(0, row) for row in clip.rows]).counts
        if rules.empty == "skip":
            present = counts.true_positive + counts.false_negative > 0
            counts = Counts(*(part[present] for part in counts))
        if len(counts.true_positive):
            totals.append(torch.stack([part.sum() for part in counts]))
    return Counts(*(torch.stack(totals).T if totals else torch.zeros((3, 0), dtype=torch.int64)))


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _mean(values: Sequence[float]) -> float | None:
    return finite_mean(torch.tensor(values, dtype=torch.float64))
