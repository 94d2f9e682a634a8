"""Makes ../builtin-model/gradients.json: gradients of the built-in model's networks as torch.autograd takes them in float64.

Run from anywhere, after every export of the model: python test/reference/autodiff/builtin_gradients.py

The weights are read back from the exported ONNX files, so the figures belong to exactly the files whose digests are stored with
them. Inputs, cotangents and directions come from a formula (`uniform`), a gradient is kept as its norm and its products with
fixed random directions: the mean square of the differences of the products estimates the squared distance of two gradients.
Beside them stands what PyTorch itself reaches in float32 (`single`).
"""
import base64
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import torch

root = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(root / "training"))

import tokenizer as words  # noqa: E402
from initialise import exported_weights, fill, load_exported_autoencoder, load_exported_pair  # noqa: E402
from networks.text_encoder import TextEncoder  # noqa: E402
from networks.unet import UNet  # noqa: E402

model = root / "resources" / "models" / "gamut-catalogue-128"
DIRECTIONS = 16


def uniform(seed: int, dims) -> np.ndarray:
    """Numbers in [-1, 1) from a hash of seed and row-major index; the test has the same function."""
    h = (np.arange(int(np.prod(dims)), dtype=np.uint64) + np.uint64(seed * 7_919_777)) * np.uint64(2_654_435_761) & np.uint64(0xFFFFFFFF)
    h = (h ^ (h >> np.uint64(15))) * np.uint64(2_246_822_519) & np.uint64(0xFFFFFFFF)
    h = (h ^ (h >> np.uint64(13))) * np.uint64(3_266_489_917) & np.uint64(0xFFFFFFFF)
    return ((h ^ (h >> np.uint64(16))).astype(np.float64) / 2**31 - 1).reshape(dims)


def networks():
    """File, function, inputs by dims (None: token ids), output, weights by their parameters, prefix in the file."""
    autoencoder = load_exported_autoencoder(model)
    unet = UNet().eval()
    fill(unet, model / "unet" / "model.onnx", "unet.")
    text = TextEncoder(words.build().get_vocab_size()).eval()
    fill(text, model / "text_encoder" / "model.onnx")
    pair = load_exported_pair(model)
    ids = {"input_ids": None}
    with torch.no_grad():
        prompt = text(torch.tensor([[2, 9, 40, 17, 31, 3]]))
    return [
        ("unet/model.onnx", unet, lambda net, *x: net(*x), "unet.",
         {"sample": (1, 8, 8, 12), "timestep": (1,), "encoder_hidden_states": prompt}, "out_sample",
         ["input.weight", "time_mlp.0.weight", "to_middle.weight", "mid_first.second.weight", "mid_transformer.self_attention.to_q.weight",
          "up_middle_transformer.1.cross_attention.to_v.weight", "norm_output.weight", "output.bias"]),
        ("vae_decoder/model.onnx", autoencoder, lambda net, x: net.decode(x), "autoencoder.", {"latent_sample": (1, 8, 6, 8)}, "sample",
         ["decoder.input.weight", "decoder.up_fine.weight", "decoder.output.bias"]),
        ("vae_encoder/model.onnx", autoencoder, lambda net, x: net.encode(x), "autoencoder.", {"sample": (1, 3, 64, 96)}, "latent_sample",
         ["encoder.input.weight", "encoder.down.weight", "encoder.output.bias"]),
        ("text_encoder/model.onnx", text, lambda net, x: net(x), "", ids, "last_hidden_state",
         ["words.weight", "positions", "blocks.0.attention.to_q.weight", "blocks.1.norm_mlp.weight"]),
        ("feature_encoder/text.onnx", pair.text, lambda net, x: net(x), "", ids, "text_embeds", ["encoder.words.weight", "embedding.weight"]),
        ("feature_encoder/image.onnx", pair.image, lambda net, x: net(x)[1], "image.", {"pixel_values": (1, 3, 128, 128)}, "features",
         ["input.convolution.weight", "to16.0.convolution.weight"]),
        ("feature_encoder/image.onnx", pair.image, lambda net, x: net(x)[0], "image.", {"pixel_values": (1, 3, 128, 128)}, "image_embeds",
         ["embedding.weight"]),
    ]


def products(g: np.ndarray) -> dict:
    found = [float((uniform(1000 + k, g.shape) * g).sum()) for k in range(DIRECTIONS)]
    return {"norm": float(np.linalg.norm(g)), "products": found}


def given(name: str, dims, seed: int) -> torch.Tensor:
    """An input by the formula; tensors are passed on, and no dims means token ids."""
    if isinstance(dims, torch.Tensor):
        return dims.to(torch.get_default_dtype(), copy=True)
    if dims is None:
        return torch.tensor([[2, 9, 40, 17, 3, 0], [2, 31, 3, 0, 0, 0]])
    # A timestep and a spread of latents as the network knows them: float32 can tell its gradients there.
    latents = name == "sample" and dims[1] == 8
    values = 200 + 0 * uniform(seed, dims) if name == "timestep" else uniform(seed, dims) * (1.7 if latents else 1)
    return torch.from_numpy(values.astype(np.float32)).to(torch.get_default_dtype())


def differentiated(net, function, dims, parameters):
    """Output and gradients by name, inputs first, in torch's default precision."""
    net.to(torch.get_default_dtype())
    inputs = {name: given(name, each, seed + 1) for seed, (name, each) in enumerate(dims.items())}
    # A timestep enters through float32 sinusoids: its own gradient is not asked for.
    sources = {name: x.requires_grad_() for name, x in inputs.items() if x.is_floating_point() and name != "timestep"}
    named = dict(net.named_parameters())
    sources |= {name: named[name] for name in parameters}
    y = function(net, *inputs.values())
    cotangent = torch.from_numpy(uniform(77, tuple(y.shape)).astype(np.float32)).to(y.dtype)
    return inputs, y, dict(zip(sources, torch.autograd.grad(y, list(sources.values()), cotangent)))


def case(file, net, function, prefix, dims, output, parameters) -> dict:
    single = differentiated(net, function, dims, parameters)[2]
    rounded, torch.Tensor.float = torch.Tensor.float, torch.Tensor.double  # what the networks force to float32 stays exact here
    torch.set_default_dtype(torch.float64)
    inputs, y, exact = differentiated(net, function, dims, parameters)
    torch.set_default_dtype(torch.float32)
    torch.Tensor.float = rounded
    stored, transposed = exported_weights(model / file), transposed_names(model / file)
    gradients = {}
    for name, g in exact.items():
        full = name if name in inputs else prefix + name
        if f"{full}.transposed" in transposed:
            full, g = f"{full}.transposed", g.T.contiguous()
        elif name not in inputs:
            g = g.reshape(stored[full].shape)
        error = float((single[name].double() - exact[name]).norm() / exact[name].norm())
        gradients[full] = {"dims": list(g.shape), "single": error} | products(g.detach().numpy())
    return {"file": file, "sha256": hashlib.sha256((model / file).read_bytes()).hexdigest(), "output": output,
            "inputs": {name: list(x.shape) for name, x in inputs.items()},
            "data": {name: base64.b64encode(x.numpy().astype("<f4").tobytes()).decode() for name, x in dims.items() if isinstance(x, torch.Tensor)},
            "cotangent": list(y.shape), "gradients": gradients}


def transposed_names(file: Path) -> set[str]:
    """Names of matrices that the export stores [in, out]."""
    return {t.name.removesuffix(".float16") for t in onnx.load(str(file)).graph.initializer if t.name.removesuffix(".float16").endswith(".transposed")}


def main():
    cases = [case(*each) for each in networks()]
    out = root / "test" / "reference" / "builtin-model" / "gradients.json"
    out.write_text(json.dumps({"model": model.name, "cases": cases}, indent=1) + "\n")
    print(f"{out.relative_to(root)}: {sum(len(each['gradients']) for each in cases)} gradients of {len(cases)} outputs")


if __name__ == "__main__":
    main()
