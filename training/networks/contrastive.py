"""The contrastive image/text pair: embeddings, attribute logits and features that see defects."""

import math

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from networks.text_encoder import TextEncoder

EMBEDDING = 128
CONTENT = 128  # features that describe what stands where
DEFECT = 128  # features trained to tell renders from spoilt ones; fewer are left when their mixing is settled
IMAGE_SIZE = 128
DEFECTS = ("none", "blurred", "warped", "re-encoded", "noisy latents", "smoothed latents")
OCTAVES = 3
SHARPNESS = 8 * OCTAVES  # fixed statistics of differences between neighbouring pixels, at several scales
THUMBNAIL = 8  # the content features must suffice to redraw the picture and its mask at 8 x 8


class Convolution(nn.Module):
    """Convolution with batch normalisation; `fold` joins the two for the export."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=(kernel - 1) // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.norm(self.convolution(x))

    def fold(self):
        self.convolution = fuse_conv_bn_eval(self.convolution, self.norm)
        self.norm = nn.Identity()


class Residual(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.first = Convolution(channels, channels, 3)
        self.second = Convolution(channels, channels, 3)
        nn.init.zeros_(self.second.norm.weight)

    def forward(self, x):
        return torch.relu(x + self.second(torch.relu(self.first(x))))


def statistics(x):
    """Mean, standard deviation and greatest value of each channel [B,3c]: a highlight two pixels wide, which tells glazed
    from matte, hardly moves the first two."""
    variance, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0)
    return torch.cat([mean, torch.sqrt(variance + 1e-5), x.float().amax((2, 3))], 1)


def sharpness(pixel_values):
    """Log energy and log kurtosis of first and second differences along rows and columns, per octave [B,24].

    Blur and re-encoding lower the energy of the fine octaves and the kurtosis, whatever the picture shows.
    """
    grey = pixel_values.float().mean(1, keepdim=True)
    found = []
    for octave in range(OCTAVES):
        if octave:
            grey = nn.functional.avg_pool2d(grey, 2)
        across, down = grey[..., :, 1:] - grey[..., :, :-1], grey[..., 1:, :] - grey[..., :-1, :]
        for difference in (across, down, across[..., :, 1:] - across[..., :, :-1], down[..., 1:, :] - down[..., :-1, :]):
            square = difference * difference
            # row by row: sums of so many numbers at once round differently in every runtime, and the discriminants magnify it
            energy = square.mean(3).mean((1, 2)) + 1e-6
            # a floor, not a sum: the exporter drops the addition of so small a number, and a flat picture's logarithm would be infinite
            fourth = (square * square).mean(3).mean((1, 2)).clamp(min=1e-10)
            found += [torch.log(energy), torch.log(fourth) - 2 * torch.log(energy)]
    return torch.stack(found, 1)


class ImageEncoder(nn.Module):
    """pixel_values [B,3,128,128] in [-1,1] to embeddings, features and one logit vector per attribute."""

    def __init__(self, value_counts: dict[str, int], widths=(24, 48, 112, 224), trunk: int = 384, defect: int = DEFECT):
        super().__init__()
        at64, at32, at16, at8 = widths
        self.input = Convolution(3, at64, 4, 2)
        self.to32 = nn.Sequential(Convolution(at64, at32, 3, 2), nn.ReLU(), Residual(at32))
        self.to16 = nn.Sequential(Convolution(at32, at16, 3, 2), nn.ReLU(), Residual(at16))
        self.to8 = nn.Sequential(Convolution(at16, at8, 3, 2), nn.ReLU(), Residual(at8))
        self.layout = Convolution(at8, 64, 1)
        described, placed = 3 * (at32 + at16 + at8), 64 * 16
        self.trunk = nn.Linear(described + placed, trunk)
        self.embedding = nn.Linear(trunk, EMBEDDING)
        self.attributes = nn.ModuleDict({name: nn.Linear(trunk, count) for name, count in value_counts.items()})
        self.content = nn.Linear(placed, CONTENT)
        self.defect = nn.Sequential(nn.Linear(described, 192), nn.ReLU(), nn.Linear(192, defect))
        self.from_sharpness = nn.Linear(SHARPNESS, defect)
        nn.init.normal_(self.from_sharpness.weight, std=0.02)
        # set after training, as the width of the defect features, so that distances mean something (see calibrate_features.py)
        self.register_buffer("feature_mean", torch.zeros(CONTENT + defect + SHARPNESS))
        self.register_buffer("feature_scale", torch.ones(CONTENT + defect + SHARPNESS))

    def forward(self, pixel_values):
        """(image_embeds of length 1, features, {attribute: logits})."""
        h32 = self.to32(torch.relu(self.input(pixel_values)))
        h16 = self.to16(h32)
        h8 = self.to8(h16)
        described = torch.cat([statistics(h) for h in (h32, h16, h8)], 1)
        placed = nn.functional.avg_pool2d(torch.relu(self.layout(h8)), 2).flatten(1)
        trunk = torch.relu(self.trunk(torch.cat([described, placed], 1)))
        sharp = sharpness(pixel_values)
        defect = self.defect(described) + self.from_sharpness(sharp)
        features = torch.cat([self.content(placed), defect, sharp], 1)
        features = (features - self.feature_mean) * self.feature_scale
        logits = {name: head(trunk) for name, head in self.attributes.items()}
        return nn.functional.normalize(self.embedding(trunk).float(), dim=1), features, logits

    def fold(self):
        """Joins convolutions and normalisations, in place, for the export; evaluation mode only."""
        for module in self.modules():
            if isinstance(module, Convolution):
                module.fold()


class TextTower(nn.Module):
    """input_ids [B,L] to text_embeds [B,128] of length 1."""

    def __init__(self, vocabulary: int):
        super().__init__()
        self.encoder = TextEncoder(vocabulary, width=128, depth=2, head_width=32)
        self.embedding = nn.Linear(128, EMBEDDING)

    def forward(self, input_ids):
        return nn.functional.normalize(self.embedding(self.encoder(input_ids)[:, 0]).float(), dim=1)


class ContrastivePair(nn.Module):
    """Both towers and the logit scale; with `heads` also what only training needs."""

    def __init__(self, vocabulary: int, value_counts: dict[str, int], defect: int = DEFECT, heads: bool = True):
        super().__init__()
        self.image = ImageEncoder(value_counts, defect=defect)
        self.text = TextTower(vocabulary)
        self.log_scale = nn.Parameter(torch.tensor(math.log(14.0)))
        if heads:
            self.defect_kind = nn.Linear(defect, len(DEFECTS))
            self.defect_strength = nn.Linear(defect, 1)
            self.thumbnail = nn.Linear(CONTENT, 4 * THUMBNAIL * THUMBNAIL)


def calibrated_pair(state: dict, vocabulary: int, value_counts: dict[str, int]) -> ContrastivePair:
    """The pair that calibrate_features.py left: as many defect features as it found directions, no heads."""
    pair = ContrastivePair(vocabulary, value_counts, defect=len(state["image.from_sharpness.bias"]), heads=False).eval()
    pair.load_state_dict(state)
    return pair
