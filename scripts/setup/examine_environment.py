"""Says what an environment that is not ours lacks for the backend, as one JSON object on stdout.

    python examine_environment.py PYPROJECT REQUIREMENTS [EXTRA REQUIREMENTS_OF_EXTRA]

What is there and fits pyproject's ranges stays as it is; for the rest the pinned version is named.
"""

import importlib.metadata
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


def main(pyproject_path: str, requirements_path: str, *extra: str) -> None:
    project = tomllib.loads(Path(pyproject_path).read_text(encoding="utf-8"))
    wanted = project["build-system"]["requires"] + project["project"]["dependencies"]
    pins = read_pins(requirements_path)
    if extra:
        name, path = extra
        wanted = wanted + project["project"]["optional-dependencies"][name]
        pins.update(read_pins(path))

    install = []
    for text in wanted:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        have = version_of(requirement.name)
        if have is None or not requirement.specifier.contains(have, prereleases=True):
            pin = pins.get(canonicalize_name(requirement.name), text)
            install.append({"pin": pin, "have": have, "need": str(requirement)})
    source = editable_source(project["project"]["name"])
    here = Path(pyproject_path).resolve().parent.as_uri()
    print(json.dumps({"install": install, "backend": source == here}))


main(*sys.argv[1:])
