"""Entropy-bounded unmasking (arXiv 2505.24857; nkalyanv99/UNI-D2, `eb_sampler.py`).

The paper's authors published no code. UNI-D2 has it for networks with a mask token, diffusers for
networks without one (`hf_diffusers.py`).
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import torch
from checkouts import StandIns, imported
from hash_network import HashNetwork
from recording import Case, Recording, case_of, network_of, recorded, start_of
from torch import Tensor

REPOSITORY = "nkalyanv99/UNI-D2"

SOURCES = "src/discrete_diffusion"
PROMPT = (3, 7, 1, 12, 5)
GAPS = [3, 19, 19, 1, 12, 19, 19, 19, 19, 5, 19, 19, 19, 19, 19, 8]


class Model:
    """What the sampler uses of a UNI-D2 algorithm; its prior is the prompt and masks."""

    device = torch.device("cpu")
    neg_infinity = -1_000_000.0  # as in UNI-D2

    def __init__(self, network: HashNetwork, case: Case) -> None:
        self._network = network
        self._start = start_of(case)
        self.num_tokens = case["length"]
        self.mask_id = case["maskId"]

    def prior_sample(self, *_: int) -> Tensor:
        return self._start

    def forward(self, x: Tensor, _: Tensor) -> Tensor:
        logits: Tensor = self._network(x).logits
        return logits


def record(checkout: Path) -> list[Recording]:
    root = checkout / SOURCES
    packages: StandIns = {
        "discrete_diffusion": {"__path__": [str(root)]},
        "discrete_diffusion.utils": {},  # only a nucleus needs it
        **{
            f"discrete_diffusion.{name}": {"__path__": [str(root / name)]}
            for name in ("sampling", "forward_process")
        },
    }
    file = f"{SOURCES}/sampling/eb_sampler.py"
    published = imported(checkout, file, packages, "discrete_diffusion.sampling")

    def sample(network: HashNetwork, case: Case) -> Tensor:
        options = dict(case["options"])
        sampling = SimpleNamespace(use_float64=options.pop("use_float64"), p_nucleus=1.0)
        steps = options.pop("num_steps")
        sampler = published.EBSampler(SimpleNamespace(sampling=sampling), **options)
        tokens: Tensor = sampler.generate(
            Model(network, case),
            num_samples=1,
            num_steps=steps,
            eps=1e-5,
            inject_bos=False,
        )
        return tokens

    return [recorded(case, network_of(case), sample) for case in cases()]


def cases() -> list[Case]:
    proxies = ("entropy", "confidence", "margin")
    return [
        *_sure(),
        *[
            _case(gamma, sharpness, error_proxy=proxy, seed=2, prompt=())
            for gamma, sharpness in (
                (0.0, 4.0),
                (0.1, 4.0),
                (0.5, 4.0),
                (2.0, 4.0),
                (1.0, 2.0),
            )
            for proxy in proxies
        ],
        _case(1.0, seed=4),
        {**_case(1.0, seed=5, prompt=()), "start": GAPS},
        *[_case(1.0, seed=6, temperature=temperature) for temperature in (0.5, 2.0)],
        _case(1000.0, 1.0, seed=7),  # all at once
        _case(0.3, seed=8, num_steps=3, prompt=()),  # ends with masks left
        _case(0.3, seed=9, prompt=tuple(range(15))),
        _case(0.3, seed=10, prompt=tuple(range(16))),
        _case(0.3, seed=11, use_float64=False),
    ]


def _sure() -> list[Case]:
    """Rows so sharp that every draw is the likeliest token, whatever the noise.

    Rows of entropy 0 go together even at gamma 0.
    """
    return [_case(gamma, 64.0, seed=1, prompt=()) for gamma in (0.0, 1e-6, 0.01)]


def _case(
    gamma: float,
    sharpness: float = 4.0,
    *,
    error_proxy: str = "entropy",
    temperature: float = 1.0,
    num_steps: int | None = None,
    use_float64: bool = True,
    prompt: tuple[int, ...] = PROMPT,
    seed: int,
) -> Case:
    options = {
        "gamma": gamma,
        "error_proxy": error_proxy,
        "temperature": temperature,
        "num_steps": num_steps,
        "use_float64": use_float64,
    }
    return case_of(
        "EBSampler.generate", options, length=16, prompt=prompt, seed=seed, sharpness=sharpness
    )
