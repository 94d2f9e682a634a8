"""The word tokenizer in the Hugging Face `tokenizers` format, made from the captions' vocabulary."""

import json
from pathlib import Path

import numpy as np
import tokenizers
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

import captions
from networks.text_encoder import PAD

MAX_LENGTH = 48
PUNCTUATION = (",",)  # a comma ends a phrase; captions know no other sign
SPECIAL = ("[PAD]", "[UNK]", "[BOS]", "[EOS]")


def build() -> Tokenizer:
    words = [*PUNCTUATION, *sorted(set(captions.vocabulary()))]
    vocabulary = {word: index for index, word in enumerate((*SPECIAL, *words))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[BOS] $A [EOS]",
        pair="[BOS] $A [EOS] $B:1 [EOS]:1",
        special_tokens=[("[BOS]", vocabulary["[BOS]"]), ("[EOS]", vocabulary["[EOS]"])],
    )
    tokenizer.add_special_tokens([tokenizers.AddedToken(word, special=True) for word in SPECIAL])
    tokenizer.enable_truncation(MAX_LENGTH)
    assert tokenizer.token_to_id("[PAD]") == PAD
    return tokenizer


def load(path: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(MAX_LENGTH)
    tokenizer.no_padding()
    return tokenizer


def encode(tokenizer: Tokenizer, texts: list[str], length: int | None = None) -> torch.Tensor:
    """int64 [B,L], padded to `length` or to the longest text."""
    rows = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    ids = np.full((len(rows), length or max(map(len, rows))), PAD, np.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
    return torch.from_numpy(ids)


def write(tokenizer: Tokenizer, folder: Path) -> None:
    """tokenizer.json (padding and truncation included) and tokenizer_config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.enable_truncation(MAX_LENGTH)
    tokenizer.enable_padding(pad_id=PAD, pad_token="[PAD]", length=MAX_LENGTH)
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": MAX_LENGTH,
        "padding_side": "right",
        "pad_token": "[PAD]", "unk_token": "[UNK]", "bos_token": "[BOS]", "eos_token": "[EOS]",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
