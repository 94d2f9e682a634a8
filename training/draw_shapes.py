"""Flat drawn shapes, a warm start for the autoencoder while the renders are not there yet.

    python training/draw_shapes.py --count 6000        # writes .data/shapes-128
"""

import argparse
import json
from multiprocessing import Pool

import numpy as np
from PIL import Image, ImageDraw

from dataset import DATA

SIZE, DRAWN = 128, 256  # drawn at twice the size, then reduced


def outline(draw, rng, x, y, w, h):
    """One random filled shape around (x, y)."""
    kind = rng.integers(6)
    if kind == 0:
        draw.ellipse([x - w, y - h, x + w, y + h], fill=255)
    elif kind == 1:
        draw.rounded_rectangle([x - w, y - h, x + w, y + h], radius=min(w, h) * rng.uniform(0, 0.9), fill=255)
    elif kind == 2:
        foot = w * rng.uniform(0.2, 1.5)
        draw.polygon([(x - w, y - h), (x + w, y - h), (x + foot, y + h), (x - foot, y + h)], fill=255)
    elif kind == 3:
        draw.arc([x - w, y - h, x + w, y + h], rng.uniform(0, 360), rng.uniform(360, 720), fill=255, width=int(rng.uniform(4, 14)))
    elif kind == 4:
        for _ in range(rng.integers(2, 5)):
            draw.line([x + rng.normal(0, 40), y - h, x + rng.normal(0, 40), y + h], fill=255, width=int(rng.uniform(4, 12)))
    else:
        along = np.linspace(0, 1, 24)
        radius = w * (0.4 + 0.6 * np.interp(along, np.linspace(0, 1, 5), rng.uniform(0, 1, 5)))
        heights = y - h + 2 * h * along
        draw.polygon([*zip(x + radius, heights), *zip((x - radius)[::-1], heights[::-1])], fill=255)


def surface(rng, rows, columns, x, y, w, h):
    """Colour, pattern, shading and a highlight over the whole canvas."""
    colors = np.broadcast_to(rng.uniform(0, 255, 3), (DRAWN, DRAWN, 3)).copy()
    pattern, other, period = rng.random(), rng.uniform(0, 255, 3), rng.uniform(14, 50)
    if pattern < 0.25:
        colors[(rows // period) % 2 == 0] = other
    elif pattern < 0.35:
        colors[(columns // period) % 2 == 0] = other
    elif pattern < 0.5:
        colors[((columns % period - period / 2) ** 2 + (rows % period - period / 2) ** 2) < (0.3 * period) ** 2] = other
    elif pattern < 0.58:
        colors *= (1 + 0.15 * np.sin(rows / rng.uniform(2, 8) + rng.uniform(0, 3) * np.sin(columns / 20)))[..., None]
    light = 1 + rng.uniform(-0.8, 0.8) * ((columns - x) / (2 * w + 1)).clip(-1, 1) + rng.uniform(-0.3, 0.3) * ((rows - y) / (2 * h + 1)).clip(-1, 1)
    colors = colors * light[..., None]
    if rng.random() < 0.5:
        across, down, spread = x + rng.normal(0, w / 2), y + rng.normal(0, h / 2), rng.uniform(4, 18)
        colors += 220 * np.exp(-(((columns - across) / spread) ** 2 + ((rows - down) / (spread * rng.uniform(0.6, 4))) ** 2))[..., None]
    return Image.fromarray(np.clip(colors, 0, 255).astype(np.uint8))


def picture(seed):
    """(uint8 [128,128,3], mask uint8 [128,128])"""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:DRAWN, 0:DRAWN].astype(float)
    shade = 1 + rng.uniform(-0.25, 0.25) * (columns / DRAWN - 0.5) + rng.uniform(-0.35, 0.35) * (rows / DRAWN - 0.5)
    image = Image.fromarray(np.clip(rng.uniform(120, 235, 3) * shade[..., None], 0, 255).astype(np.uint8))
    mask, centre = Image.new("L", (DRAWN, DRAWN), 0), rng.uniform(90, 166, 2)
    for _ in range(rng.integers(2, 7)):
        layer = Image.new("L", (DRAWN, DRAWN), 0)
        (x, y), (w, h) = centre + rng.normal(0, 30, 2), rng.uniform(8, 80, 2)
        outline(ImageDraw.Draw(layer), rng, x, y, w, h)
        image.paste(surface(rng, rows, columns, x, y, w, h), mask=layer)
        mask.paste(255, mask=layer)
    return np.asarray(image.resize((SIZE, SIZE), Image.LANCZOS)), np.asarray(mask.resize((SIZE, SIZE), Image.BOX))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=6000)
    options = parser.parse_args()
    folder = DATA / f"shapes-{SIZE}"
    folder.mkdir(parents=True, exist_ok=True)
    with Pool() as pool:
        drawn = pool.map(picture, range(options.count), chunksize=50)
    np.save(folder / "images.npy", np.stack([image for image, _ in drawn]))
    np.save(folder / "mask.npy", np.stack([mask for _, mask in drawn]))
    np.save(folder / "attributes.npy", np.zeros((options.count, 0), np.uint8))
    (folder / "dataset.json").write_text(json.dumps({"count": options.count, "done": options.count}) + "\n")


if __name__ == "__main__":
    main()
