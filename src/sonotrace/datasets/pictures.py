"""Labelled still pictures in files: listed at once, decoded on access."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch.utils.data import Dataset

from sonotrace.data.sample import Sample
from sonotrace.errors import MaskError, ReadError
from sonotrace.io.picture import read_labels, read_picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One labelled picture as files, and what is known of it without decoding them."""

    id: str
    """Data set and name, such as "busi/benign (1)": unique among all data sets."""
    group: str
    """Data set and patient, video or duplicate group: a split must not divide it."""
    image: Path
    labels: tuple[Path, ...]
    """Label pictures. Several are one target: a pixel takes the largest of their ids."""
    attributes: dict[str, str] = field(default_factory=dict)

    def read(self) -> Sample:
        """Decode the picture and its labels.

        Raises:
            ReadError: A file is missing or cannot be decoded.
            MaskError: A label picture has another size than the picture.
        """
        image = read_picture(self.image)
        labels = torch.zeros(image.shape[1:], dtype=torch.uint8)
        for path in self.labels:
            part = read_labels(path)
            if part.shape != labels.shape:
                raise MaskError(
                    f"{path}: {part.shape[1]} x {part.shape[0]} pixels, but {self.image.name} has "
                    f"{labels.shape[1]} x {labels.shape[0]}. Restore the files of this case."
                )
            labels = torch.maximum(labels, part)
        return Sample(
            id=self.id, group=self.group, image=image, labels=labels, attributes=self.attributes
        )


class LabelledPictures(Dataset[Sample]):
    """A map-style data set of `Sample`, one for each of `cases`."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self.cases = tuple(cases)

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> Sample:
        return self.cases[index].read()

    def where(self, keep: Callable[[Case], bool]) -> "LabelledPictures":
        """Return the cases for which `keep` is true, without decoding anything."""
        return LabelledPictures(case for case in self.cases if keep(case))


def require_folder(folder: Path, inside: str, remedy: str) -> Path:
    """Return the folder `inside` of `folder`.

    Raises:
        ReadError: It is not there; the message ends with `remedy`.
    """
    found = folder / inside
    if not found.is_dir():
        raise ReadError(folder, f"holds no folder {inside!r}.", remedy)
    return found


def pictures_in(folder: Path) -> list[Path]:
    """Return the PNG files of a folder by name.

    Raises:
        ReadError: There is none.
    """
    found = sorted(folder.glob("*.png"))
    if not found:
        raise ReadError(folder, "holds no PNG picture.", "Unpack the data set there again.")
    return found


def label_of(image: Path, folder: Path) -> Path:
    """Return the label picture of the same name in `folder`.

    Raises:
        ReadError: There is none.
    """
    found = folder / image.name
    if not found.is_file():
        raise ReadError(image, f"has no label picture {found}.", "Restore it or remove both.")
    return found
