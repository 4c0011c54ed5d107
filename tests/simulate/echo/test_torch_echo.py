"""Torch and the compiled kernels make the same frames."""

import numpy as np
import pytest

from sonotrace.benchmark.physics_rig import pose_at, renderer_of
from sonotrace.simulate.echo import torch_echo
from sonotrace.simulate.echo.points import Points
from sonotrace.simulate.echo.slice import beams_in_order
from sonotrace.simulate.echo.torch_echo import on_device
from sonotrace.simulate.motion import STILL, Push, TissueMotion, flow_box
from sonotrace.simulate.probe import Probe, Scanner, View
from sonotrace.simulate.scene import set_stage
from sonotrace.simulate.scenes import make_scene

VIEW = View(rows=96, columns=96, pixel_mm=0.2)
PROBES = {
    "linear": Probe(height_mm=4.0, lens_mm=12.0),
    "compounded": Probe(steering_deg=(-7.0, 0.0, 7.0)),
    "convex": Probe(shape="convex", radius_mm=30.0),
}
ANGLES = [(0, 0, 0), (10, -20, 5), (0, 60, 0), (90, 0, 0)]
PUSH = Push((1.0, 8.0, 1.0), 6.0, (0.6, -0.5, 0.9))


def moving():
    box = flow_box((-30.0, -30.0, -30.0), (30.0, 30.0, 30.0))
    return TissueMotion().flow(0.0, box, [PUSH])


def pair(device, name="linear", pose=None, **options):
    pose = pose or pose_at()
    scanner = Scanner(probe=PROBES[name], view=VIEW)
    renderer = renderer_of(scanner, [pose], pitch_mm=0.35, moved_mm=2.0, **options)
    return renderer, on_device(renderer, device), pose


def assert_alike(a, b):
    likeness = abs(np.vdot(a, b)) / np.linalg.norm(a) / np.linalg.norm(b)
    assert likeness > 0.9999
    rms = np.sqrt((np.abs(a) ** 2).mean())
    assert np.abs(a - b).max() < 0.3 * rms  # one scatterer more or less, at the very edge
    assert np.percentile(np.abs(a - b), 99) < 0.01 * rms


@pytest.mark.parametrize("flow", [STILL, moving()], ids=["still", "moving"])
@pytest.mark.parametrize("angles", ANGLES)
@pytest.mark.parametrize("name", PROBES)
def test_echoes_are_those_of_the_compiled_kernels(device, name, angles, flow):
    renderer, other, pose = pair(device, name, pose_at((0.0, 0.0, 0.0), angles))
    a, b = (each.echoes(pose, flow=flow) for each in (renderer, other))
    assert_alike(beams_in_order(a), beams_in_order(b))


@pytest.mark.parametrize("name", PROBES)
def test_levels_are_those_of_the_compiled_kernels(device, name):
    renderer, other, pose = pair(device, name)
    points = [Points(np.array([5.0, 9.3]), np.array([0.01, 0.1]), np.array([40.0, 60.0]))]
    a, b = (each.level(pose, points=points, noise_seed=3) for each in (renderer, other))
    difference = np.abs(a - b)
    assert np.percentile(difference, 99) < 0.1  # dB; deep minima of speckle differ by more
    assert np.median(difference) < 0.01


def test_frames_of_a_scene_differ_by_a_grey_level_here_and_there(device):
    scene = make_scene("lesion", 3, frames=2, size=96)
    stages = (set_stage(scene, threads=1, device=where) for where in (None, str(device)))
    a, b = (each.grey(1).astype(int) for each in stages)
    assert (np.abs(a - b) <= 1).mean() > 0.995


def test_the_same_frame_has_the_same_bits(device):
    _, other, pose = pair(device)
    one = other.echoes(pose, flow=moving())
    assert np.array_equal(one, other.echoes(pose, flow=moving()))


def test_the_size_of_chunks_changes_nothing_but_rounding(device, monkeypatch):
    _, other, pose = pair(device)
    one = other.echoes(pose, flow=moving())
    monkeypatch.setattr(torch_echo, "CHUNK", 5000)
    again = other.echoes(pose, flow=moving())
    assert np.sqrt(((one - again) ** 2).mean()) < 1e-5


def test_another_seed_gives_other_speckle(device):
    _, one, pose = pair(device, seed=1)
    _, other, _ = pair(device, seed=2)
    a, b = (beams_in_order(each.echoes(pose)) for each in (one, other))
    assert abs(np.vdot(a, b)) < 0.1 * np.linalg.norm(a) * np.linalg.norm(b)
