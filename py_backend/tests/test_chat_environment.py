"""Templates are rendered as transformers does it, also where renderers in JavaScript differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers.utils.chat_template_utils import render_jinja_template

from remdm_backend.chat.worker import rendered

GOLDEN = Path(__file__).resolve().parents[2] / "test" / "golden" / "llm"
MESSAGES = [
    {"role": "system", "content": " Be brief. "},
    {"role": "user", "content": "##Größe? <b>&\n"},
    {"role": "assistant", "content": "1\n2"},
    {"role": "user", "content": "xx why xx"},
]
VARIABLES: dict[str, Any] = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "enable_thinking": False,
    "tools": [{"name": "ü", "b": 1.0, "a": [1e-7, None, True, 10**20]}],
}

CASES: dict[str, tuple[str, str]] = {
    "set in a loop ends with its turn": (
        "{% set x = 1 %}{% for m in messages %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
        "22221",
    ),
    "a namespace outlives its turn": (
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}"
        "{{ ns.n }}",
        "4",
    ),
    "strip takes characters": (
        "{{ messages[3].content.strip('x') }}|{{ messages[1].content.lstrip('#') }}|"
        "{{ 'a--'.rstrip('-') }}",
        " why |Größe? <b>&\n|a",
    ),
    "text before continue stays": (
        "{% for m in messages %}a{% if m.role == 'user' %}{% continue %}{% endif %}b{% endfor %}",
        "abaaba",
    ),
    "text before break stays": (
        "{% for m in messages %}a{% if m.role == 'user' %}{% break %}{% endif %}b{% endfor %}",
        "aba",
    ),
    "tojson keeps the order of keys, and letters": (
        "{{ tools[0] | tojson }}{{ messages[1].content | tojson }}",
        '{"name": "ü", "b": 1.0, "a": [1e-07, null, true, 100000000000000000000]}'
        '"##Größe? <b>&\\n"',
    ),
    "tojson takes the arguments of json.dumps": (
        "{{ {'b': 1, 'a': 'ü'} | tojson(ensure_ascii=True, sort_keys=True, indent=1) }}",
        '{\n "a": "\\u00fc",\n "b": 1\n}',
    ),
    "numbers are Python's": ("{{ 1.0 }} {{ 1e-7 }} {{ 3 / 2 }} {{ 7 // 2 }} {{ 2 ** 3 ** 2 }}",
                             "1.0 1e-07 1.5 3 64"),
    "a line's end after a block goes, blanks before it too": (
        "a\n  {% if true %}\nb\n  {% endif %}\nc", "a\nb\nc",
    ),
    "a line's end after the generation tag stays Jinja's": (
        "{% generation %}\nsaid\n{% endgeneration %}\nx"
        "{% generation %} y {%- endgeneration %}\n\nz",
        "said\nx y\nz",
    ),
    "the generation tag has a scope of its own": (
        "{% set a = 1 %}{% generation %}{% set a = 2 %}{{ a }}{% endgeneration %}{{ a }}", "21",
    ),
    "an empty list is not unequal to an empty list": (
        "{{ [] != [] }}{{ tools != [] }}{{ 1 == '1' }}{{ 1 == true }}", "FalseTrueFalseTrue",
    ),
    "macros do not see the caller's variables": (
        "{% macro m() %}{{ x is defined }}{% endmacro %}{% for x in [1] %}{{ m() }}{% endfor %}",
        "False",
    ),
    "documents are there, and none": (
        "{{ documents is none }}{{ documents is defined }}{{ pad_token is defined }}",
        "TrueTrueFalse",
    ),
    "special tokens, options and the prompt for an answer": (
        "{{ bos_token }}{{ eos_token }}{{ enable_thinking }}{{ add_generation_prompt }}",
        "<s></s>FalseTrue",
    ),
    "dict makes dictionaries": (
        "{{ dict(a=1) | tojson }}{{ dict.fromkeys(['k']) | tojson }}", '{"a": 1}{"k": null}',
    ),
    "slices, filters and tests": (
        "{{ messages[::-1] | map(attribute='role') | join(',') }}{{ messages[-1]['content'][1:4] }}"
        "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}"
        "{{ 'abc' | upper | replace('B', 'x') | title }}{{ messages[0].content is string }}",
        "user,assistant,user,systemx w2AxcTrue",
    ),
    "split and methods of texts": (
        "{{ 'a</t>b'.split('</t>')[-1] }}{{ 'ab'.startswith(('x', 'a')) }}{{ '%05.1f' % 2.25 }}",
        "bTrue002.2",
    ),
    "a format reads no attribute of Python's": ("[{{ '{0.__class__}'.format(1) }}]", "[]"),
    "an undefined variable is nothing": ("[{{ nothing }}{{ messages[0].name }}]", "[]"),
}  # fmt: skip


def theirs(template: str, variables: dict[str, Any]) -> str:
    said = {"add_generation_prompt": True, **variables}
    texts, _ = render_jinja_template([MESSAGES], chat_template=template, **said)
    return str(texts[0])


@pytest.mark.parametrize("case", CASES)
def test_a_template_gives_the_text_that_transformers_gives(case: str) -> None:
    template, text = CASES[case]
    assert rendered(template, MESSAGES, VARIABLES) == {"text": text}
    assert theirs(template, VARIABLES) == text


@pytest.mark.parametrize("name", ["llada", "dream"])
def test_the_templates_of_the_golden_models(name: str) -> None:
    settings = json.loads((GOLDEN / name / "tokenizer_config.json").read_text("utf-8"))
    template, tokens = settings["chat_template"], {"bos_token": settings["bos_token"]}
    text = theirs(template, tokens)
    assert "Be brief." in text
    assert rendered(template, MESSAGES, tokens) == {"text": text}


@pytest.mark.parametrize(
    "template",
    [
        "{{ namespace(_x=1) }}",
        "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update(a=1) }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ self.__init__.__globals__ }}",
    ],
)
def test_what_the_sandbox_refuses_transformers_refuses(template: str) -> None:
    assert rendered(template, MESSAGES, {})["fault"] == "unsafe"
    with pytest.raises(Exception, match=r"unsafe|underscore"):
        theirs(template, {})
