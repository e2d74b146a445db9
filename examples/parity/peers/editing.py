"""Editing of revealed tokens (LLaDA 2.1, arXiv 2602.08676; `generate` of its model's file).

The publisher's file is in ZHZisZZ/dllm. A block is asked about with what is left of it alone, so
the states of a run grow from block to block.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from checkouts import Published, StandIns, imported
from hash_network import HashNetwork
from recording import Case, Recording, case_of, network_of, prompt_of, recorded
from torch import Tensor, nn

REPOSITORY = "ZHZisZZ/dllm"

FOLDER = "dllm/pipelines/llada21/models"
END = 18
NEVER = -1  # an end of text that no token is


def record(checkout: Path) -> list[Recording]:
    package: StandIns = {"llada21": {"__path__": [str(checkout / FOLDER)]}}
    file = f"{FOLDER}/modeling_llada21_moe.py"
    published = imported(checkout, file, package, "llada21").LLaDA2MoeModelLM

    def sample(network: HashNetwork, case: Case) -> Tensor:
        prompt = prompt_of(case)
        options = {**case["options"], "mask_id": case["maskId"]}
        answer = _on(published, network).generate(prompt, **options)
        return torch.cat([prompt, answer], dim=1)

    return [recorded(case, network_of(case), sample) for case in cases()]


def _on(published: Published, network: HashNetwork) -> Published:
    """The published class without weights: its forward is the hash network."""

    class OnHash(published):  # type: ignore[misc]
        device = torch.device("cpu")

        def __init__(self) -> None:
            nn.Module.__init__(self)

        def forward(self, tokens: Tensor, **_: object) -> SimpleNamespace:
            return network(tokens)

    return OnHash()


def cases() -> list[Case]:
    return [*_one_block(), *_blocks(), *_drawn()]


def _one_block() -> list[Case]:
    return [
        *[_case(sharpness=sharpness) for sharpness in (1.0, 2.0, 4.0)],
        *[_case(threshold=threshold) for threshold in (0.3, 0.6, 0.99)],
        *[_case(editing_threshold=threshold) for threshold in (0.0, 0.5, 0.99, 1.0)],
        *[_case(num_to_transfer=count) for count in (2, 5, 16)],
        *[_case(max_post_steps=count) for count in (0, 1, 16)],
        *[_case(prompt=tuple(range(count))) for count in (3, 15)],
    ]


def _blocks() -> list[Case]:
    """Blocks start at multiples of their length, whatever the prompt's."""
    eight: dict[str, Any] = {"block_length": 8}
    return [
        *[_case(**eight, gen_length=24 - count, prompt=tuple(range(count))) for count in (0, 5, 8)],
        _case(**eight, gen_length=13, prompt=tuple(range(5))),  # the last block goes beyond it
        *[
            _case(**eight, gen_length=24, eos_id=END, eos_early_stop=early)
            for early in (True, False)
        ],
    ]


def _drawn() -> list[Case]:
    """Small and short, since the noise of `torch.multinomial` has to be kept."""
    small: dict[str, Any] = {
        "block_length": 8,
        "gen_length": 8,
        "vocab_size": 12,
        "max_post_steps": 3,
    }
    return [
        _case(**small, temperature=0.5, seed=2),
        _case(**small, temperature=1.0, top_k=3, seed=3),
        _case(**small, temperature=1.0, top_p=0.9, seed=4),
    ]


def _case(
    *,
    prompt: tuple[int, ...] = (),
    sharpness: float = 4.0,
    seed: int = 0,
    vocab_size: int = 20,
    **options: object,
) -> Case:
    options = {
        "threshold": 0.9,
        "editing_threshold": 0.9,
        "num_to_transfer": 1,
        "max_post_steps": 6,
        "block_length": 16,
        "gen_length": 16 - len(prompt),
        "temperature": 0.0,
        "eos_id": NEVER,
        **options,
    }
    return case_of(
        "generate",
        options,
        prompt=prompt,
        sharpness=sharpness,
        seed=seed,
        vocab_size=vocab_size,
    )
