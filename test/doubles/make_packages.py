"""Makes the tiny model packages under test/doubles/packages: diffusers-ONNX folders whose networks are exact.

Every denoiser is that of a Gaussian around a colour, N(mean(prompt), deviation^2) in each latent value, so a test knows
which picture a prompt must give. Run with Python 3.11 and the `onnx` package; the results are stored, tests never run it.
"""

import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent / "packages"
DEVIATION = 0.05
SCALING = 0.18215
WORDS = {"red": [1, -1, -1, 0], "green": [-1, 1, -1, 0], "blue": [-1, -1, 1, 0], "white": [1, 1, 1, 0]}
FILLER = ["a", "vase", "matte", "photo", "of"]


def model(nodes, inputs, outputs, initializers):
    graph = helper.make_graph(nodes, "double", inputs, outputs, initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return made


def constant(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def save(made, folder, name="model.onnx", external=False):
    folder.mkdir(parents=True, exist_ok=True)
    if external:
        (folder / (name + "_data")).unlink(missing_ok=True)
        onnx.save(made, folder / name, save_as_external_data=True, location=name + "_data", size_threshold=1024)
    else:
        onnx.save(made, folder / name)


def colours(vocabulary, scale, channels):
    """Embedding table: a colour word is its colour in latent units, everything else nothing."""
    table = np.zeros((max(vocabulary.values()) + 1, channels), np.float32)
    for word, index in vocabulary.items():
        colour = WORDS.get(word.replace("</w>", ""))
        if colour is not None:
            table[index, :4] = np.array(colour) * scale
    return table


def text_encoder(vocabulary, scale, channels, ids, batch, length):
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])]
    return model(
        nodes,
        [helper.make_tensor_value_info("input_ids", ids, [batch, length])],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [batch, length, channels])],
        [constant("table", colours(vocabulary, scale, channels))],
    )


def unet(kind, channels, timestep, timestep_dims, batch, size, dtype, weight=None, break_below=None):
    """kind 'eps': variance-preserving noise prediction; 'flow': velocity noise - x0 of a straight flow."""
    f = TensorProto.FLOAT
    nodes = [
        helper.make_node("Cast", ["sample"], ["x"], to=f),
        helper.make_node("Cast", ["encoder_hidden_states"], ["context"], to=f),
        # The prompt's colour: sum over its tokens, as [B, C, 1, 1].
        helper.make_node("ReduceSum", ["context", "axis1"], ["colour"], keepdims=0),
        helper.make_node("Unsqueeze", ["colour", "axes23"], ["mean"]),
        helper.make_node("Cast", ["timestep"], ["time"], to=f),
    ]
    constants = [
        constant("axis1", np.array([1], np.int64)),
        constant("axes23", np.array([2, 3], np.int64)),
        constant("column", np.array([-1, 1, 1, 1], np.int64)),
        constant("variance", np.float32(DEVIATION**2 * (SCALING**2 if kind == "eps" else 1))),
        constant("one", np.float32(1)),
    ]
    if kind == "eps":
        betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
        constants += [constant("table", np.cumprod(1 - betas).astype(np.float32))]
        nodes += [
            helper.make_node("Cast", ["time"], ["index"], to=TensorProto.INT64),
            helper.make_node("Gather", ["table", "index"], ["signal_flat"]),
            helper.make_node("Reshape", ["signal_flat", "column"], ["signal"]),
            helper.make_node("Sub", ["one", "signal"], ["noisiness"]),
            helper.make_node("Sqrt", ["signal"], ["alpha"]),
            helper.make_node("Sqrt", ["noisiness"], ["sigma"]),
        ]
    else:
        constants += [constant("thousand", np.float32(1000))]
        nodes += [
            helper.make_node("Div", ["time", "thousand"], ["sigma_flat"]),
            helper.make_node("Reshape", ["sigma_flat", "column"], ["sigma"]),
            helper.make_node("Sub", ["one", "sigma"], ["alpha"]),
            helper.make_node("Mul", ["alpha", "alpha"], ["signal"]),
            helper.make_node("Mul", ["sigma", "sigma"], ["noisiness"]),
        ]
    # x = alpha x0 + sigma noise: the posterior means of noise and x0 given x.
    nodes += [
        helper.make_node("Mul", ["alpha", "mean"], ["centre"]),
        helper.make_node("Sub", ["x", "centre"], ["offset"]),
        helper.make_node("Mul", ["signal", "variance"], ["own"]),
        helper.make_node("Add", ["own", "noisiness"], ["total"]),
        helper.make_node("Div", ["offset", "total"], ["ratio"]),
        helper.make_node("Mul", ["sigma", "ratio"], ["noise"]),
        helper.make_node("Mul", ["alpha", "variance"], ["gain"]),
        helper.make_node("Mul", ["gain", "ratio"], ["shift"]),
        helper.make_node("Add", ["mean", "shift"], ["x0"]),
    ]
    answer = "noise"
    if kind == "flow":
        nodes.append(helper.make_node("Sub", ["noise", "x0"], ["velocity"]))
        answer = "velocity"
    if weight is not None:
        # A weight that multiplies by one, so that the file has data to lose.
        constants.append(constant("weight", np.ones(weight, np.float32)))
        nodes += [
            helper.make_node("ReduceMean", ["weight"], ["unity"], keepdims=0),
            helper.make_node("Mul", [answer, "unity"], ["weighted"]),
        ]
        answer = "weighted"
    if break_below is not None:
        # log of a negative number once the noise level is low.
        constants.append(constant("breaking", np.float32(break_below)))
        nodes += [
            helper.make_node("Sub", ["sigma", "breaking"], ["margin"]),
            helper.make_node("Log", ["margin"], ["logarithm"]),
            helper.make_node("Mul", ["logarithm", "nothing"], ["poison"]),
            helper.make_node("Add", [answer, "poison"], ["broken"]),
        ]
        constants.append(constant("nothing", np.float32(0)))
        answer = "broken"
    nodes.append(helper.make_node("Cast", [answer], ["out_sample"], to=dtype))
    h, w = size
    return model(
        nodes,
        [
            helper.make_tensor_value_info("sample", dtype, [batch, channels, h, w]),
            helper.make_tensor_value_info("timestep", timestep, timestep_dims),
            helper.make_tensor_value_info("encoder_hidden_states", dtype, [batch, "length", channels]),
        ],
        [helper.make_tensor_value_info("out_sample", dtype, [batch, channels, h, w])],
        constants,
    )


def vae_decoder(channels, dtype, batch, size, overflow=False):
    h, w = size
    element = np.float16 if dtype == TensorProto.FLOAT16 else np.float32
    kernel = np.zeros((3, channels, 1, 1), element)
    kernel[range(3), range(3)] = 1
    nodes = [helper.make_node("Conv", ["latent_sample", "kernel"], ["small"])]
    constants = [constant("kernel", kernel), constant("scales", np.array([1, 1, 8, 8], np.float32))]
    last = "small"
    if overflow:
        # Beyond 65504 in between: infinite at half precision, unchanged at float32.
        constants += [constant("large", element(30000)), constant("back", element(1 / 30000))]
        constants += [constant("four", element(4)), constant("quarter", element(0.25))]
        for factor, name in [("large", "o1"), ("four", "o2"), ("back", "o3"), ("quarter", "o4")]:
            nodes.append(helper.make_node("Mul", [last, factor], [name]))
            last = name
    nodes.append(
        helper.make_node("Resize", [last, "", "scales"], ["sample"], mode="nearest",
                         coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    )
    out = [batch, 3] + [d * 8 if isinstance(d, int) else d.upper() for d in (h, w)]
    return model(
        nodes,
        [helper.make_tensor_value_info("latent_sample", dtype, [batch, channels, h, w])],
        [helper.make_tensor_value_info("sample", dtype, out)],
        constants,
    )


def vae_encoder(channels, dtype, output):
    kernel = np.zeros((channels, 3, 1, 1), np.float16 if dtype == TensorProto.FLOAT16 else np.float32)
    kernel[range(3), range(3)] = 1
    nodes = [
        helper.make_node("AveragePool", ["sample"], ["small"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Conv", ["small", "kernel"], ["mean"]),
    ]
    constants = [constant("kernel", kernel)]
    width = channels
    if output == "latent_parameters":
        # mean and log variance, one above the other; the variance is negligible.
        constants += [constant("floor", np.array(-30, kernel.dtype)), constant("zero", np.array(0, kernel.dtype))]
        nodes += [
            helper.make_node("Mul", ["mean", "zero"], ["zeros"]),
            helper.make_node("Add", ["zeros", "floor"], ["log_variance"]),
            helper.make_node("Concat", ["mean", "log_variance"], [output], axis=1),
        ]
        width = 2 * channels
    else:
        nodes.append(helper.make_node("Identity", ["mean"], [output]))
    return model(
        nodes,
        [helper.make_tensor_value_info("sample", dtype, ["batch", 3, "H", "W"])],
        [helper.make_tensor_value_info(output, dtype, ["batch", width, "h", "w"])],
        constants,
    )


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")


def clip_tokenizer(folder):
    """A byte-level BPE vocabulary of the CLIP kind: letters, letters that end a word, and merges up to the known words."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789,.-'!"
    vocabulary = {}
    for token in [*letters, *(letter + "</w>" for letter in letters)]:
        vocabulary[token] = len(vocabulary)
    merges = []
    for word in [*WORDS, *FILLER]:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            merged = parts[0] + parts[1]
            if (parts[0], parts[1]) not in merges:
                merges.append((parts[0], parts[1]))
            if merged not in vocabulary:
                vocabulary[merged] = len(vocabulary)
            parts = [merged, *parts[2:]]
    for special in ["<|startoftext|>", "<|endoftext|>"]:
        vocabulary[special] = len(vocabulary)
    write_json(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "CLIPTokenizer", "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>",
         "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "model_max_length": 77},
    )
    return vocabulary


def word_tokenizer(folder, length):
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "[BOS]": 2, "[EOS]": 3}
    for word in [*WORDS, *FILLER]:
        vocabulary[word] = len(vocabulary)
    specials = [{"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                 "special": True} for t, i in vocabulary.items() if t.startswith("[")]
    template = [{"SpecialToken": {"id": "[BOS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[EOS]", "type_id": 0}}]
    write_json(folder / "tokenizer.json", {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": length, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": length}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
                    "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": specials,
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {"type": "TemplateProcessing", "single": template, "pair": template,
                           "special_tokens": {t: {"id": t, "ids": [vocabulary[t]], "tokens": [t]} for t in ["[BOS]", "[EOS]"]}},
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    })
    write_json(folder / "tokenizer_config.json", {"model_max_length": length, "pad_token": "[PAD]",
               "unk_token": "[UNK]", "bos_token": "[BOS]", "eos_token": "[EOS]"})
    return vocabulary


def index(folder, scheduler):
    write_json(folder / "model_index.json", {
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.35.0",
        "scheduler": ["diffusers", scheduler["_class_name"]], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
        "vae_decoder": ["diffusers", "OnnxRuntimeModel"], "vae_encoder": ["diffusers", "OnnxRuntimeModel"]})
    write_json(folder / "scheduler/scheduler_config.json", scheduler)


SD_SCHEDULE = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
               "prediction_type": "epsilon", "steps_offset": 1, "timestep_spacing": "leading", "set_alpha_to_one": False}
FREE = ("h", "w")


def stable_diffusion(name, ids, timestep, timestep_dims, scheduler, dtype=TensorProto.FLOAT, encoding="latent_sample",
                     batch="batch", size=FREE, overflow=False, weight=None, break_below=None, vae_config=True):
    folder = HERE / name
    index(folder, {**SD_SCHEDULE, "_class_name": scheduler})
    vocabulary = clip_tokenizer(folder / "tokenizer")
    save(text_encoder(vocabulary, SCALING, 4, ids, batch, "length" if batch == "batch" else 77), folder / "text_encoder")
    save(unet("eps", 4, timestep, timestep_dims, batch, size, dtype, weight, break_below), folder / "unet",
         external=weight is not None)
    write_json(folder / "unet/config.json", {"in_channels": 4, "out_channels": 4, "sample_size": 8, "cross_attention_dim": 4})
    save(vae_decoder(4, dtype, batch, size, overflow), folder / "vae_decoder")
    save(vae_encoder(4, dtype, encoding), folder / "vae_encoder")
    if vae_config:
        for part in ["vae_decoder", "vae_encoder"]:
            write_json(folder / part / "config.json", {"latent_channels": 4, "block_out_channels": [4, 4, 4, 4],
                       "scaling_factor": SCALING})


def flow(name):
    """The built-in model's layout: word tokens, eight latent channels, a straight flow."""
    folder = HERE / name
    index(folder, {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 1.0})
    vocabulary = word_tokenizer(folder / "tokenizer", 16)
    save(text_encoder(vocabulary, 1, 8, TensorProto.INT64, "batch", "length"), folder / "text_encoder")
    save(unet("flow", 8, TensorProto.FLOAT, ["batch"], "batch", FREE, TensorProto.FLOAT), folder / "unet")
    write_json(folder / "unet/config.json", {"in_channels": 8, "out_channels": 8, "sample_size": 8, "cross_attention_dim": 8})
    save(vae_decoder(8, TensorProto.FLOAT, "batch", FREE), folder / "vae_decoder")
    save(vae_encoder(8, TensorProto.FLOAT, "latent_parameters"), folder / "vae_encoder")
    for part in ["vae_decoder", "vae_encoder"]:
        write_json(folder / part / "config.json", {"latent_channels": 8, "block_out_channels": [4, 4, 4, 4], "scaling_factor": 1.0})
    write_json(folder / "gamut.json", {"id": name, "licence": "MIT"})


stable_diffusion("legacy", TensorProto.INT32, TensorProto.FLOAT, ["batch"], "PNDMScheduler", vae_config=False)
stable_diffusion("optimum", TensorProto.INT64, TensorProto.INT64, [], "DDIMScheduler", encoding="latent_parameters", weight=4096)
stable_diffusion("half", TensorProto.INT64, TensorProto.FLOAT16, [], "EulerDiscreteScheduler", dtype=TensorProto.FLOAT16, overflow=True)
stable_diffusion("fixed", TensorProto.INT64, TensorProto.INT64, [1], "EulerDiscreteScheduler", batch=1, size=(8, 8))
stable_diffusion("breaking", TensorProto.INT64, TensorProto.INT64, [], "EulerDiscreteScheduler", break_below=0.5)
flow("flow")
