"""Every backend computes what float32 eager computes, and `auto` is a stated rule."""

import shutil
from importlib.util import find_spec

import pytest
import torch

from sonotrace.errors import MissingExtraError, UsageError
from sonotrace.models import build_model, model_config
from sonotrace.models.video import MemoryNetwork
from sonotrace.runtime import LONG_CLIP, RuntimeSettings, choice, choose_backend, prepare
from sonotrace.tasks.track import Tracker, TrackerSettings

TOLERANCE = {"float32": 1e-4, "bf16": 0.06}
"""Largest error of any feature or logit, relative to the largest of its kind."""
NEEDS = {"openvino": "openvino", "onnx": "onnxruntime"}


def can_compile():
    return shutil.which("g++") is not None and " " not in torch.__file__


def backends():
    for backend, precision in [
        ("eager", "float32"),
        ("eager", "bf16"),
        ("openvino", "float32"),
        ("openvino", "bf16"),
        ("onnx", "float32"),
        ("compiled", "float32"),
    ]:
        absent = backend in NEEDS and find_spec(NEEDS[backend]) is None
        absent = absent or (backend == "compiled" and not can_compile())
        marks = [pytest.mark.skipif(absent, reason=f"no {backend} here")]
        marks += [pytest.mark.slow] if backend == "compiled" else []
        yield pytest.param(backend, precision, marks=marks, id=f"{backend}-{precision}")


@pytest.fixture
def network():
    return build_model(model_config("stcn:tiny")).eval()


def settings(backend="auto", precision="float32", frames=0):
    return RuntimeSettings(device="cpu", backend=backend, precision=precision, frames=frames)


def answers(network, frames, masks):
    features = network.encode_query(frames)
    values = network.encode_memory(frames, features, masks)
    logits = network.decode(values, features)
    return features.size, [features.key, features.value, features.deep, values, logits]


@pytest.mark.parametrize(("backend", "precision"), list(backends()))
@torch.inference_mode()
def test_a_backend_computes_the_same_at_any_size_for_several_objects(network, backend, precision):
    frames, masks = torch.rand(1, 1, 48, 70), (torch.rand(1, 2, 48, 70) > 0.5).float()
    prepared, used = prepare(network, settings(backend, precision))
    size, found = answers(prepared, frames, masks)
    assert isinstance(prepared, MemoryNetwork)
    assert (used.backend, used.precision, size) == (backend, precision, (48, 70))
    for was, now in zip(answers(network, frames, masks)[1], found, strict=True):
        assert now.shape == was.shape
        assert (now.float() - was).abs().max() <= TOLERANCE[precision] * was.abs().max()


@pytest.mark.skipif(find_spec("openvino") is None, reason="no openvino here")
def test_a_built_backend_follows_objects_like_the_network_itself(network):
    frames = torch.randint(0, 256, (4, 1, 32, 32), dtype=torch.uint8)
    mask = torch.zeros(32, 32, dtype=torch.uint8)
    mask[8:20, 8:20] = 3
    built = Tracker(prepare(network, settings("openvino"))[0], settings=TrackerSettings())
    plain = Tracker(network, settings=TrackerSettings())
    for i, frame in enumerate(frames):
        given = mask if i == 0 else None
        now, was = built.step(frame, given), plain.step(frame, given)
        assert (now.probabilities - was.probabilities).abs().max() < 1e-4


@pytest.mark.skipif(find_spec("openvino") is None, reason="no openvino here")
@torch.inference_mode()
def test_what_a_built_part_returned_is_not_overwritten_by_the_next_frame(network):
    prepared, _ = prepare(network, settings("openvino"))
    first = prepared.encode_query(torch.rand(1, 1, 32, 32)).key
    before = first.clone()
    prepared.encode_query(torch.rand(1, 1, 32, 32))
    assert torch.equal(first, before)


@pytest.mark.skipif(find_spec("openvino") is None, reason="no openvino here")
@torch.inference_mode()
def test_autocast_around_a_built_backend_changes_nothing(network):
    prepared, _ = prepare(network, settings("openvino", "bf16"))
    with torch.autocast("cpu", torch.bfloat16):
        features = prepared.encode_query(torch.rand(1, 1, 32, 32))
    assert features.key.dtype == torch.float32


def test_the_given_network_stays_as_it_was(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for precision in ("float32", "bf16"):
        prepare(network, settings("eager", precision))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_short_clips_start_at_once(monkeypatch):
    monkeypatch.setattr(choice, "slowdown_in_bf16", lambda: 0.5)
    monkeypatch.setattr(choice, "find_spec", lambda name: object())
    assert choose_backend(settings(precision="bf16", frames=LONG_CLIP - 1), "cpu")[0] == "eager"
    assert choose_backend(settings(precision="bf16"), "cpu") == ("eager", "")


def test_long_clips_in_bf16_take_openvino_where_it_is(monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: object())
    long = settings(precision="bf16", frames=LONG_CLIP)
    assert choose_backend(long, "cpu")[0] == "openvino"
    assert choose_backend(long, "cuda")[0] == "eager"


def test_float32_is_eager_whatever_the_length():
    assert choose_backend(settings(frames=10 * LONG_CLIP), "cpu") == ("eager", "")


def test_long_clips_without_openvino_say_what_to_install(monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    monkeypatch.setattr(choice, "slowdown_in_bf16", lambda: 0.5)
    backend, note = choose_backend(settings(precision="bf16", frames=LONG_CLIP), "cpu")
    assert backend == "eager"
    assert "sonotrace[export]" in note


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="no onnxruntime here")
def test_onnx_refuses_bf16(network):
    with pytest.raises(UsageError, match="onnx computes in float32 only"):
        prepare(network, settings("onnx", "bf16"))


@pytest.mark.parametrize("backend", ["openvino", "onnx"])
def test_a_missing_package_names_its_extra(network, backend, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, NEEDS[backend], None)
    with pytest.raises(MissingExtraError, match=r"sonotrace\[export\]"):
        prepare(network, settings(backend))


def test_compiling_with_torch_in_a_folder_with_a_space_is_refused(network, monkeypatch):
    monkeypatch.setattr(torch, "__file__", "/home/me/my scans/.venv/torch/__init__.py")
    with pytest.raises(UsageError, match=r"cannot link with torch in '/home/me/my scans/\.venv"):
        prepare(network, settings("compiled"))


def test_compiling_without_a_compiler_is_refused(network, monkeypatch):
    monkeypatch.setattr(torch, "__file__", "/home/me/.venv/torch/__init__.py")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match=r"needs a C\+\+ compiler"):
        prepare(network, settings("compiled"))
