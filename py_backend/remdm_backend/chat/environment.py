"""This module makes the Jinja environment in which chat templates are rendered.

It is that of transformers (``utils/chat_template_utils.py``), against which published templates are
written: the sandbox of jinja2 in which nothing can be changed, ``trim_blocks``, ``lstrip_blocks``,
``break`` and ``continue``, ``{% generation %}``, and the same functions. There is no loader, so a
template reads no file. ``tests/test_chat_environment.py`` compares the two.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace


class RefusalError(TemplateError):
    """The template itself refuses the messages, by ``raise_exception``."""


class Generation(Extension):
    """The tag ``{% generation %}``, with which templates mark what an assistant says.

    It has a scope of its own, as a macro has, and adds nothing to the text.
    """

    tags = {"generation"}  # noqa: RUF012 (as jinja2 declares it)

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_said"), [], [], body).set_lineno(line)

    def _said(self, caller: Macro) -> str:
        return caller()


class DictMaker:
    """``dict`` in templates: makes dictionaries, without the methods of the class, some of which
    change their argument."""

    def __call__(self, *args: Any, **fields: Any) -> dict[Any, Any]:  # noqa: ANN401
        return dict(*args, **fields)

    def fromkeys(self, keys: Any, value: object = None) -> dict[Any, Any]:  # noqa: ANN401
        return dict.fromkeys(keys, value)


class PlainNamespace(Namespace):
    """``namespace`` in templates, without names that begin with an underscore, which are Python's
    own."""

    def __init__(self, /, *args: Any, **fields: Any) -> None:  # noqa: ANN401
        made = dict(*args, **fields)
        for name in made:
            _check_name(name)
        super().__init__(made)

    def __setitem__(self, name: str, value: object) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def environment() -> ImmutableSandboxedEnvironment:
    """Make an environment; its templates are strings."""
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    made.filters["tojson"] = _to_json
    made.globals["raise_exception"] = _refuse
    made.globals["strftime_now"] = _now
    made.globals["dict"] = DictMaker()
    made.globals["namespace"] = PlainNamespace
    return made


def _check_name(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace has no name {name!r}, which begins with an underscore")


def _to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Write JSON as ``json.dumps`` does; jinja2's own filter escapes what HTML would act on."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _refuse(message: str) -> NoReturn:
    raise RefusalError(message)


def _now(form: str) -> str:
    return datetime.now().strftime(form)
