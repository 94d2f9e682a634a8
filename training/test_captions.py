"""Run with: python -m pytest training"""

import numpy as np

from captions import brief_attributes, caption, example_briefs, vocabulary, words
from catalogue import ATTRIBUTES, HELD_OUT, Product, is_held_out, product_at

PRODUCTS = [product_at(5, index) for index in range(1500)]


def test_a_caption_never_states_what_the_product_is_not():
    known = set(vocabulary())
    for index, product in enumerate(PRODUCTS):
        for style in ("mixed", "short", "full"):
            text = caption(product, np.random.default_rng(index), style)
            assert set(words(text)) <= known, text
            found = brief_attributes(text)
            assert "category" in found, text
            assert found == {key: getattr(product, key) for key in found}, text


def test_two_fifths_of_mixed_captions_are_short_or_partial():
    counts = [len(brief_attributes(caption(product, np.random.default_rng(index)))) for index, product in enumerate(PRODUCTS)]
    assert np.mean(np.array(counts) <= 4) >= 0.4


def test_a_full_caption_states_every_attribute_that_is_not_usual():
    for index, product in enumerate(PRODUCTS[:300]):
        found = brief_attributes(caption(product, np.random.default_rng(index), "full"))
        for key in ("category", "color", "material", "backdrop", "light"):
            assert found[key] == getattr(product, key)
        for key in ("accent", "detail", "mood"):
            assert found.get(key, "none") == getattr(product, key)


def test_example_briefs_are_understood():
    known = set(vocabulary())
    for brief in example_briefs():
        assert set(words(brief)) <= known, brief
        assert "category" in brief_attributes(brief), brief


def test_every_word_but_rare_ones_occurs():
    seen = set()
    for index, product in enumerate(PRODUCTS):
        for draw in range(4):
            seen |= set(words(caption(product, np.random.default_rng([index, draw]))))
    assert len(set(vocabulary()) - seen) <= 3


def test_held_out_combinations_never_occur_in_training():
    assert not any(is_held_out({key: getattr(product, key) for key in ATTRIBUTES}) for product in PRODUCTS)
    novel = [product_at(3, index, "novel") for index in range(40)]
    assert all(is_held_out({key: getattr(product, key) for key in ATTRIBUTES}) for product in novel)
    assert all(value in ATTRIBUTES[key] for combination in HELD_OUT for key, value in combination.items())


def test_a_product_survives_json_and_depends_on_its_index_only():
    for index, product in enumerate(PRODUCTS[:20]):
        assert Product.from_json(product.to_json()) == product == product_at(5, index)
        assert all(0 <= value < len(ATTRIBUTES[key]) for key, value in zip(ATTRIBUTES, product.indices()))
