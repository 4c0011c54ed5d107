"""Which prediction belongs to which truth."""

import math
import os
import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sonotrace.data.masks import MaskTrack
from sonotrace.errors import MaskError, ReadError, UsageError
from sonotrace.io.folder import natural_key
from sonotrace.io.picture import read_labels, read_picture
from sonotrace.tasks.evaluate.inputs import MaskClip, MaskSet
from sonotrace.tasks.evaluate.rules import ClipPair, Frame, Given, LoadedFrame

Void = Literal[255] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """How to pair."""

    given: Given | None = None
    """Which masks were given; None: what the report of `track` says, else the first of every
    object of a data set, else none."""
    missing_as_empty: bool = False
    """Score truth without a prediction as if an empty mask had been predicted."""
    unordered: bool = False
    """The files are pictures and no clip, whatever their names."""
    first: int | None = None
    """Number of the first frame to look at."""
    last: int | None = None
    """Number of the last one."""
    probabilities: Path | None = None
    void: Void = None


def pair_clips(
    predictions: MaskSet, truths: MaskSet, how: Pairing
) -> tuple[list[ClipPair], list[str]]:
    """Pair clips by name and their frames by name, and say what a user should know.

    One clip on each side is one pair whatever the names.

    Raises:
        MaskError: Truth without a prediction, or names that cannot be matched.
    """
    warnings = []
    if len(predictions.clips) == len(truths.clips) == 1:
        (prediction,), (truth,) = predictions.clips.values(), truths.clips.values()
        matched: list[tuple[MaskClip | None, MaskClip]] = [(prediction, truth)]
    else:
        missing = [name for name in truths.clips if name not in predictions.clips]
        if missing and (not how.missing_as_empty or len(missing) == len(truths.clips)):
            raise MaskError(
                f"{predictions.path}: has no masks for {len(missing)} of the {len(truths.clips)} "
                f"clips of {truths.path}, such as {missing[0]!r}. Name folders alike, choose a "
                f"part of the truth with --subset, or add --missing-as-empty."
            )
        matched = [(predictions.clips.get(name), truth) for name, truth in truths.clips.items()]
        extra = [name for name in predictions.clips if name not in truths.clips]
        if extra:
            warnings.append(f"{len(extra)} clips without truth are not scored, such as {extra[0]}.")
    pairs = []
    for predicted, true in matched:
        warnings += _same_files(predictions, truths, predicted, true)
        pair, notes = _pair(predicted, true, how, data_set=truths.kind == "davis")
        pairs.append(pair)
        warnings += notes
    return pairs, warnings


def pair_tracks(
    name: str,
    prediction: MaskTrack,
    truth: MaskTrack,
    *,
    given: tuple[int, ...] = (),
    class_name: str | None = None,
) -> ClipPair:
    """Pair the label maps of two tracks of the same clip by frame number.

    Raises:
        MaskError: Their sizes differ, or a frame with truth has no prediction.
    """
    if prediction.shape != truth.shape:
        raise MaskError(
            f"{name}: predictions of {_size(prediction.shape)} pixels for truth of "
            f"{_size(truth.shape)}. Masks are never scaled; predict at the truth's size."
        )
    predicted, true = set(prediction.frames), set(truth.frames)
    missing = sorted(true - predicted)
    if missing:
        raise MaskError(
            f"{name}: no prediction for {len(missing)} of {len(truth)} frames with truth, such "
            f"as frame {missing[0]}. Predict every frame."
        )
    frames = tuple(
        Frame(number=number, name=str(number), has_truth=number in true, given=number in given)
        for number in prediction.frames
    )

    places = {number: place for place, number in enumerate(truth.frames)}

    def load(i: int) -> LoadedFrame:
        place = places.get(frames[i].number)
        return LoadedFrame(prediction.source[i], None if place is None else truth.source[place])

    return ClipPair(name=name, frames=frames, load=load, class_name=class_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The files of one frame."""

    prediction: Path | None
    truth: Path | None
    probabilities: Path | None = None


def _pair(
    predicted: MaskClip | None, true: MaskClip, how: Pairing, *, data_set: bool
) -> tuple[ClipPair, list[str]]:
    prediction = predicted or MaskClip(name=true.name, path=true.path, files={}, given=())
    prediction, true = _between(prediction, how), _between(true, how)
    if not true.files:
        raise MaskError(f"{true.path}: has no frame from {how.first} to {how.last}.")
    matches, warnings = _match(prediction, true, how)
    names = sorted({*matches.values(), *prediction.files}, key=natural_key)
    truth_of = {name: truth for truth, name in matches.items()}
    lost = [truth for truth in true.files if truth not in matches]
    numbers = None if how.unordered else _numbers([*names, *lost])
    ordered = numbers is not None and len(names) + len(lost) > 1
    keys = sorted(
        [(name, truth_of.get(name)) for name in names] + [(None, truth) for truth in lost],
        key=lambda pair: natural_key(pair[0] or str(pair[1])),
    )
    given = _given(prediction, how, data_set and ordered)
    folder = how.probabilities or prediction.probabilities
    if folder is not None and (folder / true.name).is_dir():
        folder = folder / true.name
    frames, files = [], []
    for k, (name, truth) in enumerate(keys):
        shown = name or str(truth)
        number = k if numbers is None else numbers[shown]
        frames.append(
            Frame(
                number=number,
                name=shown,
                has_truth=truth is not None,
                given=number in given.numbers or name in given.names,
            )
        )
        files.append(
            _Files(
                prediction=prediction.files[name] if name else None,
                truth=true.files[truth] if truth else None,
                probabilities=None if folder is None or truth is None else folder / shown,
            )
        )
    pair = ClipPair(
        name=true.name,
        frames=tuple(frames),
        load=partial(_load, tuple(files), how.void),
        ordered=ordered,
        first_given=given.first,
        classes=true.classes,
        class_name=true.class_name,
        group=true.group,
    )
    return pair, warnings


def _match(prediction: MaskClip, true: MaskClip, how: Pairing) -> tuple[dict[str, str], list[str]]:
    """Return the name of the prediction for every truth that has one, and warnings."""
    names, truths = list(prediction.files), list(true.files)
    if len(names) == len(truths) == 1:
        return {truths[0]: names[0]}, []
    by_number = {int(name): name for name in names if _is_number(name)}
    matches = {
        truth: name
        for truth in truths
        if (name := truth if truth in prediction.files else _same(truth, by_number)) is not None
    }
    if not matches and names and len(names) == len(truths):
        warning = (
            f"{true.name}: names do not match ({names[0]}, {truths[0]}); the {len(names)} "
            f"predictions and truths are paired in natural order."
        )
        return dict(zip(truths, names, strict=True)), [warning]
    if len(set(matches.values())) < len(matches):
        raise MaskError(f"{true.path}: two masks have the same frame number. Remove one of them.")
    missing = [truth for truth in truths if truth not in matches]
    if missing and not how.missing_as_empty:
        raise MaskError(
            f"{prediction.path}: has no prediction for {len(missing)} of the {len(truths)} masks "
            f"of {true.path}, such as {missing[0]}; the predictions are named {_range(names)}. "
            f"Give masks the names of their frames, predict every frame with truth (track "
            f"--backward goes to the frames before the mask), choose frames with --from and --to, "
            f"{_pattern_hint(true, list(matches))}or add --missing-as-empty to score them as empty."
        )
    notes = []
    if missing:
        notes.append(f"{true.name}: {len(missing)} frames without prediction count as empty.")
    return matches, notes


def _pattern_hint(true: MaskClip, matched: list[str]) -> str:
    """Name the pattern for the masks that have predictions, if it leaves out any of the others."""
    beginning = os.path.commonprefix(matched)  # noqa: RUF071 - names, not paths
    if len(matched) < 2 or not beginning or all(name.startswith(beginning) for name in true.files):
        return ""
    pattern = true.path / f"{beginning}*{true.files[matched[0]].suffix}"
    return f"name the masks of one recording by a quoted pattern such as '{pattern}', "


def _range(names: list[str]) -> str:
    """Say which names there are, the first and the last."""
    return " to ".join(dict.fromkeys([names[0], names[-1]])) if names else "nothing"


def _same(truth: str, by_number: dict[int, str]) -> str | None:
    return by_number.get(int(truth)) if _is_number(truth) else None


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _numbers(names: list[str]) -> dict[str, int] | None:
    """Return the frame number at the end of every name; None if they are no frames of a clip."""
    parts = {name: re.fullmatch(r"(.*?)([0-9]+)", name) for name in names}
    if len({part[1] for part in parts.values() if part}) > 1:
        return None
    numbers = {name: int(part[2]) for name, part in parts.items() if part}
    complete = len(numbers) == len(names) == len(set(numbers.values()))
    return numbers if complete else None


def _same_files(
    predictions: MaskSet, truths: MaskSet, predicted: MaskClip | None, true: MaskClip
) -> list[str]:
    """Warn of a comparison of files with themselves; refuse one that nobody asked for."""
    if predicted is None or predicted.path.resolve() != true.path.resolve():
        return []
    if predictions.path.resolve() == truths.path.resolve():
        return [f"{true.name}: prediction and truth are the same files."]
    raise UsageError(
        f"{predictions.path} and {truths.path}: both lead to the masks in {true.path}. Name the "
        f"folder of the predictions more closely."
    )


def _between(clip: MaskClip, how: Pairing) -> MaskClip:
    """Leave out the frames before `how.first` and after `how.last`."""
    if (how.first is None and how.last is None) or not clip.files:
        return clip
    numbers = _numbers(list(clip.files))
    if numbers is None:
        raise UsageError(f"{clip.path}: names hold no frame numbers; leave out --from and --to.")
    first, last = how.first or 0, math.inf if how.last is None else how.last
    kept = {name: file for name, file in clip.files.items() if first <= numbers[name] <= last}
    return replace(clip, files=kept)


class _Given(NamedTuple):
    """Frames whose mask was given, by number or by name, or the first one of every object."""

    numbers: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    first: bool = False


def _given(prediction: MaskClip, how: Pairing, data_set: bool) -> _Given:
    if isinstance(how.given, tuple):
        return _Given(numbers=frozenset(how.given))
    if how.given is not None:
        return _Given(first=how.given == "first")
    if prediction.given is not None:
        return _Given(names=frozenset(prediction.given))
    return _Given(first=data_set)


def _load(files: tuple[_Files, ...], void: Void, i: int) -> LoadedFrame:
    """Read the masks of one frame and require that they have one size."""
    at = files[i]
    truth = None if at.truth is None else read_labels(at.truth, void=void)
    if at.prediction is None:
        if truth is None:
            raise ValueError(f"frame {i} has neither prediction nor truth")
        return LoadedFrame(torch.zeros_like(truth), truth)
    prediction = read_labels(at.prediction, void=void)
    if truth is not None and prediction.shape != truth.shape:
        raise MaskError(
            f"{at.prediction}: {_size(prediction.shape)} pixels, but its truth {at.truth} has "
            f"{_size(truth.shape)}. Masks are never scaled; predict at the truth's size."
        )
    if at.probabilities is None:
        return LoadedFrame(prediction, truth)
    shape = (prediction.shape[0], prediction.shape[1])
    return LoadedFrame(prediction, truth, partial(_probabilities, at.probabilities, shape))


def _probabilities(stem: Path, shape: tuple[int, int]) -> dict[int, Float[Tensor, "H W"]]:
    """Read `stem`.npz as `track` writes it, or a grey picture whose 255 is 1 for object 1."""
    path = stem.with_name(f"{stem.name}.npz")
    if not path.is_file():
        path = stem.with_name(f"{stem.name}.png")
        if not path.is_file():
            raise ReadError(
                stem, "has no probabilities (.npz or .png).", "Save them for every scored frame."
            )
        picture = read_picture(path)
        found = {1: picture[0].float() / 255} if picture.shape[0] == 1 else {}
    else:
        found = _from_npz(path)
    if not found or any(tuple(one.shape) != shape for one in found.values()):
        shown = ", ".join(_size(one.shape) for one in found.values()) or "colour"
        raise MaskError(
            f"{path}: probabilities of {shown} for masks of {_size(shape)} pixels. Save "
            f"one grey map of the masks' size per object."
        )
    return found


def _from_npz(path: Path) -> dict[int, Float[Tensor, "H W"]]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            ids = [int(i) for i in stored["object_ids"]]
            maps = torch.from_numpy(stored["probabilities"]).float()
        return dict(zip(ids, maps, strict=True))
    except Exception as error:  # numpy and zipfile raise a dozen kinds for damaged files
        raise ReadError(
            path,
            f"holds no probabilities ({type(error).__name__}).",
            "Expected object_ids (O,) and probabilities (O, H, W) as track writes them.",
        ) from error


def _size(shape: tuple[int, ...]) -> str:
    """Say columns x rows, as viewers do."""
    return f"{shape[1]} x {shape[0]}"
