"""Score masks against masks: pictures, clips and whole data sets, by a stated protocol."""

from sonotrace.tasks.evaluate.inputs import MaskClip, MaskSet, find_masks
from sonotrace.tasks.evaluate.pairing import pair_clips, pair_tracks
from sonotrace.tasks.evaluate.rules import ClipPair, Frame, LoadedFrame, Rules
from sonotrace.tasks.evaluate.score import ClipScores, Row, score_clip
from sonotrace.tasks.evaluate.summary import frame_rows, summarise

__all__ = [
    "ClipPair",
    "ClipScores",
    "Frame",
    "LoadedFrame",
    "MaskClip",
    "MaskSet",
    "Row",
    "Rules",
    "find_masks",
    "frame_rows",
    "pair_clips",
    "pair_tracks",
    "score_clip",
    "summarise",
]
