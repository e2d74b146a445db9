"""Write tiny causal language models with random weights, and what transformers and mauve-text
themselves make of some texts: ``make_judge.py OUT`` for the tests of the SDK.

``OUT/gpt2`` is in the format of Hugging Face, ``OUT/ar`` one of ours, ``OUT/ar-raw`` one without an
average; ``OUT/expected.json`` has the texts, and for ``gpt2`` their likelihoods, features and
MAUVE.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import mauve
import numpy as np
import torch
import transformers
from make_checkpoint import Recipe, checkpoint_dict, save
from make_huggingface import byte_level
from numpy.typing import NDArray
from torch.nn import functional as F

END = "<|endoftext|>"
CONTEXT = 32
TEXTS = ["To be, or not to be", f"that is{END} the question{END}{END} whether", "a", "", END,
         f"{END}'tis nobler{END}in the mind", "to suffer the slings and arrows of outrageous " * 2,
         "naïve café: ☃"]  # fmt: skip


def gpt2(directory: Path, **changes: object) -> transformers.PreTrainedModel:
    """Saves it and gives it. Weights are larger than usual, so that texts differ."""
    size = byte_level(directory, [END], {"bos_token": END, "eos_token": END})
    config = transformers.GPT2Config(**{
        "vocab_size": size, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": CONTEXT,
        "bos_token_id": 0, "eos_token_id": 0, "initializer_range": 0.3, **changes,
    })  # fmt: skip
    model = transformers.GPT2LMHeadModel(config).eval()
    model.save_pretrained(directory)
    return model


def encoded(directory: Path, text: str) -> list[int]:
    """As transformers' own tokenizer for the directory says, with its special tokens."""
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(directory / "tokenizer.json")
    )
    ids: list[int] = tokenizer(text)["input_ids"]
    return ids


@torch.no_grad()
def likelihood_of(
    model: transformers.PreTrainedModel, ids: list[int], eos: int | None
) -> tuple[float, int]:
    """The original's computation on one text: nothing padded, one chunk of the context a time."""
    nats, counted = 0.0, 0
    for chunk in torch.tensor([ids]).split(CONTEXT, dim=-1):
        if chunk.shape[1] < 2:
            continue
        losses = F.cross_entropy(
            model(chunk)[0].transpose(-1, -2)[..., :-1], chunk[..., 1:], reduction="none"
        )
        mask = torch.ones_like(chunk, dtype=torch.bool)
        if eos is not None:
            mask = ((chunk == eos).cumsum(-1) == 1) + (chunk != eos)
        nats += float((losses * mask[..., 1:]).double().sum())
        counted += int(mask[..., 1:].sum())
    return nats, counted


@torch.no_grad()
def features_of(model: transformers.PreTrainedModel, ids: list[int]) -> NDArray[np.float32]:
    """``[H]``"""
    states = model(torch.tensor([ids]), output_hidden_states=True).hidden_states[-1]
    vector: NDArray[np.float32] = states[0, -1].numpy()
    return vector


def many_texts(seed: int, count: int) -> list[str]:
    """Of different lengths, and of different letters for another seed."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefgh" if seed % 2 else "efghijklmnop"))
    return ["".join(rng.choice(letters, rng.integers(3, 20))) for _ in range(count)]


def ar(path: Path, *, average: bool = True) -> None:
    """One of ours, with GPT-2's byte tokenizer beside it and a mask after its tokens; without
    ``average`` it has the trained weights only."""
    recipe = Recipe(
        hidden=32,
        blocks=2,
        heads=2,
        vocab=258,
        length=CONTEXT,
        backbone="ar",
        parameterization="ar",
    )
    path.mkdir(parents=True, exist_ok=True)
    byte_level(path, [END], {"bos_token": END, "eos_token": END})
    content = checkpoint_dict(recipe)
    if not average:
        del content["ema"]
    save(content, path / "model.ckpt")


def expected(directory: Path) -> dict[str, Any]:
    model = gpt2(directory)
    ids = [encoded(directory, text) for text in TEXTS]
    references, samples = many_texts(1, 60), many_texts(2, 40)
    vectors = [
        np.stack([features_of(model, encoded(directory, text)) for text in texts])
        for texts in (references, samples)
    ]
    seeds = [1, 2]
    scores = [mauve.compute_mauve(*vectors, seed=seed, verbose=False).mauve for seed in seeds]
    return {
        "texts": TEXTS,
        # As the SDK does by default: cut to the judge's length.
        "likelihoods": [likelihood_of(model, some[:CONTEXT], 0) for some in ids],
        # In the place of no text stands what begins one.
        "features": [features_of(model, (some or [0])[:CONTEXT]).tolist() for some in ids],
        "references": references,
        "samples": samples,
        "seeds": seeds,
        "scores": scores,
        # Of whole texts, in chunks.
        "long": [likelihood_of(model, some, 0) for some in ids],
    }


def main(out: str) -> None:
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(0)
    directory = Path(out)
    (directory / "expected.json").parent.mkdir(parents=True, exist_ok=True)
    (directory / "expected.json").write_text(json.dumps(expected(directory / "gpt2")))
    ar(directory / "ar")
    ar(directory / "ar-raw", average=False)


if __name__ == "__main__":
    main(sys.argv[1])
