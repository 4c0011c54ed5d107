"""DICOM files made on the spot, small and with known pixels."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import gdcm
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID

MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.3.1"
SYNTAXES = {
    "implicit": "1.2.840.10008.1.2",
    "explicit": "1.2.840.10008.1.2.1",
    "deflated": "1.2.840.10008.1.2.1.99",
    "big": "1.2.840.10008.1.2.2",
    "jpeg": "1.2.840.10008.1.2.4.50",
    "extended": "1.2.840.10008.1.2.4.51",
    "lossless": "1.2.840.10008.1.2.4.70",
    "jpegls": "1.2.840.10008.1.2.4.80",
    "near": "1.2.840.10008.1.2.4.81",
    "j2k_lossless": "1.2.840.10008.1.2.4.90",
    "j2k": "1.2.840.10008.1.2.4.91",
    "rle": "1.2.840.10008.1.2.5",
    "mpeg2": "1.2.840.10008.1.2.4.100",
    "mpeg4": "1.2.840.10008.1.2.4.102",
    "hevc": "1.2.840.10008.1.2.4.107",
}


def header(frames: np.ndarray, syntax: str, **elements: object) -> Dataset:
    """An ultrasound cine without pixels; `elements` add, replace, or (None) take away."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(SYNTAXES.get(syntax, syntax))
    made.file_meta.MediaStorageSOPClassUID = UID(MULTI_FRAME)
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = UID("1.2.3.4")
    made.SOPClassUID = UID(MULTI_FRAME)
    made.Modality = "US"
    made.NumberOfFrames = len(frames)
    made.Rows, made.Columns = frames.shape[1:3]
    made.SamplesPerPixel = 3 if frames.ndim == 4 else 1
    made.PhotometricInterpretation = "RGB" if frames.ndim == 4 else "MONOCHROME2"
    if frames.ndim == 4:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    for keyword, value in elements.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def save(made: Dataset, path: Path, pixels: bytes | None) -> Path:
    """Write a file with the given pixel data."""
    syntax = made.file_meta.TransferSyntaxUID
    if pixels is not None:
        made.PixelData = pixels + b"\0" * (len(pixels) % 2)
        made["PixelData"].VR = "OW" if syntax.is_implicit_VR else "OB"
        made["PixelData"].is_undefined_length = syntax.is_encapsulated
    made.save_as(path, enforce_file_format=True, implicit_vr=None, little_endian=None)
    return path


def jpeg(picture: np.ndarray, **options: object) -> bytes:
    """Compress by Pillow."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", **{"quality": 95, "subsampling": 0} | options)
    return file.getvalue()


def by_gdcm(picture: np.ndarray, syntax: str) -> bytes:
    """Compress (H, W[, 3]) by GDCM, from file to file."""
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = Path(folder, "plain.dcm"), Path(folder, "packed.dcm")
        save(header(picture[None], "explicit", NumberOfFrames=None), plain, picture.tobytes())
        reader = gdcm.ImageReader()
        reader.SetFileName(str(plain))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        kind = gdcm.TransferSyntax.GetTSType(SYNTAXES[syntax])
        change.SetTransferSyntax(gdcm.TransferSyntax(kind))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(packed))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return next(generate_frames(dcmread(packed).PixelData, number_of_frames=1))


def by_pillow_j2k(picture: np.ndarray, *, lossless: bool, mct: bool = True) -> bytes:
    """Compress as a JPEG 2000 codestream."""
    file = io.BytesIO()
    options = {} if lossless else {"quality_mode": "dB", "quality_layers": [50]}
    Image.fromarray(picture).save(
        file, "JPEG2000", no_jp2=True, irreversible=not lossless, mct=int(mct), **options
    )
    return file.getvalue()


def compress(frame: np.ndarray, syntax: str) -> bytes:
    """Compress one frame as the transfer syntax asks."""
    if syntax in {"jpeg", "extended"}:
        return jpeg(frame)
    if syntax in {"lossless", "jpegls", "near"}:
        return by_gdcm(frame, syntax)
    if syntax in {"j2k", "j2k_lossless"}:
        return by_pillow_j2k(frame, lossless=syntax == "j2k_lossless")
    samples = 3 if frame.ndim == 3 else 1
    return get_encoder(UID(SYNTAXES["rle"])).encode(
        frame,
        encoding_plugin="pydicom",
        rows=frame.shape[0],
        columns=frame.shape[1],
        samples_per_pixel=samples,
        number_of_frames=1,
        bits_allocated=8,
        bits_stored=8,
        pixel_representation=0,
        photometric_interpretation="RGB" if samples == 3 else "MONOCHROME2",
        planar_configuration=0,
    )


def stream(frames: np.ndarray, codec: str, container: str) -> bytes:
    """Encode (T, H, W, 3) as a video stream with a key frame every 12 frames."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        encoder = output.add_stream(codec, rate=25)
        encoder.width, encoder.height, encoder.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        encoder.gop_size, encoder.max_b_frames = 12, 2
        encoder.bit_rate = 8_000_000  # so that MPEG-2 keeps the brightness of every frame
        if codec == "libx265":
            encoder.options = {"x265-params": "log-level=none:pools=none:frame-threads=1"}
        for frame in frames:
            output.mux(encoder.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(encoder.encode())
    return file.getvalue()


def scene(
    frames: int = 4, rows: int = 24, columns: int = 32, *, colour: bool = False
) -> np.ndarray:
    """Smooth grey or coloured frames (T, H, W[, 3]), each one brighter than the one before."""
    row, column = np.mgrid[0:rows, 0:columns]
    grey = np.stack([30 * t + row + 2 * column for t in range(frames)]).astype(np.uint8)
    if not colour:
        return grey
    return np.stack([grey, 255 - grey, np.full_like(grey, 40)], axis=-1)


@pytest.fixture
def dicom(tmp_path: Path) -> Callable[..., Path]:
    """Write a cine: `dicom(frames, syntax, data=None, **elements)`."""

    def write(
        frames: np.ndarray | None = None,
        syntax: str = "explicit",
        *,
        data: bytes | None = None,
        **elements: object,
    ) -> Path:
        frames = scene() if frames is None else frames
        made = header(frames, syntax, **elements)
        if data is None and made.file_meta.TransferSyntaxUID.is_encapsulated:
            data = encapsulate([compress(frame, syntax) for frame in frames])
        number = len(list(tmp_path.iterdir()))
        return save(made, tmp_path / f"{number}.dcm", frames.tobytes() if data is None else data)

    return write


@pytest.fixture
def region() -> Callable[..., Dataset]:
    """One ultrasound region: 2D tissue in cm within 24 x 32 pixels, unless told otherwise."""

    def make(**elements: object) -> Dataset:
        item = Dataset()
        item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
        item.RegionLocationMinX0, item.RegionLocationMinY0 = 0, 0
        item.RegionLocationMaxX1, item.RegionLocationMaxY1 = 31, 23
        item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
        item.PhysicalDeltaX, item.PhysicalDeltaY = 0.02, 0.05
        for keyword, value in elements.items():
            setattr(item, keyword, value)
        return item

    return make


@pytest.fixture(name="scene")
def _scene() -> Callable[..., np.ndarray]:
    return scene


@pytest.fixture(name="jpeg")
def _jpeg() -> Callable[..., bytes]:
    return jpeg


@pytest.fixture(name="j2k")
def _j2k() -> Callable[..., bytes]:
    return by_pillow_j2k


@pytest.fixture(name="stream")
def _stream() -> Callable[..., bytes]:
    return stream
