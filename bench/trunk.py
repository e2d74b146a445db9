"""The bare network in a process of its own, with no wire around it: ``trunk.py MODEL DTYPE``.

Its matrix products alone are what no other code can spare.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from worker import seconds, serve

from remdm_backend.checkpoint.load import load_network
from remdm_backend.host.allocator import keep_freed_memory
from remdm_backend.host.threads import limit_threads

ROWS = 8
KERNELS = 8
"""How many of them a profile has."""


def main(model: Path, dtype: str) -> None:
    keep_freed_memory()
    limit_threads(None)
    network = load_network(
        model, device="cpu", dtype="bfloat16" if dtype == "bfloat16" else "float32"
    )
    card = network.card
    width, length = card.hidden_size, card.length
    narrow = torch.randn(length, width)
    wide = torch.randn(length, 4 * width)
    weights = [torch.randn(n * width, width) for n in (3, 1, 4)]
    last = torch.randn(width, 4 * width)

    def forward(batch: int, rows: int) -> float:
        """Seconds; half of the tokens are masks, ``rows`` of each sequence are asked for."""
        tokens = torch.randint(card.mask_id, (batch, length))
        tokens[:, ::2] = card.mask_id
        asked = torch.arange(0, batch * length, length // rows)
        return seconds(lambda: network.logits(tokens, torch.zeros(batch), asked))

    def products() -> float:
        """Seconds; float32, of all blocks, for one sequence."""

        def multiply() -> None:
            for _ in range(card.n_blocks):
                for weight in weights:
                    narrow @ weight.T
                wide @ last.T

        return seconds(multiply)

    def profile() -> list[tuple[str, float]]:
        """The kernels that a forward of one sequence spends its time in, with their seconds."""
        with torch.profiler.profile() as profiler:
            forward(1, ROWS)
        found = {each.key: each.self_cpu_time_total / 1e6 for each in profiler.key_averages()}
        return sorted(found.items(), key=lambda item: -item[1])[:KERNELS]

    serve({"forward": forward, "products": products, "profile": profile})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
