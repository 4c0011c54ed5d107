"""Draws the curves of `sonotrace.benchmark.physics`: one picture for each law.

Matplotlib is optional: `pip install 'sonotrace[plots]'`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sonotrace.benchmark.physics_rig import Result
from sonotrace.errors import MissingExtraError

_COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#566573")


def draw_physics(results: Result, folder: Path) -> list[Path]:
    """Write a PNG for every law into a folder and return their paths.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure  # noqa: PLC0415  an optional package

    drawings: dict[str, Callable[[Any, Result], None]] = {
        "speckle": _speckle,
        "level": _level,
        "elevation": _elevation,
        "half-width": _half_width,
        "turning": _turning,
        "steps": _steps,
        "point": _point,
        "shadow": _shadow,
    }
    paths = []
    for name, draw in drawings.items():
        figure = Figure(figsize=(8.0, 3.4), layout="constrained")
        draw(figure, results)
        for axes in figure.axes:
            axes.grid(alpha=0.25)
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(frameon=False, fontsize=8)
        paths.append(folder / f"physics-{name}.png")
        figure.savefig(paths[-1], dpi=110, metadata={"Software": None})
    return paths


def require_matplotlib() -> None:
    """Raise a `MissingExtraError` before any work is done if matplotlib is not installed."""
    try:
        import matplotlib.figure  # noqa: F401, PLC0415  an optional package
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plots") from error


def _speckle(figure: Any, results: Result) -> None:
    found = results["speckle"]
    for place, name, limit, label in (
        (1, "snr", "rayleigh_snr", "mean / standard deviation of the envelope"),
        (2, "ratio", "rayleigh_ratio", r"$\langle I^2\rangle / \langle I\rangle^2$"),
    ):
        axes = figure.add_subplot(1, 2, place)
        axes.plot(found["per_cell"], found[name], "o-", color=_COLOURS[0], label="measured")
        axes.axhline(found[limit], color=_COLOURS[1], ls="--", label="Rayleigh")
        axes.set(xscale="log", xlabel="scatterers in a resolution cell", ylabel=label)


def _level(figure: Any, results: Result) -> None:
    found = results["level"]
    axes = figure.add_subplot()
    for colour, name in zip(_COLOURS, ("linear", "steered", "convex"), strict=False):
        axes.plot(found["depth"], 20 * np.log10(found[name]), color=colour, label=name)
    axes.axhline(0, color="black", ls="--", label="set")
    axes.set(xlabel="depth, as a part of the picture", ylabel="rms of speckle / dB", ylim=(-2, 2))


def _elevation(figure: Any, results: Result) -> None:
    found = results["elevation"]
    wanted = [d for d in found["depths"] if d["depth_mm"] in (10.0, 20.0, 30.0)] or found["depths"]
    for place, depth in enumerate(wanted[:3], start=1):
        axes = figure.add_subplot(1, min(3, len(wanted)), place)
        shift = found["shift_mm"]
        for colour, name, label in (
            (_COLOURS[1], "rayleigh", "Rayleigh integral"),
            (_COLOURS[2], "table", "table of the simulator"),
            (_COLOURS[5], "without_phase", "without the phase"),
        ):
            style = ":" if name == "without_phase" else "-"
            axes.plot(shift, np.square(depth[name]), style, color=colour, label=label)
        axes.plot(shift, depth["power"], "o", ms=4, color=_COLOURS[0], label="pictures")
        axes.set(xlabel="elevational shift / mm", title=f"{depth['depth_mm']:g} mm deep")
    figure.axes[0].set_ylabel("correlation of echo power")


def _half_width(figure: Any, results: Result) -> None:
    depths = results["elevation"]["depths"]
    axes = figure.add_subplot()
    place = [one["depth_mm"] for one in depths]
    for colour, name, label in (
        (_COLOURS[0], "measured", "pictures"),
        (_COLOURS[2], "table", "table of the simulator"),
        (_COLOURS[1], "rayleigh", "Rayleigh integral"),
        (_COLOURS[5], "without_phase", "without the phase"),
    ):
        half = [one["half_mm"][name] for one in depths]
        axes.plot(place, half, "o-", color=colour, label=label)
    axes.set(xlabel="depth / mm", ylabel="shift at which |rho| = 0.5 / mm")


def _turning(figure: Any, results: Result) -> None:
    yaw, tilt = results["yaw"], results["tilt"]
    axes = figure.add_subplot(1, 3, 1)
    angle = results["settings"]["yaw_deg"]
    axes.plot(yaw["across_mm"], yaw["law"], "-", color=_COLOURS[1], label="law")
    axes.plot(yaw["across_mm"], yaw["power"], "o", color=_COLOURS[0], label="pictures")
    axes.set(title=f"yaw of {angle:g} degrees", xlabel="across / mm")
    axes.set_ylabel("correlation of echo power")
    for place, measured, expected, title in (
        (2, "gaussian", "law", "tilt, Gaussian slice"),
        (3, "lens", "rayleigh", "tilt, lens"),
    ):
        axes = figure.add_subplot(1, 3, place)
        for colour, one in zip(_COLOURS, tilt["angles"], strict=False):
            label = f"{one['angle_deg']:g} degrees"
            axes.plot(tilt["depth_mm"], one[expected], "-", color=colour)
            axes.plot(tilt["depth_mm"], one[measured], "o", color=colour, label=label)
        axes.set(title=title, xlabel="depth / mm", ylim=(0, 1))


def _steps(figure: Any, results: Result) -> None:
    found = results["steps"]
    step = np.array(found["step_mm"])
    axes = figure.add_subplot(1, 2, 1)
    for colour, name, label in (
        (_COLOURS[0], "float_mm", "float envelope"),
        (_COLOURS[1], "picture_mm", "8-bit picture"),
    ):
        error = 100 * (np.array(found[name]) / step - 1)
        axes.plot(step, error, "o-", color=colour, label=label)
    axes.axhspan(-5, 5, color="grey", alpha=0.15, label="5 %")
    axes.set(xlabel="elevational step / mm", ylabel="error of the recovered step / %", xscale="log")
    shift = results["shift"]
    axes = figure.add_subplot(1, 2, 2)
    error = np.array(shift["found_px"]) - np.array(shift["shift_px"])
    axes.bar(np.arange(len(error)) - 0.2, error[:, 0], 0.35, color=_COLOURS[0], label="down")
    axes.bar(np.arange(len(error)) + 0.2, error[:, 1], 0.35, color=_COLOURS[1], label="across")
    names = [f"{down:g}, {right:g}" for down, right in shift["shift_px"]]
    axes.set_xticks(np.arange(len(error)), names)
    axes.set(xlabel="shift down, across / pixels", ylabel="error / pixels", ylim=(-0.1, 0.1))


def _point(figure: Any, results: Result) -> None:
    found = results["point"]
    axes = figure.add_subplot()
    for colour, name in ((_COLOURS[0], "across"), (_COLOURS[1], "along")):
        place = found["depth_mm"]
        axes.plot(place, found[f"{name}_mm"], "o", color=colour, label=f"{name}, measured")
        axes.plot(place, found[f"set_{name}_mm"], "-", color=colour, label=f"{name}, set")
    axes.set(xlabel="depth / mm", ylabel="width at half the peak / mm", ylim=(0, None))


def _shadow(figure: Any, results: Result) -> None:
    found = results["shadow"]
    axes = figure.add_subplot()
    for colour, name, label in (
        (_COLOURS[0], "cyst", "1 cm of 0.05 dB/cm/MHz"),
        (_COLOURS[1], "absorber", "1 cm of 1.7"),
        (_COLOURS[2], "slope", "1.0 everywhere"),
    ):
        axes.plot(found[name]["depth_mm"], found[name]["level_db"], color=colour, label=label)
        if "set_db" in found[name]:
            axes.axhline(found[name]["set_db"], color=colour, ls="--", lw=0.8)
    axes.set(xlabel="depth / mm", ylabel="level of echoes / dB")
