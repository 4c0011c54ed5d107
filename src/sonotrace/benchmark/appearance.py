"""Numbers that describe how an ultrasound picture looks, whatever it shows.

Lengths are parts of the picture's height, in thousandths, because most published pictures have no
pixel spacing; frequencies are cycles per height. So pictures of different sizes can be compared,
and a network that sees all of them at one size meets the numbers given here.

    grey        quantiles of the grey levels, share of black (0 to 4) and of white (251 to 255)
    brightness  mean grey of the shallow, middle and deep third, and of the uppermost twentieth
    speckle     lag at which the autocorrelation of grey values, their local mean removed, has
                fallen to one half, along depth and across, in homogeneous patches of each third
    power       share of the power of columns (depth) and rows (across) in octaves of frequency,
                and the slope of the power in dB per octave
    contrast    deviation over mean of patches of an eighth and of a fortieth of the height
    structure   coherence and direction of the gradient: 1 is all lines, 0 no direction (Bigun and
                Granlund, ICCV 1987)
"""

from itertools import pairwise

import numpy as np
from jaxtyping import Float, UInt8
from scipy import ndimage

Grey = UInt8[np.ndarray, "H W"]
Values = Float[np.ndarray, "H W"]
Measures = dict[str, float]

BLACK = 4
WHITE = 251
LEAST_SIZE = 96
"""Pictures with fewer rows or columns are too coarse for these numbers."""
THIRDS = ("shallow", "middle", "deep")
OCTAVES = (4, 8, 16, 32, 64, 128)
"""Limits of the octaves in cycles per height; what is above the last is one band more."""

_PATCH = 1 / 14
"""Height of a patch in which speckle is measured."""
_CHOSEN = 0.3
"""Share of the patches of a third that count as homogeneous."""
_LAGS = 24


def measure_picture(grey: Grey) -> Measures:
    """Return all numbers of one picture, by name; nan where a third has no usable patch.

    Args:
        grey: The ultrasound alone, cropped to it.

    Raises:
        ValueError: It has fewer than `LEAST_SIZE` rows or columns.
    """
    if min(grey.shape) < LEAST_SIZE:
        raise ValueError(f"a picture of {grey.shape}; {LEAST_SIZE} rows and columns are needed")
    values = grey.astype(np.float32)
    return {
        **_grey(grey),
        **_brightness(values),
        **_speckle(values),
        **_power(values, axis=0),
        **_power(values, axis=1),
        **_contrast(values),
        **_structure(values),
    }


def histogram(grey: Grey) -> Float[np.ndarray, " N"]:
    """Return the share of each of the 256 grey levels."""
    counts = np.bincount(grey.ravel(), minlength=256)
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def earth_movers(a: Float[np.ndarray, " N"], b: Float[np.ndarray, " N"]) -> float:
    """Return how many grey levels the average pixel has to change to turn one into the other."""
    return float(abs(np.cumsum(a - b)).sum())


def live_area(grey: Grey) -> UInt8[np.ndarray, "h w"]:
    """Cut a screen picture to its ultrasound, by where neighbours differ.

    The frame, bars and text of a scanner's screen are flat but for thin lines; speckle is not.
    A pixel counts if most of the 7 x 7 pixels around it differ from their neighbours; areas
    narrower than 25 pixels do not count; the box of the largest connected area is returned, or
    the whole picture if that is a small one. Rows that are black from side to side at the lower
    edge are lost as well: they cannot be told from a black border.
    """
    padded = np.pad(grey.astype(np.int16), 1, mode="edge")
    right = padded[1:-1, 2:] != padded[1:-1, :-2]
    down = padded[2:, 1:-1] != padded[:-2, 1:-1]
    busy = ndimage.uniform_filter((right | down).astype(np.float32), 7) > 0.5
    wide = ndimage.maximum_filter(ndimage.minimum_filter(busy.astype(np.uint8), 25), 25)
    labels, count = ndimage.label(wide)
    if count == 0:
        return grey
    sizes = np.bincount(labels.ravel())[1:]
    rows, columns = ndimage.find_objects(labels)[int(sizes.argmax())]
    cut = grey[rows, columns][4:-4, 4:-4]  # the 7 x 7 pixels reach 3 beyond the edge
    return cut if min(cut.shape) >= LEAST_SIZE else grey


def _grey(grey: Grey) -> Measures:
    quantiles = np.percentile(grey, (5, 25, 50, 75, 95))
    named = zip((5, 25, 50, 75, 95), quantiles, strict=True)
    return {f"grey_{level:02d}": float(value) for level, value in named} | {
        "black_share": float((grey <= BLACK).mean()),
        "white_share": float((grey >= WHITE).mean()),
    }


def _brightness(values: Values) -> Measures:
    rows = values.mean(axis=1)
    found = {"bright_skin": float(rows[: max(len(rows) // 20, 1)].mean())}
    for name, part in zip(THIRDS, np.array_split(rows, 3), strict=True):
        found[f"bright_{name}"] = float(part.mean())
    return found


def _speckle(values: Values) -> Measures:
    """Measure half widths of the autocorrelation, in homogeneous patches of each third."""
    height = values.shape[0]
    size = max(int(height * _PATCH), 16)
    slow = ndimage.gaussian_filter(values, size / 4)
    fast = values - slow
    found: Measures = {}
    for name, rows in zip(THIRDS, np.array_split(np.arange(height), 3), strict=True):
        corners = _homogeneous(values, slow, fast, (int(rows[0]), int(rows[-1])), size)
        for way, axis in (("depth", 0), ("across", 1)):
            lag = _half_width([fast[r : r + size, c : c + size] for r, c in corners], axis)
            found[f"speckle_{way}_{name}"] = 1000 * lag / height
        mean = [slow[r : r + size, c : c + size].mean() for r, c in corners]
        spread = [fast[r : r + size, c : c + size].std() for r, c in corners]
        ratio = np.array(spread) / np.array(mean) if corners else np.array([np.nan])
        found[f"speckle_contrast_{name}"] = float(np.median(ratio))
    return found


def _homogeneous(
    values: Values, slow: Values, fast: Values, limits: tuple[int, int], size: int
) -> list[tuple[int, int]]:
    """Return corners of the patches whose slow part varies least for their speckle."""
    candidates = []
    for row in range(limits[0], limits[1] - size + 2, size // 2):
        for column in range(0, values.shape[1] - size + 1, size // 2):
            patch = np.s_[row : row + size, column : column + size]
            here = values[patch]
            clipped = ((here <= BLACK) | (here >= WHITE)).mean()
            spread = float(fast[patch].std())
            if clipped < 0.05 and spread > 1:
                candidates.append((float(slow[patch].std()) / spread, row, column))
    candidates.sort()
    return [(row, column) for _, row, column in candidates[: int(len(candidates) * _CHOSEN + 0.99)]]


def _half_width(patches: list[Values], axis: int) -> float:
    """Return the lag, in pixels, at which the mean autocorrelation has fallen to one half."""
    if not patches:
        return float("nan")
    total = np.zeros(_LAGS)
    for patch in patches:
        turned = patch if axis == 0 else patch.T
        turned = (turned - turned.mean()) / turned.std()
        for lag in range(min(_LAGS, len(turned) - 4)):
            total[lag] += (turned[: len(turned) - lag] * turned[lag:]).mean()
    curve = total / total[0]
    below = np.flatnonzero(curve < 0.5)
    if not len(below):
        return float("nan")
    last = int(below[0])
    return float(last - (0.5 - curve[last]) / (curve[last - 1] - curve[last]))


def _power(values: Values, axis: int) -> Measures:
    """Return shares of power by octave, and the slope, along depth (axis 0) or across (1)."""
    lines = values if axis == 1 else values.T
    length = lines.shape[1]
    window = np.hanning(length).astype(np.float32)
    lines = (lines - lines.mean(axis=1, keepdims=True)) * window
    power = (abs(np.fft.rfft(lines, axis=1)) ** 2).mean(axis=0)
    frequency = np.fft.rfftfreq(length) * values.shape[0]  # cycles per height
    way = "across" if axis else "depth"
    kept = frequency >= OCTAVES[0]
    total = power[kept].sum() + 1e-12
    limits = (*OCTAVES, np.inf)
    shares = {
        f"power_{way}_{low}": float(power[(frequency >= low) & (frequency < high)].sum() / total)
        for low, high in pairwise(limits)
    }
    fitted = (frequency >= OCTAVES[0]) & (frequency < OCTAVES[-1])
    level = 10 * np.log10(power[fitted] + 1e-6)
    slope = np.polyfit(np.log2(frequency[fitted]), level, 1, w=frequency[fitted] ** -0.5)[0]
    return {**shares, f"slope_{way}": float(slope)}


def _contrast(values: Values) -> Measures:
    """Return the median over patches of deviation over mean, for large and small patches."""
    found = {}
    for name, part in (("large", 8), ("small", 40)):
        size = max(values.shape[0] // part, 3)
        mean = ndimage.uniform_filter(values, size)[size // 2 :: size, size // 2 :: size]
        square = ndimage.uniform_filter(values**2, size)[size // 2 :: size, size // 2 :: size]
        spread = np.sqrt(np.maximum(square - mean**2, 0))
        bright = mean > BLACK
        ratio = spread[bright] / mean[bright]
        found[f"contrast_{name}"] = float(np.median(ratio)) if ratio.size else float("nan")
    return found


def _structure(values: Values) -> Measures:
    """Return coherence and direction of the structure tensor, weighted by its energy.

    Gradients are taken over 1/250 of the height, the tensor over 1/50: speckle averages out.
    """
    height = values.shape[0]
    fine, coarse = max(height / 250, 1.0), height / 50
    down = ndimage.gaussian_filter(values, fine, order=(1, 0))
    right = ndimage.gaussian_filter(values, fine, order=(0, 1))
    a, b, c = (ndimage.gaussian_filter(one, coarse) for one in (down**2, right**2, down * right))
    energy = a + b + 1e-6
    coherence = np.hypot(a - b, 2 * c) / energy
    turned = 0.5 * np.degrees(np.arctan2(2 * c, a - b))  # of the gradient, from the depth axis
    weight = energy / energy.sum()
    return {
        "coherence": float((coherence * weight).sum()),
        "layered_share": float(weight[abs(turned) < 15].sum()),
        "oblique_share": float(weight[(abs(turned) >= 15) & (abs(turned) < 60)].sum()),
    }
