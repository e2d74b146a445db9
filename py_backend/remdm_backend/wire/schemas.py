"""This module reads and compiles the JSON schemas of the wire headers.

``npm run schemas`` generates them from ``src/backend/wire/protocol.ts``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import fastjsonschema

from remdm_backend.errors import BackendError

Validator = Callable[[Any], Any]
"""Raises ``fastjsonschema.JsonSchemaException`` when its argument does not fit."""

ENVIRONMENT_VARIABLE = "REMDM_SCHEMAS"


def schema_directory() -> Path:
    """Return where the schemas are: ``REMDM_SCHEMAS``, else ``schemas/`` next to
    ``py_backend/``."""
    override = os.environ.get(ENVIRONMENT_VARIABLE)
    return Path(override) if override else Path(__file__).resolve().parents[3] / "schemas"


def read_schema(name: str) -> dict[str, Any]:
    """Parse ``<name>.json``. Raises ``BackendError`` when the installation lacks it."""
    path = schema_directory() / f"{name}.json"
    try:
        schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackendError(
            "backend_start_failed",
            f"The message schema {path} cannot be read: {error}.",
            f"Reinstall the package, or set {ENVIRONMENT_VARIABLE} to its schemas directory.",
        ) from error
    return schema


class Validators(Mapping[str, Validator]):
    """One validator for each message type of ``<name>.json``, compiled when it is first asked for.

    The schema is ``anyOf`` of records told apart by their ``type``; choosing by that first makes an
    error name the field that is wrong instead of saying that nothing fits. Compiling all of them
    takes 50 ms, and most processes are sent two types of message.
    """

    def __init__(self, name: str) -> None:
        """Read the schema. Raises ``BackendError`` when the installation lacks it."""
        schema = read_schema(name)
        self._definitions: dict[str, Any] = schema["definitions"]
        self._records: dict[str, dict[str, Any]] = {}
        self._compiled: dict[str, Validator] = {}
        for alternative in schema["anyOf"]:
            record = self._definitions[alternative["$ref"].removeprefix("#/definitions/")]
            self._records[record["properties"]["type"]["const"]] = record

    def __getitem__(self, message_type: str) -> Validator:
        """Raises ``KeyError`` for a type that the schema does not have."""
        record = self._records[message_type]
        if message_type not in self._compiled:
            schema = {**record, "definitions": self._definitions}
            self._compiled[message_type] = fastjsonschema.compile(schema)
        return self._compiled[message_type]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)
