"""Writes values.json: what torch's CPU generator draws, for sizes below, at and above its block of 16."""

import json
from pathlib import Path

import torch


def draws(seed, sizes):
    torch.manual_seed(seed)
    return [{"size": n, "values": torch.randn(n).tolist()} for n in sizes]


figures = {
    "torch": torch.__version__,
    "normal": [
        {"seed": 0, "draws": draws(0, [16, 16, 32])},
        {"seed": 42, "draws": draws(42, [5, 4, 20, 3])},
        {"seed": 4294967298, "draws": draws(4294967298, [37])},
    ],
}
torch.manual_seed(7)
figures["uniform"] = {"seed": 7, "values": torch.rand(6).tolist()}
Path(__file__).with_name("values.json").write_text(json.dumps(figures, indent=1) + "\n")
