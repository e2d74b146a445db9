"""Says what an environment lacks for the backend, as one JSON object on stdout.

    python examine_environment.py own|external PYPROJECT EXTRA REQUIREMENTS...

EXTRA is one of pyproject's optional dependencies, or "". What is there and fits pyproject's ranges
stays as it is (somebody may have chosen another build of PyTorch); for the rest the pinned version
is named. The set-up's `own` environment is to have every pinned package. Nothing is imported.
"""

import importlib.metadata
import importlib.util
import json
import sys
from pathlib import Path

if sys.version_info < (3, 10):  # noqa: UP036 (any Python may be asked)
    sys.exit("too old")

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib


def read_pins(path: str) -> dict[str, str]:
    pins = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if not line or line.startswith(("#", "-r")):
            continue
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            pins[canonicalize_name(requirement.name)] = f"{requirement.name}{requirement.specifier}"
    return pins


def version_of(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def editable_source(name: str) -> str | None:
    try:
        text = importlib.metadata.distribution(name).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return None
    return json.loads(text).get("url") if text else None


def lacking(wanted: list[str], pins: dict[str, str]) -> list[dict[str, str | None]]:
    install = []
    for text in wanted:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        have = version_of(requirement.name)
        if have is None or not requirement.specifier.contains(have, prereleases=True):
            pin = pins.get(canonicalize_name(requirement.name), text)
            install.append({"pin": pin, "have": have, "need": str(requirement)})
    return install


def hollow(backend: Path, pins: dict[str, str]) -> list[str]:
    """The pins of packages that are recorded as installed, while their files are gone."""
    sys.path.insert(0, str(backend))
    from remdm_backend.doctor import DISTRIBUTIONS

    return [
        pins[name]
        for name, module in DISTRIBUTIONS.items()
        if name in pins and version_of(name) is not None and not has_files(module)
    ]


def has_files(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.origin is not None  # an empty directory has no origin


def main(whose: str, pyproject_path: str, extra: str, *requirements: str) -> None:
    backend = Path(pyproject_path).resolve().parent
    project = tomllib.loads(Path(pyproject_path).read_text(encoding="utf-8"))
    pins: dict[str, str] = {}
    for path in requirements:
        pins.update(read_pins(path))
    wanted = project["build-system"]["requires"] + project["project"]["dependencies"]
    if extra:
        wanted = wanted + project["project"]["optional-dependencies"][extra]
    if whose == "own":
        ranged = {canonicalize_name(Requirement(text).name) for text in wanted}
        wanted = wanted + [name for name in pins if name not in ranged]
    found = {
        "install": lacking(wanted, pins),
        "hollow": hollow(backend, pins),
        "backend": editable_source(project["project"]["name"]) == backend.as_uri(),
    }
    print(json.dumps(found))


main(*sys.argv[1:])
