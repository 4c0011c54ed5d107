"""Whatever a file holds, reading it ends in a clip or in a ReadError."""

import struct
import zlib

import pytest

from sonotrace.errors import ReadError
from sonotrace.io.dicom import header, looks_like_dicom, read_dicom

PREAMBLE = bytes(128) + b"DICM"


def element(group, number, vr, value):
    long = vr in {b"OB", b"SQ", b"UN"}
    length = struct.pack("<HL", 0, len(value)) if long else struct.pack("<H", len(value))
    return struct.pack("<HH2s", group, number, vr) + length + value


META = element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0")


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "made.dcm"
        path.write_bytes(content)
        return path

    return write


def test_files_with_and_without_preamble_look_like_dicom(dicom, written):
    path = dicom(syntax="implicit")
    assert looks_like_dicom(path)
    assert looks_like_dicom(written(path.read_bytes()[132:]))


@pytest.mark.parametrize(
    "content",
    [b"", b"\x02\0", b"\x89PNG\r\n\x1a\n" + bytes(200), b"RIFF" + bytes(200), b"\xff\xd8\xff\xe0"],
)
def test_other_files_do_not_look_like_dicom(written, content):
    path = written(content)
    assert not looks_like_dicom(path)
    with pytest.raises(ReadError, match="no DICOM"):
        read_dicom(path)


def test_a_file_without_preamble_is_read(dicom, written, scene):
    clip = read_dicom(written(dicom(syntax="implicit").read_bytes()[132:]))
    assert clip[0].numpy().tolist() == scene()[0][None].tolist()


@pytest.mark.parametrize("depth", [300, 3000, 50_000])
def test_deeply_nested_sequences_are_refused(written, depth):
    opened = struct.pack("<HH2sHL", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    with pytest.raises(ReadError):
        read_dicom(written(PREAMBLE + META + (opened + item) * depth))


def test_deeply_nested_regions_are_refused_or_passed_over(dicom, region):
    inner = region()
    for _ in range(60):
        outer = region()
        outer.SequenceOfUltrasoundRegions = [inner]
        inner = outer
    assert len(read_dicom(dicom(SequenceOfUltrasoundRegions=[inner])).regions) == 1


def test_a_file_of_countless_elements_is_refused_in_time(written, monkeypatch):
    monkeypatch.setattr(header, "MAX_READS", 1000)
    with pytest.raises(ReadError):
        read_dicom(written(PREAMBLE + META + element(9, 1, b"LO", b"") * 2000))


def test_an_announced_length_of_gigabytes_takes_no_memory(written):
    huge = struct.pack("<HH2sHL", 0x28, 0x1201, b"OW", 0, 0xFFFFFFF0)
    with pytest.raises(ReadError):
        read_dicom(written(PREAMBLE + META + huge))


def test_a_deflated_file_that_unfolds_too_far_is_refused(written, monkeypatch):
    monkeypatch.setattr(header, "MAX_INFLATED", 10_000)
    meta = element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1.99")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    data = packer.compress(bytes(10**6)) + packer.flush()
    with pytest.raises(ReadError, match="unfolds"):
        read_dicom(written(PREAMBLE + meta + data))


def test_a_missing_file_and_a_folder_are_read_errors(tmp_path):
    with pytest.raises(ReadError, match="does not exist"):
        read_dicom(tmp_path / "none.dcm")
    with pytest.raises(ReadError):
        read_dicom(tmp_path)


def test_a_header_without_pixels_is_refused(written):
    with pytest.raises(ReadError, match="no pixel data"):
        read_dicom(written(PREAMBLE + META))
