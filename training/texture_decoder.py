"""Teach the decoder textures: how rough a surface is, where a reconstruction loss would rather have it smooth.

Speckle, weave, grain and sharp edges lie a little elsewhere than the latents can tell, so the decoder that errs least
leaves them out. Here the decoder also has to match

* the local deviation of each Haar subband (horizontal, vertical, diagonal; 1 and 2 pixels wide), which does not depend on
  where the grains lie, only on how strong they are and which way they run;
* what a reader of pictures sees in the render.

The encoder, and with it every stored latent and every denoiser, stays as it is.

    python training/texture_decoder.py --minutes 15
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F

import checkpoint
from attribute_reading import VISIBLE, load_picture_reader, missing_losses
from dataset import RenderedSet, to_images
from encode_latents import load_autoencoder
from optimizer import MovingAverage, MuonWithAdamW, warm_up_stable_decay
from parallel import Workers
from stated import NAMES
from train_autoencoder import contact_sheet, decoding_loss, is_hidden_matrix, pixel_weights, psnr

WINDOW, OCTAVES = 8, 2  # pixels of the windows, half overlapping; subbands of 1 and 2 pixels
FAINTEST = 0.004  # deviations below half a grey level of 255 are none
SHOWN = {"material": 3.0}  # weights among what a reconstruction is to show; 1 for the others


def haar(images):
    """Half-size mean and, stacked along the channels, the horizontal, vertical and diagonal subband."""
    a, b, c, d = images[..., ::2, ::2], images[..., ::2, 1::2], images[..., 1::2, ::2], images[..., 1::2, 1::2]
    return (a + b + c + d) / 4, torch.cat([a - b + c - d, a + b - c - d, a - b - c + d], 1) / 4


def deviations(images) -> list[torch.Tensor]:
    """Local deviation of each subband, octave by octave: [B, 9, h, w] of overlapping windows of about WINDOW pixels."""
    found = []
    for octave in range(OCTAVES):
        images, bands = haar(images)
        side = WINDOW >> (octave + 1)
        found.append((F.avg_pool2d(bands.square(), side, stride=side // 2) + FAINTEST**2).sqrt())
    return found


def texture_loss(decoded, images, weight):
    """Mean absolute difference of local deviations, weighted per window."""
    weight = F.avg_pool2d(weight, WINDOW, stride=WINDOW // 2)
    return sum((weight * (ours - theirs).abs()).mean() for ours, theirs in zip(deviations(decoded), deviations(images)))


def missing_loss(reader, decoded, images, labels):
    """How much worse the reader sees in the reconstruction what it sees in the render."""
    missing = missing_losses(reader, decoded, images, labels)
    return (missing * torch.tensor([SHOWN.get(name, 1.0) for name in VISIBLE])).sum(1).mean()


def losses_of(model, reader, part, encode=False) -> dict:
    """Each loss of one micro-batch (images, masks, stored latents, labels); with `encode` the latents are the encoder's own."""
    images, masks, stored, labels = part
    if encode:
        with torch.no_grad():
            stored = model.encode(images).float()
    decoding, decoded = decoding_loss(model, stored * model.latent_std + model.latent_mean, images, masks)
    return {"decoding": decoding, "texture": texture_loss(decoded, images, pixel_weights(masks)),
            "missing": missing_loss(reader, decoded, images, labels)}


def balanced_rows(attributes, rng, count):
    """Random renders, half of them with a material drawn first: stone and fabric are 5 % of all."""
    materials = attributes[:, NAMES.index("material")]
    rows = rng.integers(0, len(attributes), count)
    for place, material in enumerate(rng.choice(np.unique(materials), count // 2)):
        rows[place] = rng.choice(np.flatnonzero(materials == material))
    return rng.permutation(rows)


def random_batch(data, latents, attributes, rng, count):
    """Images, object masks, stored latents and attributes of random renders."""
    rows = balanced_rows(attributes, rng, count)
    pixels, masks, stored = data.images[rows], data.masks[rows], latents[rows]
    return (to_images(pixels).contiguous(memory_format=torch.channels_last), torch.from_numpy(masks > 0).float().unsqueeze(1),
            torch.from_numpy(stored).float(), torch.from_numpy(attributes[rows]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="train")
    parser.add_argument("--heldout", default="heldout")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--autoencoder", default="autoencoder", help="<name>-final.pt, whose decoder learns on")
    parser.add_argument("--out", help="write <out>-final.pt instead")
    parser.add_argument("--encode", action="store_true", help="decode what the encoder makes of the pictures, where the stored latents are another's")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--micro-batch", type=int, default=4)
    parser.add_argument("--muon-lr", type=float, default=0.004)
    parser.add_argument("--adam-lr", type=float, default=5e-4)
    parser.add_argument("--texture", type=float, default=12.0, help="weight of the local deviations")
    parser.add_argument("--missing", type=float, default=0.02, help="weight of what the picture reader misses")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    workers = Workers(options.threads)
    torch.manual_seed(options.seed)
    data, heldout = RenderedSet(options.data, options.size), RenderedSet(options.heldout, options.size)
    latents = np.load(data.folder / "latents.npy", mmap_mode="r")
    attributes = np.array(data.attributes[: data.done]).astype(np.int64)
    model, reader = load_autoencoder(options.autoencoder).train(), load_picture_reader()
    model.encoder.requires_grad_(False)
    average = MovingAverage(model, 0.998)
    optimizer = MuonWithAdamW(model.decoder.named_parameters(), is_hidden_matrix, options.muon_lr, options.adam_lr)
    weights = {"decoding": 1.0, "texture": options.texture, "missing": options.missing}
    rng, begin, step, means = np.random.default_rng(options.seed), time.time(), 0, dict.fromkeys(weights, 0.0)
    reported = begin
    ahead = ThreadPoolExecutor(1)  # reads the next pictures while these are learnt from

    def read_ahead():
        return ahead.submit(random_batch, data, latents, attributes, rng, options.batch)

    upcoming = read_ahead()
    while (share := (time.time() - begin) / (60 * options.minutes)) < 1:
        batch, upcoming, found = upcoming.result(), read_ahead(), []

        def loss_of(part):
            losses = losses_of(model, reader, part, options.encode)
            found.append({name: float(value.detach()) for name, value in losses.items()})
            return sum(weights[name] * value for name, value in losses.items())

        loss = float(np.mean(workers.backward(loss_of, zip(*(tensor.split(options.micro_batch) for tensor in batch)))))
        if not np.isfinite(loss):
            raise RuntimeError(f"textures: loss {loss} at step {step}")
        scale = warm_up_stable_decay(share, 0.4, step)
        optimizer.step(scale, map_tasks=workers.map)
        average.update(model, scale)
        step += 1
        for name in means:
            means[name] += (np.mean([row[name] for row in found]) - means[name]) * max(0.02, 1 / step)
        if time.time() - reported > 60:
            whole, on_object = psnr(average.module, heldout, count=64)
            print(f"{(time.time() - begin) / 60:5.1f} min  step {step}  " + "  ".join(f"{name} {value:.4f}" for name, value in means.items())
                  + f"  PSNR {whole:.2f} dB, object {on_object:.2f} dB", flush=True)
            reported = time.time()

    path = checkpoint.CHECKPOINTS / f"{options.out or options.autoencoder}-final.pt"
    checkpoint.save(average.module.state_dict(), path)
    record = checkpoint.CHECKPOINTS / "textures.pt"
    before = checkpoint.load(record) if record.exists() else {"step": 0, "samples": 0, "seconds": 0.0}
    checkpoint.save({"step": before["step"] + step, "samples": before["samples"] + step * options.batch,
                     "seconds": before["seconds"] + time.time() - begin}, record)
    contact_sheet(average.module, heldout, path.with_suffix(".png"))
    whole, on_object = psnr(average.module, heldout, count=512)
    print(f"step {step}, {step * options.batch} pictures: PSNR {whole:.2f} dB, object {on_object:.2f} dB")


if __name__ == "__main__":
    main()
