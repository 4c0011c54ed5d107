"""Nothing a DICOM file says of a patient or a hospital gets into an output or a message.

A cine is made with a marker in every text element of the DICOM dictionary, in nested sequences,
in private elements, in the preamble, behind the pixels and inside the compressed frames. It
goes through the commands; no byte they write or say may hold a marker.
"""

import base64
import io
import json
import re
import warnings
import zlib
from contextlib import contextmanager
from functools import cache

import av
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, Sequence, config
from pydicom.datadict import DicomDictionary
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate

from sonotrace.io.dicom.header import WANTED, read_header

MARK = "ZQXJW"
"""In every marker; in nothing else."""
BIRTHDAY, HOUR = "17890714", "231759.4711"
FOREIGN = {"ISO_IR 100": "ÆÐÞßñø", "ISO_IR 192": "山田太郎", "ISO 2022 IR 87": "鈴木花子"}
"""Markers that are not ASCII, one for each character set."""

SYNTAXES = {
    "implicit": "1.2.840.10008.1.2",
    "explicit": "1.2.840.10008.1.2.1",
    "deflated": "1.2.840.10008.1.2.1.99",
    "big": "1.2.840.10008.1.2.2",
    "jpeg": "1.2.840.10008.1.2.4.50",
    "mpeg4": "1.2.840.10008.1.2.4.102",
}
_TEXTS = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "UN", "OB", "AS"}
_DATES = {"DA": BIRTHDAY, "DT": BIRTHDAY + HOUR, "TM": HOUR}
_LEFT_OUT = {*WANTED, "PixelData", "SpecificCharacterSet", "TransferSyntaxUID"}


@contextmanager
def unchecked():
    """Let pydicom write what no standard allows."""
    before = config.settings.reading_validation_mode, config.settings.writing_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    config.settings.writing_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.settings.reading_validation_mode = before[0]
        config.settings.writing_validation_mode = before[1]


@cache
def marked_elements(text):
    """Return a data set with a marker in every element of the dictionary that can hold one."""
    made = Dataset()
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if not 0x0008 <= tag >> 16 < 0xFFF0 or keyword in _LEFT_OUT:
            continue
        if vr in _TEXTS:
            value = f"{MARK}{tag:08x}" + (text if vr in {"LO", "LT", "PN", "ST", "UT"} else "")
            made.add_new(tag, vr, value.encode("latin-1", "replace") if vr in "OBUN" else value)
        elif vr in _DATES:
            made.add_new(tag, vr, _DATES[vr])
        elif vr == "UI":
            made.add_new(tag, vr, f"1.2.{tag}.5318008")
        elif vr == "SQ":
            made.add_new(tag, vr, Sequence([_person(text), _person(text)]))
    block = made.private_block(0x0099, f"{MARK} PRIVATE", create=True)
    block.add_new(1, "LO", f"{MARK}{text}")
    block.add_new(2, "SQ", Sequence([_person(text)]))
    block.add_new(3, "OB", f"{MARK}".encode() * 3)
    return made


def _person(text):
    inner = Dataset()
    inner.PatientName, inner.PatientBirthDate = f"{MARK}^{text}", BIRTHDAY
    outer = Dataset()
    outer.PatientName, outer.InstitutionName = f"{MARK}^{text}", f"{MARK} HOSPITAL"
    outer.OtherPatientIDsSequence = Sequence([inner])
    return outer


def _frames():
    frames = np.full((6, 48, 64), 60, np.uint8)
    for t in range(6):
        frames[t, 10:26, 8 + 2 * t : 24 + 2 * t] = 200
    return frames


def _jpeg(frame):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x013B], exif[0x010E] = f"{MARK} ARTIST", f"{MARK} DESCRIPTION"
    Image.fromarray(frame).save(file, "JPEG", quality=95, comment=f"{MARK} COMMENT", exif=exif)
    return file.getvalue()


def _mpeg4(frames):
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as output:
        output.metadata["service_name"] = output.metadata["title"] = f"{MARK} TITLE"
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.stack([frame] * 3, -1), format="rgb24")
            output.mux(stream.encode(picture))
        output.mux(stream.encode())
    return file.getvalue()


def write_marked(path, syntax, charset, **elements):
    """Write the cine; `elements` replace what it says of itself."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(marked(syntax, charset, tuple(elements.items())))
    return path


@cache
def marked(syntax, charset, elements):
    """Return the bytes of the cine."""
    with unchecked():
        made = Dataset()
        made.update(marked_elements(FOREIGN[charset]))
        describe(made, syntax, charset)
        for keyword, value in elements:
            setattr(made.file_meta if keyword == "TransferSyntaxUID" else made, keyword, value)
        implicit, little = syntax == "implicit", syntax != "big"
        file = io.BytesIO()
        made.save_as(file, enforce_file_format=True, implicit_vr=implicit, little_endian=little)
    return file.getvalue()


def describe(made, syntax, charset):
    """Add what a reader needs: kind, size, clock, region and pixels."""
    frames = _frames()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = SYNTAXES[syntax]
    made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1"
    made.file_meta.MediaStorageSOPInstanceUID = "1.2.3.5318008"
    made.file_meta.ImplementationVersionName = MARK
    made.file_meta.SourceApplicationEntityTitle = MARK
    made.SpecificCharacterSet = ["", charset] if "2022" in charset else charset
    made.SOPClassUID, made.Modality = "1.2.840.10008.5.1.4.1.1.3.1", "US"
    made.NumberOfFrames, made.Rows, made.Columns = 6, 48, 64
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation, made.FrameTime = 7, 0, "40"
    region = _person(FOREIGN[charset])
    region.RegionSpatialFormat = region.RegionDataType = 1
    region.RegionFlags = region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 63, 47
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.02
    made.SequenceOfUltrasoundRegions = Sequence([region])
    made.preamble = (MARK.encode() * 26)[:128]
    made.PixelData = {
        "jpeg": lambda: encapsulate([_jpeg(frame) for frame in frames]),
        "mpeg4": lambda: encapsulate([_mpeg4(frames)]),
    }.get(syntax, frames.tobytes)()
    if syntax == "mpeg4":
        made.SamplesPerPixel, made.PhotometricInterpretation = 3, "YBR_PARTIAL_420"
        made.PlanarConfiguration = 0
    compressed = syntax in {"jpeg", "mpeg4"}
    made["PixelData"].VR = "OW" if syntax == "implicit" else "OB"
    made["PixelData"].is_undefined_length = compressed
    made.DataSetTrailingPadding = MARK.encode() * 10


def secrets(data):
    """Return the markers in `data`, in whatever way they may be written down."""
    found = [MARK] if MARK.encode() in data else []
    for text in (MARK, *FOREIGN.values()):
        ways = ("utf-8", "utf-16-le", "utf-16-be", "latin-1", "iso2022_jp", "shift_jis")
        written = [text.encode(way, "ignore") for way in ways]
        written += [json.dumps(text)[1:-1].encode(), text.encode("ascii", "xmlcharrefreplace")]
        found += [text for way in written if len(way) > 4 and way in data]
    found += [text for text in (BIRTHDAY, HOUR, "5318008") if text.encode() in data]
    return found


def unfolded(data):
    """Yield the bytes of a file, and what is compressed or encoded within."""
    yield data
    for picture in re.findall(rb"base64,([A-Za-z0-9+/=]+)", data):
        yield from unfolded(base64.b64decode(picture))
    if data.startswith(b"\x89PNG"):
        for kind, _ in png_chunks(data):
            assert kind in {b"IHDR", b"PLTE", b"IDAT", b"IEND"}, f"a chunk {kind} in a PNG"
        yield zlib.decompress(b"".join(body for kind, body in png_chunks(data) if kind == b"IDAT"))


def png_chunks(data):
    place = 8
    while place < len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        place += 12 + length


def require_no_secret(folder, *said):
    """Look through all files of an output and what was said."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        for data in unfolded(path.read_bytes()):
            assert secrets(data) == [], path.name
            assert str(folder.parent).encode() not in data, f"a whole path in {path.name}"
        assert secrets(str(path.relative_to(folder)).encode()) == []
    for text in said:
        assert secrets(text.encode(errors="surrogateescape")) == []
    return {path.suffix for path in files}


CASES = [
    ("implicit", "ISO_IR 100"),
    ("explicit", "ISO_IR 192"),
    ("deflated", "ISO_IR 100"),
    ("big", "ISO 2022 IR 87"),
    ("jpeg", "ISO 2022 IR 87"),
    ("mpeg4", "ISO_IR 192"),
]


@pytest.fixture
def cine(tmp_path, request):
    return write_marked(tmp_path / "in" / "cine.dcm", *request.param)


@pytest.mark.parametrize("cine", CASES, indirect=True, ids="-".join)
def test_the_made_cine_is_full_of_markers(cine):
    data = read_header(cine).inflated or cine.read_bytes()
    assert data.count(MARK.encode()) > 3000


@pytest.mark.parametrize("cine", CASES, indirect=True, ids="-".join)
def test_inspect_tells_no_secret(sonotrace, cine):
    for options in ([], ["--json"], ["--crop", "auto"]):
        outcome = sonotrace("inspect", cine, *options)
        assert outcome.code == 0, outcome.err
        require_no_secret(cine, outcome.out, outcome.err)


@pytest.mark.parametrize("cine", CASES, indirect=True, ids="-".join)
def test_track_writes_no_secret(sonotrace, cine, tiny_weights, tmp_path):
    out = tmp_path / "out"
    outcome = sonotrace(
        *["track", cine, "--box", "8,10,16,16", "--model", tiny_weights, "--out", out],
        *["--json", "--save-probabilities"],
    )
    assert outcome.code == 0, outcome.err
    suffixes = require_no_secret(out, outcome.out, outcome.err)
    assert suffixes == {"", ".png", ".npz", ".mp4", ".csv", ".json", ".html"}  # "": .sonotrace
    with av.open(str(out / "overlay.mp4")) as video:
        stated = {**video.metadata, **video.streams[0].metadata}
    assert set(stated) <= {
        *("major_brand", "minor_version", "compatible_brands", "encoder"),
        *("language", "handler_name", "vendor_id"),
    }


@pytest.mark.parametrize("cine", CASES[1:2], indirect=True, ids="-".join)
def test_data_sample_writes_no_secret(sonotrace, cine, tmp_path):
    out = tmp_path / "out"
    options = ["--every", "1-2", "--size", "32", "--json"]
    outcome = sonotrace("data", "sample", cine, "--out", out, *options)
    assert outcome.code == 0, outcome.err
    assert {".png", ".csv", ".json"} <= require_no_secret(out, outcome.out, outcome.err)


FAULTS = {
    "no known syntax": {"TransferSyntaxUID": "1.2.3.5318008"},
    "no known kind": {"SOPClassUID": "1.2.3.5318008", "Modality": MARK},
    "colours": {"PhotometricInterpretation": MARK},
    "too few pixels": {"Rows": 4000},
    "16 bits": {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15},
    "times": {"FrameTime": None, "FrameTimeVector": None, "CineRate": None},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_tells_no_secret(sonotrace, tmp_path, fault):
    path = write_marked(tmp_path / "in" / "cine.dcm", "explicit", "ISO_IR 192", **FAULTS[fault])
    outcome = sonotrace("inspect", path)
    assert outcome.code in {0, 3}
    require_no_secret(tmp_path / "nothing", outcome.out, outcome.err)


@pytest.mark.parametrize("part", [0.01, 0.6, 0.9999])
@pytest.mark.parametrize("syntax", ["explicit", "deflated", "jpeg"])
def test_a_damaged_cine_tells_no_secret(sonotrace, tmp_path, syntax, part):
    path = write_marked(tmp_path / "in" / "cine.dcm", syntax, "ISO_IR 192")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    cut = sonotrace("inspect", path)
    place = int(len(data) * part)
    path.write_bytes(data[:place] + b"\xff\x00\x01" * 7 + data[place + 21 :])
    garbled = sonotrace("inspect", path)
    for outcome in (cut, garbled):
        assert outcome.code in {0, 3}, outcome.err
        require_no_secret(tmp_path / "nothing", outcome.out, outcome.err)


def test_the_markers_are_found_where_there_are_some():
    assert secrets(f"a {MARK} b".encode())
    assert secrets("山田太郎".encode("shift_jis"))
    assert secrets(json.dumps("鈴木花子").encode())
    assert not secrets(b"sonotrace")
