"""The regions of an ultrasound picture, and whether millimetres follow from them.

Source: DICOM PS3.3, section C.8.5.5 (US Region Calibration). Bounds are inclusive, physical
deltas are per pixel in the stated unit, and PixelSpacing is row first.
"""

import math
from typing import NamedTuple

from pydicom import Dataset

from sonotrace.data.clip import Region, SpacingSource
from sonotrace.io.dicom.header import Header, number, numbers, text, value, whole
from sonotrace.io.dicom.pixels import ULTRASOUND, PixelFormat

MAX_REGIONS = 256
"""Regions of one picture; a screen has a handful."""
AGREE = 0.001
"""Relative difference up to which two spacings are the same."""

UNITS = {
    0: "none",
    1: "percent",
    2: "dB",
    3: "cm",
    4: "s",
    5: "Hz",
    6: "dB/s",
    7: "cm/s",
    8: "cm2",
    9: "cm2/s",
    10: "cm3",
    11: "cm3/s",
    12: "degree",
}
"""Codes of PhysicalUnitsXDirection and PhysicalUnitsYDirection."""
_FORMATS = {1: "2D", 2: "M-mode", 3: "spectral", 4: "waveform", 5: "graphics"}
_DATA = {
    1: "tissue",
    2: "colour flow",
    3: "PW Doppler",
    4: "CW Doppler",
    5: "Doppler mean trace",
    6: "Doppler mode trace",
    7: "Doppler maximum trace",
    8: "volume trace",
    10: "ECG",
    11: "pulse",
    12: "phonocardiogram",
    13: "grey bar",
    14: "colour bar",
    15: "integrated backscatter",
    16: "area trace",
    17: "d(area)/dt",
    18: "other",
}
_TISSUE = "2D tissue"
_UNKNOWN: SpacingSource = "unknown"


class Spacing(NamedTuple):
    """Row and column spacing with its source, and why it can or cannot be trusted."""

    mm: tuple[float, float] | None
    source: SpacingSource
    note: str


def read_regions(header: Header, pixels: PixelFormat) -> tuple[tuple[Region, ...], list[str]]:
    """Return every region of the file with its own trust, and warnings."""
    if "SequenceOfUltrasoundRegions" not in header.values:
        return (), []
    items = value(header.values, "SequenceOfUltrasoundRegions")
    try:
        listed = [item for item in items or () if isinstance(item, Dataset)]  # type: ignore[attr-defined]
    except TypeError:
        return (), ["its list of regions is damaged and was not used."]
    notes = []
    if len(listed) > MAX_REGIONS:
        notes.append(f"it lists {len(listed)} regions, of which {MAX_REGIONS} are read.")
    regions = []
    for i, item in enumerate(listed[:MAX_REGIONS]):
        region = _region(item, pixels)
        if region is None:
            notes.append(f"region {i} is incomplete or damaged and was not used.")
        else:
            regions.append(region)
            notes.extend(f"region {i} ({region.kind}) {note}" for note in _oddities(region, pixels))
    return tuple(regions), notes


def choose_spacing(header: Header, regions: tuple[Region, ...]) -> tuple[Spacing, list[str]]:
    """Return the spacing of the whole picture, if there is one that can be trusted.

    A region's is taken if exactly one 2D tissue region can be trusted, or all that can be
    agree. PixelSpacing is taken only from files without regions.
    """
    stated = numbers(header.values, "PixelSpacing")
    if not regions and "SequenceOfUltrasoundRegions" not in header.values:
        return _by_pixel_spacing(header, stated), []
    spacing = _by_regions(regions)
    notes = []
    if (
        spacing.mm is not None
        and len(stated) == 2
        and not _agree(spacing.mm, (stated[0], stated[1]))
    ):
        notes.append(
            f"PixelSpacing says {stated[0]:g} x {stated[1]:g} mm, the region "
            f"{spacing.mm[0]:g} x {spacing.mm[1]:g} mm; the region is believed."
        )
    outside = [region for region in regions if not region.inside]
    if spacing.mm is not None and outside:
        notes.append(
            f"{len(outside)} other regions leave the stored picture, which may have been cut or "
            f"scaled; check the millimetres."
        )
    return spacing, notes


def _region(item: Dataset, pixels: PixelFormat) -> Region | None:
    names = ("MinX0", "MinY0", "MaxX1", "MaxY1")
    bounds = [whole(item, f"RegionLocation{name}") for name in names]
    delta = number(item, "PhysicalDeltaX"), number(item, "PhysicalDeltaY")
    units = [whole(item, f"PhysicalUnits{axis}Direction") for axis in "XY"]
    left, top, right, bottom = bounds
    if left is None or top is None or right is None or bottom is None:
        return None
    # Some writers state one past the last pixel, against the standard.
    inside = 0 <= left <= right <= pixels.columns and 0 <= top <= bottom <= pixels.rows
    inside = inside and left < pixels.columns and top < pixels.rows
    kind = _kind(whole(item, "RegionSpatialFormat"), whole(item, "RegionDataType"))
    known = (math.nan if delta[0] is None else delta[0], math.nan if delta[1] is None else delta[1])
    words = (UNITS.get(units[0] or 0, "unknown"), UNITS.get(units[1] or 0, "unknown"))
    trusted = kind == _TISSUE and words == ("cm", "cm") and inside and _is_length(known)
    return Region(
        kind=kind,
        bounds=(left, top, right, bottom),
        units=words,
        delta=known,
        inside=inside,
        spacing_mm=(abs(known[1]) * 10, abs(known[0]) * 10) if trusted else None,
    )


def _kind(spatial_format: int | None, data_type: int | None) -> str:
    shape = _FORMATS.get(spatial_format or 0, "unknown")
    data = _DATA.get(data_type or 0, "")
    if shape == "2D":
        return f"2D {data or 'unknown'}"
    return f"{shape}, {data}" if data else shape


def _is_length(delta: tuple[float, float]) -> bool:
    """Say whether both deltas can be centimetres per pixel: 0.1 micrometre to 10 mm."""
    return all(math.isfinite(step) and 1e-5 < abs(step) < 1 for step in delta)


def _oddities(region: Region, pixels: PixelFormat) -> list[str]:
    notes = []
    if region.inside and (region.bounds[2] == pixels.columns or region.bounds[3] == pixels.rows):
        notes.append(
            f"ends at {region.bounds[2]}, {region.bounds[3]}, one past the last pixel; read as "
            f"if its end were exclusive."
        )
    if region.spacing_mm is not None and min(region.delta) < 0:
        notes.append("has a negative physical delta; its size is taken without the sign.")
    return notes


def _by_regions(regions: tuple[Region, ...]) -> Spacing:
    trusted = [region.spacing_mm for region in regions if region.spacing_mm is not None]
    if not trusted:
        reasons = "; ".join(f"region {i}: {_distrust(r)}" for i, r in enumerate(regions))
        return Spacing(None, _UNKNOWN, reasons + "." if reasons else "no region can be read.")
    if not all(_agree(trusted[0], other) for other in trusted):
        listed = ", ".join(f"{row:g} x {column:g}" for row, column in trusted)
        note = f"regions_disagree: 2D tissue regions of {listed} mm per pixel."
        return Spacing(None, _UNKNOWN, note)
    count = (
        "one 2D tissue region" if len(trusted) == 1 else f"{len(trusted)} equal 2D tissue regions"
    )
    return Spacing(trusted[0], "dicom_region", f"{count} in cm, inside the picture.")


def _distrust(region: Region) -> str:
    """Say why a region gives no millimetres."""
    if region.kind != _TISSUE:
        return f"not_tissue: it shows {region.kind}"
    if region.units != ("cm", "cm"):
        return f"units: {region.units[0]} and {region.units[1]}, not cm"
    if not region.inside:
        left, top, right, bottom = region.bounds
        return (
            f"bounds_mismatch: columns {left} to {right} and rows {top} to {bottom} do not lie "
            f"in the stored picture, which was cut or scaled after they were written"
        )
    return f"delta: {region.delta[0]:g} and {region.delta[1]:g} cm per pixel are impossible"


def _by_pixel_spacing(header: Header, stated: list[float]) -> Spacing:
    if not stated:
        return Spacing(None, _UNKNOWN, "the file has no ultrasound regions and no PixelSpacing.")
    if len(stated) != 2 or min(stated) <= 0 or not _is_length((stated[0] / 10, stated[1] / 10)):
        return Spacing(None, _UNKNOWN, "PixelSpacing is not two plausible lengths.")
    calibrated = text(header.values, "PixelSpacingCalibrationType") in {"GEOMETRY", "FIDUCIAL"}
    if stated == [1.0, 1.0] and not calibrated:
        note = "PixelSpacing is 1 x 1 mm without a calibration, which is a placeholder."
        return Spacing(None, _UNKNOWN, note)
    if header.sop_class not in ULTRASOUND and not calibrated:
        note = "PixelSpacing of a file that is no ultrasound and states no calibration."
        return Spacing(None, _UNKNOWN, note)
    how = "calibrated" if calibrated else "without a stated calibration"
    note = f"PixelSpacing, {how}; the file has no ultrasound regions to compare it with."
    return Spacing((stated[0], stated[1]), "pixel_spacing", note)


def _agree(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(math.isclose(a, b, rel_tol=AGREE) for a, b in zip(one, other, strict=True))
