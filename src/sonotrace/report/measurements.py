"""`measurements.csv`: one row for each frame and object, units in the header."""

import csv
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from sonotrace.measure.lesion import PIXELS, measure_lesion
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
        if size is not None:
            row |= {"area_px": int(size.area)}
            row |= _place("centroid", size.centroid_px)
        measure = self._lesion if self._target == "lesion" else self._needle
        row |= {name: _number(value) for name, value in measure(finding).items()}
        self._writer.writerow(row)
        return row

    def _lesion(self, finding: Finding) -> dict[str, float]:
        values: dict[str, float] = {}
        for unit, spacing in self._units():
            size = measure_lesion(finding.mask, spacing)
            if size is not None:
                values[f"longest_diameter_{unit}"] = size.longest
                values[f"orthogonal_diameter_{unit}"] = size.across
                if unit == "mm":
                    values["area_mm2"] = size.area
        return values

    def _needle(self, finding: Finding) -> dict[str, float]:
        values: dict[str, float] = {}
        before = self._needles.pop(finding.object_id, None)
        for unit, spacing in self._units():
            place = measure_needle(finding.mask, spacing)
            if place is None:
                continue
            values |= _place("tip", place.tip_px) | _place("entry", place.entry_px)
            values[f"length_{unit}"] = place.length
            values["angle_deg"] = place.angle_deg
            if unit == "mm":
                values["area_mm2"] = float(finding.mask.sum()) * spacing[0] * spacing[1]
            if finding.time_s is None:
                continue
            if before is not None and finding.time_s > before[0]:
                speed = tip_speed(before[1], place, finding.time_s - before[0], spacing)
                values[f"tip_speed_{unit}_per_s"] = speed
            self._needles[finding.object_id] = (finding.time_s, place)
        return values

    def _units(self) -> list[tuple[str, tuple[float, float]]]:
        """Return the units to measure in; the last one is that of the angle."""
        return [("px", PIXELS)] + ([] if self._spacing is None else [("mm", self._spacing)])


def _per_second(name: str, unit: str) -> str:
    return f"{name}_{unit}_per_s" if name.endswith("speed") else f"{name}_{unit}"


def _place(name: str, place: tuple[float, float]) -> dict[str, float]:
    return {f"{name}_row_px": round(place[0], 2), f"{name}_column_px": round(place[1], 2)}


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.1f}"
