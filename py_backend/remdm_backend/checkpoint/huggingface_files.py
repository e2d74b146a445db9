"""This module reads a directory of Hugging Face's format without the library that wrote it.

``config.json`` describes the architecture; the weights are ``model.safetensors``, several files
that ``model.safetensors.index.json`` names, or a variant (``model.fp16.safetensors``) that is asked
for by its path. Where there are none of these, a network of ours also takes ``pytorch_model.bin``
and its parts, which are read as data (``torch_archive.py``); ``transformers`` gets none of them.

A file may be a symbolic link to anywhere, as in the cache of the hub: whoever made the link could
have named that place to us. An index comes with the model, so it may name files beside it alone.
"""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from remdm_backend.checkpoint.card_file import CARD_FILE
from remdm_backend.checkpoint.contents import invalid, unsupported
from remdm_backend.checkpoint.safetensors_file import MODEL_FILE, opened

CONFIG_FILE = "config.json"
INDEX_FILE = "model.safetensors.index.json"
PICKLED = ".bin"
PICKLED_FILE = "pytorch_model.bin"
PICKLED_INDEX_FILE = "pytorch_model.bin.index.json"
SHARD = re.compile(r"-\d{5}-of-\d{5}\.(safetensors|bin)$")
"""In names of the parts that ``save_pretrained`` cuts a large model into."""
FIX = "Correct the file, or take the one that the model was published with."
MAX_CONFIG_BYTES = 4 << 20
MAX_INDEX_BYTES = 64 << 20
MAX_NUMBER = 1e300


def is_huggingface(path: Path) -> bool:
    """Whether ``path`` is a directory with a ``config.json``, or a file of weights in one.

    A ``card.json`` beside it makes it ours.
    """
    directory = directory_of(path)
    described = (directory / CONFIG_FILE).is_file() and not (directory / CARD_FILE).is_file()
    return described and (path.is_dir() or path.suffix in (".safetensors", PICKLED))


def token_text(value: object) -> str | None:
    """Return the text of a special token, which a setting has as it is or in a record."""
    content = value.get("content") if isinstance(value, dict) else value
    return content if isinstance(content, str) else None


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
        self.place = ""

    def within(self, key: str) -> JsonObject:
        """Return the object that lies in this one under ``key``, which errors name before its own
        keys."""
        inner = copy.copy(self)
        value = self.fields.get(key)
        inner.fields = value if isinstance(value, dict) else self._refuse(key, "an object")
        inner.place = f"{self.place}{key}."
        return inner

    def text(self, key: str) -> str:
        value = self.fields.get(key)
        return value if isinstance(value, str) else self._refuse(key, "a text")

    def boolean(self, key: str) -> bool:
        value = self.fields.get(key)
        return value if isinstance(value, bool) else self._refuse(key, "true or false")

    def integer(
        self, key: str, *, least: int, below: int = 2**31, absent: int | None = None
    ) -> int:
        """Return an integer in [``least``, ``below``); ``absent`` is the value of a key that is
        missing or null, where there is one."""
        value = self.fields.get(key)
        if value is None and absent is not None:
            return absent
        if isinstance(value, int) and not isinstance(value, bool) and least <= value < below:
            return value
        return self._refuse(key, f"an integer in [{least}, {below})")

    def positive(self, key: str, *, absent: float | None = None) -> float:
        """Return a finite number above 0; ``absent`` as for ``integer``."""
        value = self.fields.get(key)
        if value is None and absent is not None:
            return absent
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = float(value) if abs(value) < MAX_NUMBER else math.inf
            if 0 < number < math.inf:
                return number
        return self._refuse(key, "a number above 0")

    def flag(self, key: str) -> bool:
        """Return true or false; a key that is missing or null counts as false."""
        return self.fields.get(key) is not None and self.boolean(key)

    def _refuse(self, key: str, expected: str) -> NoReturn:
        given = repr(self.fields[key])[:40] if key in self.fields else "missing"
        raise invalid(self.path, f"{self.place}{key} is {given}; it must be {expected}", FIX)


@dataclass(frozen=True)
class WeightFiles:
    """The files that hold a model's tensors, each of them there.

    ``index`` is the file that names them, and ``weight_map`` what it says: for each tensor the file
    that holds it. A single file has no index.
    """

    files: tuple[Path, ...]
    index: Path | None = None
    weight_map: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of ``files``."""
        return sum(file.stat().st_size for file in self.files)

    def places(self, names: Callable[[Path], Iterable[str]]) -> dict[str, Path]:
        """Return the file of each tensor; ``names`` lists the tensors of a file.

        Raises ``BackendError`` ``checkpoint_invalid`` where the index says anything else.
        """
        found = {name: file for file in self.files for name in self._checked(file, names(file))}
        missing = sorted(self.weight_map.keys() - found.keys())
        if missing and self.index is not None:
            file = self.weight_map[missing[0]]
            raise invalid(
                self.index, f"it says that {missing[0]} lies in {file}, which does not hold it", FIX
            )
        return found

    def _checked(self, file: Path, names: Iterable[str]) -> Iterable[str]:
        for name in names:
            if self.index is not None and self.weight_map.get(name) != file.name:
                said = self.weight_map.get(name, "no file")
                raise invalid(
                    self.index, f"{file.name} holds {name:.80}, which lies in {said} by it", FIX
                )
            yield name


def weight_files(path: Path, *, pickled: bool = False) -> WeightFiles:
    """Return the files that hold the tensors.

    ``path`` is a directory or one of the files. ``pickled`` takes ``.bin`` files where there are no
    others. Raises ``BackendError``, ``checkpoint_unsupported`` where all weights are pickled.
    """
    directory = directory_of(path)
    if path.is_file() and (path.suffix == ".safetensors" or (pickled and path.suffix == PICKLED)):
        return WeightFiles((_whole(path),))
    if path.suffix != PICKLED:
        choices = [(MODEL_FILE, INDEX_FILE)]
        if pickled:
            choices.append((PICKLED_FILE, PICKLED_INDEX_FILE))
        for file, index in choices:
            if (directory / file).is_file():
                return WeightFiles((directory / file,))
            if (directory / index).is_file():
                return _shards(directory / index)
    others = path.suffix == PICKLED or any(directory.glob("*.bin")) or any(directory.glob("*.pt"))
    if others and not pickled:
        raise unsupported(
            path,
            "its weights are pickled (.bin), which can run code and so are never opened",
            f"Save it as {MODEL_FILE} in a place where you trust it: "
            "model.save_pretrained(directory) of a current transformers does.",
        )
    known = f"{MODEL_FILE} in it and no {INDEX_FILE}"
    if pickled:
        known = f"{MODEL_FILE} or {PICKLED_FILE} in it and no index of several files"
    raise invalid(
        directory,
        f"there is no {known}{_others(directory)}",
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


def _shards(index: Path) -> WeightFiles:
    weight_map = JsonObject(index, MAX_INDEX_BYTES).fields.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise invalid(index, "it has no weight_map", FIX)
    directory = index.parent
    suffix = PICKLED if index.name == PICKLED_INDEX_FILE else ".safetensors"
    for name in weight_map.values():
        plain = isinstance(name, str) and Path(name).name == name
        if not plain or not name.endswith(suffix):
            raise invalid(index, f"it names {name!r:.60}, not a {suffix} file beside it", FIX)
    files = tuple(directory / name for name in dict.fromkeys(weight_map.values()))
    for file in files:
        if not file.is_file():
            raise invalid(
                directory,
                f"the file {file.name} that {index.name} names is missing",
                "Put all parts of the model into the directory.",
            )
    return WeightFiles(files, index, weight_map)


def tensor_names(file: Path) -> list[str]:
    """List the tensors of ``file``.

    Raises ``BackendError`` ``checkpoint_invalid`` if the header is damaged or does not fit the
    file's size.
    """
    with opened(file) as tensors:
        return list(tensors.keys())


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
