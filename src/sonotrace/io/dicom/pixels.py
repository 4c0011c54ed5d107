"""How the pixels of a file are stored, checked before anything is decoded."""

from dataclasses import dataclass

from pydicom.uid import UID

from sonotrace.errors import ReadError
from sonotrace.io.dicom.header import EXPORT_AGAIN, Header, text, uid_name, value, whole
from sonotrace.io.limits import require_frame_fits, require_frames_fit

ULTRASOUND = {
    "1.2.840.10008.5.1.4.1.1.3.1": "Ultrasound Multi-frame",
    "1.2.840.10008.5.1.4.1.1.6.1": "Ultrasound",
    "1.2.840.10008.5.1.4.1.1.3": "Ultrasound Multi-frame (retired)",
    "1.2.840.10008.5.1.4.1.1.6": "Ultrasound (retired)",
}
"""SOP classes of ultrasound."""
CAPTURES = {
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.2": "Multi-frame Grayscale Byte Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.7.4": "Multi-frame True Color Secondary Capture",
    "1.2.840.10008.5.1.4.1.1.77.1.4": "Photographic Image",
    "1.2.840.10008.5.1.4.1.1.77.1.4.1": "Video Photographic Image",
}
"""SOP classes in which ultrasound is often stored; read with a warning."""
NATIVE = {
    "1.2.840.10008.1.2": "uncompressed",
    "1.2.840.10008.1.2.1": "uncompressed",
    "1.2.840.10008.1.2.1.99": "deflated",
    "1.2.840.10008.1.2.2": "uncompressed, big endian",
}
"""Transfer syntaxes whose pixels lie in the file as they are."""
JPEG = {
    "1.2.840.10008.1.2.4.50": "JPEG baseline",
    "1.2.840.10008.1.2.4.51": "JPEG extended",
}
"""Transfer syntaxes whose colours a marker in the frame may state."""
JPEG_LOSSLESS = {
    "1.2.840.10008.1.2.4.57": "JPEG lossless",
    "1.2.840.10008.1.2.4.70": "JPEG lossless",
}
"""Transfer syntaxes of JPEG whose values are those that the header states."""
COMPRESSED = {
    **JPEG,
    **JPEG_LOSSLESS,
    "1.2.840.10008.1.2.4.80": "JPEG-LS lossless",
    "1.2.840.10008.1.2.4.81": "JPEG-LS near-lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
    "1.2.840.10008.1.2.5": "RLE",
}
"""Transfer syntaxes that compress every frame by itself."""
MOVIE = {
    **{f"1.2.840.10008.1.2.4.{n}{end}": "MPEG-2" for n in (100, 101) for end in ("", ".1")},
    **{f"1.2.840.10008.1.2.4.{n}{end}": "MPEG-4" for n in range(102, 107) for end in ("", ".1")},
    **{f"1.2.840.10008.1.2.4.{n}": "HEVC" for n in (107, 108)},
}
"""Transfer syntaxes whose frames form one video stream."""
GREY = {"MONOCHROME1", "MONOCHROME2"}
COLOUR = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"}
MOVIE_COLOUR = {"YBR_PARTIAL_420", "YBR_PARTIAL_422"}
PALETTE = "PALETTE COLOR"


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelFormat:
    """Size and storage of the frames, as the header states them."""

    syntax: str
    frames: int
    rows: int
    columns: int
    samples: int
    """Values per pixel: 1 or 3."""
    photometric: str
    planar: bool
    """Whether the colours of a frame follow each other plane by plane."""
    bits_allocated: int
    """8, or 16 for bytes that lie in words."""
    bits_stored: int
    word_swapped: bool
    """Whether the bytes of every 16-bit word are swapped (bytes as OW in big endian)."""
    little_endian: bool

    @property
    def frame_bytes(self) -> int:
        """Bytes of an uncompressed frame."""
        pixels = self.rows * self.columns
        if self.photometric == "YBR_FULL_422" and self.syntax in NATIVE:
            return 2 * pixels
        return pixels * self.samples * self.bits_allocated // 8


def syntax_name(syntax: str) -> str:
    """Return the transfer syntax in words, or "" for one that cannot be read."""
    return {**NATIVE, **COMPRESSED, **MOVIE}.get(syntax, "")


def require_ultrasound(header: Header) -> list[str]:
    """Refuse what is no ultrasound; return warnings about what may not be.

    Raises:
        ReadError: The SOP class is not one of ultrasound, nor a capture that may show it.
    """
    if header.sop_class in ULTRASOUND:
        return []
    if header.sop_class in CAPTURES:
        name = CAPTURES[header.sop_class]
        return [f"stored as {name}, which does not say that it is ultrasound."]
    if header.sop_class is None and text(header.values, "Modality") == "US":
        return ["the file does not say of what class it is; its modality is ultrasound."]
    raise ReadError(
        header.path,
        f"is DICOM of {uid_name(header.sop_class)}, not ultrasound.",
        "Give an ultrasound image or cine, or a secondary capture of one.",
    )


def read_pixel_format(header: Header) -> tuple[PixelFormat, list[str]]:
    """Return how the pixels are stored, with warnings about what is odd.

    Raises:
        ReadError: A statement is missing, impossible, too large, or of a kind that is not
            read: more than 8 bits, signed values, an unknown compression or colour.
    """
    path, values = header.path, header.values
    if not syntax_name(header.syntax):
        known = uid_name(header.syntax) if UID(header.syntax).is_valid else "an unknown kind"
        raise ReadError(
            path,
            f"is compressed as {known}, which is not read.",
            "Export it uncompressed, as JPEG, JPEG-LS, JPEG 2000, RLE or MPEG.",
        )
    rows, columns = _required(header, "Rows"), _required(header, "Columns")
    require_frame_fits(path, columns, rows)
    frames, notes = _frames(header)
    photometric, samples = _colours(header)
    planar = samples == 3 and whole(values, "PlanarConfiguration") == 1
    allocated, stored, odd = _bits(header)
    word_swapped = not header.little_endian and header.pixel_words and allocated == 8
    if photometric == "MONOCHROME1":
        notes.append("MONOCHROME1: stored with white as 0; inverted so that white is 255.")
    return PixelFormat(
        syntax=header.syntax,
        frames=frames,
        rows=rows,
        columns=columns,
        samples=samples,
        photometric=photometric,
        planar=planar,
        bits_allocated=allocated,
        bits_stored=stored,
        word_swapped=word_swapped,
        little_endian=header.little_endian,
    ), [*notes, *odd]


def _required(header: Header, keyword: str) -> int:
    found = whole(header.values, keyword)
    if found is None:
        raise ReadError(header.path, f"does not state {keyword} as a number.", EXPORT_AGAIN)
    return found


def _frames(header: Header) -> tuple[int, list[str]]:
    if value(header.values, "NumberOfFrames") is None and "NumberOfFrames" not in header.values:
        return 1, []
    frames = _required(header, "NumberOfFrames")
    require_frames_fit(header.path, frames)
    return frames, []


def _colours(header: Header) -> tuple[str, int]:
    path, movie = header.path, header.syntax in MOVIE
    photometric = text(header.values, "PhotometricInterpretation")
    known = {*GREY, *COLOUR, PALETTE, *(MOVIE_COLOUR if movie else ())}
    if photometric not in known:
        stated = "no colours" if not photometric else "colours of a kind that is not read"
        wanted = f"Export it as one of {', '.join(sorted(known))}."
        raise ReadError(path, f"states {stated} (PhotometricInterpretation).", wanted)
    samples = whole(header.values, "SamplesPerPixel")
    expected = 1 if photometric in GREY or photometric == PALETTE else 3
    if samples != expected:
        found = "no number" if samples is None else str(samples)
        problem = f"has {found} of values per pixel; {photometric} has {expected}."
        raise ReadError(path, problem, EXPORT_AGAIN)
    return photometric, expected


def _bits(header: Header) -> tuple[int, int, list[str]]:
    """Return bits allocated and stored; only what fits 8 bits without loss is accepted."""
    allocated = _required(header, "BitsAllocated")
    stored = whole(header.values, "BitsStored") or allocated
    high = whole(header.values, "HighBit")
    signed = whole(header.values, "PixelRepresentation") == 1
    fits = allocated in {8, 16} and 1 <= stored <= 8 and high in {None, stored - 1}
    if signed or not fits:
        sign = "signed" if signed else "unsigned"
        raise ReadError(
            header.path,
            f"has {sign} values of {stored} bits in {allocated}; unsigned values of 8 bits are "
            f"read, and others are not rescaled by guess.",
            "Export it with 8 bits per value.",
        )
    if stored < 8:
        top = 2**stored - 1
        return allocated, stored, [f"values of {stored} bits: they go from 0 to {top}, not 255."]
    return allocated, stored, []
