"""Executes a notebook with a real Jupyter kernel and writes it back with its outputs.

    python run_notebook.py IN.ipynb OUT.ipynb --kernel NAME [--cells N] [--kill-kernel]

nbclient stops listening when a kernel says idle, and the Deno kernel says so before its last output
(docs/measurements.md, "Deno"), so this listens on for a quarter of a second after each cell.
Exit code 1 when a cell raises; the outputs so far are written all the same.
"""

from __future__ import annotations

import argparse
import os
import queue
import signal
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbformat import NotebookNode

DRAIN_SECONDS = 0.25
CELL_SECONDS = 300.0


def apply(cell: NotebookNode, message: dict[str, Any]) -> bool:
    """Adds one iopub message to the cell's outputs; true when it says that the cell failed."""
    kind, content = message["msg_type"], message["content"]
    if kind == "update_display_data":
        display_id = content["transient"]["display_id"]
        for output in cell.outputs:
            if output.get("metadata", {}).get("display_id") == display_id:
                output["data"] = content["data"]
        return False
    if kind in ("stream", "display_data", "execute_result", "error"):
        output = nbformat.v4.output_from_msg(message)
        display_id = content.get("transient", {}).get("display_id")
        if display_id is not None:
            output["metadata"]["display_id"] = display_id
        cell.outputs.append(output)
    return bool(kind == "error")


def run_cell(client: BlockingKernelClient, cell: NotebookNode) -> bool:
    """Runs one code cell to its end; true when it raised."""
    parent = client.execute(cell.source)
    failed, idle_at = False, None
    deadline = time.monotonic() + CELL_SECONDS
    while idle_at is None or time.monotonic() - idle_at < DRAIN_SECONDS:
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"a cell did not end within {CELL_SECONDS:.0f} s: {cell.source[:80]}"
            )
        try:
            message = client.get_iopub_msg(timeout=DRAIN_SECONDS / 5)
        except queue.Empty:
            continue
        if message["parent_header"].get("msg_id") != parent:
            continue
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            idle_at = time.monotonic()
            continue
        failed = apply(cell, message) or failed
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("executed", type=Path)
    parser.add_argument("--kernel", required=True)
    parser.add_argument(
        "--kill-kernel",
        action="store_true",
        help="end the kernel with SIGKILL, as a crash would",
    )
    parser.add_argument("--cells", type=int, default=None, help="run only the first N code cells")
    arguments = parser.parse_args()

    notebook = nbformat.read(arguments.notebook, as_version=4)
    manager = KernelManager(kernel_name=arguments.kernel)
    manager.start_kernel(cwd=str(arguments.notebook.parent.resolve()))
    client = manager.client()
    client.start_channels()
    failed = False
    try:
        client.wait_for_ready(timeout=60)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        for cell in cells[: arguments.cells]:
            cell.outputs = []
            failed = run_cell(client, cell)
            if failed:
                break
    finally:
        nbformat.write(notebook, arguments.executed)
        client.stop_channels()
        if arguments.kill_kernel:
            pid = manager.provisioner.pid  # type: ignore[union-attr]  # local kernels have one
            os.kill(pid, signal.SIGKILL)
            manager.cleanup_resources()
        else:
            manager.shutdown_kernel(now=False)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
