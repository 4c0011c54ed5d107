"""The bones of a spine: a column of vertebrae, each a union of rounded bodies.

Sizes are those of an adult's lumbar spine and scale with `Spine.size`; axes of a vertebra are u
across, v into depth and w along the spine, in mm at size 1, and its origin lies where the laminae
meet. Every vertebra has its own size, place, turn and asymmetry.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float64, UInt8
from numba import njit

from sonotrace.simulate.echo.surface import Sheet, Solid
from sonotrace.simulate.tissue.noise import rough, smooth

PERIOD_MM = 35.0
"""From one vertebra to the next."""
CANAL_TOP_MM = 7.0
"""v of the dura behind, in the midline: 5.5 mm in front of the ligamentum flavum's surface."""
LIGAMENT_TOP_MM = 1.5
LIGAMENT_MM = 3.4
GAP_MM = 19.0
"""w of the middle of the gap between two vertebrae's laminae."""
BODY_MM = 24.0
"""v of the wall of the vertebral body that faces the canal."""
SPINOUS, LAMINA, ARTICULAR, LIGAMENT, DURA = 1, 2, 3, 4, 5
OTHER = 0
"""Parts that are not among the classes: pedicle and vertebral body."""
_MARGIN_MM = 3.0
_BLOCK = 4

Values = Float64[np.ndarray, " N"]


class Spine(NamedTuple):
    """What was drawn of a spine."""

    size: float
    """1 for an adult."""
    first: int
    """Number of the first row of `vertebrae`; vertebra 0 is the one nearest z = 0."""
    period: float
    vertebrae: Float64[np.ndarray, "V 24"]
    """Place (3), rotation (9), size, then what `_posterior` makes of the rest."""
    canal: Float64[np.ndarray, " 3"]
    """Half width and half depth of the dural sac at size 1, and depth of LF's surface."""
    seed: int


def draw_spine(random: np.random.Generator, size: float, lamina_mm: float) -> Spine:
    """Draw a spine whose laminae lie at this depth."""
    number = np.arange(-5, 6)
    period = PERIOD_MM * size * random.uniform(0.94, 1.06)
    z = period * (number + random.uniform(-0.5, 0.5)) + random.normal(0, 0.8 * size, len(number))
    bend, lean = random.normal(0, 1 / 1400) / size, random.normal(0, 0.02)
    curve = random.normal(1 / 500, 1 / 700) / size
    x = lean * z + bend * z**2 / 2
    y = lamina_mm + curve * z**2 / 2 + random.normal(0, 0.6 * size, len(number))
    axial = random.normal(0, 3.0) + random.normal(0, 1.5, len(number)) + 0.03 * z / size
    sagittal = -np.degrees(curve * z) + random.normal(0, 2.5, len(number))
    coronal = np.degrees(lean + bend * z) + random.normal(0, 1.5, len(number))
    rows = [
        [
            *(x[i], y[i], z[i]),
            *_turn(np.radians([axial[i], sagittal[i], coronal[i]])).ravel(),
            size * random.normal(1, 0.04),
            random.normal(0, 1.4),  # the spinous process leans to a side
            random.normal(26, 2.2),  # its length
            random.normal(0, 1.0),  # its height differs
            *np.radians(random.normal(20, 3, 2)),  # tilt of the laminae, left and right
            *np.radians(random.normal(27, 4, 2)),  # their slope to the sides
            *random.normal(1, 0.09, 2),  # size of the joints
            *random.normal([38, 38], 2.5),  # reach of the transverse processes
        ]
        for i in range(len(number))
    ]
    table = np.array([row + [0.0] * (24 - len(row)) for row in rows])
    canal = np.array(
        [random.normal(9.3, 0.6), random.normal(6.5, 0.6), LIGAMENT_TOP_MM + random.normal(0, 0.4)]
    )
    return Spine(size, -5, period, table, canal, int(random.integers(2**31)))


def bake_bone(
    spine: Spine, low: Float64[np.ndarray, " 3"], high: Float64[np.ndarray, " 3"], step: float
) -> tuple[Solid, UInt8[np.ndarray, "Y X Z"]]:
    """Return the bones within a box, rough as real ones are, and the part at every voxel."""
    count = (np.ceil((high - low) / step / _BLOCK).astype(int) + 1) * _BLOCK
    shape = (int(count[1]), int(count[0]), int(count[2]))
    distance = np.empty(shape, dtype=np.float32)
    part = np.zeros(shape, dtype=np.uint8)
    corner = low.astype(np.float64)
    _fill(distance, part, corner, step, spine.vertebrae, _MARGIN_MM * spine.size)
    near = np.nonzero(np.abs(distance) < 0.8 * _MARGIN_MM * spine.size)
    y, x, z = (
        (index * step + corner[a]).astype(np.float32)
        for a, index in zip((1, 0, 2), near, strict=True)
    )
    for size, strength, seed in ((9.0, 0.5, 1), (3.6, 0.28, 2)):
        edge = size * spine.size
        wave = smooth(x, y, z, (edge, edge, edge), spine.seed + seed)
        distance[near] += np.float32(strength * spine.size) * wave
    return Solid(distance, (float(low[0]), float(low[1]), float(low[2])), step), part


def axis_at(spine: Spine, z: Values) -> tuple[Values, Values, Values]:
    """Return x and y of the column's axis and its turn about it (radians), between vertebrae."""
    table = spine.vertebrae
    knots = np.interp(z, table[:, 2], np.arange(len(table)))
    return (
        _smooth_between(table[:, 0], knots),
        _smooth_between(table[:, 1], knots),
        _smooth_between(np.arctan2(table[:, 6], table[:, 3]), knots),
    )


def sheets_of(
    spine: Spine, low: Float64[np.ndarray, " 3"], high: Float64[np.ndarray, " 3"]
) -> dict[str, Sheet]:
    """Return the ligamentum flavum's two surfaces and the dura behind and in front."""
    step = 0.5 * spine.size
    x = np.arange(low[0] - step, high[0] + 2 * step, step)
    z = np.arange(low[2] - step, high[2] + 2 * step, step)
    axis_x, axis_y, turn = axis_at(spine, z)
    s = spine.size
    grid_x, grid_z = np.meshgrid(x, z, indexing="ij")
    flat = (
        grid_x.ravel().astype(np.float32),
        np.zeros(grid_x.size, dtype=np.float32),
        grid_z.ravel().astype(np.float32),
    )
    u = (grid_x - axis_x) / s
    # waves of the surfaces, so that no line is drawn with a ruler
    wave = rough(*flat, (14 * s, 1.0, 11 * s), spine.seed + 11).reshape(u.shape)
    fine = rough(*flat, (5 * s, 1.0, 4 * s), spine.seed + 12).reshape(u.shape)
    half_width, half_depth, top = spine.canal
    roof = top + 0.42 * (np.sqrt(u**2 + 2.5**2) - 2.5)
    thick = LIGAMENT_MM * (1 + 0.16 * wave) * np.clip((11 - np.abs(u)) / 3, 0, 1)
    cap = np.sqrt(np.clip(1 - (u / half_width) ** 2, 0, 1))
    middle = top + (CANAL_TOP_MM - LIGAMENT_TOP_MM) + half_depth
    inside = np.clip((0.9 - np.abs(u) / half_width) / 0.45, 0, 1)
    below = axis_y + np.tan(turn) * (grid_x - axis_x)
    found = {
        "ligament": (roof + 0.3 * wave + 0.15 * fine, np.clip((11 - np.abs(u)) / 3, 0, 1)),
        "ligament_end": (roof + 0.3 * wave + thick, np.clip((11 - np.abs(u)) / 3, 0, 1)),
        "dura": (middle - half_depth * cap + 0.5 * wave + 0.2 * fine, inside),
        "front": (middle + half_depth * cap - 0.5 * wave + 0.2 * fine, inside),
        "axis": (np.zeros_like(u), np.ones_like(u)),
    }
    return {
        name: Sheet(
            (below + s * v).astype(np.float32),
            np.ascontiguousarray(strength, dtype=np.float32),
            (float(x[0]), float(z[0])),
            step,
        )
        for name, (v, strength) in found.items()
    }


def _smooth_between(values: Float64[np.ndarray, " V"], knots: Values) -> Values:
    """Interpolate with level ends at each vertebra: smooth, and without overshoot."""
    i = np.clip(knots.astype(int), 0, len(values) - 2)
    part = knots - i
    part = 0.5 * part + 0.5 * part * part * (3 - 2 * part)
    return np.asarray(values[i] + part * (values[i + 1] - values[i]))


def _turn(angles: Float64[np.ndarray, " 3"]) -> Float64[np.ndarray, "3 3"]:
    """Return tissue-from-vertebra of turns about the spine, across, and about depth."""
    (ca, sa), (cb, sb), (cc, sc) = ((np.cos(a), np.sin(a)) for a in angles)
    about_z = np.array([[ca, -sa, 0], [sa, ca, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, cb, -sb], [0, sb, cb]])
    about_y = np.array([[cc, 0, sc], [0, 1, 0], [-sc, 0, cc]])
    return np.asarray(about_y @ about_x @ about_z)


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _fill(distance, part, low, step, vertebrae, margin):
    """Fill in distances block by block; far from bone a bound is enough."""
    half = 0.5 * _BLOCK * step
    beyond = half * 1.7321
    for j in range(0, distance.shape[0], _BLOCK):
        for i in range(0, distance.shape[1], _BLOCK):
            for k in range(0, distance.shape[2], _BLOCK):
                x, y, z = (
                    low[0] + i * step + half,
                    low[1] + j * step + half,
                    low[2] + k * step + half,
                )
                middle, _ = _bone(x, y, z, vertebrae)
                far = abs(middle) > 1.3 * beyond + margin
                for b in range(_BLOCK):
                    for a in range(_BLOCK):
                        for c in range(_BLOCK):
                            if far:
                                bound = abs(middle) - 1.1 * beyond
                                distance[j + b, i + a, k + c] = bound if middle > 0 else -bound
                            else:
                                d, which = _bone(
                                    low[0] + (i + a) * step,
                                    low[1] + (j + b) * step,
                                    low[2] + (k + c) * step,
                                    vertebrae,
                                )
                                distance[j + b, i + a, k + c] = d
                                part[j + b, i + a, k + c] = which


@njit
@no_type_check
def _bone(x, y, z, vertebrae):
    """Return the distance to the nearest bone, and its part."""
    last = vertebrae.shape[0] - 1
    after = 0
    while after < last and vertebrae[after, 2] < z:
        after += 1
    best, which = 1e9, 0
    for n in range(max(after - 1, 0), after + 1):
        row = vertebrae[n]
        a, b, c = x - row[0], y - row[1], z - row[2]
        size = row[12]
        u = (row[3] * a + row[6] * b + row[9] * c) / size
        v = (row[4] * a + row[7] * b + row[10] * c) / size
        w = (row[5] * a + row[8] * b + row[11] * c) / size
        d, p = _vertebra(u, v, w, row)
        if d * size < best:
            best, which = d * size, p
    return best, which


@njit
@no_type_check
def _vertebra(u, v, w, row):
    """Return the distance to one vertebra at size 1, and the part that is nearest."""
    side = 1 if u > 0 else 0
    across = abs(u)
    tilt, roof, joint, reach = row[16 + side], row[18 + side], row[20 + side], row[22 + side]
    lamina = _lamina(across, v, w, tilt, roof)
    spinous = _spinous(u, v, w, row[13], row[14], row[15])
    upper = _ellipsoid(across - 14.5, v - 5.0, w + 12.0, 4.6 * joint, 6.0 * joint, 7.5)
    lower = _ellipsoid(across - 11.5, v - 1.2, w - 12.5, 5.0 * joint, 4.6 * joint, 8.5)
    transverse = _capsule(
        across, v, w, (14.0, 8.0, -5.0), (reach, 8.5 + 3 * (joint - 1), -6.5), 3.0
    )
    pedicle = _capsule(across, v, w, (13.0, 8.0, -5.0), (12.5, 27.0, -5.0), 4.5)
    radius = np.sqrt((u / 23.0) ** 2 + ((v - BODY_MM - 17.0) / 17.0) ** 2)
    side, end = (radius - 1) * 17.0 + 3.5, abs(w + 4.0) - 13.0 + 3.5
    body = np.sqrt(max(side, 0.0) ** 2 + max(end, 0.0) ** 2) + min(max(side, end), 0.0) - 3.5
    joints = min(upper, lower, transverse)
    best, which = lamina, LAMINA
    if spinous < best:
        best, which = spinous, SPINOUS
    if joints < best:
        best, which = joints, ARTICULAR
    if min(body, pedicle) < best:
        best, which = min(body, pedicle), OTHER
    arch = _blend(_blend(lamina, spinous, 3.0), joints, 2.5)
    return _blend(arch, _blend(pedicle, body, 3.0), 1.5), which


@njit
@no_type_check
def _lamina(across, v, w, tilt, roof):
    a, b = across - 8.0, v - 1.5
    c, s = np.cos(roof), np.sin(roof)
    a, b = c * a + s * b, c * b - s * a
    c, s = np.cos(tilt), np.sin(tilt)
    b, w = c * b + s * w, c * w - s * b
    return _box(a, b, w, 7.5, 0.6, 7.4) - 2.2


@njit
@no_type_check
def _spinous(u, v, w, lean, length, taller):
    back = min(max(-v / length, 0.0), 1.0)
    u = u - lean * back
    w = w - 4.0 - 4.0 * back
    wide = 0.9 + 1.5 * back * back
    half = 0.5 * length
    return 0.9 * (_box(u, v + half + 1.0, w, wide, half - 2.0, 6.3 + taller) - 1.9)


@njit
@no_type_check
def _box(a, b, c, ha, hb, hc):
    qa, qb, qc = abs(a) - ha, abs(b) - hb, abs(c) - hc
    outside = np.sqrt(max(qa, 0.0) ** 2 + max(qb, 0.0) ** 2 + max(qc, 0.0) ** 2)
    return outside + min(max(qa, qb, qc), 0.0)


@njit
@no_type_check
def _ellipsoid(a, b, c, ra, rb, rc):
    near = np.sqrt((a / ra) ** 2 + (b / rb) ** 2 + (c / rc) ** 2)
    steep = np.sqrt((a / ra**2) ** 2 + (b / rb**2) ** 2 + (c / rc**2) ** 2)
    return near * (near - 1) / max(steep, 1e-6)


@njit
@no_type_check
def _capsule(a, b, c, one, other, radius):
    la, lb, lc = other[0] - one[0], other[1] - one[1], other[2] - one[2]
    pa, pb, pc = a - one[0], b - one[1], c - one[2]
    part = (pa * la + pb * lb + pc * lc) / (la * la + lb * lb + lc * lc)
    part = min(max(part, 0.0), 1.0)
    pa, pb, pc = pa - part * la, pb - part * lb, pc - part * lc
    return np.sqrt(pa * pa + pb * pb + pc * pc) - radius


@njit
@no_type_check
def _blend(one, other, width):
    """Return the smaller of two distances, with the crease between them rounded."""
    part = max(width - abs(one - other), 0.0) / width
    return min(one, other) - 0.25 * part * part * width
