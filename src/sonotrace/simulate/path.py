"""Motion of the probe: a pose for every frame, as a hand would make them.

Poses are `world_from_probe`, 4 x 4, in mm. World axes are those of the first picture: x across,
y into depth, z out of the picture. The rotation is Ry(yaw) Rx(tilt) Rz(roll): yaw about the axis
of depth, tilt about the axis across, roll within the picture.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float64
from scipy import ndimage

Poses = Float64[np.ndarray, "T 4 4"]
Shape = Literal["hold", "straight", "curved", "s-shaped", "back-and-forth", "fan"]
SHAPES: tuple[Shape, ...] = ("hold", "straight", "curved", "s-shaped", "back-and-forth", "fan")

FASTEST_MM_S = 15.0
"""Mean speed of a hand that looks for something."""
_MOST_TURN_RAD = np.radians(40)
_WIDE = 100.0
"""Frames; noise that changes over more of them is blurred by its transform, in less time."""


def poses_from(
    position_mm: Float64[np.ndarray, "T 3"], angles_rad: Float64[np.ndarray, "T 3"]
) -> Poses:
    """Compose poses of positions (x, y, z) and angles (yaw, tilt, roll)."""
    yaw, tilt, roll = angles_rad.T
    one, none = np.ones_like(yaw), np.zeros_like(yaw)

    def matrix(rows: list[list[Float64[np.ndarray, " T"]]]) -> Float64[np.ndarray, "T 3 3"]:
        return np.array(rows).transpose(2, 0, 1)

    about_y = matrix(
        [[np.cos(yaw), none, np.sin(yaw)], [none, one, none], [-np.sin(yaw), none, np.cos(yaw)]]
    )
    about_x = matrix(
        [[one, none, none], [none, np.cos(tilt), -np.sin(tilt)], [none, np.sin(tilt), np.cos(tilt)]]
    )
    about_z = matrix(
        [[np.cos(roll), -np.sin(roll), none], [np.sin(roll), np.cos(roll), none], [none, none, one]]
    )
    poses = np.tile(np.eye(4), (len(yaw), 1, 1))
    poses[:, :3, :3] = about_y @ about_x @ about_z
    poses[:, :3, 3] = position_mm
    return poses


def draw_path(  # noqa: PLR0913 - keyword choices
    random: np.random.Generator,
    shape: Shape,
    frames: int,
    *,
    length_mm: float = 30.0,
    frames_per_second: float = 25.0,
    tremor_mm: float = 0.1,
    tightest_mm: float = 80.0,
) -> Poses:
    """Draw a path of the probe over the skin, or a fan about its face; its middle is the origin.

    Paths lead along z. In a bend the probe turns with the path, by so much for each mm and by 40
    degrees in all at most: the farther it goes, the more it turns.

    Args:
        random: Where it is drawn from.
        shape: Of the path. `hold` stays and only trembles; `fan` tilts by 1 degree for every mm.
        frames: How many.
        length_mm: How far the face goes from the first to the farthest frame.
        frames_per_second: Decides how fast the hand trembles from frame to frame.
        tremor_mm: Standard deviation of slow unsteadiness; angles tremble by 1 degree for 1 mm.
        tightest_mm: Least radius of a bend: points this far to the side of the face's middle go
            up to twice as far as it does from frame to frame.
    """
    along = _advance(random, frames)  # 0 to 1
    if shape == "back-and-forth":
        along = 1 - np.abs(2 * along - 1)
    z = (along - 0.5) * length_mm
    x, yaw, tilt = np.zeros(frames), np.zeros(frames), np.zeros(frames)
    bend = random.uniform(0.5, 1.0) * random.choice([-1, 1])
    if shape == "curved":
        yaw = bend * min(length_mm / tightest_mm, _MOST_TURN_RAD) * (0.5 - along)
        x, z = _follow(along, yaw, length_mm)
    elif shape == "s-shaped":
        swing = bend * min(length_mm / (2 * np.pi * tightest_mm), _MOST_TURN_RAD / 2)
        yaw = swing * np.cos(2 * np.pi * along)
        x, z = _follow(along, yaw, length_mm)
    elif shape == "fan":
        tilt, z = np.radians(z), np.zeros(frames)
    elif shape == "hold":
        z = np.zeros(frames)
    shake = [_unsteady(random, frames, frames_per_second) for _ in range(6)]
    position = tremor_mm * np.stack(shake[:3], axis=1)
    position[:, 1] = 0  # the probe stays on the skin; pressure moves the tissue
    position[:, 0] += x
    position[:, 2] += z
    angles = np.radians(tremor_mm) * np.stack(shake[3:], axis=1)
    angles[:, 0] += yaw
    angles[:, 1] += tilt
    return poses_from(position, angles)


def longest_mm(shape: Shape, frames: int, frames_per_second: float = 25.0) -> float:
    """Return how far the face can go from the first to the farthest frame at a hand's speed.

    A single frame has no speed: it may lie at the end of any path. For a fan, whose length is an
    angle, it is the way of what turns at that distance from the face.
    """
    if frames == 1:
        return np.inf
    times = 2 if shape == "back-and-forth" else 1
    return FASTEST_MM_S * (frames - 1) / frames_per_second / times


def _follow(
    along: Float64[np.ndarray, " T"], yaw: Float64[np.ndarray, " T"], length_mm: float
) -> tuple[Float64[np.ndarray, " T"], Float64[np.ndarray, " T"]]:
    """Return x and z of a way of this length that leads wherever the probe faces."""
    step, heading = length_mm * np.diff(along), (yaw[1:] + yaw[:-1]) / 2
    x, z = (np.append(0.0, np.cumsum(step * part)) for part in (np.sin(heading), np.cos(heading)))
    return x - np.interp(0.5, along, x), z - np.interp(0.5, along, z)


def _advance(random: np.random.Generator, frames: int) -> Float64[np.ndarray, " T"]:
    """Return a way from 0 to 1 at a speed that varies as a hand's does, never backwards."""
    if frames == 1:
        return np.array([0.5])
    speed = np.exp(0.3 * _slow(random, frames, max(2.0, frames / 8)))
    way = np.concatenate([[0.0], np.cumsum(0.5 * (speed[1:] + speed[:-1]))])
    return np.asarray(way / way[-1])


def _unsteady(
    random: np.random.Generator, frames: int, frames_per_second: float
) -> Float64[np.ndarray, " T"]:
    """Return slow drift of standard deviation 1 and a tremor of 7 to 9 Hz and amplitude 0.03."""
    drift = _slow(random, frames, 0.5 * frames_per_second)
    time_s = np.arange(frames) / frames_per_second
    tremor = np.sin(2 * np.pi * random.uniform(7, 9) * time_s + random.uniform(0, 2 * np.pi))
    return drift + 0.03 * tremor


def _slow(random: np.random.Generator, frames: int, over: float) -> Float64[np.ndarray, " T"]:
    """Return noise of standard deviation 1 that changes over this many frames."""
    margin = int(4 * over) + 1
    white = random.standard_normal(frames + 2 * margin)
    if over <= _WIDE:
        blurred = ndimage.gaussian_filter1d(white, over)
    else:  # the margins are wider than what the transform carries over from the other end
        frequency = np.fft.rfftfreq(len(white))
        gain = np.exp(-2 * (np.pi * over * frequency) ** 2)
        blurred = np.fft.irfft(gain * np.fft.rfft(white), len(white))
    return np.asarray(blurred[margin : margin + frames] * np.sqrt(2 * np.sqrt(np.pi) * over))
