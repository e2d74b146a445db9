"""This module measures how likely texts are: what generative perplexity is made of.

It follows ``compute_generative_perplexity`` of the original. A text is cut into chunks of the
judge's context, and each is judged for itself: a chunk's first token has nothing before it and is
not counted. Of the tokens that end a text (``eos``) only the first of a chunk counts, wherever in
the chunk it stands, so one that begins the chunk uses that up. Tokens after the first ``eos`` count
unless they are ``eos`` themselves: the original does not stop there. Padding never counts; the
original pads with ``eos``, and counts the first of it in texts that are shorter than the longest
and have no ``eos`` of their own.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remdm_backend.judging.judge import Judge
from remdm_backend.judging.texts import in_batches
from remdm_backend.wire.judging import Texts


def likelihood(
    judge: Judge, texts: Texts, eos: int | None
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return for each text the sum of -log p of the counted tokens, in nats, and their number.

    Raises ``BackendError`` ``out_of_memory``.
    """
    nats = np.zeros(len(texts), np.float64)
    counted = np.zeros(len(texts), np.int32)
    owners, chunks = [], []
    for index, text in enumerate(texts.each()):
        for begin in range(0, len(text), judge.card.length):
            chunk = text[begin : begin + judge.card.length]
            if len(chunk) > 1:
                owners.append(index)
                chunks.append(chunk)
    for chosen, losses in in_batches(judge, chunks, partial(_losses, judge)):
        for loss, index in zip(losses, chosen, strict=True):
            mask = counts(chunks[index], eos)
            nats[owners[index]] += loss[: len(mask)][mask].sum()
            counted[owners[index]] += mask.sum()
    return nats, counted


def counts(chunk: NDArray[np.int64], eos: int | None) -> NDArray[np.bool_]:
    """Tell which tokens of a chunk count, from its second on."""
    if eos is None:
        return np.ones(len(chunk) - 1, np.bool_)
    ends = chunk == eos
    mask: NDArray[np.bool_] = ~ends | (np.cumsum(ends) == 1)
    return mask[1:]


def _losses(judge: Judge, tokens: Tensor) -> NDArray[np.float64]:
    """-log p of every token given those before it, ``[B, L - 1]`` of ``tokens [B, L]``, in main
    memory."""
    states = judge.states(tokens)[:, :-1].flatten(0, 1)
    targets = tokens[:, 1:].flatten()
    losses = []
    for begin in range(0, len(targets), judge.portion):
        log_probs = judge.next_log_probs(states[begin : begin + judge.portion])
        following = targets[begin : begin + judge.portion, None]
        losses.append(-log_probs.gather(-1, following).squeeze(-1))
    together: NDArray[np.float64] = torch.cat(losses).view(len(tokens), -1).cpu().double().numpy()
    return together
