"""This module makes the commands that get packages into this Python, for remedies.

They work wherever the reader is.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path


def described_python() -> str:
    """Name this Python, and the activated environment by which it came to be the one that runs."""
    for variable, kind in (("VIRTUAL_ENV", "virtual"), ("CONDA_PREFIX", "conda")):
        prefix = os.environ.get(variable)
        if prefix and Path(prefix).resolve() == Path(sys.prefix).resolve():
            return f"{sys.executable} (of the active {kind} environment)"
    return sys.executable


def setup_command() -> str:
    """Return the command that installs into this Python what the backend needs."""
    return f'REMDM_PYTHON="{sys.executable}" npx remdm setup'


def install_command(requirements: Path, otherwise: str) -> str:
    """Return the command that installs an extra into this Python.

    It names the extra's file of pinned packages, and ``otherwise`` where there is no such file.
    """
    what = f'-r "{requirements}"' if requirements.is_file() else f'"{otherwise}"'
    install = f'"{sys.executable}" -m pip install {what}'
    has_pip = importlib.util.find_spec("pip") is not None
    return install if has_pip else f'"{sys.executable}" -m ensurepip && {install}'
