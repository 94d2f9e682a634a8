"""Train the contrastive image/text pair with attribute heads and defect-seeing features; resumes.

    python training/train_contrastive.py --minutes 15 --decay-from 0.5
"""

import argparse
import time

import numpy as np
import torch
import torch.nn.functional as F

import captions
import catalogue
import checkpoint
import spoil
import tokenizer as words
from dataset import RenderedSet, to_images
from encode_latents import load_autoencoder
from networks.contrastive import CONTENT, DEFECT, DEFECTS, SHARPNESS, THUMBNAIL, ContrastivePair
from optimizer import MovingAverage, MuonWithAdamW, warm_up_stable_decay
from parallel import Workers
from stated import NAMES, NOT_APPLICABLE, satisfies, stated, value_counts

SPOILT = 0.4  # share of spoilt pictures in a batch
SPOILT_PARTS = (1, 2, 2, 2, 3, 4, 5)  # kinds of defect in equal parts; warps, the hardest to see, three times
SEEN_WHEN_CLEAN = ("material",)  # spoiling removes the highlights that tell materials apart, but not the label
HARDER = {"material": 3}  # a highlight one or two pixels wide is all that tells glazed from matte
ATTRIBUTE_WEIGHT, DEFECT_WEIGHT, STRENGTH_WEIGHT, THUMBNAIL_WEIGHT = 0.3, 1.0, 0.2, 0.5


@torch.no_grad()
def spoil_some(images, autoencoder, rng):
    """Spoils the first SPOILT of a batch; gives back images, kinds and strengths in 0..1."""
    images = images.clone()
    kinds, strengths = torch.zeros(len(images), dtype=torch.long), torch.zeros(len(images))
    each = max(1, int(len(images) * SPOILT / len(SPOILT_PARTS)))
    for place, kind in enumerate(SPOILT_PARTS):
        part = slice(place * each, (place + 1) * each)
        strength = float(rng.uniform(0.1, 1))
        if kind == 1:
            images[part] = spoil.blur(images[part], 0.4 + 2.1 * strength)
        elif kind == 2:
            # mostly sharp, so that the shape must give it away and not the blur of bilinear sampling
            images[part] = spoil.warp(images[part], 0.5 + 4 * strength, sharp=bool(rng.random() < 0.75))
        elif kind == 3:
            times = 1 + (strength > 0.55)
            images[part] = spoil.reencode(autoencoder, images[part], times)
            strength = 0.5 * times
        elif kind == 4:
            images[part] = spoil.noisy_latents(autoencoder, autoencoder.encode(images[part]).float(), 0.1 + 0.5 * strength)
        else:
            images[part] = spoil.smoothed_latents(autoencoder, autoencoder.encode(images[part]).float(), 0.15 + 0.7 * strength)
        kinds[part], strengths[part] = kind, strength
    return images, kinds, strengths


def contrast(image_embeds, text_embeds, scale, briefs, attributes):
    """Symmetric InfoNCE; pictures that satisfy another's brief as well are no negatives of it."""
    logits = scale * text_embeds @ image_embeds.T
    also_right = satisfies(briefs, attributes) & ~torch.eye(len(logits), dtype=torch.bool)
    logits = logits.masked_fill(also_right, -1e4)
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def loss_of(model, part):
    images, ids, briefs, attributes, kinds, strengths, thumbnails = part
    image_embeds, features, logits = model.image(images)
    loss = contrast(image_embeds, model.text(ids), model.log_scale.exp().clamp(max=60), briefs, attributes)
    for index, name in enumerate(NAMES):
        known = attributes[:, index] != NOT_APPLICABLE
        if name in SEEN_WHEN_CLEAN:
            known &= kinds == 0
        if known.any():
            weight = ATTRIBUTE_WEIGHT * HARDER.get(name, 1)
            loss = loss + weight * F.cross_entropy(logits[name][known].float(), attributes[known, index].long())
    content, defect, _ = features.float().split((CONTENT, DEFECT, SHARPNESS), 1)
    loss = loss + DEFECT_WEIGHT * F.cross_entropy(model.defect_kind(defect).float(), kinds)
    loss = loss + STRENGTH_WEIGHT * (model.defect_strength(defect)[:, 0].float() - strengths).square().mean()
    return loss + THUMBNAIL_WEIGHT * (model.thumbnail(content).float() - thumbnails).square().mean()


class PictureSet:
    """Renders with products and attributes; batches with captions drawn afresh."""

    def __init__(self, name, size):
        self.data = RenderedSet(name, size)
        self.products = [catalogue.Product.from_json(row) for row in self.data.products()]

    def part(self, rows, rng, tokenizer, autoencoder):
        flip = -1 if rng.random() < 0.5 else 1
        pixels = self.data.images[rows][:, :, ::flip]
        images = to_images(pixels)
        masks = torch.from_numpy((self.data.masks[rows][:, :, ::flip] > 0).astype(np.float32))[:, None] * 2 - 1
        thumbnails = F.adaptive_avg_pool2d(torch.cat([images, masks], 1), THUMBNAIL).flatten(1)
        with torch.autocast("cpu", torch.bfloat16):
            images, kinds, strengths = spoil_some(images, autoencoder, rng)
        texts = [captions.caption(self.products[row], rng, style="short" if rng.random() < 0.5 else "mixed") for row in rows]
        briefs = torch.from_numpy(np.stack([stated(text) for text in texts]))
        attributes = torch.from_numpy(np.array(self.data.attributes[rows]))
        images = images.contiguous(memory_format=torch.channels_last)
        return images, words.encode(tokenizer, texts), briefs, attributes, kinds, strengths, thumbnails


@torch.no_grad()
def heldout_figures(model, parts, workers):
    """Attribute accuracy of clean pictures, accuracy of the defect's kind."""

    def one(part):
        images, _, _, attributes, kinds, _, _ = part
        with torch.no_grad():
            _, features, logits = model.image(images)
            kind = model.defect_kind(features[:, CONTENT : CONTENT + DEFECT]).argmax(1)
        clean = kinds == 0
        right = {"defect": (kind == kinds).float()}
        for index, name in enumerate(NAMES):
            known = clean & (attributes[:, index] != NOT_APPLICABLE)
            right[name] = (logits[name][known].argmax(1) == attributes[known, index]).float()
        return right

    results = workers.map(one, parts)
    return {name: float(torch.cat([result[name] for result in results]).mean()) for name in results[0]}


def is_hidden_matrix(name, parameter):
    return name.startswith("image.") and parameter.ndim == 4 and "input" not in name


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="train")
    parser.add_argument("--heldout", default="heldout")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--name", default="contrastive")
    parser.add_argument("--branch-of", help="start from this run's whole state, write to --name")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--decay-from", type=float)
    parser.add_argument("--micro-batch", type=int, default=64)
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--adam-lr", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    workers = Workers(options.threads)
    torch.manual_seed(options.seed)
    tokenizer, autoencoder = words.build(), load_autoencoder()
    data, heldout = PictureSet(options.data, options.size), PictureSet(options.heldout, options.size)
    path = checkpoint.CHECKPOINTS / f"{options.name}.pt"

    model = ContrastivePair(tokenizer.get_vocab_size(), value_counts()).to(memory_format=torch.channels_last)
    average = MovingAverage(model, 0.995)
    optimizer = MuonWithAdamW(model.named_parameters(), is_hidden_matrix, options.muon_lr, options.adam_lr, weight_decay=0.02)
    step, samples, seconds_before = 0, 0, 0.0
    origin = path if path.exists() else options.branch_of and checkpoint.CHECKPOINTS / f"{options.branch_of}.pt"
    if origin:
        state = checkpoint.load(origin)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step, samples, seconds_before = state["step"], state["samples"], state["seconds"]

    fixed = np.random.default_rng(0)
    count = min(1024, len(heldout.products))
    heldout_parts = [heldout.part(np.arange(i, min(i + 64, count)), fixed, tokenizer, autoencoder) for i in range(0, count, 64)]
    rng = np.random.default_rng((options.seed, step))
    first, mean_loss = step, 0.0
    begin = saved = time.time()
    while True:
        elapsed = time.time() - begin
        # one micro-batch and one random stream per worker: pictures, spoiling and back-propagation all run there
        tasks = [(np.sort(rng.choice(len(data.products), options.micro_batch, replace=False)), child) for child in rng.spawn(options.threads)]

        def micro_loss(task):
            rows, child = task
            child.shuffle(rows)
            return loss_of(model, data.part(rows, child, tokenizer, autoencoder))

        model.train()
        loss = float(np.mean(workers.backward(micro_loss, tasks)))
        if not np.isfinite(loss):
            raise RuntimeError(f"contrastive: loss {loss} at step {step}")
        scale = warm_up_stable_decay(elapsed / (60 * options.minutes), options.decay_from, step - first, 1 if origin else 50)
        optimizer.step(scale, clip=5.0, map_tasks=workers.map)
        average.update(model, scale)
        step, samples = step + 1, samples + options.micro_batch * options.threads
        mean_loss += (loss - mean_loss) * max(0.02, 1 / (step - first))
        now, ended = time.time(), elapsed > 60 * options.minutes
        if ended or now - saved > 120:
            figures = heldout_figures(average.module, heldout_parts, workers)
            print(f"{(seconds_before + now - begin) / 60:5.1f} min  step {step}  samples {samples}  loss {mean_loss:.3f}  "
                  + "  ".join(f"{name} {value:.3f}" for name, value in figures.items()), flush=True)
            checkpoint.save({"model": model.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(),
                             "step": step, "samples": samples, "seconds": seconds_before + now - begin}, path)
            saved = time.time()
        if ended:
            break


if __name__ == "__main__":
    main()
