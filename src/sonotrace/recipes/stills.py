"""Where the clips of a run on still pictures come from, and which of them only validate."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sonotrace.config import RunConfig, StillsConfig
from sonotrace.data.sample import TrainingClip
from sonotrace.datasets import DATASETS
from sonotrace.datasets.audit import LookAlike, cases_like
from sonotrace.datasets.pictures import Case, LabelledPictures
from sonotrace.datasets.splits import may_train_on, split_by_group
from sonotrace.datasets.synthetic import SyntheticTriplets
from sonotrace.datasets.triplets import StillTriplets
from sonotrace.errors import UsageError
from sonotrace.settings import replace
from sonotrace.training.loader import DrawClip, with_slots

_SPLIT_SEED = 1
_VALIDATION_SEED = 10_000_019
"""Far from the seeds of runs, so that no run trains on the clips that validate."""
_VALIDATION_SCENES = range(99_990, 100_000)
_NAMED = 3
"""Number of pictures that the log names of those that are left out."""


class ClipsOfRun(NamedTuple):
    """What a run trains on and what it is validated on."""

    draw: DrawClip
    validation: dict[str, list[TrainingClip]]
    """By source; the mean over the sources decides which weights are kept."""
    left_out: str = "not looked for"
    """What was left out because it looks like a held-out picture, in words."""


class Division(NamedTuple):
    """Pictures to train on and to validate on, by data set, and what is neither."""

    training: dict[str, LabelledPictures]
    validation: dict[str, LabelledPictures]
    left_out: str
    """The pictures that look like held-out ones, in words."""


def still_clips(config: StillsConfig, run: RunConfig, root: Path) -> ClipsOfRun:
    """Read the pictures below `root` and return clips made of them and synthetic ones.

    Held-out cases and what looks like them are left out, and the former refused should they get
    through; a part of the other groups is kept for validation.
    """
    training, validation, left_out = divide_pictures(config, root)
    shares = [config.weights[name] for name in training]
    settings = config.triplets
    stills = StillTriplets(list(training.values()), settings, weights=shares, seed=run.seed)
    longer = replace(settings, frames=config.validation_frames, max_objects=1)
    sources: dict[str, DrawClip] = {
        name: StillTriplets([some], longer, seed=_VALIDATION_SEED).__getitem__
        for name, some in validation.items()
    }
    draw: DrawClip = stills.__getitem__
    if config.synthetic_scenes:
        scenes = _speckle(config, range(config.synthetic_scenes), run.seed)
        speckle = cropped(scenes, config.triplets.size, run.seed)
        draw = mixed(
            [draw, speckle], [1 - config.synthetic_share, config.synthetic_share], run.seed
        )
        sources["synthetic"] = _speckle(config, _VALIDATION_SCENES, _VALIDATION_SEED)
    each = max(1, config.validation_clips // len(sources))
    kept = {name: first_clips(source, each) for name, source in sources.items()}
    draw = fewer_objects(draw, config.single_share, run.loop.batch_size, run.seed)
    return ClipsOfRun(draw, kept, left_out)


def _speckle(config: StillsConfig, seeds: range, seed: int) -> DrawClip:
    settings = config.triplets
    return SyntheticTriplets(
        seeds,
        size=config.synthetic_size,
        frames=settings.frames,
        max_objects=settings.max_objects,
        seed=seed,
    ).__getitem__


def divide_pictures(config: StillsConfig, root: Path) -> Division:
    """Divide the pictures below `root`, after comparing all of them with the held-out ones there.

    A picture that looks like a held-out one is left out with its whole group.

    Raises:
        UsageError: A data set is not known.
        ReadError: A data set below `root` cannot be read.
    """
    for name in config.weights:
        if name not in DATASETS:
            raise UsageError(f"there is no data set {name!r}. There is: {', '.join(DATASETS)}.")
    listed = {
        name: row.list(root / row.folder)
        for name, row in DATASETS.items()
        if name in config.weights or (root / row.folder).is_dir()
    }
    every = [case for pictures in listed.values() for case in pictures.cases]
    kept_away = [case for case in every if not may_train_on(case)]
    allowed = {name: listed[name].where(may_train_on) for name in config.weights}
    wanted = [case for pictures in allowed.values() for case in pictures.cases]
    found = cases_like(wanted, kept_away)
    groups = {case.group for case in kept_away} | {one.case.group for one in found}
    training: dict[str, LabelledPictures] = {}
    validation: dict[str, LabelledPictures] = {}
    for name, pictures in allowed.items():
        cases = [case for case in pictures.cases if case.group not in groups]
        rest, taken = split_by_group(cases, config.validation_fraction, _SPLIT_SEED)
        training[name], validation[name] = LabelledPictures(rest), LabelledPictures(taken)
    return Division(training, validation, _in_words(found, wanted))


def _in_words(found: Sequence[LookAlike], wanted: Sequence[Case]) -> str:
    """Return how many pictures are left out, with the first names, for the log."""
    if not found:
        return f"none of {len(wanted)}"
    groups = {one.case.group for one in found}
    count = sum(case.group in groups for case in wanted)
    names = [f"{one.case.id} (like {one.other.id})" for one in found[:_NAMED]]
    more = ", ..." if count > len(names) else ""
    return f"{count} of {len(wanted)}: {', '.join(names)}{more}"


def first_clips(draw: DrawClip, count: int) -> list[TrainingClip]:
    """Return clips 0 to `count` - 1, kept in memory."""
    return [draw(number) for number in range(count)]


def mixed(draws: Sequence[DrawClip], shares: Sequence[float], seed: int) -> DrawClip:
    """Return clips drawn from several sources by their shares, the same for the same number."""
    chances = np.asarray(shares) / np.sum(shares)

    def draw(number: int) -> TrainingClip:
        random = np.random.default_rng([seed, number, 1])
        return draws[int(random.choice(len(draws), p=chances))](number)

    return draw


def cropped(draw: DrawClip, size: int, seed: int) -> DrawClip:
    """Return clips cut to squares that hold some pixel of a target in the first frame."""

    def crop(number: int) -> TrainingClip:
        random = np.random.default_rng([seed, number, 3])
        clip = draw(number)
        inside = clip.masks[0].amax(0).nonzero()
        pixel = inside[int(random.integers(len(inside)))].tolist()
        row, column = (
            int(random.integers(max(0, at - size + 1), min(at, length - size) + 1))
            for at, length in zip(pixel, clip.frames.shape[-2:], strict=True)
        )
        window = (..., slice(row, row + size), slice(column, column + size))
        return TrainingClip(clip.frames[window], clip.masks[window], clip.present)

    return crop


def fewer_objects(draw: DrawClip, share: float, batch_size: int, seed: int) -> DrawClip:
    """Return clips of which a share of the whole batches keeps one object each."""

    def fewer(number: int) -> TrainingClip:
        random = np.random.default_rng([seed, number // batch_size, 2])
        clip = draw(number)
        return with_slots(clip, 1) if random.random() < share else clip

    return fewer
