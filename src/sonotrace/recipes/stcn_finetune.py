"""Fine-tuning of a tracker on one's own clips."""

from sonotrace.config import ClipsConfig, RunConfig
from sonotrace.training.loop import LoopConfig
from sonotrace.training.optim import OptimConfig


def recipe() -> RunConfig:
    """Return a short run on clips in the DAVIS layout, meant to start from trained weights.

    The learning rate is a tenth of that of training, and batch norms are frozen: a few dozen
    clips are too few to measure their statistics again.
    """
    return RunConfig(
        model="stcn:small",
        data=ClipsConfig(),
        optim=OptimConfig(
            learning_rate=1e-4,
            steps=1_000,
            warmup_steps=50,
            schedule="cosine",
            average=0.99,
        ),
        loop=LoopConfig(batch_size=4, freeze_norms=True, validate_every=100, save_every=100),
    )
