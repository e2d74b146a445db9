"""This module takes vectors of texts as mauve-text does: the last hidden state at the last
token."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from remdm_backend.judging.judge import Judge
from remdm_backend.judging.texts import in_batches
from remdm_backend.wire.judging import Texts


def features(judge: Judge, texts: Texts) -> NDArray[np.float32]:
    """Return ``[N, H]``, after the final norm; no text is empty or longer than the judge's context.

    Raises ``BackendError`` ``out_of_memory``.
    """
    each = texts.each()
    vectors = np.empty((len(each), judge.card.hidden_size), np.float32)
    for chosen, states in in_batches(judge, each, judge.states):
        last = torch.tensor([len(each[index]) - 1 for index in chosen], device=judge.device)
        rows = torch.arange(len(chosen), device=judge.device)
        vectors[chosen] = states[rows, last].float().cpu().numpy()
    return vectors
