"""This module defines what a forward is answered with, in main memory.

An answer has whole rows, or of each row the tokens that a draw can take. Either can be taken
apart by rows, without a copy, and put together again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float32] | NDArray[np.uint16]
"""float32, or the bits of bfloat16, a type that numpy lacks."""


@dataclass(frozen=True, eq=False)
class Rows:
    """``values [N, V]``, ``[N, k]`` for ``k`` statistics."""

    values: Values

    def __len__(self) -> int:
        return len(self.values)

    @property
    def reply_type(self) -> Literal["rows"]:
        return "rows"

    @property
    def tensors(self) -> list[NDArray[Any]]:
        return [self.values]

    def part(self, rows: slice) -> Rows:
        return Rows(self.values[rows])


@dataclass(frozen=True, eq=False)
class TopRows:
    """As ``model/top_rows.py`` gives them: ``counts [N]``, ``ids [M]``, ``logits [M]``,
    ``rest [N]``, ``log_mass [N]``."""

    counts: NDArray[np.int32]
    ids: NDArray[np.int32]
    logits: Values
    rest: NDArray[np.float64]
    log_mass: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def reply_type(self) -> Literal["topRows"]:
        return "topRows"

    @property
    def tensors(self) -> list[NDArray[Any]]:
        return [self.counts, self.ids, self.logits, self.rest, self.log_mass]

    def part(self, rows: slice) -> TopRows:
        ends = np.concatenate(([0], np.cumsum(self.counts, dtype=np.int64)))
        kept = slice(ends[rows.start], ends[rows.stop])
        return TopRows(
            self.counts[rows],
            self.ids[kept],
            self.logits[kept],
            self.rest[rows],
            self.log_mass[rows],
        )


Answer: TypeAlias = Rows | TopRows


def join(parts: list[Answer]) -> Answer:
    """Put the rows of ``parts``, at least one and all of one kind, under each other.

    It uses the list up: whole rows may be large, and each part goes when it is copied.
    """
    if len(parts) == 1:
        return parts.pop()
    tops = [part for part in parts if isinstance(part, TopRows)]
    if tops:
        return TopRows(
            np.concatenate([part.counts for part in tops]),
            np.concatenate([part.ids for part in tops]),
            np.concatenate([part.logits for part in tops]),
            np.concatenate([part.rest for part in tops]),
            np.concatenate([part.log_mass for part in tops]),
        )
    last = parts[-1]
    assert isinstance(last, Rows)
    values = np.empty((sum(map(len, parts)), last.values.shape[1]), last.values.dtype)
    above = len(values)
    while parts:
        part = parts.pop()
        assert isinstance(part, Rows)
        assert part.values.dtype == values.dtype
        values[above - len(part) : above] = part.values
        above -= len(part)
    return Rows(values)
