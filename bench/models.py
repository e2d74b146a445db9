"""Write a model of the published size with random weights: ``models.py OUT dit|ar|bd3lm BLOCK``;
a BD3-LM in its published format."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from remdm_backend.model.autoregressive import Autoregressive
from remdm_backend.model.block_diffusion import BlockDiffusion
from remdm_backend.model.dit import DiT, Shape

LENGTH = 1024
SPREAD = 3.0
SHAPE = Shape(vocab_size=50_258, hidden_size=768, n_blocks=12, n_heads=12, cond_dim=128)


def main(out: Path, kind: str, block: int) -> None:
    torch.manual_seed(0)
    networks = {"ar": Autoregressive, "dit": DiT, "bd3lm": BlockDiffusion}
    network = networks[kind](SHAPE)
    for parameter in network.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.02)
    # Logits spread as those of a trained model, so that a nucleus has a usual size.
    torch.nn.init.normal_(network.output_layer.linear.weight, std=SPREAD / SHAPE.hidden_size**0.5)
    out.mkdir(parents=True, exist_ok=True)
    prefix = "backbone." if kind == "bd3lm" else ""
    tensors = {prefix + name: part for name, part in network.state_dict().items()}
    save_file(tensors, out / "model.safetensors")
    if kind == "bd3lm":
        config = {
            "model_type": "bd3lm",
            "block_size": block,
            "model_length": LENGTH,
            "vocab_size": SHAPE.vocab_size,
            "hidden_dim": SHAPE.hidden_size,
            "cond_dim": SHAPE.cond_dim,
            "n_blocks": SHAPE.n_blocks,
            "n_heads": SHAPE.n_heads,
        }
        (out / "config.json").write_text(json.dumps(config))
        return
    card = {
        "kind": "ar" if kind == "ar" else "mdlm",
        "vocab_size": SHAPE.vocab_size,
        "mask_id": SHAPE.vocab_size - 1,
        "length": LENGTH,
        "time_conditioning": False,
        "n_heads": SHAPE.n_heads,
        "weights": "raw",
    }
    (out / "card.json").write_text(json.dumps(card))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
