"""Compare the exported graphs with PyTorch, and store inputs and outputs that other programs can check.

    python training/parity.py --denoiser diffusion-decayed --only denoiser --float32 FOLDER
    python training/parity.py --model resources/models/gamut-catalogue-128 --float32 FOLDER

Inputs and outputs are kept as little-endian float32 or int64 `.npy` files, listed in cases.json.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from export import MIDDLE, REPLACEABLE, SHIPPED, graphs, graphs_of, networks

STORED = Path(__file__).resolve().parent.parent / "test" / "reference" / "builtin-model"
TOLERANCES = {"float32": 1e-5, "float16": 1e-3}
SMALLEST = {"vae_encoder/model.onnx": 64, "feature_encoder/image.onnx": 128}


def relative_error(got: np.ndarray, expected: np.ndarray) -> float:
    """Root-mean-square difference over the root mean square of what is expected."""
    return float(np.sqrt(np.square(got.astype(np.float64) - expected).mean() / np.square(expected.astype(np.float64)).mean()))


def small_inputs(file: str, width: int) -> dict[str, np.ndarray]:
    """Small seeded inputs of a graph: normal for latents, smooth pictures in [-1,1], word ids with padding."""
    rng = np.random.default_rng(21)
    if file.endswith(("text_encoder/model.onnx", "text.onnx")):
        return {"input_ids": np.array([[2, 9, 40, 17, 3, 0], [2, 31, 3, 0, 0, 0]], np.int64)}
    if file == "unet/model.onnx":
        text = rng.standard_normal((2, 6, width)).astype(np.float32)
        text[1, 3:] = 0  # padding
        return {"sample": rng.standard_normal((2, 8, 8, 12)).astype(np.float32), "timestep": np.array([40, 860], np.float32),
                "encoder_hidden_states": text}
    if file == "vae_decoder/model.onnx":
        return {"latent_sample": rng.standard_normal((1, 8, 6, 8)).astype(np.float32)}
    rows, columns = np.mgrid[0 : SMALLEST[file], 0 : SMALLEST[file]] / SMALLEST[file]
    picture = np.stack([np.sin(7 * rows + 3 * columns), np.cos(5 * columns), np.where((rows - 0.5) ** 2 + (columns - 0.5) ** 2 < 0.1, 0.8, -0.6)])
    # in 256 levels, as pictures come
    picture = np.round((picture + 1) * 127.5) / 127.5 - 1
    return {("sample" if file.startswith("vae") else "pixel_values"): picture[None].astype(np.float32)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--denoiser", default="diffusion")
    parser.add_argument("--contrastive", default="contrastive")
    parser.add_argument("--only", nargs="+", choices=REPLACEABLE, help="leave the other networks' stored cases as they are")
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--float32", type=Path, required=True, help="the float32 graphs that export.py kept")
    parser.add_argument("--out", type=Path, default=STORED)
    options = parser.parse_args()

    options.out.mkdir(parents=True, exist_ok=True)
    if options.only:
        modules = {file: graph for part in options.only for file, graph in graphs_of(part, options.denoiser).items()}
        stored = json.loads((options.out / "cases.json").read_text(encoding="utf-8"))["cases"]
    else:
        modules, stored = graphs(*networks(options.denoiser, options.contrastive)), []
    cases, failures = [case for case in stored if case["file"] not in modules], []
    kept_files = {name for case in cases for group in ("inputs", "outputs") for name in case[group].values()}
    for old in options.out.glob("*.npy"):
        if old.name not in kept_files:
            old.unlink()
    width = modules["unet/model.onnx"][0].unet.sizes["text_width"] if "unet/model.onnx" in modules else 0
    for file, (module, _, outputs, _) in modules.items():
        inputs = small_inputs(file, width)
        with torch.no_grad():
            expected = module.eval()(**{name: torch.from_numpy(values) for name, values in inputs.items()})
        expected = [values.numpy() for values in (expected if isinstance(expected, tuple) else (expected,))]
        kept = [(name, values) for name, values in zip(outputs, expected) if name != MIDDLE]
        case = {"file": file, "inputs": {}, "outputs": {}, "relativeError": {}}
        for kind, folder in (("float32", options.float32), ("float16", options.model)):
            session = onnxruntime.InferenceSession(str(folder / file), providers=["CPUExecutionProvider"])
            got = dict(zip((output.name for output in session.get_outputs()), session.run(None, inputs)))
            errors = {name: relative_error(got[name], values) for name, values in kept}
            case["relativeError"][kind] = max(errors.values())
            failures += [f"{file} {name}: {kind} error {error:.2e}, expected at most {TOLERANCES[kind]:g}"
                         for name, error in errors.items() if error > TOLERANCES[kind]]
        slug = file.replace("/model.onnx", "").replace(".onnx", "").replace("/", "-")
        for group, arrays in (("inputs", inputs.items()), ("outputs", kept)):
            for name, values in arrays:
                array_file = f"{slug}-{name}.npy"
                np.save(options.out / array_file, values)
                case[group][name] = array_file
        cases.append(case)
        print(file, {kind: f"{error:.2e}" for kind, error in case["relativeError"].items()}, flush=True)
    about = {"model": options.model.name, "tolerances": TOLERANCES, "measure": "root-mean-square difference over root mean square of the PyTorch output",
             "cases": cases}
    (options.out / "cases.json").write_text(json.dumps(about, indent=2) + "\n")
    if failures:
        raise SystemExit("\n".join(failures))


if __name__ == "__main__":
    main()
