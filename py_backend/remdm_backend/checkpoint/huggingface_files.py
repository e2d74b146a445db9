"""This module reads a directory of Hugging Face's format without the library that wrote it.

``config.json`` describes the architecture; the weights are ``model.safetensors``, several files
that ``model.safetensors.index.json`` names, or a variant (``model.fp16.safetensors``) that is asked
for by its path. Pickled weights (``pytorch_model.bin``) are never opened.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NoReturn

from remdm_backend.checkpoint.card_file import CARD_FILE
from remdm_backend.checkpoint.contents import invalid, unsupported
from remdm_backend.checkpoint.safetensors_file import MODEL_FILE, opened

CONFIG_FILE = "config.json"
INDEX_FILE = "model.safetensors.index.json"
PICKLED = ".bin"
SHARD = re.compile(r"-\d{5}-of-\d{5}\.safetensors$")
"""In names of the parts that ``save_pretrained`` cuts a large model into."""
FIX = "Correct the file, or take the one that the model was published with."
MAX_CONFIG_BYTES = 4 << 20
MAX_INDEX_BYTES = 64 << 20


def is_huggingface(path: Path) -> bool:
    """Whether ``path`` is a directory with a ``config.json``, or a file of weights in one.

    A ``card.json`` beside it makes it ours.
    """
    directory = directory_of(path)
    described = (directory / CONFIG_FILE).is_file() and not (directory / CARD_FILE).is_file()
    return described and (path.is_dir() or path.suffix in (".safetensors", PICKLED))


def directory_of(path: Path) -> Path:
    return path if path.is_dir() else path.parent


class JsonObject:
    """A JSON file that holds one object. Its fields are checked where they are asked for.

    Raises ``BackendError`` ``checkpoint_invalid``, or ``OSError`` if the file is unreadable.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_CONFIG_BYTES) -> None:
        self.path = path
        if path.stat().st_size > max_bytes:
            raise invalid(path, f"larger than {max_bytes:,} bytes, too large for what it is", FIX)
        try:
            fields = json.loads(path.read_text("utf-8"))
        except (ValueError, RecursionError) as error:
            raise invalid(path, f"not readable as JSON ({_first_line(error)})", FIX) from error
        if not isinstance(fields, dict):
            raise invalid(path, "not a JSON object", FIX)
        self.fields: dict[str, object] = fields

    def text(self, key: str) -> str:
        value = self.fields.get(key)
        return value if isinstance(value, str) else self._refuse(key, "a text")

    def boolean(self, key: str) -> bool:
        value = self.fields.get(key)
        return value if isinstance(value, bool) else self._refuse(key, "true or false")

    def integer(self, key: str, *, least: int, below: int = 2**31) -> int:
        value = self.fields.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value < below:
            return value
        return self._refuse(key, f"an integer in [{least}, {below})")

    def _refuse(self, key: str, expected: str) -> NoReturn:
        given = repr(self.fields[key])[:40] if key in self.fields else "missing"
        raise invalid(self.path, f"{key} is {given}; it must be {expected}", FIX)


def weight_files(path: Path) -> list[Path]:
    """Return the files that hold the tensors, each of them there.

    ``path`` is a directory or one of the files. Raises ``BackendError``, ``checkpoint_unsupported``
    where all weights are pickled.
    """
    directory = directory_of(path)
    if path.suffix == ".safetensors" and path.is_file():
        return [_whole(path)]
    if path.suffix != PICKLED:
        if (directory / MODEL_FILE).is_file():
            return [directory / MODEL_FILE]
        if (directory / INDEX_FILE).is_file():
            return _shards(directory)
    if path.suffix == PICKLED or any(directory.glob("*.bin")) or any(directory.glob("*.pt")):
        raise unsupported(
            path,
            "its weights are pickled (.bin), which can run code and so are never opened",
            f"Save it as {MODEL_FILE} in a place where you trust it: "
            "model.save_pretrained(directory) of a current transformers does.",
        )
    raise invalid(
        directory,
        f"there is no {MODEL_FILE} in it and no {INDEX_FILE}{_others(directory)}",
        f"Put the weights beside {CONFIG_FILE}, or give the path of the file that has them.",
    )


def _whole(file: Path) -> Path:
    """``file``, unless it is one of several that make a model."""
    if SHARD.search(file.name):
        raise unsupported(
            file,
            "it is one part of a model that lies in several files",
            f"Give the directory {file.parent}, all of whose parts are read.",
        )
    return file


def _others(directory: Path) -> str:
    names = sorted(file.name for file in directory.glob("*.safetensors"))
    return f" (there is {', '.join(names)[:200]})" if names else ""


def _shards(directory: Path) -> list[Path]:
    index = JsonObject(directory / INDEX_FILE, MAX_INDEX_BYTES)
    weight_map = index.fields.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise invalid(index.path, "it has no weight_map", FIX)
    names = list(dict.fromkeys(weight_map.values()))
    for name in names:
        plain = isinstance(name, str) and Path(name).name == name
        if not plain or not name.endswith(".safetensors"):
            raise invalid(
                index.path, f"it names {name!r:.60}, not a .safetensors file beside it", FIX
            )
        if not (directory / name).is_file():
            raise invalid(
                directory,
                f"the file {name} that {INDEX_FILE} names is missing",
                "Put all parts of the model into the directory.",
            )
    return [directory / name for name in names]


def tensor_names(file: Path) -> list[str]:
    """List the tensors of ``file``.

    Raises ``BackendError`` ``checkpoint_invalid`` if the header is damaged or does not fit the
    file's size.
    """
    with opened(file) as tensors:
        return list(tensors.keys())


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
