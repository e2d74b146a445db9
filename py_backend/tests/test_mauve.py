"""MAUVE is mauve-text's, on the same features and seed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mauve as package
import numpy as np
import pytest
from fake_backend import PACKAGE_ROOT, PATIENCE
from numpy.typing import NDArray

from remdm_backend.errors import BackendError
from remdm_backend.judging.mauve import Score, mauve
from remdm_backend.judging.mauve_process import MauveProcess
from remdm_backend.wire.judging import MauveSettings


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
    p, q = blobs(1, 90, 1.0), blobs(2, 60, 1.3)
    expected = package.compute_mauve(p_features=p, q_features=q, verbose=False, **arguments).mauve
    score = mauve(p, q, settings)
    assert not score.tied
    np.testing.assert_allclose(score.value, expected, rtol=1e-9)
    assert 0 < score.value < 1


def test_the_defaults_are_the_packages() -> None:
    p, q = blobs(3, 50, 1.0), blobs(4, 50, 1.5)
    expected = package.compute_mauve(p_features=p, q_features=q).mauve
    np.testing.assert_allclose(mauve(p, q, MauveSettings()).value, expected, rtol=1e-9)


@pytest.mark.parametrize("factors", [1, 3])
def test_equal_texts_are_refused(factors: int) -> None:
    # mauve-text divides each by its length, so multiples of one vector are the same to it.
    rows = np.arange(1, 4, dtype=np.float32) * (1 + np.arange(50) % factors)[:, None]
    with pytest.raises(BackendError, match="the same features") as caught:
        mauve(rows[:20].astype(np.float32), rows[20:].astype(np.float32), MauveSettings())
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


@pytest.fixture
def scorer() -> Iterator[MauveProcess]:
    process = MauveProcess()
    yield process
    process.close()


FAKE = """
import os, time
def compute_mauve(p_features, q_features, seed, mauve_scaling_factor, **settings):
    from types import SimpleNamespace
    print("chatter")
    if seed == 1:
        raise ValueError("it did not work")
    if seed == 2:
        os._exit(7)
    if seed == 3:  # seconds of one call that never gives Python's lock away
        open(__file__ + ".started", "w").close()
        import ctypes
        ctypes.PyDLL(None).sleep(60)
    return SimpleNamespace(mauve=float(os.environ["OMP_NUM_THREADS"]), p_hist=[1], q_hist=[0])
"""


@pytest.fixture
def fake_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mauve-text of our own, for the process to import."""
    (tmp_path / "mauve.py").write_text(FAKE)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    return tmp_path


P, Q = blobs(1, 20, 1), blobs(2, 20, 1)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class TestTheProcess:
    def test_scores_as_mauve_text_does(self, scorer: MauveProcess) -> None:
        p, q = blobs(1, 90, 1.0), blobs(2, 60, 1.3)
        for settings in (MauveSettings(), MauveSettings(seed=3, buckets=5, scale=2)):
            value, tied = scorer.score(p, q, settings, 1).tensors()
            assert (value.dtype, value.shape) == (np.float64, (1,))
            assert tied.dtype == np.int32
            assert tied.tolist() == [0]
            np.testing.assert_allclose(value, mauve(p, q, settings).value, rtol=1e-9)

    def test_what_fails_is_told_and_the_next_score_is_computed(
        self, scorer: MauveProcess, fake_package: Path
    ) -> None:
        for seed, code, message in ((1, "internal", "did not work"), (2, "internal", "code 7")):
            with pytest.raises(BackendError, match=message) as caught:
                scorer.score(P, Q, MauveSettings(seed=seed), 1)
            assert caught.value.code == code
        assert scorer.score(P, Q, MauveSettings(seed=0), 3) == Score(3, tied=False)

    def test_equal_texts_and_a_missing_package_are_told(
        self, scorer: MauveProcess, fake_package: Path
    ) -> None:
        with pytest.raises(BackendError, match="the same features") as caught:
            scorer.score(np.ones_like(P), np.ones_like(Q), MauveSettings(), 1)
        assert caught.value.code == "request_invalid"
        scorer.close()
        (fake_package / "mauve.py").write_text("raise ImportError('not here')")
        with pytest.raises(BackendError, match="not here") as caught:
            scorer.score(P, Q, MauveSettings(), 1)
        assert caught.value.code == "package_missing"

    def test_python_goes_on_meanwhile(self, scorer: MauveProcess, fake_package: Path) -> None:
        ended: list[BackendError] = []

        def ask() -> None:
            try:
                scorer.score(P, Q, MauveSettings(seed=3), 1)
            except BackendError as error:
                ended.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        wait_for((fake_package / "mauve.py.started").exists)
        gaps, last = [], time.monotonic()
        for _ in range(100):
            time.sleep(0.02)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()
        assert max(gaps) < 1.5
        assert scorer._process is not None
        scorer._process.kill()
        thread.join(PATIENCE)
        assert ended[0].code == "out_of_memory"

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends after the score")
    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
    def test_ends_with_its_parent_in_the_middle_of_a_score(
        self, fake_package: Path, how: signal.Signals
    ) -> None:
        (fake_package / "parent.py").write_text(
            textwrap.dedent("""
            import numpy as np, os, signal, threading, time
            from remdm_backend.judging.mauve_process import MauveProcess
            from remdm_backend.wire.judging import MauveSettings
            signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
            scorer = MauveProcess()
            p = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
            ask = lambda: scorer.score(p, p, MauveSettings(seed=3), 1)
            # As in the backend: a daemon thread's child.
            thread = threading.Thread(target=ask, daemon=True)
            thread.start()
            while not os.path.exists("mauve.py.started"): time.sleep(0.02)
            print(scorer._process.pid, flush=True)
            while True: time.sleep(0.05)
        """)
        )
        path = os.pathsep.join([str(PACKAGE_ROOT), os.environ["PYTHONPATH"]])
        with subprocess.Popen(
            [sys.executable, str(fake_package / "parent.py")],
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}, cwd=fake_package,
        ) as parent:  # fmt: skip
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            assert is_alive(child)
            parent.send_signal(how)
            parent.wait(PATIENCE)
        wait_for(lambda: not is_alive(child))


def is_alive(pid: int) -> bool:
    """A zombie, which its new parent has not looked at yet, is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
