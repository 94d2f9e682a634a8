"""Renders a data set: python training/render_dataset.py --name train --count 100000 --size 128 --seed 1 --split train

Writes to training/.data/<name>-<size>/, in chunks, so that training can begin on the part that is there; started
again with the same arguments it goes on where it stopped (a larger --count is refused: choose another name).
  images.npy      uint8 [N, S, S, 3]   memory-mappable; rows from `done` on are zero
  mask.npy        uint8 [N, S, S]      coverage by the object, 0..255
  attributes.npy  uint8 [N, 11]        index into ATTRIBUTES[key], in the order of the keys; 255 = not applicable
  products.jsonl  one line per product (Product.from_json); may run ahead of `done` by a chunk
  dataset.json    count, done, size, seed, split, version
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from catalogue import ATTRIBUTES, product_at

CHUNK = 500
VERSION = 3  # raise when the look or the law changes
DATA = Path(__file__).parent / ".data"


def read_state(folder, wanted):
    """How many pictures are there; refuses a folder made with other arguments."""
    path = folder / "dataset.json"
    if not path.exists():
        return 0
    found = json.loads(path.read_text())
    for key, value in wanted.items():
        if found[key] != value:
            sys.exit(f"{path}: {key}: expected {value!r}, found {found[key]!r}; choose another --name or remove it")
    return found["done"]


def write_state(folder, wanted, done):
    part = folder / "dataset.json.part"
    part.write_text(json.dumps({**wanted, "done": done}, indent=1) + "\n")
    os.replace(part, folder / "dataset.json")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--split", choices=("train", "heldout", "novel"), default="train")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    if options.threads:
        os.environ["NUMBA_NUM_THREADS"] = str(options.threads)
    from renderer.render import render  # numba reads the number of threads when it is loaded

    folder = options.data / f"{options.name}-{options.size}"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {"count": options.count, "size": options.size, "seed": options.seed, "split": options.split, "version": VERSION}
    done = read_state(folder, wanted)
    shapes = {"images": (options.count, options.size, options.size, 3), "mask": (options.count, options.size, options.size),
              "attributes": (options.count, len(ATTRIBUTES))}
    arrays = {}
    for key, shape in shapes.items():
        path = folder / f"{key}.npy"
        arrays[key] = open_memmap(path, "r+") if done else open_memmap(path, "w+", np.uint8, shape)
    lines_path = folder / "products.jsonl"
    lines = lines_path.read_text().splitlines()[:done] if done else []
    lines_path.write_text("".join(line + "\n" for line in lines))
    write_state(folder, wanted, done)

    began, first = time.time(), done
    while done < options.count:
        stop = min(done + CHUNK, options.count)
        products = [product_at(options.seed, index, options.split) for index in range(done, stop)]
        images, mask = render(products, options.size)
        arrays["images"][done:stop], arrays["mask"][done:stop] = images, mask
        arrays["attributes"][done:stop] = [product.indices() for product in products]
        with lines_path.open("a") as out:
            out.writelines(product.to_json() + "\n" for product in products)
        for array in arrays.values():
            array.flush()
        done = stop
        write_state(folder, wanted, done)
        seconds = time.time() - began
        rate = seconds / (done - first)
        print(f"{folder.name}: {done}/{options.count}, {1000 * rate:.1f} ms a picture, {(options.count - done) * rate / 60:.0f} min left",
              flush=True)


if __name__ == "__main__":
    main()
