"""What is written down about a scene, so that its clip can be made again and shown to be the same.

The fingerprint is a hash of what was drawn for the scene, its domain, the version of this package
and `SIMULATOR_VERSION`. Two clips of one fingerprint hold the same frames but for rounding, and to
the last grey level where machine and installed packages are the same and the kernels come from the
cache: those compiled a moment ago may round a pixel to the next grey level. Whether two clips are
equal in fact is told by the hash of their grey levels.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8
from pydantic import BaseModel

from sonotrace.simulate.domains import find_domain, is_held_out
from sonotrace.simulate.scene import Scene, Truth

NOTICE = "synthetic ultrasound; research use only, not a medical device"
SIMULATOR_VERSION = 2
"""Raise it whenever the same drawn scene gives other frames, masks or facts than before, by more
than rounding: the fingerprint knows what was drawn, not the code that makes pictures of it."""


def describe(scene: Scene) -> dict[str, Any]:
    """Return what `truth.json` says of the whole clip, but for its frames."""
    view = scene.scanner.view
    return {
        "notice": NOTICE,
        "scene": scene.kind,
        "class": scene.facts.get("class", scene.kind),
        "challenges": list(scene.facts.get("challenges", ())),
        "seed": scene.seed,
        "domain": scene.domain,
        "held_out": is_held_out(scene.seed, scene.domain),
        "spacing_mm": [view.pixel_mm, view.pixel_mm],
        "fps": scene.frames_per_second,
        **{key: value for key, value in scene.facts.items() if key not in {"class", "challenges"}},
        "scanner": scene.scanner.model_dump(mode="json"),
        "version": version("sonotrace"),
        "settings_sha256": fingerprint(scene),
    }


def describe_frame(scene: Scene, index: int, truth: Truth) -> dict[str, Any]:
    """Return the entry of one frame in `truth.json`."""
    return {
        "frame": index,
        "time_s": index / scene.frames_per_second,
        **truth.facts,
        "world_from_image": world_from_image(scene, index).tolist(),
    }


def hash_of_frame(grey: UInt8[np.ndarray, "H W"]) -> str:
    """Return the SHA-256 of the grey levels of one frame."""
    return hashlib.sha256(grey.tobytes()).hexdigest()


def hash_of_frames(hashes: Iterable[str]) -> str:
    """Return the SHA-256 of a clip: that of the hashes of its frames, in order."""
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def as_json(document: dict[str, Any]) -> str:
    """Return the text of `truth.json`, with each frame on a line of its own."""
    head = json.dumps(document | {"frames": []}, indent=1, allow_nan=False, default=_plain)
    rows = (json.dumps(frame, allow_nan=False, default=_plain) for frame in document["frames"])
    before, _, after = head.rpartition('"frames": []')
    return f'{before}"frames": [\n  ' + ",\n  ".join(rows) + f"\n ]{after}\n"


def world_from_image(scene: Scene, index: int) -> Float64[np.ndarray, "4 4"]:
    """Return the pose of a frame's picture: mm from the centre of its top-left pixel."""
    pose: Float64[np.ndarray, "4 4"] = scene.poses[index] @ scene.scanner.probe_from_image()
    return pose


def fingerprint(scene: Scene) -> str:
    """Return the SHA-256 of everything that was drawn for a scene, and of the versions."""
    versions = f"sonotrace {version('sonotrace')}\nsimulator {SIMULATOR_VERSION}\n"
    digest = hashlib.sha256(versions.encode())
    for part in _parts(scene, "scene"):
        digest.update(part)
    for part in _parts(find_domain(scene.domain), "domain"):
        digest.update(part)
    return digest.hexdigest()


def _parts(value: object, name: str) -> "list[bytes]":
    """Return the bytes that stand for a value, the names of what it is made of included.

    Raises:
        TypeError: It holds something that has no such bytes.
    """
    head = f"{name}:{type(value).__name__}".encode()
    if value is None or isinstance(value, bool | int | float | str):
        return [head, repr(value).encode(), b"\n"]
    if isinstance(value, np.ndarray | np.generic):
        array = np.ascontiguousarray(value)
        return [head, f"{array.dtype.str}{array.shape}".encode(), array.tobytes(), b"\n"]
    if isinstance(value, BaseModel):
        return [head, value.model_dump_json().encode(), b"\n"]
    return [head, b"{\n", *_of_members(_members(value), name), b"}\n"]


def _of_members(members: "list[tuple[str, object]]", name: str) -> "list[bytes]":
    return [part for key, item in members for part in _parts(item, f"{name}.{key}")]


def _members(value: object) -> "list[tuple[str, object]]":
    if isinstance(value, dict):
        return sorted((str(key), item) for key, item in value.items())
    if isinstance(value, tuple | list):
        return [(str(i), item) for i, item in enumerate(value)]
    if dataclasses.is_dataclass(value):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    if hasattr(value, "__dict__") and not callable(value):
        return sorted(vars(value).items())
    raise TypeError(f"a {type(value).__name__} in a scene has no bytes to take a hash of")


def _plain(value: object) -> object:
    """Turn what NumPy returns into plain numbers and lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")
