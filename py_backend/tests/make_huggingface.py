"""Write tiny masked language models with random weights and their tokenizers, in the format of
Hugging Face: ``make_huggingface.py OUT KIND...`` writes ``OUT/KIND`` for each of bert, roberta and
llada-style that is named.

``llada-style`` is what LLaDA's checkpoints are like, on an architecture that transformers has built
in: byte-level BPE, ``<|endoftext|>``, the mask in the middle of the vocabulary, a padded embedding.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

WORDS = "the a cat dog sat ran on under mat tree . , ##s ##ing big small red and or not"
LENGTH = 32


def word_piece(directory: Path) -> int:
    """BERT's kind of tokenizer; the mask is 4. Returns the number of tokens."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split()]
    vocab = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(tokens[:5])
    names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    write(tokenizer, names, directory)
    return len(tokens)


def byte_level(directory: Path, special: list[str], names: Mapping[str, object]) -> int:
    """Every byte a token, after ``special``. Returns the number of tokens."""
    vocab = {
        token: index for index, token in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))
    }
    vocab = {**{token: index for index, token in enumerate(special)},
             **{token: index + len(special) for token, index in vocab.items()}}  # fmt: skip
    tokenizer = Tokenizer(models.BPE(vocab, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    write(tokenizer, names, directory)
    return len(vocab)


def write(tokenizer: Tokenizer, names: Mapping[str, object], directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(json.dumps(names))


def bert(directory: Path, **changes: object) -> transformers.PreTrainedModel:
    size = word_piece(directory)
    config = transformers.BertConfig(**{
        "vocab_size": size, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 64, "max_position_embeddings": LENGTH, **changes,
    })  # fmt: skip
    return transformers.BertForMaskedLM(config)


def roberta(directory: Path, **changes: object) -> transformers.PreTrainedModel:
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    names = {"bos_token": "<s>", "eos_token": "</s>", "mask_token": {"content": "<mask>"}}
    size = byte_level(directory, special, names)
    config = transformers.RobertaConfig(**{
        "vocab_size": size, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 64, "max_position_embeddings": LENGTH + 2, **changes,
    })  # fmt: skip
    return transformers.RobertaForMaskedLM(config)


def llada_style(directory: Path, **changes: object) -> transformers.PreTrainedModel:
    special = ["<|startoftext|>", "<|endoftext|>", "<|mdm_mask|>"]
    names = {"bos_token": special[0], "eos_token": special[1]}
    size = byte_level(directory, special, names)
    config = transformers.ModernBertConfig(**{
        "vocab_size": size + 61, "hidden_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": LENGTH,
        "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 1, "cls_token_id": 0,
        "sep_token_id": 1, "mask_token_id": 2, **changes,
    })  # fmt: skip
    return transformers.ModernBertForMaskedLM(config)


MAKERS = {"bert": bert, "roberta": roberta, "llada-style": llada_style}


def main(out: str, *kinds: str) -> None:
    transformers.utils.logging.disable_progress_bar()
    for kind in kinds:
        torch.manual_seed(0)
        directory = Path(out) / kind
        MAKERS[kind](directory).save_pretrained(directory)


if __name__ == "__main__":
    main(*sys.argv[1:])
