"""`report.json`: everything needed to say how a result came about."""

import hashlib
import json
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sonotrace.io.folder import folder_of, is_pattern, picture_files

SCHEMA_VERSION = 1
RESEARCH_USE = "research use only, not a medical device"
_PACKAGES = ("sonotrace", "torch", "numpy", "av", "pydicom", "monai", "lightning")


@dataclass(kw_only=True)
class Report:
    """What is written to `report.json`. Holds no patient's or institution's data."""

    command: str
    settings: dict[str, object]
    inputs: list[dict[str, object]]
    model: dict[str, object] = field(default_factory=dict)
    seed: int = 0
    device: str = "cpu"
    backend: str = "eager"
    precision: str = "float32"
    timings: dict[str, dict[str, float | int]] = field(default_factory=dict)
    results: dict[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write the report as JSON."""
        document = {"schema_version": SCHEMA_VERSION, "notice": RESEARCH_USE}
        document |= vars(self) | {"versions": versions()}
        path.write_text(json.dumps(document, indent=2, default=str) + "\n", encoding="utf-8")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide a result."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def describe_input(path: Path) -> dict[str, object]:
    """Return the name and SHA-256 of a file, or of a folder's files in the order of their names."""
    return {"name": path.name, "sha256": sha256(path)}


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file; of a folder or pattern, that of names and SHA-256."""
    if is_pattern(path):
        folder = folder_of(path)
        parts = (f"{name} {sha256(folder / name)}\n" for name in picture_files(path))
        return hashlib.sha256("".join(parts).encode()).hexdigest()
    if path.is_dir():
        parts = (f"{file.relative_to(path)} {sha256(file)}\n" for file in _files(path))
        return hashlib.sha256("".join(parts).encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _files(folder: Path) -> Iterable[Path]:
    """Return all files but hidden ones, such as an output that is being written."""
    found = (file for file in folder.rglob("*") if file.is_file())
    return sorted(
        file
        for file in found
        if not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
