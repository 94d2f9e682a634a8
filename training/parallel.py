"""Work shared between single-threaded workers of one process.

On a machine whose cores other programs use too, an operator split over threads waits at every step
for the slower core. Here each worker runs whole micro-batches on one core and takes the next when it
is done, so a slow core only does fewer of them. Gradients add up in the shared parameters.
"""

from concurrent.futures import ThreadPoolExecutor

import torch


class Workers:
    def __init__(self, count: int):
        torch.set_num_threads(1)
        self.count = count
        self.pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))

    def map(self, function, tasks) -> list:
        """function(task) for every task, in the tasks' order; the first exception is raised."""
        return list(self.pool.map(function, tasks))

    def backward(self, loss_of, batches) -> list[float]:
        """Back-propagates loss_of(batch) for each micro-batch, as the mean over them; gives back the losses."""
        batches = list(batches)

        def run(batch):
            with torch.autocast("cpu", torch.bfloat16):
                loss = loss_of(batch)
            (loss / len(batches)).backward()
            return float(loss.detach())

        return self.map(run, batches)
