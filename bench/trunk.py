"""Time the bare network, with no process and no wire around it: ``trunk.py MODEL ROUNDS DTYPE``.

Prints seconds a call, the median, as JSON: of the whole network for 8 rows, and of its matrix
products alone, which is what no other code can spare.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from remdm_backend.checkpoint.load import load_network
from remdm_backend.device import limit_threads

ROWS = 8


def median(rounds: int, call: Callable[[], object]) -> float:
    call()
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def main(model: Path, rounds: int, dtype: str) -> None:
    limit_threads(None)
    network = load_network(
        model, device="cpu", dtype="bfloat16" if dtype == "bfloat16" else "float32"
    )
    card = network.card
    tokens = torch.randint(card.mask_id, (1, card.length))
    tokens[:, ::2] = card.mask_id
    rows = torch.arange(0, card.length, card.length // ROWS)
    width, length = card.hidden_size, card.length
    kind = network.dtype
    narrow, wide = (
        torch.randn(length, width, dtype=kind),
        torch.randn(length, 4 * width, dtype=kind),
    )
    weights = [torch.randn(n * width, width, dtype=kind) for n in (3, 1, 4)]
    last = torch.randn(width, 4 * width, dtype=kind)

    def products() -> None:
        for _ in range(card.n_blocks):
            for weight in weights:
                narrow @ weight.T
            wide @ last.T

    print(
        json.dumps(
            {
                "network": median(rounds, lambda: network.logits(tokens, torch.zeros(1), rows)),
                "products": median(rounds, products),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
