"""Transforms, their status and the clock, out of the fields of a sequence."""

from pathlib import Path

import numpy as np
import torch

from sonotrace.data.sweep import TransformTrack
from sonotrace.errors import DataContractError, ReadError
from sonotrace.geometry.rigid import is_rigid
from sonotrace.io.metaimage.header import Header
from sonotrace.io.metaimage.numbers import finite
from sonotrace.types import Pose, Poses, Times

EXPLICIT_POSES = ("ImageToWorld", "ImageToReference", "ImageToTracker")
"""Transforms that are poses of the picture as they stand, the first one present is taken."""

_SUFFIX = "Transform"


def transform_tracks(header: Header) -> tuple[tuple[TransformTrack, ...], list[str]]:
    """Return the transforms of every frame, and what a user should know about them.

    Raises:
        DataContractError: A transform is given for some frames only.
        ReadError: One is not 16 finite numbers.
    """
    tracks, notes = [], []
    for field in header.frame_fields:
        if not field.endswith(_SUFFIX) or field == _SUFFIX:
            continue
        name = field.removesuffix(_SUFFIX)
        matrices = _matrices(header, field)
        valid = _valid(header, f"{field}Status")
        if valid is None:
            notes.append(f"{name} has no status; all its matrices are taken as valid.")
            valid = (True,) * len(matrices)
        elif not all(valid):
            bad = valid.count(False)
            notes.append(f"{name} is INVALID in {bad} of {len(valid)} frames.")
        vouched = matrices[torch.tensor(valid)]
        tracks.append(
            TransformTrack(
                name=name, matrices=matrices, valid=valid, holds_scale=_holds_scale(vouched)
            )
        )
        if tracks[-1].holds_scale:
            notes.append(_scale_note(name, vouched[0]))
    return tuple(tracks), notes


def constant_transforms(header: Header) -> tuple[dict[str, list[list[float]]], list[str]]:
    """Return the transforms of the whole sequence, and those that could not be read."""
    found: dict[str, list[list[float]]] = {}
    notes = []
    for field, text in header.fields.items():
        if not field.endswith(_SUFFIX) or field == _SUFFIX:
            continue
        values = finite(text)
        if values is None or len(values) != 16:
            notes.append(f"{field} is not 16 numbers and was left out.")
            continue
        name = field.removesuffix(_SUFFIX)
        found[name] = [values[i : i + 4] for i in range(0, 16, 4)]
        matrix = torch.tensor(found[name], dtype=torch.float64)
        if _holds_scale(matrix[None]):
            notes.append(_scale_note(name, matrix))
    return found, notes


def explicit_poses(tracks: tuple[TransformTrack, ...]) -> tuple[Poses | None, list[str]]:
    """Return the poses of the pictures where a transform states them without any guess.

    Only a rigid, always valid `EXPLICIT_POSES` counts. From ProbeToTracker and the like poses
    follow only with a calibration, and which one holds is the user's knowledge.
    """
    named = {track.name: track for track in tracks}
    for name in EXPLICIT_POSES:
        track = named.get(name)
        if track is None:
            continue
        if not all(track.valid):
            return None, [f"{name} is not valid in all frames, so there are no poses."]
        if track.holds_scale:
            return None, [f"{name} is no rigid pose, so there are no poses."]
        if not bool(is_rigid(track.matrices).all()):
            return None, [f"{name} is not rigid in all frames, so there are no poses."]
        return track.matrices, []
    return None, []


def times(header: Header) -> tuple[Times | None, str, list[str]]:
    """Return seconds since the first frame, the first timestamp as written, and notes.

    Raises:
        DataContractError: Some frames have a Timestamp and others have none.
        ReadError: A Timestamp is no number.
    """
    texts = _every_frame(header, "Timestamp")
    if texts is None:
        return None, "", ["there are no timestamps."] if header.layout.frames > 1 else []
    values = finite(" ".join(texts))
    if values is None or len(values) != len(texts):
        bad = next(i for i, text in enumerate(texts) if len(finite(text) or ()) != 1)
        raise ReadError(
            header.path,
            f"has the Timestamp {texts[bad][:40]!r} in frame {bad}.",
            "Expected seconds; export it again.",
        )
    stamps = torch.tensor(values, dtype=torch.float64)
    back = (stamps.diff() <= 0).nonzero()
    notes = []
    if len(back):
        notes.append(f"the timestamps do not go up after frame {int(back[0])}.")
    return stamps - stamps[0], texts[0], notes


def valid_pictures(header: Header) -> tuple[bool, ...] | None:
    """Return whether the status of each picture is OK or absent; None if no frame has one."""
    texts = header.frame_fields.get("ImageStatus")
    if not texts:
        return None
    return tuple(texts.get(frame, "OK") == "OK" for frame in range(header.layout.frames))


def _matrices(header: Header, field: str) -> Poses:
    texts = _every_frame(header, field) or []
    parts = [text.split() for text in texts]
    for frame, numbers in enumerate(parts):
        if len(numbers) != 16:
            raise _no_matrix(header.path, field, frame, texts[frame])
    try:
        values = np.array(parts, dtype=np.float64)
    except ValueError:
        values = np.array([np.nan])
    if not np.isfinite(values).all():
        bad = next(i for i, text in enumerate(texts) if finite(text) is None)
        raise _no_matrix(header.path, field, bad, texts[bad])
    return torch.from_numpy(values.reshape(-1, 4, 4))


def _valid(header: Header, field: str) -> tuple[bool, ...] | None:
    texts = _every_frame(header, field)
    return None if texts is None else tuple(text == "OK" for text in texts)


def _every_frame(header: Header, field: str) -> list[str] | None:
    """Return the field of every frame in order; None if no frame has it."""
    values = header.frame_fields.get(field)
    if not values:
        return None
    frames = header.layout.frames
    if len(values) != frames:
        missing = next(frame for frame in range(frames) if frame not in values)
        raise DataContractError(
            f"{header.path}: {field} is given for {len(values)} of {frames} frames; the first "
            f"without is {missing}. Write it for every frame, with the status INVALID where it "
            f"is not known."
        )
    return [values[frame] for frame in range(frames)]


def _holds_scale(matrices: Poses) -> bool:
    """Say whether an axis has another length than 1 in a matrix that the tracker vouched for."""
    return bool(((matrices[:, :3, :3].norm(dim=1) - 1).abs() > 1e-3).any())


def _scale_note(name: str, matrix: Pose) -> str:
    """Say what a matrix multiplies lengths by; those of pictures start from pixels."""
    x, y = matrix[:3, :3].norm(dim=0).tolist()[:2]
    if name.startswith("ImageTo"):
        return (
            f"{name} holds the pixel scale, {y:.5g} x {x:.5g} mm per pixel (row x column); it is "
            f"kept as written."
        )
    return f"{name} scales by {x:.5g} and {y:.5g} along x and y; it is kept as written."


def _no_matrix(path: Path, field: str, frame: int, text: str) -> ReadError:
    return ReadError(
        path,
        f"has {field} = {text[:60]!r} in frame {frame}.",
        "Expected the 16 numbers of a 4x4 matrix, row by row; export it again.",
    )
