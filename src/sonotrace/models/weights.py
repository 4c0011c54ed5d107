"""Weights on disk: safetensors with the network's configuration inside, and those that ship.

A file holds the tensors (float16 in those that ship), the configuration as JSON under `config`,
and free facts such as thresholds under `facts`. Pickled checkpoints are never opened here: they
can run code. `sonotrace models import` reads them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from sonotrace.errors import ModelError, ReadError
from sonotrace.io.whole import whole_file
from sonotrace.models import build_model, model_config, parse_config


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedWeights:
    """Weights that come with the package."""

    name: str
    """The model they are the default of, such as `stcn:small`."""
    file: str
    sha256: str
    bytes: int
    licence: str
    """What they may be used for, as far as the training data's licences are known."""
    training_data: str
    card: str
    """The page that says how they were made and how good they are."""

    @property
    def path(self) -> Path:
        """Return the place of the file."""
        return Path(str(files("sonotrace.models").joinpath("shipped", self.file)))


_TYPES = {torch.float32, torch.int64}
"""Of tensors in memory; float16 and others of fewer digits become float32 when they are read."""

WEIGHTS: dict[str, ShippedWeights] = {
    "stcn:small": ShippedWeights(
        name="stcn:small",
        file="stcn-small.safetensors",
        sha256="7c69b808a0179d148c72bf7faf1cfdae50556ea1efa601079ecd96233f3b8755",
        bytes=5_742_568,
        licence="research use; BUSI's licence is known only from mirrors",
        training_data="BUSI, usgra-seg nerves and vessels, DL_Track muscles, simulated clips",
        card="docs/models/stcn-small.md",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialLoad:
    """What became of every tensor when weights were loaded into another network."""

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    """In the network, not in the file; left as they were."""
    extra: tuple[str, ...]
    """In the file, not in the network; left out."""
    mismatched: tuple[str, ...] = ()
    """In both, with another shape; left as they were."""

    def summary(self) -> str:
        """Return the report in one sentence."""
        return (
            f"{len(self.loaded)} tensors loaded, {len(self.missing) + len(self.mismatched)} left "
            f"untrained, {len(self.extra) + len(self.mismatched)} of the file not used."
        )


def save_weights(
    model: nn.Module,
    path: Path,
    facts: Mapping[str, object] | None = None,
    *,
    overwrite: bool = True,
    half: bool = True,
) -> None:
    """Write a network as safetensors, whole or not at all.

    Args:
        model: Has its configuration as `config`.
        path: Usually ends in `.safetensors`.
        facts: Anything that can be written as JSON, such as fitted thresholds.
        overwrite: Replace a file that is there.
        half: Write float16, which takes half the space and keeps 3 decimal digits.

    Raises:
        ModelError: A tensor holds something else than finite numbers, or has too large ones
            for float16.
        OutputExistsError: The file is there and `overwrite` is false.
    """
    tensors = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    if half:
        tensors = {name: v.half() if v.dtype == torch.float32 else v for name, v in tensors.items()}
    broken = _not_finite(tensors)
    if broken:
        reason = "in float16, whose largest is 65504" if half else "in it"
        raise ModelError(f"{path}: not written: {broken} has numbers that are not finite {reason}.")
    metadata = {
        "config": model.config.model_dump_json(),  # type: ignore[union-attr, operator]  # Settings
        "facts": json.dumps(dict(facts or {})),
    }
    data = save({name: value.contiguous() for name, value in tensors.items()}, metadata)
    with whole_file(path, overwrite=overwrite) as partial:
        partial.write_bytes(_in_order(data))


def load_model(name_or_path: str | Path) -> nn.Module:
    """Load a network for inference: float32, on the CPU, in evaluation mode.

    The facts that were saved beside the weights, such as the thresholds of a tracker, are its
    attribute `facts`.

    Args:
        name_or_path: A model whose weights ship, such as `stcn:small`, or a file.

    Raises:
        ModelError: There is no such model, none of its weights ship, or the file does not fit.
        ReadError: There is no such file.
    """
    path = weights_path(name_or_path)
    tensors, document, facts = _read(path)
    config = parse_config(document)
    with torch.device("meta"):  # no memory is taken before the file is known to fill it
        wanted = _shapes(build_model(config).state_dict())
    problems = differences(wanted, _shapes(tensors))
    if problems:
        raise ModelError(f"{path}: the weights do not fit their configuration: {problems}")
    broken = _not_finite(tensors)
    if broken:
        raise ModelError(
            f"{path}: {broken} holds numbers that are not finite. Fetch the file anew."
        )
    model = build_model(config)
    model.load_state_dict(tensors)
    model.facts = facts  # type: ignore[assignment]  # not a tensor
    return model.eval()


def read_facts(name_or_path: str | Path) -> dict[str, object]:
    """Return the facts that were saved beside the weights, such as fitted thresholds."""
    return _read(weights_path(name_or_path))[2]


def weights_sha256(name_or_path: str | Path) -> str:
    """Return the SHA-256 of the weights' file, as reports quote it."""
    return hashlib.sha256(weights_path(name_or_path).read_bytes()).hexdigest()


def load_partial(model: nn.Module, path: Path, *, skip_mismatched: bool = False) -> PartialLoad:
    """Load those tensors of a file that the network has too, for training to start from.

    Args:
        model: Keeps what it has where the file has nothing for it.
        path: Weights of any network.
        skip_mismatched: Leave out tensors of another shape instead of raising.

    Raises:
        ModelError: A tensor has the right name and another shape, or none has the right name.
        ReadError: There is no such file.
    """
    tensors = _read(weights_path(path))[0]
    own = model.state_dict()
    shared = [name for name in tensors if name in own]
    mismatched = [name for name in shared if own[name].shape != tensors[name].shape]
    if mismatched and not skip_mismatched:
        name = mismatched[0]
        raise ModelError(
            f"{path}: {len(mismatched)} tensors have another shape than the network's, such as "
            f"{name}: {tuple(tensors[name].shape)} for {tuple(own[name].shape)}. Start from "
            f"weights of the same size."
        )
    loaded = [name for name in shared if name not in mismatched]
    if not loaded:
        raise ModelError(f"{path}: none of its {len(tensors)} tensors belongs to the network.")
    model.load_state_dict({name: tensors[name] for name in loaded}, strict=False)
    return PartialLoad(
        loaded=tuple(loaded),
        missing=tuple(name for name in own if name not in tensors),
        extra=tuple(name for name in tensors if name not in own),
        mismatched=tuple(mismatched),
    )


def weights_path(name_or_path: str | Path) -> Path:
    """Return the file of a model that ships, or the path itself.

    Raises:
        ModelError: The name is that of a model without shipped weights, or of none.
        ReadError: There is no such file.
    """
    if str(name_or_path) in WEIGHTS:
        return WEIGHTS[str(name_or_path)].path
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.suffix or len(path.parts) > 1:
        raise ReadError(path, "there is no such file of weights.", "Check the path.")
    model_config(str(name_or_path))
    raise ModelError(
        f"no weights of {str(name_or_path)!r} ship; those that do: {', '.join(WEIGHTS) or 'none'}. "
        f"Train it, or give a file."
    )


def differences(wanted: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> str:
    """Return what is missing, too much, or of another shape, in words; empty if nothing is."""
    missing = sorted(set(wanted) - set(found))
    extra = sorted(set(found) - set(wanted))
    reshaped = [
        f"{name} {found[name]} for {wanted[name]}"
        for name in sorted(set(wanted) & set(found))
        if wanted[name] != found[name]
    ]
    parts = {"missing": missing, "not known": extra, "of another shape": reshaped}
    return "; ".join(
        f"{len(names)} {what}: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
        for what, names in parts.items()
        if names
    )


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, object], dict[str, object]]:
    """Return the tensors, those that hold fractions as float32, the configuration and the facts."""
    if path.suffix in {".pth", ".pt", ".pkl", ".ckpt"}:
        raise ModelError(
            f"{path}: a pickled checkpoint can run code, so it is not opened here. "
            f"Turn it into ours: sonotrace models import FAMILY {path.name} --out NEW.safetensors"
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: _float32(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path}: not a whole safetensors file ({error}). Copy or train it again; "
            f"checkpoints of others go through `sonotrace models import`."
        ) from error
    odd = [name for name, value in tensors.items() if value.dtype not in _TYPES]
    if odd:
        raise ModelError(
            f"{path}: {odd[0]} holds {tensors[odd[0]].dtype}; weights are fractions, counts int64."
        )
    if "config" not in metadata:
        raise ModelError(
            f"{path}: holds no configuration of a network. Only files that sonotrace wrote do."
        )
    return tensors, _object(metadata, "config", path), _object(metadata, "facts", path)


def _in_order(data: bytes) -> bytes:
    """Return the same safetensors file with its metadata in alphabetical order.

    The library writes them in any order, so that equal weights had unequal hashes.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def _object(metadata: Mapping[str, str], key: str, path: Path) -> dict[str, object]:
    """Return what is written down in JSON under `key`; nothing if the key is not there."""
    try:
        document = json.loads(metadata.get(key, "{}"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ModelError(f"{path}: its {key} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ModelError(f"{path}: its {key} is a JSON {type(document).__name__}, not an object.")
    return document


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in tensors.items()}


def _float32(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def _not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Return the first name whose tensor holds infinities or no numbers."""
    for name, value in tensors.items():
        if value.numel() and not torch.stack(value.aminmax()).isfinite().all():
            return name
    return None
