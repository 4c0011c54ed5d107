"""Where masks lie: one picture, a folder of them, what `track` wrote, or a whole data set."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sonotrace.errors import ReadError, UsageError
from sonotrace.io.davis.layout import MASKS, Layout, subfolders
from sonotrace.io.davis.tables import read_attributes, read_object_classes, read_subset
from sonotrace.io.folder import folder_of, is_pattern, picture_files
from sonotrace.io.picture import SUFFIXES

Kind = Literal["picture", "folder", "run", "clips", "davis"]
MAX_REPORT_BYTES = 2**26


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskClip:
    """The mask files of one clip, not read yet."""

    name: str
    path: Path
    files: dict[str, Path]
    """By name without suffix, in natural order."""
    given: tuple[str, ...] | None = None
    """Names of the masks that were given and not predicted; None where nobody says."""
    probabilities: Path | None = None
    """Folder of the probabilities the masks were made of."""
    classes: dict[int, str] = field(default_factory=dict)
    class_name: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskSet:
    """The clips found in one place."""

    path: Path
    kind: Kind
    clips: dict[str, MaskClip]


def find_masks(path: Path, *, subset: str | None = None, resolution: str | None = None) -> MaskSet:
    """Find the masks in a file or folder, without reading them.

    A folder may hold masks, be the output of `track` or `simulate` (with `masks/` inside),
    hold such folders, or hold `Annotations` in the layout of DAVIS or YouTube-VOS.

    Args:
        path: What to look into.
        subset: For data sets: a list such as "val" or "2017/val"; None for all clips.
        resolution: For data sets: the folder between Annotations and the clips.

    Raises:
        ReadError: It is missing or holds no masks.
        UsageError: It is something else than masks, or `subset` or `resolution` is wrong.
    """
    if path.is_file():
        if path.suffix.lower() not in SUFFIXES:
            raise UsageError(
                f"{path}: is no picture of masks ({', '.join(SUFFIXES)}). Masks can be scored "
                f"against masks; poses and volumes cannot be scored yet."
            )
        picture = MaskClip(name=path.stem, path=path, files={path.stem: path})
        return MaskSet(path=path, kind="picture", clips={picture.name: picture})
    if is_pattern(path):
        matching = MaskClip(name=path.parent.name, path=path.parent, files=_by_stem(path))
        return MaskSet(path=path, kind="folder", clips={matching.name: matching})
    if not path.is_dir():
        raise ReadError(path, "does not exist.", "Check the path.")
    root = _davis_root(path)
    if root is not None:
        return _davis(path, root, subset, resolution)
    if subset is not None or resolution is not None:
        raise UsageError(f"{path}: --subset and --resolution need a folder that holds {MASKS}.")
    clip = _clip(path)
    if clip is not None:
        kind: Kind = "run" if clip.path != path else "folder"
        return MaskSet(path=path, kind=kind, clips={clip.name: clip})
    found = [_clip(path / name) for name in subfolders(path)]
    clips = {clip.name: clip for clip in found if clip is not None}
    if not clips:
        raise ReadError(
            path,
            "holds no masks, neither itself nor in its folders.",
            "Give a folder of palette PNGs, the output of track, or a DAVIS folder.",
        )
    return MaskSet(path=path, kind="clips", clips=clips)


def _clip(folder: Path) -> MaskClip | None:
    """Return the masks of one folder, or of `masks/` in it; None if there are none."""
    inside = folder / "masks"
    masks = inside if inside.is_dir() else folder
    files = _by_stem(masks)
    if not files:
        return None
    probabilities = folder / "probabilities"
    return MaskClip(
        name=folder.resolve().name,
        path=masks,
        files=files,
        given=_given(folder / "report.json", tuple(files)) if masks is inside else None,
        probabilities=probabilities if probabilities.is_dir() else None,
        class_name=_simulated_class(folder / "truth.json") if masks is inside else None,
    )


def _by_stem(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in picture_files(folder):
        stem = Path(file).stem
        if stem in files:
            raise ReadError(
                folder_of(folder) / file,
                f"has the same name as {files[stem].name} but for the suffix.",
                "Masks are matched by name; remove one of the two.",
            )
        files[stem] = folder_of(folder) / file
    return files


def _given(report: Path, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the names of the given masks by the report of `track`.

    The report counts frames in the file of the clip; the masks written begin with the first
    frame tracked, which is the clip's first, or without --backward the first given one.
    """
    document = _json(report)
    if document.get("command") != "track":
        return None
    try:
        given = [int(frame) for frame in document["results"]["given_frames"]]
        settings = document["settings"]
        begin = int(settings.get("first_frame", 0)) if settings.get("backward") else min(given)
        return tuple(names[frame - begin] for frame in given)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ReadError(
            report,
            "does not say which masks were given.",
            "Track the clip again, or move the masks elsewhere and name the frames: --given 0.",
        ) from error


def _simulated_class(truth: Path) -> str | None:
    name = _json(truth).get("class")
    return name if isinstance(name, str) else None


def _json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one if there is no such file."""
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > MAX_REPORT_BYTES:
            raise ReadError(path, f"is larger than {MAX_REPORT_BYTES:,} bytes.", "Check it.")
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ReadError(path, "is no JSON.", "Remove it or write it anew.") from error
    return document if isinstance(document, dict) else {}


def _davis_root(path: Path) -> Path | None:
    """Return the folder that holds Annotations: this one, or the only one in it that does."""
    if (path / MASKS).is_dir():
        return path
    inside = [path / name for name in subfolders(path) if (path / name / MASKS).is_dir()]
    return inside[0] if len(inside) == 1 else None


def _davis(path: Path, root: Path, subset: str | None, resolution: str | None) -> MaskSet:
    layout = Layout(root=root, resolution=_resolution(root / MASKS, resolution))
    attributes = read_attributes(layout)
    object_classes = read_object_classes(layout)
    parent = root / MASKS / (layout.resolution or "")
    names = subfolders(parent) if subset is None else read_subset(layout, subset)
    clips = {}
    for name in names:
        files = _by_stem(parent / name) if (parent / name).is_dir() else {}
        if not files:
            raise ReadError(parent / name, "holds no masks.", "Copy them there or correct the list")
        known = attributes.get(name)
        clips[name] = MaskClip(
            name=name,
            path=parent / name,
            files=files,
            classes=_numbered(object_classes.get(name, {})),
            class_name=dict(known.others).get("class") if known else None,
            group=known.group if known else None,
        )
    if not clips:
        raise ReadError(parent, "holds no clips.", "Expected one folder of masks per clip.")
    return MaskSet(path=path, kind="davis", clips=clips)


def _resolution(masks: Path, asked: str | None) -> str | None:
    nested = [name for name in subfolders(masks) if subfolders(masks / name)]
    if not nested:
        if asked is not None:
            raise UsageError(f"{masks}: has no folders of resolutions; leave {asked!r} out.")
        return None
    if asked is None and len(nested) == 1:
        return nested[0]
    if asked not in nested:
        raise UsageError(
            f"{masks}: has the resolutions {', '.join(nested)}. Choose one with --resolution."
        )
    return asked


def _numbered(classes: dict[str, str]) -> dict[int, str]:
    """Turn {"object 1": category} into {1: category}."""
    numbers = {key.removeprefix("object "): value for key, value in classes.items()}
    return {int(key): value for key, value in numbers.items() if key.isdecimal()}
