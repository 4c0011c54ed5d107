"""Sequences of PLUS, IGSIO and 3D Slicer: `.igs.mha .seq.mha .mhd .igs.nrrd .seq.nrrd`.

What          MetaImage and NRRD files whose last axis (in Slicer's NRRD the first) is a list of
              frames, with fields such as `Seq_Frame0000_ProbeToTrackerTransform` per frame.
Pixels        Unsigned bytes, 1 or 3 components; turned so that x points to the marked side of
              the probe and y into depth, which PLUS calls MF.
Transforms    Kept as written. PLUS means them for the picture in MF orientation, whatever the
              orientation in the file, so that turning the pixels does not touch them.
Source        MetaIO and NRRD file formats; plustoolkit.github.io, "Sequence metafile".
"""

from sonotrace.io.metaimage.header import looks_like_sequence
from sonotrace.io.metaimage.read import read_sequence
from sonotrace.io.metaimage.write import write_sequence

__all__ = ["looks_like_sequence", "read_sequence", "write_sequence"]
