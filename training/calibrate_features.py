"""Mix and scale the features of a trained contrastive pair, so that their distances see defects.

Defect features: mixed into the directions that best tell clean renders from those with wrong shapes (linear discriminants: the
clean renders' covariance is whitened, then the shifts that each kind of defect causes are the axes); what is left
of them is dropped. The axis that re-encoding shifts comes first and counts less: every generated picture has passed the
decoder, whose trace would else outweigh all that one generated picture does better than another. Then each feature is centred and divided by its standard deviation over clean renders, and the
three groups (content, defect, sharpness) are weighted so that they have the given shares of the mean squared
distance between clean renders. A spoilt picture then leaves the renders' neighbourhood. The renders are training renders,
so that those which evaluation judges take no part. The result stands in the checkpoint as `calibrated`, beside the
untouched weights, so that the training can go on from them.

    python training/calibrate_features.py --name contrastive-decayed
"""

import argparse

import numpy as np
import torch

import checkpoint
import spoil
import tokenizer as words
from dataset import RenderedSet, to_images
from encode_latents import load_autoencoder
from export import KEPT_EXACT
from export_graph import SMALLEST_HALF
from networks.contrastive import CONTENT, DEFECT, ContrastivePair, calibrated_pair
from parallel import Workers
from stated import value_counts

# storing the weights in half precision changes a feature by no more than this share of its unit: one that hardly varies,
# as after little training, would otherwise be magnified until rounding shows (parity.py allows 1e-3)
VISIBLE_ROUNDING = 7e-4


# what the trace of the autoencoder counts, as a share of what it would: so that pictures encoded and decoded once
# keep most of the precision of renders
TRACE = 0.1


@torch.no_grad()
def spoilt_versions(autoencoder, images, generator):
    """(name, images): pictures re-encoded, then each kind of wrong shape, mild and strong."""
    latents = autoencoder.encode(images)
    yield "re-encoded", spoil.reencode(autoencoder, images)
    for pixels in (1.0, 2.0, 4.0):
        yield f"warped {pixels:g} px", spoil.warp(images, pixels, generator)
    yield "warped 2 px, bilinear", spoil.warp(images, 2.0, generator, sharp=False)
    yield "noisy latents", spoil.noisy_latents(autoencoder, latents, 0.3, generator)
    yield "smoothed latents", spoil.smoothed_latents(autoencoder, latents, 0.5)


def discriminants(clean, shifts, ridge=1e-2):
    """[r,d]: axes along which the shifts [1 + r,d] of the spoilt means are longest in units of the clean deviation.

    Fisher's linear discriminants of all shifts but the first; every shift counts alike however long it is. The first axis is
    the one of them that the first shift points along. The clean features [n,d] have unit variance along each axis.
    """
    covariance = np.cov(clean.T)
    values, vectors = np.linalg.eigh(covariance + ridge * np.trace(covariance) / len(covariance) * np.eye(len(covariance)))
    whiten = (vectors / np.sqrt(values)) @ vectors.T
    whitened = shifts @ whiten
    lengths = np.linalg.norm(whitened, axis=1, keepdims=True)
    _, _, axes = np.linalg.svd((whitened / lengths)[1:], full_matrices=False)
    first, _ = np.linalg.qr(np.column_stack([axes @ whitened[0], np.eye(len(axes))]))
    return first.T @ axes @ whiten, lengths[:, 0]


@torch.no_grad()
def smallest_units(state, images) -> np.ndarray:
    """The least unit of each feature, before scaling: what rounding the weights as the export does changes, over its share."""
    pair = calibrated_pair(state, words.build().get_vocab_size(), value_counts())
    pair.image.fold()
    exact = pair.image(images)[1]
    for name, parameter in pair.named_parameters():
        if parameter.numel() >= SMALLEST_HALF and not any(part in name for part in KEPT_EXACT):
            parameter.copy_(parameter.half())
    return (pair.image(images)[1] - exact).square().mean(0).sqrt().numpy() / VISIBLE_ROUNDING


def mixed(state, axes, feature_mean, feature_scale) -> dict:
    """The state without heads whose defect features are `axes` [r,DEFECT] times the trained ones."""
    mixing = torch.from_numpy(axes).float()
    result = {name: value for name, value in state.items() if not name.startswith(("defect_", "thumbnail"))}
    for layer in ("image.defect.2", "image.from_sharpness"):
        for part in ("weight", "bias"):
            result[f"{layer}.{part}"] = mixing @ state[f"{layer}.{part}"]
    result["image.feature_mean"] = torch.from_numpy(feature_mean).float()
    result["image.feature_scale"] = torch.from_numpy(feature_scale).float()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="contrastive")
    parser.add_argument("--data", default="train")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--count", type=int, default=2048)
    parser.add_argument("--spoilt", type=int, default=512, help="renders that are spoilt in each way")
    parser.add_argument("--defect-share", type=float, default=0.4)
    parser.add_argument("--sharpness-share", type=float, default=0.1)
    options = parser.parse_args()

    workers = Workers(2)
    path = checkpoint.CHECKPOINTS / f"{options.name}.pt"
    state = checkpoint.load(path)
    pair = ContrastivePair(words.build().get_vocab_size(), value_counts()).eval()
    pair.load_state_dict(state["average"]["module"])
    data = RenderedSet(options.data, options.size)
    rows = range(0, min(options.count, data.done), 64)

    def features_of(images):
        with torch.no_grad():
            return pair.image(images)[1].numpy()

    defect_part = slice(CONTENT, CONTENT + DEFECT)
    spoilt, kinds, autoencoder = [], [], load_autoencoder()
    for start in range(0, min(options.spoilt, data.done), 64):
        versions = list(spoilt_versions(autoencoder, to_images(data.images[start : start + 64]), torch.Generator().manual_seed(start)))
        kinds = [name for name, _ in versions]
        spoilt.append(workers.map(lambda version: features_of(version[1])[:, defect_part], versions))
    clean = np.concatenate(workers.map(lambda start: features_of(to_images(data.images[start : start + 64])), rows))
    own = clean[: sum(len(batch[0]) for batch in spoilt), defect_part]
    shifts = np.stack([np.concatenate(parts).mean(0) for parts in zip(*spoilt)]) - own.mean(0)
    axes, lengths = discriminants(clean[:, defect_part], shifts)
    for kind, length in zip(kinds, lengths):
        print(f"{kind}: {length:.2f} deviations from clean")
    content, defect, sharp = clean[:, :CONTENT], clean[:, defect_part] @ axes.T, clean[:, CONTENT + DEFECT :]
    deviations = [part.std(0) for part in (content, defect, sharp)]
    shares = (1 - options.defect_share - options.sharpness_share, options.defect_share, options.sharpness_share)
    mean, width = np.concatenate([content.mean(0), defect.mean(0), sharp.mean(0)]), sum(map(len, deviations))
    weights = state["average"]["module"]
    visible = smallest_units(mixed(weights, axes, np.zeros(width), np.ones(width)), to_images(data.images[:16]))
    # a direction that never varies among renders says nothing reliable: do not blow it up
    units = np.concatenate([np.maximum(part, 0.1 * np.median(part)) for part in deviations])
    units = np.maximum(units, visible)
    scale = np.concatenate([np.full(len(part), np.sqrt(share / len(part))) for share, part in zip(shares, deviations)]) / units
    scale[CONTENT] *= TRACE
    state["calibrated"] = mixed(weights, axes, mean, scale)
    checkpoint.save(state, path)
    for name, part in zip(("content", "defect", "sharpness"), deviations):
        print(f"deviation of {name} features, 5th, 50th and 95th percentile:", np.percentile(part, (5, 50, 95)).round(3))


if __name__ == "__main__":
    main()
