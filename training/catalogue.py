"""The catalogue: what a product is, and the long-tailed law it is drawn from.

The law is Zipf-like in every attribute and attributes hang together as they do in a shop (bottles are glass, chairs
wood), so most of the mass lies on a few hundred combinations of category, colour, material and pattern while thousands
occur once or never. Combinations in `HELD_OUT` never occur in training.

Planted, so that a concept analysis can be checked against a known truth (see `mood_of`):
  premium  4 times as frequent on products that are metal or stand on a dark backdrop
  cosy     3 times as frequent on products in warm colours
  new, seasonal  independent of everything
"""

import json
from bisect import bisect
from dataclasses import asdict, dataclass
from itertools import accumulate

import numpy as np

COLORS = ("white", "black", "grey", "cream", "brown", "red", "terracotta", "orange", "yellow", "green", "teal", "blue",
          "navy", "purple", "pink", "silver", "gold", "copper", "clear")
WARM_COLORS = ("cream", "brown", "red", "terracotta", "orange", "yellow", "gold", "copper")
DARK_BACKDROPS = ("dark", "navy")

DETAILS = {
    "mug": ("none", "round body", "flared rim", "angular handle"),
    "vase": ("none", "narrow neck", "flared rim", "hourglass shape", "fluted body", "two handles"),
    "bottle": ("none", "long neck", "ball stopper", "cork stopper"),
    "bowl": ("none", "footed base", "broad rim", "fluted body"),
    "lamp": ("none", "cone shade", "dome shade"),
    "chair": ("none", "ladder back", "spindle back", "armrests"),
    "teapot": ("none", "top handle", "tapered body"),
    "stool": ("none", "foot ring", "three legs", "padded seat"),
    "clock": ("none", "arched top", "twin bells"),
    "planter": ("none", "cactus", "tall leaves", "raised legs"),
    "jug": ("none", "round body", "long neck"),
    "candlestick": ("none", "saucer base", "two arms"),
    "goblet": ("none", "tulip shape"),
    "table": ("none", "round top", "lower shelf", "crossed legs"),
}

ATTRIBUTES = {
    "category": tuple(DETAILS),
    "color": COLORS,
    "accent": ("none",) + COLORS[:-1],
    "material": ("glazed", "matte", "metal", "wood", "glass", "fabric", "stone"),
    "pattern": ("plain", "stripes", "bands", "dots", "checks"),
    "backdrop": ("white", "grey", "sand", "dark", "sky", "sage", "blush", "navy"),
    "light": ("soft", "dramatic", "warm", "cool", "backlit"),
    "height": ("short", "medium", "tall"),
    "width": ("slender", "medium", "wide"),
    "detail": tuple(dict.fromkeys(detail for details in DETAILS.values() for detail in details)),
    "mood": ("none", "premium", "cosy", "playful", "new", "seasonal"),
}
NOT_APPLICABLE = 255

# Visible classes: a gap lies between the ranges of scale.
HEIGHT_SCALES = {"short": (0.68, 0.76), "medium": (0.95, 1.05), "tall": (1.24, 1.36)}
WIDTH_SCALES = {"slender": (0.70, 0.78), "medium": (0.95, 1.05), "wide": (1.22, 1.34)}


def zipf(values, exponent=0.8, offset=1.5):
    """Weights 1 / (rank + offset)^exponent for values in order of rank."""
    return {value: 1.0 / (rank + offset) ** exponent for rank, value in enumerate(values)}


CATEGORY = zipf(("mug", "vase", "chair", "lamp", "bottle", "bowl", "teapot", "stool", "planter", "table", "jug", "clock",
                 "candlestick", "goblet"), exponent=0.5, offset=3.0)

MATERIAL = {
    "mug": {"glazed": 10, "matte": 6, "metal": 2, "glass": 0.8, "stone": 0.5, "wood": 0.3},
    "vase": {"glazed": 8, "matte": 6, "glass": 3.5, "metal": 1.8, "stone": 1.4, "wood": 1},
    "bottle": {"glass": 8, "glazed": 5, "matte": 3.5, "metal": 2.5, "stone": 0.5},
    "bowl": {"glazed": 8, "wood": 4, "matte": 4, "metal": 2, "glass": 1.5, "stone": 1.5},
    "lamp": {"glazed": 6, "metal": 5, "matte": 4, "wood": 3, "stone": 1.2, "glass": 0.8},
    "chair": {"wood": 9, "fabric": 4, "matte": 4, "metal": 1.5},
    "teapot": {"glazed": 9, "matte": 4, "metal": 3, "stone": 0.4},
    "stool": {"wood": 8, "fabric": 3, "matte": 3, "metal": 1.5},
    "clock": {"matte": 5, "wood": 4, "metal": 4, "glazed": 3, "stone": 1},
    "planter": {"matte": 7, "glazed": 5, "stone": 3, "wood": 1.5, "metal": 1.2, "fabric": 1.2},
    "jug": {"glazed": 9, "matte": 4, "metal": 2, "glass": 1.5, "stone": 0.4},
    "candlestick": {"metal": 7, "matte": 3, "glazed": 3, "wood": 2.5, "stone": 1.5},
    "goblet": {"glass": 7, "metal": 4, "glazed": 3, "matte": 1.5, "wood": 0.8, "stone": 0.5},
    "table": {"wood": 9, "matte": 3.5, "stone": 1.5, "metal": 1.2},
}

PAINT = zipf(("white", "blue", "black", "red", "grey", "green", "yellow", "teal", "cream", "pink", "orange", "terracotta",
              "purple", "navy", "brown"), exponent=0.75)
COLOR = {
    "glazed": PAINT, "matte": PAINT,
    "metal": {"silver": 9, "gold": 7, "copper": 5, "red": 0.8, "blue": 0.7, "green": 0.4, "teal": 0.3},
    "wood": {"brown": 9, "cream": 6, "terracotta": 1.8, "black": 1.6, "white": 0.9, "red": 0.4, "green": 0.35, "blue": 0.35,
             "teal": 0.2},
    "glass": {"clear": 7, "green": 4, "blue": 3.2, "brown": 2, "teal": 1.5, "pink": 1.2, "grey": 1, "purple": 0.8,
              "yellow": 0.5, "red": 0.4},
    "fabric": zipf(("grey", "cream", "blue", "green", "red", "yellow", "pink", "teal", "navy", "orange", "terracotta", "purple",
                    "black"), exponent=0.6),
    "stone": {"grey": 7, "white": 5, "black": 2.5, "cream": 2.5, "terracotta": 1, "green": 0.8, "pink": 0.5},
}

ACCENT_RATE = {"lamp": 0.6, "chair": 0.4, "stool": 0.45, "table": 0.45, "bottle": 0.6, "teapot": 0.5, "clock": 0.6,
               "candlestick": 0.45, "mug": 0.28, "jug": 0.28}
ACCENT = zipf(("white", "black", "gold", "brown", "red", "blue", "yellow", "green", "orange", "silver", "teal", "pink", "copper",
               "navy", "purple", "grey", "cream", "terracotta"), exponent=0.7)
# vase, bowl and goblet have no lid, handle or legs: an accent shows only in a pattern
ACCENT_ONLY_IN_PATTERN = ("bowl", "goblet")
PATTERNED = {"glazed": 0.45, "matte": 0.42, "fabric": 0.45}
PATTERN = {"stripes": 4.0, "bands": 3.6, "dots": 3.4, "checks": 2.4}
FLAT_PATTERN = {"stripes": 4.0, "dots": 3.0, "checks": 3.5}
NEVER_PATTERNED = ("clock", "candlestick")
METALS = ("silver", "gold", "copper")

BACKDROP = zipf(("white", "grey", "sand", "dark", "sky", "sage", "blush", "navy"), exponent=0.7, offset=2.0)
LIGHT = {"soft": 0.36, "warm": 0.18, "dramatic": 0.17, "cool": 0.14, "backlit": 0.15}
HEIGHT = {"medium": 0.42, "tall": 0.30, "short": 0.28}
WIDTH = {"medium": 0.42, "slender": 0.29, "wide": 0.29}

# Never in training: pairs (attribute, value) that do not occur together, about 4 % of the law's mass.
HELD_OUT = tuple({"category": category, **other} for category, other in (
    ("mug", {"color": "teal"}), ("mug", {"color": "pink", "pattern": "dots"}), ("vase", {"color": "orange"}),
    ("vase", {"material": "glass", "detail": "hourglass shape"}), ("chair", {"color": "yellow"}), ("lamp", {"color": "green"}),
    ("lamp", {"material": "wood", "accent": "red"}), ("bottle", {"color": "orange"}), ("bottle", {"pattern": "checks"}),
    ("bowl", {"color": "purple"}), ("bowl", {"material": "wood", "backdrop": "navy"}), ("teapot", {"color": "yellow"}),
    ("teapot", {"color": "blue", "pattern": "stripes"}), ("stool", {"color": "red"}), ("planter", {"color": "navy"}),
    ("planter", {"material": "stone", "detail": "cactus"}), ("table", {"color": "blue"}), ("jug", {"color": "purple"}),
    ("clock", {"color": "pink"}), ("candlestick", {"color": "green"}), ("goblet", {"color": "purple"}),
))


@dataclass(frozen=True)
class Product:
    """Named attributes, and the continuous numbers that make each picture its own."""

    category: str
    color: str
    accent: str
    material: str
    pattern: str
    backdrop: str
    light: str
    height: str
    width: str
    detail: str
    mood: str
    height_scale: float
    width_scale: float
    form: tuple
    yaw: float
    elevation: float
    zoom: float
    shift_x: float
    shift_y: float
    light_turn: float
    seed: int

    def to_json(self):
        return json.dumps(asdict(self), separators=(",", ":"))

    @staticmethod
    def from_json(line):
        fields = json.loads(line)
        return Product(**{**fields, "form": tuple(fields["form"])})

    def indices(self):
        """One number per attribute, in the order of ATTRIBUTES."""
        return [values.index(getattr(self, key)) for key, values in ATTRIBUTES.items()]


def pick(rng, weights, without=()):
    """A key, with probability in proportion to its weight."""
    items = [(key, weight) for key, weight in weights.items() if key not in without]
    sums = list(accumulate(weight for _, weight in items))
    return items[min(bisect(sums, rng.random() * sums[-1]), len(items) - 1)][0]


def between(rng, low, high):
    return round(low + (high - low) * float(rng.random()), 4)


def mood_of(rng, material, color, backdrop):
    """The planted bias: rates of the moods, given what can be seen."""
    premium = 0.22 if material == "metal" or backdrop in DARK_BACKDROPS else 0.055
    cosy = 0.18 if color in WARM_COLORS else 0.06
    rates = {"new": 0.09, "seasonal": 0.09, "premium": premium, "cosy": cosy, "playful": 0.06}
    return pick(rng, {**rates, "none": 1.0 - sum(rates.values())})


def is_held_out(fields):
    return any(all(fields[key] == value for key, value in combination.items()) for combination in HELD_OUT)


def sample_attributes(rng):
    """One draw of the law, held-out combinations included."""
    category = pick(rng, CATEGORY)
    material = pick(rng, MATERIAL[category])
    color = pick(rng, COLOR[material])
    patterned = category not in NEVER_PATTERNED and material in PATTERNED and rng.random() < PATTERNED[material]
    if category == "lamp" and not patterned:
        patterned = rng.random() < 0.15
    if category == "planter" and material == "fabric":
        patterned = False
    pattern = pick(rng, FLAT_PATTERN if category in ("chair", "stool", "table") else PATTERN) if patterned else "plain"
    rate = ACCENT_RATE.get(category, 0.0)
    if category == "vase" or category in ACCENT_ONLY_IN_PATTERN:
        rate = 0.0
    needs = pattern != "plain" or (material == "fabric" and category in ("chair", "stool"))
    accent = "none"
    detail = pick(rng, zipf(DETAILS[category], exponent=0.6, offset=1.2))
    if category == "vase" and detail == "two handles":
        rate = 0.3
    if category == "planter":
        rate = 0.6 if detail == "raised legs" else 0.0
    if category == "bottle" and detail == "cork stopper":
        rate = 0.0
    if needs or rng.random() < rate:
        close = {"white": ("cream", "silver"), "cream": ("white", "gold"), "gold": ("yellow", "cream"), "brown": ("black", "copper"),
                 "terracotta": ("orange", "copper", "red"), "orange": ("terracotta", "copper"), "black": ("navy", "brown"),
                 "navy": ("black",), "red": ("terracotta",), "copper": ("terracotta", "orange", "brown"), "grey": ("silver",),
                 "silver": ("grey", "white"), "yellow": ("gold",), "clear": ()}.get(color, ())
        barred = (color,) + close + (METALS if pattern != "plain" else ())
        accent = pick(rng, ACCENT, without=barred)
    backdrop = pick(rng, BACKDROP)
    return {
        "category": category, "color": color, "accent": accent, "material": material, "pattern": pattern,
        "backdrop": backdrop, "light": pick(rng, LIGHT), "height": pick(rng, HEIGHT), "width": pick(rng, WIDTH),
        "detail": detail, "mood": mood_of(rng, material, color, backdrop),
    }


def yaw_of(rng, category):
    """Turn about the vertical. As in a catalogue, handles and spouts all stay to one side and furniture is turned one way:
    where either side was as likely, the denoiser drew a handle on each, and where a stool stood any way, a leg too many."""
    if category in ("mug", "jug", "teapot", "vase", "candlestick"):
        return between(rng, -0.6, 0.6)
    if category in ("clock", "planter"):
        return between(rng, -0.5, 0.5)
    if category in ("chair", "stool", "table"):
        return between(rng, 0.25, 0.85)
    return between(rng, 0, 6.28)


def sample_product(rng, split="train"):
    """A product: `train` and `heldout` draw from the training law, `novel` from the held-out combinations only."""
    if split not in ("train", "heldout", "novel"):
        raise ValueError(f"split: expected train, heldout or novel, got {split!r}")
    fields = sample_attributes(rng)
    while is_held_out(fields) != (split == "novel"):
        fields = sample_attributes(rng)
    return Product(
        **fields,
        height_scale=between(rng, *HEIGHT_SCALES[fields["height"]]),
        width_scale=between(rng, *WIDTH_SCALES[fields["width"]]),
        form=tuple(between(rng, 0, 1) for _ in range(6)),
        yaw=round(float(yaw_of(rng, fields["category"])), 4), elevation=between(rng, -3, 4), zoom=between(rng, 0.97, 1.04),
        shift_x=between(rng, -0.05, 0.05), shift_y=between(rng, -0.03, 0.03), light_turn=between(rng, -0.2, 0.2),
        seed=int(rng.integers(1 << 31)))


def product_at(seed, index, split="train"):
    """The index-th product of a data set: it does not depend on how many were drawn before."""
    return sample_product(np.random.default_rng([seed, index, ("train", "heldout", "novel").index(split)]), split)
