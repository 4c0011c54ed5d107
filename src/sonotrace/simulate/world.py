"""A piece of tissue, baked for one clip: how strong every scatterer is, and what attenuates.

Tissue is described by functions of place (`Anatomy`); baking asks them once at every scatterer of
the box that the clip will see, and at the corners of coarser voxels for attenuation. After that a
frame costs the same whatever the tissue is made of.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, no_type_check, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Float64
from numba import njit
from scipy import ndimage

from sonotrace.errors import GeometryError, ResourceError
from sonotrace.simulate.echo.beam import beam_mm, gaussian_waist_mm
from sonotrace.simulate.echo.grid import Grid
from sonotrace.simulate.echo.lattice import box_around, encode_levels, scatterers_of_layer
from sonotrace.simulate.echo.shadow import Attenuation
from sonotrace.simulate.echo.slice import Lattice, Pose, slab_corners
from sonotrace.simulate.frames import in_order
from sonotrace.simulate.memory import frame_bytes, require_memory
from sonotrace.simulate.probe import Probe

PITCH_MM = 0.25
"""Default edge of a cell: about 8 scatterers in a resolution cell at 7.5 MHz."""
VOXEL_MM = 0.5
_MOST_SCATTERERS = 2_000_000_000
"""Kernels number them with 32 bits."""
_BYTES_OF_ASKING = 150
"""For each scatterer whose level is asked."""
_BATCH = 60_000
"""Scatterers whose level is asked at once: enough for the cost of asking not to matter."""
_FEW = 16
"""Up to as many poses, it is cheaper to find the scatterers between their slices than to bake them.
"""

Values = Float32[np.ndarray, " N"]


@runtime_checkable
class Anatomy(Protocol):
    """What tissue is made of: functions of place, in mm."""

    def echo_db(self, x: Values, y: Values, z: Values) -> Values:
        """Return the echo level, in dB over fat; -inf where nothing echoes."""
        ...

    def attenuation(self, x: Values, y: Values, z: Values) -> Values:
        """Return the attenuation in dB/cm/MHz."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Baked tissue."""

    lattice: Lattice
    attenuation: Attenuation

    def require_around(self, grid: Grid, pose: Pose, moved_mm: float) -> None:
        """Refuse a pose whose slice leaves the baked tissue.

        Raises:
            GeometryError: It does; the message says where the slice is and where the tissue.
        """
        low, high = _extent(grid, [pose], moved_mm)
        pitch, box = self.lattice.pitch, self.lattice.box
        first = np.array(box.first) * pitch
        last = (np.array(box.first) + np.array(box.size)) * pitch
        if (low < first - pitch).any() or (high > last + pitch).any():
            raise GeometryError(
                f"the slice reaches from {_words(low)} to {_words(high)} mm (x, y, z), the tissue "
                f"from {_words(first)} to {_words(last)} mm. Bake the tissue around all poses, or "
                f"keep the probe within it."
            )


def bake(  # noqa: PLR0913 - keyword choices
    anatomy: Anatomy,
    grid: Grid,
    poses: Iterable[Pose],
    *,
    moved_mm: float = 0.0,
    seed: int = 0,
    pitch_mm: float = PITCH_MM,
    slices_only: bool = False,
    threads: int = 1,
) -> World:
    """Bake the tissue around the slices at `poses`.

    Args:
        anatomy: What it is made of.
        grid: Of the scanner.
        poses: Where the probe will be.
        moved_mm: How far tissue will move at most.
        seed: Of the scatterers.
        pitch_mm: Edge of the cell that holds one scatterer.
        slices_only: Whether scatterers that are in the slice of no pose may be left silent; no
            other pose must be rendered then.
        threads: How many bake at once.

    Raises:
        GeometryError: The pitch leaves no scatterer in a resolution cell.
        ResourceError: Tissue and frames of so many threads would take more memory than there is.
    """
    poses = list(poses)
    low, high = _extent(grid, poses, moved_mm)
    _require_possible(low, high, pitch_mm)
    _require_memory(grid, high - low, pitch_mm, threads)
    box = box_around(tuple(low), tuple(high), pitch_mm)
    columns, layers, planes = box.size
    levels = np.zeros((layers, columns, planes), dtype=np.uint8)
    slices = _slices(grid, poses, moved_mm + pitch_mm) if slices_only else None
    step = max(1, _BATCH // (columns * planes))

    def fill(first: int) -> None:
        some = range(first, min(first + step, layers))
        parts = [scatterers_of_layer(box, layer, pitch_mm, seed) for layer in some]
        x, y, z = (np.concatenate(values) for values in zip(*parts, strict=True))
        flat = levels[first : first + step].reshape(-1)
        if slices is None:
            flat[:] = encode_levels(anatomy.echo_db(x, y, z))
            return
        seen = _in_slices(x, y, z, slices)
        if seen.any():
            flat[seen] = encode_levels(anatomy.echo_db(x[seen], y[seen], z[seen]))

    for _ in in_order(fill, range(0, layers, step), threads):
        pass
    lattice = Lattice(levels, box, pitch_mm, np.uint32(seed & 0xFFFFFFFF))
    return World(lattice=lattice, attenuation=_bake_attenuation(anatomy, low, high))


def speckle_pitch_mm(probe: Probe, per_cell: float = 9.0) -> float:
    """Return the pitch that puts this many scatterers into the smallest resolution cell.

    With 8.3 in a cell, the envelope's mean was measured as 1.86 standard deviations, with 16.2 as
    1.91, which is the limit of ever denser scatterers (`sonotrace.benchmark.physics`).
    """
    depth = np.array([probe.lens_mm, probe.focus_mm])
    across = float(beam_mm(probe, depth).min())
    cell = (2 * np.sqrt(np.pi)) ** 3 * across * gaussian_waist_mm(probe) * probe.pulse_mm
    return float((cell / per_cell) ** (1 / 3))


def pose_of(world_from_probe: Float64[np.ndarray, "4 4"]) -> Pose:
    """Take a matrix apart for the kernels.

    Raises:
        GeometryError: It is not a rotation and a translation.
    """
    if not np.isfinite(world_from_probe).all():
        raise GeometryError(
            f"a pose with {np.count_nonzero(~np.isfinite(world_from_probe))} entries that are no "
            f"finite numbers; expected a rotation and a translation in mm. Give one for each frame."
        )
    turn = np.ascontiguousarray(world_from_probe[:3, :3], dtype=np.float64)
    if not np.allclose(turn @ turn.T, np.eye(3), atol=1e-6) or np.linalg.det(turn) < 0:
        raise GeometryError(
            f"a pose whose axes have lengths {np.linalg.norm(turn, axis=0).round(3).tolist()} and "
            f"determinant {np.linalg.det(turn):.3g} is no motion of a rigid probe; both must be 1."
        )
    return Pose(turn, np.ascontiguousarray(world_from_probe[:3, 3], dtype=np.float64))


def _extent(
    grid: Grid, poses: Iterable[Pose], moved_mm: float
) -> tuple[Float64[np.ndarray, " 3"], Float64[np.ndarray, " 3"]]:
    corners = slab_corners(grid)
    every = [corners @ pose.rotation.T + pose.origin for pose in poses]
    if not every:
        raise ValueError("no poses")
    points = np.concatenate(every)
    return points.min(axis=0) - moved_mm, points.max(axis=0) + moved_mm


class _Slices(NamedTuple):
    """Where the slices of some poses are."""

    rotations: Float64[np.ndarray, "P 3 3"]
    origins: Float64[np.ndarray, "P 3"]
    half_mm: Float64[np.ndarray, " D"]
    """Half the thickness by depth, with what tissue moves."""
    depth_step_mm: float
    radius_mm: float
    """Of a convex array; 0 for a linear one."""


def _slices(grid: Grid, poses: list[Pose], spare_mm: float) -> _Slices | None:
    """Return the slices of a few poses, thicker by a margin; None if there are too many."""
    if len(poses) > _FEW:
        return None
    table = grid.elevation
    around = 2 * int(np.ceil(spare_mm / table.depth_step_mm)) + 1
    half = ndimage.maximum_filter1d(table.half_mm.astype(np.float64), around, mode="nearest")
    return _Slices(
        np.stack([pose.rotation for pose in poses]),
        np.stack([pose.origin for pose in poses]),
        half + spare_mm,
        table.depth_step_mm,
        grid.shape.radius if grid.shape.convex else 0.0,
    )


def _in_slices(x: Values, y: Values, z: Values, slices: _Slices) -> Bool[np.ndarray, " N"]:
    """Return which places lie in one of the slices at least."""
    seen = np.zeros(x.shape, dtype=np.bool_)
    _mark_seen(seen, (x, y, z), tuple(slices))
    return seen


@njit(cache=True, nogil=True)
@no_type_check
def _mark_seen(seen, place, slices):
    rotations, origins, half, step, radius = slices
    x, y, z = place
    for n in range(seen.shape[0]):
        for p in range(rotations.shape[0]):
            turn = rotations[p]
            a, b, c = x[n] - origins[p, 0], y[n] - origins[p, 1], z[n] - origins[p, 2]
            off = abs(turn[0, 2] * a + turn[1, 2] * b + turn[2, 2] * c)
            depth = turn[0, 1] * a + turn[1, 1] * b + turn[2, 1] * c
            if radius > 0:
                across = turn[0, 0] * a + turn[1, 0] * b + turn[2, 0] * c
                depth = np.hypot(across, depth + radius) - radius
            at = min(max(int(depth / step + 0.5), 0), half.shape[0] - 1)
            if off <= half[at]:
                seen[n] = True
                break


def _require_possible(
    low: Float64[np.ndarray, " 3"], high: Float64[np.ndarray, " 3"], pitch_mm: float
) -> None:
    if not 0.05 <= pitch_mm <= 2:
        raise GeometryError(
            f"one scatterer in cells of {pitch_mm:g} mm. Give a pitch of 0.05 to 2 mm; 0.2 to 0.3 "
            f"makes full speckle at 7.5 MHz."
        )
    scatterers = float(np.prod((high - low) / pitch_mm))
    if scatterers > _MOST_SCATTERERS:
        raise ResourceError(
            f"tissue of {_words(high - low)} mm with a scatterer every {pitch_mm:g} mm has "
            f"{scatterers:,.0f} of them; at most {_MOST_SCATTERERS:,} can be numbered. Shorten the "
            f"path of the probe or take a coarser pitch."
        )


def _require_memory(
    grid: Grid, size_mm: Float64[np.ndarray, " 3"], pitch_mm: float, threads: int
) -> None:
    cells, view = size_mm / pitch_mm, grid.scanner.view
    # of the levels, of attenuation, of asking for the levels of a layer, and of frames
    needed = float(np.prod(cells)) + 4 * float(np.prod(size_mm)) / VOXEL_MM**3
    needed += threads * _BYTES_OF_ASKING * max(_BATCH, float(cells[0] * cells[2]))
    require_memory(
        needed + frame_bytes(grid, threads),
        f"tissue of {_words(size_mm)} mm with a scatterer every {pitch_mm:.2g} mm, and pictures of "
        f"{view.columns} x {view.rows} pixels on {threads} threads,",
        "Shorten the path of the probe, or take a coarser pitch, smaller pictures or fewer "
        "threads.",
    )


def _bake_attenuation(
    anatomy: Anatomy, low: Float64[np.ndarray, " 3"], high: Float64[np.ndarray, " 3"]
) -> Attenuation:
    axes = [
        np.arange(np.floor(a), b + VOXEL_MM, VOXEL_MM, dtype=np.float32)
        for a, b in zip(low, high, strict=True)
    ]
    x, z = (axis.ravel() for axis in np.meshgrid(axes[0], axes[2], indexing="ij"))
    values = np.empty((len(axes[1]), len(axes[0]), len(axes[2])), dtype=np.float32)
    for layer, depth in zip(values, axes[1], strict=True):
        layer[:] = anatomy.attenuation(x, np.full_like(x, depth), z).reshape(layer.shape)
    origin = (float(axes[0][0]), float(axes[1][0]), float(axes[2][0]))
    return Attenuation(values, origin, VOXEL_MM)


def _words(values: Float64[np.ndarray, " 3"]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)
