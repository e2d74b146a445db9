"""The trainer learns, survives interruption without a trace, and writes what ``load_network``
reads."""

from __future__ import annotations

import json
import math
import os
import shlex
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from remdm_backend import train
from remdm_backend.checkpoint.load import load_network
from remdm_backend.model.network import Network
from remdm_backend.training.corpus import (
    Corpus,
    build_corpus,
    chunks,
    even_windows,
    random_windows,
    split_text,
)
from remdm_backend.training.objective import (
    OBJECTIVES,
    Noised,
    negative_elbo,
    noise,
    score_entropy,
    shift,
)
from remdm_backend.training.options import parse
from remdm_backend.training.state import Run, step_generator

TEXT = Path(__file__).resolve().parents[2] / "examples" / "data" / "shakespeare.txt"
"""What the bundled models were trained on."""

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


@pytest.fixture(scope="module", params=["sedd", "ar"])
def family(
    request: pytest.FixtureRequest,
    finished: Path,
    text: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A model of another family, on the tokenizer of ``finished``."""
    out = tmp_path_factory.mktemp("family") / request.param
    more = ["--objective", request.param, "--tokenizer", str(finished / "tokenizer.json")]
    assert train.main(arguments(text, out, "--steps", "60", *more)) == 0
    return out


def loss_of(network: Network, checkpoint: Path, text: Path) -> float:
    """The validation loss, computed anew from the files and the command that the card gives."""
    command = json.loads((checkpoint / "card.json").read_text())["training"]["command"]
    recipe, options = parse(shlex.split(command)[3:])
    corpus = build_corpus(
        text.read_text(encoding="utf-8"),
        vocab=recipe.vocab,
        length=recipe.length,
        validation_share=recipe.validation_share,
        tokenizer=None if options.tokenizer is None else checkpoint / "tokenizer.json",
    )
    assert corpus.tokenizer_json == (checkpoint / "tokenizer.json").read_text(encoding="utf-8")
    batches = train.validation_batches(recipe, corpus)
    sizes = torch.tensor([float(batch.xt.numel()) for batch in batches])
    loss = OBJECTIVES[recipe.objective].loss
    losses = [loss(network.logits, batch, corpus.mask_id) for batch in batches]
    return float((torch.stack(losses) * sizes).sum() / sizes.sum())


class TestResult:
    def test_loads(self, finished: Path) -> None:
        card = load_network(finished, device="cpu").card
        assert (card.kind, card.time_conditioning, card.weights) == ("mdlm", False, "ema")
        assert (card.hidden_size, card.n_blocks, card.n_heads, card.length) == (32, 1, 2, 32)

    def test_the_mask_is_outside_the_tokenizer(self, finished: Path) -> None:
        tokenizer = Tokenizer.from_file(str(finished / "tokenizer.json"))
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


class TestFamilies:
    """SEDD and AR."""

    def test_loads_as_what_it_is(self, family: Path, finished: Path) -> None:
        card = load_network(family, device="cpu").card
        assert (card.kind, card.time_conditioning) == (family.name, family.name == "sedd")
        ours, theirs = (path / "tokenizer.json" for path in (family, finished))
        assert ours.read_text() == theirs.read_text()

    def test_it_learned_what_its_card_says(self, family: Path, text: Path) -> None:
        network = load_network(family, device="cpu")
        stated = json.loads((family / "card.json").read_text())["training"]["validation_loss"]
        assert stated < 0.6 * math.log(network.card.mask_id)
        assert loss_of(network, family, text) == pytest.approx(stated, abs=2e-3)

    def test_weights_to_begin_with(self, finished: Path, text: Path, tmp_path: Path) -> None:
        """A step of almost no size leaves the loss where the given weights have it."""
        stated = json.loads((finished / "card.json").read_text())["training"]["validation_loss"]
        more = ["--init", str(finished), "--steps", "1", "--lr", "1e-9"]
        assert train.main(arguments(text, tmp_path / "on", *more)) == 0
        card = json.loads((tmp_path / "on" / "card.json").read_text())
        assert card["training"]["validation_loss"] == pytest.approx(stated, abs=2e-3)
        assert f"--init {finished.name} " in card["training"]["command"]


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

    def test_another_text_does_not_continue_it(
        self,
        text: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.interrupted_at(2, monkeypatch)
        train.main(arguments(text, tmp_path / "out"))
        other = tmp_path / "other.txt"
        other.write_text(text.read_text("utf-8") + "the cat sees a dog.\n", "utf-8")
        assert train.main(arguments(other, tmp_path / "out")) == 2
        assert "another text" in capsys.readouterr().err

    def test_other_weights_to_begin_with_do_not_continue_it(
        self,
        finished: Path,
        text: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.interrupted_at(2, monkeypatch)
        out = tmp_path / "out"
        train.main(arguments(text, out, "--init", str(finished)))
        assert train.main(arguments(text, out)) == 2
        assert "other weights (--init)" in capsys.readouterr().err
        assert train.main(arguments(text, out, "--init", str(finished))) == 0


class TestRefusals:
    @pytest.mark.parametrize(
        ("more", "reason"),
        [
            (["--tokenizer", "{here}"], "is no tokenizer.json"),
            (["--tokenizer", "{here}.missing"], "No such file"),
            (["--init", "{here}"], "--init"),
        ],
    )
    def test_files_that_do_not_do(
        self,
        more: list[str],
        reason: str,
        text: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        (tmp_path / "file").write_text("{}")
        given = [part.replace("{here}", str(tmp_path / "file")) for part in more]
        assert train.main(arguments(text, tmp_path / "out", *given)) == 2
        assert reason in capsys.readouterr().err

    def test_weights_of_another_shape(
        self, finished: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        more = ["--init", str(finished), "--hidden", "64"]
        assert train.main(arguments(text, tmp_path / "out", *more)) == 2
        assert f"--init {finished}" in capsys.readouterr().err

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
        uniform = torch.log(torch.tensor(6.0)).item()
        for loss in (negative_elbo, score_entropy):  # of scores that sum to their true sum
            cost = loss(lambda _x, _s, rows: torch.zeros(len(rows), 7), noised, 6)
            assert cost.item() == pytest.approx(0.999 * uniform, rel=0.03)

    def test_score_entropy_is_the_closed_form(self) -> None:
        """1/t (S - z(x0) + log(V - 1) - 1), with z the logits and S the mean of exp z over the
        other tokens: the noise level cancels."""
        x0 = torch.randint(6, (40, 32), generator=torch.Generator().manual_seed(1))
        noised = noise(x0, 6, torch.Generator().manual_seed(2))
        z = torch.randn(len(noised.rows), 7, generator=torch.Generator().manual_seed(3))
        mean = z[:, :6].exp().sum(-1) / 6
        of_clean = z.gather(-1, noised.targets[:, None]).squeeze(-1)
        expected = (noised.weight * (mean - of_clean + math.log(6) - 1)).sum() / x0.numel()
        assert score_entropy(lambda *_: z, noised, 6).item() == pytest.approx(expected.item())

    def test_score_entropy_is_least_at_the_truth(self) -> None:
        """No logits cost less on average than those of the true ratios."""
        truth = torch.tensor([0.5, 0.3, 0.2])
        generator = torch.Generator().manual_seed(4)
        x0 = torch.multinomial(truth, 4000 * 16, True, generator=generator).view(4000, 16)
        noised = noise(x0, 3, generator)
        right = (truth * 3).log()

        def cost(logits: torch.Tensor) -> float:
            row = torch.cat([logits, torch.zeros(1)])
            return score_entropy(lambda _x, _s, rows: row.expand(len(rows), 4), noised, 3).item()

        for wrong in (right + 0.2, right - 0.2, right + torch.tensor([0.3, -0.3, 0.0])):
            assert cost(right) < cost(wrong)

    def test_next_tokens(self) -> None:
        shifted = shift(torch.tensor([[4, 5, 6], [7, 8, 9]]), end_id=0)
        assert shifted.xt.tolist() == [[0, 4, 5], [7, 8, 9]]
        assert shifted.rows.tolist() == [0, 1, 2, 3, 4]
        assert shifted.targets.tolist() == [4, 5, 6, 8, 9]
        cost = negative_elbo(lambda _x, _s, rows: torch.zeros(len(rows), 11), shifted, 10)
        assert cost.item() == pytest.approx(math.log(10))

    def test_a_batch_without_masks_costs_nothing(self) -> None:
        nothing = torch.empty(0)
        noised = Noised(torch.zeros(1, 4), torch.zeros(1), nothing, nothing.long(), nothing)
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


@pytest.mark.parametrize(
    ("name", "kind"), [("demo", "mdlm"), ("demo-ar", "ar"), ("demo-sedd", "sedd")]
)
class TestBundled:
    """The checkpoints in the repository are what their cards say."""

    def test_the_held_out_text_is_what_none_has_seen(
        self, name: str, kind: str, demo: Path
    ) -> None:
        command = json.loads((demo.with_name(name) / "card.json").read_text())["training"]
        recipe, _ = parse(shlex.split(command["command"])[3:])
        held_out = split_text(TEXT.read_text("utf-8"), recipe.validation_share)[1]
        assert TEXT.with_name("shakespeare-held-out.txt").read_text("utf-8") == held_out

    def test_loads(self, name: str, kind: str, demo: Path) -> None:
        card = load_network(demo.with_name(name), device="cpu").card
        assert (card.kind, card.length, card.mask_id) == (kind, 128, card.vocab_size - 1)
        tokenizer = (demo.with_name(name) / "tokenizer.json").read_text("utf-8")
        assert tokenizer == (demo / "tokenizer.json").read_text("utf-8")

    def test_its_validation_loss_is_real(self, name: str, kind: str, demo: Path) -> None:
        checkpoint = demo.with_name(name)
        stated = json.loads((checkpoint / "card.json").read_text())["training"]["validation_loss"]
        network = load_network(checkpoint, device="cpu")
        recomputed = loss_of(network, checkpoint, TEXT)
        assert recomputed == pytest.approx(stated, abs=2e-3)
