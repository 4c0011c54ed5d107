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

SUFFIXES = (".mha", ".nrrd")
POSE_NAME = "ImageToReference"
"""Name under which `world_from_image` is written."""

_SIZE_DIGITS = 20


def write_sequence(
    path: Path, sweep: Sweep, *, compress: bool = True, overwrite: bool = False
) -> None:
    """Write frames, transforms, status and times; numbers keep all their digits.

    Pictures are written in MF orientation, times as Timestamp in seconds from the first
    frame, the spacing as ElementSpacing (1 x 1 where it is not known), and
    `world_from_image` as ImageToReference unless a transform of that name is there already.
    Further channels are not written: write each as a sweep of its own.

    Args:
        path: Best `NAME.igs.mha` or `NAME.igs.nrrd`; the last suffix chooses the format.
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
            _write_nrrd(file, sweep, compress=compress)
        else:
            _write_metaio(file, sweep, compress=compress)


def _write_metaio(file: BinaryIO, sweep: Sweep, *, compress: bool) -> None:
    channels, rows, columns = sweep.clip.shape
    y, x = sweep.clip.spacing_mm or (1.0, 1.0)
    file.write(
        b"ObjectType = Image\nNDims = 3\nAnatomicalOrientation = RAI\nBinaryData = True\n"
        b"BinaryDataByteOrderMSB = False\nCenterOfRotation = 0 0 0\n"
    )
    size_at = None
    if compress:
        file.write(b"CompressedData = True\nCompressedDataSize = ")
        size_at = file.tell()
        file.write(b" " * _SIZE_DIGITS + b"\n")
    else:
        file.write(b"CompressedData = False\n")
    head = {
        "DimSize": f"{columns} {rows} {len(sweep.clip)}",
        "Kinds": "domain domain list",
        "ElementNumberOfChannels": str(channels),
        "ElementSpacing": f"{x!r} {y!r} 1",
        "ElementType": "MET_UCHAR",
        "Offset": "0 0 0",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    }
    for key, value in (*head.items(), *_fields(sweep), ("ElementDataFile", "LOCAL")):
        file.write(f"{key} = {value}\n".encode())
    begin = file.tell()
    packer = zlib.compressobj() if compress else None
    for data in _pixels(sweep):
        file.write(packer.compress(data) if packer else data)
    if packer and size_at is not None:
        file.write(packer.flush())
        size = file.tell() - begin
        file.seek(size_at)
        file.write(str(size).ljust(_SIZE_DIGITS).encode())


def _write_nrrd(file: BinaryIO, sweep: Sweep, *, compress: bool) -> None:
    channels, rows, columns = sweep.clip.shape
    y, x = sweep.clip.spacing_mm or (1.0, 1.0)
    colour = channels == 3
    head = {
        "type": "unsigned char",
        "dimension": "5" if colour else "4",
        "sizes": f"{'3 ' * colour}{columns} {rows} 1 {len(sweep.clip)}",
        "kinds": f"{'vector ' * colour}domain domain domain list",
        "spacings": f"{'nan ' * colour}{x!r} {y!r} 1 nan",
        "encoding": "gzip" if compress else "raw",
    }
    file.write(b"NRRD0004\n")
    for key, value in head.items():
        file.write(f"{key}: {value}\n".encode())
    for key, value in _fields(sweep):
        file.write(f"{key}:={value}\n".encode())
    file.write(b"\n")
    if not compress:
        for data in _pixels(sweep):
            file.write(data)
        return
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:
        for data in _pixels(sweep):
            packed.write(data)


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
    times = sweep.clip.times_s
    for i in range(len(sweep.clip)):
        frame = f"Seq_Frame{i:04d}"
        for name, matrices, valid in tracks:
            yield f"{frame}_{name}Transform", _matrix(matrices[i])
            yield f"{frame}_{name}TransformStatus", "OK" if valid[i] else "INVALID"
        if times is not None:
            yield f"{frame}_Timestamp", repr(float(times[i]))
        yield f"{frame}_ImageStatus", "OK"


def _matrix(matrix: Pose) -> str:
    return " ".join(repr(value) for value in matrix.to(torch.float64).reshape(-1).tolist())
