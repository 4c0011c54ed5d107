"""The default tracker: the small STCN, trained on still pictures that are set in motion."""

from sonotrace.config import RunConfig, StillsConfig
from sonotrace.datasets.triplets import TripletSettings
from sonotrace.training.loop import LoopConfig
from sonotrace.training.optim import OptimConfig


def recipe() -> RunConfig:
    """Return the run that made the weights of `stcn:small`: from random weights, on a CPU.

    Batch norms learn their statistics, as there are no others to begin with.
    """
    return RunConfig(
        model="stcn:small",
        data=StillsConfig(triplets=TripletSettings(size=192), synthetic_share=0.3),
        optim=OptimConfig(
            learning_rate=1e-3,
            steps=4_600,
            warmup_steps=200,
            schedule="hold",
            decay_steps=3_500,
        ),
        loop=LoopConfig(batch_size=8, log_every=25, validate_every=250, save_every=250),
    )
