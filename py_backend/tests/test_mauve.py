"""MAUVE is mauve-text's, on the same features and seed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from remdm_backend.errors import BackendError
from remdm_backend.evaluation.mauve import mauve
from remdm_backend.evaluation.requests import MauveSettings


def blobs(seed: int, count: int, shift: float) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(count, 12)) + shift * rng.integers(0, 3, (count, 1))).astype(
        np.float32
    )


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        (MauveSettings(), {}),
        (MauveSettings(seed=3, scale=2), {"seed": 3, "mauve_scaling_factor": 2}),
        (
            MauveSettings(buckets=5, explained_variance=0.5, redo=1, max_iterations=10),
            {
                "num_buckets": 5,
                "kmeans_explained_var": 0.5,
                "kmeans_num_redo": 1,
                "kmeans_max_iter": 10,
            },
        ),
    ],
)
def test_scores_are_those_of_mauve_text(
    settings: MauveSettings, arguments: dict[str, float]
) -> None:
    package = pytest.importorskip("mauve", reason="an extra: requirements-mauve.txt")
    p, q = blobs(1, 90, 1.0), blobs(2, 60, 1.3)
    expected = package.compute_mauve(p_features=p, q_features=q, verbose=False, **arguments).mauve
    score = mauve(p, q, settings)
    assert (score.dtype, score.shape) == (np.float64, (1,))
    np.testing.assert_allclose(score, expected, rtol=1e-9)
    assert 0 < score[0] < 1


def test_the_defaults_are_the_packages() -> None:
    package = pytest.importorskip("mauve", reason="an extra: requirements-mauve.txt")
    p, q = blobs(3, 50, 1.0), blobs(4, 50, 1.5)
    expected = package.compute_mauve(p_features=p, q_features=q).mauve
    np.testing.assert_allclose(mauve(p, q, MauveSettings()), expected, rtol=1e-9)


def test_equal_texts_are_refused() -> None:
    pytest.importorskip("mauve", reason="an extra: requirements-mauve.txt")
    with pytest.raises(BackendError, match="the same features") as caught:
        mauve(np.ones((20, 3), np.float32), np.ones((30, 3), np.float32), MauveSettings())
    assert caught.value.code == "request_invalid"


def test_without_the_package_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "mauve", None)
    with pytest.raises(BackendError) as caught:
        mauve(blobs(1, 20, 1), blobs(2, 20, 1), MauveSettings())
    assert caught.value.code == "package_missing"
    assert "pip install" in caught.value.remedy
    assert "requirements-mauve.txt" in caught.value.remedy
