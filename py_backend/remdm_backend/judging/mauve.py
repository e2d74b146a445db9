"""This module computes MAUVE as ``mauve-text`` does, with that package.

The package is under the GPL and an extra: it is imported when somebody asks for a score, and never
comes along by itself.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remdm_backend.errors import BackendError
from remdm_backend.installing import install_command
from remdm_backend.wire.judging import MauveSettings

VERSION = "mauve-text==0.4.0"
SAME = 1e-6
"""Features of the length 1 that differ by less differ by rounding."""
REQUIREMENTS = Path(__file__).parents[2] / "requirements-mauve.txt"


@dataclass(frozen=True)
class Score:
    """``value`` in [0, 1], as mauve-text has it. ``tied``: both histograms are equal in every bin.
    mauve-text 0.4.0 then gives 1 or 0.75, depending on how numpy's ``argsort``, which is not
    stable, orders equal numbers on this CPU."""

    value: float
    tied: bool

    def tensors(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """``value``, float64 ``[1]``, and ``tied`` as 0 or 1, int32 ``[1]``."""
        return np.array([self.value], np.float64), np.array([self.tied], np.int32)


def mauve(p: NDArray[np.float32], q: NDArray[np.float32], settings: MauveSettings) -> Score:
    """Score samples ``q [M, D]`` against references ``p [N, D]``.

    Keeps Python's lock for long: ``mauve_process.py`` has it computed elsewhere.

    Raises ``BackendError``: ``package_missing`` without mauve-text, ``request_invalid`` for texts
    whose features are all the same, in which there is nothing to cluster.
    """
    compute_mauve = import_compute_mauve()
    # As mauve-text sees them: at the length 1.
    both = np.vstack([p, q])
    both /= np.maximum(np.linalg.norm(both, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    if np.allclose(both, both[0], rtol=0, atol=SAME):
        raise BackendError(
            "request_invalid",
            "MAUVE cannot be computed: all samples and references have the same features, or "
            "multiples of them.",
            "Look at the texts; a judge of random weights or equal texts do this.",
        )
    result = compute_mauve(
        p_features=p,
        q_features=q,
        num_buckets="auto" if settings.buckets is None else settings.buckets,
        pca_max_data=-1,
        kmeans_explained_var=settings.explained_variance,
        kmeans_num_redo=settings.redo,
        kmeans_max_iter=settings.max_iterations,
        mauve_scaling_factor=settings.scale,
        seed=settings.seed,
        verbose=False,
    )
    return Score(float(result.mauve), bool(np.array_equal(result.p_hist, result.q_hist)))


def import_compute_mauve() -> Any:  # noqa: ANN401 (the package has no types)
    """Import ``compute_mauve``. Raises ``BackendError`` ``package_missing`` if it cannot be
    imported.
    """
    try:
        return importlib.import_module("mauve").compute_mauve
    except (ImportError, AttributeError) as error:
        raise BackendError(
            "package_missing",
            f"MAUVE needs the Python package mauve-text, which cannot be imported ({error}).",
            f"Install it (it is under the GPL): `{install_command(REQUIREMENTS, VERSION)}`",
        ) from error
