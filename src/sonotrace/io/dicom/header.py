"""The header of a DICOM file, read with suspicion.

Only the elements named in `WANTED` are ever taken from the file, so that no name of a patient
or a hospital reaches the program. Nothing here quotes a value of free text in a message.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

from pydicom import Dataset, dcmread
from pydicom.filereader import read_dataset, read_preamble
from pydicom.tag import Tag
from pydicom.uid import UID

from sonotrace.errors import ReadError, SonotraceError

BinaryFile: TypeAlias = io.BufferedReader | io.BytesIO
"""A file on disk, or one that was unfolded in memory."""

MAX_READS = 2_000_000
"""Reads while going through one header; a hostile file can demand hundreds of millions."""
MAX_INFLATED = 2**31
"""Bytes that a deflated file may unfold to."""

WANTED = (
    "SOPClassUID",
    "Modality",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
    "FrameTimeVector",
    "FrameTime",
    "CineRate",
    "RecommendedDisplayFrameRate",
    "EffectiveDuration",
    "SequenceOfUltrasoundRegions",
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
)
"""The elements that are read; all others are passed over."""

DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLICIT = "1.2.840.10008.1.2"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
EXPORT_AGAIN = "Copy it again, or export it again from the scanner or archive."

_PIXEL_DATA = Tag("PixelData")
_LONG_VRS = {b"OB", b"OW", b"UN", b"OF", b"OD", b"OL", b"OV"}
_UNDEFINED = 0xFFFFFFFF
_FIRST_ELEMENTS = {0x0000, 0x0001, 0x0005, 0x0008, 0x0012, 0x0013, 0x0014, 0x0016, 0x0018}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Header:
    """What the reader may know of a file, and where its pixels are."""

    path: Path
    values: Dataset
    """The elements of `WANTED` that the file has."""
    syntax: str
    """Transfer syntax UID."""
    sop_class: str | None
    little_endian: bool
    pixel_offset: int
    """Where the value of the pixel data begins."""
    pixel_length: int | None
    """Announced length; None for encapsulated (compressed) frames."""
    pixel_words: bool
    """Whether the pixel data are 16-bit words (OW), which matters in big endian."""
    inflated: bytes | None
    """The file after inflating, if it was deflated; offsets then refer to it."""
    size: int
    """Bytes of the file, or of `inflated`."""

    def open(self) -> BinaryFile:
        """Open the file in which the offsets lie."""
        return self.path.open("rb") if self.inflated is None else io.BytesIO(self.inflated)


def looks_like_dicom(path: Path) -> bool:
    """Say whether the file begins like DICOM, with its 128-byte preamble or without."""
    with path.open("rb") as file:
        head = file.read(132)
    if head[128:132] == b"DICM":
        return True
    if len(head) < 8:
        return False
    group, element, length = struct.unpack("<HHL", head[:8])
    vr_known = head[4:6] in {b"UL", b"OB", b"CS", b"UI", b"SH", b"DA", b"TM", b"LO"}
    if group == 0x0002:
        return element in {0x0000, 0x0001, 0x0002, 0x0010} and vr_known
    if group == 0x0008 and element in _FIRST_ELEMENTS:
        return vr_known or length <= 64
    group, element = struct.unpack(">HH", head[:4])
    return group == 0x0008 and element in _FIRST_ELEMENTS and vr_known


def read_header(path: Path) -> Header:
    """Read what is wanted of the header and find the pixel data.

    Raises:
        ReadError: It is missing, no DICOM, damaged, hostile, or without pixel data.
    """
    with damage_explained(path):
        if not looks_like_dicom(path):
            raise ReadError(path, "is no DICOM file.", "Give one, or a video or pictures.")
        with _CautiousFile(path.open("rb")) as file:
            syntax = _syntax_of_meta(file)
            if syntax != DEFLATED:
                return _header(path, file, None)
            inflated = _inflated(path, file)
        with _CautiousFile(io.BytesIO(inflated)) as unfolded:
            return _header(path, unfolded, inflated)


@contextmanager
def damage_explained(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file brings about into a ReadError without values of the file.

    Warnings of pydicom, which may quote values, are left out on purpose.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SonotraceError:
        raise
    except FileNotFoundError as error:
        raise ReadError(path, "does not exist.", "Check the path.") from error
    except (PermissionError, IsADirectoryError) as error:
        raise ReadError(path, f"cannot be opened: {error.strerror}.", "Check it.") from error
    except RecursionError:
        problem = "nests its sequences deeper than any real file."
        raise ReadError(path, problem, "It is damaged or hostile; do not use it.") from None
    except MemoryError:
        problem = "asks for more memory than there is."
        raise ReadError(path, problem, "It is damaged or hostile; do not use it.") from None
    except Exception as error:  # pydicom and the decoders raise a dozen kinds
        kind = type(error).__name__
        raise ReadError(path, f"is a damaged DICOM file ({kind}).", EXPORT_AGAIN) from None


def value(values: Dataset, keyword: str) -> object:
    """Return the value of an element; None where it is absent, empty or cannot be read."""
    try:
        found = values.get(keyword)
    except Exception:  # a damaged value is no value; each kind of damage raises its own
        return None
    return None if isinstance(found, str | bytes) and not found.strip() else found


def number(values: Dataset, keyword: str) -> float | None:
    """Return a single number, or None where there is none."""
    found = numbers(values, keyword)
    return found[0] if len(found) == 1 else None


def whole(values: Dataset, keyword: str) -> int | None:
    """Return a single whole number, or None where there is none."""
    found = number(values, keyword)
    return int(found) if found is not None and found.is_integer() else None


def numbers(values: Dataset, keyword: str) -> list[float]:
    """Return all numbers of an element; an empty list where one of them is none."""
    found = value(values, keyword)
    if found is None:
        return []
    listed = found if isinstance(found, list) or hasattr(found, "append") else [found]
    try:
        return [float(item) for item in listed]  # type: ignore[attr-defined]
    except (TypeError, ValueError, OverflowError):
        return []


def text(values: Dataset, keyword: str) -> str:
    """Return a code string in capitals, or "" where there is none."""
    found = value(values, keyword)
    return found.strip().upper() if isinstance(found, str) else ""


def uid_name(uid: str | None) -> str:
    """Return the name that the standard gives a UID; others are not quoted."""
    if uid is None:
        return "no stated kind"
    name = UID(uid).name
    return "an unknown kind" if name == uid else name


def _syntax_of_meta(file: "_CautiousFile") -> str | None:
    """Return the transfer syntax; leave the file behind its meta header."""
    if read_preamble(cast(BinaryIO, file), True) is None:
        file.seek(0)

    def is_behind_meta(tag: int, _vr: str | None, _length: int) -> bool:
        return tag >> 16 != 2

    meta = read_dataset(cast(BinaryIO, file), False, True, stop_when=is_behind_meta)
    found = value(meta, "TransferSyntaxUID")
    return str(found) if found is not None else None


def _inflated(path: Path, file: "_CautiousFile") -> bytes:
    """Return the meta header with another transfer syntax, and what follows unfolded."""
    unfold = zlib.decompressobj(-zlib.MAX_WBITS)
    data = unfold.decompress(file.rest(), MAX_INFLATED)
    if unfold.unconsumed_tail:
        raise ReadError(
            path,
            f"unfolds to more than {MAX_INFLATED:,} bytes.",
            "It is damaged or hostile; if it is neither, export it without deflation.",
        )
    syntax = b"1.2.840.10008.1.2.1\0"
    meta = struct.pack("<HH2sH", 2, 0x0010, b"UI", len(syntax)) + syntax
    return bytes(128) + b"DICM" + meta + data


def _header(path: Path, file: "_CautiousFile", inflated: bytes | None) -> Header:
    file.seek(0)
    found = dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(WANTED))
    implicit, little = found.original_encoding
    if implicit is None or little is None:
        raise ReadError(path, "cannot be made sense of as DICOM.", EXPORT_AGAIN)
    offset, length, words = _pixel_element(path, file, bool(implicit), bool(little))
    syntax = value(found.file_meta, "TransferSyntaxUID")
    if syntax is None:
        guessed = {(True, True): IMPLICIT, (False, False): BIG_ENDIAN}
        syntax = guessed.get((bool(implicit), bool(little)), "1.2.840.10008.1.2.1")
    sop_class = value(found, "SOPClassUID") or value(found.file_meta, "MediaStorageSOPClassUID")
    return Header(
        path=path,
        values=found,
        syntax=DEFLATED if inflated is not None else str(syntax),
        sop_class=None if sop_class is None else str(sop_class),
        little_endian=bool(little),
        pixel_offset=offset,
        pixel_length=length,
        pixel_words=words,
        inflated=inflated,
        size=file.size,
    )


def _pixel_element(
    path: Path, file: "_CautiousFile", implicit: bool, little: bool
) -> tuple[int, int | None, bool]:
    """Return where the pixel data begin, their announced length, and whether they are words."""
    order = "<" if little else ">"
    head = file.read(8)
    if len(head) < 8 or Tag(*struct.unpack(f"{order}HH", head[:4])) != _PIXEL_DATA:
        raise ReadError(path, "holds no pixel data.", "Give a DICOM file with pictures in it.")
    vr = head[4:6]
    if vr in _LONG_VRS:
        length = struct.unpack(f"{order}L", file.read(4))[0]
    elif implicit or not vr.isalpha():  # some writers switch to implicit within a file
        vr, length = b"OW", struct.unpack(f"{order}L", head[4:])[0]
    else:
        raise ReadError(path, "states its pixel data in an impossible way.", EXPORT_AGAIN)
    return file.tell(), None if length == _UNDEFINED else length, vr == b"OW"


class _CautiousFile(io.BufferedIOBase):
    """A file that never gives more than it has, and ends an endless search.

    A read of an announced four gigabytes would otherwise take that memory first.
    """

    def __init__(self, file: BinaryFile) -> None:
        super().__init__()
        self._file = file
        self._reads = 0
        self.size = file.seek(0, io.SEEK_END)
        file.seek(0)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most `size` bytes."""
        self._reads += 1
        if self._reads > MAX_READS:
            raise ValueError("too many elements")
        left = max(0, self.size - self._file.tell())
        return self._file.read(left if size is None or size < 0 else min(size, left))

    def rest(self) -> bytes:
        """Read to the end."""
        return self.read()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move as in any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file beneath."""
        self._file.close()
        super().close()
