"""BUSI: 780 pictures of breasts, with the outlines of their lesions.

What          437 benign, 210 malignant, 133 normal; 600 women; GE LOGIQ E9; PNG of 190 to 1048
              columns and 310 to 719 rows, most of them cut out of the screen by hand.
Labels        1 lesion. 17 pictures have several mask files, which are one target here. The masks
              of normal pictures are empty. No pixel spacing, no patient ids, no official split.
Source        Al-Dhabyani et al., "Dataset of breast ultrasound images", Data in Brief 28 (2020)
              104863, doi:10.1016/j.dib.2019.104863. Mirrors state CC0; cite the article.
Known faults  About 30 % of the pictures have a near duplicate, some in another class; some show
              the axilla; text and calipers are burnt in (Pawlowska et al., Data in Brief 48
              (2023) 109247). Split by group, never by picture: `busi_groups.csv` beside this
              module says which pictures are near duplicates (thumbnails as in `audit`).
"""

import csv
import re
from pathlib import Path

from sonotrace.datasets.pictures import Case, LabelledPictures, pictures_in, require_folder
from sonotrace.errors import ReadError

CLASSES = ("benign", "malignant", "normal")
GROUPS_FILE = "near_duplicate_groups.csv"
"""Columns class, number and group; beside the pictures' folder, for other groups than ours."""
SHIPPED_GROUPS = Path(__file__).with_name("busi_groups.csv")
"""The groups of all 780 pictures."""

_PICTURE = re.compile(r"(?P<name>[a-z]+ \((?P<number>\d+)\))(?P<mask>_mask(_\d+)?)?")


def list_busi(folder: Path) -> LabelledPictures:
    """List the pictures below `folder`/Dataset_BUSI_with_GT.

    Their duplicate groups are those of the file beside them, else those that ship with sonotrace.
    A picture that the file does not name is a group of its own.

    Raises:
        ReadError: The folder is not there, a picture has no mask, or the file has other columns.
    """
    root = require_folder(
        folder,
        "Dataset_BUSI_with_GT",
        "Give the folder into which Dataset_BUSI_with_GT was unpacked; "
        "it is published at doi:10.1016/j.dib.2019.104863.",
    )
    groups = read_groups(folder / GROUPS_FILE)
    cases = []
    for name in CLASSES:
        cases += _cases(require_folder(root, name, "Unpack the data set again."), groups)
    return LabelledPictures(cases)


def read_groups(path: Path) -> dict[str, str]:
    """Return the duplicate group of every case id; the shipped ones if there is no such file.

    Raises:
        ReadError: The file does not have the columns class, number and group.
    """
    if not path.is_file():
        path = SHIPPED_GROUPS
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"class", "number", "group"} <= set(rows[0]):
        raise ReadError(path, "has no columns class, number and group.", "Restore or remove it.")
    return {f"busi/{row['class']} ({row['number']})": f"busi/{row['group']}" for row in rows}


def _cases(folder: Path, groups: dict[str, str]) -> list[Case]:
    images: dict[str, Path] = {}
    masks: dict[str, list[Path]] = {}
    for path in pictures_in(folder):
        match = _PICTURE.fullmatch(path.stem)
        if match is None:
            continue
        if match["mask"]:
            masks.setdefault(match["name"], []).append(path)
        else:
            images[match["name"]] = path
    cases = []
    for name in sorted(images, key=_number):
        if name not in masks:
            raise ReadError(images[name], f"has no {name}_mask.png.", "Restore it or remove both.")
        cases.append(
            Case(
                id=f"busi/{name}",
                group=groups.get(f"busi/{name}", f"busi/{name}"),
                image=images[name],
                labels=tuple(masks[name]),
                attributes={"class": folder.name},
            )
        )
    return cases


def _number(name: str) -> int:
    return int(name[name.index("(") + 1 : -1])
