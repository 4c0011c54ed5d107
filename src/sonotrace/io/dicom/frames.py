"""Frames of a DICOM file, each read and decoded by itself when it is asked for."""

import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from sonotrace.errors import ReadError
from sonotrace.io.colour import conform
from sonotrace.io.dicom.decode import DamagedFrameError, FrameDecoder
from sonotrace.io.dicom.fragments import Layout
from sonotrace.io.dicom.header import EXPORT_AGAIN, BinaryFile, damage_explained
from sonotrace.io.dicom.pixels import NATIVE
from sonotrace.types import Frame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DicomFrames:
    """Frames of one file whose places are known; may be pickled, holds nothing open."""

    path: Path
    inflated: bytes | None = field(repr=False)
    """The whole file where it was deflated, since such a file has no other way in."""
    layout: Layout
    decoder: FrameDecoder
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.layout.first) - 1

    def __getitem__(self, index: int) -> Frame:
        """Read and decode one frame and no other.

        Raises:
            ReadError: Its data are damaged, or the file has gone or become shorter.
        """
        with damage_explained(self.path), self._open() as file:
            try:
                pixels = self.decoder.decode(self._bytes(file, index))
            except (DamagedFrameError, ValueError, OSError, RuntimeError, SyntaxError) as error:
                known = f": it {error}" if isinstance(error, DamagedFrameError) else ""
                problem = f"frame {index} is damaged{known}."
                raise ReadError(self.path, problem, EXPORT_AGAIN) from None
        frame = torch.from_numpy(np.array(pixels.transpose(2, 0, 1), order="C"))  # (C, H, W)
        return conform(self.path, frame, self.shape)

    def _open(self) -> BinaryFile:
        return self.path.open("rb") if self.inflated is None else io.BytesIO(self.inflated)

    def _bytes(self, file: BinaryFile, index: int) -> bytes:
        """Return the bytes of one frame; those of swapped words are put in order."""
        swapped = self.decoder.pixels.word_swapped and self.decoder.pixels.syntax in NATIVE
        data = self.layout.read_words(file, index) if swapped else self.layout.read(file, index)
        if len(data) < self.layout.length(index):
            raise DamagedFrameError("is no longer whole, because the file has become shorter")
        return data
