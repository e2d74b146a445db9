"""Dream's `diffusion_generate` (arXiv 2508.15487).

The sampler is published beside the weights, not in DreamLM/Dream; Fast-dLLM has a copy, which adds
`confidence_threshold`.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from checkouts import imported
from hash_network import HashNetwork
from recording import Case, Recording, case_of, prompt_of, recorded
from torch import Tensor

REPOSITORY = "NVlabs/Fast-dLLM (dream/model/generation_utils.py)"

# No token has this id.
NO_TOKEN = -1


class ShiftedNetwork(HashNetwork):
    """Answers a position early, as an autoregressive model does: the sampler shifts it back.

    What it then judges position l > 0 by is row l of the hash network.
    """

    def __call__(self, tokens: Tensor, *_: object, **__: object) -> SimpleNamespace:
        self.asked.append(tokens.clone())
        return SimpleNamespace(logits=self.logits(tokens).roll(-1, dims=1))


def _accepted(*_: object, **__: object) -> None:
    """Accepts a configuration."""


def record(checkout: Path) -> list[Recording]:
    published = imported(checkout, "dream/model/generation_utils.py", {})
    # transformers 5 validates with an argument that the published method, which is empty, has not.
    config = type("Config", (published.DreamGenerationConfig,), {"validate": _accepted})
    # The network with the published methods.
    bases = (ShiftedNetwork, published.DreamGenerationMixin)
    sampler = type("Sampler", bases, {"generation_config": config()})

    def sample(network: HashNetwork, case: Case) -> Tensor:
        options = dict(case["options"])
        threshold = {"threshold": options.pop("threshold")} if "threshold" in options else {}
        settings = config(
            mask_token_id=case["maskId"],
            pad_token_id=NO_TOKEN,  # it wants one
            max_length=case["length"],
            **options,
        )
        generate = sampler.diffusion_generate  # type: ignore[attr-defined]
        with redirect_stdout(sys.stderr):  # it prints how long it took
            tokens: Tensor = generate(
                network, prompt_of(case), generation_config=settings, **threshold
            )
        return tokens

    return [
        recorded(case, sampler(case["vocabSize"], case["maskId"], case["sharpness"]), sample)
        for case in cases()
    ]


# temperature, top_p, top_k, alg_temp
Draws = tuple[float, "float | None", "int | None", "float | None"]

PLAIN: Draws = (0.0, None, None, None)


def cases() -> list[Case]:
    drawn: tuple[Draws, ...] = (
        (0.5, None, None, None),
        (1.0, 0.8, None, None),
        (1.0, None, 3, None),
        (1.0, 0.9, 4, None),
        (0.0, None, None, 0.3),
        (1.0, 0.95, None, 1.0),
    )
    orders = ("maskgit_plus", "topk_margin", "entropy")
    settings = [
        *((order, 12, steps, PLAIN) for order in orders for steps in (12, 5, 3)),
        *((order, 8, 5, each) for order in orders for each in drawn),
        *((order, 12, 8, (0.0, 0.9, 5, None)) for order in orders),
        *(("origin", 12, steps, PLAIN) for steps in (12, 5)),
        *(("origin", 8, 5, each) for each in drawn[:4]),
    ]
    return [*map(_case, range(len(settings)), *zip(*settings, strict=True)), *_thresholds()]


def _case(seed: int, alg: str, answer: int, steps: int, draws: Draws) -> Case:
    temperature, top_p, top_k, alg_temp = draws
    options = {
        "alg": alg,
        "steps": steps,
        "eps": 1e-3,
        "temperature": temperature,
        "top_p": top_p,
        "top_k": top_k,
        "alg_temp": alg_temp,
    }
    return _of(options, seed=seed, answer=answer, prompt=((3, 7, 1), (5,))[seed % 2])


def _thresholds() -> list[Case]:
    """The order that Fast-dLLM adds: at most so many a step, those below the threshold later."""
    return [
        _of(
            {"alg": "confidence_threshold", "steps": steps, "temperature": 0.0, "threshold": tau},
            seed=80 + index,
            answer=12,
            prompt=(3, 7, 1),
            sharpness=4.0,
        )
        for index, (steps, tau) in enumerate(((6, 0.9), (3, 0.9), (4, 0.5)))
    ]


def _of(
    options: dict[str, Any],
    *,
    seed: int,
    answer: int,
    prompt: tuple[int, ...],
    sharpness: float = 1.0,
) -> Case:
    return case_of(
        "diffusion_generate",
        options,
        length=len(prompt) + answer,
        seed=seed,
        prompt=prompt,
        vocab_size=16,
        sharpness=sharpness,
    )
