"""Running-confidence remasking of MDPO (arXiv 2508.13148; autonomousvision/mdpo)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from checkouts import StandIns, Unused, imported
from hash_network import HashNetwork
from recording import Case, Recording, case_of, network_of, prompt_of, recorded
from torch import Tensor

REPOSITORY = "autonomousvision/mdpo"

UNUSED: StandIns = {"transformers": {"AutoTokenizer": Unused, "AutoModel": Unused}}


def record(checkout: Path) -> list[Recording]:
    generate = imported(checkout, "src/mdlm_generation_utils.py", UNUSED).diffusion_generate

    def sample(network: HashNetwork, case: Case) -> Tensor:
        prompt = prompt_of(case)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no CUDA, hence no autocast
            answer, *_ = generate(network, prompt, case["maskId"], **case["options"])
        # Only the answer is returned.
        return torch.cat([prompt, answer], dim=1)

    return [recorded(case, network_of(case), sample) for case in cases()]


def cases() -> list[Case]:
    blocks = ((12, 12, 12), (12, 12, 5), (12, 4, 12), (16, 8, 6))  # gen_length, block_length, steps
    plain = [
        _options(block, conf_alg=order, mode=mode, rcr=rcr)
        for rcr in (True, False)
        for order in ("confidence", "entropy", "topk_margin")
        for mode in ("linear", "cosine")
        for block in (blocks if rcr else blocks[1:3])
    ]
    drawn = [
        _options((8, 4, 6), temperature=temperature, top_p=top_p, top_k=top_k)
        for temperature, top_p, top_k in ((0.5, None, None), (1.0, 0.9, None), (1.0, None, 3))
    ]
    modes = [_options(blocks[0], mode=mode) for mode in ("pow2", "log", "exp")]
    return [
        case_of(
            "diffusion_generate",
            options,
            seed=seed,
            prompt=((3, 7, 1), (5,))[seed % 2],
            vocab_size=16,
        )
        for seed, options in enumerate([*plain, *drawn, *modes])
    ]


def _options(block: tuple[int, int, int], **changed: object) -> dict[str, Any]:
    gen_length, block_length, steps = block
    return {
        "gen_length": gen_length,
        "block_length": block_length,
        "steps": steps,
        "temperature": 0.0,
        "top_p": None,
        "top_k": None,
        "conf_alg": "confidence",
        "mode": "linear",
        "rcr": True,
        **changed,
    }
