"""The data sets of labelled pictures, and the one table that knows them all.

To add one: write `datasets/<name>.py` with a function that lists its cases, and a row here.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sonotrace.datasets.busi import list_busi
from sonotrace.datasets.muscle import list_muscle
from sonotrace.datasets.nerve import list_nerve
from sonotrace.datasets.pictures import LabelledPictures


class DatasetRow(NamedTuple):
    """Where a data set lies below a data folder, how it is listed, and on what terms."""

    folder: str
    list: Callable[[Path], LabelledPictures]
    licence: str


DATASETS: dict[str, DatasetRow] = {
    "busi": DatasetRow("busi", list_busi, "research use; CC0 known only from mirrors"),
    "nerve": DatasetRow("usgra_nerve", list_nerve, "CC BY 4.0"),
    "muscle": DatasetRow("muscle_dltrack", list_muscle, "Apache-2.0"),
}
