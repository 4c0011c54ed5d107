"""The one table of scenes: every kind of clip that can be made."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import ValidationError

from sonotrace.errors import UsageError
from sonotrace.simulate.domains import find_domain
from sonotrace.simulate.lesion.scene import lesion_scene
from sonotrace.simulate.memory import require_memory_for_pictures
from sonotrace.simulate.needle.scene import needle_scene
from sonotrace.simulate.scene import Scene
from sonotrace.simulate.spine.scene import spine_scene
from sonotrace.simulate.sweep import sweep_scene

SMALLEST = 64
"""Rows or columns; fewer are too coarse for speckle."""
LARGEST = 4096

_OF_EVERY_SCENE = {"frames", "rows", "columns"}

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
    size: int | Sequence[int] = 256,
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
        UsageError: There is no such kind, domain or choice, or the picture is too small or too
            large.
        ResourceError: The pictures would take more memory than there is.
    """
    if kind not in SCENES:
        raise UsageError(f"there is no scene {kind!r}. Give one of {', '.join(SCENES)}.")
    if seed < 0:
        raise UsageError(f"a seed of {seed}. Give 0 or a whole number above it.")
    if frames < 1:
        raise UsageError(f"a clip of {frames} frames. Give at least 1.")
    rows, columns = _rows_and_columns(size)
    found = find_domain(domain or DEFAULT_DOMAINS[kind])
    _require_choices(kind, choices)
    require_memory_for_pictures(rows, columns)
    make = SCENES[kind]
    try:
        return make(seed, found, frames=frames, rows=rows, columns=columns, **choices)
    except ValidationError as error:
        raise UsageError(
            f"{columns} x {rows} pixels in the domain {found.name} give an impossible scanner: "
            f"{_problem(error)}. Choose another size or domain."
        ) from error


def choices_of(kind: str) -> dict[str, Any]:
    """Return the types of what can be chosen of a kind of scene alone, by name."""
    make = SCENES[kind]
    hints = get_type_hints(make)
    found: dict[str, Any] = {}
    for name, parameter in inspect.signature(make).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:  # Unpack of a TypedDict
            found |= get_type_hints(get_args(hints[name])[0])
        elif parameter.kind is parameter.KEYWORD_ONLY and name not in _OF_EVERY_SCENE:
            found[name] = hints[name]
    return found


def _rows_and_columns(size: int | Sequence[int]) -> tuple[int, int]:
    """Take a size apart.

    Raises:
        UsageError: It is not one number or two, or too small or too large.
    """
    both = (size, size) if isinstance(size, int) else tuple(size)
    if len(both) != 2:
        raise UsageError(
            f"a size of {len(both)} numbers: {both}. Give rows and columns, or one number for a "
            f"square."
        )
    rows, columns = both
    if min(both) < SMALLEST or max(both) > LARGEST:
        which = "too coarse for speckle" if min(both) < SMALLEST else "more than can be made"
        raise UsageError(
            f"a picture of {columns} x {rows} pixels, which is {which}. Give {SMALLEST} to "
            f"{LARGEST} for each side."
        )
    return rows, columns


def _require_choices(kind: str, choices: Mapping[str, object]) -> None:
    """Refuse what cannot be chosen of a kind of scene.

    Raises:
        UsageError: There is no such choice, or not this value of it.
    """
    known = choices_of(kind)
    for name, value in choices.items():
        if name not in known:
            raise UsageError(
                f"{name!r} cannot be chosen of the scene {kind}. What can be: {', '.join(known)}."
            )
        if not _fits(value, known[name]):
            raise UsageError(
                f"{name}={value!r} was given for the scene {kind}. Give {_words(known[name])}."
            )


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) in {Union, UnionType}:
        return any(_fits(value, one) for one in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if hint is float:  # all of them are lengths
        return isinstance(value, int | float) and 0 < value < math.inf
    return isinstance(value, hint)


def _words(hint: Any) -> str:
    """Say what a choice can be."""
    if get_origin(hint) in {Union, UnionType}:
        return ", or ".join(_words(one) for one in get_args(hint))
    if get_origin(hint) is Literal:
        *others, last = (str(one) for one in get_args(hint))
        return f"{', '.join(others)} or {last}" if others else last
    named = {
        NoneType: "None to have it drawn",
        bool: "True or False",
        int: "a whole number",
        float: "a number above 0",
    }
    return named.get(hint, f"a {hint.__name__}")


def _problem(error: ValidationError) -> str:
    """Say in words why a scanner cannot be."""
    first = error.errors()[0]
    if first["loc"] == ("pixel_mm",):
        return f"its pixels are {first['input']:.2g} mm apart, and 0.01 to 2 mm can be made"
    what = ".".join(str(part) for part in first["loc"])
    reason = str(first.get("ctx", {}).get("error", first["msg"]))
    return f"{what}: {reason}" if what else reason
