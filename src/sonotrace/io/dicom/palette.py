"""Palettes of DICOM pictures (PALETTE COLOR), plain and in segments.

Source: DICOM PS3.3, sections C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9.
"""

import numpy as np

from sonotrace.errors import ReadError
from sonotrace.io.dicom.header import EXPORT_AGAIN, Header, numbers, value

MAX_ENTRIES = 2**16
"""Entries of a palette per colour; segments that unfold to more are refused."""

_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


def read_palette(header: Header) -> tuple[np.ndarray, list[str]]:
    """Return the colours (256, 3) uint8 of the stored values 0 to 255, with warnings.

    Of entries of 16 bits the upper 8 are taken; entries that never exceed 255 are 8-bit
    colours in 16-bit places and are taken as they are. Stored values below the first entry
    get the first, those beyond the last get the last.

    Raises:
        ReadError: The palette is missing, damaged, or unfolds to more than it may.
    """
    try:
        columns = [_column(header, colour) for colour in ("Red", "Green", "Blue")]
    except (ValueError, IndexError) as error:
        problem = f"has a palette that is missing or damaged: {error}."
        raise ReadError(header.path, problem, EXPORT_AGAIN) from None
    colours = np.stack([entries for entries, _ in columns], axis=1)  # (256, 3)
    if not any(wide for _, wide in columns):
        return colours.astype(np.uint8), []
    if colours.max() <= 255:
        return colours.astype(np.uint8), ["its palette has 8-bit colours in 16-bit places."]
    return (colours >> 8).astype(np.uint8), []


def _column(header: Header, colour: str) -> tuple[np.ndarray, bool]:
    """Return one colour (256,) of all stored values, and whether its entries have 16 bits."""
    descriptor = numbers(header.values, f"{colour}PaletteColorLookupTableDescriptor")
    if len(descriptor) != 3 or descriptor[2] not in {8, 16}:
        raise ValueError("its size is not stated")
    count, first, wide = int(descriptor[0]) or MAX_ENTRIES, int(descriptor[1]), descriptor[2] == 16
    plain = value(header.values, f"{colour}PaletteColorLookupTableData")
    segments = value(header.values, f"Segmented{colour}PaletteColorLookupTableData")
    if isinstance(plain, bytes):
        wide = len(plain) >= 2 * count
        entries = _items(plain, wide, header.little_endian)
    elif isinstance(segments, bytes):
        entries = np.array(_unfolded(_items(segments, wide, header.little_endian), wide))
    else:
        raise ValueError("it has no colours")
    if not 0 < count <= len(entries):
        raise ValueError(f"{len(entries)} entries of {count}")
    places = (np.arange(256) - first).clip(0, count - 1)
    return entries[places].astype(np.int64), wide


def _items(data: bytes, wide: bool, little_endian: bool) -> np.ndarray:
    data = data[: len(data) // 2 * 2]
    words = np.frombuffer(data, dtype="<u2" if little_endian else ">u2")
    return words if wide else words.astype("<u2").view(np.uint8)


def _unfolded(items: np.ndarray, wide: bool) -> list[int]:
    """Return the entries that the segments describe, at most `MAX_ENTRIES`."""
    listed = items.tolist()
    entries: list[int] = []
    place = 0
    while place + 2 < len(listed):
        kind, length = listed[place], listed[place + 1]
        if kind == _INDIRECT:
            inner = _target(listed, place, wide)
            for _ in range(length):
                inner = _append_segment(entries, listed, inner)
            place += 4 if wide else 6
        else:
            place = _append_segment(entries, listed, place)
    return entries


def _append_segment(entries: list[int], items: list[int], place: int) -> int:
    """Append what the segment at `place` describes; return the place of the next."""
    kind, length = items[place], items[place + 1]
    if len(entries) + length > MAX_ENTRIES:
        raise ValueError("its segments unfold to too many entries")
    if kind == _DISCRETE:
        found = items[place + 2 : place + 2 + length]
        if len(found) < length:
            raise ValueError("a segment is cut short")
        entries.extend(found)
        return place + 2 + length
    if kind != _LINEAR or not entries or not length:
        raise ValueError("a segment of an impossible kind")
    begin, end = entries[-1], items[place + 2]
    entries.extend(begin + round((end - begin) * i / length) for i in range(1, length + 1))
    return place + 3


def _target(items: list[int], place: int, wide: bool) -> int:
    """Return the place that an indirect segment points to; the file counts it in bytes."""
    parts = items[place + 2 : place + (4 if wide else 6)]
    offset = sum(part << (i * (16 if wide else 8)) for i, part in enumerate(parts))
    return offset // 2 if wide else offset
