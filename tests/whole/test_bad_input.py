"""Every bad input ends in its documented exit code, a useful message, and nothing left behind."""

import errno
import io
import json
import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from pydicom import Dataset, examples
from pydicom.uid import ExplicitVRLittleEndian

from sonotrace.io.picture import write_labels

READ, CONTRACT, MODEL, RESOURCE, USAGE = 3, 4, 5, 6, 2


def no_harm(outcome, folder, before):
    """Check what holds after every failure, whatever it was."""
    assert outcome.out == "", "talk on stdout"
    assert "Traceback" not in outcome.err
    assert "a fault of sonotrace" not in outcome.err
    assert set(folder.rglob("*")) == before, "something was left behind"


def png(width, height, data=b"", depth=8, colour=0):
    """A PNG that announces a size; its pixels are `data`, compressed."""

    def chunk(name, content):
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b"")


def dicom(**elements):
    """A DICOM cine of one grey frame of 4 x 4 pixels; `elements` replace what it says."""
    made = Dataset()
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1"
    made.Modality, made.NumberOfFrames, made.Rows, made.Columns = "US", 1, 4, 4
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    made.PixelData = bytes(16)
    made["PixelData"].VR = "OB"
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    made.ensure_file_meta()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=False, implicit_vr=False, little_endian=True)
    return bytes(128) + b"DICM" + file.getvalue().removeprefix(bytes(128) + b"DICM")


def nested_dicom(depth):
    """A DICOM file with a sequence in a sequence in a sequence, written without recursion."""
    whole = dicom()
    start = whole.index(b"\xe0\x7f\x10\x00")  # the pixel data
    down = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    up = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return whole[:start] + down * depth + up * depth + whole[start:]


def video(folder, *, index_first):
    """The bytes of an MP4 of twenty frames of noise, with its index first or last."""
    path, noise = folder / "whole.mp4", np.random.default_rng(0)
    options = {"movflags": "+faststart"} if index_first else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(20):
            pixels = noise.integers(0, 256, (48, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    data = path.read_bytes()
    path.unlink()
    return data


def mha(header, pixels=b""):
    return header.encode() + pixels


_MHA = "ObjectType = Image\nNDims = 3\nBinaryData = True\nDimSize = {}\nElementType = MET_UCHAR\n"
_KINDS = "Kinds = domain domain list\nElementDataFile = LOCAL\n"

FILES = {
    "empty file": lambda folder: b"",
    "one byte": lambda folder: b"\0",
    "text": lambda folder: b"frames: none\n",
    "random bytes": lambda folder: np.random.default_rng(0).bytes(5000),
    "PNG bomb": lambda folder: png(60_000, 60_000, bytes(1000)),
    "PNG of 2^31 columns": lambda folder: png(2**31 - 1, 2**31 - 1),
    "PNG without pixels": lambda folder: png(40, 40),
    "PNG of no size": lambda folder: png(0, 0),
    "PNG cut short": lambda folder: png(400, 400, bytes(160_400))[:60],
    "PNG of 16 bits": lambda folder: png(8, 8, bytes(17 * 8), depth=16),
    "TIFF cut short": lambda folder: b"II*\0\x08\0\0\0",
    "BMP of a huge size": lambda folder: (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 60_000, 60_000, 1, 24, *[0] * 6)
    ),
    "JPEG cut short": lambda folder: b"\xff\xd8\xff\xe0\0\x10JFIF",
    "DICOM of 65535 x 65535": lambda folder: dicom(Rows=65_535, Columns=65_535),
    "DICOM of no rows": lambda folder: dicom(Rows=0),
    "DICOM of 2 million frames": lambda folder: dicom(NumberOfFrames=1_999_999),
    "DICOM of 2^31 frames": lambda folder: dicom(NumberOfFrames=2**31 - 1),
    "DICOM of minus one frame": lambda folder: dicom(NumberOfFrames=-1),
    "DICOM cut in the header": lambda folder: dicom()[:300],
    "DICOM cut in the pixels": lambda folder: dicom()[:-9],
    "DICOM of 20,000 nested sequences": lambda folder: nested_dicom(20_000),
    "DICOM of a CT": lambda folder: dicom(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2", Modality="CT", PatientName="SECRET^NAME"
    ),
    "DICOM cine cut in the middle": lambda folder: Path(
        examples.get_path("ybr_color")
    ).read_bytes()[:200_000],
    "MP4 cut in the middle": lambda folder: video(folder, index_first=False)[:15_000],
    "MP4 cut in its index": lambda folder: video(folder, index_first=True)[:600],
    "MP4 of no pictures": lambda folder: b"\0\0\0\x18ftypisom" + bytes(12),
    "GIF cut short": lambda folder: b"GIF89a\x40\0\x30\0",
    "GIF of 65535 x 65535": lambda folder: (
        b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0;"
    ),
    "AVI of nothing": lambda folder: b"RIFF\xff\xff\xff\x7fAVI " + bytes(40),
    "sequence cut short": lambda folder: mha(_MHA.format("64 48 5") + _KINDS, bytes(100)),
    "sequence of 60000 x 60000": lambda folder: mha(_MHA.format("60000 60000 5") + _KINDS),
    "sequence of 10^12 frames": lambda folder: mha(_MHA.format("4 4 1000000000000") + _KINDS),
    "sequence that names another file": lambda folder: mha(
        _MHA.format("4 4 5") + "Kinds = domain domain list\nElementDataFile = /etc/passwd\n"
    ),
    "NRRD of a huge size": lambda folder: (
        b"NRRD0005\ntype: uchar\ndimension: 3\nsizes: 60000 60000 9\nencoding: raw\n\n"
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_refused(sonotrace, tmp_path, name):
    path = tmp_path / "input"
    path.write_bytes(FILES[name](tmp_path))
    before = set(tmp_path.rglob("*"))
    for extra in ([], ["--json"]):
        outcome = sonotrace("inspect", path, *extra)
        assert outcome.code == READ, outcome.err
        no_harm(outcome, tmp_path, before)
        assert str(path) in outcome.err
        assert re.search(r"\. [A-Z][^.]*", outcome.err), "no advice"
        assert "SECRET" not in outcome.err
        assert len(outcome.err) < 600


@pytest.mark.parametrize("name", ["PNG bomb", "DICOM cine cut in the middle", "text"])
def test_track_and_sample_refuse_the_same(sonotrace, tmp_path, mask, tiny_weights, name):
    path = tmp_path / "input"
    path.write_bytes(FILES[name](tmp_path))
    before = set(tmp_path.rglob("*"))
    out = tmp_path / "out"
    tracked = sonotrace("track", path, "--mask", mask, "--out", out, "--model", tiny_weights)
    sampled = sonotrace("data", "sample", path, "--out", out)
    for outcome in (tracked, sampled):
        assert outcome.code == READ, outcome.err
        no_harm(outcome, tmp_path, before)


def test_a_folder_that_is_no_clip_is_refused(sonotrace, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("a")
    (tmp_path / "sizes").mkdir()
    for i in range(3):
        Image.new("L", (40 + i, 40)).save(tmp_path / f"sizes/{i}.png")
    (tmp_path / "folder.dcm").mkdir()
    before = set(tmp_path.rglob("*"))
    for name in ("empty", "texts", "sizes", "folder.dcm", "missing", "missing.mp4"):
        outcome = sonotrace("inspect", tmp_path / name)
        assert outcome.code == READ, outcome.err
        no_harm(outcome, tmp_path, before)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "/proc/self/mem"])
def test_a_device_is_refused_and_never_read(sonotrace, path):
    if not Path(path).exists():
        pytest.skip(f"this system has no {path}")
    assert sonotrace("inspect", path).code == READ


def test_a_file_that_may_not_be_read_is_refused(sonotrace, frames, monkeypatch):
    opened = Path.open

    def forbidden(path, *arguments, **options):
        if path.name == "input":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *arguments, **options)

    (frames / "input").write_bytes(b"any")
    monkeypatch.setattr(Path, "open", forbidden)
    outcome = sonotrace("inspect", frames / "input")
    assert (outcome.code, outcome.out) == (READ, "")
    assert "Permission denied" in outcome.err


def _palette(values):
    return lambda path: write_labels(path, torch.from_numpy(values.astype(np.uint8)))


def _grey(values):
    return lambda path: Image.fromarray(values).save(path)


_RAMP = np.arange(48 * 64).reshape(48, 64)
MASKS = {
    "of another size": (_palette(np.ones((40, 64))), "64 x 40"),
    "of 54 grey levels": (_grey((_RAMP % 54).astype(np.uint8)), "54 different values"),
    "with ids over 254": (_grey((_RAMP % 900).astype(np.uint16)), "1 to 254"),
    "in RGB": (_grey(np.stack([_RAMP % 7 * 30, _RAMP % 2, _RAMP % 3], -1).astype("u1")), "palette"),
    "without an object": (_palette(np.zeros((48, 64))), "no object"),
    "of nothing but void": (_palette(np.full((48, 64), 255)), "no object"),
}


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_that_does_not_fit_is_refused(track, tmp_path, name):
    write, words = MASKS[name]
    write(tmp_path / "bad.png")
    before = set(tmp_path.rglob("*"))
    outcome = track("--mask", tmp_path / "bad.png")
    assert outcome.code == CONTRACT, outcome.err
    assert words in outcome.err
    no_harm(outcome, tmp_path, before)


def test_a_mask_that_is_a_folder_or_missing_is_refused(track, tmp_path):
    before = set(tmp_path.rglob("*"))
    for name in (tmp_path, tmp_path / "missing.png"):
        outcome = track("--mask", name)
        assert outcome.code == READ, outcome.err
        no_harm(outcome, tmp_path, before)


OPTIONS = {
    "nothing marked": ([], USAGE, "--mask FILE"),
    "frame off the clip": (["--mask", "{mask}@77"], USAGE, "0 to 5"),
    "box of three numbers": (["--box", "1,2,3"], USAGE, "4 numbers"),
    "box off the picture": (["--box", "500,500,3,3"], USAGE, "64 x 48"),
    "box of no numbers": (["--box", "nan,inf,3,3"], USAGE, "--box"),
    "click off the picture": (["--click", "999,0"], USAGE, "64 x 48"),
    "two marks on one pixel": (["--mask", "{mask}", "--mask", "{mask}"], USAGE, "overlaps"),
    "unknown target": (["--target", "liver"], USAGE, "lesion or needle"),
    "unknown memory": (["--memory", "big"], USAGE, "bounded"),
    "unknown device": (["--device", "tpu"], USAGE, "--device"),
    "unknown backend": (["--backend", "magic"], USAGE, "--backend"),
    "unknown precision": (["--precision", "fp8"], USAGE, "--precision"),
    "unknown option": (["--nonsense"], USAGE, "--nonsense"),
    "void of 7": (["--void", "7"], USAGE, "255"),
    "negative seed": (["--seed", "-1"], USAGE, "--seed"),
    "seed of 24 digits": (["--seed", "9" * 24], USAGE, "--seed"),
    "no memory": (["--memory-every", "0"], USAGE, "--memory-every"),
    "frames backwards": (["--from", "5", "--to", "2"], USAGE, "0 to 5"),
    "negative frame": (["--from", "-3"], USAGE, "0 to 5"),
    "crop off the picture": (["--crop", "0,0,9999,1"], USAGE, "64 x 48"),
    "crop of no numbers": (["--crop", "nan,0,1,1"], USAGE, "--crop"),
    "crop too small": (["--crop", "8,10,9,9"], CONTRACT, "at least"),
    "spacing of zero": (["--spacing-mm", "0,0"], CONTRACT, "impossible"),
    "spacing of words": (["--spacing-mm", "fine"], USAGE, "--spacing-mm"),
    "millimetres unknown": (["--require-mm"], CONTRACT, "--spacing-mm"),
    "unknown family": (["--model", "unet"], MODEL, "stcn"),
    "unknown size": (["--model", "stcn:huge"], MODEL, "small"),
    "size without weights": (["--model", "stcn:tiny"], MODEL, "stcn:small"),
    "missing weights": (["--model", "runs/best.safetensors"], READ, "runs/best"),
    "a picture for weights": (["--model", "{mask}"], MODEL, "safetensors"),
    "output within a file": (["--out", "{mask}/out"], USAGE, "cannot be written"),
    "output where none can be": (["--out", "/proc/out"], USAGE, "cannot be written"),
    "output exists": (["--out", "{frames}/../old"], USAGE, "--overwrite"),
    "output over the input": (["--out", "{frames}", "--overwrite"], USAGE, "input"),
    "output over the folder of it": (["--out", "{frames}/..", "--overwrite"], USAGE, "input"),
    "output over the mask": (["--out", "{mask}", "--overwrite"], USAGE, "input"),
    "output over this folder": (["--out", ".", "--overwrite"], USAGE, "Choose"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_bad_option_is_refused_before_any_work(track, tmp_path, frames, mask, name, monkeypatch):
    options, code, words = OPTIONS[name]
    (tmp_path / "here").mkdir()
    (tmp_path / "old").mkdir()
    (tmp_path / "old/report.json").write_text("{}")
    monkeypatch.chdir(tmp_path / "here")
    filled = [option.format(mask=mask, frames=frames) for option in options]
    if not any(option in {"--mask", "--box", "--click"} for option in filled) and options:
        filled = ["--mask", str(mask), *filled]
    before = set(tmp_path.rglob("*"))
    outcome = track(*filled)
    assert outcome.code == code, outcome.err
    assert words in outcome.err
    no_harm(outcome, tmp_path, before)


MEMORY = """
import resource, sys
from sonotrace.cli import main
from sonotrace.cli.inputs import open_input  # loads what inspect loads
import sonotrace.io
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sys.argv = ["sonotrace", "inspect", "FILE"]
for path in sys.stdin.read().split():
    sys.argv[2] = path
    try:
        main()
    except SystemExit as end:
        assert end.code == 3, (path, end.code)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) // 1024)
"""


def test_sizes_are_checked_before_memory_is_taken(tmp_path):
    names = [name for name in FILES if re.search(r"000|65535|2\^31|10\^12|bomb|huge|million", name)]
    paths = []
    for i, name in enumerate(names):
        paths.append(tmp_path / str(i))
        paths[-1].write_bytes(FILES[name](tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", MEMORY],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100, f"{done.stdout} MiB were taken"


def test_json_stays_whole_when_all_goes_well(track, mask):
    outcome = track("--mask", mask)
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["frames"] == 6
