"""Patients are divided between training and validation."""

from dataclasses import replace

import pytest
import torch

from sonotrace.config import ClipsConfig, RunConfig
from sonotrace.data.masks import masks_from_maps
from sonotrace.errors import DataContractError
from sonotrace.io.davis import read_davis, write_davis
from sonotrace.recipes.clips import real_clips

RUN = RunConfig(data=ClipsConfig(validation_clips=3, validation_frames=4))


def test_validation_clips_are_longer_and_run_forwards(own_clips):
    kept = real_clips(RUN.data, RUN, own_clips).validation["clips"]
    assert len(kept) == 3
    for clip in kept:
        assert len(clip.frames) == 4
        columns = clip.masks[:, 0].sum(1).argmax(1)
        assert (columns.diff() >= 0).all()


def test_one_patient_cannot_be_divided(own_clips, tmp_path):
    write_davis(tmp_path / "one", [read_davis(own_clips)[0]])
    with pytest.raises(DataContractError, match="At least two"):
        real_clips(RUN.data, RUN, tmp_path / "one")


def test_clips_whose_label_maps_are_all_empty_are_refused(own_clips, tmp_path):
    nothing = masks_from_maps([torch.zeros(64, 72, dtype=torch.uint8)] * 5)
    write_davis(tmp_path / "e", [replace(one, masks=nothing) for one in read_davis(own_clips)])
    with pytest.raises(DataContractError, match="shows an object"):
        real_clips(RUN.data, RUN, tmp_path / "e")
