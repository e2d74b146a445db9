"""The trainer learns, survives interruption without a trace, and writes what ``load_network``
reads."""

from __future__ import annotations

import json
import os
import shlex
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from remdm_backend import train
from remdm_backend.checkpoint.load import load_network
from remdm_backend.model.network import Network
from remdm_backend.training.corpus import Corpus, build_corpus, chunks, even_windows, random_windows
from remdm_backend.training.objective import Noised, negative_elbo, noise
from remdm_backend.training.options import parse
from remdm_backend.training.state import Run, step_generator

pytest.importorskip("tokenizers", reason="the trainer needs the 'train' extra")

TINY = shlex.split(
    "--hidden 32 --blocks 1 --heads 2 --cond 16 --vocab 300 --length 32 --batch 8 --steps 12 "
    "--warmup 4 --lr 1e-2 --ema 0.8 --validation-share 0.2 --validation-windows 8 "
    "--save-every 5 --validate-every 6"
)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences of a small grammar: learnable in seconds, not copied from anywhere."""
    generator = torch.Generator().manual_seed(3)
    people, verbs = ["the cat", "a dog", "Äsop", "the queen"], ["sees", "likes", "follows"]
    lines = []
    for _ in range(1500):
        a, v, b = torch.randint(12, (3,), generator=generator).tolist()
        lines.append(f"{people[a % 4]} {verbs[v % 3]} {people[b % 4]}.")
    path = tmp_path_factory.mktemp("text") / "grammar.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def arguments(text: Path, out: Path, *more: str) -> list[str]:
    return ["--text", str(text), "--out", str(out), *TINY, *more]


@pytest.fixture(scope="module")
def finished(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "tiny"
    assert train.main(arguments(text, out, "--steps", "60")) == 0
    return out


def loss_of(network: Network, checkpoint: Path, text: Path) -> float:
    """The validation loss, computed anew from the files and the command that the card gives."""
    command = json.loads((checkpoint / "card.json").read_text())["training"]["command"]
    recipe, _ = parse(shlex.split(command)[3:])
    corpus = build_corpus(
        text.read_text(encoding="utf-8"),
        vocab=recipe.vocab, length=recipe.length, validation_share=recipe.validation_share,
    )  # fmt: skip
    assert corpus.tokenizer_json == (checkpoint / "tokenizer.json").read_text(encoding="utf-8")
    batches = train.validation_batches(recipe, corpus)
    sizes = torch.tensor([float(batch.xt.numel()) for batch in batches])
    losses = [negative_elbo(network.logits, batch, corpus.mask_id) for batch in batches]
    return float((torch.stack(losses) * sizes).sum() / sizes.sum())


class TestResult:
    def test_loads(self, finished: Path) -> None:
        card = load_network(finished, device="cpu").card
        assert (card.kind, card.time_conditioning, card.weights) == ("mdlm", False, "ema")
        assert (card.hidden_size, card.n_blocks, card.n_heads, card.length) == (32, 1, 2, 32)

    def test_the_mask_is_outside_the_tokenizer(self, finished: Path) -> None:
        tokenizers = pytest.importorskip("tokenizers")
        tokenizer = tokenizers.Tokenizer.from_file(str(finished / "tokenizer.json"))
        card = load_network(finished, device="cpu").card
        assert tokenizer.get_vocab_size() == card.mask_id == card.vocab_size - 1
        assert tokenizer.token_to_id("<|endoftext|>") is not None
        text = "Äsop sees the cat.\n"
        assert tokenizer.decode(tokenizer.encode(text).ids) == text

    def test_it_learned(self, finished: Path, text: Path) -> None:
        training = json.loads((finished / "card.json").read_text())["training"]
        network = load_network(finished, device="cpu")
        untrained = torch.log(torch.tensor(network.card.mask_id)).item()
        assert training["validation_loss"] < 0.6 * untrained

    def test_the_validation_loss_of_the_card_is_real(self, finished: Path, text: Path) -> None:
        card = json.loads((finished / "card.json").read_text())
        recomputed = loss_of(load_network(finished, device="cpu"), finished, text)
        assert recomputed == pytest.approx(card["training"]["validation_loss"], abs=2e-3)

    def test_leaves_the_checkpoint_and_nothing_else(self, finished: Path) -> None:
        names = {path.name for path in finished.iterdir()}
        assert names == {"model.safetensors", "card.json", "tokenizer.json"}

    def test_half_precision_weights(self, text: Path, tmp_path: Path) -> None:
        out = tmp_path / "half"
        assert train.main(arguments(text, out, "--weights-dtype", "float16")) == 0
        tensors = load_file(out / "model.safetensors")
        assert tensors.pop("rotary_emb.inv_freq").dtype == torch.float32
        assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
        network = load_network(out, device="cpu")
        stated = json.loads((out / "card.json").read_text())["training"]["validation_loss"]
        assert loss_of(network, out, text) == pytest.approx(stated, abs=1e-3)


class TestInterruption:
    def interrupted_at(self, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Press Ctrl-C during that step."""
        original = train.train_step

        def pressing(run: Run, corpus: Corpus) -> float:
            loss = original(run, corpus)
            if run.step == step:
                os.kill(os.getpid(), signal.SIGINT)
            return loss

        monkeypatch.setattr(train, "train_step", pressing)

    def test_a_resumed_run_ends_as_an_uninterrupted_one(
        self, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert train.main(arguments(text, tmp_path / "whole")) == 0
        self.interrupted_at(7, monkeypatch)
        out = tmp_path / "parts"
        assert train.main(arguments(text, out)) == 130
        assert {path.name for path in out.iterdir()} == {train.STATE_FILE}
        assert train.main(arguments(text, out)) == 0
        whole, parts = (load_file(tmp_path / d / "model.safetensors") for d in ("whole", "parts"))
        assert whole.keys() == parts.keys()
        for name, value in whole.items():
            assert torch.equal(parts[name], value), name

    def test_ctrl_c_works_as_before_afterwards(
        self, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = signal.getsignal(signal.SIGINT)
        self.interrupted_at(2, monkeypatch)
        train.main(arguments(text, tmp_path / "out"))
        assert signal.getsignal(signal.SIGINT) is before

    def test_a_crash_while_saving_leaves_the_last_state(
        self, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.interrupted_at(3, monkeypatch)
        assert train.main(arguments(text, tmp_path)) == 130
        state = (tmp_path / train.STATE_FILE).read_bytes()

        def crash(_state: object, path: Path) -> None:
            path.write_bytes(state[:100])
            raise OSError("disk full")

        monkeypatch.setattr(torch, "save", crash)
        assert train.main(arguments(text, tmp_path)) == 2
        assert (tmp_path / train.STATE_FILE).read_bytes() == state

    def test_other_options_do_not_continue_it(
        self,
        text: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.interrupted_at(2, monkeypatch)
        train.main(arguments(text, tmp_path))
        assert train.main(arguments(text, tmp_path, "--lr", "0.5")) == 2
        assert "lr 0.01 -> 0.5" in capsys.readouterr().err


class TestRefusals:
    def test_a_finished_checkpoint_is_not_overwritten(
        self, finished: Path, text: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = (finished / "model.safetensors").stat().st_mtime_ns
        assert train.main(arguments(text, finished)) == 2
        assert "--overwrite" in capsys.readouterr().err
        assert (finished / "model.safetensors").stat().st_mtime_ns == before

    @pytest.mark.parametrize(
        ("content", "reason"),
        [(b"short\n", "fewer than one window"), (b"\xff\xfe\x00", "utf-8"), (None, "No such file")],
    )
    def test_a_text_that_does_not_do(
        self,
        content: bytes | None,
        reason: str,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        path = tmp_path / "text.txt"
        if content is not None:
            path.write_bytes(content)
        assert train.main(arguments(path, tmp_path / "out")) == 2
        assert reason in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("more", [("--heads", "3"), ("--steps", "0"), ("--batch", "-1")])
    def test_options_that_make_no_network(
        self, more: tuple[str, str], text: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(SystemExit, match="2"):
            train.main(arguments(text, tmp_path, *more))


class TestObjective:
    def test_masks_each_token_with_probability_t(self) -> None:
        x0 = torch.zeros(2000, 64, dtype=torch.int64)
        noised = noise(x0, 5, torch.Generator().manual_seed(0))
        share = (noised.xt == 5).float().mean(-1)
        # Antithetic times cover [0, 1] evenly: the share of masks grows along the batch's offsets.
        assert share.mean().item() == pytest.approx(0.5, abs=0.01)
        assert share.sort().values[[100, 1000, 1900]].tolist() == pytest.approx(
            [0.05, 0.5, 0.95], abs=0.03
        )
        assert torch.equal(noised.rows, (noised.xt == 5).flatten().nonzero().squeeze(-1))

    def test_a_uniform_network_costs_log_vocabulary(self) -> None:
        """E[1/t * share masked] = 0.999, so the bound of uniform guesses is log(V - 1), mask
        barred."""
        x0 = torch.randint(6, (4000, 64), generator=torch.Generator().manual_seed(1))
        noised = noise(x0, 6, torch.Generator().manual_seed(2))
        loss = negative_elbo(lambda _x, _s, rows: torch.zeros(len(rows), 7), noised, 6)
        assert loss.item() == pytest.approx(0.999 * torch.log(torch.tensor(6.0)).item(), rel=0.03)

    def test_a_batch_without_masks_costs_nothing(self) -> None:
        nothing = torch.empty(0)
        noised = Noised(torch.zeros(1, 4), nothing, nothing.long(), nothing)
        loss = negative_elbo(lambda _x, _s, rows: torch.zeros(len(rows), 7), noised, 5)
        assert loss.item() == 0.0


class TestWindows:
    def test_start_anywhere_and_stay_inside(self) -> None:
        stream = torch.arange(20)
        windows = random_windows(stream, 16, 500, step_generator(0, 0))
        assert set(windows[:, 0].tolist()) == {0, 1, 2, 3, 4}
        assert torch.equal(windows, windows[:, :1] + torch.arange(16))

    def test_even_windows_cover_the_stream(self) -> None:
        windows = even_windows(torch.arange(100), 10, 4)
        assert windows[:, 0].tolist() == [0, 30, 60, 90]
        assert len(even_windows(torch.arange(100), 10, 99)) == 10

    def test_chunks_are_the_text(self) -> None:
        text = ("x" * 999 + "\n") * 200 + "end"
        assert "".join(chunks(text)) == text
        assert all(chunk.endswith("\n") for chunk in chunks(text)[:-1])


class TestDemo:
    """The checkpoint in the repository is what its card says."""

    def test_loads(self, demo: Path) -> None:
        card = load_network(demo, device="cpu").card
        assert (card.kind, card.length, card.mask_id) == ("mdlm", 128, card.vocab_size - 1)

    def test_its_validation_loss_is_real(self, demo: Path, shared: Path) -> None:
        stated = json.loads((demo / "card.json").read_text())["training"]["validation_loss"]
        network = load_network(demo, device="cpu")
        recomputed = loss_of(network, demo, shared / "data" / "shakespeare.txt")
        assert recomputed == pytest.approx(stated, abs=2e-3)
