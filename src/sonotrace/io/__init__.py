"""Files in, nouns out; nouns in, files out. One format per module, `READERS` the one table.

The names below are loaded when they are first used: training, which reads plain pictures,
then needs no package for videos or DICOM.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sonotrace.io.area import find_picture_area as find_picture_area
    from sonotrace.io.davis import read_davis as read_davis
    from sonotrace.io.davis import write_davis as write_davis
    from sonotrace.io.masks import open_masks as open_masks
    from sonotrace.io.metaimage import read_sequence as read_sequence
    from sonotrace.io.metaimage import write_sequence as write_sequence
    from sonotrace.io.picture import read_labels as read_labels
    from sonotrace.io.picture import read_picture as read_picture
    from sonotrace.io.picture import write_labels as write_labels
    from sonotrace.io.picture import write_picture as write_picture
    from sonotrace.io.readers import READERS as READERS
    from sonotrace.io.readers import open_clip as open_clip
    from sonotrace.io.readers import open_sweep as open_sweep
    from sonotrace.io.video import write_video as write_video

_HOMES = {
    "READERS": "sonotrace.io.readers",
    "find_picture_area": "sonotrace.io.area",
    "open_clip": "sonotrace.io.readers",
    "open_masks": "sonotrace.io.masks",
    "open_sweep": "sonotrace.io.readers",
    "read_davis": "sonotrace.io.davis",
    "read_labels": "sonotrace.io.picture",
    "read_picture": "sonotrace.io.picture",
    "read_sequence": "sonotrace.io.metaimage",
    "write_davis": "sonotrace.io.davis",
    "write_labels": "sonotrace.io.picture",
    "write_picture": "sonotrace.io.picture",
    "write_sequence": "sonotrace.io.metaimage",
    "write_video": "sonotrace.io.video",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - the table above is the list


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'sonotrace.io' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
