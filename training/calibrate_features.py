"""Set the scale of the features of a trained contrastive pair, so that their distances see defects.

Each feature is centred and divided by its standard deviation over clean renders; then the three groups
(content, defect, sharpness) are weighted so that they have the given shares of the mean squared distance
between clean renders. A spoilt picture then leaves the renders' neighbourhood.

    python training/calibrate_features.py --name contrastive-decayed
"""

import argparse

import numpy as np
import torch

import checkpoint
import tokenizer as words
from dataset import RenderedSet, to_images
from networks.contrastive import CONTENT, DEFECT, SHARPNESS, ContrastivePair
from parallel import Workers
from stated import value_counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="contrastive")
    parser.add_argument("--data", default="heldout")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--count", type=int, default=2048)
    parser.add_argument("--defect-share", type=float, default=0.35)
    parser.add_argument("--sharpness-share", type=float, default=0.35)
    options = parser.parse_args()

    workers = Workers(2)
    path = checkpoint.CHECKPOINTS / f"{options.name}.pt"
    state = checkpoint.load(path)
    pair = ContrastivePair(words.build().get_vocab_size(), value_counts()).eval()
    pair.load_state_dict(state["average"]["module"])
    pair.image.feature_mean.zero_()
    pair.image.feature_scale.fill_(1)
    data = RenderedSet(options.data, options.size)
    rows = range(0, min(options.count, data.done), 64)

    def features_of(start):
        with torch.no_grad():
            return pair.image(to_images(data.images[start : start + 64]))[1].numpy()

    features = np.concatenate(workers.map(features_of, rows))
    deviation = features.std(0)
    groups = np.array([CONTENT, DEFECT, SHARPNESS])
    shares = np.array([1 - options.defect_share - options.sharpness_share, options.defect_share, options.sharpness_share])
    weight = np.sqrt(shares / groups).repeat(groups)
    # a direction that never varies among renders says nothing reliable: do not blow it up
    floor = np.concatenate([np.full(len(part), 0.1 * np.median(part)) for part in np.split(deviation, np.cumsum(groups)[:-1])])
    for module in (state["average"]["module"], state["model"]):
        module["image.feature_mean"].copy_(torch.from_numpy(features.mean(0)))
        module["image.feature_scale"].copy_(torch.from_numpy(weight / np.maximum(deviation, floor)).float())
    checkpoint.save(state, path)
    for name, part in zip(("content", "defect", "sharpness"), np.split(deviation, np.cumsum(groups)[:-1])):
        print(f"deviation of {name} features, 5th, 50th and 95th percentile:", np.percentile(part, (5, 50, 95)).round(3))


if __name__ == "__main__":
    main()
