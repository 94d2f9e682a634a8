"""A grid of renders to look at: python training/contact_sheet.py sheet.png --seed 5 --size 128 --grid 8x8"""

import argparse

import numpy as np
from PIL import Image

from catalogue import ATTRIBUTES, product_at
from renderer.render import render


def sheet(images, columns, gap=4):
    """Images side by side, with white gaps."""
    n, size = images.shape[:2]
    rows = -(-n // columns)
    page = np.full((rows * (size + gap) + gap, columns * (size + gap) + gap, 3), 255, np.uint8)
    for i, image in enumerate(images):
        y, x = gap + i // columns * (size + gap), gap + i % columns * (size + gap)
        page[y:y + size, x:x + size] = image
    return page


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--grid", default="8x8")
    parser.add_argument("--split", default="train")
    parser.add_argument("--only", default="", help="attribute=value, for example category=mug")
    options = parser.parse_args()
    columns, rows = (int(n) for n in options.grid.split("x"))
    key, _, wanted = options.only.partition("=")
    if key and wanted not in ATTRIBUTES.get(key, ()):
        parser.error(f"--only: no such attribute value: {options.only}")
    products, index = [], 0
    while len(products) < columns * rows:
        product = product_at(options.seed, index, options.split)
        index += 1
        if not key or getattr(product, key) == wanted:
            products.append(product)
    images, _ = render(products, options.size)
    Image.fromarray(sheet(images, columns)).save(options.path)


if __name__ == "__main__":
    main()
