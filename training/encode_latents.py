"""Encode a rendered set with the trained autoencoder: latents.npy float16 [N,8,s,s].

Can follow a renderer that is still at work: rows are encoded as far as images are done, the number of
encoded rows is kept in latents.json, and a later call goes on from there.

    python training/encode_latents.py --data train
"""

import argparse
import json
import os
import time

import numpy as np
import torch

import checkpoint
from dataset import RenderedSet, to_images
from initialise import load_exported_autoencoder
from networks.autoencoder import DOWNSCALE, LATENT_CHANNELS, Autoencoder
from parallel import Workers


@torch.no_grad()
def measure_normalisation(model, data, count=2048):
    """Sets the model's latent mean and standard deviation per channel from the first renders."""
    model.latent_mean.zero_()
    model.latent_std.fill_(1)
    latents = torch.cat([model.encode(to_images(data.images[i : i + 64])) for i in range(0, min(count, data.done), 64)])
    model.latent_mean.copy_(latents.mean((0, 2, 3)).view(1, -1, 1, 1))
    model.latent_std.copy_(latents.std((0, 2, 3)).view(1, -1, 1, 1))


def load_autoencoder(name="autoencoder") -> Autoencoder:
    """The averaged weights, with the normalisation measured by `--normalise`."""
    model = Autoencoder().eval()
    model.load_state_dict(checkpoint.load(checkpoint.CHECKPOINTS / f"{name}-final.pt"))
    return model.to(memory_format=torch.channels_last)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="train")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--autoencoder", default="autoencoder")
    parser.add_argument("--normalise", action="store_true", help="freeze the autoencoder: measure its latents and write <name>-final.pt")
    parser.add_argument("--init", help="an exported model's folder: take its autoencoder, normalisation included, as <name>-final.pt")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    workers = Workers(options.threads)
    data = RenderedSet(options.data, options.size)
    if options.normalise:
        model = Autoencoder().eval()
        model.load_state_dict(checkpoint.load(checkpoint.CHECKPOINTS / f"{options.autoencoder}.pt")["average"]["module"])
        model = model.to(memory_format=torch.channels_last)
        measure_normalisation(model, data)
        print("latent mean", model.latent_mean.flatten().tolist(), "std", model.latent_std.flatten().tolist())
        checkpoint.save(model.state_dict(), checkpoint.CHECKPOINTS / f"{options.autoencoder}-final.pt")
    if options.init:
        checkpoint.save(load_exported_autoencoder(options.init).state_dict(), checkpoint.CHECKPOINTS / f"{options.autoencoder}-final.pt")
    model = load_autoencoder(options.autoencoder)

    cells = options.size // DOWNSCALE
    path, progress = data.folder / "latents.npy", data.folder / "latents.json"
    done = 0
    if progress.exists() and not options.normalise and not options.init:
        done = json.loads(progress.read_text())["done"]
        latents = np.load(path, mmap_mode="r+")
    else:
        latents = np.lib.format.open_memmap(path, "w+", np.float16, (len(data.images), LATENT_CHANNELS, cells, cells))

    @torch.no_grad()
    def encode(start):
        stop = min(start + 64, data.done)
        images = to_images(data.images[start:stop]).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            latents[start:stop] = model.encode(images).float().numpy()

    begin, first = time.time(), done
    while done < data.done:
        stop = min(done + 2048, data.done)
        workers.map(encode, range(done, stop, 64))
        latents.flush()
        done = stop
        partial = progress.with_suffix(".partial")
        partial.write_text(json.dumps({"done": done}) + "\n")
        os.replace(partial, progress)
        print(f"{done} encoded, {(done - first) / (time.time() - begin):.0f} images/s", flush=True)


if __name__ == "__main__":
    main()
