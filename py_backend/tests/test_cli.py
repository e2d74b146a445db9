"""The console script: how it ends and what it says, and a checkpoint served from end to end."""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_backend import (
    PACKAGE_ROOT,
    PATIENCE,
    clients,
    make_call,
    started,
    temporary_directory,
)

from remdm_backend import __version__
from remdm_backend.checkpoint.load import load_network
from remdm_backend.cli import main
from remdm_backend.doctor import DISTRIBUTIONS, EXTRAS, Problem, Report, describe, examine
from remdm_backend.host import threads


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "remdm_backend", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)},
        check=False,
    )


BARE = ("-I", "-S", "-c")
"""Python options that hide every installed package; the code to run follows."""


def run_bare(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run where no dependency is installed."""
    code = (
        f"import sys; sys.path.insert(0, {str(PACKAGE_ROOT)!r}); "
        f"from remdm_backend.cli import main; sys.exit(main({list(arguments)!r}))"
    )
    return subprocess.run(
        [sys.executable, *BARE, code], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def fatal(stderr: str) -> dict[str, str]:
    record: dict[str, str] = json.loads(
        stderr.splitlines()[-1].removeprefix("remdm-backend: error ")
    )
    return record


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "command"),
        (["fly"], "fly"),
        (["serve"], "--checkpoint"),
        (["serve", "--checkpoint", "x"], "--endpoint"),
        (["serve", "--checkpoint", "x", "--endpoint", "ipc://x", "--max-batch", "0"], "'0'"),
        (["serve", "--checkpoint", "x", "--endpoint", "ipc://x", "--threads", "two"], "'two'"),
        (["serve", "--checkpoint", "x", "--endpoint", "ipc://x", "--dtype", "int8"], "int8"),
        (["serve", "--checkpoint", "x", "--endpoint", "ipc://x", "--fast"], "--fast"),
    ],
)
def test_a_usage_error_says_what_is_wrong(
    arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    out, err = capfd.readouterr()
    assert (out, fatal(err)["code"]) == ("", "option_invalid")
    assert says in fatal(err)["message"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"remdm-backend {__version__}\n")


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:1", "ipc:///no/such/directory/s"])
def test_an_invalid_endpoint_ends_with_code_5(endpoint: str) -> None:
    ended = run("serve", "--checkpoint", "x", "--endpoint", endpoint)
    assert (ended.returncode, ended.stdout) == (5, "")
    assert fatal(ended.stderr)["code"] == "endpoint_invalid"


def test_a_missing_checkpoint_ends_with_code_3() -> None:
    with temporary_directory() as directory:
        ended = run("serve", "--checkpoint", "/no/such.ckpt", "--endpoint", f"ipc://{directory}/s")
        assert list(directory.iterdir()) == []
    assert (ended.returncode, ended.stdout) == (3, "")
    assert fatal(ended.stderr)["code"] == "checkpoint_missing"


def test_a_managed_server_without_a_parent_ends_at_once() -> None:
    with temporary_directory() as directory:
        endpoint = f"ipc://{directory}/s"
        ended = run("serve", "--checkpoint", "x", "--endpoint", endpoint, "--managed")
        assert list(directory.iterdir()) == []
    assert ended.returncode == 0


def test_missing_schemas_end_with_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMDM_SCHEMAS", "/no/such/directory")
    with temporary_directory() as directory:
        ended = run("serve", "--checkpoint", "x", "--endpoint", f"ipc://{directory}/s")
    assert (ended.returncode, fatal(ended.stderr)["code"]) == (1, "backend_start_failed")


def test_serve_without_the_dependencies_says_so() -> None:
    ended = run_bare("serve", "--checkpoint", "x", "--endpoint", "ipc://x")
    assert (ended.returncode, ended.stdout) == (1, "")
    error = fatal(ended.stderr)
    assert error["code"] == "backend_start_failed"
    python = os.path.normpath(sys.executable)
    assert error["message"].startswith(f"{python} cannot import a package of the backend")
    assert error["remedy"].startswith(f'Run `REMDM_PYTHON="{python}" npx remdm setup`')


def test_serve_answers_what_the_loaded_network_says(tiny_ckpt: Path) -> None:
    network = load_network(tiny_ckpt, device="cpu")
    call = make_call(1, batch=3, length=network.card.length, rows=[0, 30, 71])
    with temporary_directory() as directory:
        options = ["--managed", "--own-directory", "--threads", "1", "--device", "cpu"]
        command = ["-m", "remdm_backend", "serve", "--checkpoint", str(tiny_ckpt), *options]
        socket = directory / "s"
        with started([*command, "--endpoint", f"ipc://{socket}"], socket) as backend:
            with clients(backend.address) as (client,):
                model = client.hello()["model"]
                got = client.forward(call)
            backend.signal(signal.SIGTERM)
            code, lines = backend.end()
        assert not directory.exists()
    assert (code, model["vocabSize"], model["name"]) == (0, network.card.vocab_size, tiny_ckpt.name)
    assert any("loading tiny.ckpt" in line for line in lines)
    wanted = network.logits(
        torch.from_numpy(call.tokens), torch.from_numpy(call.sigma), torch.from_numpy(call.rows)
    )
    np.testing.assert_allclose(got, wanted.numpy(), rtol=1e-4, atol=1e-5)


def installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def test_doctor_reports_this_installation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    assert report["version"] == __version__
    assert report["python"]["executable"] == sys.executable
    assert report["packages"].keys() == DISTRIBUTIONS.keys()
    assert report["packages"]["torch"] == torch.__version__
    assert report["extras"] == {name: installed_version(name) for name in EXTRAS}
    assert report["cuda"]["available"] == torch.cuda.is_available()
    assert report["attention"]["float32"] == "sdpa"
    assert not any(problem["fatal"] for problem in report["problems"])


def test_doctor_runs_where_nothing_is_installed() -> None:
    ended = run_bare("doctor", "--json")
    report = json.loads(ended.stdout)
    assert (ended.returncode, report["ok"], ended.stderr) == (1, False, "")
    assert set(report["packages"].values()) == {None}
    assert report["extras"] == dict.fromkeys(EXTRAS)
    assert report["attention"] is None
    assert [problem["fatal"] for problem in report["problems"]] == [True] * len(DISTRIBUTIONS)
    assert all("npx remdm setup`" in problem["remedy"] for problem in report["problems"])


def test_doctor_speaks_to_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out.rstrip()
    assert said.endswith("ready to serve")
    assert "mauve-text " in said
    report = Report(packages={"torch": None}, problems=[Problem("no torch", "get it", fatal=True)])
    assert "PROBLEM: no torch\n  get it" in describe(report)


def test_doctor_finds_missing_schemas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REMDM_SCHEMAS", str(tmp_path))
    (problem,) = [problem for problem in examine().problems if problem.fatal]
    assert "REMDM_SCHEMAS" in problem.remedy


@pytest.mark.parametrize(
    ("content", "cores"),
    [("150000 100000\n", 1.5), ("max 100000\n", 1e6), ("", 1e6), ("nonsense", 1e6), (None, 1e6)],
)
def test_the_quota_of_a_container_counts(content: str | None, cores: float, tmp_path: Path) -> None:
    file = tmp_path / "cpu.max"
    if content is not None:
        file.write_text(content)
    assert threads._cgroup_cores(file) == cores


def test_threads_are_those_asked_for_or_at_most_the_cores() -> None:
    before = torch.get_num_threads()
    try:
        threads.limit_threads(3)
        assert torch.get_num_threads() == 3
        threads.limit_threads(None)
        assert 1 <= torch.get_num_threads() <= threads.available_cores()
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has no niceness of its own")
def test_what_computes_on_a_cpu_gives_way_and_nothing_else_does() -> None:
    def niceness_after(name: str) -> list[int]:
        """Of the thread that gives way, and of one that it starts."""
        seen: list[int] = []

        def note() -> None:
            seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

        def compute() -> None:
            threads.give_way(name)
            note()
            worker = threading.Thread(target=note)
            worker.start()
            worker.join()

        thread = threading.Thread(target=compute)
        thread.start()
        thread.join()
        return seen

    own = os.getpriority(os.PRIO_PROCESS, 0)
    nicer = min(19, own + threads.NICER)
    assert niceness_after("cpu") == [nicer, nicer]
    assert niceness_after("cuda:0") == [own, own]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
