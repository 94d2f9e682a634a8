"""Weights back from an exported model folder, for training that goes on after its checkpoints are gone."""

import json
import math
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

import tokenizer as words
from networks.autoencoder import Autoencoder
from networks.contrastive import ContrastivePair
from stated import value_counts


def exported_weights(file: Path) -> dict[str, np.ndarray]:
    """Every float initializer of a graph as float32 under its parameter's name and in its order of elements."""
    weights = {}
    for tensor in onnx.load(str(file)).graph.initializer:
        if tensor.data_type not in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
            continue
        name = tensor.name.removesuffix(".float16")
        values = numpy_helper.to_array(tensor).astype(np.float32)
        if name.endswith(".transposed"):
            name, values = name.removesuffix(".transposed"), values.T
        weights[name] = values
    return weights


def fill(module: torch.nn.Module, file: Path, prefix: str = "") -> None:
    """Copies a graph's weights into `module`; complains about every parameter that it does not hold."""
    weights = exported_weights(file)
    missing = []
    with torch.no_grad():
        for name, parameter in (*module.named_parameters(), *module.named_buffers()):
            values = weights.get(prefix + name)
            if values is None or values.size != parameter.numel():
                missing.append(name)
            else:
                parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)).reshape(parameter.shape))
    if missing:
        raise ValueError(f"{file}: expected a weight for each parameter, found none for {', '.join(missing)}")


def load_exported(denoiser, folder: Path) -> None:
    """The text encoder and U-Net of a model folder into `denoiser`."""
    fill(denoiser.text_encoder, Path(folder) / "text_encoder" / "model.onnx")
    fill(denoiser.unet, Path(folder) / "unet" / "model.onnx", "unet.")


def exported_record(folder: Path) -> tuple[int, int, float]:
    """(steps, samples, seconds) of a model folder's denoiser so far, so that a run that goes on counts on from there."""
    record = json.loads((Path(folder) / "gamut.json").read_text())["training"]["denoiser"]
    return record["steps"], record["samples"], 60 * record["minutes"]


def load_exported_pair(folder: Path) -> ContrastivePair:
    """Both towers of a model folder with their logit scale, normalisation folded as in the export."""
    image, text = Path(folder) / "feature_encoder" / "image.onnx", Path(folder) / "feature_encoder" / "text.onnx"
    defect = exported_weights(image)["image.from_sharpness.bias"].size
    pair = ContrastivePair(words.build().get_vocab_size(), value_counts(), defect=defect, heads=False).eval()
    pair.image.fold()
    fill(pair.image, image, "image.")
    fill(pair.text, text)
    scale = json.loads((Path(folder) / "gamut.json").read_text())["featureEncoder"]["embeds"]["logitScale"]
    with torch.no_grad():
        pair.log_scale.fill_(math.log(scale))
    return pair


def load_exported_autoencoder(folder: Path) -> Autoencoder:
    """Encoder and decoder of a model folder, normalisation included."""
    model = Autoencoder().eval()
    fill(model.encoder, Path(folder) / "vae_encoder" / "model.onnx", "autoencoder.encoder.")
    fill(model.decoder, Path(folder) / "vae_decoder" / "model.onnx", "autoencoder.decoder.")
    normalisation = exported_weights(Path(folder) / "vae_encoder" / "model.onnx")
    for name in ("latent_mean", "latent_std"):
        getattr(model, name).copy_(torch.from_numpy(normalisation[f"autoencoder.{name}"]).reshape(1, -1, 1, 1))
    return model
