"""Chats: what a directory says about them, templates that mean harm, the request on the wire."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from fake_backend import PATIENCE, Client, FakeNetwork, clients, expected, make_call, serving
from make_huggingface import byte_level
from transformers import AutoTokenizer

from remdm_backend.chat import renderer
from remdm_backend.chat.renderer import WORKER, ChatRenderer, render
from remdm_backend.chat.source import MAX_TEMPLATE_BYTES, Template, find_template
from remdm_backend.errors import BackendError
from remdm_backend.wire.chat import MAX_CHAT_BYTES, Render

HI = [{"role": "user", "content": "hi"}]
FOREVER = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
BACKEND = Path(__file__).resolve().parents[1]


def text_of(template: str, **variables: object) -> str:
    return render(Template("T", {"default": template}), Render(1, HI, variables)).text


def model(directory: Path, **settings: object) -> Path:
    """A directory with a tokenizer of bytes and these settings."""
    byte_level(directory, ["<s>", "</s>"], settings)
    (directory / "config.json").write_text(json.dumps({"eos_token_id": 1}))
    return directory


# --- what a directory says


def test_a_file_of_its_own_comes_before_the_settings(tmp_path: Path) -> None:
    directory = model(tmp_path / "m", chat_template="settings", bos_token="<s>")
    template = find_template(directory)
    assert template is not None
    assert template.text(tools=False) == "settings"
    assert str(directory / "tokenizer_config.json") in template.name
    (directory / "chat_template.jinja").write_text("file")
    template = find_template(directory / "model.safetensors")
    assert template is not None
    assert template.text(tools=True) == "file"
    assert template.name == str(directory / "chat_template.jinja")


def test_of_named_templates_default_counts_and_with_tools_another(tmp_path: Path) -> None:
    names = [
        {"name": "default", "template": "plain"},
        {"name": "tool_use", "template": "with tools"},
    ]
    template = find_template(model(tmp_path / "m", chat_template=names))
    assert template is not None
    assert [template.text(tools=tools) for tools in (False, True)] == ["plain", "with tools"]
    template = find_template(model(tmp_path / "n", chat_template=names[1:]))
    assert template is not None
    with pytest.raises(BackendError, match="none is called default") as caught:
        template.text(tools=False)
    assert caught.value.code == "template_missing"


@pytest.mark.parametrize(
    ("settings", "legacy"),
    [
        ({"bos_token": "<s>", "eos_token": {"__type": "AddedToken", "content": "</s>"}}, None),
        ({"bos_token": "<s>"}, {"bos_token": "</s>", "pad_token": "</s>"}),
        ({"bos_token": "<s>", "added_tokens_decoder": {}}, {"bos_token": "</s>"}),
        ({"bos_token": None, "unk_token": "<s>"}, {"mask_token": {"content": "<s>"}}),
    ],
)
def test_special_tokens_are_those_that_transformers_gives(
    tmp_path: Path, settings: dict[str, Any], legacy: dict[str, Any] | None
) -> None:
    names = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
    said = "".join(f"[{name} {{{{ {name}_token }}}}]" for name in names)
    fast = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": said + "{{ messages }}"}
    directory = model(tmp_path / "m", **fast, **settings)
    if legacy is not None:
        (directory / "special_tokens_map.json").write_text(json.dumps(legacy))
    template = find_template(directory)
    assert template is not None
    theirs = AutoTokenizer.from_pretrained(directory).apply_chat_template(
        HI, tokenize=False, add_generation_prompt=True
    )
    assert render(template, Render(1, HI, {})).text == theirs


def test_tokens_that_end_an_answer_come_from_both_configs(tmp_path: Path) -> None:
    directory = model(tmp_path / "m", chat_template="x")
    (directory / "generation_config.json").write_text('{"eos_token_id": [7, 3, 1, "x", -1]}')
    template = find_template(directory)
    assert template is not None
    assert template.end_ids == (1, 3, 7)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (7, "neither a text nor a list"),
        ([{"name": "default"}], "neither a text nor a list"),
        ("x" * (MAX_TEMPLATE_BYTES + 1), "at most 262,144"),
    ],
)
def test_a_template_that_is_none_is_refused(tmp_path: Path, said: object, what: str) -> None:
    with pytest.raises(BackendError, match=what) as caught:
        find_template(model(tmp_path / "m", chat_template=said))
    assert caught.value.code == "template_invalid"
    assert ChatRenderer(tmp_path / "m").has_template  # so that a chat tells what is wrong


def test_a_file_that_is_no_text_or_no_file(tmp_path: Path) -> None:
    directory = model(tmp_path / "m")
    assert find_template(directory) is None
    assert not ChatRenderer(directory).has_template
    file = directory / "chat_template.jinja"
    os.mkfifo(file)  # nobody writes: opening it would wait for ever
    assert find_template(directory) is None
    file.unlink()
    file.write_bytes(b"\xff")
    with pytest.raises(BackendError, match="not UTF-8"):
        find_template(directory)


# --- templates that mean harm, or fail


@pytest.mark.parametrize(
    ("template", "code", "what"),
    [
        (FOREVER, "template_failed", "longer than 0.4 s"),
        ("{% for i in range(10**12) %}{% endfor %}", "template_failed", "Range too big"),
        ("{{ 'a' * 10**10 }}", "template_failed", "more than 512 MiB"),
        ("{{ '%1000000000d' % 1 }}", "template_failed", "more than 512 MiB"),
        ("{{ 'a' * 2000000 }}", "template_failed", "more than 1,048,576 characters"),
        (
            "{% for i in range(99999) %}{{ 'aaaaaaaaaaaaaaaaaaaa' }}{% endfor %}",
            "template_failed",
            "more than 1,048,576 characters",
        ),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "template_failed", "RecursionError"),
        ("{{ " + "(" * 50000 + "1" + ")" * 50000 + " }}", "template_failed", "RecursionError"),
        ("{{ ''.__class__.__mro__ }}", "template_failed", "what no template may do"),
        ("{% include '/etc/passwd' %}", "template_failed", "no loader"),
        ("{% import '/etc/passwd' as x %}", "template_failed", "no loader"),
        ("{{ raise_exception('roles \\x1b[2J alternate') }}", "template_failed", "x1b"),
        ("{{ messages[0].content.nothing.at }}", "template_failed", "UndefinedError"),
        ("{{ 1 / 0 }}", "template_failed", "ZeroDivisionError"),
        ("{% for %}", "template_invalid", "line 1"),
        ("\n{{ x | nothing }}", "template_invalid", "line 2"),
    ],
)
def test_a_template_fails_within_its_limits(
    template: str, code: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renderer, "SECONDS", 0.4 if template == FOREVER else 60)
    with pytest.raises(BackendError, match=what) as caught:
        text_of(template)
    assert caught.value.code == code
    assert "chat template T" in caught.value.message
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ '<b>a</b> &amp; b' | striptags }}", "a & b"),
        ("{{ 'one two' | wordwrap(3) }}", "one\ntwo"),
        ("{{ '\\N{DIGIT ONE}' }}", "1"),
    ],
)
def test_what_jinja2_imports_late_is_there(template: str, text: str) -> None:
    assert text_of(template) == text


def test_the_process_of_a_template_can_open_no_file() -> None:
    code = (
        "from remdm_backend.chat.worker import limit, rendered; limit(60)\n"
        "for act in (lambda: open('/etc/passwd'), lambda: open('/dev/null', 'w'),"
        " lambda: __import__('subprocess').run(['true'])):\n"
        "    try: act()\n"
        "    except OSError as error: print(error.strerror)\n"
        "print(rendered('{{ 1 / 0 }}', [], {}), rendered('{{ strftime_now(\"%%\") }}', [], {}))"
    )
    env = {**os.environ, "PYTHONPATH": str(BACKEND)}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert run.stdout.splitlines() == [
        *(["Too many open files"] * 3),
        "{'fault': 'failed', 'detail': 'ZeroDivisionError: division by zero'} {'text': '%'}",
    ], run.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit of time ends it")
def test_the_process_of_a_template_ends_with_the_backend(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text(FOREVER)
    code = (
        "import sys, time; from pathlib import Path; from remdm_backend.chat import renderer\n"
        "from remdm_backend.wire.chat import Render\n"
        "renderer.SECONDS = 600\n"
        "chat = renderer.ChatRenderer(Path(sys.argv[1]))\n"
        "chat.submit(Render(1, [{'role': 'user', 'content': ''}], {}), print); time.sleep(600)"
    )
    env = {**os.environ, "PYTHONPATH": str(BACKEND)}
    backend = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=env)
    with backend:
        try:
            child = until(lambda: children_of(backend.pid))
            until(lambda: cpu_ticks(child) > 20)  # it renders
        finally:
            backend.kill()
    until(lambda: not is_running(child))


def children_of(parent: int) -> int:
    for thread in Path(f"/proc/{parent}/task").iterdir():
        for child in (thread / "children").read_text().split():
            if WORKER in Path(f"/proc/{child}/cmdline").read_text():
                return int(child)
    return 0


def cpu_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: Any) -> Any:  # noqa: ANN401
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


# --- the request


def ask(client: Client, request_id: int, data: bytes) -> None:
    tensors = [{"dtype": "uint8", "shape": [len(data)]}]
    header = {"type": "render", "id": request_id, "tensors": tensors}
    client.socket.send_multipart([msgpack.packb(header), data])


def chat(**variables: object) -> bytes:
    return json.dumps({"messages": HI, "variables": variables}).encode()


def test_a_chat_is_rendered_over_the_wire(tmp_path: Path) -> None:
    directory = model(tmp_path / "m", bos_token="<s>")
    template = "{{ bos_token }}{{ messages[0].content }} {{ name }}"
    (directory / "chat_template.jinja").write_text(template)
    with serving(FakeNetwork, chat=ChatRenderer(directory)) as address, clients(address) as (one,):
        assert one.hello()["chat"] is True
        ask(
            one,
            3,
            chat(name="Zoë \ud800"),
        )
        reply, (text, ends) = one.receive()
    assert (reply["type"], reply["id"]) == ("rendered", 3)
    assert text.decode() == "<s>hi Zoë ?"
    assert np.frombuffer(ends, np.int32).tolist() == [1]


def test_nobody_waits_for_a_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderer, "SECONDS", 1.0)
    (tmp_path / "chat_template.jinja").write_text("{% if loops %}" + FOREVER + "{% endif %}done")
    with serving(FakeNetwork, chat=ChatRenderer(tmp_path)) as address, clients(address, 2) as two:
        looping, other = two
        other.hello()
        ask(looping, 1, chat(loops=True))
        ask(looping, 2, chat())
        began = time.monotonic()
        for number in range(5):
            call = make_call(number)
            np.testing.assert_allclose(other.forward(call), expected(call), rtol=1e-6)
            assert other.ping()["type"] == "pong"
        assert time.monotonic() - began < 1.0
        reply, _ = looping.receive()
        assert (reply["id"], reply["code"]) == (1, "template_failed")
        assert "longer than 1 s" in reply["message"]
        reply, (text, _) = looping.receive()
        assert (reply["id"], text) == (2, b"done")


def test_a_model_without_a_template_says_so(tmp_path: Path) -> None:
    for renders in (ChatRenderer(model(tmp_path / "m")), None):
        with serving(FakeNetwork, chat=renders) as address, clients(address) as (client,):
            assert "chat" not in client.hello()
            ask(client, 4, chat())
            reply, _ = client.receive()
            assert (reply["id"], reply["code"]) == (4, "template_missing")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"messages": [], "variables": {"x": NaN}}', "not JSON"),
        (b"[]", "not a record"),
        (b'{"messages": []}', "not a record"),
        (b'{"messages": [], "variables": {}}', "a role and a content"),
        (b'{"messages": [{"role": "", "content": ""}], "variables": {}}', "a role and a content"),
        (b'{"messages": [{"role": "user"}], "variables": {}}', "a role and a content"),
        (b'{"messages": [{"role": "a", "content": 1}], "variables": {}}', "a role and a content"),
        (chat(messages=[]), "without messages"),
        (b'{"messages": [{"role": "a", "content": ""}], "variables": []}', "not a record"),
        (b" " * (MAX_CHAT_BYTES + 1), "at most 4,194,304"),
    ],
)
def test_a_chat_that_is_none_is_refused(data: bytes, what: str) -> None:
    with serving(FakeNetwork) as address, clients(address) as (client,):
        client.hello()
        ask(client, 5, data)
        reply, _ = client.receive()
    assert (reply["id"], reply["code"]) == (5, "request_invalid")
    assert what in reply["message"]
