"""Write the same network with PyTorch, safetensors and transformers, in every way that leaves
another file, and tiny language models in the format of Hugging Face: ``write(OUT)`` gives what is
where."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import safetensors
import torch
import transformers
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "py_backend" / "tests"))

import make_huggingface
import make_trunk
from make_checkpoint import Recipe, checkpoint_dict, save
from make_trunk import MASK_ID, Published, everything_seen, of_library, one_before, published_llada

from remdm_backend.model.dit import DiT

RECIPE = Recipe(hidden=32, blocks=2, heads=2, cond=16, vocab=41, length=24)
TORCH = f"torch {torch.__version__.split('+')[0]}"
SAFETENSORS = f"safetensors {safetensors.__version__}"
TRANSFORMERS = f"transformers {transformers.__version__}"
FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert", "distilbert", "albert", "electra",
            "modernbert", "deberta-v2", "mpnet")  # fmt: skip


@dataclass(frozen=True)
class File:
    """``expected`` are the network's parameters, raw and averaged; ``logits`` says the expected
    logits ``[B, L, V]`` of tokens."""

    path: Path
    library: str
    what: str
    expected: dict[str, dict[str, torch.Tensor]] | None = None
    logits: Callable[[torch.Tensor], torch.Tensor] | None = None


def write(out: Path) -> list[File]:
    files = [*torch_files(out), *safetensors_files(out)]
    transformers.utils.logging.disable_progress_bar()
    return [*files, *mdlm_releases(out), *families(out), *trunks(out)]


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
        files.append(
            File(directory, TRANSFORMERS, f"{type(model).__name__}", logits=logits_of(model))
        )
    return files


def logits_of(model: transformers.PreTrainedModel) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda tokens: model(input_ids=tokens).logits


def trunks(out: Path) -> list[File]:
    """LLaDA, Dream and the A2D models: formulas and the library's causal models say the logits."""
    files: list[File] = []

    def add(what: str, library: str, made: Published, logits: Any, **options: Any) -> None:  # noqa: ANN401
        directory = out / f"trunk{len(files)}"
        made.config.setdefault("mask_token_id", MASK_ID)
        made.write(directory, **options)
        (directory / "tokenizer.json").unlink()  # so that no column is ruled out
        files.append(File(directory, library, what, logits=logits))

    torch.manual_seed(0)
    llada = make_trunk.llada()
    formulas = partial(published_llada, llada)
    add("LLaDA, one file", SAFETENSORS, llada, formulas)
    add("LLaDA, 3 shards", SAFETENSORS, llada, formulas, shards=3)
    add("LLaDA, `.bin`", TORCH, llada, formulas, pickled=True)
    add("LLaDA, 3 shards of `.bin`", TORCH, llada, formulas, shards=3, pickled=True)
    half = Published(llada.config, {n: part.bfloat16() for n, part in llada.tensors.items()})
    rounded = Published(llada.config, {n: part.float() for n, part in half.tensors.items()})
    add("LLaDA, bfloat16", SAFETENSORS, half, partial(published_llada, rounded))
    made, model = of_library("Qwen2")
    made.config |= {"model_type": "Dream", "architectures": ["DreamModel"]}
    add("Dream", TRANSFORMERS, made, lambda tokens: one_before(everything_seen(model, tokens)))
    for family in ("Llama", "Qwen2", "Qwen3"):
        made, causal = of_library(family)
        add(f"A2D, {family}", TRANSFORMERS, made, partial(everything_seen, causal))
    yarn = Published(made.config | {"rope_parameters": {"rope_type": "yarn"}}, made.tensors)
    add("A2D, `rope_type` yarn", TRANSFORMERS, yarn, None)
    return files
