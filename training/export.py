"""Export the trained networks into a model folder in the diffusers-ONNX layout.

    python training/export.py --denoiser diffusion-decayed --contrastive contrastive-decayed
    python training/export.py --denoiser diffusion-decayed --only denoiser     # the rest of the folder stays as it is
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn
from torch.export import Dim

import captions
import catalogue
import checkpoint
import phrases
import tokenizer as words
from encode_latents import load_autoencoder
from export_graph import export_float32, keep_as_inner_value, restore_names, store_as_half
from networks.autoencoder import DOWNSCALE, LATENT_CHANNELS
from networks.contrastive import CONTENT, EMBEDDING, IMAGE_SIZE, SHARPNESS, TextTower, calibrated_pair
from sampling import ETA, SHIFT
from stated import NAMES, value_counts
from train_diffusion import Denoiser

MODEL_ID = "gamut-catalogue-128"
VERSION = "1.0.0"
SHIPPED = Path(__file__).resolve().parent.parent / "resources" / "models" / MODEL_ID
MIDDLE = "mid_block_output"
REPLACEABLE = ("denoiser", "autoencoder", "text-tower")  # what can be put into a folder whose other networks stay
# the discriminants magnify rounding: what leads to them most directly stays float32 (0.4 MB)
KEPT_EXACT = ("image.input.", "image.defect.", "image.from_sharpness.", "image.feature_")


class Decode(nn.Module):
    def __init__(self, autoencoder):
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, latent_sample):
        return self.autoencoder.decode(latent_sample)


class Encode(nn.Module):
    def __init__(self, autoencoder):
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, sample):
        return self.autoencoder.encode(sample)


class ReadMiddle(nn.Module):
    """The U-Net with its middle block's output as a second output."""

    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, sample, timestep, encoder_hidden_states):
        return self.unet(sample, timestep, encoder_hidden_states, return_middle=True)


class ImageOutputs(nn.Module):
    def __init__(self, image):
        super().__init__()
        self.image = image

    def forward(self, pixel_values):
        embeds, features, logits = self.image(pixel_values)
        return (embeds, features, *(logits[name] for name in NAMES))


def averaged_denoiser(name: str) -> Denoiser:
    """The averaged weights of the named checkpoint."""
    model = Denoiser(words.build().get_vocab_size()).eval()
    model.load_state_dict(checkpoint.load(checkpoint.CHECKPOINTS / f"{name}.pt")["average"]["module"])
    return model


def networks(denoiser: str, contrastive: str):
    """The averaged weights of the named checkpoints, as shipped: (autoencoder, denoiser, contrastive pair)."""
    vocabulary = words.build().get_vocab_size()
    pair = calibrated_pair(checkpoint.load(checkpoint.CHECKPOINTS / f"{contrastive}.pt")["calibrated"], vocabulary, value_counts())
    return load_autoencoder(), averaged_denoiser(denoiser), pair


def free_dimensions():
    return Dim("batch", min=1, max=1024), Dim("length", min=1, max=words.MAX_LENGTH)


EXAMPLE_IDS = ((2, 5, 6, 3, 0), (2, 7, 3, 0, 0))


def denoiser_graphs(denoiser) -> dict:
    """The two files of the denoiser, each with its module, example inputs, output names and free dimensions."""
    batch, length = free_dimensions()
    high4, wide4 = Dim("height_quarter", min=1, max=128), Dim("width_quarter", min=1, max=128)
    width = denoiser.text_encoder.sizes["width"]
    random = torch.Generator().manual_seed(0)
    latents = torch.randn(2, LATENT_CHANNELS, 16, 20, generator=random)
    return {
        "text_encoder/model.onnx": (denoiser.text_encoder, dict(input_ids=torch.tensor(EXAMPLE_IDS)), ["last_hidden_state"],
                                    dict(input_ids={0: batch, 1: length})),
        "unet/model.onnx": (ReadMiddle(denoiser.unet),
                            dict(sample=latents, timestep=torch.tensor([3.0, 700.0]), encoder_hidden_states=torch.randn(2, 5, width, generator=random)),
                            ["out_sample", MIDDLE],
                            dict(sample={0: batch, 2: 4 * high4, 3: 4 * wide4}, timestep={0: batch},
                                 encoder_hidden_states={0: batch, 1: length})),
    }


def autoencoder_graphs(autoencoder) -> dict:
    """The two files of the autoencoder, likewise."""
    batch, _ = free_dimensions()
    high, wide = Dim("height_cells", min=1, max=512), Dim("width_cells", min=1, max=512)
    random = torch.Generator().manual_seed(0)
    return {
        "vae_encoder/model.onnx": (Encode(autoencoder), dict(sample=torch.rand(2, 3, 128, 160, generator=random) * 2 - 1), ["latent_sample"],
                                   dict(sample={0: batch, 2: DOWNSCALE * high, 3: DOWNSCALE * wide})),
        "vae_decoder/model.onnx": (Decode(autoencoder), dict(latent_sample=torch.randn(2, LATENT_CHANNELS, 16, 20, generator=random)), ["sample"],
                                   dict(latent_sample={0: batch, 2: high, 3: wide})),
    }


def text_tower_graph(tower) -> dict:
    batch, length = free_dimensions()
    return {"feature_encoder/text.onnx": (tower, dict(input_ids=torch.tensor(EXAMPLE_IDS)), ["text_embeds"], dict(input_ids={0: batch, 1: length}))}


def graphs(autoencoder, denoiser, pair) -> dict:
    """Every file of a model folder, likewise."""
    batch, _ = free_dimensions()
    pictures = torch.rand(2, 3, IMAGE_SIZE, IMAGE_SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return {
        **denoiser_graphs(denoiser),
        **autoencoder_graphs(autoencoder),
        "feature_encoder/image.onnx": (ImageOutputs(pair.image), dict(pixel_values=pictures),
                                       ["image_embeds", "features", *(f"logits_{name}" for name in NAMES)],
                                       dict(pixel_values={0: batch})),
        **text_tower_graph(pair.text),
    }


def graphs_of(part: str, denoiser: str) -> dict:
    """The files of one of REPLACEABLE, from its checkpoint (the denoiser's is named `denoiser`)."""
    if part == "denoiser":
        return denoiser_graphs(averaged_denoiser(denoiser))
    if part == "autoencoder":
        return autoencoder_graphs(load_autoencoder())
    tower = TextTower(words.build().get_vocab_size()).eval()
    tower.load_state_dict(checkpoint.load(checkpoint.CHECKPOINTS / "text-tower.pt")["text"])
    return text_tower_graph(tower)


def configurations(denoiser, vocabulary: int) -> dict:
    """The small JSON files of the diffusers layout."""
    vae = {"_class_name": "AutoencoderKL", "in_channels": 3, "out_channels": 3, "latent_channels": LATENT_CHANNELS,
           "block_out_channels": [40, 72, 128, 128], "sample_size": IMAGE_SIZE, "scaling_factor": 1.0, "shift_factor": 0.0}
    text = denoiser.text_encoder.sizes
    return {
        "model_index.json": {
            "_class_name": "StableDiffusionPipeline", "_name_or_path": MODEL_ID,
            "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
            "text_encoder": ["onnxruntime", "OnnxRuntimeModel"], "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
            "unet": ["onnxruntime", "OnnxRuntimeModel"],
            "vae_decoder": ["onnxruntime", "OnnxRuntimeModel"], "vae_encoder": ["onnxruntime", "OnnxRuntimeModel"],
            "safety_checker": [None, None], "feature_extractor": [None, None], "requires_safety_checker": False,
        },
        "scheduler/scheduler_config.json": {
            "_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": SHIFT,
            "use_dynamic_shifting": False, "prediction_type": "flow_prediction",
        },
        "unet/config.json": {
            "_class_name": "UNet2DConditionModel", "sample_size": IMAGE_SIZE // DOWNSCALE, "in_channels": LATENT_CHANNELS,
            "out_channels": LATENT_CHANNELS, "block_out_channels": list(denoiser.unet.sizes["widths"]),
            "cross_attention_dim": text["width"],
        },
        "vae_encoder/config.json": vae,
        "vae_decoder/config.json": vae,
        "text_encoder/config.json": {
            "architectures": ["CLIPTextModel"], "hidden_size": text["width"], "max_position_embeddings": text["max_length"],
            "num_hidden_layers": text["depth"], "vocab_size": vocabulary, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0,
        },
        "feature_encoder/preprocessor_config.json": {
            "image_processor_type": "CLIPImageProcessor", "do_resize": True, "size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE},
            "resample": 3, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
            "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "do_convert_rgb": True,
        },
    }


SAMPLING = {"steps": 20, "sampler": "euler-ancestral", "eta": ETA, "guidanceScale": 2.0, "guidanceScaleRange": [1.0, 6.0]}


def attribute_heads() -> dict:
    """The heads' outputs and values, and how else briefs name the values."""
    synonyms = phrases.synonyms()
    return {name: {"output": f"logits_{name}", "values": list(values), "phrases": synonyms[name]} for name, values in catalogue.ATTRIBUTES.items()}


def description(pair, vocabulary: int, training: dict) -> dict:
    """gamut.json before evaluation: every field is explained in the model card."""
    return {
        "id": MODEL_ID,
        "name": "Gamut Catalogue 128",
        "version": VERSION,
        "licence": "CC0-1.0",
        "description": "Rendered products in a studio, drawn from a brief; trained from scratch on pictures this project renders itself.",
        "examples": list(captions.example_briefs()),
        "image": {"width": IMAGE_SIZE, "height": IMAGE_SIZE, "sizeMultiple": 32},
        "latents": {"channels": LATENT_CHANNELS, "downscale": DOWNSCALE, "scalingFactor": 1.0, "shiftFactor": 0.0},
        "text": {"maxLength": words.MAX_LENGTH, "vocabularySize": vocabulary, "unknownToken": "[UNK]", "emptyPromptIsUnconditional": True},
        "denoiser": {"prediction": "flow", "middleBlock": {"tensor": MIDDLE, "channels": 256, "downscale": 4}},
        "sampling": SAMPLING,
        "featureEncoder": {
            "image": "feature_encoder/image.onnx", "text": "feature_encoder/text.onnx",
            "imageSize": IMAGE_SIZE, "mean": [0.5, 0.5, 0.5], "standardDeviation": [0.5, 0.5, 0.5],
            "embeds": {"imageOutput": "image_embeds", "textOutput": "text_embeds", "width": EMBEDDING, "unitLength": True,
                       "logitScale": float(pair.log_scale.exp().clamp(max=60))},
            "features": {"output": "features", "width": len(pair.image.feature_mean), "contentWidth": CONTENT,
                         "defectWidth": len(pair.image.from_sharpness.bias), "sharpnessWidth": SHARPNESS},
            "attributes": attribute_heads(),
        },
        "referenceSet": None,
        "training": training,
        "figures": None,
        "dial": None,
    }


def network_record(name: str) -> dict:
    """Steps, minutes and samples so far of a checkpoint."""
    state = checkpoint.load(checkpoint.CHECKPOINTS / f"{name}.pt")
    record = {"steps": state["step"], "minutes": round(state["seconds"] / 60, 1)}
    return {**record, "samples": state["samples"]} if "samples" in state else record


def autoencoder_record(shipped: dict) -> dict:
    """The autoencoder's runs in their order, each from its checkpoint or, where that is gone (initialise.py), as `shipped` tells it."""
    files = {part: checkpoint.CHECKPOINTS / f"{part}.pt" for part in ("autoencoder", "decoder", "textures")}
    return {part: network_record(part) if files[part].exists() else shipped[part] for part in files if files[part].exists() or part in shipped}


def training_record(denoiser: str, contrastive: str) -> dict:
    """What each network saw, from its checkpoint; for an autoencoder that came back from the shipped model, from the shipped record."""
    came_back = not (checkpoint.CHECKPOINTS / "autoencoder.pt").exists()
    shipped = json.loads((SHIPPED / "gamut.json").read_text(encoding="utf-8"))["training"] if came_back else {}
    return {**autoencoder_record(shipped), "denoiser": network_record(denoiser), "contrastive": network_record(contrastive)}


def write_graphs(chosen: dict, folder: Path, float32: Path | None) -> None:
    """Exports the modules that `graphs` lists into `folder`; the float32 graphs into `float32` as well."""
    for file, (module, inputs, outputs, dynamic) in chosen.items():
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        model = export_float32(module, inputs, outputs, dynamic, target)
        restore_names(model, module)
        if MIDDLE in outputs:
            keep_as_inner_value(model, MIDDLE)
        if float32:
            kept = float32 / file
            kept.parent.mkdir(parents=True, exist_ok=True)
            onnx.save(model, kept)
        onnx.save(store_as_half(model, KEPT_EXACT), target)
        print(file, f"{target.stat().st_size / 1e6:.2f} MB", flush=True)


def replace(parts: list[str], denoiser: str, folder: Path, float32: Path | None) -> None:
    """New networks in a model folder. What was measured on the old ones goes: the figures of generation, the dial's
    calibration, the samples; `evaluate.py --only-renders` measures a new autoencoder."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(folder, partial, ignore=shutil.ignore_patterns("samples", "calibration*"))
    about = json.loads((partial / "gamut.json").read_text(encoding="utf-8"))
    for part in parts:
        write_graphs(graphs_of(part, denoiser), partial, float32)
    if "denoiser" in parts:
        about["training"]["denoiser"] = network_record(denoiser)
    if "autoencoder" in parts:
        runs = autoencoder_record(about["training"])
        about["training"] = {**runs, **{part: record for part, record in about["training"].items() if part not in runs}}
    about["featureEncoder"]["attributes"] = attribute_heads()
    about["sampling"] = SAMPLING
    about["dial"] = None
    (about["figures"] or {}).pop("generation", None)
    (partial / "gamut.json").write_text(json.dumps(about, indent=2) + "\n")
    shutil.rmtree(folder)
    partial.rename(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--denoiser", default="diffusion")
    parser.add_argument("--contrastive", default="contrastive")
    parser.add_argument("--only", nargs="+", choices=REPLACEABLE, help="replace these networks in a folder that exists")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="written beside and renamed")
    parser.add_argument("--float32", type=Path, help="also keep the float32 graphs in this folder, for the parity test")
    options = parser.parse_args()

    torch.set_num_threads(2)
    if options.only:
        replace(options.only, options.denoiser, options.out, options.float32)
        return
    autoencoder, denoiser, pair = networks(options.denoiser, options.contrastive)
    scale = float(pair.log_scale.exp())
    pair.image.fold()
    tokenizer = words.build()
    partial = options.out.with_name(options.out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    write_graphs(graphs(autoencoder, denoiser, pair), partial, options.float32)
    for file, content in configurations(denoiser, tokenizer.get_vocab_size()).items():
        (partial / file).parent.mkdir(parents=True, exist_ok=True)
        (partial / file).write_text(json.dumps(content, indent=2) + "\n")
    words.write(tokenizer, partial / "tokenizer")
    record = training_record(options.denoiser, options.contrastive)
    about = description(pair, tokenizer.get_vocab_size(), record)
    about["featureEncoder"]["embeds"]["logitScale"] = min(scale, 60.0)
    (partial / "gamut.json").write_text(json.dumps(about, indent=2) + "\n")
    if options.out.exists():
        shutil.rmtree(options.out)
    partial.rename(options.out)


if __name__ == "__main__":
    main()
