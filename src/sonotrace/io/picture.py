"""Pictures and label maps as PNG, JPEG, TIFF and BMP, through Pillow.

Pixels come out as they are stored: nothing is turned (EXIF), scaled (16 bits), blended
(transparency) or interpolated. What cannot be taken as it is, is refused with the way out.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from sonotrace.data.clip import Clip
from sonotrace.errors import MaskError, ReadError, SonotraceError
from sonotrace.io.colour import choose_channels, conform, sampled
from sonotrace.io.limits import require_frame_fits, require_frames_fit
from sonotrace.types import VOID, Frame, LabelMap

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
"""Names that `read_folder` takes for pictures; the content decides what they are."""
MAX_GREY_IDS = 32
"""More distinct values than this in a grey mask are grey levels, not object ids."""

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM")
_ORIENTATION_TAG = 0x0112


def looks_like_picture(path: Path) -> bool:
    """Say whether the file begins like a PNG, JPEG, TIFF or BMP."""
    with path.open("rb") as file:
        return file.read(8).startswith(_SIGNATURES)


def read_picture(path: Path, *, page: int = 0) -> Frame:
    """Read one picture as (C, H, W): 1 channel where red = green = blue, else 3.

    An alpha channel is dropped where it is wholly opaque and refused elsewhere.

    Args:
        path: PNG, JPEG, TIFF or BMP; the content decides, not the name.
        page: Page of a TIFF that holds several.

    Raises:
        ReadError: It is missing, damaged, too large, deeper than 8 bits per channel,
            transparent, or of another kind.
    """
    with _opened(path) as picture:
        if page:
            picture.seek(page)
            require_frame_fits(path, *picture.size)
        return _frame(path, picture)


def read_labels(path: Path, *, void: Literal[255] | None = None) -> LabelMap:
    """Read a label map; see `read_labels_noted`."""
    return read_labels_noted(path, void=void)[0]


def read_labels_noted(path: Path, *, void: Literal[255] | None = None) -> tuple[LabelMap, str]:
    """Read a label map, and say in a sentence how its values were read ("" if plainly).

    A palette picture's index is the object id, and 255 is void. A grey or 1-bit picture with
    no other values than 0 and 255, or 0 and 1, is object 1. Anything else is refused, because
    it may be an interpolated mask or a photograph.

    Args:
        path: Best a palette PNG.
        void: 255 says that the values of a grey picture are object ids and 255 is void.

    Raises:
        ReadError: The file is missing, damaged or too large.
        MaskError: Its values are no object ids.
    """
    with _opened(path) as picture:
        if picture.mode == "P":
            labels = np.array(picture, dtype=np.uint8)
            return torch.from_numpy(labels), _note_on_palette(path, labels)
        grey = _grey_values(path, picture)
    values = np.unique(grey)
    if void is not None:
        _require_few(path, values)
        return torch.from_numpy(grey), f"{path.name}: grey values were read as object ids."
    if not (set(values) <= {0, 255} or set(values) <= {0, 1}):
        raise MaskError(_grey_refused(path, values))
    note = ""
    if values.max() > 0:
        note = f"{path.name}: grey value {values.max()} was read as object 1."
    return torch.from_numpy((grey > 0).astype(np.uint8)), note


def write_labels(path: Path, labels: LabelMap) -> None:
    """Write a label map as an 8-bit palette PNG in the DAVIS colours: pixel value = object id."""
    rows, columns = labels.shape
    picture = Image.frombytes("P", (columns, rows), labels.cpu().contiguous().numpy().tobytes())
    picture.putpalette(bytes(label_colours().reshape(-1).tolist()))
    picture.save(path, format="PNG", compress_level=4)


def write_picture(path: Path, frame: Frame) -> None:
    """Write one picture; the suffix (.png, .jpg, .tif, .bmp) chooses the format."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path.name}: pictures are written as {', '.join(SUFFIXES)}")
    if frame.shape[0] not in {1, 3}:
        raise ValueError(f"a picture has 1 or 3 channels, not {frame.shape[0]}")
    pixels = frame.cpu().permute(1, 2, 0).contiguous().numpy()  # (H, W, C)
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path)


@cache
def label_colours() -> np.ndarray:
    """Return the 256 colours (256, 3) uint8 of the PASCAL VOC and DAVIS label maps.

    Bit 3j of the id becomes bit 7 - j of red, bit 3j + 1 of green, bit 3j + 2 of blue, so
    that ids close to each other get colours far apart. Source: the devkit of Everingham et
    al., "The PASCAL Visual Object Classes Challenge", doi:10.1007/s11263-009-0275-4.
    """
    ids = np.arange(256)
    colours = np.zeros((256, 3), dtype=np.uint8)
    for channel in range(3):
        for j in range(3):
            bit = (ids >> (3 * j + channel)) & 1
            colours[:, channel] |= (bit << (7 - j)).astype(np.uint8)
    return colours


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturePages:
    """The pages of one picture file as frames, decoded on demand."""

    path: Path
    pages: int
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return self.pages

    def __getitem__(self, index: int) -> Frame:
        return conform(self.path, read_picture(self.path, page=index), self.shape)


def read_picture_clip(path: Path) -> Clip:
    """Open a picture as a clip of one frame, or a TIFF of several pages as one frame each.

    A clip without colour has one channel, chosen from pages all over the file, as in a folder
    of pictures.

    Raises:
        ReadError: As `read_picture`.
    """
    with _opened(path) as picture:
        kind, pages = str(picture.format), 1
        notes = _orientation_notes(picture)
        if kind == "TIFF":
            pages = int(getattr(picture, "n_frames", 1))
        elif getattr(picture, "n_frames", 1) > 1:
            notes.append("an animation of which only the first picture is read.")
        require_frames_fit(path, pages)
    frames = [read_picture(path, page=i) for i in sampled(pages)]
    channels, colour_notes = choose_channels(frames)
    shape = (channels, frames[0].shape[1], frames[0].shape[2])
    return Clip(
        source=PicturePages(path=path, pages=pages, shape=shape),
        path=path,
        format=f"{kind} picture" if pages == 1 else f"{kind} of {pages} pages",
        shape=shape,
        times_s=None,
        spacing_note="pictures do not say how large a pixel is.",
        warnings=(*notes, *colour_notes),
        names=(path.stem,) if pages == 1 else None,
    )


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture, its size checked; whatever Pillow raises becomes a ReadError."""
    damaged = "It may be cut short; copy or export it again."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as picture:
                require_frame_fits(path, *picture.size)
                yield picture
    except (SonotraceError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise ReadError(path, "does not exist.", "Check the path.") from error
    except (PermissionError, IsADirectoryError) as error:
        raise ReadError(path, f"cannot be opened: {error.strerror}.", "Check it.") from error
    except UnidentifiedImageError as error:
        problem = "is no PNG, JPEG, TIFF or BMP picture, or its beginning is damaged."
        raise ReadError(path, problem, "Give one of these.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        problem = "announces far more pixels than any ultrasound picture has."
        raise ReadError(path, problem, "It is damaged or hostile; do not use it.") from error
    except Exception as error:  # Pillow raises a dozen kinds for damaged files
        raise ReadError(path, f"is a damaged picture ({error}).", damaged) from error


def _frame(path: Path, picture: Image.Image) -> Frame:
    _refuse_deep(path, picture)
    if picture.mode in {"1", "L"} and "transparency" not in picture.info:
        return torch.from_numpy(np.array(picture.convert("L")))[None]
    if picture.mode not in {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"}:
        raise ReadError(
            path,
            f"has colours of the kind {picture.mode!r}.",
            "Save it as an RGB or grey picture of 8 bits per channel.",
        )
    pixels = np.array(picture.convert("RGBA"))  # (H, W, 4)
    if pixels[..., 3].min() < 255:
        raise ReadError(
            path,
            "is partly transparent, so that its colours depend on what is behind it.",
            "Save it without transparency.",
        )
    colour = pixels[..., :3]
    if (colour[..., 0] == colour[..., 1]).all() and (colour[..., 1] == colour[..., 2]).all():
        return torch.from_numpy(np.ascontiguousarray(colour[..., 0]))[None]
    return torch.from_numpy(np.ascontiguousarray(colour.transpose(2, 0, 1)))


def _refuse_deep(path: Path, picture: Image.Image) -> None:
    """Refuse more than 8 bits per channel, which Pillow would cut down without a word."""
    tiles = getattr(picture, "tile", [])
    if picture.mode[0] in "IF" or ";16" in str(tiles[:1]):
        raise ReadError(
            path,
            "has more than 8 bits per channel.",
            "Choose the range of grey levels you want to see and save it with 8 bits.",
        )


def _orientation_notes(picture: Image.Image) -> list[str]:
    turned = picture.getexif().get(_ORIENTATION_TAG, 1)
    if turned in {0, 1}:
        return []
    return [
        f"the file asks viewers to turn it (EXIF orientation {turned}); its pixels are read "
        f"as they are stored."
    ]


def _grey_values(path: Path, picture: Image.Image) -> np.ndarray:
    """Return (H, W) values of a grey, 1-bit, or colourless colour picture."""
    if picture.mode[0] in "IF":
        top = np.max(np.asarray(picture))
        raise MaskError(
            f"{path}: a mask of more than 8 bits with values up to {top:g}; ids go from 1 to "
            f"254. Save it as an 8-bit palette PNG whose pixel value is the object id."
        )
    frame = _frame(path, picture)
    if frame.shape[0] == 3:
        raise MaskError(
            f"{path}: a mask in RGB colours, which name no object ids. Save it as a palette "
            f"PNG whose pixel value is the object id."
        )
    return frame[0].numpy()


def _note_on_palette(path: Path, labels: np.ndarray) -> str:
    if set(np.unique(labels)) == {0, VOID}:
        return f"{path.name}: a palette picture of 0 and 255 only, which is void and no object."
    return ""


def _require_few(path: Path, values: np.ndarray) -> None:
    if len(values) > MAX_GREY_IDS:
        raise MaskError(_grey_refused(path, values))


def _grey_refused(path: Path, values: np.ndarray) -> str:
    shown = ", ".join(str(value) for value in values[:8]) + (", ..." if len(values) > 8 else "")
    return (
        f"{path}: a grey mask with {len(values)} different values ({shown}), which is no mask of "
        f"one object (0 and 255, or 0 and 1). If it was scaled or saved as JPEG, make it again "
        f"without interpolation; if its values are object ids, save it as a palette PNG or "
        f"add --void 255."
    )
