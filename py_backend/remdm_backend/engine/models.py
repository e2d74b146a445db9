"""This module says what the engine holds, as it sees it: a network to sample from, or a judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from remdm_backend.model.adjustment import Adjustment
    from remdm_backend.model.card import ModelCard
    from remdm_backend.model.statistics import StatisticName
    from remdm_backend.model.top_rows import TopRows
    from remdm_backend.model.trunk_cache import TrunkCache


Form = TypeVar("Form", contravariant=True)


class Outputs(Protocol[Form]):
    """What can be asked about tokens in this form: equally long sequences, or packed ones.

    ``sigma [B]`` float32, ``rows [N]`` int64 (flat indices into the tokens), on any device ->
    ``[N, V]`` float32, for logits perhaps bfloat16; ``[N, k]`` for ``k`` statistics. Raises
    ``BackendError``, ``out_of_memory`` among others.
    """

    def adjusted(self, adjustment: Adjustment) -> Outputs[Form]: ...
    def logits(
        self, tokens: Form, sigma: Tensor, rows: Tensor, cache: TrunkCache | None
    ) -> Tensor: ...
    def log_probs(
        self, tokens: Form, sigma: Tensor, rows: Tensor, cache: TrunkCache | None
    ) -> Tensor: ...
    def statistics(
        self,
        tokens: Form,
        sigma: Tensor,
        rows: Tensor,
        cache: TrunkCache | None,
        *,
        names: Sequence[StatisticName],
        given: Tensor | None,
    ) -> Tensor: ...
    def top_rows(
        self,
        tokens: Form,
        sigma: Tensor,
        rows: Tensor,
        cache: TrunkCache | None,
        *,
        mass: float | None,
        temperature: float,
        top_k: int | None,
    ) -> TopRows: ...


class Model(Protocol):
    """What was loaded: a network to sample from, or a judge (``judging/judge.py``)."""

    @property
    def card(self) -> ModelCard: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def dtype(self) -> torch.dtype: ...
    @property
    def attention(self) -> str: ...


@runtime_checkable
class Network(Outputs["Tensor"], Model, Protocol):
    """A loaded network (``model/network.py``), for ``tokens [B, L]`` int64."""
