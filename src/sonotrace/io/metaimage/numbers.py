"""Numbers in the fields of a header."""

import math
from pathlib import Path

from sonotrace.errors import ReadError


def integers(
    path: Path, fields: dict[str, str], key: str, *, count: int, default: str | None = None
) -> list[int]:
    """Return the `count` whole numbers of field `key`.

    Raises:
        ReadError: It is missing without a default, or is something else.
    """
    text = _text(path, fields, key, default)
    parts = text.split()
    if len(parts) != count or not all(_is_integer(part) for part in parts):
        raise ReadError(path, f"has {key} = {text[:60]!r}.", f"Expected {count} whole numbers.")
    return [int(part) for part in parts]


def reals(
    path: Path, fields: dict[str, str], key: str, *, count: int, default: str | None = None
) -> list[float]:
    """Return the `count` finite numbers of field `key`.

    Raises:
        ReadError: It is missing without a default, or is something else.
    """
    text = _text(path, fields, key, default)
    values = finite(text)
    if values is None or len(values) != count:
        raise ReadError(path, f"has {key} = {text[:60]!r}.", f"Expected {count} numbers.")
    return values


def finite(text: str) -> list[float] | None:
    """Return the numbers in `text`; None if a part of it is no finite number."""
    try:
        values = [float(part) for part in text.split()]
    except ValueError:
        return None
    return values if all(math.isfinite(value) for value in values) else None


def _text(path: Path, fields: dict[str, str], key: str, default: str | None) -> str:
    text = fields.get(key, default)
    if text is None:
        raise ReadError(path, f"has no field {key!r}.", "It is damaged or no sequence.")
    return text


def _is_integer(part: str) -> bool:
    digits = part.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 19
