"""Warm start of the denoiser's text encoder: read the attributes that a caption states (text only, minutes).

    python training/train_text.py --minutes 2
"""

import argparse
import time

import numpy as np
import torch
import torch.nn.functional as F

import captions
import catalogue
import checkpoint
import tokenizer as words
from dataset import RenderedSet
from networks.text_encoder import AttributeReader, TextEncoder
from parallel import Workers
from stated import NAMES, UNSTATED, stated, value_counts


def batch_of(products, rng, count, tokenizer):
    texts = [captions.caption(products[i], rng) for i in rng.integers(0, len(products), count)]
    return words.encode(tokenizer, texts), torch.from_numpy(np.stack([stated(text) for text in texts])).long()


def targets_of(labels, counts):
    """The last class of each head means `not stated`."""
    return [torch.where(labels[:, i] == UNSTATED, count, labels[:, i]) for i, count in enumerate(counts)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="train")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    workers = Workers(options.threads)
    torch.manual_seed(1)
    tokenizer, counts = words.build(), list(value_counts().values())
    products = [catalogue.Product.from_json(row) for row in RenderedSet(options.data, options.size).products()]
    text_encoder = TextEncoder(tokenizer.get_vocab_size())
    reader = AttributeReader(text_encoder.sizes["width"], counts)
    parameters = [*text_encoder.parameters(), *reader.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    rng, begin, step = np.random.default_rng(1), time.time(), 0

    def loss_of(part):
        ids, labels = part
        logits = reader(text_encoder(ids)[:, 0])
        return sum(F.cross_entropy(row.float(), target) for row, target in zip(logits, targets_of(labels, counts)))

    while (share := (time.time() - begin) / (60 * options.minutes)) < 1:
        ids, labels = batch_of(products, rng, options.batch, tokenizer)
        half = options.batch // options.threads
        losses = workers.backward(loss_of, list(zip(ids.split(half), labels.split(half))))
        optimizer.param_groups[0]["lr"] = 1e-3 * min(1, (step + 1) / 50, max(0.02, 2 * (1 - share)))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        if step % 100 == 0:
            print(f"step {step}  loss {np.mean(losses):.4f}", flush=True)

    with torch.no_grad():
        ids, labels = batch_of(products, np.random.default_rng(2), 1000, tokenizer)
        logits = reader(text_encoder(ids)[:, 0])
        right = [float((row.argmax(1) == target).float().mean()) for row, target in zip(logits, targets_of(labels, counts))]
    print("stated attributes read right:", {name: round(share, 4) for name, share in zip(NAMES, right)})
    checkpoint.save({"text_encoder": text_encoder.state_dict(), "step": step}, checkpoint.CHECKPOINTS / "text.pt")


if __name__ == "__main__":
    main()
