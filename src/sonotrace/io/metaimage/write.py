"""A `Sweep` as a sequence file that PLUS, 3D Slicer and ITK open."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import torch

from sonotrace.data.sweep import Sweep
from sonotrace.errors import UsageError
from sonotrace.io.whole import whole_file
from sonotrace.types import Pose

SUFFIXES = (".mha", ".mhd", ".nrrd")
POSE_NAME = "ImageToReference"
"""Name under which `world_from_image` is written."""

_SIZE_DIGITS = 20
_SIZE_KEY = b"CompressedDataSize = "


def write_sequence(
    path: Path, sweep: Sweep, *, compress: bool = True, overwrite: bool = False
) -> None:
    """Write frames, transforms, status and times; numbers keep all their digits.

    Pictures are written in MF orientation, times as Timestamp in seconds on the clock that
    starts at `clock_start_s`, the spacing as ElementSpacing (1 x 1 where it is not known), and
    `world_from_image` as ImageToReference unless a transform of that name is there already.
    Further channels are not written: write each as a sweep of its own.

    Args:
        path: Best `NAME.igs.mha` or `NAME.igs.nrrd`; the last suffix chooses the format. Beside
            a `.mhd` its pixels are written as `.zraw` or `.raw`, and the header comes last.
        sweep: What to write.
        compress: Press the pixels with zlib (MetaImage) or gzip (NRRD).
        overwrite: Replace `path` if it exists.

    Raises:
        UsageError: The suffix is another one.
        OutputExistsError: `path` exists and `overwrite` is false.
        ResourceError: The disk is full.
    """
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{path}: sequences are written as {' or '.join(SUFFIXES)}.")
    with whole_file(path, overwrite=overwrite) as partial, partial.open("w+b") as file:
        if path.suffix == ".nrrd":
            for_slicer = path.name.endswith(".seq.nrrd")
            _write_nrrd(file, sweep, compress=compress, for_slicer=for_slicer)
        elif path.suffix == ".mha":
            _write_metaio(file, sweep, compress=compress)
        else:
            data_path = path.with_suffix(".zraw" if compress else ".raw")
            with whole_file(data_path, overwrite=overwrite) as data, data.open("wb") as pixels:
                size = _write_pixels(pixels, sweep, compress=compress)
            stated = str(size) if compress else None
            file.write(_metaio_header(sweep, compressed_size=stated, data_file=data_path.name))


def _write_metaio(file: BinaryIO, sweep: Sweep, *, compress: bool) -> None:
    """Write header and pixels; the size of the pixels is filled in when it is known."""
    blank = " " * _SIZE_DIGITS if compress else None
    header = _metaio_header(sweep, compressed_size=blank, data_file="LOCAL")
    file.write(header)
    size = _write_pixels(file, sweep, compress=compress)
    if compress:
        file.seek(header.index(_SIZE_KEY) + len(_SIZE_KEY))
        file.write(str(size).ljust(_SIZE_DIGITS).encode())


def _metaio_header(sweep: Sweep, *, compressed_size: str | None, data_file: str) -> bytes:
    channels, rows, columns = sweep.clip.shape
    y, x = sweep.clip.spacing_mm or (1.0, 1.0)
    head = {
        "ObjectType": "Image",
        "NDims": "3",
        "AnatomicalOrientation": "RAI",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CenterOfRotation": "0 0 0",
        "CompressedData": "False" if compressed_size is None else "True",
        "DimSize": f"{columns} {rows} {len(sweep.clip)}",
        "Kinds": "domain domain list",
        "ElementNumberOfChannels": str(channels),
        "ElementSpacing": f"{x!r} {y!r} 1",
        "ElementType": "MET_UCHAR",
        "Offset": "0 0 0",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    }
    if compressed_size is not None:
        head["CompressedDataSize"] = compressed_size
    pairs = (*head.items(), *_fields(sweep), ("ElementDataFile", data_file))
    return "".join(f"{key} = {value}\n" for key, value in pairs).encode()


def _write_pixels(file: BinaryIO, sweep: Sweep, *, compress: bool) -> int:
    """Write all frames, as one zlib stream or as they are, and return the number of bytes."""
    begin = file.tell()
    packer = zlib.compressobj() if compress else None
    for data in _pixels(sweep):
        file.write(packer.compress(data) if packer else data)
    if packer:
        file.write(packer.flush())
    return file.tell() - begin


def _write_nrrd(file: BinaryIO, sweep: Sweep, *, compress: bool, for_slicer: bool) -> None:
    channels, rows, columns = sweep.clip.shape
    y, x = sweep.clip.spacing_mm or (1.0, 1.0)
    colour = channels == 3
    head = {
        "type": "unsigned char",
        "dimension": "5" if colour else "4",
        "space": "left-posterior-superior",
        "sizes": f"{'3 ' * colour}{columns} {rows} 1 {len(sweep.clip)}",
        "space directions": f"{'none ' * colour}({x!r},0,0) (0,{y!r},0) (0,0,1) none",
        "kinds": f"{'vector ' * colour}domain domain domain list",
        "encoding": "gzip" if compress else "raw",
        "space origin": "(0,0,0)",
    }
    file.write(b"NRRD0004\n")
    for key, value in head.items():
        file.write(f"{key}: {value}\n".encode())
    if for_slicer:
        file.write(_slicer_index(sweep, axes_before=4 if colour else 3).encode())
    for key, value in _fields(sweep):
        file.write(f"{key}:={value}\n".encode())
    file.write(b"\n")
    if not compress:
        _write_pixels(file, sweep, compress=False)
        return
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:
        for data in _pixels(sweep):
            packed.write(data)


def _slicer_index(sweep: Sweep, *, axes_before: int) -> str:
    """Return the fields by which 3D Slicer knows a sequence and the time of its frames.

    They are left out of `.igs.nrrd`, because PLUS reads no lines of any length.
    """
    times = _stamps(sweep)
    empty = '"" ' * axes_before
    values = range(len(sweep.clip)) if times is None else times
    named = ('"frame"', '""') if times is None else ('"time"', '"s"')
    return (
        f"labels: {empty}{named[0]}\nunits: {empty}{named[1]}\n"
        f"axis {axes_before} index type:=numeric\n"
        f"axis {axes_before} index values:={' '.join(repr(value) for value in values)}\n"
    )


def _pixels(sweep: Sweep) -> Iterator[bytes]:
    for frame in sweep.clip:
        yield frame.cpu().permute(1, 2, 0).contiguous().numpy().tobytes()  # (H, W, C)


def _fields(sweep: Sweep) -> Iterator[tuple[str, str]]:
    """Yield the fields of the sequence, then those of each frame."""
    yield "UltrasoundImageOrientation", "MFA"
    yield "UltrasoundImageType", "BRIGHTNESS" if sweep.clip.shape[0] == 1 else "RGB_COLOR"
    for name, rows in sweep.constant_transforms.items():
        yield f"{name}Transform", " ".join(repr(float(value)) for row in rows for value in row)
    tracks = [(track.name, track.matrices, track.valid) for track in sweep.transforms]
    poses = sweep.world_from_image
    if poses is not None and POSE_NAME not in {name for name, _, _ in tracks}:
        tracks.append((POSE_NAME, poses, (True,) * len(poses)))
    times = _stamps(sweep)
    pictures_valid = sweep.pictures_valid or (True,) * len(sweep.clip)
    for i in range(len(sweep.clip)):
        frame = f"Seq_Frame{i:04d}"
        for name, matrices, valid in tracks:
            yield f"{frame}_{name}Transform", _matrix(matrices[i])
            yield f"{frame}_{name}TransformStatus", "OK" if valid[i] else "INVALID"
        if times is not None:
            yield f"{frame}_Timestamp", repr(times[i])
        yield f"{frame}_ImageStatus", "OK" if pictures_valid[i] else "INVALID"


def _stamps(sweep: Sweep) -> list[float] | None:
    """Return the times of the frames on the recorder's clock."""
    times = sweep.clip.times_s
    return None if times is None else (times.double() + sweep.clock_start_s).tolist()


def _matrix(matrix: Pose) -> str:
    return " ".join(repr(value) for value in matrix.to(torch.float64).reshape(-1).tolist())
