"""Write the same network with PyTorch, safetensors and transformers, in every way that leaves
another file, and tiny masked language models: ``write(OUT)`` gives what is where."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
import transformers
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py_backend" / "tests"))

import make_huggingface
from make_checkpoint import Recipe, checkpoint_dict, save

from remdm_backend.model.dit import DiT

RECIPE = Recipe(hidden=32, blocks=2, heads=2, cond=16, vocab=41, length=24)
TORCH = f"torch {torch.__version__.split('+')[0]}"
SAFETENSORS = f"safetensors {safetensors.__version__}"
TRANSFORMERS = f"transformers {transformers.__version__}"
FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert", "distilbert", "albert", "electra",
            "modernbert", "deberta-v2", "mpnet")  # fmt: skip


@dataclass(frozen=True)
class File:
    """``expected`` are the network's parameters, raw and averaged; ``model`` is what says the
    expected logits."""

    path: Path
    library: str
    what: str
    expected: dict[str, dict[str, torch.Tensor]] | None = None
    model: transformers.PreTrainedModel | None = None


def write(out: Path) -> list[File]:
    files = [*torch_files(out), *safetensors_files(out)]
    transformers.utils.logging.disable_progress_bar()
    return [*files, *mdlm_releases(out), *families(out)]


def content() -> tuple[dict[str, Any], dict[str, dict[str, torch.Tensor]]]:
    whole = checkpoint_dict(RECIPE)
    raw = {n.removeprefix("backbone."): part for n, part in whole["state_dict"].items()}
    raw.pop("rotary_emb.inv_freq")
    return whole, {"raw": raw, "ema": dict(zip(raw, whole["ema"]["shadow_params"], strict=True))}


def torch_files(out: Path) -> list[File]:
    files: list[File] = []

    def add(what: str, change: Callable[[dict[str, Any]], object], **options: Any) -> None:  # noqa: ANN401
        whole, expected = content()
        change(whole)
        path = out / f"torch{len(files)}.ckpt"
        writer = torch.save
        torch.save = lambda value, place: writer(value, place, **options)
        try:
            save(whole, path)
        finally:
            torch.save = writer
        files.append(File(path, TORCH, what, expected))

    def tensors(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[dict[str, Any]], None]:
        def apply(whole: dict[str, Any]) -> None:
            whole["state_dict"] = {n: change(part) for n, part in whole["state_dict"].items()}
            whole["ema"]["shadow_params"] = [change(part) for part in whole["ema"]["shadow_params"]]

        return apply

    def average(change: Callable[[dict[str, Any], dict[str, torch.Tensor]], object]) -> Any:  # noqa: ANN401
        return lambda whole: change(whole["ema"], content()[1]["ema"])

    add("pickle protocol 4", lambda whole: None, pickle_protocol=4)
    add("pickle protocol 5", lambda whole: None, pickle_protocol=5)
    torch.serialization.set_crc32_options(False)
    add("no checksums (`set_crc32_options(False)`)", lambda whole: None)
    torch.serialization.set_crc32_options(True)
    add("the format before PyTorch 1.6", lambda w: None, _use_new_zipfile_serialization=False)
    add("transposed tensors", tensors(lambda t: t.t().contiguous().t() if t.ndim == 2 else t))
    add("strided tensors", tensors(lambda t: torch.stack([t, t * 7], dim=-1)[..., 0]))
    add("doubles", tensors(torch.Tensor.double))
    add("float8", tensors(lambda t: t.to(torch.float8_e4m3fn)))
    add("no rotary buffer", lambda w: w["state_dict"].pop("backbone.rotary_emb.inv_freq"))
    add("the average as a tuple", average(lambda e, v: e.update(shadow_params=tuple(v.values()))))
    add("the average by name", average(lambda ema, named: ema.update(shadow_params=named)))
    for prefix in ("module.", "_forward_module."):
        add(
            f"names with `{prefix}`",
            lambda whole, prefix=prefix: whole.update(
                state_dict={prefix + name: part for name, part in whole["state_dict"].items()}
            ),
        )
    return files


def safetensors_files(out: Path) -> list[File]:
    """Our own format; the names are those that the modules themselves have."""
    files = []
    expected = {"raw": content()[1]["raw"]}
    for what, wrap in (
        ("the network", lambda network: network),
        ("torch.compile", torch.compile),
        ("doubles", lambda network: network.double()),
        ("float8", lambda network: network.to(torch.float8_e4m3fn)),
    ):
        directory = out / f"own{len(files)}"
        directory.mkdir()
        network = DiT(RECIPE.shape)
        network.load_state_dict(expected["raw"], strict=False)
        save_file(wrap(network).state_dict(), directory / "model.safetensors")
        card = {"kind": "mdlm", "vocab_size": 41, "mask_id": 40, "length": 24, "n_heads": 2,
                "time_conditioning": False, "weights": "raw"}  # fmt: skip
        (directory / "card.json").write_text(json.dumps(card))
        files.append(File(directory, SAFETENSORS, f"card.json, {what}", expected))
    return files


class MdlmConfig(transformers.PreTrainedConfig):  # type: ignore[misc]
    model_type = "mdlm"


class Mdlm(transformers.PreTrainedModel):  # type: ignore[misc]
    """What ``kuleshov-group/mdlm-owt`` is to ``save_pretrained``."""

    config_class = MdlmConfig

    def __init__(self, config: MdlmConfig) -> None:
        super().__init__(config)
        self.backbone = DiT(RECIPE.shape)


def mdlm_releases(out: Path) -> list[File]:
    config = MdlmConfig(vocab_size=41, model_length=24, hidden_dim=32, cond_dim=16, n_blocks=2,
                        n_heads=2, dropout=0.1, time_conditioning=False)  # fmt: skip
    model = Mdlm(config)
    averaged = content()[1]["ema"]
    model.backbone.load_state_dict(averaged, strict=False)
    half = {name: part.half().float() for name, part in averaged.items()}
    files: list[File] = []

    def place(name: str) -> Path:
        (out / name).mkdir()
        return out / name

    def add(path: Path, what: str, expected: dict[str, torch.Tensor] = averaged) -> None:
        files.append(File(path, TRANSFORMERS, f"MDLM's release, {what}", {"ema": expected}))

    single = place("mdlm")
    model.save_pretrained(single)
    add(single, "one file")
    sharded = place("mdlm-sharded")
    model.save_pretrained(sharded, max_shard_size="40KB")
    add(sharded, f"{len(list(sharded.glob('*.safetensors')))} shards")
    add(min(sharded.glob("*.safetensors")), "a shard by its path")
    variant = place("mdlm-fp16")
    Mdlm.half(model).save_pretrained(variant, variant="fp16")
    add(variant / "model.fp16.safetensors", '`variant="fp16"` by its path', half)
    pickled = place("mdlm-bin")
    config.save_pretrained(pickled)
    torch.save(model.state_dict(), pickled / "pytorch_model.bin")
    add(pickled, "`.bin` alone")
    return files


def families(out: Path) -> list[File]:
    files = []
    for family in FAMILIES:
        directory = out / family
        size = make_huggingface.word_piece(directory)
        config = transformers.AutoConfig.for_model(
            family, vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, embedding_size=32, max_position_embeddings=64, pad_token_id=0,
            bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3,
        )  # fmt: skip
        torch.manual_seed(0)
        model = transformers.AutoModelForMaskedLM.from_config(config).eval()
        model.save_pretrained(directory)
        files.append(File(directory, TRANSFORMERS, f"{type(model).__name__}", model=model))
    return files
