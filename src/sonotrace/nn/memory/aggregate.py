"""Make the probabilities of several objects and the background add up to one."""

from jaxtyping import Float
from torch import Tensor

_LEAST = 1e-7


def aggregate(logits: Float[Tensor, "B O H W"]) -> Float[Tensor, "B O H W"]:
    """Return the probability of every object, given each object's own logit.

    The background is where no object is: the product of 1 - p. Odds of objects and background
    are then divided by their sum, so that what is left to 1 is the background's probability.
    A single object's odds are thereby squared: its probability is sigmoid(2 logit).

    Source: soft aggregation of Oh et al., "Video Object Segmentation using Space-Time Memory
    Networks", ICCV 2019. arXiv:1904.00607
    """
    p = logits.float().sigmoid().clamp(_LEAST, 1 - _LEAST)
    empty = (1 - p).prod(dim=1, keepdim=True).clamp(_LEAST, 1 - _LEAST)  # (B, 1, H, W)
    odds = p / (1 - p)
    return odds / (odds.sum(dim=1, keepdim=True) + empty / (1 - empty))
