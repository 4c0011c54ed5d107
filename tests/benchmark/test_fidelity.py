"""Float32 in another layout is the same; bf16 is near."""

from sonotrace.benchmark.fidelity import errors_of, overlaps_of


def test_float32_differs_by_rounding_and_bf16_by_more():
    errors = errors_of("stcn:tiny", 64, ["eager", "eager-bf16"])
    assert errors["eager"].logit < 1e-4 < errors["eager-bf16"].logit < 0.1


def test_masks_of_the_same_network_overlap_fully():
    overlaps = overlaps_of("stcn:tiny", 64, ["plain"], frames=4, clips=1)
    assert overlaps["plain"] > 0.999
