"""What gradients of the built-in U-Net cost in PyTorch: the counterpart of test/benchmarks/gradients.ts.

One JSON line a figure, by the same names (`what`, `batch`, `milliseconds` the median, `least`), and least processor time.
Run: python3 benchmark_gradients.py [threads]
"""
import json, sys, time

import torch

from networks.unet import UNet

threads = int(sys.argv[1]) if len(sys.argv) > 1 else torch.get_num_threads()
torch.set_num_threads(threads)
net = UNet().eval()
attention = [p for n, p in net.named_parameters() if 'attention' in n and p.ndim == 2]


def step(batch, by):
    x = torch.randn(batch, 8, 16, 16, requires_grad=by == 'input')
    t, text = torch.rand(batch), torch.randn(batch, 16, 192)
    chosen = {'forward': [], 'input': [], 'full': list(net.parameters()), 'attention': attention}[by]
    for p in net.parameters():
        p.requires_grad_(False)
    for p in chosen:
        p.requires_grad_(True)

    def run():
        with torch.set_grad_enabled(by != 'forward'):
            y = net(x, t, text)
            if by == 'input':
                torch.autograd.grad(y, x, torch.ones_like(y))
            elif by != 'forward':
                torch.autograd.grad(y.square().mean(), chosen, allow_unused=True)

    return run


for batch in (1, 8):
    for by in ("forward", "input", "full", "attention"):
        run = step(batch, by)
        walls, cpus = [], []
        for _ in range(7):
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
        print(json.dumps({'benchmark': 'gradients-torch', 'what': by, 'batch': batch, 'threads': threads,
                          'milliseconds': round(sorted(walls)[len(walls) // 2] * 1e3, 1), 'least': round(min(walls) * 1e3, 1), 'processor': round(min(cpus) * 1e3, 1)}), flush=True)
