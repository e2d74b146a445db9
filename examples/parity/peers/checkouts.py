"""Imports a file of a checkout as it is, with stand-ins for packages that it only names."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from types import ModuleType
from typing import Any

# By the name of a module: what it has.
StandIns = Mapping[str, Mapping[str, object]]
# A published module: it has whatever its authors wrote.
Published = Any


def revision_of(checkout: Path) -> str:
    """The checkout's commit. Raises CalledProcessError where it is not a git checkout."""
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def release_of(folder: Path, package: str) -> str:
    """The version of a package that is installed there. Raises PackageNotFoundError."""
    found = next(iter(Distribution.discover(name=package, path=[str(folder)])), None)
    if found is None:
        raise PackageNotFoundError(package)
    return found.version


def imported(checkout: Path, file: str, stand_ins: StandIns, package: str = "") -> Published:
    """Imports one file of a checkout; what it imports from its own folder goes with it.

    A file with relative imports names its package, whose `__init__` is not run where the package is
    a stand-in with a `__path__`. No module of the checkout stays in `sys.modules`, since the peers
    use the same names.
    """
    path = checkout / file
    name = f"{package}.{path.stem}" if package else f"peer_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    with _standing_in(stand_ins), _on_the_path(checkout):
        sys.modules[spec.name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
    return module


class Unused:
    """A class that is only named; to make one is an error that says so."""

    def __init__(self, *_: object, **__: object) -> None:
        raise NotImplementedError("this is a stand-in: sampling should not need it")


def no_bar(steps: Iterable[int], **_: object) -> Iterable[int]:
    """Stands in for `tqdm`: it shows no bar."""
    return steps


@contextmanager
def _standing_in(stand_ins: StandIns) -> Iterator[None]:
    modules = {name: _module(name, attributes) for name, attributes in stand_ins.items()}
    hidden = {name: sys.modules[name] for name in modules if name in sys.modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
        sys.modules.update(hidden)


@contextmanager
def _on_the_path(checkout: Path) -> Iterator[None]:
    before = set(sys.modules)
    sys.path.insert(0, str(checkout))
    try:
        yield
    finally:
        sys.path.remove(str(checkout))
        for name in set(sys.modules) - before:
            if _is_below(sys.modules[name], checkout):
                del sys.modules[name]


def _is_below(module: ModuleType, folder: Path) -> bool:
    """Whether it was read from the folder; a namespace package has paths and no file."""
    files = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    return any(file is not None and Path(file).is_relative_to(folder) for file in files)


def _module(name: str, attributes: Mapping[str, object]) -> ModuleType:
    """A package, so that what is below it can be imported too."""
    module = importlib.util.module_from_spec(ModuleSpec(name, None, is_package=True))
    module.__dict__.update(attributes)
    return module
