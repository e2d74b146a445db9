"""A converted checkpoint is the same network; nothing is lost, half written or run on the way."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fake_backend import PACKAGE_ROOT, PATIENCE
from golden import golden_checkpoint
from make_checkpoint import Recipe, checkpoint_dict, save
from safetensors.torch import load_file, save_file
from test_hostile_checkpoint import ATTACKS, attacks
from test_huggingface_mdlm import release
from torch import Tensor

from remdm_backend.checkpoint import output
from remdm_backend.checkpoint.convert import DtypeName, convert
from remdm_backend.checkpoint.load import load_network
from remdm_backend.checkpoint.safetensors_writer import write_safetensors
from remdm_backend.cli import main
from remdm_backend.errors import BackendError
from remdm_backend.model.card import Weights


def logits(path: Path, *, raw_weights: bool = False) -> Tensor:
    network = load_network(path, device="cpu", raw_weights=raw_weights)
    card = network.card
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(card.vocab_size, (2, card.length), generator=generator)
    tokens[:, ::2] = card.mask_id  # elsewhere an MDLM only repeats its input
    return network.log_probs(tokens, torch.tensor([0.3, 1.2]), torch.arange(2 * card.length))


def refusal(
    source: Path,
    out: Path,
    *,
    weights: Weights | None = None,
    dtype: DtypeName = "float32",
    force: bool = False,
) -> BackendError:
    with pytest.raises(BackendError) as caught:
        convert(source, out, weights=weights, dtype=dtype, force=force)
    assert caught.value.remedy
    return caught.value


def card_in(directory: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((directory / "card.json").read_text())
    return card


class TestTheSameNetwork:
    @pytest.mark.parametrize("weights", ["ema", "raw"])
    @pytest.mark.parametrize("name", ["mdlm", "sedd", "d3pm", "ar"])
    def test_of_the_original(self, tmp_path: Path, name: str, weights: str) -> None:
        source = golden_checkpoint(name)
        out = tmp_path / "out"
        card = convert(source, out, weights="raw" if weights == "raw" else "ema")
        assert torch.equal(logits(out), logits(source, raw_weights=weights == "raw"))
        assert card == card_in(out)
        assert (card["kind"], card["weights"]) == (name, weights)
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        assert card["source"] == {"file": f"{name}.ckpt", "sha256": digest}
        before = load_network(source, device="cpu", raw_weights=weights == "raw").card
        after = load_network(out, device="cpu").card
        for fact in ("vocab_size", "mask_id", "length", "time_conditioning", "n_heads",
                     "subs_masking", "weights", "parameters", "kind"):  # fmt: skip
            assert getattr(after, fact) == getattr(before, fact), fact
        assert sorted(path.name for path in out.iterdir()) == ["card.json", "model.safetensors"]

    def test_average_and_raw_weights_differ(self, tiny_ckpt: Path, tmp_path: Path) -> None:
        convert(tiny_ckpt, tmp_path / "ema")
        convert(tiny_ckpt, tmp_path / "raw", weights="raw")
        assert card_in(tmp_path / "ema")["weights"] == "ema"
        assert not torch.equal(logits(tmp_path / "ema"), logits(tmp_path / "raw"))

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_in_half_the_bytes(self, tiny_ckpt: Path, tmp_path: Path, dtype: DtypeName) -> None:
        convert(tiny_ckpt, tmp_path / "full")
        convert(tiny_ckpt, tmp_path / "half", dtype=dtype)
        full, half = (load_file(tmp_path / d / "model.safetensors") for d in ("full", "half"))
        rotary = "rotary_emb.inv_freq"
        assert torch.equal(half.pop(rotary), full.pop(rotary))
        for name, value in full.items():
            assert torch.equal(half[name], value.to(getattr(torch, dtype)))
        assert (logits(tmp_path / "half") - logits(tmp_path / "full")).abs().max() < 0.2

    def test_of_our_own_format(self, demo: Path, tmp_path: Path) -> None:
        convert(demo, tmp_path / "wide")
        convert(tmp_path / "wide" / "model.safetensors", tmp_path / "again", dtype="float16")
        assert torch.equal(logits(tmp_path / "wide"), logits(demo))
        assert torch.equal(logits(tmp_path / "again"), logits(demo))
        tokenizer = (demo / "tokenizer.json").read_bytes()
        assert (tmp_path / "again" / "tokenizer.json").read_bytes() == tokenizer
        card = card_in(tmp_path / "again")
        assert card["training"] == card_in(demo)["training"]
        assert card["source"]["source"]["file"] == "model.safetensors"  # the one before it

    def test_of_the_hugging_face_release(self, content: dict[str, Any], tmp_path: Path) -> None:
        (tmp_path / "hub").mkdir()
        release(tmp_path / "hub", dict(content["state_dict"]))
        convert(tmp_path / "hub", tmp_path / "out")
        assert torch.equal(logits(tmp_path / "out"), logits(tmp_path / "hub"))


def test_the_file_is_the_one_that_the_library_writes(tmp_path: Path) -> None:
    tensors = {
        "b": torch.randn(3, 5),
        "half": torch.randn(7).half(),
        "a": torch.randn(2, 2, 2),
        "brain": torch.randn(3, 3).bfloat16(),
    }
    plan = {name: (tuple(t.shape), t.dtype) for name, t in tensors.items()}
    written = list(write_safetensors(tmp_path / "ours", plan, tensors.__getitem__))
    save_file(tensors, tmp_path / "theirs")
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert sum(written) == sum(t.numel() * t.element_size() for t in tensors.values())


def test_progress_rises_to_the_total(tiny_ckpt: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    convert(tiny_ckpt, tmp_path / "out", progress=lambda *at: seen.append(at))
    done = [at for at, _ in seen]
    assert done == sorted(done)
    assert {total for _, total in seen} == {done[-1]}


class TestRefusals:
    def test_no_source(self, tmp_path: Path) -> None:
        assert refusal(tmp_path / "no.ckpt", tmp_path / "out").code == "checkpoint_missing"
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("attack", ATTACKS)
    def test_nothing_pickled_runs(
        self, content: dict[str, Any], tmp_path: Path, attack: str
    ) -> None:
        marker = tmp_path / "marker"
        content["ema"]["shadow_params"][0] = attacks(marker)[attack]
        save(content, tmp_path / "evil.ckpt")
        assert refusal(tmp_path / "evil.ckpt", tmp_path / "out").code == "checkpoint_invalid"
        assert not marker.exists()
        assert not (tmp_path / "out").exists()

    def test_a_damaged_tensor_leaves_what_was_there(self, tiny_ckpt: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        convert(tiny_ckpt, out)
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        content = checkpoint_dict(
            Recipe(hidden=32, blocks=2, heads=2, cond=16, vocab=41, length=24)
        )
        content["ema"]["shadow_params"][-1][0] = float("nan")
        save(content, tmp_path / "nan.ckpt")
        error = refusal(tmp_path / "nan.ckpt", out, force=True)
        assert "not finite" in error.message
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before

    def test_a_number_that_float16_cannot_hold(
        self, content: dict[str, Any], tmp_path: Path
    ) -> None:
        content["ema"]["shadow_params"][0][0, 0] = 70_000.0
        save(content, tmp_path / "large.ckpt")
        error = refusal(tmp_path / "large.ckpt", tmp_path / "out", dtype="float16")
        assert "70000" in error.message
        assert not (tmp_path / "out").exists()
        convert(tmp_path / "large.ckpt", tmp_path / "out", dtype="bfloat16")

    def test_a_choice_of_weights_that_is_not_there(self, tiny_ckpt: Path, tmp_path: Path) -> None:
        convert(tiny_ckpt, tmp_path / "raw", weights="raw")
        convert(tiny_ckpt, tmp_path / "ema")
        errors = (
            refusal(tmp_path / "raw", tmp_path / "out", weights="ema"),
            refusal(tmp_path / "ema", tmp_path / "out", weights="raw"),
        )
        assert {error.code for error in errors} == {"checkpoint_unsupported"}
        convert(tmp_path / "raw", tmp_path / "out")  # without a choice: what there is
        assert card_in(tmp_path / "out")["weights"] == "raw"

    def test_a_checkpoint_that_is_there(self, tiny_ckpt: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        convert(tiny_ckpt, out)
        assert refusal(tiny_ckpt, out, weights="raw").code == "output_failed"
        assert card_in(out)["weights"] == "ema"
        (out / "notes.txt").write_text("mine")
        (out / "tokenizer.json").write_text("of another model")
        convert(tiny_ckpt, out, weights="raw", force=True)
        assert card_in(out)["weights"] == "raw"
        names = sorted(path.name for path in out.iterdir())
        assert names == ["card.json", "model.safetensors", "notes.txt"]

    @pytest.mark.parametrize("force", [False, True])
    def test_the_source_itself(self, tiny_ckpt: Path, tmp_path: Path, force: bool) -> None:
        convert(tiny_ckpt, tmp_path / "out")
        (tmp_path / "link").symlink_to(tmp_path / "out")
        before = (tmp_path / "out" / "model.safetensors").read_bytes()
        for out in (tmp_path / "out", tmp_path / "link"):
            assert refusal(tmp_path / "out", out, force=force).code == "output_failed"
        assert (tmp_path / "out" / "model.safetensors").read_bytes() == before

    def test_places_that_cannot_be_written(
        self, tiny_ckpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for out in (tiny_ckpt, tiny_ckpt / "below", Path("/proc/remdm")):
            assert refusal(tiny_ckpt, out).code == "output_failed"
        monkeypatch.setattr(output.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
        error = refusal(tiny_ckpt, tmp_path / "out")
        assert "1,000 left" in error.message
        assert not (tmp_path / "out").exists()

    def test_a_disk_that_fills(self, tiny_ckpt: Path, tmp_path: Path) -> None:
        out = tmp_path / "new" / "out"
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))
        try:
            error = refusal(tiny_ckpt, out)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        assert error.code == "output_failed"
        assert "File too large" in error.message
        assert not (tmp_path / "new").exists()  # the directory above it was made too

    @pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
    def test_what_is_no_file_is_not_replaced(
        self, tiny_ckpt: Path, tmp_path: Path, name: str
    ) -> None:
        out = tmp_path / "out"
        convert(tiny_ckpt, out)
        (out / name).unlink(missing_ok=True)
        (out / name).mkdir()
        assert "is no file" in refusal(tiny_ckpt, out, force=True).message
        assert card_in(out)

    def test_bfloat16_cannot_hold_the_largest_numbers(
        self, content: dict[str, Any], tmp_path: Path
    ) -> None:
        content["ema"]["shadow_params"][0][0, 0] = 3.4e38
        save(content, tmp_path / "large.ckpt")
        error = refusal(tmp_path / "large.ckpt", tmp_path / "out", dtype="bfloat16")
        assert error.remedy == "Convert it to float32."


class TestAllOrNothing:
    def test_files_and_links_that_look_like_ours_stay(
        self, tiny_ckpt: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        out.mkdir()
        (tmp_path / "mine").write_text("mine")
        (out / "model.safetensors.part").symlink_to(tmp_path / "mine")
        (out / "card.json.part").write_text("mine too")
        convert(tiny_ckpt, out)
        assert (tmp_path / "mine").read_text() == "mine"
        assert (out / "card.json.part").read_text() == "mine too"
        assert len(list(out.iterdir())) == 4

    @pytest.mark.parametrize("force", [False, True])
    def test_two_at_once(self, tiny_ckpt: Path, tmp_path: Path, force: bool) -> None:
        """The second begins and ends while the first is at work."""
        out, second = tmp_path / "out", []

        def progress(done: int, total: int) -> None:
            if not second and done > total // 2:
                second.append(convert(tiny_ckpt, out, dtype="bfloat16", force=force))

        if force:
            convert(tiny_ckpt, out, force=True, progress=progress)
        else:
            with pytest.raises(BackendError, match="already"):
                convert(tiny_ckpt, out, progress=progress)
        assert sorted(path.name for path in out.iterdir()) == ["card.json", "model.safetensors"]
        dtype = torch.float32 if force else torch.bfloat16
        model = load_file(out / "model.safetensors")
        model.pop("rotary_emb.inv_freq")
        assert {tensor.dtype for tensor in model.values()} == {dtype}
        assert torch.isfinite(logits(out)).all()

    @pytest.mark.parametrize("failing", range(5))
    def test_a_rename_that_fails_leaves_the_old_checkpoint(
        self, tiny_ckpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
    ) -> None:
        out = tmp_path / "out"
        convert(tiny_ckpt, out)
        (out / "tokenizer.json").write_text("{}")
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        calls: list[Path] = []
        replace = Path.replace

        def fails_once(path: Path, target: Path) -> Path:
            calls.append(path)
            if len(calls) == failing + 1:
                raise OSError(5, "Input/output error")
            return replace(path, target)

        monkeypatch.setattr(Path, "replace", fails_once)
        assert refusal(tiny_ckpt, out, weights="raw", force=True).code == "output_failed"
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before

    def test_a_part_that_is_gone_leaves_the_old_checkpoint(
        self, tiny_ckpt: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        convert(tiny_ckpt, out)
        before = {path.name: path.read_bytes() for path in out.iterdir()}

        def progress(done: int, total: int) -> None:
            if done == total:
                next(out.glob("model.safetensors.*.part")).unlink()

        with pytest.raises(BackendError, match="No such file"):
            convert(tiny_ckpt, out, weights="raw", force=True, progress=progress)
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before

    def test_a_signal_between_two_renames_is_too_late(
        self, tiny_ckpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = tmp_path / "out"
        convert(tiny_ckpt, out)
        replace = Path.replace

        def signalled(path: Path, target: Path) -> Path:
            signal.raise_signal(signal.SIGTERM)
            return replace(path, target)

        def heard(*_: object) -> None:
            raise SystemExit(143)

        monkeypatch.setattr(Path, "replace", signalled)
        before = signal.signal(signal.SIGTERM, heard)
        try:
            convert(tiny_ckpt, out, weights="raw", force=True)
            assert signal.getsignal(signal.SIGTERM) is heard
        finally:
            signal.signal(signal.SIGTERM, before)
        assert card_in(out)["weights"] == "raw"
        assert len(list(out.iterdir())) == 2


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "remdm_backend", "convert", *arguments]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)}


class TestTheCommand:
    def test_prints_progress_and_that_it_finished(self, tiny_ckpt: Path, tmp_path: Path) -> None:
        line = command("--checkpoint", str(tiny_ckpt), "--out", str(tmp_path / "out"))
        end = subprocess.run(
            line, capture_output=True, text=True, timeout=PATIENCE, check=True, env=ENVIRONMENT
        )
        *progress, last = map(json.loads, end.stdout.splitlines())
        assert progress[-1]["done"] == progress[-1]["total"] > 0
        assert last == {"finished": True}
        assert card_in(tmp_path / "out")

    def test_a_failure_is_the_last_line_of_stderr(self, tiny_ckpt: Path) -> None:
        line = command("--checkpoint", str(tiny_ckpt), "--out", str(tiny_ckpt))
        end = subprocess.run(
            line, capture_output=True, text=True, timeout=PATIENCE, check=False, env=ENVIRONMENT
        )
        assert end.returncode == 1
        last = end.stderr.splitlines()[-1].removeprefix("remdm-backend: error ")
        assert json.loads(last)["code"] == "output_failed"

    def test_what_nobody_foresaw_is_told_too(
        self, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: object, **__: object) -> None:
            raise ValueError("what is this")

        monkeypatch.setattr("remdm_backend.checkpoint.convert.convert", fails)
        monkeypatch.setattr("remdm_backend.host.lifetime.exit_on_signals", lambda managed: None)
        assert main(["convert", "--checkpoint", "a", "--out", "b"]) == 1
        *_, last = capfd.readouterr().err.splitlines()
        told = json.loads(last.removeprefix("remdm-backend: error "))
        assert told["message"] == "ValueError: what is this"

    @pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "the parent's end"])
    def test_an_interruption_leaves_nothing(self, tmp_path: Path, how: str) -> None:
        save(checkpoint_dict(Recipe(hidden=256, blocks=8, heads=4, vocab=20_000)), tmp_path / "a")
        out = tmp_path / "out"
        managed = ["--managed"] if how == "the parent's end" else []
        process = subprocess.Popen(
            command("--checkpoint", str(tmp_path / "a"), "--out", str(out), *managed),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT,
        )  # fmt: skip
        with process:
            assert process.stdout is not None
            assert process.stdin is not None
            process.stdout.readline()  # it is at work
            assert out.is_dir()
            if managed:
                process.stdin.close()
            else:
                process.send_signal(getattr(signal, how))
            number = signal.SIGINT if how == "SIGINT" else signal.SIGTERM
            assert process.wait(PATIENCE) == 128 + number
        assert not out.exists()
