"""This module is ``remdm-backend doctor``: what this Python has for serving, and what it lacks.

It runs where nothing is installed: it imports the dependencies one by one and reports each that
fails.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import shutil
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

from remdm_backend import __version__
from remdm_backend.installing import setup_command

DISTRIBUTIONS = {
    "torch": "torch",
    "numpy": "numpy",
    "pyzmq": "zmq",
    "msgpack": "msgpack",
    "fastjsonschema": "fastjsonschema",
    "jinja2": "jinja2",
    "safetensors": "safetensors",
}
"""Name on the package index -> name to import."""

EXTRAS = ("transformers", "mauve-text")
"""Names on the package index of what only some need: models of Hugging Face, MAUVE."""


@dataclass(frozen=True)
class Problem:
    message: str
    remedy: str
    fatal: bool
    """Whether nothing can be served because of it."""


@dataclass
class Report:
    """The JSON object that ``--json`` prints, field by field."""

    version: str = __version__
    python: dict[str, str] = field(
        default_factory=lambda: {
            "version": platform.python_version(),
            "executable": sys.executable,
            "platform": platform.platform(),
        }
    )
    packages: dict[str, str | None] = field(default_factory=dict)
    """Version of each dependency, null when it cannot be imported."""
    extras: dict[str, str | None] = field(default_factory=dict)
    """Version of each optional package, null when it is not installed."""
    cuda: dict[str, Any] = field(default_factory=lambda: {"available": False, "device": None})
    mps: bool = False
    """Whether there is an Apple GPU and this PyTorch can use it."""
    flashAttention: bool = False  # noqa: N815 (a name of the JSON)
    """Whether flash-attn can be imported."""
    attention: dict[str, str] | None = None
    """The kernel that each ``--dtype`` would get on the best device; null without PyTorch."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not any(problem.fatal for problem in self.problems)

    def as_json(self) -> dict[str, Any]:
        return {"ok": self.ok, **asdict(self)}


def examine() -> Report:
    """Look at everything. It takes as long as importing PyTorch."""
    report = Report()
    for distribution, module in DISTRIBUTIONS.items():
        _examine_package(report, distribution, module)
    report.extras = {name: _installed(name) for name in EXTRAS}
    if report.packages["fastjsonschema"] is not None:
        _examine_schemas(report)
    if report.packages["torch"] is not None:
        _examine_device(report)
    return report


def describe(report: Report) -> str:
    """Return the report for people."""
    packages = ", ".join(f"{name} {found or 'missing'}" for name, found in report.packages.items())
    extras = ", ".join(f"{name} {found or 'not there'}" for name, found in report.extras.items())
    device = report.cuda["device"] or ("Apple GPU (mps)" if report.mps else "no GPU")
    lines = [
        f"remdm-backend {report.version}",
        f"python     {report.python['version']} at {report.python['executable']}",
        f"packages   {packages}",
        f"optional   {extras}",
        f"device     {device}",
        f"flash-attn {'importable' if report.flashAttention else 'not installed'}",
    ]
    for problem in report.problems:
        lines.append(f"{'PROBLEM' if problem.fatal else 'note'}: {problem.message}")
        lines.append(f"  {problem.remedy}")
    lines.append("ready to serve" if report.ok else "cannot serve until the problems are solved")
    return "\n".join(lines)


def _examine_package(report: Report, distribution: str, module: str) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:  # a broken installation may raise anything, and that is the finding
        report.packages[distribution] = None
        report.problems.append(
            Problem(
                f"{distribution} cannot be imported: {type(error).__name__}: {error}",
                f"Run `{setup_command()}`: it installs what is missing, and says what is broken.",
                fatal=True,
            )
        )
        return
    # It has none where it is a source tree on the path.
    report.packages[distribution] = _installed(distribution) or "unknown"


def _installed(distribution: str) -> str | None:
    """Its version. Nothing is imported: that would take seconds."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _examine_schemas(report: Report) -> None:
    from remdm_backend.errors import BackendError
    from remdm_backend.wire.schemas import Validators

    try:
        Validators("request")
    except BackendError as error:
        report.problems.append(Problem(error.message, error.remedy, fatal=True))


def _examine_device(report: Report) -> None:
    import torch

    from remdm_backend.host.devices import best_device
    from remdm_backend.model.attention import select_attention

    device = best_device()
    report.mps = torch.backends.mps.is_available()
    if device.type == "cuda":
        report.cuda = {"available": True, "device": torch.cuda.get_device_name(0)}
    elif device.type == "cpu" and shutil.which("nvidia-smi") is not None:
        report.problems.append(
            Problem(
                "There is an NVIDIA driver, but this PyTorch cannot use it.",
                "Install a PyTorch built for your CUDA version (https://pytorch.org/get-started).",
                fatal=False,
            )
        )
    report.attention = {
        "float32": select_attention(device, torch.float32)[0],
        "bfloat16": select_attention(device, torch.bfloat16)[0],
    }
    try:
        importlib.import_module("flash_attn")
        report.flashAttention = True
    except ImportError as error:
        if report.cuda["available"]:
            report.problems.append(
                Problem(
                    f"flash-attn cannot be imported: {error}",
                    "PyTorch's own attention is used instead; install flash-attn for more speed.",
                    fatal=False,
                )
            )
