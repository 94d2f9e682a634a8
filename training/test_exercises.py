"""Run with: python -m pytest training"""

import numpy as np
import pytest

pytest.importorskip("torch")

import catalogue  # noqa: E402
import tokenizer as words  # noqa: E402
from exercises import exercise, recombined  # noqa: E402
from stated import NAMES, UNSTATED  # noqa: E402

PRODUCTS = [catalogue.product_at(5, index) for index in range(400)]


def test_recombined_products_keep_their_form_and_are_never_held_out():
    rng = np.random.default_rng(1)
    others = [recombined(product, rng) for product in PRODUCTS]
    for product, other in zip(PRODUCTS, others):
        assert not catalogue.is_held_out({key: getattr(other, key) for key in catalogue.ATTRIBUTES})
        assert other.color in catalogue.COLOR[product.material] and other.accent != other.color
        assert (other.accent == "none") == (product.accent == "none")
        for key in ("category", "material", "pattern", "detail", "height", "width"):
            assert getattr(other, key) == getattr(product, key)
    # rare colours come as often as frequent ones: of some 270 glazed and matte products a fifteenth each
    painted = [other.color for product, other in zip(PRODUCTS, others) if product.material in ("glazed", "matte")]
    assert painted.count("navy") > 0.5 * painted.count("white")


def test_an_exercise_states_what_its_words_say():
    noise, ids, labels = exercise(PRODUCTS[:8], np.random.default_rng(2), words.build(), (8, 16, 16))
    assert noise.shape == (8, 8, 16, 16) and len(ids) == len(labels) == 8
    assert (labels[:, NAMES.index("category")] < UNSTATED).all()
    assert (labels[1::2, NAMES.index("color")] < UNSTATED).all()
