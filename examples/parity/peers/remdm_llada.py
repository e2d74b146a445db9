"""ReMDM on LLaDA (arXiv 2503.00307; guanghanwang/ReMDM-LLaDA, `eval_llada.py`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from checkouts import StandIns, Unused, imported
from hash_network import HashNetwork
from recording import Case, Recording, case_of, network_of, prompt_of, recorded
from torch import Tensor

REPOSITORY = "guanghanwang/ReMDM-LLaDA"

# No token of this id is ever drawn: the run goes through all its blocks.
NO_TOKEN = -1


def _registered(_: str) -> Callable[[type], type]:
    """In the place of lm_eval's decorator of a model's class."""
    return lambda model: model


UNUSED: StandIns = {
    "accelerate": {},
    "datasets": {"Dataset": Unused},
    "lm_eval": {},
    "lm_eval.__main__": {"cli_evaluate": Unused},
    "lm_eval.api": {},
    "lm_eval.api.instance": {"Instance": Unused},
    "lm_eval.api.model": {"LM": Unused},
    "lm_eval.api.registry": {"register_model": _registered},
    "tqdm": {"tqdm": Unused},
    "transformers": {"AutoTokenizer": Unused, "AutoModel": Unused},
}


def record(checkout: Path) -> list[Recording]:
    harness = imported(checkout, "eval_llada.py", UNUSED).LLaDAEvalHarness

    def sample(network: HashNetwork, case: Case) -> Tensor:
        options = case["options"]
        settings = SimpleNamespace(
            model=network,
            mask_id=case["maskId"],
            mask_length=options["mask_length"],
            block_size=options["block_size"],
            sampling_steps=options["sampling_steps"],
            remdm_number=options["remdm_number"],
            tokenizer=SimpleNamespace(eos_token_id=options["eos_token_id"]),
        )
        tokens: Tensor = getattr(harness, case["function"])(settings, prompt_of(case))
        return tokens

    return [recorded(case, network_of(case), sample) for case in cases()]


def cases() -> list[Case]:
    """A token a step, as published: with more, the published code remasks what ties decide."""
    settings = (  # mask_length, block_size, remdm_number, vocab_size, eos_token_id
        (8, 8, 1, 20, NO_TOKEN),
        (8, 8, 2, 20, NO_TOKEN),
        (12, 12, 3, 20, NO_TOKEN),
        (16, 8, 2, 20, NO_TOKEN),
        (12, 4, 2, 20, NO_TOKEN),
        (16, 8, 7, 20, NO_TOKEN),
        (8, 8, 0, 20, NO_TOKEN),
        (16, 4, 1, 8, 2),
        (16, 8, 2, 8, 2),
        (16, 4, 1, 8, 5),
    )
    return [
        *(
            case_of(
                "llada_remdm_sample",
                {
                    "mask_length": answer,
                    "block_size": block,
                    "sampling_steps": answer,
                    "remdm_number": number,
                    "eos_token_id": eos,
                },
                length=len(prompt) + answer,
                seed=seed,
                prompt=prompt,
                vocab_size=vocab_size,
            )
            for seed, (answer, block, number, vocab_size, eos) in enumerate(settings)
            for prompt in ((3, 6, 1, 4), (3,))
        ),
        *_without_remasking(),
    ]


def _without_remasking() -> list[Case]:
    """The plain sampler beside it, which may reveal more than a token a step."""
    settings = ((12, 12, 12), (12, 12, 4), (16, 8, 8))  # mask_length, block_size, sampling_steps
    return [
        case_of(
            "llada_conf_sample",
            {
                "mask_length": answer,
                "block_size": block,
                "sampling_steps": steps,
                "remdm_number": 0,
                "eos_token_id": NO_TOKEN,
            },
            length=4 + answer,
            seed=50 + index,
        )
        for index, (answer, block, steps) in enumerate(settings)
    ]
