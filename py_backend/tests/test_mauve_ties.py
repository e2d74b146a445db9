"""What mauve-text makes of two equal histograms: remdm passes it on, and says that they tie."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from fake_backend import PACKAGE_ROOT
from numpy.typing import NDArray

from remdm_backend.judging.mauve import mauve
from remdm_backend.wire.judging import MauveSettings

pytest.importorskip("mauve", reason="an extra: requirements-mauve.txt")


def clusters(seed: int, sizes: tuple[int, ...]) -> NDArray[np.float32]:
    """So many texts around each of a few places that are far apart, the same for every seed."""
    places = np.random.default_rng(0).normal(size=(len(sizes), 6)) * 50
    noise = np.random.default_rng(seed).normal(size=(sum(sizes), 6)) * 0.01
    return (np.repeat(places, sizes, axis=0) + noise).astype(np.float32)


def test_equal_histograms_of_half_and_half_score_1_or_three_quarters_and_are_told() -> None:
    p, q = clusters(1, (10, 10)), clusters(2, (10, 10))
    score = mauve(p, q, MauveSettings(buckets=2))
    assert score.tied
    assert round(score.value, 9) in (0.75, 1)


def test_equal_histograms_tie_though_one_set_has_more_texts() -> None:
    score = mauve(clusters(1, (10, 20)), clusters(2, (20, 40)), MauveSettings(buckets=2))
    assert score.tied
    assert round(score.value, 9) in (0.75, 1)


def test_histograms_that_differ_in_one_text_do_not_tie() -> None:
    score = mauve(clusters(1, (11, 10)), clusters(2, (10, 10)), MauveSettings(buckets=2))
    assert not score.tied
    assert 0.99 < score.value < 1


SCORE = """
    import sys
    sys.path.insert(0, "tests")
    from test_mauve_ties import clusters, mauve, MauveSettings, order_of_ties
    score = mauve(clusters(1, (10, 10)), clusters(2, (10, 10)), MauveSettings(buckets=2))
    print(score.tied, round(score.value, 9), *order_of_ties())
"""


def order_of_ties() -> tuple[bool, bool]:
    """Whether argsort puts an end of the curve first among its equals: the curve of two equal
    histograms goes from (1, 0) through 25 times (1, 1) to (0, 1)."""
    x, y = np.array([1.0] * 26 + [0]), np.array([0.0] + [1] * 26)
    return bool(np.argsort(x)[1] == 0), bool(np.argsort(y)[1] == 26)


@pytest.mark.parametrize("simd", [True, False])
def test_the_score_of_a_tie_follows_from_how_numpy_orders_equal_numbers(simd: bool) -> None:
    """The score is the mean of two areas, and each loses a half where its end is first."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    off = [name for name in found if name.startswith(("AVX", "X86_V"))]
    if not simd and not off:
        pytest.skip(f"numpy found only {found} on this CPU: there is nothing to switch off")
    disabled = "" if simd else " ".join(off)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCORE)],
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": disabled, "PYTHONPATH": str(PACKAGE_ROOT)},
        cwd=PACKAGE_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    tied, score, *first = done.stdout.split()
    assert tied == "True"
    assert float(score) == 1 - 0.25 * first.count("True")
