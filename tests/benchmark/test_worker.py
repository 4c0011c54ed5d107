"""A rig in another process answers, or says why not."""

import torch

from sonotrace.benchmark.rig import Job
from sonotrace.benchmark.worker import Worker


def test_a_worker_times_in_its_own_process_and_names_its_problems():
    threads = torch.get_num_threads()
    good = Job(model="stcn:tiny", size=32, variant="plain", threads=threads)
    bad = Job(model="stcn:none", size=32, variant="plain", threads=threads)
    with Worker(good) as worker, Worker(bad) as broken:
        assert not worker.wait()
        assert len(worker.run(memory=1, cycles=1).steps) == 5
        assert "no size 'none'" in broken.wait()
