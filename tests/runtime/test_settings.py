"""Words become settings, or a message that lists the words there are."""

import pytest
import torch

from sonotrace.errors import ResourceError, UsageError
from sonotrace.runtime.settings import RuntimeSettings, choose_device


def test_words_become_settings():
    assert RuntimeSettings.named("cpu", "eager", "bf16").precision == "bf16"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("tpu", "auto", "float32"), "--device should be 'auto', 'cpu' or 'cuda', not 'tpu'"),
        (("cpu", "auto", "int8"), "--precision should be 'float32' or 'bf16', not 'int8'"),
    ],
)
def test_an_unknown_word_is_refused_with_those_there_are(words, message):
    with pytest.raises(UsageError, match=message):
        RuntimeSettings.named(*words)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_without_cuda_is_a_matter_of_resources():
    with pytest.raises(ResourceError, match="no CUDA device"):
        choose_device("cuda")


def test_automatic_choice_is_always_there():
    assert choose_device("auto") in {"cpu", "cuda"}
