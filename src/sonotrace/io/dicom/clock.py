"""When every frame of a DICOM cine was taken."""

import math

import torch

from sonotrace.io.dicom.header import Header, number, numbers, value
from sonotrace.types import Times

FAST = 1000.0
"""Frames per second above which a rate is doubted aloud; ultrasound cines have 5 to 200."""


def read_clock(header: Header, frames: int) -> tuple[Times | None, str, list[str]]:
    """Return the times, the name of the element they come from, and warnings.

    FrameTimeVector, FrameTime (both in milliseconds), CineRate, and at last
    RecommendedDisplayFrameRate, are taken in this order; what is impossible is passed over
    with a warning. Without any of them there is no clock, and none is made up. A single
    picture has none.
    """
    if frames < 2:
        return None, "", []
    times, notes = _by_vector(header, frames)
    source = "FrameTimeVector"
    if times is None:
        period_s, source, more = _period(header)
        notes += more
        if period_s is None:
            return None, "", [*notes, "the file does not say when its frames were taken."]
        times = torch.arange(frames, dtype=torch.float64) * period_s
    return times, source, [*notes, *_doubts(header, times, source)]


def _by_vector(header: Header, frames: int) -> tuple[Times | None, list[str]]:
    """Return times from the increments of FrameTimeVector, whose first one is no part of it."""
    if value(header.values, "FrameTimeVector") is None:
        return None, []
    steps = numbers(header.values, "FrameTimeVector")
    if len(steps) != frames:
        problem = f"FrameTimeVector has {len(steps)} increments for {frames} frames"
    elif not all(math.isfinite(step) and step > 0 for step in steps[1:]):
        problem = "FrameTimeVector has increments that are not positive"
    else:
        increments = torch.tensor([0.0, *steps[1:]], dtype=torch.float64)
        return increments.cumsum(0) / 1000, []
    return None, [f"{problem}; it is not used."]


def _period(header: Header) -> tuple[float | None, str, list[str]]:
    """Return seconds from frame to frame, the element that says so, and warnings."""
    notes = []
    for keyword, scale in (
        ("FrameTime", 0.001),
        ("CineRate", 0),
        ("RecommendedDisplayFrameRate", 0),
    ):
        if value(header.values, keyword) is None:
            continue
        stated = number(header.values, keyword)
        if stated is None or not math.isfinite(stated) or not 1e-6 < stated < 1e9:
            notes.append(f"{keyword} is not a positive number; it is not used.")
            continue
        if keyword == "RecommendedDisplayFrameRate":
            notes.append(
                "its times come from the rate at which it should be shown, for want of others; "
                "the frames may have been taken at another rate."
            )
        return (stated * scale if scale else 1 / stated), keyword, notes
    return None, "", notes


def _doubts(header: Header, times: Times, source: str) -> list[str]:
    """Compare the clock with what else the file says about it."""
    notes = []
    span = float(times[-1])
    rate = (len(times) - 1) / span
    if rate > FAST:
        notes.append(f"{rate:,.0f} frames per second by {source}, which is hard to believe.")
    cine_rate = number(header.values, "CineRate")
    if cine_rate and cine_rate > 0 and abs(rate / cine_rate - 1) > 0.1:
        notes.append(f"{rate:.4g} frames per second by {source}, {cine_rate:g} by CineRate.")
    lasts = number(header.values, "EffectiveDuration")
    tolerance = 1.5 * span / (len(times) - 1) + 0.02 * span
    if lasts is not None and lasts > 0 and abs(lasts - span) > tolerance:
        notes.append(f"lasts {span:.4g} s by {source}, {lasts:.4g} s by EffectiveDuration.")
    return notes
