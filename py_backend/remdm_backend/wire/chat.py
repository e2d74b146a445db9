"""This module decodes a chat that is to be rendered, and makes the answer.

Texts travel as frames of UTF-8 bytes, because a header is small.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from remdm_backend.errors import RequestError
from remdm_backend.wire.tensor_frames import read_tensors

MAX_CHAT_BYTES = 4 << 20
"""Of the messages and variables of one chat."""
RESERVED = ("messages", "add_generation_prompt")
"""Variables of every template that a caller does not set."""

_CHAT_TENSOR = (("chat", "uint8", 1),)


@dataclass(frozen=True)
class Render:
    """``messages`` have a ``role`` and a ``content`` each; ``variables`` are JSON, for the template
    beside them."""

    id: int
    messages: list[dict[str, str]]
    variables: dict[str, object]


@dataclass(frozen=True)
class Rendering:
    """The text of a chat, and the tokens that end an answer by the model's configs."""

    text: str
    end_ids: tuple[int, ...]


def read_render(request_id: int, header: dict[str, Any], frames: Sequence[memoryview]) -> Render:
    """Read a request whose header the schema allows. Raises ``RequestError``."""
    (chat,) = read_tensors(request_id, header, frames, _CHAT_TENSOR)
    if chat.nbytes > MAX_CHAT_BYTES:
        raise RequestError(
            request_id,
            f"The messages are {chat.nbytes:,} bytes, and at most {MAX_CHAT_BYTES:,} are rendered.",
            "Shorten the messages.",
        )
    try:
        fields = json.loads(chat.tobytes().decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise RequestError(request_id, "The chat is not JSON in UTF-8.") from error
    if not isinstance(fields, dict) or fields.keys() != {"messages", "variables"}:
        raise RequestError(request_id, "The chat is not a record of messages and variables.")
    messages, variables = fields["messages"], fields["variables"]
    if not isinstance(messages, list) or not messages or not all(map(_is_message, messages)):
        raise RequestError(request_id, "The messages are not records of a role and a content.")
    if not isinstance(variables, dict) or any(name in variables for name in RESERVED):
        raise RequestError(
            request_id, f"The variables are not a record without {' and '.join(RESERVED)}."
        )
    return Render(request_id, messages, variables)


def _is_message(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"role", "content"}
        and all(isinstance(text, str) for text in value.values())
        and value["role"] != ""
    )


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
