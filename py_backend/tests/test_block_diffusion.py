"""BD3-LM computes what its authors' code does, with and without its KV cache, and no more of a text
than was asked about."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from golden_bd3lm import BLOCK, CHECKPOINT, CONTEXT, MASK, VOCAB, golden_bd3lm, values
from torch import Tensor

from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError
from remdm_backend.model.block_diffusion import BlockDiffusion
from remdm_backend.model.block_network import BlockNetwork
from remdm_backend.model.packing import Packed
from remdm_backend.model.trunk_cache import TrunkCache

GOLDEN = golden_bd3lm()
NEAR = {"rtol": 0.0, "atol": 1e-5}


@pytest.fixture
def network() -> BlockNetwork:
    loaded = load_network(CHECKPOINT, device="cpu")
    assert isinstance(loaded, BlockNetwork)
    return loaded


@pytest.fixture
def computed(network: BlockNetwork, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens each forward computed."""
    counts: list[int] = []
    extend = BlockDiffusion.extend

    def counting(self: BlockDiffusion, tokens: Tensor, chunks: object) -> Tensor:
        counts.append(len(tokens))
        return extend(self, tokens, chunks)  # type: ignore[arg-type]

    monkeypatch.setattr(BlockDiffusion, "extend", counting)
    return counts


def logits(
    network: BlockNetwork, tokens: Tensor, rows: Tensor, cache: TrunkCache | None = None
) -> Tensor:
    return network.logits(tokens, torch.zeros(len(tokens)), rows, cache)


def text(length: int, *, seed: int = 0, batch: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(MASK, (batch, length), generator=generator)


def last_block(tokens: Tensor) -> Tensor:
    return torch.arange(tokens.shape[1] - BLOCK, tokens.shape[1])


class TestTheOriginal:
    """Recorded in float32; 1e-4 is the bound of all golden data."""

    def test_logits_where_it_samples(self, network: BlockNetwork) -> None:
        recorded = GOLDEN["forward"]
        tokens, positions = torch.tensor(recorded["x"]), torch.tensor(recorded["positions"])
        rows = (torch.arange(2)[:, None] * CONTEXT + positions).flatten()
        expected = values(recorded["output"], len(rows), VOCAB)
        torch.testing.assert_close(logits(network, tokens, rows), expected, rtol=0, atol=1e-4)

    def test_logits_as_it_is_trained_are_those_of_a_block_behind_a_clean_text(
        self, network: BlockNetwork
    ) -> None:
        recorded = GOLDEN["forward"]
        noisy, clean = torch.tensor(recorded["x"]), torch.tensor(recorded["clean"])
        assert not torch.equal(noisy[:, :-BLOCK], clean[:, :-BLOCK])
        expected = values(recorded["trained"], 2, len(recorded["positions"]), VOCAB)
        for place, position in enumerate(recorded["positions"]):
            begin = position // BLOCK * BLOCK
            tokens = torch.cat((clean[:, :begin], noisy[:, begin:]), dim=1)
            ours = logits(network, tokens, torch.tensor([position, CONTEXT + position]))
            torch.testing.assert_close(ours, expected[:, place], rtol=0, atol=1e-4)

    @pytest.mark.parametrize("has_cache", [False, True])
    def test_logits_at_four_times_the_context_with_its_kv_cache(
        self, network: BlockNetwork, has_cache: bool
    ) -> None:
        recorded = GOLDEN["cached"]
        tokens = torch.tensor(recorded["x"])
        assert tokens.shape[1] == 4 * CONTEXT
        cache = TrunkCache() if has_cache else None
        for end in range(BLOCK, tokens.shape[1], BLOCK) if has_cache else ():
            logits(network, tokens[:, :end], torch.tensor([end - 1]), cache)
        ours = logits(network, tokens, last_block(tokens), cache)
        expected = values(recorded["output"], BLOCK, VOCAB)
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4)
        # A window that is computed anew, as the original does without its cache, is another thing.
        assert recorded["windowApart"] > 0.1


class TestCausality:
    def test_what_stands_right_of_a_block_changes_no_bit_of_it(self, network: BlockNetwork) -> None:
        tokens = text(24, batch=2)
        rows = torch.tensor([9, 11, 24 + 10])
        before = logits(network, tokens, rows)
        other = tokens.clone()
        other[:, 12:] = MASK
        assert torch.equal(logits(network, other, rows), before)
        assert torch.equal(
            logits(network, tokens[:, :12].contiguous(), rows - 12 * (rows > 23)), before
        )

    @pytest.mark.parametrize("position", [0, 9, 15, 17, 19])
    def test_everything_left_of_it_and_in_it_is_seen(
        self, network: BlockNetwork, position: int
    ) -> None:
        tokens = text(20)
        other = tokens.clone()
        other[0, position] = (other[0, position] + 1) % MASK
        rows = torch.tensor([18])
        assert not torch.allclose(logits(network, tokens, rows), logits(network, other, rows))

    def test_a_last_block_that_is_not_whole_goes_on_with_masks(self, network: BlockNetwork) -> None:
        tokens = text(18)
        whole = torch.cat((tokens, torch.full((1, 2), MASK)), dim=1)
        rows = torch.tensor([16, 17])
        assert torch.equal(logits(network, tokens, rows), logits(network, whole, rows))

    def test_nothing_right_of_the_rows_is_computed(
        self, network: BlockNetwork, computed: list[int]
    ) -> None:
        logits(network, text(24, batch=3), torch.tensor([2, 24 + 6]))
        assert sum(computed) == BLOCK + 2 * BLOCK  # the third text is asked nothing


class TestCache:
    def test_a_step_computes_its_own_block(
        self, network: BlockNetwork, computed: list[int]
    ) -> None:
        cache, tokens = TrunkCache(), text(20)
        tokens[0, 17:] = MASK
        logits(network, tokens, last_block(tokens), cache)
        assert sum(computed) == 20
        computed.clear()
        tokens[0, 18] = 7
        logits(network, tokens, last_block(tokens), cache)
        assert computed == [BLOCK]

    def test_other_rows_of_a_block_that_is_known_cost_the_head_alone(
        self, network: BlockNetwork, computed: list[int]
    ) -> None:
        cache, tokens = TrunkCache(), text(20)
        first = logits(network, tokens, torch.tensor([17]), cache)
        computed.clear()
        again = logits(network, tokens, torch.tensor([17, 19]), cache)
        assert computed == []
        torch.testing.assert_close(again[:1], first, **NEAR)
        logits(network, tokens, torch.tensor([3]), cache)
        assert computed == [BLOCK]  # of an earlier block it kept no hidden states

    @pytest.mark.parametrize("batch", [1, 3])
    def test_a_run_with_remasks_is_the_same_without(
        self, network: BlockNetwork, batch: int
    ) -> None:
        """The texts stand at different blocks and change within them, back to masks too."""
        cache, tokens = TrunkCache(), text(3 * CONTEXT, batch=batch, seed=3)
        generator = torch.Generator().manual_seed(5)
        state = torch.full_like(tokens, MASK)
        begins = [0, 2 * BLOCK, 7 * BLOCK][:batch]
        for b, begin in enumerate(begins):
            state[b, :begin] = tokens[b, :begin]
        apart = 0.0
        while all(begin < tokens.shape[1] for begin in begins):
            for _ in range(3):
                for b, begin in enumerate(begins):
                    shown = torch.rand(BLOCK, generator=generator) < 0.5
                    block = tokens[b, begin : begin + BLOCK]
                    state[b, begin : begin + BLOCK] = torch.where(shown, block, MASK)
                length = max(begins) + BLOCK
                rows = torch.cat([b * length + begin + torch.arange(BLOCK)
                                  for b, begin in enumerate(begins)])  # fmt: skip
                seen = state[:, :length].contiguous()
                with_cache = logits(network, seen, rows, cache)
                apart = max(apart, float((with_cache - logits(network, seen, rows)).abs().max()))
            for b, begin in enumerate(begins):
                state[b, begin : begin + BLOCK] = tokens[b, begin : begin + BLOCK]
                begins[b] += BLOCK
        assert apart < 1e-5

    @pytest.mark.parametrize("position", [0, 2 * CONTEXT, 3 * CONTEXT - 5])
    def test_another_text_is_not_answered_from_it(
        self, network: BlockNetwork, position: int
    ) -> None:
        cache, tokens = TrunkCache(), text(3 * CONTEXT)
        logits(network, tokens, last_block(tokens), cache)
        tokens[0, position] = (tokens[0, position] + 1) % MASK
        ours = logits(network, tokens, last_block(tokens), cache)
        torch.testing.assert_close(ours, logits(network, tokens, last_block(tokens)), **NEAR)

    def test_texts_that_begin_alike_share_what_is_known(
        self, network: BlockNetwork, computed: list[int]
    ) -> None:
        cache, tokens = TrunkCache(), text(20)
        logits(network, tokens, last_block(tokens), cache)
        computed.clear()
        both = torch.cat((tokens, tokens))
        both[1, -1] = MASK
        rows = torch.cat((last_block(both), 20 + last_block(both)))
        ours = logits(network, both, rows, cache)
        assert sum(computed) == 2 * BLOCK
        torch.testing.assert_close(ours, logits(network, both, rows), **NEAR)

    def test_a_text_that_ends_leaves_the_others_theirs(
        self, network: BlockNetwork, computed: list[int]
    ) -> None:
        cache, tokens = TrunkCache(), text(20, batch=3)
        logits(network, tokens, torch.tensor([19, 39, 59]), cache)
        computed.clear()
        logits(network, tokens[[2, 1]], torch.tensor([19, 39]), cache)
        assert sum(computed) == 2 * BLOCK

    def test_memory_is_bounded_however_long_a_text_is(self, network: BlockNetwork) -> None:
        cache = TrunkCache()
        tokens = text(8 * CONTEXT)
        sizes = []
        for end in range(BLOCK, tokens.shape[1] + 1, BLOCK):
            logits(network, tokens[:, :end], torch.tensor([end - 1]), cache)
            sizes.append(cache.nbytes)
        position = 2 * network.card.n_blocks * network.card.hidden_size * 4
        assert max(sizes) < 1.5 * CONTEXT * position
        assert max(sizes) == max(sizes[: 2 * CONTEXT // BLOCK])

    def test_a_budget_keeps_what_fits(self, network: BlockNetwork, computed: list[int]) -> None:
        tokens = text(20, batch=3)
        rows = torch.tensor([19, 39, 59])
        roomy = TrunkCache()
        logits(network, tokens, rows, roomy)
        cache = TrunkCache(roomy.nbytes * 0.7)
        expected = logits(network, tokens, rows, cache)
        cache.clear()  # the hidden states
        computed.clear()
        assert torch.allclose(logits(network, tokens, rows, cache), expected, atol=1e-5)
        assert sum(computed) == 2 * BLOCK + 20

    def test_a_failure_leaves_nothing_wrong_behind(
        self, network: BlockNetwork, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache, tokens = TrunkCache(), text(20)
        logits(network, tokens[:, :12].contiguous(), torch.tensor([11]), cache)
        with monkeypatch.context() as patched:
            patched.setattr(BlockDiffusion, "extend", _out_of_memory)
            with pytest.raises(BackendError):
                logits(network, tokens, last_block(tokens), cache)
        ours = logits(network, tokens, last_block(tokens), cache)
        torch.testing.assert_close(ours, logits(network, tokens, last_block(tokens)), **NEAR)


def _out_of_memory(*_: object) -> Tensor:
    raise MemoryError


def test_texts_of_different_lengths_share_a_forward(network: BlockNetwork) -> None:
    texts = [text(length, seed=length) for length in (9, 24, 40)]
    packed = Packed(torch.cat([one[0] for one in texts]), [9, 24, 40])
    rows = torch.tensor([8, 9 + 20, 9 + 24 + 39])
    mixed = network.logits(packed, torch.zeros(3), rows)
    alone = [logits(network, one, torch.tensor([at])) for one, at in
             zip(texts, (8, 20, 39), strict=True)]  # fmt: skip
    torch.testing.assert_close(mixed, torch.cat(alone), **NEAR)


def test_bfloat16_is_near_float32(network: BlockNetwork) -> None:
    half = load_network(CHECKPOINT, device="cpu", dtype="bfloat16")
    assert isinstance(half, BlockNetwork)
    tokens, cache = text(2 * CONTEXT), TrunkCache()
    expected = logits(network, tokens, last_block(tokens))
    assert (logits(half, tokens, last_block(tokens)).float() - expected).abs().mean() < 0.1
    for end in range(BLOCK, tokens.shape[1], BLOCK):
        logits(half, tokens[:, :end], torch.tensor([end - 1]), cache)
    known = logits(half, tokens, last_block(tokens), cache).float()
    assert (known - expected).abs().mean() < 0.1


@pytest.mark.parametrize("of", ["log_probs", "statistics", "top_rows"])
def test_every_output_is_made_of_the_same_rows(network: BlockNetwork, of: str) -> None:
    tokens, rows, sigma = text(20), torch.tensor([17, 19]), torch.zeros(1)
    tokens[0, 17:] = MASK
    cache = TrunkCache()
    asks: dict[str, Callable[[TrunkCache | None], Tensor]] = {
        "log_probs": lambda kept: network.log_probs(tokens, sigma, rows, kept),
        "statistics": lambda kept: network.statistics(
            tokens, sigma, rows, kept, names=["logMass", "entropy", "max"]
        ),
        "top_rows": lambda kept: network.top_rows(tokens, sigma, rows, kept, mass=0.9).logits,
    }
    logits(network, tokens[:, :16].contiguous(), torch.tensor([15]), cache)
    torch.testing.assert_close(asks[of](cache), asks[of](None), rtol=0, atol=1e-4)
