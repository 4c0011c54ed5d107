"""Where the clips, masks and lists of a DAVIS or YouTube-VOS folder lie."""

import os
from dataclasses import dataclass
from pathlib import Path

from sonotrace.errors import ReadError, UsageError
from sonotrace.io.folder import natural_key
from sonotrace.io.picture import SUFFIXES

IMAGES = "JPEGImages"
MASKS = "Annotations"
SETS = "ImageSets"
FRAMES = "Frames"
ATTRIBUTES = "attributes.csv"
META = "meta.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The folders of one data set."""

    root: Path
    """The folder that holds JPEGImages, after any nesting."""
    resolution: str | None
    """Name of the folder between JPEGImages and the clips; None in the layout of YouTube-VOS."""

    @property
    def images(self) -> Path:
        """Return the folder of the clips."""
        return self.root / IMAGES / (self.resolution or "")

    def masks_of(self, clip: str) -> Path | None:
        """Return the folder of a clip's masks; None if it has none."""
        for parent in (self.resolution or "", ""):
            folder = self.root / MASKS / parent / clip
            if folder.is_dir():
                return folder
        return None


def looks_like_davis(root: Path) -> bool:
    """Say whether the folder holds JPEGImages, itself or one folder deeper."""
    return root.is_dir() and bool(_roots(root))


def find_layout(root: Path, resolution: str | None) -> Layout:
    """Find the folders of a data set.

    Raises:
        ReadError: There is no JPEGImages, or clips and resolutions are mixed in it.
        UsageError: There are several data sets or resolutions, or not the one asked for.
    """
    if not root.is_dir():
        raise ReadError(root, "is no folder.", "Give the folder that holds JPEGImages.")
    roots = _roots(root)
    if not roots:
        raise ReadError(root, f"holds no folder {IMAGES}.", "Give the folder that does.")
    if len(roots) > 1:
        names = ", ".join(found.name for found in roots)
        raise UsageError(f"{root}: holds several data sets: {names}. Give one of these folders.")
    return _with_resolution(roots[0], resolution)


def subfolders(folder: Path) -> list[str]:
    """Return the names of the folders in `folder` in natural order, hidden ones left out."""
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if not e.name.startswith(".") and e.is_dir()]
    except OSError as error:
        raise ReadError(folder, f"cannot be listed: {error.strerror}.", "Check it.") from error
    return sorted(names, key=natural_key)


def require_plain_name(path: Path, name: str) -> str:
    """Return `name` if it names something directly in a folder, never elsewhere.

    Raises:
        ReadError: It is empty, hidden, or a path; `path` is the file that gives the name.
    """
    if not is_plain_name(name):
        raise ReadError(
            path,
            f"names the clip {name[:60]!r}.",
            "A clip's name is that of a folder, without slashes and no leading dot.",
        )
    return name


def is_plain_name(name: str) -> bool:
    """Say whether `name` can be the name of a clip or frame on any file system."""
    return (
        bool(name)
        and name == name.strip()
        and not name.startswith(".")
        and not any(character in '/\\:*?"<>|' or ord(character) < 32 for character in name)
        and len(name.encode(errors="replace")) <= 200
    )


def _roots(root: Path) -> list[Path]:
    if (root / IMAGES).is_dir():
        return [root]
    return [root / name for name in subfolders(root) if (root / name / IMAGES).is_dir()]


def _with_resolution(root: Path, asked: str | None) -> Layout:
    images = root / IMAGES
    clips: list[str] = []
    resolutions: list[str] = []
    for name in subfolders(images):
        (clips if _holds_pictures(images / name) else resolutions).append(name)
    nested = [name for name in resolutions if subfolders(images / name)]
    if clips and nested:
        raise ReadError(
            images,
            f"mixes clips ({clips[0]}) with folders of clips ({nested[0]}).",
            "Keep one layout: JPEGImages/<clip> or JPEGImages/<resolution>/<clip>.",
        )
    if not nested:
        if asked is not None:
            raise UsageError(f"{images}: has no folders of resolutions; leave {asked!r} out.")
        return Layout(root=root, resolution=None)
    if asked is None and len(nested) == 1:
        return Layout(root=root, resolution=nested[0])
    if asked not in nested:
        problem = "name one of them" if asked is None else f"there is no {asked!r}"
        raise UsageError(f"{images}: has the resolutions {', '.join(nested)}; {problem}.")
    return Layout(root=root, resolution=asked)


def _holds_pictures(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(
            e.name.lower().endswith(SUFFIXES) and not e.name.startswith(".") and e.is_file()
            for e in entries
        )
