"""`report.html`: one page that opens anywhere, with its pictures inside."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import jinja2
from PIL import Image

from sonotrace.report.document import RESEARCH_USE
from sonotrace.report.overlay import colour_of
from sonotrace.types import Frame

_PICTURE_WIDTH = 480
"""Pixels; pictures in the page are shrunk to it, those in the folder are not."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture within the page."""

    data: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line of a plot, in the plot's own 800 x 200 units."""

    colour: tuple[int, int, int]
    points: str


@dataclass(kw_only=True)
class Section:
    """One part of the page; whatever is left empty is left out."""

    title: str
    text: str = ""
    link: str = ""
    """A file beside the page."""
    facts: dict[str, object] = field(default_factory=dict)
    rows: list[dict[str, object]] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    curves_label: str = ""
    video: str = ""
    pictures: list[Picture] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def write_page(path: Path, title: str, sections: Sequence[Section]) -> None:
    """Write the page. Everything in it is escaped: file names cannot run as code."""
    source = files("sonotrace.report").joinpath("page.html").read_text()
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        source
    )
    colours = {object_id: colour_of(object_id) for object_id in range(1, 255)}
    text = template.render(title=title, notice=RESEARCH_USE, sections=sections, colours=colours)
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def embed(frame: Frame, caption: str) -> Picture:
    """Turn a frame into a picture of the page."""
    channels_last = frame.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy()
    picture = Image.fromarray(channels_last)
    if picture.width > _PICTURE_WIDTH:
        height = round(picture.height * _PICTURE_WIDTH / picture.width)
        picture = picture.resize((_PICTURE_WIDTH, height))
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", compress_level=4)  # 20 x quicker than the smallest
    return Picture(data=base64.b64encode(buffer.getvalue()).decode(), caption=caption)


def curve(
    xs: Sequence[float],
    ys: Sequence[float],
    object_id: int,
    *,
    span: tuple[float, float],
    top: float,
) -> Curve:
    """Draw `ys` over `xs`.

    Args:
        xs: Such as the numbers of frames.
        ys: As many values.
        object_id: Says in which colour.
        span: Values of `xs` at the left and the right edge of the plot.
        top: Value of `ys` at the upper edge of the plot; the lower is 0.
    """
    first, last = span
    points = []
    for x, y in zip(xs, ys, strict=True):
        across = 8 + 784 * (x - first) / (last - first or 1)
        points.append(f"{across:.1f},{192 - 168 * y / (top or 1):.1f}")
    return Curve(colour=colour_of(object_id), points=" ".join(points))
