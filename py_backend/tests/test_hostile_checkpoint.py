"""Nothing pickled in a checkpoint runs, whatever it calls and wherever it hides; nor does it eat
the memory."""

from __future__ import annotations

import functools
import io
import os
import pickle
import struct
import subprocess
import sys
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from make_checkpoint import save

from remdm_backend.checkpoint.load import load_network
from remdm_backend.checkpoint.pickle_data import Made, Name, PickleDataError, read_pickle
from remdm_backend.errors import BackendError

HUGE = 10**5000
"""An integer that Python refuses to print."""


class Call:
    """Pickles as a call of ``function(*args)``, followed by a state and items for the result."""

    def __init__(
        self,
        function: Callable[..., Any],
        *args: object,
        state: object = None,
        items: list[object] | None = None,
    ) -> None:
        self._reduced = (function, args, state, iter(items) if items else None)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._reduced


def attacks(marker: Path) -> dict[str, Call]:
    """Each makes the file ``marker`` when it is unpickled."""
    touch = f"touch {marker}"
    code = f"open({str(marker)!r}, 'w').close()"
    return {
        "os.system": Call(os.system, touch),
        "builtins.eval": Call(eval, code),
        "builtins.exec": Call(exec, code),
        "subprocess.Popen": Call(subprocess.Popen, ["touch", str(marker)]),
        "pathlib.Path.touch": Call(Path.touch, marker),
        "a lazy call": Call(map, os.system, [touch]),
        "a call of a call's result": Call(functools.partial(os.system, touch)),
        "shelve of pickles": Call(pickle.loads, pickle.dumps(Call(os.system, touch))),
        "torch.load": Call(
            functools.partial(torch.load, weights_only=False),
            io.BytesIO(saved(Call(os.system, touch))),
        ),
        "a state": Call(OrderedDict, state={"x": Call(os.system, touch)}),
        "an argument of a tensor": Call(
            torch._utils._rebuild_parameter, torch.zeros(1), False, Call(os.system, touch)
        ),
        "an item": Call(list, items=[Call(os.system, touch)]),
    }


def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


ATTACKS = list(attacks(Path("marker")))
LAZY = ("a lazy call",)  # map() runs only when something iterates it


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


def in_state_dict(content: dict[str, Any], attack: Call) -> object:
    content["state_dict"]["backbone.blocks.0.attn_out.weight"] = attack
    return content


def in_average(content: dict[str, Any], attack: Call) -> object:
    content["ema"]["shadow_params"][3] = attack
    return content


def as_state_dict(content: dict[str, Any], attack: Call) -> object:
    return content | {"state_dict": attack}


def as_config(content: dict[str, Any], attack: Call) -> object:
    content["hyper_parameters"]["config"] = attack
    return content


def as_tokenizer(content: dict[str, Any], attack: Call) -> object:
    content["hyper_parameters"]["tokenizer"] = attack
    return content


def as_callbacks(content: dict[str, Any], attack: Call) -> object:
    return {"callbacks": attack} | content | {"callbacks": attack}


def as_everything(_content: dict[str, Any], attack: Call) -> object:
    return attack


PLACES: list[tuple[Callable[[dict[str, Any], Call], object], bool]] = [
    (in_state_dict, False), (in_average, False), (as_state_dict, False), (as_config, False),
    (as_tokenizer, True), (as_callbacks, True), (as_everything, False),
]  # fmt: skip
"""Where an attack may hide, and whether the rest of the file is then still a good checkpoint."""


@pytest.mark.parametrize("name", ATTACKS)
def test_the_attacks_are_real(name: str, marker: Path) -> None:
    """Under plain pickle each of them runs: the tests below could fail."""
    loaded = pickle.loads(pickle.dumps(attacks(marker)[name]))
    if name in LAZY:
        list(loaded)
    deadline = time.monotonic() + 10
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.01)  # Popen does not wait for its child
    if isinstance(loaded, subprocess.Popen):
        loaded.wait()
    assert marker.exists()


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize(("place", "harmless"), PLACES, ids=lambda p: getattr(p, "__name__", None))
def test_no_attack_runs(
    name: str,
    place: Callable[[dict[str, Any], Call], object],
    harmless: bool,
    content: dict[str, Any],
    marker: Path,
    tmp_path: Path,
) -> None:
    path = tmp_path / "hostile.ckpt"
    save(place(content, attacks(marker)[name]), path)
    assert not marker.exists()
    if harmless:
        assert load_network(path, device="cpu").card.kind == "mdlm"
    else:
        with pytest.raises(BackendError) as caught:
            load_network(path, device="cpu")
        assert caught.value.code == "checkpoint_invalid"
        assert str(path) in caught.value.message
    time.sleep(0.05)  # for a child process that should not be there
    assert not marker.exists()


def test_the_error_says_what_was_not_run(
    content: dict[str, Any], marker: Path, tmp_path: Path
) -> None:
    path = tmp_path / "hostile.ckpt"
    save(in_average(content, Call(os.system, f"touch {marker}")), path)
    with pytest.raises(BackendError, match=r"a call of posix\.system, which is never run"):
        load_network(path)


class TestTensors:
    """Tensors that claim what their file does not hold; ``torch._utils`` called with nonsense."""

    STORAGE = ("storage", Name("torch", "FloatStorage"), "0", "cpu", 4)

    def refusal(
        self, tmp_path: Path, function: str = "_rebuild_tensor_v2", **changes: object
    ) -> str:
        pid = changes.get("pid", self.STORAGE)
        args = [
            changes.get("offset", 0), changes.get("size", (2, 2)), changes.get("stride", (2, 1)),
            False, OrderedDict(),
        ]  # fmt: skip
        tensor = _call(f"torch._utils {function}", _persistent(pid) + b"".join(map(_value, args)))
        state = b"}" + _value("backbone.vocab_embed.embedding") + tensor + b"s"
        config = _value(
            {
                "backbone": "dit",
                "parameterization": "subs",
                "time_conditioning": False,
                "model": {"n_heads": 2, "length": 4},
            }
        )
        pickled = (
            b"\x80\x02}" + _value("state_dict") + state + b"s"
            + _value("hyper_parameters") + b"}" + _value("config") + config + b"ss."
        )  # fmt: skip
        path = tmp_path / "absurd.ckpt"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickled)
            archive.writestr("archive/data/0", bytes(16))
        with pytest.raises(BackendError) as caught:
            load_network(path, device="cpu", raw_weights=True)
        assert caught.value.code == "checkpoint_invalid"
        return caught.value.message

    def test_the_template_itself_is_sound(self, tmp_path: Path) -> None:
        assert "sigma_map.mlp.2.weight is missing" in self.refusal(tmp_path)

    @pytest.mark.parametrize(
        "count", [10**15, 2**62, 5, 0, -1, HUGE], ids=lambda count: hex(count)[:12]
    )
    def test_a_storage_of_absurd_size(self, tmp_path: Path, count: int) -> None:
        assert "claims" in self.refusal(tmp_path, pid=(*self.STORAGE[:4], count))

    @pytest.mark.parametrize(
        "changes",
        [
            {"size": (10**9, 10**9), "stride": (0, 0)},
            {"size": (4, 4), "stride": (0, 1)},
            {"size": (2, 2), "stride": (2, -1)},
            {"size": (2, 2), "stride": (2, 1.0)},
            {"size": (2, 2), "stride": (2,)},
            {"size": (-2, 2)},
            {"size": (2.0, 2)},
            {"size": (2**70,), "stride": (1,)},
        ],
    )
    def test_an_absurd_shape(self, tmp_path: Path, changes: dict[str, Any]) -> None:
        assert "unusual shape" in self.refusal(tmp_path, **changes)

    @pytest.mark.parametrize("offset", [1, -1, 2**40])
    def test_outside_the_storage(self, tmp_path: Path, offset: int) -> None:
        assert "outside its storage" in self.refusal(tmp_path, offset=offset)

    @pytest.mark.parametrize("stride", [(3, 1), (2, 2), (2**39, 2**39)])
    def test_strides_beyond_the_storage(self, tmp_path: Path, stride: tuple[int, int]) -> None:
        assert "outside its storage" in self.refusal(tmp_path, stride=stride)

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"pid": (*STORAGE[:2], "../../data.pkl", "cpu", 4)}, "claims"),
            ({"pid": ("storage", Name("builtins", "eval"), "0", "cpu", 4)}, "builtins.eval"),
            ({"pid": "storage"}, "no storage"),
            ({"pid": ()}, "no storage"),
            ({"size": 7}, "never run"),
            ({"function": "_rebuild_device_tensor_from_numpy"}, "never run"),
            ({"function": "_rebuild_wrapper_subclass"}, "never run"),
            ({"function": "_import_dotted_name"}, "never run"),
        ],
    )
    def test_nonsense(self, tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
        assert reason in self.refusal(tmp_path, **changes)


class TestInterpreter:
    """``read_pickle`` itself: records in place of calls, and no way to hurt the process."""

    def test_calls_become_records(self) -> None:
        tree = read_pickle(pickle.dumps({"a": Call(os.system, "ls", state={"x": 1})}, 2))
        assert isinstance(tree, dict)
        made = tree["a"]
        assert isinstance(made, Made)
        assert (made.maker, made.args) == (Name("posix", "system"), ("ls",))
        assert made.state == {"x": 1}

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_plain_values_are_themselves_in_every_protocol(self, protocol: int) -> None:
        value = {
            "list": [1, -5, 2**70, 1.5, None, True, False],
            "tuple": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
            ("key", 1): "täxt",
            3: {},
        }
        value["again"] = value["list"]
        assert read_pickle(pickle.dumps(value, protocol)) == value

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"no pickle",
            b"\x80\x02}",  # no STOP
            b"\x80\x02.",  # nothing to return
            b"\x80\x02\x82\x01.",  # EXT1: a name from the process-wide registry
            b"\x80\x02\x83\x01\x00.",  # EXT2
            b"\x80\x02K\x01(K\x02tR.",  # calls a number
            b"\x80\x02]}b.",  # a state for a list
            b"\x80\x02cos\nsystem\n}b.",  # a state for a class
            b"\x80\x02h\x07.",  # an empty memo slot
            b"\x80\x020.",  # pops an empty stack
            b"\x80\x02(.",  # returns a mark
            b"\x80\x02}]K\x01s.",  # a list as a key
            b"\x80\x02K\x01K\x02a.",  # appends to a number
            b"\x80\x02}(K\x01u.",  # a key without a value
            b"\x80\x05\x97.",  # out-of-band buffers
            b"I99999x\n.",
            b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"abc.",  # a length beyond the end
        ],
    )
    def test_malformed(self, data: bytes) -> None:
        with pytest.raises(PickleDataError):
            read_pickle(data)

    def test_a_huge_memo_index_costs_nothing(self) -> None:
        assert read_pickle(b"\x80\x02K\x01r" + struct.pack("<I", 2**32 - 1) + b".") == 1

    def test_deep_nesting_neither_crashes_nor_hashes(self) -> None:
        deep = b"\x80\x02)" + b"\x85" * 200_000
        assert isinstance(read_pickle(deep + b"."), tuple)
        with pytest.raises(PickleDataError, match="not plain"):
            read_pickle(b"\x80\x02}" + deep[2:] + b"K\x01s.")

    def test_size_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(PickleDataError, match="bytes"):
            read_pickle(bytes((64 << 20) + 1))
        monkeypatch.setattr("remdm_backend.checkpoint.pickle_data.MAX_INSTRUCTIONS", 1000)
        with pytest.raises(PickleDataError, match="instructions"):
            read_pickle(b"\x80\x02" + b"}" * 2000 + b".")
        monkeypatch.setattr("remdm_backend.checkpoint.pickle_data.MAX_RECORDS", 100)
        for record in (b"}", b"]", b"\x8f", b"cos\nsystem\n", b"cos\nsystem\n)R"):
            with pytest.raises(PickleDataError, match="more than 100 records"):
                read_pickle(b"\x80\x04" + record * 101 + b".")

    def test_a_cycle_in_the_config_ends(self, content: dict[str, Any], tmp_path: Path) -> None:
        node = content["hyper_parameters"]["config"]
        node.__dict__["_content"] = node
        path = tmp_path / "cycle.ckpt"
        save(content, path)
        with pytest.raises(BackendError, match="backbone"):
            load_network(path, device="cpu")


def doubled(levels: int) -> list[object]:
    """A small list that is huge when it is printed."""
    value: list[object] = ["so"]
    for _ in range(levels):
        value = [value, value]
    return value


def test_the_doubled_list_is_real() -> None:
    assert len(repr(doubled(12))) > 2**12


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (doubled(60), "list"),
        (HUGE, "a huge integer"),
        ("s" * 10**6, "'" + 80 * "s" + "'..."),
        ({"so": 1}, "dict"),
    ],
    ids=["doubled", "huge", "long", "dict"],
)
@pytest.mark.parametrize("setting", ["backbone", "parameterization", "time_conditioning"])
def test_a_setting_is_shown_in_short(
    value: object, said: str, setting: str, content: dict[str, Any], tmp_path: Path
) -> None:
    content["hyper_parameters"]["config"] = {
        "backbone": "dit",
        "parameterization": "subs",
        "time_conditioning": False,
        "model": {"n_heads": 2, "length": 4},
        setting: value,
    }
    path = tmp_path / "setting.ckpt"
    save(content, path)
    with pytest.raises(BackendError) as caught:
        load_network(path, device="cpu")
    assert said in caught.value.message
    assert len(caught.value.message) < 1000


PICKLE = {"a/data.pkl": pickle.dumps({}, 2)}


class TestEntries:
    """Entries of the archive that are read whole, and how many there may be."""

    def refusal(self, tmp_path: Path, entries: dict[str, bytes], compression: int) -> str:
        path = tmp_path / "entries.ckpt"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, data in entries.items():
                archive.writestr(name, data)
        with pytest.raises(BackendError) as caught:
            load_network(path, device="cpu")
        assert caught.value.code == "checkpoint_invalid"
        return caught.value.message

    def test_a_compressed_word_is_not_unpacked(self, tmp_path: Path) -> None:
        word = {"a/byteorder": b"little" + b" " * 10**6}
        message = self.refusal(tmp_path, PICKLE | word, zipfile.ZIP_DEFLATED)
        assert "a/byteorder is compressed" in message

    def test_a_long_word_is_not_read(self, tmp_path: Path) -> None:
        word = {"a/byteorder": b"little" + b" " * 100}
        assert "is no word" in self.refusal(tmp_path, PICKLE | word, zipfile.ZIP_STORED)

    def test_there_are_not_too_many(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("remdm_backend.checkpoint.torch_archive.MAX_ENTRIES", 3)
        many = {f"a/data/{index}": b"" for index in range(3)}
        message = self.refusal(tmp_path, PICKLE | many, zipfile.ZIP_STORED)
        assert "it has 4 entries, more than 3" in message


def test_damage_anywhere_is_a_typed_error_or_unread(tiny_ckpt: Path) -> None:
    """Random damage, half of it to the pickle and the zip's directory: never another exception."""
    whole = tiny_ckpt.read_bytes()
    random = Random(5)
    codes: list[str] = []
    for attempt in range(200):
        damaged = bytearray(whole)
        first = 0 if attempt % 2 else len(whole) - 8000
        place = random.randrange(first, len(whole))
        if attempt % 5 == 0:
            del damaged[place : place + random.randrange(1, 50)]
        else:
            damaged[place] = random.randrange(256)
        tiny_ckpt.write_bytes(damaged)
        try:
            load_network(tiny_ckpt, device="cpu")
        except BackendError as error:
            codes.append(error.code)
    assert set(codes) == {"checkpoint_invalid"}
    assert len(codes) > 100


def test_reading_a_checkpoint_imports_nothing_it_names(
    tiny_ckpt: Path, content: dict[str, Any]
) -> None:
    """Importing a module is running code too: names stay names."""
    program = (
        "import sys; from remdm_backend.checkpoint.load import load_network; "
        f"load_network({str(tiny_ckpt)!r}, device='cpu'); "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('omegaconf', 'transformers')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
    assert b"omegaconf.dictconfig" in tiny_ckpt.read_bytes()


def _value(value: object) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def _persistent(pid: object) -> bytes:
    """``pid`` on the stack, its ``Name`` parts as imports, then BINPERSID."""
    if not isinstance(pid, tuple):
        return _value(pid) + b"Q"
    parts = [
        f"c{part.module}\n{part.name}\n".encode() if isinstance(part, Name) else _value(part)
        for part in pid
    ]
    return b"(" + b"".join(parts) + b"tQ"


def _call(name: str, arguments: bytes) -> bytes:
    module, function = name.split()
    return f"c{module}\n{function}\n(".encode() + arguments + b"tR"
