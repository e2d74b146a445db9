"""Remedies that install something name this very Python, and why it is the one that runs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from remdm_backend.checkpoint import transformers_library
from remdm_backend.installing import described_python, install_command, setup_command
from remdm_backend.judging import mauve


@pytest.mark.parametrize(
    ("variable", "kind"), [("VIRTUAL_ENV", "virtual"), ("CONDA_PREFIX", "conda")]
)
def test_an_active_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, kind: str
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    assert described_python() == sys.executable
    monkeypatch.setenv(variable, sys.prefix)
    assert described_python() == f"{sys.executable} (of the active {kind} environment)"
    monkeypatch.setenv(variable, "/another")
    assert described_python() == sys.executable


def test_commands_name_this_python() -> None:
    assert setup_command() == f'REMDM_PYTHON="{sys.executable}" npx remdm setup'


@pytest.mark.parametrize("requirements", [transformers_library.REQUIREMENTS, mauve.REQUIREMENTS])
def test_an_extra_is_installed_from_its_file_where_that_is_there(requirements: Path) -> None:
    assert requirements.is_file()
    command = install_command(requirements, "package==1")
    assert command == f'"{sys.executable}" -m pip install -r "{requirements}"'
    assert install_command(Path("/no/such/file"), "package==1").endswith('install "package==1"')


def test_a_python_without_pip_gets_it_first(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pip" else find(name)
    )
    command = install_command(Path("/no/such/file"), "package==1")
    assert command.startswith(f'"{sys.executable}" -m ensurepip && "{sys.executable}" -m pip')
