import json

import numpy as np
import pytest

from sonotrace.datasets.simulated_set import SetSettings, plan_set, scene_of, write_clips
from sonotrace.datasets.splits import require_trainable
from sonotrace.errors import DataContractError, UsageError
from sonotrace.io.davis import read_davis
from sonotrace.io.picture import read_labels
from sonotrace.settings import replace
from sonotrace.simulate.domains import HELD_OUT_FROM
from sonotrace.simulate.scene import render

PUBLISHED = SetSettings()


def test_the_set_has_the_published_shape():
    plan = plan_set(PUBLISHED)
    assert len(plan) == 200
    assert sum(clip.lesion == "benign" for clip in plan) == 80
    assert sum(clip.frames for clip in plan) == 10_666
    sizes = np.array([clip.size for clip in plan])
    assert sizes.min(0).tolist() == [256, 256]
    assert sizes.max(0).tolist() == [756, 1072]
    assert min(clip.frames for clip in plan) >= 5


def test_the_same_settings_give_the_same_plan_and_another_seed_another():
    assert plan_set(PUBLISHED) == plan_set(SetSettings())
    assert plan_set(PUBLISHED) != plan_set(SetSettings(seed=1000))


def test_every_clip_has_its_own_seed_and_a_domain_of_training():
    plan = plan_set(SetSettings(clips=10, seed=50))
    assert [clip.seed for clip in plan] == list(range(50, 60))
    assert {clip.domain for clip in plan} == {"linear-soft", "linear-fine"}


@pytest.mark.parametrize("frames", [7, 20, 1000])
def test_the_frames_add_up(frames):
    plan = plan_set(SetSettings(clips=7, frames=frames))
    assert sum(clip.frames for clip in plan) == frames
    assert min(clip.frames for clip in plan) >= 1


def test_mixed_seeds_and_held_out_domains_are_refused_for_training():
    with pytest.raises(DataContractError, match="neither all for training"):
        plan_set(SetSettings(seed=99_900))
    with pytest.raises(DataContractError, match="held out"):
        plan_set(SetSettings(domain="linear-low"))
    assert plan_set(SetSettings(domain="linear-low", seed=1_000_000))


def test_fewer_frames_than_clips_are_refused():
    with pytest.raises(UsageError, match="at least one"):
        plan_set(SetSettings(clips=5, frames=4))


def test_the_written_set_is_read_back_with_its_facts(tmp_path):
    plan = [clip._replace(size=(96, 120)) for clip in plan_set(SetSettings(clips=2, frames=5))]
    written = list(write_clips(tmp_path, plan, threads=1))
    samples = list(read_davis(tmp_path, subset="train"))
    for planned, made, sample in zip(plan, written, samples, strict=True):
        assert sample.id == planned.name == made.name
        assert sample.attributes["class"] == planned.lesion
        assert sample.attributes["seed"] == str(planned.seed)
        assert sample.attributes["domain"] == planned.domain
        assert len(sample.clip) == len(sample.masks) == made.frames == planned.frames
        assert sample.clip.shape == (1, 96, 120)
        assert sample.clip.spacing_mm is not None
        assert set(sample.masks[0].unique().tolist()) == {0, 2}
        assert sample.group == f"synthetic/lesion/{planned.seed}"
    for planned, made in zip(plan, written, strict=True):
        _require_truth(tmp_path, planned, made)


def _require_truth(root, planned, made):
    """What lies beside the folders of DAVIS is that of the scene, frame by frame."""
    truth = json.loads((root / f"Truth/{planned.name}.json").read_text())
    assert truth["frames_sha256"] == made.frames_sha256
    assert truth["settings_sha256"] == made.settings_sha256
    folders = [root / part / "480p" / planned.name for part in ("Annotations", "Distractors")]
    masks, maps = (sorted(folder.iterdir()) for folder in folders)
    assert [path.name for path in maps] == [path.name for path in masks]
    for i, frame in enumerate(render(scene_of(planned), threads=1)):
        assert np.array_equal(read_labels(maps[i]).numpy(), frame.truth.distractors)
        assert truth["frames"][i]["frame"] == i
        assert truth["frames"][i]["area_px"] == frame.truth.facts["area_px"]


def test_a_written_set_of_results_is_refused_for_training(tmp_path):
    for name, seed in (("train", 5), ("results", HELD_OUT_FROM)):
        plan = plan_set(SetSettings(clips=1, frames=2, seed=seed))
        small = [clip._replace(size=(64, 64)) for clip in plan]
        assert len(list(write_clips(tmp_path / name, small, threads=1))) == 1
    require_trainable(read_davis(tmp_path / "train"))
    with pytest.raises(DataContractError, match="held-out"):
        require_trainable(read_davis(tmp_path / "results"))


def test_the_planned_class_is_drawn():
    for clip in plan_set(replace(PUBLISHED, clips=4)):
        assert scene_of(clip).facts["class"] == clip.lesion
