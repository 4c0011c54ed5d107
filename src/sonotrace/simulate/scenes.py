"""The one table of scenes: every kind of clip that can be made."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from sonotrace.errors import UsageError
from sonotrace.simulate.domains import find_domain
from sonotrace.simulate.lesion import lesion_scene
from sonotrace.simulate.needle import needle_scene
from sonotrace.simulate.scene import Scene
from sonotrace.simulate.spine import spine_scene
from sonotrace.simulate.sweep import sweep_scene

SMALLEST = 64
"""Rows and columns; fewer are too coarse for speckle."""
LARGEST = 4096

SCENES: Mapping[str, Callable[..., Scene]] = {
    "lesion": lesion_scene,
    "needle": needle_scene,
    "spine": spine_scene,
    "sweep": sweep_scene,
}
"""All take (seed, domain, *, frames, rows, columns) and further choices of their own."""

DEFAULT_DOMAINS: Mapping[str, str] = {
    "lesion": "linear-soft",
    "needle": "linear-soft",
    "spine": "convex-deep",
    "sweep": "linear-soft",
}

CLASSES: Mapping[str, Mapping[int, str]] = {
    "lesion": {2: "lesion"},
    "needle": {1: "needle", 2: "lesion"},
    "spine": {
        1: "spinous process",
        2: "lamina",
        3: "articular or transverse process",
        4: "ligamentum flavum",
        5: "dura",
    },
    "sweep": {
        1: "cyst",
        2: "sphere",
        3: "wire",
        4: "tube or vessel",
        5: "asymmetric body",
    },
}
"""What the values of label maps mean, by kind of scene."""


def make_scene(
    kind: str,
    seed: int,
    /,
    *,
    domain: str | None = None,
    frames: int = 24,
    size: int | tuple[int, int] = 256,
    **choices: Any,
) -> Scene:
    """Draw a scene by the name of its kind; the same arguments give the same scene.

    Args:
        kind: lesion, needle, spine or sweep.
        seed: Another seed, another scene.
        domain: Name of the scanner's domain; None for the usual one of the kind.
        frames: Length of the clip.
        size: Rows and columns; one number for a square.
        choices: Further choices of that kind; see `lesion_scene` and the others.

    Raises:
        UsageError: There is no such kind or domain, or the picture is too small or too large.
    """
    if kind not in SCENES:
        raise UsageError(f"there is no scene {kind!r}. Give one of {', '.join(SCENES)}.")
    if frames < 1:
        raise UsageError(f"a clip of {frames} frames. Give at least 1.")
    rows, columns = (size, size) if isinstance(size, int) else size
    if not SMALLEST <= min(rows, columns) <= max(rows, columns) <= LARGEST:
        raise UsageError(
            f"a picture of {columns} x {rows} pixels. Give {SMALLEST} to {LARGEST} for each side; "
            f"fewer are too coarse for speckle."
        )
    found = find_domain(domain or DEFAULT_DOMAINS[kind])
    make = SCENES[kind]
    try:
        return make(seed, found, frames=frames, rows=rows, columns=columns, **choices)
    except ValidationError as error:
        first = error.errors()[0]
        what = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{columns} x {rows} pixels in the domain {found.name} give an impossible scanner: "
            f"{what}: {first['msg']}. Choose another size or domain."
        ) from error
