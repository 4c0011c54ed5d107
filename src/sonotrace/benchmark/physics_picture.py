"""What single points, shadows and shifts of the probe look like, beside what they should.

A part of `sonotrace.benchmark.physics`.
"""

import numpy as np
from jaxtyping import Float32, Float64

from sonotrace.benchmark.physics_rig import (
    PhysicsSettings,
    Result,
    Slab,
    complex_echoes,
    echo_of_point,
    pose_at,
    renderer_of,
    scanner_of,
)
from sonotrace.simulate.echo.beam import beam_mm
from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.echo.picture import make_developer
from sonotrace.simulate.echo.shadow import coarse_axes, transmission
from sonotrace.simulate.motion import STILL
from sonotrace.simulate.probe import Probe, Scanner, View

Values = Float64[np.ndarray, " N"]
Level = Float32[np.ndarray, "H W"]

FWHM = 2.355
"""Full width at half maximum of a Gaussian, in standard deviations."""


def level_by_depth(settings: PhysicsSettings) -> Result:
    """Measure the rms of speckle of echo level 0 dB in twenty layers of the picture; 1 is set."""
    convex = Probe(
        shape="convex", frequency_mhz=3.5, f_receive=2.0, f_transmit=3.5,
        focus_mm=55.0, height_mm=12.0, lens_mm=55.0,
    )  # fmt: skip
    layers = 20
    found: Result = {"depth": ((np.arange(layers) + 0.5) / layers).tolist()}
    for name, probe, depth, pitch in (
        ("linear", Probe(), 40.0, 0.25),
        ("steered", Probe(steering_deg=(-7.0, 0.0, 7.0)), 40.0, 0.25),
        ("convex", convex, 88.0, 0.5),
    ):
        view = View(rows=settings.pixels, columns=settings.pixels, pixel_mm=depth / settings.pixels)
        powers = []
        for seed in range(settings.seeds):
            renderer = renderer_of(
                Scanner(probe=probe, view=view), [pose_at()], pitch_mm=pitch, seed=seed
            )
            echo = renderer.echoes(pose_at())
            looks = range(len(probe.steering_deg))
            power = [np.abs(complex_echoes(renderer.grid, echo, look)) ** 2 for look in looks]
            powers.append([part.mean() for part in np.array_split(np.mean(power, axis=0), layers)])
        found[name] = np.sqrt(np.mean(powers, axis=0)).tolist()
    return found


def recovered_shifts(settings: PhysicsSettings) -> Result:
    """Shift the probe within the plane; find the shift by matching blocks of the 8-bit pictures."""
    pixel = 0.09
    scanner = scanner_of(settings.pixels, settings.pixels * pixel)
    shifts = ((0.5, 0.0), (0.0, 0.5), (2.3, -1.7), (-4.25, 3.6), (6.0, 6.0))
    places = [(0.0, 0.0, 0.0), *((right * pixel, down * pixel, 0.0) for down, right in shifts)]
    found = []
    for seed in range(settings.seeds):
        poses = [pose_at(place) for place in places]
        renderer = renderer_of(scanner, poses, seed=seed)
        still, *moved = (renderer.grey(pose).astype(np.float64) for pose in poses)
        found.append([matched_shift(still, picture, 32, 10) for picture in moved])
    return {"shift_px": [list(one) for one in shifts], "found_px": np.mean(found, axis=0).tolist()}


def matched_shift(
    still: Float64[np.ndarray, "H W"],
    moved: Float64[np.ndarray, "H W"],
    block_px: int,
    reach_px: int,
) -> tuple[float, float]:
    """Return by how many rows and columns blocks of one picture lie further on in the other.

    The correlations of all blocks are added up before their peak is found, between pixels by a
    bell through the peak and its neighbours.
    """
    size = 2 * reach_px + 1
    total = np.zeros((size, size))
    for top in range(reach_px, still.shape[0] - block_px - reach_px, block_px):
        for left in range(reach_px, still.shape[1] - block_px - reach_px, block_px):
            around = still[
                top - reach_px : top + block_px + reach_px,
                left - reach_px : left + block_px + reach_px,
            ]
            block = moved[top : top + block_px, left : left + block_px]
            windows = np.lib.stride_tricks.sliding_window_view(around, block.shape)
            spread = windows.std(axis=(2, 3)) * block.std() * block.size
            total += np.einsum("abij,ij->ab", windows, block - block.mean()) / spread
    row, column = np.unravel_index(int(np.argmax(total)), total.shape)
    down = _vertex(total[row - 1 : row + 2, column])
    right = _vertex(total[row, column - 1 : column + 2])
    return float(row - reach_px + down), float(column - reach_px + right)


def point_spread(settings: PhysicsSettings) -> Result:
    """Measure the widths of single points beside those that were set."""
    probe = Probe()
    depths = (8.0, 13.0, 18.0, 25.0, 35.0)
    grid = make_grid(scanner_of(448))
    across, along = [], []
    for depth in depths:
        size = np.abs(complex_echoes(grid, echo_of_point(grid, depth, 0.0)))
        row, column = np.unravel_index(int(np.argmax(size)), size.shape)
        across.append(_width(size[row], grid.shape.beam_step))
        along.append(_width(size[:, column], grid.shape.sample_step))
    return {
        "depth_mm": list(depths),
        "across_mm": across,
        "along_mm": along,
        "set_across_mm": (FWHM * beam_mm(probe, np.array(depths))).tolist(),
        "set_along_mm": [FWHM * probe.pulse_mm] * len(depths),
    }


def scalloping(settings: PhysicsSettings) -> Result:
    """Measure how much the peak of a point changes with its place between samples, and pixels."""
    result: Result = {"pixels": [256, 448]}
    for name in ("grid", "picture"):
        spans = []
        for pixels in result["pixels"]:
            peaks = peaks_of_points(scanner_of(pixels), 20.0, settings.sub_positions, name)
            spans.append(
                [
                    float(np.ptp(peaks, axis=0).max()),
                    float(np.ptp(peaks, axis=1).max()),
                    float(np.ptp(peaks)),
                ]
            )
        keys = ("along_db", "across_db", "both_db")
        result[name] = {key: [one[n] for one in spans] for n, key in enumerate(keys)}
    return result


def peaks_of_points(
    scanner: Scanner, depth_mm: float, places: int, stage: str
) -> Float64[np.ndarray, "P P"]:
    """Return the peaks in dB of points at `places` positions over a pixel, down and across.

    Args:
        scanner: Which one.
        depth_mm: Of the first position.
        places: Along each axis.
        stage: `grid`, of samples and beams; or `picture`, of averages over rows of pixels.
    """
    grid = make_grid(scanner)
    developer = make_developer(grid, 0)
    everything = np.ones((8, 8), dtype=np.float32)
    line = grid.shape.sample_step * grid.shape.per_row
    peaks = np.empty((places, places))
    for a, b in np.ndindex(places, places):
        echo = echo_of_point(grid, depth_mm + a / places * line, b / places * grid.shape.beam_step)
        if stage == "grid":
            peaks[a, b] = 20 * np.log10(np.abs(complex_echoes(grid, echo)).max())
        else:
            peaks[a, b] = developer.level(echo, everything, None).max()
    return peaks


def shadows(settings: PhysicsSettings) -> Result:
    """Measure attenuation along the middle beam: a cyst, an absorber, and tissue that loses more.

    What is set: 2 f (difference of attenuation) (thickness), in dB, both ways.
    """
    scanner = scanner_of(settings.pixels)
    losses = {"cyst": 0.05, "absorber": 1.7, "slope": 1.0}
    result: Result = {}
    for name, loss in losses.items():
        tissue = Slab(loss=loss, top_mm=10.0, bottom_mm=20.0, half_width_mm=12.0)
        if name == "slope":
            tissue = Slab(loss=loss, top_mm=-10.0, bottom_mm=100.0)
        renderer = renderer_of(scanner, [pose_at()], tissue=tissue, pitch_mm=0.5)
        passed = transmission(renderer.grid, renderer.world.attenuation, pose_at(), STILL)
        depth, across = coarse_axes(renderer.grid)
        middle = 20 * np.log10(passed[:, len(across) // 2].astype(np.float64))
        result[name] = {"depth_mm": depth.tolist(), "level_db": middle.tolist()}
        if name == "slope":
            slope = float(np.polyfit(depth / 10, middle, 1)[0])
            result[name] |= {"db_per_cm": slope, "set_db_per_cm": 2 * 7.5 * (0.7 - loss)}
        else:
            behind = float(middle[depth > 25].mean())
            set_db = 2 * 7.5 * (0.7 - loss) * 1.0
            result[name] |= {"behind_db": behind, "set_db": set_db}
    return result


def _vertex(three: Float64[np.ndarray, "3"]) -> float:
    """Return where between -0.5 and 0.5 a bell through three values peaks."""
    left, middle, right = (float(np.log(max(value, 1e-6))) for value in three)
    return 0.5 * (left - right) / (left - 2 * middle + right)


def _width(size: Values, step_mm: float) -> float:
    """Return the full width at half maximum of the Gaussian through the samples near a peak."""
    level_db = 20 * np.log10(np.maximum(size / size.max(), 1e-6))
    near = np.flatnonzero(level_db > -12)
    bend = np.polyfit(near * step_mm, level_db[near], 2)[0]
    return float(FWHM * np.sqrt(10 / np.log(10) / -bend))
