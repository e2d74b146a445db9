"""This module decodes what a judge is asked, and checks it as far as no model is needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from remdm_backend.errors import RequestError
from remdm_backend.wire.tensor_frames import MAX_SEQUENCES, read_tensors

BUCKET = 10
"""Texts to a cluster: mauve-text makes a tenth as many clusters as there are samples."""
LEAST_TEXTS = 2 * BUCKET
"""References and samples that MAUVE can be computed of: enough for two clusters."""

Frames: TypeAlias = Sequence[memoryview]

_TEXT_TENSORS = (("tokens", "int32", 1), ("lengths", "int32", 1))
_MAUVE_TENSORS = (("p", "float32", 2), ("q", "float32", 2))


@dataclass(frozen=True, eq=False)
class Texts:
    """``tokens [T]``: texts of ``lengths [N]``, one after the other."""

    tokens: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lengths)

    def each(self) -> list[NDArray[np.int64]]:
        """Return the tokens of each text; views."""
        ends = np.cumsum(self.lengths)
        return [self.tokens[end - size : end] for end, size in zip(ends, self.lengths, strict=True)]


@dataclass(frozen=True, eq=False)
class Likelihood:
    """A request for how likely each text is; ``eos`` ends a text."""

    id: int
    texts: Texts
    eos: int | None = None


@dataclass(frozen=True, eq=False)
class Features:
    """A request for a vector of each text; no text is empty."""

    id: int
    texts: Texts


@dataclass(frozen=True)
class MauveSettings:
    """The defaults are those of mauve-text's ``compute_mauve``. ``buckets``: clusters, None for a
    tenth of the texts; ``explained_variance`` is what PCA keeps; ``redo`` and ``max_iterations``
    belong to k-means."""

    seed: int = 25
    scale: float = 5
    buckets: int | None = None
    explained_variance: float = 0.9
    redo: int = 5
    max_iterations: int = 500


@dataclass(frozen=True, eq=False)
class Mauve:
    """``p [N, D]`` of the references, ``q [M, D]`` of the samples."""

    id: int
    p: NDArray[np.float32]
    q: NDArray[np.float32]
    settings: MauveSettings


Evaluation: TypeAlias = Likelihood | Features | Mauve


def _likelihood(request_id: int, header: dict[str, Any], frames: Frames) -> Likelihood:
    texts = _texts(request_id, header, frames, least=0)
    return Likelihood(request_id, texts, int(header["eos"]) if "eos" in header else None)


def _features(request_id: int, header: dict[str, Any], frames: Frames) -> Features:
    return Features(request_id, _texts(request_id, header, frames, least=1))


def _texts(request_id: int, header: dict[str, Any], frames: Frames, least: int) -> Texts:
    tensors = read_tensors(request_id, header, frames, _TEXT_TENSORS, {"tokens"})
    tokens, lengths = (tensor.astype(np.int64) for tensor in tensors)
    if len(lengths) > MAX_SEQUENCES:
        raise RequestError(request_id, f"A call has at most {MAX_SEQUENCES} texts.")
    if lengths.min() < least:
        raise RequestError(request_id, f"A text has {lengths.min()} tokens, not {least} or more.")
    if lengths.sum() != len(tokens):
        raise RequestError(
            request_id, f"The lengths add up to {lengths.sum()}, where {len(tokens)} tokens came."
        )
    return Texts(tokens, lengths)


def check_texts(request: Likelihood | Features, *, vocab_size: int, length: int) -> None:
    """Refuse texts that do not fit the model: its vocabulary and longest sequence."""
    tokens, lengths = request.texts.tokens, request.texts.lengths
    if len(tokens) and not (tokens.min() >= 0 and tokens.max() < vocab_size):
        raise RequestError(request.id, f"A token is outside [0, {vocab_size}).")
    # A longer text is judged in chunks, but has no one last hidden state.
    if isinstance(request, Features) and lengths.max() > length:
        raise RequestError(
            request.id,
            f"A text has {lengths.max()} tokens, the judge takes {length}.",
            f"Cut the texts to {length} tokens.",
        )


def _mauve(request_id: int, header: dict[str, Any], frames: Frames) -> Mauve:
    p, q = read_tensors(request_id, header, frames, _MAUVE_TENSORS)
    if p.shape[1] != q.shape[1]:
        raise RequestError(request_id, f"p has {p.shape[1]} features of a text and q {q.shape[1]}.")
    for name, features in (("references", p), ("samples", q)):
        if len(features) < LEAST_TEXTS:
            raise RequestError(
                request_id,
                f"MAUVE needs at least {LEAST_TEXTS} {name} and got {len(features)}: it makes one "
                f"cluster for every {BUCKET} texts, and two are the least.",
                f"Give {LEAST_TEXTS} or more; thousands for a number to rely on.",
            )
        if not np.isfinite(features).all():
            raise RequestError(request_id, f"The features of the {name} are not all finite.")
    scale, variance = float(header["scale"]), float(header["explainedVariance"])
    if math.isnan(scale) or math.isnan(variance):  # which the schema lets pass
        raise RequestError(request_id, "A setting of MAUVE is not a number.")
    buckets = int(header["buckets"]) if "buckets" in header else None
    if buckets is not None and buckets > len(p) + len(q):
        raise RequestError(
            request_id,
            f"{buckets} clusters are more than the {len(p) + len(q)} texts.",
            "Ask for fewer, or leave the number to mauve-text.",
        )
    settings = MauveSettings(
        seed=int(header["seed"]),
        scale=scale,
        buckets=buckets,
        explained_variance=variance,
        redo=int(header["redo"]),
        max_iterations=int(header["maxIterations"]),
    )
    return Mauve(request_id, p.astype(np.float32), q.astype(np.float32), settings)


READERS: dict[str, Callable[[int, dict[str, Any], Frames], Evaluation]] = {
    "likelihood": _likelihood,
    "features": _features,
    "mauve": _mauve,
}
"""By the type of the message, whose header the schema allows; they raise ``RequestError``."""
