"""The real server with a network that computes nothing: ``still.py ENDPOINT V ROWS DTYPE``.

Its rows are normal numbers made at the start, so that what a call takes is the way there and back.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from remdm_backend.model.card import ModelCard
from remdm_backend.serving.process import ServeOptions, run

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from remdm_backend.model.statistics import StatisticName
    from remdm_backend.model.top_rows import TopRows
    from remdm_backend.model.trunk_cache import TrunkCache

LENGTH = 4096


class StillNetwork:
    attention = "sdpa"

    def __init__(self, vocab_size: int, rows: int, dtype: str) -> None:
        import torch

        self.card = ModelCard(
            kind="mdlm",
            name="still",
            format="safetensors",
            weights="raw",
            vocab_size=vocab_size,
            mask_id=vocab_size - 1,
            length=LENGTH,
            time_conditioning=False,
            hidden_size=1,
            n_blocks=1,
            n_heads=1,
            cond_dim=0,
            parameters=1,
        )
        self.device: torch.device = torch.device("cpu")
        self.dtype: torch.dtype = torch.bfloat16 if dtype == "bfloat16" else torch.float32
        torch.manual_seed(0)
        self._table = torch.empty(rows, vocab_size, dtype=self.dtype).normal_(std=3)

    def logits(
        self, tokens: Tensor, sigma: Tensor, rows: Tensor, cache: TrunkCache | None
    ) -> Tensor:
        return self._table[: len(rows)]

    log_probs = logits

    def statistics(
        self,
        tokens: Tensor,
        sigma: Tensor,
        rows: Tensor,
        cache: TrunkCache | None,
        *,
        names: Sequence[StatisticName],
        given: Tensor | None,
    ) -> Tensor:
        from remdm_backend.model.statistics import row_statistics

        return row_statistics(self._table[: len(rows)], self.card.mask_id, names, given)

    def top_rows(
        self,
        tokens: Tensor,
        sigma: Tensor,
        rows: Tensor,
        cache: TrunkCache | None,
        *,
        mass: float,
    ) -> TopRows:
        from remdm_backend.model.top_rows import top_rows

        return top_rows(self._table[: len(rows)], self.card.mask_id, mass)


def load() -> StillNetwork:
    from remdm_backend.host.threads import limit_threads

    limit_threads(None)
    return StillNetwork(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])


if __name__ == "__main__":
    run(ServeOptions(sys.argv[1], managed=True), load)
