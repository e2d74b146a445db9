"""Fast-dLLM's `generate` without a cache (arXiv 2505.22618; NVlabs/Fast-dLLM)."""

from __future__ import annotations

from pathlib import Path

from checkouts import StandIns, Unused, imported
from hash_network import HashNetwork
from recording import Case, Recording, case_of, network_of, prompt_of, recorded
from torch import Tensor

REPOSITORY = "NVlabs/Fast-dLLM"

UNUSED: StandIns = {
    "transformers": {"AutoTokenizer": Unused, "AutoModel": Unused},
    "model": {},
    "model.modeling_llada": {"LLaDAModelLM": Unused},
}


def record(checkout: Path) -> list[Recording]:
    generate = imported(checkout, "llada/generate.py", UNUSED).generate

    def sample(network: HashNetwork, case: Case) -> Tensor:
        tokens: Tensor
        tokens, calls = generate(
            network, prompt_of(case), mask_id=case["maskId"], **case["options"]
        )
        assert calls == len(network.asked), "the published count of calls is another"
        return tokens

    return [recorded(case, network_of(case), sample) for case in cases()]


def cases() -> list[Case]:
    """Counts, thresholds and factors; sharp networks pass 0.9 now and then."""
    settings = [
        {"threshold": threshold, "factor": factor, "temperature": temperature}
        for threshold, factor in (
            (None, None),
            (0.9, None),
            (0.6, None),
            (0.2, None),
            (1.5, None),  # which nothing passes
            (0.0, None),  # which everything passes
            (None, 1.0),
            (None, 2.0),
            (None, 0.5),
            (None, 6.0),
        )
        for temperature in (0.0, 0.7)
    ]
    return [
        case_of(
            "generate",
            {
                "gen_length": 16,
                "block_length": block,
                "steps": 8,
                "remasking": "low_confidence",
                **changed,
            },
            seed=seed,
            prompt=prompt,
            sharpness=sharpness,
        )
        for seed, changed in enumerate(settings)
        for block, prompt, sharpness in ((16, (3, 7, 1, 12), 4.0), (8, (5,), 2.0))
    ]
