"""DICOM ultrasound: pictures and cines, decoded frame by frame; clock, regions, spacing."""

from sonotrace.io.dicom.header import looks_like_dicom
from sonotrace.io.dicom.read import read_dicom

__all__ = ["looks_like_dicom", "read_dicom"]
