"""Runs published samplers on the hash network and records every state they go through.

    python peers.py --checkout llada=DIR --checkout mdpo=DIR --record FOLDER

writes FOLDER/llada.json and FOLDER/mdpo.json; see README.md for the checkouts and revisions.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from checkouts import release_of, revision_of

# Modules beside this one. Each has REPOSITORY and `record(checkout) -> recordings`.
PEERS = (
    "dream",
    "editing",
    "entropy_bounded",
    "fast_dllm",
    "first_hitting",
    "hf_diffusers",
    "llada",
    "mdpo",
    "p2",
    "psi",
    "remdm_llada",
)
# Those whose checkout is the folder that an installed package lies in.
PACKAGES = {"hf_diffusers": "diffusers"}


def main() -> int:
    options = _options()
    for peer, checkout, revision in options.checkout:
        runs = recording_of(peer, checkout, revision)
        path = options.record / f"{peer.replace('_', '-')}.json"
        path.write_text(text_of(runs), encoding="utf-8")
        print(f"{peer}: {len(runs['cases'])} cases, {path.stat().st_size:,} bytes")
    return 0


def recording_of(peer: str, checkout: Path, revision: str) -> dict[str, Any]:
    """Everything that goes to the peer's file."""
    module = importlib.import_module(peer)
    return {
        "peer": module.REPOSITORY,
        "revision": revision,
        "torch": version("torch"),
        "cases": module.record(checkout),
    }


def text_of(runs: dict[str, Any]) -> str:
    """JSON with a line a case."""
    head = {key: value for key, value in runs.items() if key != "cases"}
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in runs["cases"])
    return json.dumps(head, separators=(",", ":"))[:-1] + f',"cases":[\n{lines}\n]}}\n'


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Records what published samplers do.")
    parser.add_argument(
        "--checkout",
        action="append",
        required=True,
        type=_checkout,
        metavar="NAME=DIR",
        help=f"a git checkout of a peer: {', '.join(PEERS)}; may be given more than once",
    )
    parser.add_argument(
        "--record", required=True, type=_folder, metavar="FOLDER", help="where the files go"
    )
    return parser.parse_args()


def _checkout(text: str) -> tuple[str, Path, str]:
    """Reads NAME=DIR; answers with the name, the folder and its commit or release."""
    name, _, given = text.partition("=")
    if name not in PEERS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(PEERS)}")
    folder = _folder(given)
    package = PACKAGES.get(name)
    try:
        return name, folder, release_of(folder, package) if package else revision_of(folder)
    except subprocess.CalledProcessError as error:
        raise argparse.ArgumentTypeError(f"{given!r} is not a git checkout") from error
    except PackageNotFoundError as error:
        raise argparse.ArgumentTypeError(
            f"{given!r} does not hold the package {package}"
        ) from error


def _folder(text: str) -> Path:
    folder = Path(text).resolve()
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder")
    return folder


if __name__ == "__main__":
    sys.exit(main())
