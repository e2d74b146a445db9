"""The original repository's sampler with a model of ours, timed: ``theirs.py REPOSITORY MODEL
DTYPE``.

It is imported from its checkout, with stand-ins for what this machine lacks (examples/parity), and
does what its `main.py` does to sample. In bfloat16 its autocast, which it asks of CUDA, is that of
the CPU.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from original import configuration, import_diffusion, without_gpt2
from safetensors.torch import load_file
from torch import Tensor
from worker import seconds, serve

VOCABULARY = 50_257
"""Without the mask."""


class Original:
    def __init__(self, repository: Path, model: Path, dtype: str) -> None:
        omegaconf = importlib.import_module("omegaconf").OmegaConf
        diffusion, _ = import_diffusion(repository, "cpu")
        configs = repository / "configs"
        parts = {"model": "model/small.yaml", "noise": "noise/loglinear.yaml"}
        chosen = {name: omegaconf.load(configs / file) for name, file in parts.items()}
        self._config = configuration(repository, omegaconf.create(chosen))
        tokenizer = SimpleNamespace(vocab_size=VOCABULARY, mask_token=None)
        with without_gpt2():
            self._model: Any = diffusion(self._config, tokenizer)
        self._model.backbone.load_state_dict(load_file(model / "model.safetensors"))
        self._model.ema.shadow_params = [
            parameter.detach().clone() for parameter in self._model.backbone.parameters()
        ]
        self._half = dtype == "bfloat16"
        self._known: Tensor | None = None

    def run(self, steps: int, top_p: float, batch: int) -> float:
        """Seconds for a batch of samples."""
        self._configure(top_p, batch)
        return self._timed(lambda: self._model.restore_model_and_sample(num_steps=steps))

    def step(self, top_p: float, batch: int, steps: int) -> float:
        """Seconds for one that calls the network, from the middle of a run of ``steps``."""
        self._configure(top_p, batch)
        return self._update(batch, steps, known=None)

    def quiet_step(self, top_p: float, batch: int, steps: int) -> float:
        """Seconds for one that does not, because the answer is known from the step before."""
        self._configure(top_p, batch)
        if self._known is None or len(self._known) != batch:
            with torch.no_grad():
                self._known = self._model.forward(self._middle(batch), torch.zeros(batch, 1)).exp()
        return self._update(batch, steps, self._known)

    def _update(self, batch: int, steps: int, known: Tensor | None) -> float:
        self._model.backbone.eval()
        tokens, time = self._middle(batch), torch.full((batch, 1), 0.5)
        return self._timed(
            lambda: self._model._ddpm_caching_update(tokens, time, 1 / steps, p_x0=known)
        )

    def _middle(self, batch: int) -> Tensor:
        """Every other token is a mask."""
        tokens = torch.arange(self._config.model.length) * 7919 % 50_000
        tokens[::2] = self._model.mask_index
        return tokens.expand(batch, -1).clone()

    def _configure(self, top_p: float, batch: int) -> None:
        self._config.sampling.update(nucleus_p=top_p, sampler="mdlm", predictor="ddpm_cache")
        self._config.loader.eval_batch_size = batch

    def _timed(self, call: Callable[[], object]) -> float:
        with torch.no_grad(), self._autocast():
            return seconds(call)

    def _autocast(self) -> AbstractContextManager[object]:
        if not self._half:
            return nullcontext()
        return mock.patch.object(torch.cuda.amp, "autocast", partial(torch.autocast, "cpu"))


if __name__ == "__main__":
    repository, model, dtype = sys.argv[1:]
    original = Original(Path(repository), Path(model), dtype)
    serve({"run": original.run, "step": original.step, "quiet_step": original.quiet_step})
