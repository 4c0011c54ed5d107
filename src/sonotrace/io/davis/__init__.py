"""Folders of clips with masks in the layout of DAVIS 2017 or of YouTube-VOS.

DAVIS         <root>/JPEGImages/<resolution>/<clip>/00000.jpg
              <root>/Annotations/<resolution>/<clip>/00000.png
              <root>/ImageSets/<year>/<subset>.txt, one clip per line
YouTube-VOS   <root>/JPEGImages/<clip>/..., <root>/Annotations/<clip>/..., <root>/meta.json
Ours          <root>/attributes.csv: clip, patient, class and what else is known, one row per clip
              <root>/Frames/<clip>.csv: number and time of each frame in the clip it was taken from
Both          Some releases lie one folder deeper (trainval/, DAVIS/). Frames may be PNG, JPEG,
              TIFF or BMP, begin at any number, have gaps and any names; clips differ in size.
              A mask belongs to the frame of the same name. Frames may go without.
Source        Pont-Tuset et al., arXiv:1704.00675; Xu et al., arXiv:1809.03327.
"""

from sonotrace.io.davis.layout import looks_like_davis
from sonotrace.io.davis.read import DavisClips, read_davis
from sonotrace.io.davis.tables import FrameRow, read_frame_rows, subset_names
from sonotrace.io.davis.write import ClipCard, DavisWriter, WrittenFrame, write_davis

__all__ = [
    "ClipCard",
    "DavisClips",
    "DavisWriter",
    "FrameRow",
    "WrittenFrame",
    "looks_like_davis",
    "read_davis",
    "read_frame_rows",
    "subset_names",
    "write_davis",
]
