"""Muon for hidden matrices with AdamW for the rest; exponential moving average; learning-rate shape."""

import copy
import math
from collections import defaultdict

import torch


def orthogonalize(matrices: torch.Tensor, iterations: int = 5) -> torch.Tensor:
    """Nearest semi-orthogonal matrices [N,r,c] by the quintic Newton-Schulz iteration (Jordan 2024).

    Every iterate is a polynomial in the Gram matrix times the input, so only the smaller Gram matrix is iterated.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.bfloat16()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.transpose(1, 2)
    norm = x.float().norm(dim=(1, 2), keepdim=True) + 1e-7
    gram = (x @ x.transpose(1, 2)).float() / norm.square()
    factor = None
    for iteration in range(iterations):
        polynomial = torch.baddbmm(b * gram, gram, gram, alpha=c)
        polynomial.diagonal(dim1=1, dim2=2).add_(a)
        factor = polynomial if factor is None else polynomial @ factor
        if iteration < iterations - 1:
            gram = polynomial @ gram @ polynomial
    x = (factor / norm).bfloat16() @ x
    return x.transpose(1, 2) if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; convolution kernels count as matrices [out, in * k * k]."""

    def __init__(self, parameters, lr=0.02, momentum=0.95, weight_decay=0.01, iterations=4):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, iterations=iterations))

    @torch.no_grad()
    def step(self, map_tasks=map):
        for group in self.param_groups:
            same_shape = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    same_shape[(parameter.shape[0], parameter.numel() // parameter.shape[0])].append(parameter)

            def update_all(task):
                (rows, columns), parameters = task
                updates = []
                for parameter in parameters:
                    state = self.state[parameter]
                    if not state:
                        state["momentum"] = torch.zeros_like(parameter, memory_format=torch.contiguous_format)
                    gradient = parameter.grad.contiguous()
                    state["momentum"].lerp_(gradient, 1 - group["momentum"])
                    updates.append(gradient.lerp(state["momentum"], group["momentum"]).reshape(rows, columns))
                updates = orthogonalize(torch.stack(updates), group["iterations"]).float()
                scale = group["lr"] * math.sqrt(max(1.0, rows / columns))
                for parameter, update in zip(parameters, updates):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update.reshape(parameter.shape), alpha=-scale)

            largest_first = sorted(same_shape.items(), key=lambda task: -len(task[1]) * task[0][0] * task[0][1])
            list(map_tasks(torch.no_grad()(update_all), largest_first))


class MuonWithAdamW:
    """Muon for the parameters that `is_hidden_matrix` names, AdamW for all others.

    Parameters whose name begins with `slow` get `slow_lr` instead of `adam_lr`.
    """

    def __init__(self, named_parameters, is_hidden_matrix, muon_lr=0.02, adam_lr=1e-3, weight_decay=0.01, slow=None, slow_lr=0.0):
        named_parameters = list(named_parameters)
        hidden = [p for name, p in named_parameters if is_hidden_matrix(name, p)]
        rest = [(name, p) for name, p in named_parameters if not is_hidden_matrix(name, p)]
        groups = [{"params": [p for name, p in rest if not (slow and name.startswith(slow))], "peak": adam_lr},
                  {"params": [p for name, p in rest if slow and name.startswith(slow)], "peak": slow_lr}]
        groups = [group for group in groups if group["params"]]
        self.parts = [
            Muon([{"params": hidden, "peak": muon_lr}], lr=muon_lr, weight_decay=weight_decay),
            torch.optim.AdamW(groups, lr=adam_lr, betas=(0.9, 0.99), weight_decay=weight_decay, fused=True),
        ]
        self.peaks = [[group["peak"] for group in part.param_groups] for part in self.parts]
        self.parameters = hidden + [p for _, p in rest]

    def step(self, scale: float, clip: float = 1.0, map_tasks=map) -> float:
        """One step at `scale` times the peak learning rates; gives back the gradient's norm before clipping."""
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, clip)
        for part, peaks in zip(self.parts, self.peaks):
            for group, peak in zip(part.param_groups, peaks):
                group["lr"] = peak * scale
        muon, adamw = self.parts
        muon.step(map_tasks)
        adamw.step()
        for part in self.parts:
            part.zero_grad(set_to_none=True)
        return float(norm)

    def state_dict(self):
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states):
        for part, state in zip(self.parts, states):
            part.load_state_dict(state)


class MovingAverage:
    """Exponential moving average of a module's parameters, with the ramp (n + 1) / (n + 12) at the start."""

    def __init__(self, module: torch.nn.Module, decay: float):
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, module: torch.nn.Module, rate: float = 1.0):
        """Takes in the present weights; while the learning rate decays to a share `rate` of its peak, the memory
        shortens with it, since weights before the decay are worse than those after it."""
        decay = min(max(0.0, 1 - (1 - self.decay) / rate), (self.updates + 1) / (self.updates + 12))
        self.updates += 1
        torch._foreach_lerp_(list(self.module.parameters()), list(module.parameters()), 1 - decay)
        for average, buffer in zip(self.module.buffers(), module.buffers()):
            average.copy_(buffer)

    def state_dict(self):
        return {"module": self.module.state_dict(), "updates": self.updates}

    def load_state_dict(self, state):
        self.module.load_state_dict(state["module"])
        self.updates = state["updates"]


def warm_up_stable_decay(progress: float, decay_from: float | None, step: int, warm_up: int = 100, floor: float = 0.02) -> float:
    """Share of the peak learning rate: linear warm-up, constant, then (where asked) linear decay to `floor`.

    `progress` and `decay_from` are shares of the time budget; without `decay_from` the rate stays.
    """
    scale = min(1.0, (step + 1) / warm_up)
    if decay_from is not None and progress > decay_from:
        scale *= max(floor, 1 - (1 - floor) * (progress - decay_from) / (1 - decay_from))
    return scale
