"""This module answers a request to judge, on the device thread.

It is the only module of the room that the engine calls; it imports PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from remdm_backend.errors import BackendError
from remdm_backend.judging.features import features
from remdm_backend.judging.judge import Judge
from remdm_backend.judging.likelihood import likelihood
from remdm_backend.judging.mauve_process import MauveProcess
from remdm_backend.wire.judging import Evaluation, Likelihood, Mauve

mauve_process = MauveProcess()


def judge(model: object, request: Evaluation) -> Sequence[NDArray[Any]]:
    """Return the tensors of the answer. ``model`` is what the engine holds.

    Raises ``BackendError``, ``request_invalid`` if ``model`` is asked to judge and is no judge.
    """
    if isinstance(request, Mauve):
        threads = torch.get_num_threads()
        return mauve_process.score(request.p, request.q, request.settings, threads).tensors()
    if not isinstance(model, Judge):
        raise BackendError(
            "request_invalid",
            "This backend holds a model to sample from, which does not judge texts.",
            "Let a judge do it: `Judge.launch` starts one with an autoregressive model.",
        )
    if isinstance(request, Likelihood):
        return likelihood(model, request.texts, request.eos)
    return [features(model, request.texts)]
