"""Open any file as a clip, and see what can be trusted in it.

Run: python examples/00_read_a_clip.py [FILE]
"""

import sys

from pydicom import examples

from sonotrace import open_clip

path = sys.argv[1] if len(sys.argv) > 1 else examples.get_path("ybr_color")
clip = open_clip(path)

print(f"{clip.format}: {len(clip)} frames of {clip.shape[2]} x {clip.shape[1]} pixels")
print(f"clock: {clip.frames_per_second} frames per second")
print(f"spacing: {clip.spacing_mm} mm, {clip.spacing_source}: {clip.spacing_note}")

for number, frame in enumerate(clip):  # decoded one by one, whatever the length
    if number % 10 == 0:
        print(f"frame {number}: mean brightness {frame.float().mean():.1f}")
