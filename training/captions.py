"""Captions from a grammar, and the way back: which attribute values a brief states.

Lower-case words and commas. From one word ("mug") to a full brief ("tall matte vase, terracotta, on a dark backdrop,
soft light, for the autumn line"). Of mixed captions about 18 % are one or two words and 30 % state two to four attributes.
"""

import re
from functools import lru_cache

from catalogue import ATTRIBUTES
from phrases import (ACCENT_ANYWHERE, ACCENT_NOUN, BACKDROP, BACKDROP_FORMS, CATEGORY, CLOSINGS, COLOR, DETAIL, HEIGHT,
                     LIGHT, MATERIAL, MOOD, NEUTRAL_ONLY, OPENINGS, PATTERN, WIDTH)

BEFORE_NOUN = {"color": COLOR, "height": HEIGHT, "width": WIDTH, "mood": MOOD}
CONNECTIVES = ("with a", "in")


def choose(rng, options):
    """One option; the first is twice as frequent as the others."""
    n = int(rng.integers(len(options) + 1))
    return options[max(n - 1, 0)]


def stated(product, rng, style):
    """Which attributes this caption will mention."""
    visible = [key for key in ("color", "material", "pattern", "accent", "detail", "backdrop", "light", "height", "width", "mood")
               if getattr(product, key) not in ("none",)
               and not (key in ("height", "width") and getattr(product, key) == "medium" and rng.random() < 0.8)
               and not (key == "pattern" and product.pattern == "plain" and rng.random() < 0.85)]
    if style == "full":
        return set(visible)
    draw = rng.random()
    if style == "short" or draw < 0.18:
        count = int(rng.integers(0, 2)) if style != "short" else int(rng.integers(0, 4))
    elif draw < 0.48:
        count = int(rng.integers(2, 5))
    else:
        return {key for key in visible if rng.random() < (0.85 if key in ("color", "mood") else 0.72)}
    # what a person says first: colour, then material, pattern and size
    weights = {"color": 3.0, "material": 2.0, "pattern": 2.0 if product.pattern != "plain" else 0.5, "mood": 1.6}
    order = sorted(visible, key=lambda key: -(rng.random() ** (1.0 / weights.get(key, 1.0))))
    return set(order[:count])


def accent_phrase(product, rng, says):
    """The accent colour together with the thing that carries it: a pattern, a lid, legs; None when nothing is said."""
    color = choose(rng, COLOR[product.accent])
    if product.pattern != "plain":
        if "pattern" in says and rng.random() < 0.7:
            says.discard("pattern")
            return f"with {color} {choose(rng, PATTERN[product.pattern][1])}"
        return f"with {color} {choose(rng, ACCENT_ANYWHERE)}"
    nouns = ACCENT_NOUN.get(product.category, ())
    if nouns and rng.random() < 0.8:
        noun = choose(rng, nouns)
        article = "" if noun.endswith("s") else "a "
        return f"with {article}{color} {noun}"
    return f"with {color} {choose(rng, ACCENT_ANYWHERE)}"


def caption(product, rng, style="mixed"):
    """One caption. `rng` is a numpy Generator; the same state gives the same words."""
    if style not in ("mixed", "short", "full"):
        raise ValueError(f"style: expected mixed, short or full, got {style!r}")
    says = stated(product, rng, style)
    before, after = [], []
    if "accent" in says:
        after.append(accent_phrase(product, rng, says))
    for key, table in BEFORE_NOUN.items():
        if key not in says:
            continue
        phrase = choose(rng, table[getattr(product, key)])
        (after if phrase.startswith("medium") or rng.random() < 0.15 else before).append(phrase)
    for key, table in (("material", MATERIAL), ("pattern", PATTERN)):
        if key not in says:
            continue
        adjectives, phrases = table[getattr(product, key)]
        if rng.random() < 0.75:
            before.append(choose(rng, adjectives))
        else:
            phrase = choose(rng, phrases)
            after.append(f"with {phrase}" if key == "pattern" and product.pattern != "plain" and rng.random() < 0.6 else phrase)
    if "detail" in says:
        phrase = choose(rng, DETAIL[product.detail])
        article = "" if phrase.endswith("s") and not phrase.endswith("us") else "a "
        after.append(phrase if rng.random() < 0.4 else f"with {article}{phrase}")
    if "backdrop" in says:
        after.append(choose(rng, BACKDROP_FORMS).format(choose(rng, BACKDROP[product.backdrop])))
    if "light" in says:
        phrase = choose(rng, LIGHT[product.light])
        after.append(f"in {phrase}" if product.light != "backlit" and rng.random() < 0.25 else phrase)
    long = len(says) > 1
    if long and rng.random() < 0.22:
        after.append(choose(rng, CLOSINGS))

    if rng.random() < 0.4:  # otherwise the usual order: mood, size, material, colour
        before = [before[i] for i in rng.permutation(len(before))]
    else:
        before.reverse()
    after = [after[i] for i in rng.permutation(len(after))]
    noun = choose(rng, CATEGORY[product.category])
    opening = choose(rng, OPENINGS) if rng.random() < (0.3 if long else 0.12) else ""
    head = " ".join(filter(None, [opening, *before, noun]))
    if rng.random() < 0.12 and long:  # key words only: the noun first
        return ", ".join([noun, *before, *after])
    # "vase with a narrow neck, on a dark backdrop": the first addition may follow without a comma
    if after and after[0].startswith(("with", "on ", "in ", "against", "for ")) and rng.random() < 0.75:
        head = f"{head} {after.pop(0)}"
    return ", ".join([head, *after])


def words(text):
    return re.findall(r"[a-z]+", text.lower())


def every_phrase():
    for table in (CATEGORY, COLOR, BACKDROP, LIGHT, HEIGHT, WIDTH, DETAIL, MOOD, ACCENT_NOUN):
        for phrases in table.values():
            yield from phrases
    for table in (MATERIAL, PATTERN):
        for adjectives, phrases in table.values():
            yield from adjectives + phrases
    yield from (form.format("") for form in BACKDROP_FORMS)
    yield from ACCENT_ANYWHERE + OPENINGS + CLOSINGS + CONNECTIVES


def vocabulary():
    """Every word that can occur, sorted."""
    return sorted({word for phrase in every_phrase() for word in words(phrase)})


@lru_cache(maxsize=1)
def meanings():
    """Phrase (tuple of words) -> the attribute values it states."""
    table = {}

    def put(phrase, **values):
        table[tuple(words(phrase))] = values

    for phrase in NEUTRAL_ONLY:
        put(phrase)
    for key, phrases in (("height", HEIGHT), ("width", WIDTH), ("light", LIGHT), ("mood", MOOD), ("detail", DETAIL),
                         ("color", COLOR), ("category", CATEGORY)):
        for value, options in phrases.items():
            for option in options:
                put(option, **{key: value})
    for key, phrases in (("material", MATERIAL), ("pattern", PATTERN)):
        for value, (adjectives, tails) in phrases.items():
            for option in adjectives + tails:
                put(option, **{key: value})
    for value, options in BACKDROP.items():
        for option in options:
            for form in BACKDROP_FORMS:
                put(form.format(option), backdrop=value)
    nouns = {noun for nouns in ACCENT_NOUN.values() for noun in nouns} | set(ACCENT_ANYWHERE)
    for value, options in COLOR.items():
        if value == "clear":
            continue
        for option in options:
            for noun in nouns:
                put(f"{option} {noun}", accent=value)
            # a holder for candles, not a coloured candle
            put(f"{option} candle holder", color=value, category="candlestick")
            for pattern, (_, tails) in PATTERN.items():
                for tail in tails if pattern != "plain" else ():
                    put(f"{option} {tail}", accent=value, pattern=pattern)
    return table


def brief_attributes(text):
    """Attribute values that a brief states: the longest known phrases, from left to right; the first word on a matter
    wins. A comma ends a phrase: "red, dots" is a red thing with dots, "red dots" are the dots."""
    table = meanings()
    longest = max(len(phrase) for phrase in table)
    found = {}
    for segment in text.split(","):
        tokens, at = words(segment), 0
        while at < len(tokens):
            for length in range(min(longest, len(tokens) - at), 0, -1):
                values = table.get(tuple(tokens[at:at + length]))
                if values is not None:
                    for key, value in values.items():
                        found.setdefault(key, value)
                    break
            at += length
    return {key: found[key] for key in ATTRIBUTES if key in found}


def example_briefs():
    """A dozen good briefs, short and full; first those the shipped weights draw best, as a stranger tries the first one."""
    return [
        "slender bottle, green glass, cork stopper, backlit",
        "cosy terracotta mug with a round body, warm light",
        "white jug with red bands, on a grey backdrop",
        "plant pot with a cactus, checked, cream with black checks, cool light",
        "wooden chair with a ladder back, on a sage backdrop",
        "blue teapot",
        "tall glass vase, blue, on a white backdrop",
        "playful yellow lamp, on a sky blue background",
        "tall matte vase, terracotta, on a dark backdrop, soft light, for the autumn line",
        "premium gold candlestick, dramatic light",
        "mug",
        "red clock with twin bells, on a sky blue background",
    ]
