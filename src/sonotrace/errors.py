"""Everything this library raises on purpose, each with the exit code of the command line.

SonotraceError            1   base of all of them
├── UsageError            2   options that do not fit together
│   ├── OutputExistsError     the output is there already and --overwrite was not given
│   └── MissingExtraError     an optional package is not installed
├── ReadError             3   a file or folder is not what its name promises
├── DataContractError     4   data that can be read but must not be used like this
│   ├── GeometryError         a pose, spacing or sector that cannot exist
│   ├── SpacingError          millimetres were demanded and cannot be trusted
│   └── MaskError             a mask of another size, with too many or non-integer ids
├── ModelError            5   an unknown model, or weights that do not fit it
└── ResourceError         6   not enough memory, disk or device

A wrong argument is a plain ValueError: the caller's bug, nothing to catch. 130 is Ctrl-C.
"""

from pathlib import Path
from typing import ClassVar


class SonotraceError(Exception):
    """Base of all errors a caller may want to catch."""

    exit_code: ClassVar[int] = 1


class UsageError(SonotraceError):
    """Options that do not fit together, or that name something unknown."""

    exit_code = 2


class OutputExistsError(UsageError):
    """The output is there already."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists. Choose another place, or add --overwrite to replace it.")
        self.path = path


class MissingExtraError(UsageError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed. Run: pip install 'sonotrace[{extra}]', or in a clone: "
            f"pip install -c constraints.txt -e '.[{extra}]'"
        )


class ReadError(SonotraceError):
    """A file or folder could not be read as what it should be."""

    exit_code = 3

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: {problem} {remedy}")
        self.path = path


class DataContractError(SonotraceError):
    """Data that can be read but must not be used like this."""

    exit_code = 4


class GeometryError(DataContractError):
    """A pose, spacing or sector that cannot exist."""


class SpacingError(DataContractError):
    """Millimetres were demanded and cannot be trusted."""


class MaskError(DataContractError):
    """A mask of another size, with too many ids, or with grey levels that are no ids."""


class ModelError(SonotraceError):
    """An unknown model, or weights that do not fit it."""

    exit_code = 5


class ResourceError(SonotraceError):
    """Not enough memory, disk or device for what was asked."""

    exit_code = 6
