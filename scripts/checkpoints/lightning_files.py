"""Train a tiny network with the Lightning of this interpreter, in every way that leaves another
file: ``lightning_files.py OUT`` writes them and ``OUT/files.json``.

The module is what MDLM's ``Diffusion`` is to Lightning: a network under ``backbone``, an OmegaConf
config and a tokenizer as hyperparameters, and a moving average in ``on_save_checkpoint``.
"""

# ruff: noqa: E402
from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")

import torch
from omegaconf import OmegaConf
from tokenizers import Tokenizer, models
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerFast

from remdm_backend.model.autoregressive import Autoregressive
from remdm_backend.model.dit import DiT, Shape

try:
    import lightning.pytorch as pl
except ImportError:
    import pytorch_lightning as pl

for name in ("lightning.pytorch", "pytorch_lightning", "lightning.fabric", "lightning_fabric"):
    logging.getLogger(name).setLevel(logging.ERROR)

MAJOR, MINOR = map(int, pl.__version__.split(".")[:2])
SHAPE = Shape(vocab_size=41, hidden_size=32, n_blocks=2, n_heads=2, cond_dim=16)
MODEL = {"type": "ddit", "hidden_size": 32, "cond_dim": 16, "length": 24, "n_blocks": 2,
         "n_heads": 2, "dropout": 0.1, "scale_by_sigma": True}  # fmt: skip
MDLM = {
    "diffusion": "absorbing_state", "backbone": "dit", "parameterization": "subs", "T": 0,
    "time_conditioning": False, "subs_masking": False, "model": MODEL,
    "noise": {"type": "loglinear", "sigma_min": 1e-4, "sigma_max": 20},
    "loader": {"eval_batch_size": "${div_up:${loader.global_batch_size}, 1}"},
}  # fmt: skip
ALGO = {"backbone": "dit", "parameterization": "subs", "T": 0, "time_conditioning": False,
        "causal_attention": False}  # fmt: skip
BD3LMS = {
    "diffusion": "absorbing_state", "block_size": "${model.length}", "model": MODEL,
    "noise": {"type": "loglinear"},
    "algo": ALGO | {"name": "mdlm", "cross_attn": False, "var_min": False, "ignore_bos": True},
}  # fmt: skip
BD3LM = BD3LMS | {
    "block_size": 4, "algo": BD3LMS["algo"] | {"name": "bd3lm", "cross_attn": True},
}  # fmt: skip
DUO = {
    "model": MODEL, "noise": {"type": "log-linear", "eps": 1e-3}, "prior": {"type": "none"},
    "algo": ALGO | {"name": "mdlm", "subs_masking": False},
}  # fmt: skip
DUO_BASE = DUO | {"algo": ALGO | {"name": "duo_base", "parameterization": "mean"}}
AR = MDLM | {"backbone": "ar", "parameterization": "ar", "model": MODEL | {"causal": True}}
UNRESOLVED = MDLM | {"model": MODEL | {"length": "${oc.env:LENGTH_OF_THE_RUN}"}}


class Diffusion(pl.LightningModule):  # type: ignore[misc]
    def __init__(self, config: Any, tokenizer: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.save_hyperparameters()
        torch.manual_seed(1)
        self.backbone = (Autoregressive if config.get("backbone") == "ar" else DiT)(SHAPE)
        with torch.no_grad():
            for parameter in self.backbone.parameters():  # the output begins at zero
                parameter.add_(torch.randn_like(parameter) * 0.02)
        self.ema: list[torch.Tensor] | None = None

    def average(self) -> None:
        """As MDLM's ``models/ema.py`` begins it."""
        self.ema = [part.clone().detach() * 0.9 for part in self.backbone.parameters()]

    def training_step(self, batch: object, index: int) -> torch.Tensor:
        return sum((part.square().sum() for part in self.backbone.parameters()), torch.zeros(()))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.ema is not None:
            checkpoint["ema"] = {"decay": 0.9999, "num_updates": 3, "shadow_params": self.ema}


def tokenizer() -> PreTrainedTokenizerFast:
    words = {f"w{index}": index for index in range(SHAPE.vocab_size - 1)}
    plain = Tokenizer(models.WordLevel(words, unk_token="w0"))
    return PreTrainedTokenizerFast(tokenizer_object=plain, bos_token="w0", eos_token="w1")


class Writer:
    def __init__(self, out: Path) -> None:
        self.out = out
        self.files: list[dict[str, str]] = []

    def write(
        self,
        what: str,
        *,
        config: dict[str, Any] = MDLM,
        average: bool = True,
        weights_only: bool = False,
        change: Callable[[Diffusion], object] = lambda module: None,
        callbacks: tuple[Any, ...] = (),
        **options: Any,  # noqa: ANN401
    ) -> None:
        """One file in the middle of a training, and beside it the network's weights and their
        average at that moment, as the module and the callback themselves have them."""
        file = self.out / f"{len(self.files)}.ckpt"
        module = Diffusion(OmegaConf.create(config), tokenizer())
        change(module)
        if average:
            module.average()
        names = [name.replace("_orig_mod.", "") for name, _ in module.backbone.named_parameters()]
        noted: dict[str, dict[str, torch.Tensor]] = {}

        def copy(parts: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401
            return {n: p.detach().clone().float() for n, p in zip(names, parts, strict=True)}

        class Save(pl.Callback):  # type: ignore[misc]
            def on_train_batch_end(self, trainer: Any, *_: object) -> None:  # noqa: ANN401
                if trainer.global_step != 2:
                    return
                noted["raw"] = copy(module.backbone.parameters())
                for callback in callbacks:
                    noted["ema"] = copy(callback._average_model.module.backbone.parameters())
                if module.ema is not None:
                    noted["ema"] = copy(module.ema)
                trainer.save_checkpoint(file, weights_only=weights_only)

        trainer = pl.Trainer(
            accelerator="cpu", max_epochs=1, logger=False, enable_progress_bar=False,
            enable_model_summary=False, enable_checkpointing=False, default_root_dir=self.out,
            callbacks=[*callbacks, Save()], **options,
        )  # fmt: skip
        trainer.fit(module, DataLoader(torch.zeros(3, 1), batch_size=1))
        torch.save(noted, file.with_suffix(".expected"))
        self.files.append(
            {"file": file.name, "what": what, "library": f"lightning {pl.__version__}"}
        )


def compiled(module: Diffusion) -> None:
    module.backbone = torch.compile(module.backbone)


def main(out: str) -> None:
    writer = Writer(Path(out))
    old = MAJOR < 2
    writer.write("full, moving average of the original")
    writer.write("weights only", weights_only=True)
    writer.write("mixed bfloat16", precision="bf16" if old else "bf16-mixed")
    writer.write("DDP, one process", strategy="ddp", devices=1)
    writer.write("autoregressive, no average", config=AR, average=False)
    if (MAJOR, MINOR) >= (2, 6):
        averaging = pl.callbacks.EMAWeightAveraging
        writer.write("EMAWeightAveraging, full", average=False, callbacks=(averaging(decay=0.5),))
        writer.write(
            "EMAWeightAveraging, weights only",
            average=False,
            weights_only=True,
            callbacks=(averaging(decay=0.5),),
        )
        writer.write("precision 64-true", precision="64-true")
        writer.write("precision bf16-true", precision="bf16-true")
        writer.write("torch.compile", change=compiled)
        writer.write("bd3lms, algo=mdlm", config=BD3LMS)
        writer.write("bd3lms, algo=bd3lm", config=BD3LM)
        writer.write("duo, algo=mdlm", config=DUO)
        writer.write("duo, algo=duo_base", config=DUO_BASE)
        writer.write("diffusion: uniform", config=MDLM | {"diffusion": "uniform"})
        writer.write("a reference to the environment", config=UNRESOLVED)
    (writer.out / "files.json").write_text(json.dumps(writer.files))


if __name__ == "__main__":
    main(*sys.argv[1:])
