"""Whether a picture has colour, how strong, and its luminance."""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from sonotrace.errors import ReadError
from sonotrace.types import Frame

FAINT = 16
"""Channels this close to each other are grey: lossy coding moves them apart by a few levels."""
STRONG = 64
"""Channels this far apart are colour that somebody chose: Doppler, an overlay, a marker."""
GREY_SHARE = 0.001
"""A clip is grey if no sampled frame has a larger share of coloured pixels."""
STRONG_SHARE = 0.005
"""A larger share of strongly coloured pixels is worth a warning."""


def luminance(frame: Frame) -> UInt8[Tensor, "1 H W"]:
    """Return the luminance of red, green and blue by ITU-R BT.601, rounded."""
    if frame.shape[0] == 1:
        return frame
    red, green, blue = frame.unbind()
    if torch.equal(red, green) and torch.equal(green, blue):
        return red[None]
    # All these whole numbers are exact in float32, and their thousandths far enough apart.
    grey = red.float().mul_(299).add_(green, alpha=587).add_(blue, alpha=114).add_(500)
    return grey.div_(1000).to(torch.uint8)[None]


def coloured_share(frame: Frame, spread: int) -> float:
    """Return the share of pixels whose channels lie more than `spread` levels apart."""
    if frame.shape[0] == 1:
        return 0.0
    apart = frame.amax(0).to(torch.int16) - frame.amin(0)
    return float((apart > spread).float().mean())


def choose_channels(sampled: Sequence[UInt8[Tensor, "_ _ _"]]) -> tuple[int, list[str]]:
    """Choose 1 or 3 channels for a clip from some of its frames, and say what is odd.

    The choice holds for the whole clip, so that all its frames have one shape: in a clip
    that was found grey, a later coloured frame gives its luminance.
    """
    share = max(coloured_share(frame, FAINT) for frame in sampled)
    strong = max(coloured_share(frame, STRONG) for frame in sampled)
    if share > GREY_SHARE:
        notes = []
        if strong > STRONG_SHARE:
            notes.append(
                f"strong colour in {strong:.1%} of a frame's pixels (Doppler, an overlay or a "
                f"screen's furniture?); grey-level networks see its luminance."
            )
        return 3, notes
    if share > 0:
        some = f"{share:.2%}" if share >= 1e-4 else "less than 0.01%"
        return 1, [f"a grey clip with colour in {some} of a frame's pixels; read as luminance."]
    return 1, []


def conform(
    path: Path,
    frame: Frame,
    shape: tuple[int, int, int],
    remedy: str = "Give frames of one size, or one clip per size.",
) -> UInt8[Tensor, "Cclip Hclip Wclip"]:
    """Return `frame` with the channels of its clip: grey repeated, colour as luminance.

    Args:
        path: Where the frame comes from.
        frame: As it was decoded.
        shape: Channels, rows and columns of the clip.
        remedy: What to do about a frame of another size.

    Raises:
        ReadError: It has another size than the clip.
    """
    if tuple(frame.shape[1:]) != shape[1:]:
        raise ReadError(
            path,
            f"a frame of {frame.shape[2]} x {frame.shape[1]} pixels in a clip whose first frame "
            f"is {shape[2]} x {shape[1]}.",
            remedy,
        )
    if frame.shape[0] == shape[0]:
        return frame
    return luminance(frame) if shape[0] == 1 else frame.expand(3, -1, -1)


def sampled(count: int, most: int = 8) -> list[int]:
    """Return at most `most` of the numbers 0 to count - 1, evenly spread, first and last."""
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]
