"""bf16 on processors with and without units for it."""

import pytest

import sonotrace.runtime.choice
from sonotrace.runtime import RuntimeSettings
from sonotrace.runtime.bf16 import slowdown_in_bf16
from sonotrace.runtime.choice import choose_backend


def test_the_slowdown_is_measured_once():
    assert slowdown_in_bf16() > 0
    assert slowdown_in_bf16() == slowdown_in_bf16()


@pytest.mark.parametrize("backend", ["auto", "eager"])
@pytest.mark.parametrize(("slowdown", "told"), [(0.3, False), (1.5, False), (60.0, True)])
def test_who_asks_for_emulated_bf16_is_told(monkeypatch, backend, slowdown, told):
    monkeypatch.setattr(sonotrace.runtime.choice, "slowdown_in_bf16", lambda: slowdown)
    settings = RuntimeSettings(device="cpu", backend=backend, precision="bf16")
    note = choose_backend(settings, "cpu")[1]
    assert ("60 times as slow as float32" in note) is told


def test_float32_needs_no_note(monkeypatch):
    monkeypatch.setattr(sonotrace.runtime.choice, "slowdown_in_bf16", lambda: 60.0)
    assert choose_backend(RuntimeSettings(device="cpu", backend="eager"), "cpu")[1] == ""


def test_openvino_is_not_judged_by_torch(monkeypatch):
    monkeypatch.setattr(sonotrace.runtime.choice, "slowdown_in_bf16", lambda: 60.0)
    settings = RuntimeSettings(device="cpu", backend="openvino", precision="bf16")
    assert choose_backend(settings, "cpu") == ("openvino", "")
