"""Millimetres follow from a region only if it is 2D tissue in cm inside the picture."""

import pytest
from pydicom import Dataset

from sonotrace.io.dicom import read_dicom


@pytest.fixture
def opened(dicom):
    """Open a 24 x 32 cine with these regions."""

    def read(*regions, **elements):
        if regions:
            elements["SequenceOfUltrasoundRegions"] = list(regions)
        return read_dicom(dicom(FrameTime="40", **elements))

    return read


def test_centimetres_become_millimetres_row_first(opened, region):
    clip = opened(region(PhysicalDeltaX=0.02, PhysicalDeltaY=0.05))
    assert clip.spacing_mm == pytest.approx((0.5, 0.2))
    assert clip.spacing_source == "dicom_region"


def test_bounds_are_inclusive(opened, region):
    clip = opened(region())
    assert clip.regions[0].bounds == (0, 0, 31, 23)
    assert clip.regions[0].inside
    assert clip.warnings == ()


def test_an_end_one_past_the_last_pixel_is_read_and_noted(opened, region):
    clip = opened(region(RegionLocationMaxX1=32, RegionLocationMaxY1=24))
    assert clip.spacing_mm is not None
    assert any("one past the last pixel" in warning for warning in clip.warnings)


@pytest.mark.parametrize("bound", ["MaxX1", "MaxY1", "MinX0", "MinY0"])
def test_a_region_outside_the_stored_picture_gives_no_millimetres(opened, region, bound):
    clip = opened(region(**{f"RegionLocation{bound}": 33}))
    assert (clip.spacing_mm, clip.spacing_source) == (None, "unknown")
    assert "bounds_mismatch" in clip.spacing_note


@pytest.mark.parametrize("unit", [0, 1, 4, 5, 7, 12, 99])
@pytest.mark.parametrize("axis", ["X", "Y"])
def test_other_units_than_cm_give_no_millimetres(opened, region, unit, axis):
    clip = opened(region(**{f"PhysicalUnits{axis}Direction": unit}))
    assert clip.spacing_mm is None
    assert "not cm" in clip.spacing_note


def test_all_regions_are_read_and_tissue_is_found_behind_others(opened, region):
    ecg = region(RegionSpatialFormat=4, RegionDataType=10, PhysicalUnitsXDirection=4)
    mode = region(RegionSpatialFormat=2, RegionDataType=1, PhysicalUnitsXDirection=4)
    clip = opened(ecg, mode, region())
    assert [r.kind for r in clip.regions] == ["waveform, ECG", "M-mode, tissue", "2D tissue"]
    assert clip.regions[0].units == ("s", "cm")
    assert clip.spacing_mm == pytest.approx((0.5, 0.2))


def test_a_spectral_region_alone_gives_no_millimetres(opened, region):
    clip = opened(region(RegionSpatialFormat=3, RegionDataType=3))
    assert clip.spacing_mm is None
    assert "not_tissue" in clip.spacing_note


def test_colour_flow_alone_gives_no_millimetres(opened, region):
    assert opened(region(RegionDataType=2)).spacing_mm is None


def test_equal_tissue_regions_agree(opened, region):
    halves = region(RegionLocationMaxX1=15), region(RegionLocationMinX0=16)
    assert opened(*halves).spacing_mm == pytest.approx((0.5, 0.2))


def test_tissue_regions_that_differ_give_no_millimetres_for_the_whole(opened, region):
    clip = opened(region(), region(PhysicalDeltaX=0.03, PhysicalDeltaY=0.06))
    assert clip.spacing_mm is None
    assert "regions_disagree" in clip.spacing_note
    assert clip.regions[1].spacing_mm == pytest.approx((0.6, 0.3))


def test_one_tissue_region_inside_counts_and_the_one_outside_is_warned_about(opened, region):
    clip = opened(region(), region(RegionLocationMaxX1=99, PhysicalDeltaX=0.1))
    assert clip.spacing_mm == pytest.approx((0.5, 0.2))
    assert any("check the millimetres" in warning for warning in clip.warnings)


def test_a_negative_delta_is_taken_without_its_sign_and_noted(opened, region):
    clip = opened(region(PhysicalDeltaY=-0.05))
    assert clip.spacing_mm == pytest.approx((0.5, 0.2))
    assert clip.regions[0].delta == (0.02, -0.05)
    assert any("negative" in warning for warning in clip.warnings)


@pytest.mark.parametrize("delta", [0.0, float("nan"), float("inf"), 1e9, 1e-30])
def test_an_impossible_delta_gives_no_millimetres(opened, region, delta):
    clip = opened(region(PhysicalDeltaX=delta))
    assert clip.spacing_mm is None
    assert "impossible" in clip.spacing_note


def test_an_incomplete_region_is_passed_over_with_a_warning(opened):
    clip = opened(Dataset())
    assert clip.regions == ()
    assert any("incomplete" in warning for warning in clip.warnings)


def test_pixel_spacing_is_row_first_and_used_only_without_regions(opened, region):
    clip = opened(PixelSpacing=[0.3, 0.1])
    assert (clip.spacing_mm, clip.spacing_source) == ((0.3, 0.1), "pixel_spacing")
    assert opened(region(RegionDataType=2), PixelSpacing=[0.3, 0.1]).spacing_mm is None


def test_pixel_spacing_that_contradicts_the_region_is_warned_about(opened, region):
    clip = opened(region(), PixelSpacing=[0.2, 0.5])
    assert clip.spacing_mm == pytest.approx((0.5, 0.2))
    assert any("PixelSpacing" in warning for warning in clip.warnings)


@pytest.mark.parametrize("spacing", [[1, 1], [0, 0.1], [0.1], [-0.1, 0.1], [5000, 5000]])
def test_an_implausible_pixel_spacing_gives_no_millimetres(opened, spacing):
    assert opened(PixelSpacing=spacing).spacing_mm is None


def test_imager_pixel_spacing_gives_no_millimetres(opened):
    assert opened(ImagerPixelSpacing=[0.3, 0.1]).spacing_mm is None
