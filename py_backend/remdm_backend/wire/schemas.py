"""This module reads and compiles the JSON schemas of the wire headers.

``npm run schemas`` generates them from ``src/backend/wire/protocol.ts``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
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


def compile_by_type(name: str) -> dict[str, Validator]:
    """One validator for each message type of ``<name>.json``.

    The schema is ``anyOf`` of records told apart by their ``type``; choosing by that first makes an
    error name the field that is wrong instead of saying that nothing fits.
    """
    schema = read_schema(name)
    definitions = schema["definitions"]
    validators: dict[str, Validator] = {}
    for alternative in schema["anyOf"]:
        record = definitions[alternative["$ref"].removeprefix("#/definitions/")]
        message_type = record["properties"]["type"]["const"]
        validators[message_type] = fastjsonschema.compile({**record, "definitions": definitions})
    return validators
