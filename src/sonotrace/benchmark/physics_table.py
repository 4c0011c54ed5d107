"""The numbers of `sonotrace.benchmark.physics` that are quoted, each beside what it should be."""

from typing import NamedTuple

import numpy as np

from sonotrace.benchmark.physics_rig import Result


class Row(NamedTuple):
    """One number."""

    name: str
    measured: str
    expected: str
    what: str


def physics_rows(results: Result) -> list[Row]:
    """Return every number that is quoted."""
    return [
        *_speckle_rows(results),
        *_elevation_rows(results),
        *_turning_rows(results),
        *_motion_rows(results),
        *_point_rows(results),
        *_shadow_rows(results),
    ]


def physics_table(results: Result) -> list[str]:
    """Return one line for every number."""
    lines = [f"{'':<66}{'measured':>10}{'expected':>10}"]
    for row in physics_rows(results):
        lines.append(f"{row.what:<66}{row.measured:>10}{row.expected:>10}")
    return lines


def _speckle_rows(results: Result) -> list[Row]:
    found, level = results["speckle"], results["level"]
    rows = []
    for n, pitch in enumerate(found["pitch_mm"]):
        what = f"speckle, scatterers {pitch:g} mm apart"
        snr, ratio = found["snr"][n], found["ratio"][n]
        rows.append(Row(f"snr.{pitch:g}", f"{snr:.2f}", "1.91", f"{what}: mean / deviation"))
        rows.append(Row(f"ratio.{pitch:g}", f"{ratio:.2f}", "2.00", f"{what}: <I2> / <I>2"))
        rows.append(Row(f"cell.{pitch:g}", f"{found['per_cell'][n]:.1f}", "", f"{what}: in a cell"))
    for name in ("linear", "steered", "convex"):
        off = 20 * np.log10(level[name])
        worst = float(off[np.argmax(np.abs(off))])
        rows.append(Row(f"level.{name}", f"{worst:.2f}", "0", f"{name}: worst rms of a layer, dB"))
    return rows


def _elevation_rows(results: Result) -> list[Row]:
    rows = []
    for one in results["elevation"]["depths"]:
        half, depth = one["half_mm"], one["depth_mm"]
        what = f"shift that halves correlation, {depth:g} mm deep"
        expected = f"{half['rayleigh']:.3f}"
        for name in ("measured", "table", "rayleigh", "without_phase"):
            label = f"{what}, {name.replace('_', ' ')}"
            rows.append(Row(f"half.{depth:g}.{name}", f"{half[name]:.3f}", expected, label))
        slow = f"{half['without_phase'] / half['rayleigh']:.1f}"
        rows.append(Row(f"slow.{depth:g}", slow, "", f"{what}, without phase, times too slow"))
        error = np.abs(np.array(one["power"]) - np.square(one["table"])).max()
        what = f"correlation of power, {depth:g} mm deep, worst error"
        rows.append(Row(f"power.{depth:g}", f"{error:.3f}", "0", what))
    return rows


def _turning_rows(results: Result) -> list[Row]:
    yaw, tilt = results["yaw"], results["tilt"]
    error = np.abs(np.array(yaw["power"]) - yaw["law"]).max()
    rows = [Row("yaw", f"{error:.3f}", "0", "yaw: worst error of a band")]
    for name, law in (("gaussian", "law"), ("lens", "rayleigh")):
        errors = [np.abs(np.array(one[name]) - one[law]).max() for one in tilt["angles"]]
        worst = f"{max(errors):.3f}"
        rows.append(Row(f"tilt.{name}", worst, "0", f"tilt, {name}: worst error of a layer"))
    return rows


def _motion_rows(results: Result) -> list[Row]:
    steps, shift = results["steps"], results["shift"]
    rows = []
    for n, step in enumerate(steps["step_mm"]):
        for name in ("float", "picture"):
            measured = f"{steps[f'{name}_mm'][n]:.3f}"
            what = f"elevational step from the {name}, mm"
            rows.append(Row(f"step.{step:g}.{name}", measured, f"{step:g}", what))
    error = np.abs(np.array(shift["found_px"]) - shift["shift_px"]).max()
    rows.append(Row("shift", f"{error:.3f}", "0", "shift in the plane: worst error, pixels"))
    return rows


def _point_rows(results: Result) -> list[Row]:
    point, peaks = results["point"], results["scalloping"]
    rows = []
    for n, depth in enumerate(point["depth_mm"]):
        for name in ("across", "along"):
            measured, wanted = point[f"{name}_mm"][n], point[f"set_{name}_mm"][n]
            what = f"width of a point {name}, {depth:g} mm deep, mm"
            row = Row(f"point.{depth:g}.{name}", f"{measured:.3f}", f"{wanted:.3f}", what)
            rows.append(row)
    for n, pixels in enumerate(peaks["pixels"]):
        for stage in ("grid", "picture"):
            what = f"change of a point's peak, {pixels} pixels, {stage}, dB"
            measured = f"{peaks[stage]['both_db'][n]:.1f}"
            rows.append(Row(f"peak.{pixels}.{stage}", measured, "0", what))
    return rows


def _shadow_rows(results: Result) -> list[Row]:
    found = results["shadow"]
    rows = [
        Row(name, f"{found[name]['behind_db']:.2f}", f"{found[name]['set_db']:.2f}", what)
        for name, what in (("cyst", "behind a cyst, dB"), ("absorber", "behind an absorber, dB"))
    ]
    slope, wanted = found["slope"]["db_per_cm"], found["slope"]["set_db_per_cm"]
    rows.append(Row("slope", f"{slope:.2f}", f"{wanted:.2f}", "slope of attenuation, dB/cm"))
    return rows
