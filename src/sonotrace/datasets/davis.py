"""Anybody's clips with masks, in a folder laid out like DAVIS 2017 or YouTube-VOS.

What          One folder per clip; see `sonotrace.io.davis` for the layout.
Labels        The objects' ids as they are in the masks; 255 is void.
Groups        The column "patient" of attributes.csv, else every clip is a group of its own.
Known faults  Lists of published sets have shown the same patient, even the same frames, on both
              sides of a split. `list_davis` refuses a list that shares a patient with another
              one; without patients in attributes.csv nothing can be checked.
"""

from pathlib import Path

from sonotrace.errors import DataContractError
from sonotrace.io.davis import DavisClips, read_davis, subset_names


def list_davis(
    folder: Path, *, subset: str | None = None, resolution: str | None = None
) -> DavisClips:
    """List the clips of a folder, or of one of its lists, opened when asked for.

    Args:
        folder: The folder that holds JPEGImages, or the one above it.
        subset: A list such as "train" or "2017/train"; None for all clips.
        resolution: Folder between JPEGImages and the clips, where there are several.

    Raises:
        ReadError: The folder is not laid out like this.
        UsageError: `subset` or `resolution` is needed or wrong.
        DataContractError: A clip or patient of the list is also in another list of the same year.
    """
    clips = read_davis(folder, subset=subset, resolution=resolution)
    if subset is not None:
        _refuse_overlap(folder, clips, subset, resolution)
    return clips


def _refuse_overlap(folder: Path, clips: DavisClips, subset: str, resolution: str | None) -> None:
    own = {group: name for group, name in zip(clips.groups, clips.names, strict=True)}
    lists = subset_names(clips.root)
    mine = next(name for name in lists if subset in {name, name.rpartition("/")[2]})
    year = mine.rpartition("/")[0]
    for other in lists:
        if other == mine or other.rpartition("/")[0] != year or _combines(other, mine):
            continue
        theirs = read_davis(folder, subset=other, resolution=resolution)
        for group, name in zip(theirs.groups, theirs.names, strict=True):
            if group in own:
                raise DataContractError(
                    f"{folder}: {group!r} is in the lists {mine!r} (clip {own[group]!r}) and "
                    f"{other!r} (clip {name!r}). Divide by patient, so that no score comes from "
                    f"a patient who was trained on."
                )


def _combines(first: str, second: str) -> bool:
    """Say whether one list is meant to hold the other, as "trainval" holds "train"."""
    one, two = first.rpartition("/")[2], second.rpartition("/")[2]
    return one in two or two in one
