"""The same echoes, pulse and beam in torch: for a GPU, and as a check of the compiled kernels.

Every line of the lattice takes the same number of cells, around the place where it crosses the
slice; lines are taken a chunk at a time, so that memory is bounded. Echoes are summed as whole
numbers, in units of 2^-30 of reference speckle: such a sum does not depend on its order, so
frames are the same to the bit from run to run, on a GPU as well.

Complex echoes correlate with those of the compiled kernels by more than 0.9999, and differ by at
most a few hundredths of their rms: both compute places in single precision, and here and there a
scatterer on the surface of the slice lies within it for one and not for the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Complex64, Float32, Float64, Int64, UInt8
from torch import Tensor

from sonotrace.simulate.echo.lattice import KEY_STEP
from sonotrace.simulate.echo.points import Points, add_points
from sonotrace.simulate.echo.shadow import transmission
from sonotrace.simulate.echo.slice import Echo, Lattice, Pose, Slice, empty_echo, slice_at
from sonotrace.simulate.motion import STILL, Flow
from sonotrace.simulate.render import Renderer

CHUNK = 2**19
"""Cells that are computed at once: about 150 MB."""
_UNIT = 2.0**30
_MASK = 0xFFFFFFFF


class _Constants(NamedTuple):
    """Everything of a renderer that stays on the device."""

    levels: UInt8[Tensor, " N"]
    field: Complex64[Tensor, "D Z"]
    half_mm: Float32[Tensor, " D"]
    boost_beam: Float32[Tensor, " D"]
    amplitude: Float32[Tensor, "256"]
    pulse: Float32[Tensor, " P"]
    beam: Complex64[Tensor, "L S X"]
    """For every sample of the picture, all rows of it one after the other."""
    noise: Complex64[Tensor, "R2 C2"]
    haze: Complex64[Tensor, "R C"]
    noise_level: Float32[Tensor, "H 1"]
    gain_db: Float32[Tensor, "H W"]


class _Cells(NamedTuple):
    """Numbers of cells within the box, along x, y and z."""

    x: Int64[Tensor, " N"]
    y: Int64[Tensor, " N"]
    z: Int64[Tensor, " N"]


class _Places(NamedTuple):
    """Where scatterers are in the probe's frame, in mm; and their signs."""

    x: Float32[Tensor, " N"]
    y: Float32[Tensor, " N"]
    z: Float32[Tensor, " N"]
    sign: Float32[Tensor, " N"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchRenderer(Renderer):
    """A renderer whose echoes, pulse and beam are computed by torch, on any device."""

    device: torch.device
    constants: _Constants

    def level(
        self,
        pose: Pose,
        *,
        flow: Flow = STILL,
        points: Sequence[Points] = (),
        noise_seed: int | None = None,
    ) -> Float32[np.ndarray, "h w"]:
        """Return dB over reference speckle, on lines and beams; arguments as `grey`."""
        echo = self.complex_echoes(pose, flow=flow, points=points)
        passed = transmission(self.grid, self.world.attenuation, pose, flow)
        power = self._power(echo, torch.from_numpy(passed).to(self.device), noise_seed)
        level = 10 * torch.log10(power.clamp(min=1e-12)) + self.constants.gain_db
        found: Float32[np.ndarray, "h w"] = level.cpu().numpy()
        return found

    def echoes(self, pose: Pose, *, flow: Flow = STILL, points: Sequence[Points] = ()) -> Echo:
        """Return the sum of echoes before pulse and beam; arguments as `grey`."""
        pairs = torch.view_as_real(self.complex_echoes(pose, flow=flow, points=points))
        split = pairs.reshape(len(pairs), -1, 2, 2).transpose(1, 2)
        found: Echo = split.contiguous().cpu().numpy()
        return found

    def complex_echoes(
        self, pose: Pose, *, flow: Flow = STILL, points: Sequence[Points] = ()
    ) -> Complex64[Tensor, "R C"]:
        """Return what `echoes` does, on the device and with the beams side by side."""
        self.world.require_around(self.grid, pose, 0.0)
        shape, lattice = self.grid.shape, self.world.lattice
        slice_ = slice_at(self.grid, self.tables, lattice, pose, flow)
        total = torch.zeros(shape.rows * shape.columns, 2, dtype=torch.int64, device=self.device)
        for cells in _chunks(slice_, lattice, flow.largest_mm, self.device):
            places = _places(cells, slice_, lattice, flow)
            stride = lattice.box.size[2]
            number = (cells.y * lattice.box.size[0] + cells.x) * stride + cells.z
            _deposit(total, places, self.constants.levels[number], slice_, self.constants)
        echo = (total.double() / _UNIT).float().view(shape.rows, shape.columns, 2)
        if points:
            extra = empty_echo(self.grid)
            for some in points:
                add_points(extra, self.grid, some)
            beams = np.ascontiguousarray(extra.transpose(0, 2, 1, 3))
            echo = echo + torch.from_numpy(beams.reshape(echo.shape)).to(self.device)
        return torch.view_as_complex(echo)

    def _power(
        self,
        echo: Complex64[Tensor, "R C"],
        passed: Float32[Tensor, "h w"],
        noise_seed: int | None,
    ) -> Float32[Tensor, "H W"]:
        """Convolve with pulse and beam, weaken, add noise, and average the power."""
        grid, shape, known = self.grid, self.grid.shape, self.constants
        lines, beams, per_row = grid.lines, grid.beams, shape.per_row
        samples, half = lines * per_row, len(known.pulse) // 2
        margin = (shape.rows - samples) // 2
        deep = torch.zeros(samples, shape.columns, dtype=torch.complex64, device=self.device)
        for k, weight in enumerate(known.pulse):
            first = margin - half + k
            deep += weight * echo[first : first + samples]
        size = (lines, beams)
        left = F.interpolate(passed[None, None], size, mode="bilinear", align_corners=True)[0, 0]
        left = left.repeat_interleave(per_row, dim=0)
        behind = torch.zeros((), dtype=torch.complex64, device=self.device)
        if noise_seed is not None:
            down, right = self.developer.noise_offset(noise_seed)
            side = grid.side
            noise = known.noise[margin + down :, side + right :][:samples, :beams]
            haze = known.haze[margin : margin + samples, side : side + beams]
            behind = known.noise_level.repeat_interleave(per_row, dim=0) * noise + haze
        power = torch.zeros(samples, beams, device=self.device)
        taps = known.beam.shape[2]
        for look in known.beam:
            across = torch.zeros(samples, beams, dtype=torch.complex64, device=self.device)
            for t in range(taps):
                # the echo of a scatterer is h(node - scatterer): taps are turned round
                at = grid.side - taps // 2 + taps - 1 - t
                across += look[:, t, None] * deep[:, at : at + beams]
            power += torch.view_as_real(across * left + behind).square().sum(dim=2)
        return power.view(lines, per_row, beams).mean(dim=1) / len(known.beam)


def on_device(renderer: Renderer, device: torch.device | str) -> TorchRenderer:
    """Return the same renderer, computed by torch on a device.

    Args:
        renderer: With its world and everything prepared.
        device: cpu, cuda, ...
    """
    grid, tables, behind = renderer.grid, renderer.tables, renderer.developer.backdrop
    taps, where = grid.taps, torch.device(device)
    beam = (taps.beam_real + 1j * taps.beam_imag).repeat(grid.shape.per_row, axis=1)
    constants = (
        renderer.world.lattice.levels.reshape(-1),
        _complex(tables.field),
        tables.half_mm,
        tables.boost_beam,
        tables.amplitude,
        taps.pulse,
        beam.astype(np.complex64),
        _complex(behind.noise),
        _complex(behind.haze),
        behind.noise_level[:, None],
        behind.gain_db,
    )
    moved = [torch.from_numpy(np.ascontiguousarray(value)).to(where) for value in constants]
    known = {field.name: getattr(renderer, field.name) for field in fields(Renderer)}
    return TorchRenderer(**known, device=where, constants=_Constants(*moved))


def _complex(pairs: Float32[np.ndarray, "A B 2"]) -> Complex64[np.ndarray, "A B"]:
    found: Complex64[np.ndarray, "A B"] = (pairs[..., 0] + 1j * pairs[..., 1]).astype(np.complex64)
    return found


def _chunks(
    slice_: Slice, lattice: Lattice, moved_mm: float, device: torch.device
) -> Iterator[_Cells]:
    """Yield the cells that may lie in the slice, some lines at a time."""
    where, turn, pitch = slice_.where, slice_.rotation, lattice.pitch
    axis = where.axis
    fast, slow = (0 if axis == 2 else 2), (1 if axis != 1 else 0)
    a0, a1, b0, b1, c0, c1 = where.ranges
    corner = ((np.array(lattice.box.first) + 0.5) * pitch - slice_.origin) @ turn[:, 2]
    off = corner + pitch * (
        np.arange(a0, a1)[:, None] * turn[slow, 2] + np.arange(b0, b1) * turn[fast, 2]
    )
    step = turn[axis, 2] * pitch
    reach = (where.reach_mm + pitch / 2 * np.abs(turn[:, 2]).sum() + moved_mm) / abs(step)
    number = min(int(np.ceil(2 * reach)) + 1, c1 - c0)
    if number <= 0 or off.size == 0:
        return
    low = np.clip(np.ceil(-off / step - reach), c0, c1 - number).astype(np.int64)
    lows = torch.from_numpy(low.ravel()).to(device)
    along = torch.arange(number, device=device)
    at_once = max(1, CHUNK // number)
    for start in range(0, len(lows), at_once):
        line = torch.arange(start, min(start + at_once, len(lows)), device=device)
        index = {
            axis: (lows[line, None] + along).flatten(),
            slow: (a0 + line // (b1 - b0)).repeat_interleave(number),
            fast: (b0 + line % (b1 - b0)).repeat_interleave(number),
        }
        yield _Cells(index[0], index[1], index[2])


def _places(cells: _Cells, slice_: Slice, lattice: Lattice, flow: Flow) -> _Places:
    """Return where the scatterers of cells are now."""
    i, j, k = (c + f for c, f in zip(cells, lattice.box.first, strict=True))
    line = _mixed(i * 0x85EBCA77 + _mixed(j * 0x9E3779B1 + int(lattice.seed)))
    bits = _mixed(k * int(KEY_STEP) + line)
    jitter = [((bits >> shift) & 1023).float() for shift in (0, 10, 20)]
    sign = 1 - 2 * (bits >> 31).float()
    x, y, z = ((c.double() + 0.5) * lattice.pitch for c in (i, j, k))
    if not flow.still:
        moved = _flow_at(flow, (x, y, z))
        x, y, z = x + moved[0], y + moved[1], z + moved[2]
    x, y, z = (c - float(o) for c, o in zip((x, y, z), slice_.origin, strict=True))
    found = []
    for turn, within in zip(slice_.rotation.T.tolist(), slice_.jitter.tolist(), strict=True):
        # term by term: a matrix product might add up otherwise for another number of cells
        centre = (x * turn[0] + y * turn[1] + z * turn[2]).float()
        off = jitter[0] * within[0] + jitter[1] * within[1] + (jitter[2] * within[2] + within[3])
        found.append(centre + off)
    return _Places(found[0], found[1], found[2].abs(), sign)


def _flow_at(flow: Flow, places: tuple[Tensor, Tensor, Tensor]) -> Float64[Tensor, "3 N"]:
    """Return how far the tissue at these places, given by x, y and z, has moved."""
    vectors = torch.from_numpy(flow.vectors).to(places[0].device, torch.float64)
    last = (vectors.shape[1] - 1, vectors.shape[0] - 1, vectors.shape[2] - 1)
    x, y, z = (
        2 * (place - origin) / (flow.step * most) - 1
        for place, origin, most in zip(places, flow.origin, last, strict=True)
    )
    grid = torch.stack([z, x, y], dim=1)[None, None, None]  # z is the fastest axis
    found = F.grid_sample(
        vectors.permute(3, 0, 1, 2)[None], grid, padding_mode="border", align_corners=True
    )
    return found[0, :, 0, 0]


def _mixed(value: Int64[Tensor, " N"]) -> Int64[Tensor, " N"]:
    """Return what `lattice.mix32` does: products may overflow, low bits stay."""
    value = value & _MASK
    value = value ^ (value >> 16)
    value = (value * 0x85EBCA6B) & _MASK
    value = value ^ (value >> 13)
    value = (value * 0xC2B2AE35) & _MASK
    return value ^ (value >> 16)


def _deposit(
    total: Int64[Tensor, "N 2"],
    places: _Places,
    levels: UInt8[Tensor, " M"],
    slice_: Slice,
    known: _Constants,
) -> None:
    """Add the echoes of scatterers to the nodes around them."""
    where = slice_.where
    depth, across = places.y, places.x
    if where.convex:
        depth = torch.hypot(places.x, places.y + where.radius) - where.radius
        across = torch.atan2(places.x, places.y + where.radius)
    row = depth * where.per_sample + (where.margin - 0.5)
    column = across * where.per_beam + where.centre
    at = (depth * where.per_depth + 0.5).long()
    columns = 2 * where.half_beams
    inside = (levels > 0) & (depth >= 0) & (column >= 0) & (at < where.depths)
    inside &= (row < where.rows - 1) & (column < columns - 1)
    inside &= places.z <= known.half_mm[at.clamp(0, where.depths - 1)]
    row, column, depth, at = row[inside], column[inside], depth[inside], at[inside]
    offset = (places.z[inside] * where.per_offset + 0.5).long()
    field = known.field[at, offset.clamp(max=known.field.shape[1] - 1)]
    down, right = row - row.floor(), column - column.floor()
    strength = places.sign[inside] * known.amplitude[levels[inside].long()]
    strength = strength * (1 + 4 * where.boost_sample * (down - down * down))
    strength = strength * (1 + known.boost_beam[at] * (right - right * right))
    turns = depth * where.turns_per_mm
    angle = -2 * torch.pi * (turns - turns.round())
    echo = torch.view_as_real(strength * field * torch.polar(torch.ones_like(angle), angle))
    node = row.floor().long() * columns + column.floor().long()
    for step, weight in (
        (0, (1 - down) * (1 - right)),
        (1, (1 - down) * right),
        (columns, down * (1 - right)),
        (columns + 1, down * right),
    ):
        whole = (echo * weight[:, None]).double().mul(_UNIT).round().long()
        total.index_add_(0, node + step, whole)
