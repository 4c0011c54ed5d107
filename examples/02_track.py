"""Follow a target through a stream of frames from its mask in the first one.

Run: python examples/02_track.py
"""

from sonotrace import Tracker, load_model
from sonotrace.simulate import clip_of, make_scene

# any source of uint8 (1, rows, columns) will do
clip, masks = clip_of(make_scene("lesion", 7, frames=12, size=128))
tracker = Tracker(load_model("stcn:small"))

for number, frame in enumerate(clip):
    result = tracker.step(frame, mask=masks[0] if number == 0 else None)
    truth = masks[number] > 0
    found = result.labels > 0
    dice = 2 * (found & truth).sum() / (found.sum() + truth.sum())
    print(f"frame {number}: {result.states[0]}, Dice {dice:.2f}, {result.seconds * 1000:.0f} ms")
