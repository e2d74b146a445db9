"""LLaDA's `generate` (arXiv 2502.09992; ML-GSAI/LLaDA, `generate.py`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType

import torch
from checkouts import Published, Unused, imported
from hash_network import HashNetwork
from recording import Case, Recording, case_of, network_of, prompt_of, recorded
from torch import Tensor

REPOSITORY = "ML-GSAI/LLaDA"

# The ids of <|endoftext|> and <|eot_id|> are constants in the published code; these stand in.
IDS = {126081: 2, 126348: 5}


# The published defaults, for what a case leaves out.
DEFAULTS = {
    "temperature": 0.0,
    "cfg_scale": 0.0,
    "remasking": "low_confidence",
    "logits_eos_inf": False,
    "confidence_eos_eot_inf": False,
}


def record(checkout: Path) -> list[Recording]:
    unused = {"transformers": {"AutoTokenizer": Unused, "AutoModel": Unused}}
    generate = with_ids(imported(checkout, "generate.py", unused).generate, IDS)

    def sample(network: HashNetwork, case: Case) -> Tensor:
        prompt = prompt_of(case)
        return generate(
            network,
            prompt,
            # Guidance without a mask raises in the published code; the network ignores it.
            attention_mask=torch.ones_like(prompt),
            mask_id=case["maskId"],
            **case["options"],
        )

    return [recorded(case, network_of(case), sample) for case in cases()]


def with_ids(function: Published, ids: dict[int, int]) -> Callable[..., Tensor]:
    """The same function with other numbers in the place of some of its constants.

    Raises a ValueError where it has not all of them.
    """
    while hasattr(function, "__wrapped__"):  # torch.no_grad
        function = function.__wrapped__
    code: CodeType = function.__code__
    missing = set(ids) - set(code.co_consts)
    if missing:
        raise ValueError(f"{function.__name__} has no constants {sorted(missing)}")
    constants = tuple(ids.get(each, each) if type(each) is int else each for each in code.co_consts)
    copy = FunctionType(
        code.replace(co_consts=constants),
        function.__globals__,
        function.__name__,
        function.__defaults__,
    )
    return torch.no_grad()(copy)


def cases() -> list[Case]:
    return [*_plain(), *_guided(), *_end_tokens()]


def _case(
    changed: dict[str, object],
    *,
    seed: int,
    prompt: tuple[int, ...] = (3, 7, 1, 12),
    vocab_size: int = 20,
    sharpness: float = 1.0,
) -> Case:
    return case_of(
        "generate",
        {"gen_length": 12, **DEFAULTS, **changed},
        seed=seed,
        prompt=prompt,
        vocab_size=vocab_size,
        sharpness=sharpness,
    )


def _plain() -> list[Case]:
    """Orders and temperatures: whole blocks, steps that do not divide the tokens, small blocks."""
    blocks = ((12, 12), (12, 5), (4, 12), (6, 6), (4, 3))  # block_length, steps
    settings: list[dict[str, object]] = [
        {"remasking": order, "temperature": temperature, "block_length": length, "steps": steps}
        for order in ("low_confidence", "random")
        for temperature in (0.0, 0.5, 1.0)
        for length, steps in blocks
    ]
    tempered = {"temperature": 0.5, "block_length": 10, "steps": 10}
    return [
        *(_case(changed, seed=seed) for seed, changed in enumerate(settings)),
        _case({**tempered, "gen_length": 20}, seed=91, prompt=(5,), sharpness=4.0),
        _case({**tempered, "gen_length": 10}, seed=92, prompt=(), vocab_size=24),
    ]


def _guided() -> list[Case]:
    """Guidance at each temperature; the shorter the prompt, the less there is to mask."""
    settings = ((0.5, 0.0, 12), (1.5, 1.0, 4), (3.0, 0.5, 6))  # scale, temperature, block_length
    return [
        _case(
            {"cfg_scale": scale, "temperature": temperature, "block_length": length, "steps": 6},
            seed=100 + index,
            prompt=(3, 7, 1, 12)[: 4 - index],
        )
        for index, (scale, temperature, length) in enumerate(settings)
    ]


def _end_tokens() -> list[Case]:
    """Both flags; with 8 columns an end token is often the likeliest."""
    settings = (  # logits_eos_inf, confidence_eos_eot_inf, temperature, block_length, steps
        (True, False, 0.0, 12, 12),
        (True, False, 1.0, 6, 6),
        (False, True, 0.0, 12, 12),
        (False, True, 0.0, 6, 4),
        (False, True, 1.0, 12, 12),
        (False, True, 0.5, 6, 4),
        (True, True, 0.0, 12, 6),
        (True, True, 1.0, 12, 6),
    )
    return [
        _case(
            {
                "logits_eos_inf": without,
                "confidence_eos_eot_inf": last,
                "temperature": temperature,
                "block_length": length,
                "steps": steps,
            },
            seed=200 + index,
            prompt=(3, 1),
            vocab_size=8,
        )
        for index, (without, last, temperature, length, steps) in enumerate(settings)
    ]
