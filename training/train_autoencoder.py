"""Train the autoencoder on rendered images; resumes from its checkpoint.

    python training/train_autoencoder.py --minutes 20 --decay-from 0.6
    python training/train_autoencoder.py --name decoder --decoder-of autoencoder --minutes 10 --decay-from 0.3
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import checkpoint
from dataset import RenderedSet, to_images, to_pixels
from networks.autoencoder import Autoencoder
from parallel import Workers
from optimizer import MovingAverage, MuonWithAdamW, warm_up_stable_decay

OBJECT_WEIGHT = 2.0  # added to the weight 1 of every pixel on or near the object
LATENT_NOISE = 0.12  # the decoder learns from latents with noise up to this standard deviation
HALF_SIZE_SHARE = 0.25  # weight of decoding latents pooled to half size (scale equivariance)


def weighted_loss(decoded, images, weight):
    """L1, gradient L1, L1 of 4x-pooled images and a little L2, each weighted per pixel."""
    error = decoded - images
    loss = (weight * error.abs()).mean()
    across, down = error[..., :, 1:] - error[..., :, :-1], error[..., 1:, :] - error[..., :-1, :]
    loss = loss + 0.8 * ((weight[..., :, 1:] * across.abs()).mean() + (weight[..., 1:, :] * down.abs()).mean())
    loss = loss + 0.3 * F.avg_pool2d(error, 4).abs().mean()
    return loss + 2.0 * (weight * error.square()).mean()


def pixel_weights(masks):
    """How much each pixel counts, from the object's mask."""
    return (1 + OBJECT_WEIGHT * F.max_pool2d(masks, 5, stride=1, padding=2)) / (1 + OBJECT_WEIGHT * 0.3)


def decoding_loss(model, z, images, masks):
    """Loss of what the decoder makes of noisy raw latents z, and of z pooled to half size; and the picture it made of z."""
    weight = pixel_weights(masks)
    deviation = LATENT_NOISE * torch.rand(len(z), 1, 1, 1)
    decoded = model.decoder(z + deviation * torch.randn_like(z)).float()
    half = model.decoder(F.avg_pool2d(z, 2)).float()
    loss = weighted_loss(decoded, images, weight)
    return loss + HALF_SIZE_SHARE * weighted_loss(half, F.avg_pool2d(images, 2), F.avg_pool2d(weight, 2)), decoded


def reconstruction_loss(model, images, masks):
    z = model.encoder(images)
    return decoding_loss(model, z, images, masks)[0] + 2e-4 * z.float().square().mean()


def random_batch(data, rng, batch, crop):
    """Random crops, half of them flipped; the crop's corner lies anywhere."""
    rows = rng.integers(0, data.done, batch)
    pixels = np.empty((batch, crop, crop, 3), np.uint8)
    masks = np.empty((batch, crop, crop), np.uint8)
    for place, row in enumerate(rows):
        top, left = rng.integers(0, data.size - crop + 1, 2)
        window = (slice(top, top + crop), slice(left, left + crop))
        flip = -1 if rng.random() < 0.5 else 1
        pixels[place] = data.images[row][window][:, ::flip]
        masks[place] = data.masks[row][window][:, ::flip]
    return to_images(pixels), torch.from_numpy(masks > 0).float().unsqueeze(1)


@torch.no_grad()
def psnr(model, data, count=256, batch=32) -> tuple[float, float]:
    """Mean per-image PSNR in dB over the first `count` images: the whole image, and the object's pixels."""
    whole, on_object = [], []
    for start in range(0, min(count, data.done), batch):
        images = to_images(data.images[start : start + batch])
        masks = torch.from_numpy(data.masks[start : start + batch] > 0).float()
        with torch.autocast("cpu", torch.bfloat16):
            decoded = model.decode(model.encode(images)).float()
        error = (decoded.clamp(-1, 1) - images).square().mean(1) / 4
        whole += [-10 * torch.log10(error.mean((1, 2)))]
        on_object += [-10 * torch.log10((error * masks).sum((1, 2)) / masks.sum((1, 2)).clamp(min=1))]
    return float(torch.cat(whole).mean()), float(torch.cat(on_object).mean())


@torch.no_grad()
def contact_sheet(model, data, path, rows=4, columns=8):
    """Sources above, reconstructions below, pairwise."""
    images = to_images(data.images[: rows * columns])
    decoded = to_pixels(model.decode(model.encode(images)))
    strips = []
    for row in range(rows):
        part = slice(row * columns, (row + 1) * columns)
        strips += [np.concatenate(list(data.images[part]), 1), np.concatenate(list(decoded[part]), 1)]
    Image.fromarray(np.concatenate(strips)).save(path)


def is_hidden_matrix(name, parameter):
    return parameter.ndim == 4 and "input" not in name and "output" not in name


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="train")
    parser.add_argument("--heldout", default="heldout")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--name", default="autoencoder")
    parser.add_argument("--init", help="checkpoint whose averaged weights the run starts from")
    parser.add_argument("--decoder-of", help="a frozen autoencoder (<name>-final.pt): train only its decoder, and write it back when done, "
                        "so that latents, their normalisation and every denoiser trained on them stay valid")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--decay-from", type=float, help="share of the minutes after which the rate decays; none: it stays")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--micro-batch", type=int, default=4)
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--muon-lr", type=float, default=0.01)
    parser.add_argument("--adam-lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    workers = Workers(options.threads)
    torch.manual_seed(options.seed)
    data = RenderedSet(options.data, options.size)
    heldout = RenderedSet(options.heldout, options.size)
    path = checkpoint.CHECKPOINTS / f"{options.name}.pt"

    model = Autoencoder().to(memory_format=torch.channels_last)
    if options.decoder_of:
        model.load_state_dict(checkpoint.load(checkpoint.CHECKPOINTS / f"{options.decoder_of}-final.pt"))
        model.encoder.requires_grad_(False)
    average = MovingAverage(model, 0.998)
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    optimizer = MuonWithAdamW(trained, is_hidden_matrix, options.muon_lr, options.adam_lr)
    step, seconds_before = 0, 0.0
    if path.exists():
        state = checkpoint.load(path)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step, seconds_before = state["step"], state["seconds"]
    elif options.init:
        model.load_state_dict(checkpoint.load(Path(options.init))["average"]["module"])
        average = MovingAverage(model, 0.998)

    rng = np.random.default_rng((options.seed, step))
    first, begin, saved, mean_loss = step, time.time(), time.time(), 0.0
    while True:
        elapsed = time.time() - begin
        images, masks = random_batch(data, rng, options.batch, options.crop)
        images = images.contiguous(memory_format=torch.channels_last)
        parts = zip(images.split(options.micro_batch), masks.split(options.micro_batch))
        loss = float(np.mean(workers.backward(lambda part: reconstruction_loss(model, *part), parts)))
        if not np.isfinite(loss):
            raise RuntimeError(f"autoencoder: loss {loss} at step {step}")
        scale = warm_up_stable_decay(elapsed / (60 * options.minutes), options.decay_from, step - first)
        optimizer.step(scale, map_tasks=workers.map)
        average.update(model, scale)
        step += 1
        mean_loss += (loss - mean_loss) * max(0.01, 1 / (step - first))
        ended = elapsed > 60 * options.minutes
        if time.time() - saved > 90 or ended:
            whole, on_object = psnr(average.module, heldout)
            print(f"{elapsed / 60:5.1f} min  step {step}  loss {mean_loss:.4f}  PSNR {whole:.2f} dB, object {on_object:.2f} dB", flush=True)
            seconds = seconds_before + time.time() - begin
            checkpoint.save({"model": model.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(),
                             "step": step, "seconds": seconds}, path)
            contact_sheet(average.module, heldout, path.with_suffix(".png"))
            saved = time.time()
        if ended:
            break
    if options.decoder_of:
        checkpoint.save(average.module.state_dict(), checkpoint.CHECKPOINTS / f"{options.decoder_of}-final.pt")


if __name__ == "__main__":
    main()
