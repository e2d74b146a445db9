"""Write a checkpoint in the published format, with random weights: ``make_checkpoint.py OUT
[--hidden ...]``.

The defaults are the published size (169M parameters, 1.4 GB on disk). Config and tokenizer are
pickled under the names of OmegaConf's and transformers' classes, without those packages: loading
the file with ``torch.load`` would need them, as it does for the published files.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from remdm_backend.checkpoint.architecture import empty_network
from remdm_backend.checkpoint.registry import network_for
from remdm_backend.model.dit import Shape
from remdm_backend.model.rotary import inverse_frequencies


@dataclass(frozen=True)
class Recipe:
    """``vocab`` includes the mask; ``backbone`` (dit, ar) and ``parameterization`` (subs, sedd,
    d3pm, ar) are the original's names."""

    hidden: int = 768
    blocks: int = 12
    heads: int = 12
    cond: int = 128
    vocab: int = 50258
    length: int = 1024
    seed: int = 0
    parameterization: str = "subs"
    backbone: str = "dit"

    @property
    def shape(self) -> Shape:
        return Shape(self.vocab, self.hidden, self.blocks, self.heads, self.cond)


class Stub:
    """Base of the stand-ins; pickles as ``NEWOBJ`` and ``BUILD``, as the real classes do."""

    def __init__(self, **state: object) -> None:
        self.__dict__.update(state)


def stub(module: str, name: str) -> type[Stub]:
    return type(name, (Stub,), {"__module__": module, "__qualname__": name})


DictConfig = stub("omegaconf.dictconfig", "DictConfig")
AnyNode = stub("omegaconf.nodes", "AnyNode")
ContainerMetadata = stub("omegaconf.base", "ContainerMetadata")
Metadata = stub("omegaconf.base", "Metadata")
Tokenizer = stub("transformers.models.gpt2.tokenization_gpt2_fast", "GPT2TokenizerFast")
STUBS = (DictConfig, AnyNode, ContainerMetadata, Metadata, Tokenizer)


@contextmanager
def pretended_modules() -> Iterator[None]:
    """pickle looks a class up under its name when it writes it; for that long the modules exist."""
    names = {
        ".".join(parts)
        for one in STUBS
        for parts in itertools.accumulate(
            ([part] for part in one.__module__.split(".")), lambda a, b: a + b
        )
    }
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update({name: types.ModuleType(name) for name in names})
    for one in STUBS:
        setattr(sys.modules[one.__module__], one.__name__, one)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def config_node(value: object, key: str | None = None, parent: Stub | None = None) -> Stub:
    """An OmegaConf node with the state that OmegaConf pickles."""
    if not isinstance(value, dict):
        return AnyNode(_metadata=Metadata(key=key, optional=True), _parent=parent, _val=value)
    node = DictConfig(_metadata=ContainerMetadata(key=key, object_type=dict), _parent=parent)
    node.__dict__["_content"] = {
        name: config_node(item, name, node) for name, item in value.items()
    }
    return node


def config_of(recipe: Recipe) -> dict[str, Any]:
    return {
        "mode": "train",
        "backbone": recipe.backbone,
        "parameterization": recipe.parameterization,
        "time_conditioning": recipe.parameterization != "subs",
        "T": 1000 if recipe.parameterization == "d3pm" else 0,
        "subs_masking": False,
        "noise": {"type": "loglinear", "sigma_min": 1e-4, "sigma_max": 20},
        "model": {
            "type": "ddit",
            "hidden_size": recipe.hidden,
            "cond_dim": recipe.cond,
            "length": recipe.length,
            "n_blocks": recipe.blocks,
            "n_heads": recipe.heads,
            "dropout": 0.1,
        },
        "training": {"ema": 0.9999},
    }


def checkpoint_dict(recipe: Recipe) -> dict[str, Any]:
    """What ``torch.save`` is given: the same keys as Lightning's. EMA and raw weights differ."""
    generator = torch.Generator().manual_seed(recipe.seed)
    network = empty_network(recipe.shape, network_for("ar" if recipe.backbone == "ar" else "mdlm"))

    def random(like: Tensor) -> Tensor:
        # Norm weights stay near 1 and the rest small, so that a forward pass has usual magnitudes.
        return torch.randn(like.shape, generator=generator).mul_(0.02).add_(like.ndim == 1)

    state = OrderedDict((f"backbone.{n}", random(p)) for n, p in network.named_parameters())
    average = [value * 0.9 for value in state.values()]
    state["backbone.rotary_emb.inv_freq"] = inverse_frequencies(recipe.hidden // recipe.heads)
    return {
        "epoch": 1,
        "global_step": 1_000_000,
        "pytorch-lightning_version": "2.2.1",
        "state_dict": state,
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {},
        "hparams_name": "kwargs",
        "hyper_parameters": {
            "config": config_node(config_of(recipe)),
            "tokenizer": Tokenizer(name_or_path="gpt2", init_kwargs={"bos_token": "<|endoftext|>"}),
        },
        "ema": {"decay": 0.9999, "num_updates": 1_000_000, "shadow_params": average},
        "sampler": {"random_state": None},
    }


def save(content: object, path: Path) -> None:
    with pretended_modules():
        torch.save(content, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="the .ckpt file to write")
    for field in fields(Recipe):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    given = vars(parser.parse_args())
    out: Path = given.pop("out")
    save(checkpoint_dict(Recipe(**given)), out)
    print(f"wrote {out}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
