"""This module writes what a finished run leaves, which ``load_network`` reads."""

from __future__ import annotations

import hashlib
import json
import math

import torch
from safetensors.torch import save

from remdm_backend.checkpoint.card_file import CARD_FILE, card_fields
from remdm_backend.checkpoint.safetensors_file import MODEL_FILE
from remdm_backend.training.corpus import Corpus
from remdm_backend.training.objective import OBJECTIVES
from remdm_backend.training.options import Options, Recipe
from remdm_backend.training.state import Run, write_atomically


def export(
    run: Run, corpus: Corpus, options: Options, *, text: str, validation_loss: float
) -> None:
    """Write weights and tokenizer first, the card last, so that a card means a whole checkpoint."""
    recipe = run.recipe
    dtype: torch.dtype = getattr(torch, options.weights_dtype)
    tensors = {name: p.cpu().to(dtype).contiguous() for name, p in run.average.shadow.items()}
    objective = OBJECTIVES[recipe.objective]
    inv_freq = run.network.get_buffer("rotary_emb.inv_freq")
    tensors["rotary_emb.inv_freq"] = inv_freq.cpu().contiguous()
    card = card_fields(
        kind=objective.kind,
        vocab_size=corpus.mask_id + 1,
        mask_id=corpus.mask_id,
        length=recipe.length,
        time_conditioning=objective.time_conditioning,
        n_heads=recipe.heads,
        weights="ema",
        training={
            "data": options.text.name,
            "data_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "steps": run.step,
            "tokens": run.step * recipe.batch * recipe.length,
            "seconds": round(run.seconds),
            "validation_loss": round(validation_loss, 4),
            "validation_loss_meaning": f"{objective.meaning}, averaged weights",
            "validation_perplexity": round(math.exp(validation_loss), 2),
            "weights_dtype": options.weights_dtype,
            "torch": torch.__version__,
            "command": command(recipe, options),
        },
    )
    out = options.out
    (out / CARD_FILE).unlink(missing_ok=True)
    write_atomically(out / "tokenizer.json", lambda p: p.write_text(corpus.tokenizer_json, "utf-8"))
    write_atomically(out / MODEL_FILE, lambda p: p.write_bytes(save(tensors)))
    card_json = json.dumps(card, indent=2) + "\n"
    write_atomically(out / CARD_FILE, lambda p: p.write_text(card_json, "utf-8"))


def command(recipe: Recipe, options: Options) -> str:
    """Return the command that trains the model again.

    Files go by their names alone, except the directory of a bundled model.
    """
    parts = ["python -m remdm_backend.train", f"--text {options.text.name}"]
    parts.append(f"--out {options.out.name}")
    if options.tokenizer is not None:
        parts.append(f"--tokenizer {options.tokenizer.parent.name}/{options.tokenizer.name}")
    if options.init is not None:
        parts.append(f"--init {options.init.name}")
    return " ".join([*parts, recipe.flags(), f"--weights-dtype {options.weights_dtype}"])
