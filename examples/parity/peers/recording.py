"""Records what a published sampler does with the hash network: its states, calls and noise."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypedDict
from unittest import mock

import torch
from hash_network import HashNetwork
from torch import Tensor


class Start(TypedDict, total=False):
    start: list[int]  # tokens [L]: given where what is known at the start is no prefix


class Case(Start):
    """What a sampler is run with."""

    function: str  # the published function
    options: dict[str, Any]  # its own arguments, by its own names
    seed: int  # of `torch.manual_seed`, right before the function is called
    prompt: list[int]
    length: int  # L, of prompt and answer together
    vocabSize: int
    maskId: int
    sharpness: float


class DrawValues(TypedDict, total=False):
    values: str  # base64, little-endian, row-major


class Draw(DrawValues):
    """Random numbers that the sampler drew.

    The seed alone gives those of a run that has no exponential draw; otherwise all have values.
    """

    # rand: uniforms in [0, 1); exponential: what `torch.multinomial` divides by; randint: whole
    # numbers, of which each takes a word of the generator.
    of: str
    dtype: str
    shape: list[int]


class Draws(TypedDict, total=False):
    """One of the two, and none where nothing was drawn. Draws are listed in their order."""

    drawsEachCall: list[Draw]  # those after any call, where every call has the same
    draws: list[list[Draw]]  # those after each call


class Recording(Case, Draws):
    """One run. A list has an entry a call of the network."""

    calls: int
    states: list[list[int]]  # the tokens [L] that the next call is asked about; last, the result
    result: list[int]  # tokens [L], the prompt included


def no_ties(topk: Callable[..., Any]) -> Callable[..., Any]:
    """Makes `torch.topk` raise a ValueError where equals decide what is chosen.

    PyTorch orders them as its algorithm comes upon them, which no other implementation can repeat.
    Infinities and the least number are left out: they stand for what cannot be chosen.
    """

    def watched(values: Tensor, k: int, dim: int = -1, largest: bool = True) -> object:
        chosen = topk(values, k, dim=dim, largest=largest)
        if 0 < k < values.shape[dim]:
            last, next_one = topk(values, k + 1, dim=dim, largest=largest)[0].unbind(dim)[-2:]
            if ((last == next_one) & (last.abs() < torch.finfo(last.dtype).max)).any():
                raise ValueError("equal values decide what is chosen: take another case")
        return chosen

    return watched


@dataclass
class Noise:
    """The noise of a run is what its random functions drew, by calls of the network."""

    calls: Callable[[], int]
    kept: list[tuple[int, str, Tensor]] = field(default_factory=list)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Keeps what PyTorch's random functions draw; they draw as ever."""
        with ExitStack() as patches:
            for name in ("rand", "rand_like", "randint"):
                of = name.removesuffix("_like")
                watching = self._watched(of, getattr(torch, name))
                patches.enter_context(mock.patch.object(torch, name, watching))
            in_place = self._watched("rand", Tensor.uniform_)
            patches.enter_context(mock.patch.object(Tensor, "uniform_", in_place))
            watching = self._multinomial(torch.multinomial)
            patches.enter_context(mock.patch.object(torch, "multinomial", watching))
            yield

    def draws(self) -> Draws:
        if not self.kept:
            return {}
        with_values = any(of == "exponential" for _, of, _ in self.kept)
        calls = [
            [_draw(of, drawn, with_values) for at, of, drawn in self.kept if at == call]
            for call in range(1, self.calls() + 1)
        ]
        return (
            {"drawsEachCall": calls[0]} if calls.count(calls[0]) == len(calls) else {"draws": calls}
        )

    def _keep(self, of: str, drawn: Tensor) -> None:
        self.kept.append((self.calls(), of, drawn.clone()))

    def _watched(self, of: str, draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def watched(*arguments: object, **named: object) -> Tensor:
            drawn = draw(*arguments, **named)
            if named.get("generator") is None:  # else the seed of the case is not its seed
                self._keep(of, drawn)
            return drawn

        return watched

    def _multinomial(self, draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """On a CPU it takes the largest of p / q, q exponential: q is drawn here once before it.

        Raises an AssertionError where PyTorch does not do so.
        """

        def watched(
            p: Tensor,
            num_samples: int,
            replacement: bool = False,
            *,
            generator: torch.Generator | None = None,
        ) -> Tensor:
            if generator is not None:
                return draw(p, num_samples, replacement, generator=generator)
            before = torch.get_rng_state()
            q = torch.empty_like(p).exponential_(1)
            torch.set_rng_state(before)
            drawn = draw(p, num_samples, replacement)
            largest = (p / q).topk(num_samples, dim=-1).indices
            assert drawn.sort(-1).values.equal(largest.sort(-1).values), "another way of drawing"
            self._keep("exponential", q)
            return drawn

        return watched


def _draw(of: str, drawn: Tensor, with_values: bool) -> Draw:
    dtype = str(drawn.dtype).removeprefix("torch.")
    draw: Draw = {"of": of, "dtype": dtype, "shape": list(drawn.shape)}
    if with_values:
        little_endian = drawn.numpy().astype(drawn.numpy().dtype.newbyteorder("<"))
        draw["values"] = base64.b64encode(little_endian.tobytes()).decode()
    return draw


# Runs a case on the network and answers with the tokens [1, L], the prompt included.
Sampler = Callable[[HashNetwork, Case], Tensor]


def recorded(case: Case, network: HashNetwork, sampler: Sampler) -> Recording:
    """Runs the sampler once and keeps the tokens after each of its steps.

    Guidance asks about two rows a call: the first is the state.
    """
    noise = Noise(lambda: len(network.asked))
    torch.manual_seed(case["seed"])
    with noise.watched(), mock.patch.object(torch, "topk", no_ties(torch.topk)):
        result = sampler(network, case)
    states = [*network.asked[1:], result]
    return {
        **case,
        **noise.draws(),
        "calls": len(network.asked),
        "states": [state[0].tolist() for state in states],
        "result": result[0].tolist(),
    }


def network_of(case: Case) -> HashNetwork:
    return HashNetwork(case["vocabSize"], case["maskId"], case["sharpness"])


def prompt_of(case: Case) -> Tensor:
    """The prompt's tokens [1, P]."""
    return torch.tensor([case["prompt"]], dtype=torch.long)


def start_of(case: Case) -> Tensor:
    """The tokens [1, L] that the sampler starts from: what is known, and masks."""
    masks = [case["maskId"]] * (case["length"] - len(case["prompt"]))
    return torch.tensor([case.get("start", case["prompt"] + masks)], dtype=torch.long)


def case_of(
    function: str,
    options: dict[str, Any],
    *,
    length: int | None = None,
    seed: int = 0,
    prompt: tuple[int, ...] = (3, 7, 1, 12),
    vocab_size: int = 20,
    sharpness: float = 1.0,
) -> Case:
    """A case whose mask is the last column.

    `length` counts prompt and answer; by default the answer has `options["gen_length"]` tokens.
    """
    return {
        "function": function,
        "options": options,
        "seed": seed,
        "prompt": list(prompt),
        "length": len(prompt) + options["gen_length"] if length is None else length,
        "vocabSize": vocab_size,
        "maskId": vocab_size - 1,
        "sharpness": sharpness,
    }
