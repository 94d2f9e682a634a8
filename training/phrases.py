"""How each attribute value may be said. The grammar (captions.py), its inverse and the vocabulary all read these tables."""

CATEGORY = {
    "mug": ("mug", "cup", "coffee mug"), "vase": ("vase", "flower vase"), "bottle": ("bottle", "flask"),
    "bowl": ("bowl", "serving bowl"), "lamp": ("lamp", "table lamp", "desk lamp"), "chair": ("chair", "dining chair"),
    "teapot": ("teapot", "tea pot"), "stool": ("stool", "bar stool"), "clock": ("clock", "desk clock"),
    "planter": ("planter", "plant pot", "flower pot", "potted plant"), "jug": ("jug", "pitcher"),
    "candlestick": ("candlestick", "candle holder"), "goblet": ("goblet", "chalice"),
    "table": ("table", "side table", "coffee table"),
}
COLOR = {
    "white": ("white",), "black": ("black", "jet black"), "grey": ("grey", "gray"), "cream": ("cream", "beige", "ivory"),
    "brown": ("brown", "chocolate brown"), "red": ("red", "scarlet"), "terracotta": ("terracotta", "rust"), "orange": ("orange",),
    "yellow": ("yellow", "lemon"), "green": ("green", "emerald"), "teal": ("teal", "turquoise"), "blue": ("blue", "cobalt", "cobalt blue"),
    "navy": ("navy", "navy blue", "dark blue"), "purple": ("purple", "violet"), "pink": ("pink", "rose"),
    "silver": ("silver", "chrome"), "gold": ("gold", "golden", "brass"), "copper": ("copper", "bronze"),
    "clear": ("clear", "transparent"),
}
# said before the noun | after it
MATERIAL = {
    "glazed": (("glazed", "glossy", "glazed ceramic", "shiny"), ("glazed finish", "glossy finish")),
    "matte": (("matte", "matt"), ("matte finish",)),
    "metal": (("metal", "metallic"), ("made of metal", "in metal")),
    "wood": (("wooden", "wood"), ("made of wood", "in wood")),
    "glass": (("glass",), ("made of glass", "in glass")),
    "fabric": (("fabric", "woven", "upholstered"), ("in fabric", "woven fabric")),
    "stone": (("stone",), ("made of stone", "in stone")),
}
PATTERN = {
    "plain": (("plain", "unpatterned"), ("no pattern",)),
    "stripes": (("striped",), ("stripes", "vertical stripes")),
    "bands": (("banded",), ("bands", "horizontal bands", "rings")),
    "dots": (("dotted", "spotted"), ("dots", "polka dots", "spots")),
    "checks": (("checked", "checkered", "chequered"), ("checks", "squares")),
}
BACKDROP = {
    "white": ("white",), "grey": ("grey", "gray"), "sand": ("sand", "sandy", "sand coloured"), "dark": ("dark", "charcoal", "black"),
    "sky": ("sky blue", "light blue", "sky", "blue"), "sage": ("sage", "sage green", "pale green", "green"),
    "blush": ("blush", "blush pink", "pale pink", "pink"), "navy": ("navy", "navy blue", "deep blue"),
}
BACKDROP_FORMS = ("on a {} backdrop", "on a {} background", "{} backdrop", "{} background", "against a {} backdrop", "on {}")
LIGHT = {
    "soft": ("soft light", "soft lighting", "diffuse light"), "dramatic": ("dramatic light", "dramatic lighting", "hard light", "strong shadows"),
    "warm": ("warm light", "warm lighting", "evening light"), "cool": ("cool light", "cool lighting", "cold light"),
    "backlit": ("backlit", "back light", "light from behind"),
}
HEIGHT = {"short": ("short", "low", "squat"), "medium": ("medium height",), "tall": ("tall", "high")}
WIDTH = {"slender": ("slender", "slim", "narrow"), "medium": ("medium width",), "wide": ("wide", "broad")}
DETAIL = {
    "round body": ("round body", "rounded body", "round belly"), "flared rim": ("flared rim", "flared lip"),
    "angular handle": ("angular handle", "square handle"), "narrow neck": ("narrow neck", "thin neck"),
    "hourglass shape": ("hourglass shape", "narrow waist"), "fluted body": ("fluted body", "fluted sides", "ribbed sides"),
    "two handles": ("two handles", "double handles"), "long neck": ("long neck", "tall neck"),
    "ball stopper": ("ball stopper", "round stopper"), "cork stopper": ("cork stopper", "cork"),
    "footed base": ("footed base", "raised foot"), "broad rim": ("broad rim", "wide rim"), "cone shade": ("cone shade", "conical shade"),
    "dome shade": ("dome shade", "domed shade"), "ladder back": ("ladder back", "slatted back"),
    "spindle back": ("spindle back", "spindles"), "armrests": ("armrests", "arms"), "top handle": ("top handle", "handle on top"),
    "tapered body": ("tapered body", "conical body"), "foot ring": ("foot ring", "foot rest"), "three legs": ("three legs",),
    "padded seat": ("padded seat", "cushioned seat"), "arched top": ("arched top", "round arch"), "twin bells": ("twin bells", "two bells"),
    "cactus": ("cactus",), "tall leaves": ("tall leaves", "pointed leaves"), "raised legs": ("raised legs", "tall legs"),
    "saucer base": ("saucer base", "saucer"), "two arms": ("two arms", "three candles"), "tulip shape": ("tulip shape", "tulip bowl"),
    "round top": ("round top",), "lower shelf": ("lower shelf", "shelf below"), "crossed legs": ("crossed legs", "cross legs"),
}
MOOD = {"premium": ("premium",), "cosy": ("cosy", "cozy"), "playful": ("playful",), "new": ("new",), "seasonal": ("seasonal",)}

# where a category shows its accent colour, and words that fit everywhere
ACCENT_NOUN = {
    "mug": ("handle",), "jug": ("handle",), "teapot": ("lid",), "bottle": ("cap", "stopper"), "lamp": ("shade", "lampshade"),
    "chair": ("legs",), "stool": ("legs",), "table": ("legs",), "clock": ("rim", "frame"), "candlestick": ("candle", "candles"),
    "planter": ("legs",), "vase": ("handles",),
}
ACCENT_ANYWHERE = ("accents", "details", "trim")

# neutral words: they say nothing about the picture, and the model learns so
OPENINGS = ("a photo of a", "photo of a", "product photo of a", "studio photo of a", "a picture of a", "catalogue photo of a", "image of a",
            "studio shot of a", "product shot", "the", "our", "one", "an image of the", "show me a", "please make a", "this is a", "simple", "a", "a")
CLOSINGS = ("for the autumn line", "for the spring collection", "for the summer range", "for the winter catalogue", "for our shop",
            "for the store", "for the home page", "product photo", "studio photo", "catalogue photo", "for a gift", "for the kitchen",
            "for the living room", "for the office", "for the dining room", "for the bedroom", "from the new range of designs",
            "for a campaign", "for the website", "at home", "high quality", "clean and simple", "isolated", "centred", "in the studio",
            "by a young designer", "design", "product design", "for advertising", "for print", "for an online shop", "for a magazine")
NEUTRAL_ONLY = ("high quality", "from the new range of designs")


def synonyms() -> dict[str, dict[str, list[str]]]:
    """How briefs name each attribute's values other than by the value itself, for gamut.json."""
    colors = {value: options for value, options in COLOR.items() if value != "clear"}
    tables = {"category": CATEGORY, "color": COLOR, "accent": colors, "material": {value: before for value, (before, _) in MATERIAL.items()},
              "pattern": {value: before + after for value, (before, after) in PATTERN.items() if value != "plain"},
              "backdrop": BACKDROP, "light": LIGHT, "height": HEIGHT, "width": WIDTH, "detail": DETAIL, "mood": MOOD}
    others = {name: {value: [phrase for phrase in phrases if phrase != value] for value, phrases in table.items() if value != "medium"}
              for name, table in tables.items()}
    return {name: {value: phrases for value, phrases in table.items() if phrases} for name, table in others.items()}
