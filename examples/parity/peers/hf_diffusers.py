"""The discrete schedulers of diffusers: block refinement with editing, MaskGIT, entropy bound.

The checkout is the folder that holds the installed package `diffusers` (its site-packages).
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import torch
from checkouts import Published
from hash_network import HashNetwork
from recording import (
    Case,
    Recording,
    case_of,
    network_of,
    prompt_of,
    recorded,
    start_of,
)
from torch import Tensor

REPOSITORY = "huggingface/diffusers"

END = 18
NEVER = -1  # an end of text that no token is
PROMPT = (3, 7, 1, 2)


def record(checkout: Path) -> list[Recording]:
    published = _published(checkout)
    samplers = {
        "LLaDA2Pipeline": refine_blocks,
        "AmusedScheduler": mask_by_random_topk,
        "EntropyBoundScheduler": accept_by_entropy,
    }

    def sample(network: HashNetwork, case: Case) -> Tensor:
        return samplers[case["function"]](published, network, case)

    return [recorded(case, network_of(case), sample) for case in cases()]


def _published(checkout: Path) -> Published:
    if str(checkout) not in sys.path:
        sys.path.append(str(checkout))  # last: PyTorch is that of the environment
    published = importlib.import_module("diffusers")
    if not Path(str(published.__file__)).resolve().is_relative_to(checkout):
        raise ValueError(f"{published.__file__} is found before the package in {checkout}")
    return published


def refine_blocks(published: Published, network: HashNetwork, case: Case) -> Tensor:
    """The pipeline as it is. The network is asked about the block and what is left of it."""
    prompt = prompt_of(case)
    pipeline = published.LLaDA2Pipeline(network, published.BlockRefinementScheduler())
    pipeline.set_progress_bar_config(disable=True)
    named = {"mask_token_id": case["maskId"], "output_type": "seq", "return_dict": False}
    answer, _ = pipeline(input_ids=prompt, **named, **case["options"])
    return torch.cat([prompt, answer], dim=1)


def mask_by_random_topk(published: Published, network: HashNetwork, case: Case) -> Tensor:
    """The loop of the Amused pipeline without guidance: a network call and a step each."""
    options = case["options"]
    scheduler = published.AmusedScheduler(case["maskId"], options["masking_schedule"])
    scheduler.set_timesteps(options["num_inference_steps"], options["temperature"])
    tokens = start_of(case)
    for timestep in scheduler.timesteps:
        tokens = scheduler.step(network(tokens).logits, timestep, tokens).prev_sample
    return tokens


def accept_by_entropy(published: Published, network: HashNetwork, case: Case) -> Tensor:
    """One step on a network without a mask token: 1 where a position is accepted, else 0."""
    options = dict(case["options"])
    timestep = options.pop("timestep")
    scheduler = published.EntropyBoundScheduler(**options)
    tokens = start_of(case)
    # The tokens that it draws beside have no part in what it accepts: they are not kept.
    generator = torch.Generator().manual_seed(case["seed"])
    step = scheduler.step(network(tokens).logits, timestep, tokens, generator=generator)
    accepted: Tensor = step.accepted_index
    return accepted.long()


def cases() -> list[Case]:
    return [*_one_block(), *_blocks(), *_drawn(), *_random_topk(), *_entropies()]


def _one_block() -> list[Case]:
    return [
        *[_refined(sharpness=sharpness) for sharpness in (1.0, 2.0, 4.0)],
        *[_refined(threshold=threshold) for threshold in (0.3, 0.99, 2.0)],
        *[_refined(threshold=threshold, num_inference_steps=5) for threshold in (0.6, 2.0)],
        *[_refined(editing_threshold=threshold) for threshold in (None, 0.0, 0.5, 0.99)],
        *[_refined(editing_threshold=0.5, max_post_steps=count) for count in (0, 1, 16)],
        _refined(num_inference_steps=16, minimal_topk=4),
        *[_refined(prompt=tuple(range(count)), threshold=2.0) for count in (3, 15)],
    ]


def _blocks() -> list[Case]:
    """Blocks start at multiples of their length, whatever the prompt's."""
    eight: dict[str, Any] = {"block_length": 8, "num_inference_steps": 8}
    return [
        *[
            _refined(**eight, gen_length=24 - count, prompt=tuple(range(count)))
            for count in (1, 5, 8)
        ],
        _refined(**eight, gen_length=13, prompt=tuple(range(5))),  # the last block goes beyond it
        *[
            _refined(
                **eight,
                gen_length=20,
                prompt=PROMPT,
                eos_token_id=END,
                eos_early_stop=early,
            )
            for early in (True, False)
        ],
    ]


def _drawn() -> list[Case]:
    """Small and short, since the noise of `torch.multinomial` has to be kept."""
    small: dict[str, Any] = {
        "block_length": 8,
        "gen_length": 7,
        "prompt": (5,),
        "vocab_size": 12,
        "max_post_steps": 3,
    }
    return [
        _refined(**small, temperature=0.5, top_k=3, editing_threshold=None, seed=2),
        _refined(**small, temperature=1.0, top_p=0.9, seed=3),
    ]


def _refined(
    *,
    prompt: tuple[int, ...] = (5,),
    sharpness: float = 4.0,
    seed: int = 0,
    vocab_size: int = 20,
    **options: object,
) -> Case:
    options = {
        "threshold": 0.9,
        "editing_threshold": 0.9,
        "max_post_steps": 6,
        "minimal_topk": 1,
        "num_inference_steps": 16,
        "block_length": 16,
        "gen_length": 16 - len(prompt),
        "temperature": 0.0,
        "eos_token_id": NEVER,
        **options,
    }
    return case_of(
        "LLaDA2Pipeline",
        options,
        prompt=prompt,
        sharpness=sharpness,
        seed=seed,
        vocab_size=vocab_size,
    )


def _random_topk() -> list[Case]:
    """At temperature (0, 0) the order is that of the drawn tokens' probabilities."""
    settings: list[tuple[int, tuple[float, float], str, tuple[int, ...]]] = [
        (6, (0, 0), "cosine", ()),
        (6, (0, 0), "linear", ()),
        (6, (2, 0), "cosine", ()),
        (4, (4.5, 0.5), "linear", PROMPT),
        (6, (2, 0), "cosine", tuple(range(6))),  # more steps than masks
        (1, (2, 0), "cosine", ()),
    ]
    return [
        case_of(
            "AmusedScheduler",
            {
                "num_inference_steps": steps,
                "temperature": temperatures,
                "masking_schedule": schedule,
            },
            seed=10 + index,
            prompt=prompt,
            length=9,
            vocab_size=8,
        )
        for index, (steps, temperatures, schedule, prompt) in enumerate(settings)
    ]


def _entropies() -> list[Case]:
    """No position is masked: the rule is for networks whose noise is random tokens."""
    return [
        {
            **case_of(
                "EntropyBoundScheduler",
                {
                    "entropy_bound": bound,
                    "t_max": 0.8,
                    "t_min": 0.4,
                    "num_inference_steps": 8,
                    "timestep": timestep,
                },
                length=10,
                seed=seed,
                prompt=(),
                vocab_size=12,
                sharpness=sharpness,
            ),
            "start": [(7 * position + seed) % 11 for position in range(10)],
        }
        for seed, (bound, timestep, sharpness) in enumerate(
            (
                (0.0, 0, 1.0),
                (0.1, 0, 2.0),
                (0.5, 3, 1.0),
                (2.0, 7, 1.0),
                (0.01, 4, 16.0),
                (100.0, 2, 1.0),
            )
        )
    ]
