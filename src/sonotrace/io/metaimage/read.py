"""A sequence file as a `Sweep`."""

from pathlib import Path

from sonotrace.data.clip import Clip, SpacingSource
from sonotrace.data.sweep import Sweep
from sonotrace.errors import ReadError
from sonotrace.io.metaimage.header import Header
from sonotrace.io.metaimage.metaio import read_metaio_header
from sonotrace.io.metaimage.nrrd import read_nrrd_header
from sonotrace.io.metaimage.pixels import Turn, open_frames
from sonotrace.io.metaimage.poses import (
    constant_transforms,
    explicit_poses,
    times,
    transform_tracks,
    valid_pictures,
)

_PICTURE_TYPES = {"BRIGHTNESS", "RGB_COLOR"}


def read_sequence(path: Path) -> Sweep:
    """Open a sequence of PLUS, IGSIO or 3D Slicer, or a single picture in these formats.

    Frames are decoded on demand: uncompressed ones by their offset, compressed ones by going
    through the stream. `world_from_image` is given only where a rigid ImageToWorld,
    ImageToReference or ImageToTracker states it for every frame; else the transforms are
    listed and the poses are left to whoever has the calibration.

    Raises:
        ReadError: It is missing, damaged, a volume, or its pixels are no unsigned bytes.
        DataContractError: Frames and fields do not match.
        ResourceError: It must be read as a whole and is too large for that.
    """
    try:
        header = _header(path)
    except OSError as error:
        raise ReadError(path, f"cannot be opened: {error.strerror}.", "Check it.") from error
    turn, turned, notes = _turn(header)
    source = open_frames(header, turn)
    source[0]
    tracks, track_notes = transform_tracks(header)
    constants, constant_notes = constant_transforms(header)
    poses, pose_notes = explicit_poses(tracks)
    times_s, first_stamp, time_notes = times(header)
    if not header.frame_fields and header.layout.frames > 1:
        notes.append("no frame has any field; if it is a volume, its slices are not frames.")
    pictures_valid = valid_pictures(header)
    if pictures_valid and not all(pictures_valid):
        invalid = pictures_valid.count(False)
        notes.append(f"the picture of {invalid} frames is marked INVALID.")
    spacing, spacing_source, why = _spacing(header)
    layout = header.layout
    clip = Clip(
        source=source,
        path=path,
        format=_format(header),
        shape=(layout.channels, layout.rows, layout.columns),
        times_s=times_s,
        spacing_mm=spacing,
        spacing_source=spacing_source,
        spacing_note=why,
        warnings=(*notes, *track_notes, *constant_notes, *pose_notes, *time_notes),
        _details=_details(header, turned, first_stamp),
    )
    return Sweep(
        clip=clip,
        world_from_image=poses,
        transforms=tracks,
        constant_transforms=constants,
        pictures_valid=pictures_valid,
        clock_start_s=float(first_stamp or 0),
    )


def _header(path: Path) -> Header:
    with path.open("rb") as file:
        is_nrrd = file.read(4) == b"NRRD"
    return read_nrrd_header(path) if is_nrrd else read_metaio_header(path)


def _turn(header: Header) -> tuple[Turn, str, list[str]]:
    """Return how to turn the pictures, in words what was done, and what was assumed."""
    kind = header.fields.get("UltrasoundImageType", "BRIGHTNESS")
    if kind not in _PICTURE_TYPES:
        raise ReadError(
            header.path,
            f"holds the UltrasoundImageType {kind[:40]}.",
            "Only B-mode and colour pictures are read; convert radio-frequency data first.",
        )
    orientation = header.fields.get("UltrasoundImageOrientation")
    if orientation is None:
        single = header.layout.frames == 1 and not header.frame_fields
        notes = ["the header does not say how the picture is oriented; it is taken as MF."]
        return Turn(), "not stated", [] if single else notes
    letters = orientation.upper()
    if not (
        len(letters) in {2, 3}
        and letters[0] in "MU"
        and letters[1] in "FN"
        and letters[2:] in {"", "A", "D"}
    ):
        raise ReadError(
            header.path,
            f"has the UltrasoundImageOrientation {orientation[:40]!r}.",
            "MF, UF, MN and UN are read, with or without a third letter A or D.",
        )
    turn = Turn(mirror_columns=letters[0] == "U", mirror_rows=letters[1] == "N")
    done = [
        words
        for words, on in (
            ("mirrored left to right", turn.mirror_columns),
            ("turned upside down", turn.mirror_rows),
        )
        if on
    ]
    if not done:
        return turn, letters, []
    note = f"the file is oriented {letters}; its pictures are {' and '.join(done)} to be MF."
    return turn, f"{letters}, {' and '.join(done)}", [note]


def _spacing(header: Header) -> tuple[tuple[float, float] | None, SpacingSource, str]:
    rows, columns = header.spacing
    if rows == columns == 1:
        return None, "unknown", "the header says 1 x 1, which is written when nothing is known."
    if not (0 < rows < 100 and 0 < columns < 100):
        return None, "unknown", f"the header says {rows:g} x {columns:g}, which cannot be mm."
    return (rows, columns), "sequence_header", "the header states it, in mm by convention."


def _format(header: Header) -> str:
    single = header.layout.frames == 1 and not header.frame_fields
    stored = "compressed" if header.stored.compressed else "uncompressed"
    return f"{header.kind} {'picture' if single else 'sequence'}, {stored}"


def _details(header: Header, turned: str, first_stamp: str) -> dict[str, str]:
    details = {"orientation in the file": turned}
    if "UltrasoundImageType" in header.fields:
        details["image type"] = header.fields["UltrasoundImageType"]
    if first_stamp:
        details["first timestamp (s)"] = first_stamp
    return details
