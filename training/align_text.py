"""Align the text tower of a contrastive pair with its finished image encoder, so that short briefs name attributes rightly.

The embeddings of pictures hold colour, material and pattern nearly as well as the heads do (a linear reading tells 90 %
of the colours where the nearest short brief told 81 %): what falls short is the text side. Here the pictures' embeddings
stay as they are and only the text tower learns: to tell the values of an attribute apart by briefs that state nothing but
the category and that value, and, as before, to tell whole captions apart (InfoNCE), so that retrieval does not suffer.

    python training/align_text.py --name contrastive-3 --branch-of contrastive-2 --minutes 15
    python training/align_text.py --init resources/models/gamut-catalogue-128 --minutes 1    # new words; then export.py --only text-tower
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import captions
import catalogue
import checkpoint
import tokenizer as words
from dataset import RenderedSet, to_images
from evaluate import plain_product, zero_shot
from initialise import load_exported_pair
from networks.contrastive import ContrastivePair
from optimizer import warm_up_stable_decay
from parallel import Workers
from stated import NAMES, NOT_APPLICABLE, stated, value_counts
from train_contrastive import contrast

ALIGNED = ("color", "material", "pattern", "backdrop")
CATEGORIES = 4  # categories whose briefs are told apart in one step


def embed(pair, data, rows, workers) -> torch.Tensor:
    """image_embeds [rows,128] of renders."""

    def one(part):
        with torch.no_grad():
            return pair.image(to_images(data.images[part]))[0]

    return torch.cat(workers.map(one, np.array_split(rows, max(1, len(rows) // 64))))


def naming_loss(pair, tokenizer, images, attributes, name, rng):
    """Cross-entropy of the values of attribute `name` by the nearest short brief, over all pictures of some categories."""
    values, column = catalogue.ATTRIBUTES[name], attributes[:, NAMES.index(name)].astype(int)
    chosen = rng.choice(len(catalogue.ATTRIBUTES["category"]), CATEGORIES, replace=False)
    texts = [captions.caption(plain_product({"category": catalogue.ATTRIBUTES["category"][category], name: value}), rng, style="full")
             for category in chosen for value in values]
    briefs = pair.text(words.encode(tokenizer, texts)).view(CATEGORIES, len(values), -1)
    losses = []
    for brief, category in zip(briefs, chosen):
        rows = np.flatnonzero((attributes[:, 0] == category) & (column != NOT_APPLICABLE))
        if len(rows):
            losses.append(F.cross_entropy(pair.log_scale.exp() * images[rows] @ brief.T, torch.from_numpy(column[rows])))
    return torch.stack(losses).mean()


def caption_loss(pair, tokenizer, images, attributes, products, rows, rng):
    """InfoNCE between pictures and captions drawn afresh, half of them short."""
    texts = [captions.caption(products[row], rng, style="short" if rng.random() < 0.5 else "mixed") for row in rows]
    briefs = torch.from_numpy(np.stack([stated(text) for text in texts]))
    return contrast(images[rows], pair.text(words.encode(tokenizer, texts)), pair.log_scale.exp(), briefs, torch.from_numpy(attributes[rows]))


class TextSide:
    """What zero_shot asks of a model."""

    def __init__(self, pair, tokenizer):
        self.pair, self.tokenizer = pair, tokenizer

    @torch.no_grad()
    def text_embeds(self, texts):
        return self.pair.text(words.encode(self.tokenizer, texts)).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="contrastive")
    parser.add_argument("--branch-of", help="start from this run's checkpoint, write to --name")
    parser.add_argument("--init", type=Path, help="an exported model's folder whose text tower learns on, where no checkpoint is left")
    parser.add_argument("--data", default="train")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--first", type=int, default=0, help="the first render to learn from")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--embeds", type=Path, help=".npy with embeddings of the renders from 0 on, instead of computing them")
    parser.add_argument("--judged", type=int, default=1000, help="renders that judge the result: the first of all, or those behind")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--batch", type=int, default=96, help="captions in one step")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    workers, tokenizer = Workers(2), words.build()
    rng = np.random.default_rng(options.seed)
    if options.init:
        pair = load_exported_pair(options.init).requires_grad_(False)
    else:
        state = checkpoint.load(checkpoint.CHECKPOINTS / f"{options.branch_of or options.name}.pt")
        pair = ContrastivePair(tokenizer.get_vocab_size(), value_counts()).eval().requires_grad_(False)
        pair.load_state_dict(state["average"]["module"])
    pair.text.requires_grad_(True)
    data = RenderedSet(options.data, options.size)
    learned = np.arange(options.first, min(options.first + options.count, data.done))
    behind = options.first + len(learned)
    judged = np.arange(options.judged) if options.first >= options.judged else np.arange(behind, min(behind + options.judged, data.done))
    if not len(learned) or not len(judged):
        raise SystemExit(f"{options.data}: {data.done} renders leave {len(learned)} to learn from and {len(judged)} to judge by")
    if options.embeds:
        every = torch.from_numpy(np.load(options.embeds).astype(np.float32))
        images, others = every[learned], every[judged]
    else:
        images, others = embed(pair, data, learned, workers), embed(pair, data, judged, workers)
    attributes = np.array(data.attributes[learned])
    products = [catalogue.Product.from_json(line) for line in data.products(options.first)[: len(learned)]]

    def report(when):
        plain, weighed = zero_shot(TextSide(pair, tokenizer), {"image_embeds": others.numpy()}, np.array(data.attributes[judged]),
                                   attributes, float(pair.log_scale.exp()))
        print(when, "zero-shot:", plain, "with frequencies:", weighed, flush=True)

    if options.init:
        report("before,")
    optimizer = torch.optim.AdamW(pair.text.parameters(), lr=options.lr, betas=(0.9, 0.99), weight_decay=0.02)
    begin, step, means = time.time(), 0, np.zeros(2)
    while (progress := (time.time() - begin) / (60 * options.minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = options.lr * warm_up_stable_decay(progress, 0.3, step, warm_up=10)
        rows = rng.choice(len(images), min(options.batch, len(images)), replace=False)
        told_apart = caption_loss(pair, tokenizer, images, attributes, products, rows, rng)
        named = naming_loss(pair, tokenizer, images, attributes, ALIGNED[step % len(ALIGNED)], rng)
        (told_apart + named).backward()
        torch.nn.utils.clip_grad_norm_(pair.text.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        means += (np.array([told_apart.item(), named.item()]) - means) * max(0.05, 1 / step)
        if step % 10 == 0:
            print(f"{60 * progress * options.minutes:5.0f} s  step {step}  captions {means[0]:.3f}  naming {means[1]:.3f}", flush=True)
    report(f"{step} steps,")
    if options.init:
        checkpoint.save({"text": pair.text.state_dict(), "step": step, "seconds": time.time() - begin}, checkpoint.CHECKPOINTS / "text-tower.pt")
        return
    # the image side stays as it was, so its calibration holds
    for weights in (state["model"], state["average"]["module"], state.get("calibrated", {})):
        weights.update({f"text.{name}": value.clone() for name, value in pair.text.state_dict().items()})
    state["aligned"] = {"steps": step, "seconds": time.time() - begin}
    checkpoint.save(state, checkpoint.CHECKPOINTS / f"{options.name}.pt")


if __name__ == "__main__":
    main()
