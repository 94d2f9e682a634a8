"""Images per second of the built-in model's architecture in PyTorch, to compare with `npm run bench -- generation`.

    python training/benchmark_torch.py

The same networks, weights, steps and guidance as the application's benchmark, on as many threads as there are processors. The
weights matter: a trained attention is sharp and leaves numbers below 1e-38, on which both sides are slow unless told to take
them as zero; the application's sessions are told so, PyTorch is measured as it is and with `set_flush_denormal`. One JSON line
a batch size; the faster of the two memory layouts counts.
"""

import json
import os
import statistics
import time
from pathlib import Path

import torch

import tokenizer as words
from initialise import load_exported, load_exported_autoencoder
from networks.autoencoder import DOWNSCALE, LATENT_CHANNELS
from sampling import sample
from train_diffusion import Denoiser

MODEL = Path(__file__).parent.parent / "resources/models/gamut-catalogue-128"
STEPS, GUIDANCE_SCALE, SIZE, REPEATS = 20, 3.0, 128, 5


@torch.inference_mode()
def seconds(denoiser, autoencoder, ids, batch: int, layout) -> float:
    """Median time of one whole batch: text, steps, decoding."""
    denoiser, autoencoder = denoiser.to(memory_format=layout), autoencoder.to(memory_format=layout)
    side = SIZE // DOWNSCALE
    times = []
    for _ in range(REPEATS + 1):
        begin = time.perf_counter()
        text = denoiser.text_encoder(ids)
        noise = torch.randn(batch, LATENT_CHANNELS, side, side).contiguous(memory_format=layout)
        both = [row.expand(batch, -1, -1) for row in text.split(1)]
        autoencoder.decode(sample(denoiser.unet, noise, *both, STEPS, GUIDANCE_SCALE))
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:])  # the first one warms up


def main():
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    tokenizer = words.build()
    denoiser, autoencoder = Denoiser(tokenizer.get_vocab_size()).eval(), load_exported_autoencoder(MODEL)
    load_exported(denoiser, MODEL)
    ids = words.encode(tokenizer, ["a tall matte vase", ""], length=words.MAX_LENGTH)
    layouts = dict(contiguous=torch.contiguous_format, channels_last=torch.channels_last)
    for batch in (1, 8):
        for flushed in (False, True):
            torch.set_flush_denormal(flushed)
            times = {name: seconds(denoiser, autoencoder, ids, batch, layout) for name, layout in layouts.items()}
            layout = min(times, key=times.get)
            print(json.dumps(dict(benchmark="torch", torch=torch.__version__, threads=torch.get_num_threads(), batchSize=batch, flushDenormal=flushed,
                                  layout=layout, wholeSeconds=round(times[layout], 3), imagesPerSecond=round(batch / times[layout], 3))), flush=True)


if __name__ == "__main__":
    main()
