"""Runs the original repository's own `diffusion.Diffusion`, one case after the other.

The original is imported, never copied. Around it, for the time of a run, its forward calls are
counted and the state after each of its updates is kept; its noise is drawn on the CPU whatever the
device; and on a CPU its confidences are float32 (it stores them in bfloat16, and raises when the
network's output is not bfloat16 too).
"""

from __future__ import annotations

import importlib
import inspect
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol, TypedDict
from unittest import mock

import stand_ins
import torch
from torch import Tensor

# `parameterization` in the original's configuration -> the kind of model in remdm.
KINDS = {"subs": "mdlm", "sedd": "sedd", "d3pm": "d3pm", "ar": "ar"}
# Rows of the network's output that are compared: of 50,258 columns each, in the published models.
PROBED_ROWS = 32

# What the network is asked: tokens [B, L] and sigma, which `ar` has not.
Call = tuple[Tensor, "Tensor | None"]
# An OmegaConf configuration: it is whatever the checkpoint says.
Config = Any


class Model(Protocol):
    """What is used of the original's `Diffusion`."""

    parameterization: str
    vocab_size: int
    mask_index: int
    sampler: str
    ema: object | None

    def forward(self, x: Tensor, sigma: Tensor | None) -> Tensor: ...
    def restore_model_and_sample(self, num_steps: int) -> Tensor: ...
    def _sample(self, num_steps: int, eps: float) -> Tensor: ...


class Card(TypedDict):
    kind: str
    length: int
    vocabSize: int
    tokenizerSize: int
    maskId: int
    bosId: int | None
    eosId: int | None
    weights: str
    standIns: list[str]
    torch: str


class Case(TypedDict):
    """The original's own names and meanings (`sampling` in its configs/config.yaml)."""

    predictor: str
    sampler: str
    dfm: bool
    steps: int
    nucleus_p: float
    eta: float
    t_on: float
    t_off: float
    alpha_on: float
    batch: int
    seed: int


class Probe(TypedDict):
    """One question that the network was asked during the run; its answer goes to a file."""

    tokens: list[list[int]]
    sigma: list[float]
    rows: list[int]


class Run(TypedDict):
    tokens: list[list[int]]
    trajectory: list[list[list[int]]]
    forwardCalls: int
    seconds: float
    probe: Probe


class Original:
    """A checkpoint, loaded by the original's `load_from_checkpoint`."""

    def __init__(self, repository: Path, checkpoint: Path, device: str) -> None:
        diffusion, self._stand_ins = import_diffusion(repository, device)
        load = diffusion.load_from_checkpoint
        hyper_parameters = _hyper_parameters(checkpoint)
        self._tokenizer = hyper_parameters["tokenizer"]
        self._config = configuration(repository, hyper_parameters["config"])
        if self._config.backbone not in ("dit", "ar"):
            raise ValueError(f"a checkpoint of backbone {self._config.backbone} cannot be compared")
        given = {"tokenizer": self._tokenizer, "config": self._config, "map_location": device}
        if "weights_only" in inspect.signature(load).parameters:
            given["weights_only"] = False
        with without_gpt2():
            self._model: Model = load(str(checkpoint), **given).to(device)

    def card(self) -> Card:
        model, tokenizer = self._model, self._tokenizer
        return {
            "kind": KINDS[model.parameterization],
            "length": int(self._config.model.length),
            "vocabSize": model.vocab_size,
            "tokenizerSize": tokenizer.vocab_size,
            "maskId": model.mask_index,
            "bosId": tokenizer.bos_token_id,
            "eosId": tokenizer.eos_token_id,
            "weights": "raw" if model.ema is None else "ema",
            "standIns": self._stand_ins,
            "torch": torch.__version__,
        }

    def run(self, case: Case, probe_file: Path) -> Run:
        """Samples once, from `seed`, with the EMA weights; the probed rows go to a float32 file."""
        self._configure(case)
        model, sample, forward = self._model, self._model._sample, self._model.forward
        watch = _Watch(model)
        runs: list[Run] = []

        def sample_and_probe(num_steps: int, eps: float) -> Tensor:
            """In the place of `_sample`: the weights in the network are those of the run."""
            torch.manual_seed(case["seed"])
            started = time.perf_counter()
            tokens = sample(num_steps, eps)
            final = tokens.tolist()  # waits for the device
            seconds = time.perf_counter() - started
            runs.append(
                {
                    "tokens": final,
                    "trajectory": [state.tolist() for state in watch.states],
                    "forwardCalls": len(watch.calls),
                    "seconds": seconds,
                    "probe": self._probe(forward, self._telling(watch.calls), probe_file),
                }
            )
            return tokens

        with torch.no_grad(), ExitStack() as patches:
            patches.enter_context(mock.patch.object(torch, "rand_like", _rand_like_on_cpu))
            for name, wrapper in watch.wrappers().items():
                patches.enter_context(mock.patch.object(model, name, wrapper))
            patches.enter_context(mock.patch.object(model, "_sample", sample_and_probe))
            model.restore_model_and_sample(num_steps=case["steps"])
        return runs[0]

    def _configure(self, case: Case) -> None:
        sampling = {key: value for key, value in case.items() if key not in ("batch", "seed")}
        self._config.sampling.update({**sampling, "noise_removal": True})
        self._config.loader.eval_batch_size = case["batch"]
        self._model.sampler = case["predictor"]  # read from the configuration once, at the start

    def _telling(self, calls: list[Call]) -> Call:
        """Of those that had masks the nearest to the middle of the run; `ar` has no masks."""
        masked = [i for i, (x, _) in enumerate(calls) if (x == self._model.mask_index).any()]
        middle = len(calls) // 2
        return calls[min(masked, key=lambda i: abs(i - middle), default=middle)]

    def _probe(
        self, forward: Callable[[Tensor, Tensor | None], Tensor], call: Call, file: Path
    ) -> Probe:
        x, sigma = call
        rows = self._rows(x)
        forward(x, sigma).flatten(0, 1)[rows].float().cpu().numpy().astype("<f4").tofile(file)
        given = [0.0] * len(x) if sigma is None else sigma.flatten().expand(len(x)).tolist()
        return {"tokens": x.tolist(), "sigma": given, "rows": rows.tolist()}

    def _rows(self, x: Tensor) -> Tensor:
        """Evenly spread over the masked positions; where there are none, over all. Ascending."""
        masked = (x == self._model.mask_index).flatten().nonzero().squeeze(-1).cpu()
        candidates = masked if masked.numel() > 0 else torch.arange(x.numel())
        if candidates.numel() <= PROBED_ROWS:
            return candidates
        return candidates[torch.linspace(0, candidates.numel() - 1, PROBED_ROWS).long()]


@dataclass
class _Watch:
    """What a run asks the network, and what becomes of the state."""

    model: Model
    calls: list[Call] = field(default_factory=list)
    states: list[Tensor] = field(default_factory=list)

    def wrappers(self) -> dict[str, Callable[..., object]]:
        """By the name of the method that each is to stand in front of."""
        plain = ("_ddpm_update", "_analytic_update")
        caching = ("_ddpm_caching_update", "_dfm_caching_update")
        return {
            "forward": self._counted(self.model.forward),
            **{name: self._plain_update(getattr(self.model, name)) for name in plain},
            **{name: self._caching_update(getattr(self.model, name)) for name in caching},
        }

    def _counted(self, forward: Callable[[Tensor, Tensor | None], Tensor]) -> Callable[..., Tensor]:
        def counted(x: Tensor, sigma: Tensor | None) -> Tensor:
            self.calls.append((x.clone(), sigma))
            return forward(x, sigma)

        return counted

    def _plain_update(self, update: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def watched(x: Tensor, t: Tensor, dt: float) -> Tensor:
            after = update(x, t, dt)
            self.states.append(after)
            return after

        return watched

    def _caching_update(
        self, update: Callable[..., tuple[object, Tensor, object]]
    ) -> Callable[..., tuple[object, Tensor, object]]:
        """`rest` is the confidences, or dfm's next time."""

        def watched(
            x: Tensor, *time: Tensor | float, **kept: Tensor | None
        ) -> tuple[object, Tensor, object]:
            conf = kept.get("conf")
            if conf is not None and conf.device.type == "cpu":
                kept["conf"] = conf.float()
            cache, after, rest = update(x, *time, **kept)
            self.states.append(after)
            return cache, after, rest

        return watched


def import_diffusion(repository: Path, device: str) -> tuple[Any, list[str]]:
    """The original's `Diffusion`, and the names of what stands in for a package that is missing.

    It is imported as it imports itself: from its own folder, which stays on the path.
    """
    if str(repository) not in sys.path:
        sys.path.insert(0, str(repository))
    with stand_ins.in_place(device) as names:
        diffusion = importlib.import_module("diffusion")
    return diffusion.Diffusion, names


def _hyper_parameters(checkpoint: Path) -> dict[str, Any]:
    """What the original saved beside the weights, pickled: this runs what is in there."""
    try:
        stored = torch.load(checkpoint, map_location="cpu", weights_only=False, mmap=True)
    except (ImportError, AttributeError) as error:
        version = importlib.import_module("transformers").__version__
        raise RuntimeError(
            f"{error}. The checkpoint pickles something that this environment lacks: as a rule "
            f"its tokenizer, saved with transformers 4 or 5 where this is {version}"
        ) from error
    parameters: dict[str, Any] = stored["hyper_parameters"]
    return parameters


def configuration(repository: Path, stored: Config) -> Config:
    """The checkpoint's own configuration, over the original's defaults for what it does not say.

    A checkpoint of an older repository (MDLM's) knows nothing of `nucleus_p` or `eta`.
    """
    omegaconf = importlib.import_module("omegaconf").OmegaConf
    defaults = omegaconf.load(repository / "configs" / "config.yaml")
    config = omegaconf.merge(defaults, stored)
    omegaconf.set_struct(config, False)
    return config


def without_gpt2() -> AbstractContextManager[object]:
    """The original fetches the tokenizer of GPT-2 large to evaluate texts; sampling needs none."""
    transformers = importlib.import_module("transformers")
    unused = SimpleNamespace(pad_token="", eos_token="", eos_token_id=0)
    return mock.patch.object(transformers.AutoTokenizer, "from_pretrained", return_value=unused)


def _rand_like_on_cpu(like: Tensor) -> Tensor:
    """The CPU generator's stream on any device; on a CPU it is what `torch.rand_like` draws.

    The original's other noise, the Gumbel draws of its AR sampler, comes from the CPU anyway.
    """
    return torch.rand(like.shape, dtype=like.dtype).to(like.device)
