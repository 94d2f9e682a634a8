"""Exercises for the denoiser's first step: briefs that no picture goes with, read back by the latent reader.

The flow loss knows nothing of a purple stool where the catalogue has next to none, and what a brief asks is settled at
t = 1, where the guess follows the words alone. So products of the law have their colour, accent and backdrop exchanged,
evenly among all that their material comes in, and the guess at t = 1 is asked for what the brief states. Held-out
combinations stay unseen: no exercise states one.
"""

from dataclasses import replace

import numpy as np
import torch

import captions
import catalogue
import tokenizer as words
from attribute_reading import VISIBLE, attribute_losses
from stated import stated

ASKED = ("category", "color", "accent", "backdrop")  # what a guess that is the mean of many pictures can show
SURE = 0.2  # nats: a reader as sure as this asks for no more, so that nothing is exaggerated
WEIGHT = 0.75  # of an exercise, where one of a picture's guesses weighs 1 (see `shown_loss`)


def recombined(product: catalogue.Product, rng) -> catalogue.Product:
    """The product in another colour, with another accent where it has one, before another backdrop; never a held-out combination."""
    while True:
        color = str(rng.choice(tuple(catalogue.COLOR[product.material])))
        barred = (color,) + (catalogue.METALS if product.pattern != "plain" else ())
        accents = tuple(name for name in catalogue.ACCENT if name not in barred)
        accent = "none" if product.accent == "none" else str(rng.choice(accents))
        other = replace(product, color=color, accent=accent, backdrop=str(rng.choice(tuple(catalogue.BACKDROP))))
        if not catalogue.is_held_out({key: getattr(other, key) for key in catalogue.ATTRIBUTES}):
            return other


def exercise(products, rng, tokenizer, shape):
    """(noise, input_ids, stated attributes) of one recombined brief per product; `shape` is a latent's."""
    texts = [captions.caption(recombined(product, rng), rng, style="full" if place % 2 else "mixed") for place, product in enumerate(products)]
    noise = torch.from_numpy(rng.standard_normal((len(texts), *shape), dtype=np.float32))
    return noise, words.encode(tokenizer, texts), torch.from_numpy(np.stack([stated(text) for text in texts])).long()


def exercise_loss(model, latent_reader, part):
    """What the guesses x - v at t = 1 show less surely than the reader need be, summed over what the briefs state."""
    noise, input_ids, labels = part
    x = noise.contiguous(memory_format=torch.channels_last)
    guess = x - model.unet(x, torch.full((len(x),), 1000.0), model.text_encoder(input_ids)).float()
    losses = attribute_losses(latent_reader(guess), labels)
    asked = torch.tensor([name in ASKED for name in VISIBLE])
    return WEIGHT * ((losses - SURE).clamp(min=0) * asked).sum(1).mean()
