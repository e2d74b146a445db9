"""This module finds what a checkpoint's directory says about chats.

The template is ``chat_template.jinja``, else ``chat_template`` in ``tokenizer_config.json``: a
text, or a list of named ones, of which ``default`` counts, and ``tool_use`` where there are tools.
The special tokens that a template may write are those that transformers 5 gives it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from remdm_backend.checkpoint.huggingface_files import (
    CONFIG_FILE,
    FIX,
    JsonObject,
    directory_of,
    token_text,
)
from remdm_backend.errors import BackendError

TEMPLATE_FILE = "chat_template.jinja"
SETTINGS_FILE = "tokenizer_config.json"
LEGACY_TOKENS_FILE = "special_tokens_map.json"
GENERATION_FILE = "generation_config.json"
SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token",
                  "mask_token")  # fmt: skip
MAX_SETTINGS_BYTES = 16 << 20
MAX_TEMPLATE_BYTES = 256 << 10


@dataclass(frozen=True)
class Template:
    """``name`` says which template it is, for messages; ``tokens`` are the special tokens by their
    names; ``end_ids`` those that end an answer by ``config.json`` and ``generation_config.json``.
    """

    name: str
    texts: dict[str, str]
    """By its name: ``default``, ``tool_use``."""
    tokens: dict[str, str] = field(default_factory=dict)
    end_ids: tuple[int, ...] = ()

    def text(self, *, tools: bool) -> str:
        """Return the template of a chat with or without tools. Raises ``BackendError``."""
        name = "tool_use" if tools and "tool_use" in self.texts else "default"
        if name not in self.texts:
            raise BackendError(
                "template_missing",
                f"{self.name} has the templates {', '.join(sorted(self.texts))[:200]}, and none is "
                "called default.",
                f"Name one of them default, or write it into {TEMPLATE_FILE}.",
            )
        return self.texts[name]


def find_template(checkpoint: Path) -> Template | None:
    """Read the template of ``checkpoint``, a file or a directory; nothing where there is none.

    Raises ``BackendError``; ``OSError`` if a file is unreadable.
    """
    directory = directory_of(checkpoint)
    settings = _object(directory / SETTINGS_FILE)
    file = directory / TEMPLATE_FILE
    if file.is_file():
        name, texts = str(file), {"default": _file_text(file)}
    else:
        said = None if settings is None else settings.fields.get("chat_template")
        if settings is None or said is None:
            return None
        name, texts = f"chat_template of {settings.path}", _named(settings, said)
    for text in texts.values():
        _check_size(name, len(text.encode("utf-8", "surrogatepass")))
    return Template(name, texts, _tokens(directory, settings), _end_ids(directory))


def _file_text(file: Path) -> str:
    _check_size(str(file), file.stat().st_size)
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid(str(file), f"it is not UTF-8 ({error.reason})") from error


def _named(settings: JsonObject, said: object) -> dict[str, str]:
    if isinstance(said, str):
        return {"default": said}
    texts: dict[str, str] = {}
    for entry in said if isinstance(said, list) else [None]:
        name, text = (
            (entry.get("name"), entry.get("template")) if isinstance(entry, dict) else (None, None)
        )
        if not isinstance(name, str) or not isinstance(text, str):
            raise _invalid(
                f"chat_template of {settings.path}",
                "it is neither a text nor a list of a name and a template each",
            )
        texts[name] = text
    return texts


def _tokens(directory: Path, settings: JsonObject | None) -> dict[str, str]:
    """As transformers 5 reads them: ``special_tokens_map.json`` counts only where the settings list
    no added tokens, as older versions save them."""
    fields = {} if settings is None else dict(settings.fields)
    legacy = _object(directory / LEGACY_TOKENS_FILE)
    if legacy is not None and "added_tokens_decoder" not in fields:
        fields |= legacy.fields
    texts = {name: token_text(fields.get(name)) for name in SPECIAL_TOKENS}
    return {name: text for name, text in texts.items() if text is not None}


def _end_ids(directory: Path) -> tuple[int, ...]:
    found: set[int] = set()
    for name in (CONFIG_FILE, GENERATION_FILE):
        config = _object(directory / name)
        said = None if config is None else config.fields.get("eos_token_id")
        for value in said if isinstance(said, list) else [said]:
            if type(value) is int and 0 <= value < 2**31:
                found.add(value)
    return tuple(sorted(found))


def _object(path: Path) -> JsonObject | None:
    return JsonObject(path, MAX_SETTINGS_BYTES) if path.is_file() else None


def _check_size(name: str, size: int) -> None:
    if size > MAX_TEMPLATE_BYTES:
        raise _invalid(name, f"it has {size:,} bytes, and a template has at most "
                             f"{MAX_TEMPLATE_BYTES:,}")  # fmt: skip


def _invalid(name: str, what: str) -> BackendError:
    return BackendError("template_invalid", f"{name}: {what}.", FIX)
