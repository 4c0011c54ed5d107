"""The OpenVINO backend: float32, or bf16 on CPUs that have it."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from sonotrace.errors import MissingExtraError
from sonotrace.runtime.exported import Part, export

_PRECISIONS = {"float32": "f32", "bf16": "bf16"}


def import_openvino() -> Any:
    """Return the package.

    Raises:
        MissingExtraError: It is not installed, or does not load.
    """
    try:
        import openvino  # noqa: PLC0415 - optional
    except (ImportError, RuntimeError, OSError) as error:
        raise MissingExtraError("openvino", "export") from error
    return openvino


class OpenVinoBuild:
    """Builds parts with OpenVINO; as many threads as torch has.

    The precision is always set: left alone, OpenVINO computes in bf16 wherever a CPU can.
    """

    def __init__(self, precision: str) -> None:
        self._openvino = import_openvino()
        self._core = self._openvino.Core()
        self._settings = {
            "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": 1,
        }

    def __call__(self, part: nn.Module, examples: tuple[Tensor, ...]) -> Part:
        """Build one part for inputs of just these shapes."""
        exported = export(part, examples)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of OpenVINO's and torch's own deprecated calls
            model = self._openvino.convert_model(exported)
        model.reshape({i: list(value.shape) for i, value in enumerate(examples)})
        compiled = self._core.compile_model(model, "CPU", self._settings)
        return _OpenVinoPart(self._openvino, compiled)


class _OpenVinoPart:
    """A compiled model that reads its inputs and writes its outputs where torch has them."""

    def __init__(self, openvino: Any, compiled: Any) -> None:
        self._tensor = openvino.Tensor
        self._request = compiled.create_infer_request()
        self._shapes = [tuple(output.shape) for output in compiled.outputs]

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        outputs = tuple(torch.empty(shape) for shape in self._shapes)
        # OpenVINO does not keep what it shares alive: `given` does.
        given = [value.contiguous() for value in inputs]
        for i, value in enumerate(given):
            self._request.set_input_tensor(i, self._shared(value))
        for i, value in enumerate(outputs):
            self._request.set_output_tensor(i, self._shared(value))
        self._request.infer()
        return outputs

    def _shared(self, value: Tensor) -> Any:
        return self._tensor(value.numpy(), shared_memory=True)
