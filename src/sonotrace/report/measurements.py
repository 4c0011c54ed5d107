"""`measurements.csv`: one row for each frame and object, units in the header."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from sonotrace.measure.lesion import PIXELS, LesionSize, measure_lesion
from sonotrace.measure.needle import NeedlePlace, measure_needle, tip_speed
from sonotrace.report.document import RESEARCH_USE
from sonotrace.types import Mask

Target = Literal["lesion", "needle"]
Row = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one object in one frame."""

    frame: int
    time_s: float | None
    object_id: int
    state: str
    confidence: float
    mask: Mask


class MeasurementsFile:
    """Writes rows as they come. Columns in mm are there only where the spacing is trusted."""

    def __init__(self, path: Path, target: Target, spacing_mm: tuple[float, float] | None) -> None:
        self._spacing = spacing_mm
        self._target = target
        self._needles: dict[int, tuple[float, NeedlePlace]] = {}
        self._stream = path.open("w", newline="")
        self._writer = csv.DictWriter(self._stream, self.columns(), restval="")
        self._writer.writeheader()

    def columns(self) -> list[str]:
        """Return the names of the columns, in order."""
        lengths = {
            "lesion": ["longest_diameter", "orthogonal_diameter"],
            "needle": ["length", "tip_speed"],
        }[self._target]
        places = {
            "lesion": [],
            "needle": [
                "tip_row_px",
                "tip_column_px",
                "entry_row_px",
                "entry_column_px",
                "angle_deg",
            ],
        }[self._target]
        names = ["frame", "time_s", "object", "state", "confidence", "area_px"]
        names += ["centroid_row_px", "centroid_column_px", *places]
        names += [_per_second(name, "px") for name in lengths]
        if self._spacing is not None:
            names += ["area_mm2", *(_per_second(name, "mm") for name in lengths)]
        return [*names, "notice"]

    def __enter__(self) -> "MeasurementsFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def write(self, finding: Finding) -> Row:
        """Measure one object, write its row and return it."""
        row: Row = {
            "frame": finding.frame,
            "time_s": "" if finding.time_s is None else f"{finding.time_s:.4f}",
            "object": finding.object_id,
            "state": finding.state,
            "confidence": f"{finding.confidence:.4f}",
            "area_px": 0,
            "notice": RESEARCH_USE,
        }
        size = measure_lesion(finding.mask)
        values: dict[str, float] = {}
        if size is None:
            self._needles.pop(finding.object_id, None)
        else:
            row |= {"area_px": int(size.area)}
            row |= _place("centroid", size.centroid_px)
            values = self._lesion(finding, size) if self._target == "lesion" else {}
            values |= self._needle(finding) if self._target == "needle" else {}
            if self._spacing is not None:
                values["area_mm2"] = size.area * self._spacing[0] * self._spacing[1]
        row |= {name: _number(value) for name, value in values.items()}
        self._writer.writerow(row)
        return row

    def _lesion(self, finding: Finding, in_pixels: LesionSize) -> dict[str, float]:
        sizes = {"px": in_pixels}
        if self._spacing is not None:
            in_mm = measure_lesion(finding.mask, self._spacing)
            sizes |= {"mm": in_mm} if in_mm is not None else {}
        values: dict[str, float] = {}
        for unit, size in sizes.items():
            values[f"longest_diameter_{unit}"] = size.longest
            values[f"orthogonal_diameter_{unit}"] = size.across
        return values

    def _needle(self, finding: Finding) -> dict[str, float]:
        """Measure in mm where they are trusted; pixels then tell of the same two ends."""
        place = measure_needle(finding.mask, self._spacing or PIXELS)
        if place is None:
            return {}
        values = _place("tip", place.tip_px) | _place("entry", place.entry_px)
        values["angle_deg"] = place.angle_deg
        values["length_px"] = math.dist(place.tip_px, place.entry_px)
        if self._spacing is not None:
            values["length_mm"] = place.length
        before = self._needles.pop(finding.object_id, None)
        if finding.time_s is None:
            return values
        self._needles[finding.object_id] = (finding.time_s, place)
        if before is not None and finding.time_s > before[0]:
            seconds = finding.time_s - before[0]
            values["tip_speed_px_per_s"] = tip_speed(before[1], place, seconds)
            if self._spacing is not None:
                speed = tip_speed(before[1], place, seconds, self._spacing)
                values["tip_speed_mm_per_s"] = speed
        return values


def _per_second(name: str, unit: str) -> str:
    return f"{name}_{unit}_per_s" if name.endswith("speed") else f"{name}_{unit}"


def _place(name: str, place: tuple[float, float]) -> dict[str, float]:
    return {f"{name}_row_px": round(place[0], 2), f"{name}_column_px": round(place[1], 2)}


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.1f}"
