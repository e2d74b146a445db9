"""First-hitting sampling (arXiv 2409.02908) as BD3-LM has it (kuleshov-group/bd3lms)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TypedDict
from unittest import mock

import numpy as np
import torch
from checkouts import Published, StandIns, Unused, imported, no_bar
from hash_network import HashNetwork
from recording import Case, Recording, case_of, network_of, recorded, start_of
from torch import Tensor, nn

REPOSITORY = "kuleshov-group/bd3lms"

BEGIN = 3  # the token that the first block begins with

# What only training, data and the configuration of a checkpoint need.
STAND_INS: StandIns = {
    "hydra": {},
    "hydra.utils": {},
    "lightning": {"LightningModule": nn.Module},
    "transformers": {"PreTrainedTokenizer": Unused},
    "tqdm": {"tqdm": no_bar},
    **{name: {} for name in ("dataloader", "metrics", "models", "utils")},
}


class Event(TypedDict):
    """One reveal. Its uniform is drawn first, then the tokens, then its rank."""

    masks: int  # n, in the window before it
    uniform: float  # u of `np.random.rand`: t is the time before it times u^(1/n), in float64
    time: float  # t as the network's noise is computed from it, float32
    sigma: float  # the total noise that a network with time conditioning is given, float32
    rank: int  # of `torch.randint(0, n)`: which of the masks, counted from the left
    position: int
    token: int


class Events(Recording):
    events: list[Event]


def record(checkout: Path) -> list[Events]:
    published = imported(checkout, "diffusion.py", STAND_INS)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "CUDA is not available", UserWarning)
        return [_events(published, case) for case in cases()]


def _events(published: Published, case: Case) -> Events:
    seen = Seen()

    def sample(network: HashNetwork, case: Case) -> Tensor:
        np.random.seed(case["seed"])
        options = case["options"]
        blocks = case["length"] // options["block_size"]
        with seen.watched():
            model = _on(published, network, case, seen)
            tokens: Tensor
            tokens, _ = model._semi_ar_sampler(1, options["num_steps"], blocks, None)
        return tokens

    recording = recorded(case, network_of(case), sample)
    first = start_of(case)[0, : case["options"]["block_size"]].tolist()
    return {**recording, "events": seen.events([first, *recording["states"]], case["maskId"])}


@dataclass
class Seen:
    """What the states of a run do not show: times, and random numbers that are not `torch.rand`."""

    uniforms: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    sigmas: list[float] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)

    @contextmanager
    def watched(self) -> Iterator[None]:
        uniform = mock.patch.object(np.random, "rand", _kept(np.random.rand, self.uniforms))
        rank = mock.patch.object(torch, "randint", _kept(torch.randint, self.ranks))
        with uniform, rank:
            yield

    def events(self, states: list[list[int]], mask: int) -> list[Event]:
        """The events between the states; a state may be followed by a block of masks."""
        made: list[Event] = []
        for before, after, *numbers in zip(
            states, states[1:], self.uniforms, self.times, self.sigmas, self.ranks, strict=False
        ):
            (position,) = [i for i, token in enumerate(before) if token != after[i]]
            uniform, time, sigma, rank = numbers
            made.append(
                {
                    "masks": before.count(mask),
                    "uniform": uniform,
                    "time": time,
                    "sigma": sigma,
                    "rank": int(rank),
                    "position": position,
                    "token": after[position],
                }
            )
        return made


def _kept(draw: Callable[..., object], values: list[float] | list[int]) -> Callable[..., object]:
    def watched(*arguments: object) -> object:
        drawn = draw(*arguments)
        values.append(drawn.item() if isinstance(drawn, Tensor) else drawn)  # type: ignore[arg-type]
        return drawn

    return watched


def _on(published: Published, network: HashNetwork, case: Case, seen: Seen) -> Published:
    """The published class without weights; the hash network stands for its backbone."""

    def backbone(tokens: Tensor, sigma: Tensor, **_: object) -> Tensor:
        seen.sigmas.append(sigma.item())
        logits: Tensor = network(tokens).logits
        return logits

    class OnHash(published.Diffusion):  # type: ignore[misc]
        device = torch.device("cpu")
        dtype = torch.float32

        def __init__(self) -> None:
            nn.Module.__init__(self)
            self.config = _config(case)
            self.tokenizer = SimpleNamespace(bos_token_id=BEGIN)
            self.mask_index = case["maskId"]
            self.block_size = case["options"]["block_size"]
            self.parameterization = "subs"
            self.time_conditioning = True  # so that the backbone is given sigma
            self.cross_attn = False
            self.neg_infinity = -1_000_000.0
            self.noise = published.noise_schedule.LogLinearNoise()
            self.backbone = backbone

        def _ddpm_caching_update(self, x: Tensor, t: Tensor, **named: object) -> object:
            seen.times.append(t.item())
            return super()._ddpm_caching_update(x=x, t=t, **named)

    return OnHash()


def _config(case: Case) -> SimpleNamespace:
    return SimpleNamespace(
        algo=SimpleNamespace(name="bd3lm"),
        model=SimpleNamespace(length=case["length"]),
        sampling=SimpleNamespace(
            kv_cache=False, first_hitting=True, nucleus_p=1.0, var_length=False
        ),
    )


def cases() -> list[Case]:
    return [
        *[_case(seed, 16) for seed in (1, 2, 3)],
        _case(4, 12, sharpness=4.0),
        _case(5, 4, length=12),  # blocks: each starts again at time 1
        _case(6, 6, length=18),
        _case(7, 8, num_steps=5),  # ends with masks left
        _case(8, 2),
    ]


def _case(
    seed: int,
    block_size: int,
    *,
    length: int | None = None,
    num_steps: int | None = None,
    sharpness: float = 1.0,
) -> Case:
    return case_of(
        "Diffusion._semi_ar_sampler",
        {"block_size": block_size, "num_steps": block_size if num_steps is None else num_steps},
        length=block_size if length is None else length,
        seed=seed,
        prompt=(BEGIN,),
        sharpness=sharpness,
    )
