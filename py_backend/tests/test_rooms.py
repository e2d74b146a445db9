"""What may import what: each room of the package names the rooms that it stands on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "remdm_backend"
NAME = PACKAGE.name

ROOMS: dict[str, set[str]] = {
    "foundation": set(),
    "wire": {"foundation"},
    "model": {"foundation"},
    "host": {"foundation"},
    "checkpoint": {"foundation", "model", "host"},
    "chat": {"foundation", "wire", "checkpoint"},
    "judging": {"foundation", "wire", "model", "host", "checkpoint"},
    "engine": {"foundation", "wire", "model", "host", "judging"},
    "serving": {"foundation", "wire", "model", "host", "chat", "engine"},
    "training": {"foundation", "model", "checkpoint"},
    "program": {"foundation", "wire", "model", "host", "checkpoint", "chat", "judging",
                "engine", "serving", "training"},
}  # fmt: skip
FOUNDATION = {"__init__", "errors", "failures", "installing", "log"}
"""The modules beside the rooms that every room may import; the others are the program."""

MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def room_of(module: str) -> str:
    parts = module.split(".")[1:] or ["__init__"]
    if parts[0] in ROOMS:
        return parts[0]
    assert len(parts) == 1, f"{module} is in a room that has no rule here"
    return "foundation" if parts[0] in FOUNDATION else "program"


def imports_of(source: str) -> Iterator[str]:
    """Modules of the package that ``source`` imports anywhere: late and for types alone too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == NAME)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if node.module is not None and node.module.split(".")[0] == NAME:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield inner if inner in MODULES else node.module


IMPORTS = {module: set(imports_of(path.read_text("utf-8"))) for module, path in MODULES.items()}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_room_stands_on(module: str) -> None:
    room = room_of(module)
    allowed = ROOMS[room] | {room}
    assert {name for name in IMPORTS[module] if room_of(name) not in allowed} == set()


def test_no_module_and_no_room_is_part_of_a_circle() -> None:
    tuple(TopologicalSorter(IMPORTS).static_order())
    tuple(TopologicalSorter(ROOMS).static_order())


def test_an_import_is_found_wherever_it_stands() -> None:
    source = f"""
import {NAME}.train
from {NAME}.host import wakeup
from {NAME} import __version__
if TYPE_CHECKING:
    from {NAME}.model.card import ModelCard
def late():
    import os, {NAME}.cli
"""
    names = ["train", "host.wakeup", "", "model.card", "cli"]
    assert set(imports_of(source)) == {f"{NAME}.{name}".rstrip(".") for name in names}
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()
    with pytest.raises(AssertionError, match="no rule"):
        room_of(f"{NAME}.utils.strings")
