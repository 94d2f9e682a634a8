"""The whole chain on tiny sizes in about five minutes: render, train, export, check parity, reference set, evaluate.

    python training/smoke.py [--home FOLDER]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def chain(home: Path, minutes: float) -> list[list[str]]:
    model, exact = str(home / "model"), str(home / "float32")
    brief = f"--minutes={minutes}"
    render = ["render_dataset.py", f"--data={home / '.data'}"]
    return [
        [*render, "--name=train", "--count=500", "--seed=1"],
        [*render, "--name=heldout", "--count=200", "--seed=2", "--split=heldout"],
        [*render, "--name=novel", "--count=40", "--seed=3", "--split=novel"],
        ["train_autoencoder.py", brief],
        ["encode_latents.py", "--data=train", "--normalise"],
        ["train_autoencoder.py", brief, "--name=decoder", "--decoder-of=autoencoder"],
        ["train_picture_reader.py", brief],
        ["texture_decoder.py", brief],
        ["encode_latents.py", "--data=heldout"],
        ["train_text.py", brief],
        ["train_diffusion.py", brief, "--batch=16", "--warm-up=5"],
        ["train_latent_reader.py", brief],
        ["carrying_encoder.py", brief, "--batch=16", "--micro-batch=8"],
        ["texture_decoder.py", brief, "--autoencoder=carrying", "--encode"],
        ["train_diffusion.py", brief, "--batch=16", "--name=diffusion-decayed", "--branch-of=diffusion", "--decay-from=0", "--attribute-weight=0.002", "--exercises=4"],
        ["train_contrastive.py", brief, "--micro-batch=24"],
        ["align_text.py", brief, "--count=400"],
        ["calibrate_features.py", "--count=128", "--spoilt=64"],
        ["export.py", "--denoiser=diffusion-decayed", f"--out={model}", f"--float32={exact}"],
        ["parity.py", "--denoiser=diffusion-decayed", f"--model={model}", f"--float32={exact}", f"--out={home / 'parity'}"],
        ["export.py", "--denoiser=diffusion-decayed", "--only", "denoiser", "autoencoder", f"--out={model}", f"--float32={exact}"],
        ["parity.py", "--denoiser=diffusion-decayed", "--only", "denoiser", "autoencoder", f"--float32={exact}", f"--model={model}", f"--out={home / 'parity'}"],
        ["make_reference_set.py", f"--model={model}", "--count=200"],
        ["evaluate.py", f"--model={model}", "--images=64", "--novel=16", "--briefs=1", "--per-brief=8", "--steps=2"],
        ["model_card.py", f"--model={model}"],
    ]


def processor_seconds() -> float:
    """What the finished steps took on all cores together: on a busy machine the wall's time says little."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(home: Path, minutes: float = 0.1) -> dict:
    """Runs the chain in `home` and gives back the model's gamut.json; any failing step ends it."""
    environment = {**os.environ, "GAMUT_TRAINING_HOME": str(home)}
    for step in chain(home, minutes):
        begin, used = time.time(), processor_seconds()
        finished = subprocess.run([sys.executable, str(HERE / step[0]), *step[1:]], env=environment, capture_output=True, text=True)
        print(f"{time.time() - begin:6.1f} s, {processor_seconds() - used:6.1f} s of processor time  {' '.join(step)}", flush=True)
        if finished.returncode:
            raise RuntimeError(f"{step[0]} ended with {finished.returncode}:\n{finished.stdout[-2000:]}\n{finished.stderr[-4000:]}")
    return json.loads((home / "model" / "gamut.json").read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    if options.home:
        options.home.mkdir(parents=True, exist_ok=True)
        run(options.home.resolve())
    else:
        with tempfile.TemporaryDirectory() as home:
            run(Path(home))


if __name__ == "__main__":
    main()
