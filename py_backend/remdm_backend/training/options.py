"""This module has what the trainer can be told; the defaults make a model like the bundled ones."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from remdm_backend.model.dit import Shape
from remdm_backend.training.objective import OBJECTIVES


@dataclass(frozen=True)
class Recipe:
    """Everything that the result depends on. A run resumes only with the recipe it was started
    with."""

    objective: str = "mdlm"
    hidden: int = 192
    blocks: int = 6
    heads: int = 6
    cond: int = 32
    vocab: int = 1024
    length: int = 128
    batch: int = 32
    steps: int = 1500
    lr: float = 2e-3
    warmup: int = 100
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.998
    validation_share: float = 0.05
    validation_windows: int = 64
    seed: int = 1
    bf16: bool = False

    def shape(self, vocab_size: int) -> Shape:
        return Shape(vocab_size, self.hidden, self.blocks, self.heads, self.cond)

    def flags(self) -> str:
        """Return the recipe as command-line options, for the card's "command to train again"."""
        parts = [
            f"--{name.replace('_', '-')} {value}"
            for name, value in asdict(self).items()
            if name != "bf16"
        ]
        return " ".join([*parts, "--bf16"] if self.bf16 else parts)


@dataclass(frozen=True)
class Options:
    """Where to read and write, and how to run. The result does not depend on it."""

    text: Path
    out: Path
    tokenizer: Path | None
    init: Path | None
    threads: int | None
    device: str
    save_every: int
    validate_every: int
    overwrite: bool
    weights_dtype: str


HELP: dict[str, str] = {
    "objective": "the family: mdlm (SUBS bound), sedd (score entropy) or ar (next token)",
    "hidden": "width of the network",
    "blocks": "number of transformer blocks",
    "heads": "attention heads; must divide the width into an even head size",
    "cond": "width of the noise-level embedding",
    "vocab": "tokens of the tokenizer, the mask not counted",
    "length": "tokens in a sequence",
    "batch": "sequences in a step",
    "steps": "optimizer steps",
    "lr": "peak learning rate (linear warmup, then linear decay to zero)",
    "warmup": "steps of warmup",
    "weight_decay": "AdamW weight decay, on matrices only",
    "clip": "gradient norm limit",
    "ema": "decay of the moving average whose weights are saved",
    "validation_share": "share of the text, from its end, kept for validation",
    "validation_windows": "sequences in the validation set",
    "seed": "seed of the weights, the windows and the noise",
}


def parse(argv: list[str] | None) -> tuple[Recipe, Options]:
    parser = argparse.ArgumentParser(
        prog="python -m remdm_backend.train",
        description="Train a small language model on one text file.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--text", type=Path, required=True, help="UTF-8 text file")
    parser.add_argument("--out", type=Path, required=True, help="directory for the checkpoint")
    for field in fields(Recipe):
        flag = "--" + field.name.replace("_", "-")
        if field.name == "bf16":
            parser.add_argument(flag, action="store_true", help="bfloat16 autocast")
            continue
        parser.add_argument(
            flag,
            type=type(field.default),
            default=field.default,
            choices=sorted(OBJECTIVES) if field.name == "objective" else None,
            help=HELP[field.name],
        )
    parser.add_argument(
        "--tokenizer", type=Path, help="a tokenizer.json to use; trained on the text if not given"
    )
    parser.add_argument(
        "--init", type=Path, help="a checkpoint of the same shape whose weights to begin with"
    )
    parser.add_argument("--threads", type=int, help="CPU threads; PyTorch's choice if not given")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--save-every", type=int, default=100, help="steps between saved states")
    parser.add_argument("--validate-every", type=int, default=100, help="steps between validations")
    parser.add_argument("--overwrite", action="store_true", help="replace a finished checkpoint")
    parser.add_argument(
        "--weights-dtype",
        choices=["float32", "bfloat16", "float16"],
        default="float32",
        help="number format of the saved weights",
    )
    given = vars(parser.parse_args(argv))
    recipe = Recipe(**{field.name: given.pop(field.name) for field in fields(Recipe)})
    if recipe.hidden % (2 * recipe.heads):
        parser.error(f"--hidden {recipe.hidden} must be a multiple of twice --heads {recipe.heads}")
    for name in ("blocks", "batch", "steps", "length", "validation_windows"):
        if getattr(recipe, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    return recipe, Options(**given)
