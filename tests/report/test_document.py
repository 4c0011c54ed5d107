"""A report says what was done to what, and nothing about whom."""

import hashlib
import json

from sonotrace.report.document import Report, describe_input, sha256


def test_a_report_carries_the_notice_and_the_versions(tmp_path):
    Report(command="track", settings={"seed": 0}, inputs=[]).write(tmp_path / "report.json")
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["notice"] == "research use only, not a medical device"
    assert "torch" in document["versions"]


def test_a_file_is_known_by_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"frames")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"frames").hexdigest()


def test_a_folder_is_known_by_its_names_and_bytes(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(b"frame")
    assert sha256(tmp_path / "one") == sha256(tmp_path / "two")
    (tmp_path / "two/0.png").rename(tmp_path / "two/1.png")
    assert sha256(tmp_path / "one") != sha256(tmp_path / "two")


def test_only_the_name_of_an_input_is_kept_not_its_folder(tmp_path):
    (tmp_path / "scan.mp4").write_bytes(b"frames")
    assert str(tmp_path) not in json.dumps(describe_input(tmp_path / "scan.mp4"))
