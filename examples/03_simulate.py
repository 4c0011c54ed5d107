"""Make a clip of a needle, frame by frame, and know where its tip is in every one.

Run: python examples/03_simulate.py
"""

from sonotrace.simulate import make_scene, render

scene = make_scene("needle", 7, frames=8, size=128, gauge=16, with_lesion=True)
print(f"{scene.domain}, {scene.scanner.probe.frequency_mhz:.1f} MHz, {scene.facts}")

for number, frame in enumerate(render(scene)):  # frame.grey is a uint8 array of rows x columns
    row, column = frame.truth.facts["tip_px"]
    seen = int((frame.truth.visible == 1).sum())
    there = int((frame.truth.geometric == 1).sum())
    print(f"frame {number}: tip at row {row:.1f}, column {column:.1f}; {seen} of {there} px seen")
