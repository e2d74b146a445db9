"""Print the table of docs/checkpoints.md: files that the real libraries write, and whether they
load.

``.venv/bin/python scripts/checkpoints/table.py`` from the repository, set up for development. It
installs each Lightning, pinned, in a temporary environment that borrows this one's PyTorch, lets
it train and save, loads every file, and compares the numbers with those that the library had in
memory. Some five minutes, outside of CI.
"""

# ruff: noqa: E402
from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BACKEND = ROOT / "py_backend"
sys.path[:0] = [str(BACKEND), str(Path(__file__).resolve().parent)]

import torch
from other_files import File, write

from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError

LIGHTNINGS = (
    ("pytorch-lightning==1.9.5", "setuptools==80.9.0"),
    ("lightning==2.0.9", "setuptools==80.9.0"),
    ("lightning==2.2.1", "setuptools==80.9.0"),
    ("lightning==2.6.6",),
)
OMEGACONF = "omegaconf==2.3.0"
WRONG = "**other numbers**"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="remdm-table-") as scratch:
        out = Path(scratch)
        files: list[File] = []
        for index, packages in enumerate(LIGHTNINGS):
            print(f"{packages[0]} ...", file=sys.stderr, flush=True)
            files += lightning_files(out / str(index), packages)
        files += write(out)
        rows: dict[tuple[str, str, str], list[str]] = {}  # of what, the writers with one outcome
        for file in files:
            rows.setdefault(row(file), []).append(file.library)
    print("| what | written by | averaged weights | raw weights |\n|---|---|---|---|")
    for (what, averaged, raw), libraries in rows.items():
        print(f"| {what} | {together(libraries)} | {averaged} | {raw} |")
    return 1 if any(WRONG in cell for cells in rows for cell in cells) else 0


def lightning_files(place: Path, packages: tuple[str, ...]) -> list[File]:
    environment, out = place / "venv", place / "out"
    out.mkdir(parents=True)
    venv.create(environment)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    site = sysconfig.get_path("purelib", vars={"base": str(environment)})
    (Path(site) / "zz-borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run([*install, *packages, OMEGACONF], check=True, stderr=subprocess.DEVNULL)
    script = Path(__file__).with_name("lightning_files.py")
    env = os.environ | {"PYTHONPATH": str(BACKEND)}
    done = subprocess.run([python, script, out], env=env, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{packages[0]}:\n{done.stderr[-3000:]}")
    listed = json.loads((out / "files.json").read_text())
    return [
        File(
            out / entry["file"],
            entry["library"],
            entry["what"],
            torch.load((out / entry["file"]).with_suffix(".expected"), weights_only=True),
        )
        for entry in listed
    ]


def row(file: File) -> tuple[str, str, str]:
    averaged, raw = (outcome(file, raw_weights=wish) for wish in (False, True))
    return file.what, averaged, "the same" if averaged == raw else raw


def together(libraries: list[str]) -> str:
    """``lightning 2.0.9, 2.2.1`` for several versions of one."""
    versions: dict[str, list[str]] = {}
    for name, version in (library.split() for library in libraries):
        versions.setdefault(name, []).append(version)
    return ", ".join(f"{name} {', '.join(dict.fromkeys(of))}" for name, of in versions.items())


def outcome(file: File, *, raw_weights: bool) -> str:
    """``yes``, if the numbers are those that the library had; else the message."""
    try:
        network = load_network(file.path, device="cpu", raw_weights=raw_weights)
    except BackendError as error:
        return f"refused: {error.message.partition(': ')[2].rstrip('.')}"
    weights = network.card.weights
    if file.logits is not None:
        tokens, rows = torch.arange(2 * 8).view(2, 8) % 20, torch.arange(16)
        with torch.no_grad():
            expected = file.logits(tokens).flatten(0, 1)
        got = network.logits(tokens, torch.zeros(2), rows)
        same = torch.allclose(got, expected, atol=1e-5)
    else:
        wanted = (file.expected or {})[weights]
        same = all(
            torch.equal(part, wanted[name]) for name, part in network.backbone.named_parameters()
        )
    return ("yes" if same else WRONG) + f" ({weights})"


if __name__ == "__main__":
    raise SystemExit(main())
