"""Operations and bytes of one frame, counted before anything is timed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from sonotrace.models import build_model, model_config
from sonotrace.models.video import MemoryNetwork
from sonotrace.nn.memory import TOP_K

FLOAT_BYTES = 4

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCount:
    """What one stage has to do at the least for one frame and one object."""

    gmac: float
    """Multiplications of the plain algorithm, in 10^9."""
    megabytes: float
    """Weights, inputs and outputs in float32, each moved once, in 10^6."""


def count_stages(name: str, size: int, memories: tuple[int, ...]) -> dict[str, StageCount]:
    """Count encode, value, decode, and a gathered and a dense read for each size of memory.

    Nothing is computed: the network lives on the meta device.

    Args:
        name: A model that reads a memory, such as `stcn:small`.
        size: Rows and columns of the frame.
        memories: Frames in memory.
    """
    with torch.device("meta"), torch.no_grad():
        module = build_model(model_config(name)).eval()
        network = _as_memory_network(module)
        frame = torch.empty(1, network.in_channels, size, size)
        mask = torch.empty(1, 1, size, size)
        encode, features = _macs(lambda: network.encode_query(frame))
        value, values = _macs(lambda: network.encode_memory(frame, features, mask))
        decode, logits = _macs(lambda: network.decode(values, features))
    outputs = [features.key, features.value, features.deep, *features.skips]
    parts = dict(module.named_children())
    encoder = [parts["key_encoder"], parts["key_projection"], parts["own_value"]]
    counts = {
        "encode": _stage(encode, encoder, [frame, *outputs]),
        "value": _stage(value, [parts["value_encoder"]], [frame, mask, features.deep, values]),
        "decode": _stage(
            decode, [parts["decoder"]], [values, features.value, *features.skips, logits]
        ),
    }
    for memory in memories:
        counts |= _reads(memory, features.key, values)
    return counts


def _as_memory_network(network: nn.Module) -> MemoryNetwork:
    if not isinstance(network, MemoryNetwork):
        raise ValueError("only networks that read a memory are counted here")
    return network


def _macs(compute: Callable[[], T]) -> tuple[float, T]:
    counter = FlopCounterMode(display=False)
    with counter:
        result = compute()
    return counter.get_total_flops() / 2, result


def _stage(macs: float, modules: list[nn.Module], tensors: list[Tensor]) -> StageCount:
    numbers = sum(value.numel() for module in modules for value in module.parameters())
    numbers += sum(value.numel() for value in tensors)
    return StageCount(gmac=macs / 1e9, megabytes=FLOAT_BYTES * numbers / 1e6)


def _reads(memory: int, key: Tensor, values: Tensor) -> dict[str, StageCount]:
    """Count what `find_top_k` and `gather` do, and what the dense read does."""
    K, V = key.shape[1], values.shape[2]
    Q = key.shape[2] * key.shape[3]
    M = memory * Q
    k = min(TOP_K, M)
    alike, inputs = Q * M, M * K + Q * K
    gathered = StageCount(
        gmac=(alike * K + Q * k * V) / 1e9,
        megabytes=FLOAT_BYTES * (inputs + Q * k * V + Q * V) / 1e6,
    )
    dense = StageCount(
        gmac=(alike * K + alike * V) / 1e9,
        megabytes=FLOAT_BYTES * (inputs + 4 * alike + M * V + Q * V) / 1e6,
    )
    return {f"read {memory}": gathered, f"dense read {memory}": dense}
