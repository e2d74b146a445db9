"""Read a pickle as data: an interpreter that builds a tree and cannot call anything.

A pickle is a program for a stack machine whose dangerous instructions import a name (GLOBAL), call
it (REDUCE, NEWOBJ, INST, OBJ) or hand it a state (BUILD). Here an imported name stays a ``Name``, a
call becomes a ``Made`` that records the name and its arguments, and a state is stored in it. No
class is looked up, so there is no list of safe names to get wrong. ``pickletools.genops`` of the
standard library does the parsing; it only decodes.
"""

from __future__ import annotations

import io
import pickletools
import struct
from collections.abc import Hashable
from dataclasses import dataclass, field

MAX_BYTES = 64 << 20
"""Of a pickle; the published checkpoints, tokenizer included, need a few MB."""
MAX_INSTRUCTIONS = 5_000_000
MAX_RECORDS = 500_000
"""Of calls, lists and dicts, which take some hundred bytes each for an instruction of one."""
MAX_NAME = 200
"""Characters of a name in a message."""


class PickleDataError(ValueError):
    """The bytes are not a pickle, or one that needs what this interpreter refuses."""


@dataclass(frozen=True)
class Name:
    """An imported name, not looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"[:MAX_NAME]


@dataclass(eq=False)
class Made:
    """The record of a call ``maker(*args)`` that never happened, and of what was to be put into the
    result.

    ``state`` is the argument of BUILD, ``items`` what was appended, ``entries`` what was set by
    key.
    """

    maker: Name | Made
    args: tuple[object, ...]
    state: object = None
    items: list[object] = field(default_factory=list, repr=False)
    entries: dict[Hashable, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class Persistent:
    """A reference to something outside the pickle; in PyTorch's files a storage."""

    pid: object


class _Mark:
    pass


_MARK = _Mark()

# fmt: off
_PUSH_ARGUMENT = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
})
_RECORDS = frozenset({
    "EMPTY_LIST", "LIST", "EMPTY_DICT", "DICT", "EMPTY_SET", "FROZENSET", "REDUCE", "NEWOBJ",
    "NEWOBJ_EX", "INST", "OBJ", "BINPERSID", "PERSID", "GLOBAL", "STACK_GLOBAL",
})
# fmt: on
_CONSTANTS: dict[str, object] = {
    "NONE": None,
    "NEWTRUE": True,
    "NEWFALSE": False,
    "EMPTY_TUPLE": (),
}


def read_pickle(data: bytes) -> object:
    """The tree that the pickle describes: plain values, lists, dicts, tuples, and the records
    above.

    Raises ``PickleDataError``. Nothing in ``data`` runs, and memory stays within a small multiple
    of it.
    """
    if len(data) > MAX_BYTES:
        raise PickleDataError(f"the pickle has {len(data):,} bytes, more than {MAX_BYTES:,}")
    machine = _Machine()
    try:
        for count, (opcode, argument, _position) in enumerate(pickletools.genops(io.BytesIO(data))):
            if count > MAX_INSTRUCTIONS:
                raise PickleDataError(f"the pickle has more than {MAX_INSTRUCTIONS:,} instructions")
            machine.step(opcode.name, argument)
            if machine.records > MAX_RECORDS:
                raise PickleDataError(f"the pickle has more than {MAX_RECORDS:,} records")
        return machine.pop()
    except PickleDataError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, struct.error) as error:
        raise PickleDataError(f"the pickle is malformed ({error})") from error


class _Machine:
    """The stack, the memo, and one instruction at a time."""

    def __init__(self) -> None:
        self.stack: list[object] = []
        self.memo: dict[int, object] = {}
        self.records = 0

    def pop(self) -> object:
        value = self.stack.pop()
        if value is _MARK:
            raise PickleDataError("the pickle takes a value where a mark stands")
        return value

    def pop_to_mark(self) -> list[object]:
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is _MARK:
                values = self.stack[index + 1 :]
                del self.stack[index:]
                return values
        raise PickleDataError("the pickle closes a group that it did not open")

    def make(self, maker: object, args: object) -> None:
        if not isinstance(maker, (Name, Made)) or not isinstance(args, tuple):
            raise PickleDataError("the pickle calls something that is neither a name nor made")
        self.stack.append(Made(maker, args))

    def step(self, opcode: str, argument: object) -> None:
        stack = self.stack
        self.records += opcode in _RECORDS
        if opcode in _PUSH_ARGUMENT:
            stack.append(argument)
            return
        if opcode in _CONSTANTS:
            stack.append(_CONSTANTS[opcode])
            return
        match opcode:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case "BINPUT" | "LONG_BINPUT" | "PUT":
                self.memo[_index(argument)] = stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET" | "GET":
                stack.append(self.memo[_index(argument)])
            case "MARK":
                stack.append(_MARK)
            case "POP":
                stack.pop()
            case "POP_MARK":
                self.pop_to_mark()
            case "DUP":
                stack.append(stack[-1])
            case "TUPLE":
                stack.append(tuple(self.pop_to_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                parts = [self.pop() for _ in range(int(opcode[-1]))]
                stack.append(tuple(reversed(parts)))
            case "EMPTY_LIST":
                stack.append([])
            case "LIST":
                stack.append(self.pop_to_mark())
            case "APPEND":
                value = self.pop()
                _append(stack[-1], [value])
            case "APPENDS":
                values = self.pop_to_mark()
                _append(stack[-1], values)
            case "EMPTY_DICT":
                stack.append({})
            case "DICT":
                values = self.pop_to_mark()
                stack.append({})
                _set(stack[-1], values)
            case "SETITEM":
                value, key = self.pop(), self.pop()
                _set(stack[-1], [key, value])
            case "SETITEMS":
                values = self.pop_to_mark()
                _set(stack[-1], values)
            case "EMPTY_SET":
                stack.append(Made(Name("builtins", "set"), ()))
            case "ADDITEMS":
                values = self.pop_to_mark()
                _append(stack[-1], values)
            case "FROZENSET":
                stack.append(Made(Name("builtins", "frozenset"), (), items=self.pop_to_mark()))
            case "GLOBAL":
                stack.append(_name(argument))
            case "STACK_GLOBAL":
                name, module = self.pop(), self.pop()
                if not isinstance(module, str) or not isinstance(name, str):
                    raise PickleDataError("the pickle imports something that is not a name")
                stack.append(Name(module, name))
            case "REDUCE" | "NEWOBJ":
                args, maker = self.pop(), self.pop()
                self.make(maker, args)
            case "NEWOBJ_EX":
                keywords, args, maker = self.pop(), self.pop(), self.pop()
                self.make(maker, (args, keywords))
            case "INST":
                self.make(_name(argument), tuple(self.pop_to_mark()))
            case "OBJ":
                maker, *arguments = self.pop_to_mark()
                self.make(maker, tuple(arguments))
            case "BUILD":
                state = self.pop()
                if not isinstance(stack[-1], Made):
                    raise PickleDataError("the pickle gives a state to something it did not make")
                stack[-1].state = state
            case "BINPERSID":
                stack.append(Persistent(self.pop()))
            case "PERSID":
                stack.append(Persistent(argument))
            case _:
                raise PickleDataError(f"the pickle uses {opcode}, which is refused")


def _index(argument: object) -> int:
    if not isinstance(argument, int):
        raise PickleDataError("the pickle's memo has an index that is no number")
    return argument


def _name(argument: object) -> Name:
    module, _, name = str(argument).partition(" ")
    return Name(module, name)


def _append(target: object, values: list[object]) -> None:
    if isinstance(target, Made):
        target.items.extend(values)
    elif isinstance(target, list):
        target.extend(values)
    else:
        raise PickleDataError("the pickle appends to something that is no list")


def _set(target: object, keys_and_values: list[object]) -> None:
    entries = target.entries if isinstance(target, Made) else target
    if not isinstance(entries, dict):
        raise PickleDataError("the pickle sets a key of something that is no dict")
    pairs = iter(keys_and_values)
    for key, value in zip(pairs, pairs, strict=True):
        entries[_key(key)] = value


def _key(key: object) -> Hashable:
    """A key of plain parts: hashing a deeply nested tuple would overflow C's stack."""
    plain = (str, bytes, int, float, type(None), Name, Made)
    parts = key if isinstance(key, tuple) else (key,)
    if not all(isinstance(part, plain) for part in parts):
        raise PickleDataError("the pickle has a dict key that is not plain")
    assert isinstance(key, Hashable)
    return key
