"""Teach the encoder to carry what a picture shows: material above all, in latents that hardly move.

An encoder that learnt only to be decoded keeps what a squared error pays for; whether a surface is stone or fabric is
worth little there, so neither the decoder nor a denoiser can know. Here encoder and a reader of latents learn together:
the reader tells the attributes from noisy latents, which the encoder may move, at a price, to make that easier. A code
that is shared by a hundred cells can be read under noise that hides it in each of them, so the latents move little, the
decoder (`texture_decoder.py --encode`) and the denoiser follow, and neither starts again.

    python training/carrying_encoder.py --minutes 35
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

import checkpoint
from attribute_reading import VISIBLE, accuracies, attribute_losses, loaded, visible_counts
from dataset import RenderedSet, to_images
from encode_latents import load_autoencoder
from networks.readers import LatentReader
from optimizer import MovingAverage, MuonWithAdamW, warm_up_stable_decay
from parallel import Workers
from texture_decoder import balanced_rows
from train_autoencoder import is_hidden_matrix

NOISE = 1.0  # the greatest standard deviation of the noise that the reader reads through
TOLD = {"material": 3.0, "accent": 1.5, "pattern": 1.5}  # weights among what latents are to tell; 1 for the others


class EncoderAndReader(torch.nn.Module):
    """What learns together: images [B,3,H,W] to normalised latents, and their attributes read through noise."""

    def __init__(self, autoencoder, reader):
        super().__init__()
        self.encoder, self.reader = autoencoder.encoder, reader
        self.register_buffer("mean", autoencoder.latent_mean.clone())
        self.register_buffer("std", autoencoder.latent_std.clone())

    def encode(self, images):
        return (self.encoder(images) - self.mean) / self.std


def losses_of(model, part) -> tuple[torch.Tensor, torch.Tensor]:
    """How far the latents moved (mean square), and what is misread through noise, of (images, stored latents, labels)."""
    images, stored, labels = part
    latents = model.encode(images).float()
    noise = NOISE * torch.rand(len(latents), 1, 1, 1) * torch.randn_like(latents)
    misread = attribute_losses(model.reader(latents + noise), labels)
    return (latents - stored).square().mean(), (misread * torch.tensor([TOLD.get(name, 1.0) for name in VISIBLE])).sum(1).mean()


@torch.no_grad()
def judged(model, heldout, stored, count=1000, noise=0.5) -> str:
    """Root mean square of the move and what the reader tells, without and with noise, of held-out renders."""
    labels = torch.from_numpy(np.array(heldout.attributes[:count]).astype(np.int64))
    latents = torch.cat([model.encode(to_images(heldout.images[at : at + 50])) for at in range(0, count, 50)])
    moved = (latents - torch.from_numpy(np.array(stored[:count])).float()).square().mean().sqrt()
    noisy = latents + noise * torch.randn(latents.shape, generator=torch.Generator().manual_seed(1))
    clean, rough = accuracies(model.reader, latents, labels), accuracies(model.reader, noisy, labels)
    return f"moved {moved:.3f}; told {clean}; under noise of {noise}: material {rough['material']}, pattern {rough['pattern']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="train")
    parser.add_argument("--heldout", default="heldout")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--autoencoder", default="autoencoder", help="<name>-final.pt, whose encoder learns on")
    parser.add_argument("--out", default="carrying", help="writes <out>-final.pt; the decoder is still the old one")
    parser.add_argument("--minutes", type=float, default=35)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--micro-batch", type=int, default=16)
    parser.add_argument("--muon-lr", type=float, default=0.004)
    parser.add_argument("--adam-lr", type=float, default=1e-3)
    parser.add_argument("--stay", type=float, default=8.0, help="price of moving latents by one deviation, squared")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    workers = Workers(options.threads)
    torch.manual_seed(options.seed)
    data, heldout = RenderedSet(options.data, options.size), RenderedSet(options.heldout, options.size)
    latents = np.load(data.folder / "latents.npy", mmap_mode="r")
    unseen = np.load(heldout.folder / "latents.npy", mmap_mode="r")
    attributes = np.array(data.attributes[: data.done]).astype(np.int64)
    reader = loaded(LatentReader(visible_counts()), "latent-reader").train().requires_grad_(True)
    autoencoder = load_autoencoder(options.autoencoder)
    model = EncoderAndReader(autoencoder, reader).to(memory_format=torch.channels_last)
    average = MovingAverage(model, 0.998)
    optimizer = MuonWithAdamW(model.named_parameters(), lambda name, parameter: name.startswith("encoder.") and is_hidden_matrix(name, parameter),
                              options.muon_lr, options.adam_lr)
    rng, ahead = np.random.default_rng(options.seed), ThreadPoolExecutor(1)

    def next_batch():
        rows = np.sort(balanced_rows(attributes, rng, options.batch))
        return (to_images(data.images[rows]).contiguous(memory_format=torch.channels_last),
                torch.from_numpy(latents[rows]).float(), torch.from_numpy(attributes[rows]))

    begin, reported, step, means = time.time(), time.time(), 0, np.zeros(2)
    upcoming = ahead.submit(next_batch)
    while (share := (time.time() - begin) / (60 * options.minutes)) < 1:
        batch, upcoming, found = upcoming.result(), ahead.submit(next_batch), []

        def loss_of(part):
            moved, misread = losses_of(model, part)
            found.append((float(moved.detach()), float(misread.detach())))
            return options.stay * moved + misread

        loss = float(np.mean(workers.backward(loss_of, zip(*(tensor.split(options.micro_batch) for tensor in batch)))))
        if not np.isfinite(loss):
            raise RuntimeError(f"carrying encoder: loss {loss} at step {step}")
        scale = warm_up_stable_decay(share, 0.5, step)
        optimizer.step(scale, map_tasks=workers.map)
        average.update(model, scale)
        step += 1
        means += (np.mean(found, 0) - means) * max(0.01, 1 / step)
        if time.time() - reported > 120:
            print(f"{(time.time() - begin) / 60:5.1f} min  step {step}, {step * options.batch / (time.time() - begin):.0f}/s  "
                  f"misread {means[1]:.3f}  {judged(average.module, heldout, unseen)}", flush=True)
            reported = time.time()
            save(average.module, autoencoder, options)
    save(average.module, autoencoder, options)
    print(f"step {step}, {step * options.batch} pictures: {judged(average.module, heldout, unseen, count=3000)}")


def save(model, autoencoder, options):
    """The autoencoder with the encoder as it is now."""
    state = autoencoder.state_dict()
    state.update({f"encoder.{name}": value for name, value in model.encoder.state_dict().items()})
    checkpoint.save(state, checkpoint.CHECKPOINTS / f"{options.out}-final.pt")
    checkpoint.save({"model": model.reader.state_dict()}, checkpoint.CHECKPOINTS / f"{options.out}-reader.pt")


if __name__ == "__main__":
    main()
