"""Every row says what was found, in units that can be trusted."""

import csv

import pytest
import torch

from sonotrace.report.measurements import Finding, MeasurementsFile


def finding(frame=0, rows=slice(10, 20), object_id=1, time_s=0.0):
    mask = torch.zeros(40, 40, dtype=torch.bool)
    mask[rows, 5:25] = True
    return Finding(
        frame=frame,
        time_s=time_s,
        object_id=object_id,
        state="tracked",
        confidence=0.9,
        mask=mask,
    )


def written(path, findings, target="lesion", spacing=None):
    with MeasurementsFile(path, target, spacing) as file:
        for found in findings:
            file.write(found)
    return list(csv.DictReader(path.read_text().splitlines()))


def test_without_trusted_spacing_there_is_no_column_in_millimetres(tmp_path):
    (row,) = written(tmp_path / "m.csv", [finding()])
    assert not [name for name in row if "mm" in name]
    assert row["area_px"] == "200"


def test_with_trusted_spacing_lengths_are_in_millimetres_too(tmp_path):
    (row,) = written(tmp_path / "m.csv", [finding()], spacing=(0.1, 0.1))
    assert float(row["area_mm2"]) == pytest.approx(2.0)
    assert float(row["longest_diameter_mm"]) == pytest.approx(
        float(row["longest_diameter_px"]) / 10, rel=0.01
    )


def test_every_row_carries_the_notice(tmp_path):
    rows = written(tmp_path / "m.csv", [finding(), finding(frame=1)])
    assert {row["notice"] for row in rows} == {"research use only, not a medical device"}


def test_a_lost_object_has_an_area_of_zero_and_no_diameters(tmp_path):
    (row,) = written(tmp_path / "m.csv", [finding(rows=slice(0, 0))])
    assert (row["area_px"], row["longest_diameter_px"]) == ("0", "")


def test_the_tip_s_speed_is_measured_from_the_frame_before(tmp_path):
    first = finding(rows=slice(10, 11))
    mask = torch.zeros(40, 40, dtype=torch.bool)
    mask[20, 5:34] = True
    second = Finding(frame=1, time_s=0.5, object_id=1, state="tracked", confidence=1.0, mask=mask)
    rows = written(tmp_path / "m.csv", [first, second], target="needle")
    assert rows[0]["tip_speed_px_per_s"] == ""
    assert float(rows[1]["tip_speed_px_per_s"]) == pytest.approx(
        (10**2 + 9**2) ** 0.5 / 0.5, rel=0.01
    )


def test_a_needle_that_was_lost_has_no_speed_when_it_is_back(tmp_path):
    lost = finding(frame=1, rows=slice(0, 0), time_s=0.1)
    rows = written(
        tmp_path / "m.csv", [finding(), lost, finding(frame=2, time_s=0.2)], target="needle"
    )
    assert [row["tip_speed_px_per_s"] for row in rows] == ["", "", ""]


def test_pixels_and_millimetres_tell_of_the_same_two_ends(tmp_path):
    mask = torch.zeros(40, 40, dtype=torch.bool)
    mask[range(5, 35), range(5, 35)] = True
    mask[20:23, 5:12] = True  # bends the axis, and differently where rows are longer
    found = Finding(frame=0, time_s=0.0, object_id=1, state="tracked", confidence=1.0, mask=mask)
    (row,) = written(tmp_path / "m.csv", [found], target="needle", spacing=(0.3, 0.1))
    rows = float(row["tip_row_px"]) - float(row["entry_row_px"])
    columns = float(row["tip_column_px"]) - float(row["entry_column_px"])
    assert float(row["length_px"]) == pytest.approx((rows**2 + columns**2) ** 0.5, rel=1e-3)
    assert float(row["length_mm"]) == pytest.approx(
        ((0.3 * rows) ** 2 + (0.1 * columns) ** 2) ** 0.5, rel=1e-3
    )
    assert float(row["area_mm2"]) == pytest.approx(int(row["area_px"]) * 0.03)


def test_speed_in_millimetres_counts_rows_and_columns_by_their_own_spacing(tmp_path):
    masks = torch.zeros(2, 40, 40, dtype=torch.bool)
    masks[0, 5:20, 10] = masks[1, 5:30, 14] = True
    findings = [
        Finding(frame=i, time_s=0.5 * i, object_id=1, state="tracked", confidence=1.0, mask=m)
        for i, m in enumerate(masks)
    ]
    _, row = written(tmp_path / "m.csv", findings, target="needle", spacing=(0.3, 0.1))
    assert float(row["tip_speed_px_per_s"]) == pytest.approx((10**2 + 4**2) ** 0.5 / 0.5, rel=1e-3)
    assert float(row["tip_speed_mm_per_s"]) == pytest.approx((3**2 + 0.4**2) ** 0.5 / 0.5, rel=1e-3)
