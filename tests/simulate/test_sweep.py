import pickle
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
import torch

from sonotrace.errors import GeometryError
from sonotrace.geometry.rigid import inverse
from sonotrace.io.metaimage import read_sequence, write_sequence
from sonotrace.simulate.domains import find_domain
from sonotrace.simulate.path import SHAPES, poses_from
from sonotrace.simulate.phantom.body import CYST, TUBE
from sonotrace.simulate.scene import set_stage
from sonotrace.simulate.sweep import CHANNEL, SweepContent, listen_on, sweep_of, sweep_scene
from sonotrace.simulate.tissue.vessel import Vascular, draw_branches, vessels_of

DOMAIN = find_domain("linear-soft")


def draw(seed=0, frames=4, size=96, **choices):
    return sweep_scene(seed, DOMAIN, frames=frames, rows=size, columns=size, **choices)


@pytest.fixture(scope="module")
def stage():
    """Of a straight sweep that covers the asymmetric body."""
    return set_stage(draw(frames=70, path="straight", step_mm=0.22), threads=1)


@pytest.fixture(scope="module")
def small():
    return sweep_of(draw(frames=3, size=64, path="s-shaped"), threads=1)


def noise_free(stage, index):
    moment = stage.moment(index)
    points = stage.scene.content.points(moment)
    return stage.renderer.grey(moment.pose, flow=moment.flow, points=points)


@pytest.mark.parametrize("path", [p for p in SHAPES if p not in ("hold", "fan")])
def test_steps_are_those_over_which_speckle_can_be_followed(path):
    for seed in range(4):
        poses = draw(seed, frames=120, path=path).poses
        steps = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
        if path == "back-and-forth":
            steps = np.delete(steps, np.argmin(steps))  # where it turns
        assert steps.min() > 0.05
        assert steps.max() < 0.3


def test_a_step_that_was_asked_for_is_the_mean():
    poses = draw(frames=50, path="straight", step_mm=0.2).poses
    assert abs(poses[-1, 2, 3] - poses[0, 2, 3]) / 49 == pytest.approx(0.2, abs=0.02)


def corner_steps(scene):
    """Return how far the corners of the picture go from frame to frame, in mm."""
    x, y = (points[[0, 0, -1, -1], [0, -1, 0, -1]] for points in scene.scanner.pixel_points())
    corners = np.stack([x, y, np.zeros(4)])
    places = scene.poses[:, :3, :3] @ corners + scene.poses[:, :3, 3:]
    return np.linalg.norm(np.diff(places, axis=0), axis=1)


@pytest.mark.parametrize("path", [p for p in SHAPES if p != "hold"])
@pytest.mark.parametrize("domain", ["linear-soft", "convex-deep"])
def test_corners_of_the_picture_go_little_farther_than_its_face(path, domain):
    for frames in (12, 50, 200):
        for seed in range(3):
            steps = corner_steps(
                sweep_scene(
                    seed, find_domain(domain), frames=frames, rows=96, columns=136, path=path
                )
            )
            assert steps.mean(axis=0).max() <= 0.3
            assert steps.max() <= 0.6


def test_the_middles_of_a_fans_pictures_are_a_step_apart():
    scene = draw(frames=60, path="fan", step_mm=0.2)
    middles = scene.poses[:, :3, 1] * scene.scanner.reach_mm() / 2
    steps = np.linalg.norm(np.diff(middles, axis=0), axis=1)
    assert steps.mean() == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"frames": 60, "path": "fan", "step_mm": 5.0}, "a fan of .* at most .* frames"),
        ({"frames": 300, "step_mm": 5.0}, "sweep of 1495 mm; .* at most 81 frames.* 1.3 mm"),
        ({"frames": 20_000}, "at most 3077 frames.* 0.02 mm"),
        ({"frames": 1_000_000, "path": "fan"}, "a fan of"),
    ],
)
def test_a_probe_that_would_go_too_far_or_leave_the_skin_is_refused(choices, words):
    with pytest.raises(GeometryError, match=words):
        draw(**choices)


def test_what_a_refusal_proposes_is_possible():
    with pytest.raises(GeometryError) as caught:
        draw(frames=400, path="fan")
    words = str(caught.value).split()
    draw(frames=int(words[words.index("frames,") - 1]), path="fan")
    draw(frames=400, path="fan", step_mm=float(words[-2]))


def test_a_drawn_path_is_no_fan_where_a_fan_would_leave_the_skin():
    drawn = {draw(seed, frames=400, size=64).facts["path"] for seed in range(12)}
    assert "fan" not in drawn
    assert len(drawn) > 2


@pytest.mark.parametrize(
    ("position", "tilt_deg", "words"), [(-3.0, 0.0, "3.0 mm above"), (0.0, 70.0, "looks 70")]
)
def test_a_pose_that_does_not_touch_the_skin_is_refused(position, tilt_deg, words):
    poses = poses_from(np.array([[0.0, position, 0.0]]), np.radians([[0.0, tilt_deg, 0.0]]))
    with pytest.raises(GeometryError, match=words):
        sweep_of(replace(draw(frames=1, size=64), poses=poses))


def test_a_step_of_nothing_is_refused():
    with pytest.raises(ValueError, match="step of 0 mm"):
        draw(step_mm=0.0)


def test_points_of_a_cysts_surface_project_to_its_mask_within_half_a_pixel(stage):
    scene, checked = stage.scene, 0
    pixel = scene.scanner.view.pixel_mm
    poses = sweep_of(scene).world_from_image
    for index in range(0, 70, 7):
        labels = stage.truth(index).geometric
        image_from_world = inverse(poses[index]).numpy()
        for sphere in scene.content.phantom.spheres:
            if not np.isneginf(sphere.level_db):
                continue
            x, y, z = (image_from_world @ [*sphere.centre_mm, 1.0])[:3] / pixel
            radius = sphere.radius_mm / pixel
            for row in range(96):
                half = radius**2 - z**2 - (row - y) ** 2
                columns = np.flatnonzero(labels[row] == CYST)
                columns = columns[np.abs(columns - x) < radius + 2]
                if half < 4 or not 0 < x - np.sqrt(half) < x + np.sqrt(half) < 95:
                    continue
                # the border between pixels inside and outside, against the circle's
                assert abs(columns[0] - 0.5 - (x - np.sqrt(half))) <= 0.5 + 1e-6
                assert abs(columns[-1] + 0.5 - (x + np.sqrt(half))) <= 0.5 + 1e-6
                checked += 1
    assert checked > 50


def test_voxels_of_a_sweep_show_the_body_where_it_is_and_not_mirrored(stage):
    body = stage.scene.content.phantom.bodies[0]
    poses = sweep_of(stage.scene).world_from_image.numpy()
    pixel, voxel = stage.scene.scanner.view.pixel_mm, 0.5
    low, high = (end + sign * 1.0 for end, sign in zip(body.extent_mm(), (-1, 1), strict=True))
    shape = np.ceil((high - low) / voxel).astype(int)
    total, count = np.zeros(shape), np.zeros(shape)
    rows, columns = np.mgrid[:96, :96]
    flat = np.zeros(96 * 96)
    pixels = np.stack([columns.ravel() * pixel, rows.ravel() * pixel, flat, flat + 1])
    for index in range(len(poses)):
        voxels = np.floor(((poses[index] @ pixels)[:3].T - low) / voxel).astype(int)
        inside = ((voxels >= 0) & (voxels < shape)).all(axis=1)
        np.add.at(total, tuple(voxels[inside].T), noise_free(stage, index).ravel()[inside])
        np.add.at(count, tuple(voxels[inside].T), 1)
    seen = count > 0
    volume = total[seen] / count[seen]
    centres = low + (np.argwhere(seen) + 0.5) * voxel

    def likeness(place):
        return float(np.corrcoef(volume, body.outside_mm(*place.T) < 0)[0, 1])

    true = likeness(centres)
    assert true > 0.55
    for axis in range(3):
        mirrored = centres.copy()
        mirrored[:, axis] = (low + high)[axis] - mirrored[:, axis]
        assert likeness(mirrored) < true - 0.3


def test_a_written_sweep_reads_back_with_its_poses_and_pixels(small, tmp_path):
    sweep, path = small, tmp_path / "sweep.igs.mha"
    write_sequence(path, sweep)
    again = read_sequence(path)
    assert torch.equal(again.world_from_image, sweep.world_from_image)
    assert all(torch.equal(one, other) for one, other in zip(again.clip, sweep.clip, strict=True))
    assert again.clip.spacing_mm == sweep.clip.spacing_mm


def test_simpleitk_reads_both_channels_with_equal_poses(small, tmp_path):
    light = replace(small, clip=small.channels[CHANNEL], channels={})
    for one, name in ((small, "sweep"), (light, "photoacoustic")):
        write_sequence(tmp_path / f"{name}.igs.mha", one)
        image = SimpleITK.ReadImage(str(tmp_path / f"{name}.igs.mha"))
        assert (SimpleITK.GetArrayFromImage(image)[1] == one.clip[1][0].numpy()).all()
        for i in range(3):
            text = image.GetMetaData(f"Seq_Frame{i:04d}_ImageToReferenceTransform")
            pose = np.array([float(word) for word in text.split()]).reshape(4, 4)
            np.testing.assert_array_equal(pose, small.world_from_image[i].numpy())


def test_the_truth_of_a_frame_holds_the_pose_of_the_sweep(stage):
    poses = sweep_of(stage.scene).world_from_image
    for index in (0, 31):
        facts = stage.truth(index).facts
        np.testing.assert_allclose(facts["world_from_image"], poses[index], atol=1e-12)


def test_wires_shine_where_they_cross_the_picture(stage):
    scene = stage.scene
    image_from_world = inverse(sweep_of(scene).world_from_image[20]).numpy()
    grey = noise_free(stage, 20).astype(float)
    for wire in scene.content.phantom.wires[:3]:
        start, end = (image_from_world @ [*p, 1.0] for p in (wire.start_mm, wire.end_mm))
        part = start[2] / (start[2] - end[2])
        crossing = (start + part * (end - start))[:2] / scene.scanner.view.pixel_mm
        column, row = np.rint(crossing).astype(int)
        near = grey[row - 4 : row + 5, max(column - 4, 0) : column + 5]
        brightest = np.unravel_index(near.argmax(), near.shape)
        assert near.max() > np.median(grey) + 60
        np.testing.assert_allclose(brightest, [4, min(4, column)], atol=1)


class Flat:
    """Tissue that is alike everywhere."""

    def echo_db(self, x, y, z):
        return np.zeros_like(x)

    def attenuation(self, x, y, z):
        return np.full_like(x, 0.7)


class Nothing:
    """Content that only has to be there."""

    def pushes(self, time_s):
        return ()

    def points(self, moment):
        return ()

    def truth(self, moment):
        raise NotImplementedError


def test_photoacoustic_vessels_lie_where_the_lumens_of_the_echo_picture_are():
    scene = draw(frames=3, path="straight")
    width = scene.scanner.view.width_mm / 2
    box = (-width, 4.0, -4.0), (width, 16.0, 4.0)
    vessels = vessels_of(draw_branches(np.random.default_rng(5), *box, 6))
    content = replace(scene.content, phantom=None, vessels=vessels)
    tissue = Vascular(tissue=Flat(), vessels=vessels, lumen_db=-40.0, wall_db=0.0)
    stage = set_stage(replace(scene, anatomy=tissue, content=content), threads=1)
    lumen = stage.truth(1).geometric == TUBE
    echo = noise_free(stage, 1).astype(float)
    light = listen_on(stage)(1).astype(float)
    light[:6] = 0  # skin
    wide = np.zeros_like(lumen)
    for down in range(-2, 3):
        for right in range(-2, 3):
            wide |= np.roll(lumen, (down, right), (0, 1))
    rows = np.arange(96) * scene.scanner.view.pixel_mm
    away = ~wide & ((rows > 4) & (rows < 16))[:, None]
    assert lumen.sum() > 40
    assert light[wide].mean() > 2 * light[away].mean()
    assert echo[lumen].mean() < echo[away].mean() - 10


def test_the_walls_of_a_tube_are_at_the_edges_of_its_mask(stage):
    content, index = stage.scene.content, 35
    labels = stage.truth(index).geometric == TUBE
    dim = content.light.model_copy(update={"skin_db": -300.0, "noise_db": -200.0})
    scene = replace(stage.scene, content=replace(content, light=dim))
    light = listen_on(replace(stage, scene=scene))(index).astype(float)
    tube = max(content.phantom.tubes, key=lambda tube: tube.radius_mm)
    column = int(np.rint(np.flatnonzero(labels.any(axis=0)).mean()))
    assert tube.radius_mm > 0
    rows = np.flatnonzero(labels[:, column])
    assert len(rows) > 0
    for edge in (rows[0] - 0.5, rows[-1] + 0.5):
        near = slice(int(edge) - 3, int(edge) + 5)
        found = near.start + np.argmax(light[near, column])
        assert abs(found - edge) <= 1.5


@pytest.mark.parametrize("of", ["phantom", "vessels"])
def test_the_same_seed_gives_the_same_bytes_with_any_number_of_threads(of):
    scenes = [draw(2, frames=2, size=64, of=of, path="straight") for _ in range(2)]
    one, two = (sweep_of(scene, threads=n) for scene, n in zip(scenes, (1, 2), strict=True))
    assert torch.equal(one.clip[1], two.clip[1])
    assert torch.equal(one.channels[CHANNEL][1], two.channels[CHANNEL][1])


def test_a_sweep_goes_to_another_process_and_keeps_its_frames(small):
    first = small.clip[1]
    again = pickle.loads(pickle.dumps(small))
    assert torch.equal(again.clip[1], first)
    assert torch.equal(again.channels[CHANNEL][0], small.channels[CHANNEL][0])


def test_a_baked_sweep_is_pickled_without_its_tissue(small):
    assert small.clip[0].shape == (1, 64, 64)
    assert len(pickle.dumps(small)) < 200_000


def test_labels_move_with_moving_tissue():
    still, moving = (draw(1, frames=30, size=64, moving=m) for m in (False, True))
    assert still.motion is None
    assert moving.motion is not None
    stages = [set_stage(replace(s, poses=still.poses), threads=1) for s in (still, moving)]
    one, other = (s.truth(29).geometric for s in stages)
    assert (one != other).any()


def test_a_scene_without_absorbers_has_one_channel():
    scene = draw(frames=2)
    assert isinstance(scene.content, SweepContent)
    assert sweep_of(replace(scene, content=Nothing())).channels == {}


def test_a_breast_is_swept_with_vessels_in_it():
    scene = draw(4, frames=2, size=64, of="breast")
    assert scene.facts["class"] == "breast"
    assert isinstance(scene.anatomy, Vascular)
