"""Follow a target through a stream of frames from its mask in the first one.

Run: python examples/02_track.py
"""

from sonotrace import Tracker, load_model
from sonotrace.simulate.scenes import lesion_clip

scene = lesion_clip(seed=7, frames=12, size=128)  # any source of uint8 (1, rows, columns) will do
tracker = Tracker(load_model("stcn:small"))

for number, frame in enumerate(scene.clip):
    result = tracker.step(frame, mask=scene.masks[0] if number == 0 else None)
    truth = scene.masks[number] > 0
    found = result.labels > 0
    dice = 2 * (found & truth).sum() / (found.sum() + truth.sum())
    print(f"frame {number}: {result.states[0]}, Dice {dice:.2f}, {result.seconds * 1000:.0f} ms")
