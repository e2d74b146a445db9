"""How packages get into this Python: commands that work wherever the reader is, for remedies."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path


def described_python() -> str:
    """This Python, and by which activated environment it came to be the one that runs."""
    for variable, kind in (("VIRTUAL_ENV", "virtual"), ("CONDA_PREFIX", "conda")):
        prefix = os.environ.get(variable)
        if prefix and Path(prefix).resolve() == Path(sys.prefix).resolve():
            return f"{sys.executable} (of the active {kind} environment)"
    return sys.executable


def setup_command() -> str:
    """Installs into this Python what the backend needs."""
    return f'REMDM_PYTHON="{sys.executable}" npx remdm setup'


def install_command(requirements: Path, otherwise: str) -> str:
    """Installs an extra into this Python: its file of pinned packages, ``otherwise`` without it."""
    what = f'-r "{requirements}"' if requirements.is_file() else f'"{otherwise}"'
    install = f'"{sys.executable}" -m pip install {what}'
    has_pip = importlib.util.find_spec("pip") is not None
    return install if has_pip else f'"{sys.executable}" -m ensurepip && {install}'
