"""PyTorch's side of `npm run bench -- gradients`, which starts this script and asks for one step at a time.

    python3 training/benchmark_gradients.py FOLDER

FOLDER holds `tensors.json`, a list of {name, dims, offset} of float32 tensors in `tensors.bin`: the built-in U-Net's weights by
the names they have in its ONNX file, those of low-rank adapters (`<projection>.down` [in, rank], `<projection>.up` [rank, out]),
and the inputs. Each line read is one request, {what, batch, layout} and maybe {gradients: file}; each line written is its answer.
Everything is as PyTorch does it unasked: float32, eager, as many threads as it takes by default.

    what     forward | input (gradient by the sample, vector-Jacobian product) | full (all weights) | lora (adapters alone)
    layout   contiguous_format | channels_last
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from networks.unet import UNet


class Adapted(nn.Module):
    """A frozen projection and a low-rank correction: W·x + up·down·x."""

    def __init__(self, base: nn.Linear, down, up):
        super().__init__()
        self.base, self.down, self.up = base, nn.Parameter(down), nn.Parameter(up)

    def forward(self, x):
        return self.base(x) + (x @ self.down) @ self.up


def read(folder: Path) -> dict:
    numbers = np.fromfile(folder / "tensors.bin", dtype="<f4")
    index = json.loads((folder / "tensors.json").read_text())
    size = lambda dims: int(np.prod(dims, dtype=np.int64))
    return {each["name"]: torch.from_numpy(numbers[each["offset"] : each["offset"] + size(each["dims"])].reshape(each["dims"]).copy()) for each in index}


def stored_names(net: nn.Module) -> dict:
    """Parameter by the name its values have in the ONNX file, less the question whether they lie transposed."""
    return {f"unet.{name}": parameter for name, parameter in net.named_parameters()}


def load(tensors: dict, layout) -> nn.Module:
    net = UNet()
    with torch.no_grad():
        for name, parameter in stored_names(net).items():
            stored = tensors.get(name)
            values = stored if stored is not None else tensors[f"{name}.transposed"].T
            parameter.copy_(values.reshape(parameter.shape))
    return net.to(memory_format=layout)


def adapt(net: nn.Module, tensors: dict) -> dict:
    """Puts the adapters on and freezes the rest; returns the adapters' weights by name."""
    net.requires_grad_(False)
    chosen = {}
    for name in [each.removesuffix(".down") for each in tensors if each.endswith(".down")]:
        parent, _, attribute = name.removeprefix("unet.").rpartition(".")
        module = Adapted(getattr(net.get_submodule(parent), attribute), tensors[f"{name}.down"].clone(), tensors[f"{name}.up"].clone())
        setattr(net.get_submodule(parent), attribute, module)
        chosen |= {f"{name}.down": module.down, f"{name}.up": module.up}
    return chosen


def prepare(tensors: dict, what: str, batch: int, layout):
    """A step to time, and what it leaves: gradients by the names of the ONNX file, as they lie there."""
    net = load(tensors, layout)
    inputs = [tensors[name][:batch] for name in ("sample", "timestep", "encoder_hidden_states")]
    inputs[0] = inputs[0].contiguous(memory_format=layout)
    if what == "forward":
        def forward():
            with torch.no_grad():
                net(*inputs)
        return forward, lambda: {}
    if what == "input":
        net.requires_grad_(False)
        cotangent = tensors["cotangent"][:batch].contiguous(memory_format=layout)
        chosen = {"sample": inputs[0].requires_grad_()}
        loss = lambda: (net(*inputs) * cotangent).sum()
    else:
        chosen = adapt(net, tensors) if what == "lora" else stored_names(net)
        loss = lambda: net(*inputs).square().mean()

    def step():
        for parameter in chosen.values():
            parameter.grad = None
        loss().backward()

    def gradients():
        stored = lambda name: name if name in tensors else f"{name}.transposed"
        return {stored(name): (each.grad if name in tensors else each.grad.T) for name, each in chosen.items()}

    return step, gradients


def main():
    tensors = read(Path(sys.argv[1]))
    steps = {}
    print(json.dumps(dict(torch=torch.__version__, threads=torch.get_num_threads())), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        key = (request["what"], request["batch"], request["layout"])
        if key not in steps:
            steps[key] = prepare(tensors, *key[:2], getattr(torch, key[2]))
        step, gradients = steps[key]
        wall, processor = time.perf_counter(), time.process_time()
        step()
        answer = dict(milliseconds=1e3 * (time.perf_counter() - wall), processor=1e3 * (time.process_time() - processor))
        if "gradients" in request:
            found = gradients()
            with open(request["gradients"], "wb") as file:
                for each in found.values():
                    file.write(each.contiguous().numpy().astype("<f4").tobytes())
            answer["names"] = list(found)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
