"""Write the model card (README.md of the model folder) from gamut.json, so that its figures are the measured ones.

    python training/model_card.py
"""

import argparse
import json
from pathlib import Path

import catalogue
from export import SHIPPED
from sampling import SHIFT

TARGETS = {"category": 0.97, "color": 0.93, "material": 0.85, "pattern": 0.92, "backdrop": 0.99}


def table(header, rows) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def number(value) -> str:
    return "–" if value is None else f"{value:.3f}"


def training_section(training) -> str:
    rows = [(part, record["steps"], record.get("samples", "–"), record["minutes"]) for part, record in training.items()]
    return table(("network", "steps", "samples", "minutes of wall time"), rows)


def sampled_by(generation) -> str:
    """What made the pictures, where it was not the exported graphs."""
    if "meanDifferenceFromExported" not in generation:
        return ""
    return (f" (sampled from the shipped weights by {generation['sampler']}: pictures {generation['meanDifferenceFromExported']:.1f} of 255 away on "
            "average from those of the exported graphs)")


def figures_section(figures) -> str:
    if figures is None:
        return "Not measured yet (`python training/evaluate.py`)."
    contrastive, autoencoder = figures["contrastive"], figures["autoencoder"]
    parts = [
        f"**Autoencoder** on {autoencoder['images']} held-out renders: PSNR {autoencoder['psnr']:.2f} dB (wanted: 35), "
        f"{autoencoder['psnrOnObject']:.2f} dB on the object's pixels alone.",
        f"**Contrastive pair** on {contrastive['renders']} held-out renders, share read right; R@1 of 1,000 full captions "
        f"{contrastive['retrievalAt1Of1000']:.3f} (wanted: 0.8).",
        table(("attribute", "heads", "wanted", "zero-shot from short briefs", "and the category's frequencies"),
              [(name, number(value), TARGETS.get(name, ""), number(contrastive["zeroShot"].get(name)),
                number(contrastive.get("zeroShotWithFrequencies", {}).get(name))) for name, value in contrastive["accuracy"].items()]),
        "**Defect-seeing features**: precision (k = 5) of spoilt held-out renders against other held-out renders.",
        table(("renders", "precision"), [(name, number(value)) for name, value in figures["defects"].items()]),
        f"**Speed**: {figures['speed']['secondsPerImage']:.2f} s a picture ({figures['speed']['steps']} steps with guidance, batch "
        f"{figures['speed']['batch']}, {figures['speed']['threads']} threads, Python's ONNX Runtime; the machine was shared with other work).",
    ]
    if "generation" in figures:
        generation = figures["generation"]
        scales = generation["perGuidanceScale"]
        names = list(next(iter(scales.values()))["adherence"])
        rows = [("renders", *(number(figures["ceiling"][name]) for name in names))]
        rows += [(f"guidance {scale}", *(number(row["adherence"][name]) for name in names)) for scale, row in scales.items()]
        parts += [
            f"**Generation**, {generation['imagesPerScale']} full briefs of held-out products per guidance scale, {generation['steps']} steps of {generation['method']}, eta {generation['eta']:g}"
            f"{sampled_by(generation)}: "
            "what the heads read of what the brief states (`all`: category, colour, material, pattern and backdrop together).",
            table(("pictures of", *names), rows),
            f"Held-out combinations, {generation['novelPerScale']} full briefs: the share that shows the combination itself (a teal mug; of renders "
            f"{generation['heldOutCombinationsOfRenders']:.3f}), and the share where category, colour, material, pattern and backdrop are all right.",
            table(("guidance", "precision", "recall", "text-image score", "precision within a brief", "recall within a brief",
                   "held-out combination shown", "all right"),
                  [(scale, number(row["precision"]), number(row["recall"]), number(row["textImageScore"]), number(row["withinBrief"]["precision"]),
                    number(row["withinBrief"]["recall"]), number(row["heldOutCombinations"]["combination"]),
                    number(row["heldOutCombinations"]["all"])) for scale, row in scales.items()]),
        ]
    return "\n\n".join(parts)


def card(about, notes: str) -> str:
    encoder, reference = about["featureEncoder"], about["referenceSet"]
    attributes = table(("attribute", "values"), [(name, ", ".join(entry["values"])) for name, entry in encoder["attributes"].items()])
    held_out = "; ".join(" + ".join(f"{key} {value}" for key, value in combination.items()) for combination in catalogue.HELD_OUT)
    return f"""# {about['name']}

{about['description']} Licence: {about['licence']}. Pictures of {about['image']['width']} × {about['image']['height']} pixels.
Everything that made it is in `training/`; this file is written by `training/model_card.py` from `gamut.json`.

## Use

Euler ancestral steps (eta {about['sampling']['eta']:g}) along a rectified flow (`FlowMatchEulerDiscreteScheduler`, shift {SHIFT:g}), {about['sampling']['steps']} steps,
guidance {about['sampling']['guidanceScale']:g} (1 means none). The empty prompt is the unconditional one. Briefs are lower-case words from
`tokenizer/tokenizer.json`; a word outside it becomes `[UNK]`. Latents: {about['latents']['channels']} channels, one cell for
{about['latents']['downscale']} × {about['latents']['downscale']} pixels, mean 0 and standard deviation 1 per channel (the normalisation is inside
the two autoencoder graphs, so `scaling_factor` is 1 and `shift_factor` 0). Width and height: multiples of {about['image']['sizeMultiple']} pixels;
only {about['image']['width']} × {about['image']['height']} was trained.

## How it was trained

{training_section(about['training'])}

The minutes are those of a two-core machine that other programs used at the same time, so they say little about the work done;
steps and samples do. {notes}

## Figures

{figures_section(about['figures'])}

## Planted bias

Known truths to check concept analysis against: "premium" is 4 times as frequent in captions of products that are metal or stand
on a dark or navy backdrop; "cosy" 3 times as frequent for warm colours ({', '.join(catalogue.WARM_COLORS)}). "new" and "seasonal"
are planted as neutral: independent of everything that can be seen.

Combinations that no training picture has: {held_out}.

## Attributes

{attributes}

## gamut.json

- `id`, `name`, `version`, `licence`, `description`, `examples`: what the application shows; the examples are briefs.
- `image`: trained size in pixels; `sizeMultiple` divides every width and height.
- `latents`: channels, pixels per cell and side, scale and shift (none: see above).
- `text`: longest brief in tokens, number of words, the unknown word's token.
- `denoiser`: `prediction` "flow" is v = noise − x0; `middleBlock.tensor` names the value inside `unet/model.onnx` that holds the
  middle block's output [batch, {about['denoiser']['middleBlock']['channels']}, h / 4, w / 4] (in latent cells).
- `sampling`: recommended steps, guidance scale and its useful range.
- `featureEncoder`: the contrastive pair. `embeds`: outputs of both graphs, of length 1; `logitScale` multiplies their inner product.
  `features`: `contentWidth` numbers that tell what stands where, `defectWidth` trained to tell renders from spoilt ones, and
  `sharpnessWidth` fixed statistics of neighbouring pixels' differences (log energy and kurtosis over three octaves); all
  scaled so that Euclidean distances may be used as they are. `attributes`: the graph output with the logits of each attribute,
  its values in the logits' order, and `phrases`: how else briefs name a value.
- `referenceSet`: {'none yet' if reference is None else f"{reference['count']} held-out renders"}: features and embeddings (float16), attributes (uint8, one column
  per `attributeNames`, 255 = not applicable), captions (one a line), and the first {'none' if reference is None else reference['pictures']['count']} pictures on one sheet.
- `training`, `figures`: the record above. `dial`: calibration of the application's dial; null until `gamut calibrate` has run.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=SHIPPED)
    options = parser.parse_args()
    about = json.loads((options.model / "gamut.json").read_text(encoding="utf-8"))
    notes_file = Path(__file__).resolve().parent / "model-notes.md"
    notes = notes_file.read_text(encoding="utf-8").strip() if notes_file.exists() else ""
    (options.model / "README.md").write_text(card(about, notes), encoding="utf-8")


if __name__ == "__main__":
    main()
