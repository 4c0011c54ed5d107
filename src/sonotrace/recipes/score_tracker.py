"""What a tracker is worth on clips that no training has seen, beside two ways of not trying.

Three kinds of held-out sets: successive frames of a muscle recording, followed as a clip from the
first mask; single frames of another recording, each found from one labelled frame of it (their
order is not that of time, so each is asked for by itself); and simulated clips with exact truth,
by the scanners that training knows and by those that it never saw. Every score is given for the
trained weights, for untrained ones, and for copying the first mask.

This is for results: nothing may be chosen by it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor, nn

from sonotrace.datasets import DATASETS
from sonotrace.datasets.frozen import held_out_domains, require_frozen
from sonotrace.datasets.muscle import CLIP, ONE_SHOT
from sonotrace.datasets.synthetic import TARGETS, Kind, SyntheticClips
from sonotrace.metrics.bootstrap import bootstrap_mean
from sonotrace.metrics.boundary import boundary_f, davis_tolerance_px, tight_tolerance_px
from sonotrace.metrics.segmentation import count_pixels, picture_scores
from sonotrace.models import build_model
from sonotrace.settings import Settings, replace
from sonotrace.simulate.domains import HELD_OUT_FROM
from sonotrace.tasks.track import Tracker, TrackerSettings
from sonotrace.tasks.track.memory import trained_size
from sonotrace.tasks.track.objects import ids_in
from sonotrace.types import Frame, LabelMap

MEASURES = ("dice", "iou", "f", "f_tight")
"""As `evaluate` calls them; f: outlines within 0.008 of the diagonal, f_tight: within 2 pixels."""

Follow = Callable[[Sequence[Frame], LabelMap], list[LabelMap]]
"""Given frames and the mask of the first, returns label maps of the others."""


class ScoreSettings(Settings):
    """What is scored, and how it is tracked."""

    synthetic_clips: int = 20
    """Simulated clips of each kind by known scanners, and as many by others."""
    synthetic_frames: int = 24
    kinds: tuple[Kind, ...] = ("lesion", "needle")
    tracker: TrackerSettings = TrackerSettings()
    """As `track` has them: large frames are shrunk for the network alone, to the size that the
    weights were trained for; scores are of the full size."""


class LabelledFrames(NamedTuple):
    """Frames, and a label map for each."""

    names: tuple[str, ...]
    frames: tuple[Frame, ...]
    labels: tuple[LabelMap, ...]


def score_tracker(network: nn.Module, data: Path, settings: ScoreSettings) -> dict[str, Any]:
    """Score weights on all held-out sets.

    Args:
        network: The trained one; an untrained one of the same configuration is made.
        data: The folder that holds `muscle_dltrack`.
        settings: What to score.

    Returns:
        By set, then by method ("trained", "untrained", "copy_first_mask"): for muscle sets the
        mean and every frame, for simulated clips means of clips with 95 % intervals, and of the
        differences between trained weights and copying on the same clips.

    Raises:
        ReadError: A data set is not there.
        DataContractError: The held-out domains are not those that were frozen.
    """
    require_frozen()
    methods = make_methods(network, settings)
    clip, single = held_out_muscle(data)
    pairs = [_pick(single, (0, i)) for i in range(1, len(single.names))]
    sets: dict[str, Any] = {
        "muscle_clip": {name: _by_frame(follow, [clip]) for name, follow in methods.items()},
        "muscle_one_shot": {name: _by_frame(follow, pairs) for name, follow in methods.items()},
    }
    seeds = range(HELD_OUT_FROM, HELD_OUT_FROM + settings.synthetic_clips)
    others = tuple(domain.name for domain in held_out_domains())
    for kind in settings.kinds:
        for name, domains in ((f"synthetic_{kind}", None), (f"other_scanners_{kind}", others)):
            clips = SyntheticClips(kind, seeds, domains=domains, frames=settings.synthetic_frames)
            sets[name] = _by_clip(methods, clips)
    return sets


def make_methods(network: nn.Module, settings: ScoreSettings) -> dict[str, Follow]:
    """Return the trained network, the same one untrained, and copying, as ways to follow."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        untrained = build_model(network.config).eval()  # type: ignore[arg-type]  # Settings
    tracker = settings_for(network, settings.tracker)
    return {
        "trained": _tracked_by(network.eval(), tracker),
        "untrained": _tracked_by(untrained, tracker),
        "copy_first_mask": lambda frames, mask: [mask] * (len(frames) - 1),
    }


def settings_for(network: nn.Module, settings: TrackerSettings) -> TrackerSettings:
    """Spell out the size that the weights ask for, so that untrained ones get the same."""
    return replace(settings, longest_side=settings.longest_side or trained_size(network))


def held_out_muscle(data: Path) -> tuple[LabelledFrames, LabelledFrames]:
    """Return the held-out muscle recording, and the frames of the other one in no order."""
    row = DATASETS["muscle"]
    cases = {case.id: case for case in row.list(data / row.folder).cases}
    sets = []
    for names in (CLIP, ONE_SHOT[:9]):
        samples = [cases[f"muscle/{name}"].read() for name in names]
        images = tuple(sample.image for sample in samples)
        sets.append(LabelledFrames(names, images, tuple(sample.labels for sample in samples)))
    return sets[0], sets[1]


def score_frames(follow: Follow, clip: LabelledFrames) -> dict[str, list[float]]:
    """Return the measures of every frame after the first, whose mask is given."""
    predicted = follow(clip.frames, clip.labels[0])
    ids = ids_in(clip.labels[0], 0)
    pairs = zip(clip.names[1:], predicted, clip.labels[1:], strict=True)
    return {name: _measure(found, truth, ids) for name, found, truth in pairs}


def _measure(found: LabelMap, truth: LabelMap, ids: tuple[int, ...]) -> list[float]:
    """Return the means over objects, in the order of `MEASURES`."""
    overlap = picture_scores(count_pixels(found, truth, ids))
    shape = (truth.shape[0], truth.shape[1])
    tolerances = (davis_tolerance_px(shape), tight_tolerance_px(shape))
    outlines = torch.tensor([boundary_f(found == i, truth == i, tolerances) for i in ids])
    return [float(overlap.dice.mean()), float(overlap.iou.mean()), *outlines.mean(0).tolist()]


def _by_frame(follow: Follow, clips: Sequence[LabelledFrames]) -> dict[str, Any]:
    frames: dict[str, list[float]] = {}
    for clip in clips:
        frames |= score_frames(follow, clip)
    means = torch.tensor(list(frames.values()), dtype=torch.float64).mean(0).tolist()
    named = {name: dict(zip(MEASURES, values, strict=True)) for name, values in frames.items()}
    return {"mean": dict(zip(MEASURES, means, strict=True)), "frames": named}


def _by_clip(methods: dict[str, Follow], clips: SyntheticClips) -> dict[str, Any]:
    each: dict[str, list[Tensor]] = {name: [] for name in methods}
    for i in range(len(clips)):
        clip = simulated(clips, i)
        for name, follow in methods.items():
            scores = torch.tensor(list(score_frames(follow, clip).values()), dtype=torch.float64)
            each[name].append(scores.mean(0))
    return with_differences({name: torch.stack(values) for name, values in each.items()})


def with_differences(of_clips: dict[str, Float64[Tensor, "N M"]]) -> dict[str, Any]:
    """Return means over clips with intervals, and what training gains on the same clips.

    Two intervals may overlap although one way is better on nearly every clip: clips differ more
    than ways do. The interval of the difference, clip by clip, tells.

    Args:
        of_clips: By method, the `MEASURES` of every clip; has "trained" and "copy_first_mask".
    """
    gained = {"trained_minus_copy": of_clips["trained"] - of_clips["copy_first_mask"]}
    return {name: _with_intervals(values) for name, values in (of_clips | gained).items()}


def _with_intervals(values: Tensor) -> dict[str, Any]:
    intervals = [bootstrap_mean(column) for column in values.unbind(1)]
    return {
        measure: None if interval is None else interval._asdict()
        for measure, interval in zip(MEASURES, intervals, strict=True)
    }


def simulated(clips: SyntheticClips, index: int) -> LabelledFrames:
    """Return a clip with the one object that its kind is named after."""
    sample, target = clips[index], TARGETS[clips.kind]
    names = tuple(str(t) for t in range(len(sample.clip)))
    labels = tuple(torch.where(each == target, each, 0) for _, each in sample.masks)
    return LabelledFrames(names, tuple(sample.clip), labels)


def _pick(one: LabelledFrames, positions: Sequence[int]) -> LabelledFrames:
    return LabelledFrames(
        tuple(one.names[i] for i in positions),
        tuple(one.frames[i] for i in positions),
        tuple(one.labels[i] for i in positions),
    )


def _tracked_by(network: nn.Module, settings: TrackerSettings) -> Follow:
    tracker = Tracker(network, settings=settings)  # type: ignore[arg-type]  # has its methods

    def follow(frames: Sequence[Frame], mask: LabelMap) -> list[LabelMap]:
        tracker.reset()
        found = []
        for t, frame in enumerate(frames):
            result = tracker.step(frame, mask if t == 0 else None)
            if result is None:
                raise ValueError("networks that look ahead are not scored here")
            if t:
                found.append(result.labels)
        return found

    return follow
