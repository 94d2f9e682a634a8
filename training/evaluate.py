"""Measure an exported model on held-out renders and on generated pictures; results go into gamut.json.

    python training/evaluate.py --images 500        # per guidance scale
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import captions
import catalogue
import spoil
from dataset import RenderedSet, to_images, to_pixels
from export import SHIPPED
from manifold import covered, precision_and_recall, radii
from quick_runtime import QuickModel
from runtime import ExportedModel
from sampling import ETA, METHOD
from stated import NAMES, UNSTATED, stated

GUIDANCE_SCALES = (1.0, 2.0, 3.0, 5.0)
JUDGED = [name for name in NAMES if name != "mood"]  # a mood cannot be seen for certain
K = 5


def decibels(error: np.ndarray) -> float:
    return float((-10 * np.log10(error)).mean())


def autoencoder_figures(model, data, count=512) -> dict:
    whole, on_object = [], []
    for start in range(0, count, 32):
        pixels, masks = data.images[start : start + 32], data.masks[start : start + 32] > 0
        error = ((model.decode(model.encode(pixels)).astype(np.float32) - pixels) / 255) ** 2
        error = error.mean(3)
        whole += list(error.mean((1, 2)))
        on_object += [image[mask].mean() for image, mask in zip(error, masks)]
    return {"psnr": decibels(np.array(whole)), "psnrOnObject": decibels(np.array(on_object)), "images": count}


def accuracy(seen: dict, attributes: np.ndarray) -> dict:
    """Share of pictures whose attribute the heads read right, per attribute."""
    result = {}
    for index, name in enumerate(NAMES):
        known = attributes[:, index] < UNSTATED
        result[name] = float((seen[f"logits_{name}"][known].argmax(1) == attributes[known, index]).mean()) if known.any() else None
    return result


def zero_shot(model, seen, attributes, frequencies, scale) -> tuple[dict, dict]:
    """Accuracy of attributes chosen by the nearest short brief; and with their frequencies taken into account.

    The pair's score tells how much likelier a brief is for this picture than for any (InfoNCE learns log p(x|v) / p(x)), so
    it leaves out how frequent a value is, which the heads know. For the second figure the logarithm of a value's share
    within its category, among the renders with attributes `frequencies`, is added to `scale` times the score (Bayes' rule). A tower that align_text.py has taught knows them already.
    """
    plain, weighed = {}, {}
    categories = catalogue.ATTRIBUTES["category"]
    for name in ("category", "color", "material", "pattern", "backdrop"):
        index, values = NAMES.index(name), catalogue.ATTRIBUTES[name]
        rng = np.random.default_rng(3)
        counts = np.full((len(categories) if name != "category" else 1, len(values)), 0.5)
        choices = np.zeros((*counts.shape, seen["image_embeds"].shape[1]), np.float32)
        for row in range(len(choices)):
            for column, value in enumerate(values):
                fields = {"category": categories[row], name: value}
                texts = [captions.caption(plain_product(fields), rng, style="full") for _ in range(4)]
                choices[row, column] = model.text_embeds(texts).mean(0)

        def kept(rows):  # pictures that have the attribute, each with its row of choices
            rows = rows[rows[:, index] < UNSTATED]
            return (rows[:, 0].astype(int) if name != "category" else np.zeros(len(rows), int)), rows[:, index]

        np.add.at(counts, kept(frequencies), 1)
        row, value = kept(attributes)
        scores = np.einsum("nd,nvd->nv", seen["image_embeds"][attributes[:, index] < UNSTATED], choices[row])
        plain[name] = float((scores.argmax(1) == value).mean())
        scores = scale * scores + np.log(counts / counts.sum(1, keepdims=True))[row]
        weighed[name] = float((scores.argmax(1) == value).mean())
    return plain, weighed


def plain_product(fields: dict):
    """A product of which a caption states only `fields`."""
    template = catalogue.product_at(0, 0)
    unsaid = dict(color="none", accent="none", material="none", pattern="none", backdrop="none", light="none", height="none",
                  width="none", detail="none", mood="none")
    return catalogue.Product(**{**json.loads(template.to_json()), "form": template.form, **unsaid, **fields})


def retrieval(model, seen, data, count=1000) -> float:
    """R@1: the own picture is the nearest of `count` to the full caption."""
    rng = np.random.default_rng(5)
    products = [catalogue.Product.from_json(line) for line in data.products()[:count]]
    texts = model.text_embeds([captions.caption(product, rng, style="full") for product in products])
    return float(((texts @ seen["image_embeds"][:count].T).argmax(1) == np.arange(len(products))).mean())


def defect_figures(model, data, reference, count=1000) -> dict:
    """Precision against the reference of clean and of spoilt renders, each kind of defect in rising strength."""
    squared = radii(reference, K)
    pixels, images = data.images[:count], to_images(data.images[:count])

    def precision(pixels) -> float:
        return float(covered(model.look(pixels)["features"], reference, squared).mean())

    found = {"clean": precision(pixels)}
    for sigma in (0.5, 1.0, 2.0):
        found[f"blurred {sigma:g} px"] = precision(to_pixels(spoil.blur(images, sigma)))
    for sharp in (True, False):
        generator = torch.Generator().manual_seed(11)  # both kinds of warp move the same pixels
        for deviation in (1.0, 2.0, 4.0):
            name = f"warped {deviation:g} px" + ("" if sharp else ", bilinear")
            warped = [to_pixels(spoil.warp(part, deviation, generator, sharp=sharp)) for part in images.split(64)]
            found[name] = precision(np.concatenate(warped))
    for times in ("once", "twice", "three times"):
        pixels = recode(model, pixels)
        found[f"re-encoded {times}"] = precision(pixels)
    return found


def recode(model, pixels, batch=32):
    return np.concatenate([model.decode(model.encode(pixels[i : i + batch])) for i in range(0, len(pixels), batch)])


def briefs_of(data, count) -> tuple[list[str], np.ndarray]:
    """Full captions of held-out products with the attributes each states."""
    rng = np.random.default_rng(13)
    texts = [captions.caption(catalogue.Product.from_json(line), rng, style="full") for line in data.products()[:count]]
    return texts, np.stack([stated(text) for text in texts])


def generate(model, texts, guidance_scale, steps, cells, seed) -> np.ndarray:
    batch = model.batch
    noise = np.random.default_rng(seed).standard_normal((len(texts), 8, cells, cells), dtype=np.float32)
    return np.concatenate([model.generate(texts[i : i + batch], noise[i : i + batch], steps, guidance_scale) for i in range(0, len(texts), batch)])


def obeyed(seen, wanted) -> dict:
    """Accuracy on what the briefs state, and the share of pictures where category, colour, material, pattern and backdrop all hold."""
    result = accuracy(seen, wanted)
    all_right = np.ones(len(wanted), bool)
    for name in ("category", "color", "material", "pattern", "backdrop"):
        index = NAMES.index(name)
        said = wanted[:, index] < UNSTATED
        all_right &= ~said | (seen[f"logits_{name}"].argmax(1) == wanted[:, index])
    return {**{name: result[name] for name in JUDGED}, "all": float(all_right.mean())}


def combinations_shown(seen, products) -> float:
    """Share of pictures that show the held-out combination itself (a teal mug), whatever else the brief states."""
    shown = []
    for row, product in enumerate(products):
        fields = {key: getattr(product, key) for key in catalogue.ATTRIBUTES}
        never_seen = [combination for combination in catalogue.HELD_OUT if all(fields[key] == value for key, value in combination.items())]
        wanted = {key: value for combination in never_seen for key, value in combination.items()}
        shown.append(all(catalogue.ATTRIBUTES[key][seen[f"logits_{key}"][row].argmax()] == value for key, value in wanted.items()))
    return float(np.mean(shown))


def within_briefs(model, data, guidance_scale, steps, cells, briefs=6, per_brief=40) -> dict:
    """Mean precision and recall of one category's pictures against held-out renders of the same category and colour."""
    attributes = np.array(data.attributes[: data.done])
    pairs, counts = np.unique(attributes[:, :2], axis=0, return_counts=True)
    scores = []
    for category, color in pairs[np.argsort(-counts)[:briefs]]:
        rows = np.flatnonzero((attributes[:, 0] == category) & (attributes[:, 1] == color))[:400]
        reference = model.look(data.images[rows])["features"]
        text = f"{catalogue.ATTRIBUTES['color'][color]} {catalogue.ATTRIBUTES['category'][category]}"
        pictures = generate(model, [text] * per_brief, guidance_scale, steps, cells, seed=17)
        scores.append(precision_and_recall(model.look(pictures)["features"], reference, K))
    return {"precision": float(np.mean([p for p, _ in scores])), "recall": float(np.mean([r for _, r in scores])),
            "briefs": briefs, "perBrief": per_brief}


def generation_figures(model, data, novel, reference, ceiling, options):
    """Yields what is known after each guidance scale."""
    squared, cells, scales = radii(reference, K), options.size // 8, {}
    texts, wanted = briefs_of(data, options.images)
    new_texts, new_wanted = briefs_of(novel, options.novel)
    new_products = [catalogue.Product.from_json(line) for line in novel.products()[: options.novel]]
    shown_by_renders = combinations_shown(model.look(novel.images[: options.novel]), new_products)
    sampler = {"sampler": model.sampler, "method": METHOD, "eta": ETA}
    if options.quick:
        noise = np.random.default_rng(1).standard_normal((16, 8, cells, cells), dtype=np.float32)
        sampler["meanDifferenceFromExported"] = model.difference(texts[:16], noise, options.steps)
    for scale in GUIDANCE_SCALES:
        pictures = generate(model, texts, scale, options.steps, cells, seed=1)
        seen = model.look(pictures)
        figures = {"adherence": obeyed(seen, wanted)}
        figures["adherenceOfCeiling"] = {name: figures["adherence"][name] / ceiling[name] for name in ceiling if ceiling[name]}
        figures["precision"] = float(covered(seen["features"], reference, squared).mean())
        figures["recall"] = float(covered(reference[:2000], seen["features"], radii(seen["features"], K)).mean())
        figures["textImageScore"] = float((model.text_embeds(texts) * seen["image_embeds"]).sum(1).mean())
        figures["withinBrief"] = within_briefs(model, data, scale, options.steps, cells, options.briefs, options.per_brief)
        new = model.look(generate(model, new_texts, scale, options.steps, cells, seed=2))
        figures["heldOutCombinations"] = {**obeyed(new, new_wanted), "combination": combinations_shown(new, new_products)}
        scales[f"{scale:g}"] = figures
        sheet = [np.concatenate(list(pictures[i : i + 8]), 1) for i in range(0, min(64, len(pictures)) // 8 * 8, 8)]
        Image.fromarray(np.concatenate(sheet)).save(options.sheets / f"guidance-{scale:g}.webp", quality=90)
        print(f"guidance {scale:g}", json.dumps(figures), flush=True)
        yield {"imagesPerScale": options.images, "steps": options.steps, "novelPerScale": options.novel, **sampler,
               "heldOutCombinationsOfRenders": shown_by_renders, "perGuidanceScale": scales}


def speed(model, cells, batch=8, steps=20) -> dict:
    """Seconds per picture with guidance, batch 8, on two threads of the machine at hand."""
    texts = captions.example_briefs()[:batch]
    noise = np.random.default_rng(0).standard_normal((batch, 8, cells, cells), dtype=np.float32)
    model.generate(texts, noise, 2)
    begin = time.perf_counter()
    model.generate(texts, noise, steps)
    return {"secondsPerImage": (time.perf_counter() - begin) / batch, "steps": steps, "batch": batch, "threads": model.threads}


def render_figures(model, data, count, options) -> tuple[dict, np.ndarray]:
    """What needs no generated picture, and the features of the second half of the renders, the reference."""
    seen = model.look(data.images[:count])
    attributes, half = np.array(data.attributes[:count]), count // 2
    reference = seen["features"][half:]
    ceiling_wanted = briefs_of(data, min(2000, half))[1]
    first = {name: values[: len(ceiling_wanted)] for name, values in seen.items()}
    scale = json.loads((options.model / "gamut.json").read_text(encoding="utf-8"))["featureEncoder"]["embeds"]["logitScale"]
    plain, weighed = zero_shot(model, first, attributes[: len(ceiling_wanted)], attributes[half:], scale)
    figures = {
        "autoencoder": autoencoder_figures(model, data, min(512, count)),
        "contrastive": {"accuracy": accuracy(seen, attributes), "zeroShot": plain, "zeroShotWithFrequencies": weighed,
                        "retrievalAt1Of1000": retrieval(model, seen, data, min(1000, half)), "renders": count},
        "defects": defect_figures(model, data, reference, min(1000, half)),
        "ceiling": obeyed(first, ceiling_wanted),
        "speed": speed(ExportedModel(options.model), options.size // 8),
    }
    return figures, reference


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def save(model: Path, figures: dict) -> None:
    """Into gamut.json, beside what is there; written beside and renamed."""
    path = model / "gamut.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    about["figures"] = rounded({**(about["figures"] or {}), **figures})
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--heldout", default="heldout")
    parser.add_argument("--novel-data", default="novel")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--renders", type=int, default=10_000)
    parser.add_argument("--images", type=int, default=500, help="generated pictures per guidance scale")
    parser.add_argument("--novel", type=int, default=100)
    parser.add_argument("--briefs", type=int, default=6)
    parser.add_argument("--per-brief", type=int, default=40)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="sample in PyTorch at bfloat16; how much that changes is stored beside the figures")
    parser.add_argument("--only-renders", action="store_true", help="leave generation out")
    parser.add_argument("--only-generation", action="store_true", help="keep the stored figures of renders, after export.py --only denoiser")
    parser.add_argument("--sheets", type=Path, help="folder of the contact sheets; the model's own by default")
    options = parser.parse_args()
    options.sheets = options.sheets or options.model / "samples"
    options.sheets.mkdir(parents=True, exist_ok=True)

    model = QuickModel(options.model) if options.quick else ExportedModel(options.model)
    data, novel = RenderedSet(options.heldout, options.size), RenderedSet(options.novel_data, options.size)
    # the reference is one half of the renders, the judged ones come from the other
    count = min(options.renders, data.done)
    if options.only_generation:
        stored = json.loads((options.model / "gamut.json").read_text(encoding="utf-8"))["figures"] or {}
        if "ceiling" not in stored:
            parser.error(f"--only-generation: expected figures of renders in {options.model / 'gamut.json'}, found none; leave it out once")
        ceiling = stored["ceiling"]
        reference = model.look(data.images[count // 2 : count])["features"]
    else:
        figures, reference = render_figures(model, data, count, options)
        ceiling = figures["ceiling"]
        print(json.dumps(rounded(figures), indent=1), flush=True)
        save(options.model, figures)
    if not options.only_renders:
        for generation in generation_figures(model, data, novel, reference, ceiling, options):
            save(options.model, {"generation": generation})


if __name__ == "__main__":
    main()
