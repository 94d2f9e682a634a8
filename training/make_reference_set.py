"""The reference set that ships with the model: features, embeddings, attributes and captions of held-out renders.

    python training/make_reference_set.py --count 12000
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
from PIL import Image

import captions
import catalogue
from dataset import RenderedSet
from export import SHIPPED
from runtime import ExportedModel

SHEET_COLUMNS, PICTURES = 16, 208  # enough for the likelihood report, which asks 200


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--data", default="heldout")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()

    model, data = ExportedModel(options.model), RenderedSet(options.data, options.size)
    count = min(options.count, data.done)
    seen = model.look(data.images[:count])
    products = [catalogue.Product.from_json(line) for line in data.products()[:count]]
    rng = np.random.default_rng(7)
    briefs = [captions.caption(product, rng, style="full") for product in products]

    folder = options.model / "reference"
    folder.mkdir(exist_ok=True)
    np.save(folder / "features.f16.npy", seen["features"].astype(np.float16))
    np.save(folder / "embeds.f16.npy", seen["image_embeds"].astype(np.float16))
    np.save(folder / "attributes.npy", np.array(data.attributes[:count]))
    (folder / "captions.txt").write_text("\n".join(briefs) + "\n", encoding="utf-8")
    shown = min(PICTURES, count // SHEET_COLUMNS * SHEET_COLUMNS)  # whole rows
    pictures = data.images[:shown]
    rows = [np.concatenate(list(pictures[i : i + SHEET_COLUMNS]), 1) for i in range(0, shown, SHEET_COLUMNS)]
    Image.fromarray(np.concatenate(rows)).save(folder / "pictures.png", optimize=True)

    path = options.model / "gamut.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    about["referenceSet"] = {
        "count": count,
        "features": "reference/features.f16.npy", "embeds": "reference/embeds.f16.npy",
        "attributes": "reference/attributes.npy", "attributeNames": list(catalogue.ATTRIBUTES), "notApplicable": 255,
        "captions": "reference/captions.txt",
        "pictures": {"file": "reference/pictures.png", "count": shown, "columns": SHEET_COLUMNS, "size": options.size},
    }
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    os.replace(partial, path)


if __name__ == "__main__":
    main()
