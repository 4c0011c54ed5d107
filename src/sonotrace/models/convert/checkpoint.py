"""Open a pickled checkpoint without running what is in it, and turn it into a network of ours."""

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from sonotrace.errors import ModelError, ReadError
from sonotrace.models import build_model
from sonotrace.models.convert import CONVERTERS


def import_checkpoint(family: str, path: Path) -> tuple[nn.Module, dict[str, object]]:
    """Return our network with the weights of a foreign checkpoint, and facts on where it is from.

    Raises:
        ModelError: Nothing is known of such checkpoints, or this is none of them.
        ReadError: There is no such file.
    """
    if family not in CONVERTERS:
        raise ModelError(
            f"checkpoints of {family!r} cannot be imported; those of {', '.join(CONVERTERS)} can."
        )
    converter = CONVERTERS[family]
    advice = f"Expected: {converter.file}. Download it again and give that file."
    try:
        tensors = read_checkpoint(path)
    except ModelError as error:
        raise ModelError(f"{error} {advice}") from error
    try:
        converted = converter.convert(tensors)
    except ModelError as error:
        raise ModelError(f"{path}: {error}. {advice}") from error
    model = build_model(converter.config)
    model.load_state_dict(converted)
    facts: dict[str, object] = {
        "origin": converter.origin,
        "imported_from": path.name,
        "imported_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    return model.eval(), facts


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file that `torch.save` wrote, on the CPU.

    A training checkpoint that keeps them under `network` is opened too. Nothing in the file is
    run: anything but tensors and plain containers is refused.

    Raises:
        ModelError: The file is damaged, or holds something else.
        ReadError: There is no such file.
    """
    if not path.is_file():
        raise ReadError(path, "there is no such file.", "Check the path.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: not opened: no checkpoint that torch.save wrote, or one with more in it than "
            f"tensors, which would run code when it is opened."
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        raise ModelError(f"{path}: not a whole checkpoint: {_one_line(error)}.") from error
    if isinstance(state, Mapping) and isinstance(state.get("network"), Mapping):
        state = state["network"]
    if not isinstance(state, Mapping) or not state:
        raise ModelError(f"{path}: holds a {type(state).__name__}, not tensors by name.")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ModelError(
                f"{path}: {name!r} is a {type(value).__name__}, not a tensor with a name."
            )
    return dict(state)


def _one_line(error: Exception) -> str:
    """Return the first line of what a library said, without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
