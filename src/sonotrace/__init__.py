"""sonotrace: deep learning on ultrasound video. Research use only, not a medical device.

The names below are loaded when they are first used, so that `import sonotrace` and
`sonotrace --help` stay quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sonotrace.data.clip import Clip as Clip
    from sonotrace.data.masks import MaskTrack as MaskTrack
    from sonotrace.data.sweep import Sweep as Sweep
    from sonotrace.data.volume import Volume as Volume
    from sonotrace.io import open_clip as open_clip
    from sonotrace.io import open_masks as open_masks
    from sonotrace.io import open_sweep as open_sweep
    from sonotrace.models.weights import load_model as load_model
    from sonotrace.tasks.track import Tracker as Tracker

__version__ = "0.1.0"

_HOMES = {
    "Clip": "sonotrace.data.clip",
    "MaskTrack": "sonotrace.data.masks",
    "Sweep": "sonotrace.data.sweep",
    "Tracker": "sonotrace.tasks.track",
    "Volume": "sonotrace.data.volume",
    "load_model": "sonotrace.models.weights",
    "open_clip": "sonotrace.io",
    "open_masks": "sonotrace.io",
    "open_sweep": "sonotrace.io",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - the table above is the list


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'sonotrace' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
