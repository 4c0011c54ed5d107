"""What is written down about a scene, so that its clip can be made again and shown to be the same.

The fingerprint is a hash of everything that decides the frames: all that was drawn for the scene,
its domain, and the version of this package. Two clips of one fingerprint hold the same frames on
one machine; between processors a grey level may differ by one.
"""

import dataclasses
import hashlib
from importlib.metadata import version
from typing import Any

import numpy as np
from jaxtyping import Float64
from pydantic import BaseModel

from sonotrace.simulate.domains import find_domain, is_held_out
from sonotrace.simulate.scene import Scene

NOTICE = "synthetic ultrasound; research use only, not a medical device"


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


def world_from_image(scene: Scene, index: int) -> Float64[np.ndarray, "4 4"]:
    """Return the pose of a frame's picture: mm from the centre of its top-left pixel."""
    pose: Float64[np.ndarray, "4 4"] = scene.poses[index] @ scene.scanner.probe_from_image()
    return pose


def fingerprint(scene: Scene) -> str:
    """Return the SHA-256 of everything that decides the frames of a scene."""
    digest = hashlib.sha256(f"sonotrace {version('sonotrace')}\n".encode())
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
