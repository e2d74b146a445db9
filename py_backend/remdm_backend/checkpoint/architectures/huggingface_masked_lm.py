"""This entry loads masked language models of Hugging Face's ``transformers`` from a directory.

The library gets the fields of ``config.json`` and the tensors, and never the directory. So it finds
there no code of the model's own, no pickled weights, no adapter and no other model to fetch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from remdm_backend.checkpoint.architecture import LibraryModel
from remdm_backend.checkpoint.contents import NOT_FINITE, invalid, unsupported
from remdm_backend.checkpoint.huggingface_config import (
    checked_fields,
    masked_lm_config,
    stated_length,
)
from remdm_backend.checkpoint.huggingface_files import (
    CONFIG_FILE,
    FIX,
    JsonObject,
    WeightFiles,
    directory_of,
    tensor_names,
    weight_files,
)
from remdm_backend.checkpoint.huggingface_vocabulary import Vocabulary
from remdm_backend.checkpoint.safetensors_file import read_tensor
from remdm_backend.checkpoint.stored_tensor import WIDER
from remdm_backend.checkpoint.transformers_library import transformers_at_work
from remdm_backend.model.card import ModelCard
from remdm_backend.model.masked_lm import MaskedLm, run, split
from remdm_backend.model.network import MaskedNetwork

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
LEAST_BYTES = 2
"""Of a number in the smallest of them."""
TRIAL_LENGTH = 8


def load_masked_lm(path: Path, device: torch.device, dtype: torch.dtype) -> MaskedNetwork:
    """Load ``path``, a directory of Hugging Face's format or a file of weights in it.

    Raises ``BackendError``; ``OSError`` if a file is unreadable.
    """
    directory = directory_of(path)
    config_file = JsonObject(directory / CONFIG_FILE)
    fields, files = checked_fields(config_file), weight_files(path)
    places = files.places(tensor_names)
    with transformers_at_work(directory) as transformers:
        config = masked_lm_config(transformers, directory, fields)
        length = stated_length(config, directory)
        check_size(transformers.AutoModelForMaskedLM, config, directory, files)
        choices = transformers.models.auto.MODEL_FOR_MASKED_LM_MAPPING
        model = read_model(choices, config, directory, places, dtype).to(device)
        length -= position_offset(model, length)
        with torch.no_grad():
            trial = trial_tokens(model, min(length, TRIAL_LENGTH), device)
            vocab_size = columns(directory, run(model, trial), trial)
            projection = split(model, model.get_output_embeddings(), trial)
    vocabulary = Vocabulary(directory)
    backbone = MaskedLm(model, projection, vocabulary.without_token(vocab_size))
    card = ModelCard(
        kind="mdlm",
        vocab_size=vocab_size,
        mask_id=vocabulary.mask_id(config_file, vocab_size),
        length=length,
        time_conditioning=False,
        hidden_size=number(config, "hidden_size"),
        n_blocks=number(config, "num_hidden_layers"),
        n_heads=number(config, "num_attention_heads"),
        cond_dim=0,
        parameters=sum(parameter.numel() for parameter in backbone.parameters()),
        weights="raw",
        name=path.name,
        format="huggingface",
        architecture="huggingface",
    )
    return MaskedNetwork(card, backbone.to(device), device=device, dtype=dtype, attention="sdpa")


def check_size(
    auto_class: Any,  # noqa: ANN401 (transformers' types say little)
    config: PreTrainedConfig,
    directory: Path,
    files: WeightFiles,
) -> None:
    """Refuse a config that describes more numbers than the files can hold, before any memory is
    asked for. Raises ``BackendError``."""
    with torch.device("meta"):
        empty = auto_class.from_config(config, trust_remote_code=False)
    numbers = sum(parameter.numel() for parameter in empty.parameters())
    held = files.size
    if LEAST_BYTES * numbers > held:
        raise invalid(
            directory,
            f"its config describes {numbers:,} parameters, which cannot lie in {held:,} bytes",
            FIX,
        )


def read_model(
    choices: Any,  # noqa: ANN401
    config: PreTrainedConfig,
    directory: Path,
    places: dict[str, Path],
    dtype: torch.dtype,
) -> PreTrainedModel:
    """Make the model, with every one of its tensors from the file that has it.

    ``choices`` are transformers' classes by config. Raises ``BackendError`` if a tensor is missing.
    """
    tensors = {name: checked(file, name, read_tensor(file, name)) for name, file in places.items()}
    choice = choices[type(config)]
    model_class = choice[0] if isinstance(choice, tuple) else choice
    model, report = model_class.from_pretrained(
        None,
        config=config,
        state_dict=tensors,
        dtype=dtype,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
    )
    # What is missing would have been made up.
    missing = sorted({*report["missing_keys"], *map(str, report["mismatched_keys"])})
    if missing:
        raise invalid(
            directory,
            f"{len(missing)} of its tensors are missing, first {missing[0]}",
            "Give the weights of the model that its config.json describes.",
        )
    return model.eval().requires_grad_(False)


def checked(file: Path, name: str, tensor: Tensor) -> Tensor:
    """Refuse numbers that are not finite or of another type than ``DTYPES``.

    Buffers of integers are let through: transformers knows what to do with them.
    """
    if not tensor.is_floating_point():
        return tensor
    if tensor.dtype not in DTYPES:
        raise unsupported(file, f"{name} holds {str(tensor.dtype)[6:]} numbers", WIDER)
    if tensor.numel() and not torch.stack(tensor.aminmax()).isfinite().all():
        raise invalid(file, f"{name} holds numbers that are not finite", NOT_FINITE)
    return tensor


def position_offset(model: nn.Module, length: int) -> int:
    """Count the position embeddings that no text reaches.

    RoBERTa and models like it begin to count after the index of their padding.
    """
    for name, part in model.named_modules():
        table, padding = getattr(part, "weight", None), getattr(part, "padding_idx", None)
        if "position" in name and isinstance(table, Tensor) and isinstance(padding, int):
            return padding + 1 if len(table) == length else 0
    return 0


def trial_tokens(model: PreTrainedModel, length: int, device: torch.device) -> Tensor:
    """Make some tokens ``[2, length]`` that the model knows."""
    known = int(model.get_input_embeddings().weight.shape[0])
    return torch.arange(2 * length, device=device).remainder(known).view(2, length)


def columns(directory: Path, logits: Tensor, tokens: Tensor) -> int:
    """Return V, of logits ``[B, L, V]`` of ``tokens [B, L]``. Raises ``BackendError``."""
    if logits.shape[:-1] != tokens.shape or logits.shape[-1] < 2:
        raise invalid(directory, f"its logits have the shape {tuple(logits.shape)}")
    if not logits.isfinite().all():
        raise invalid(directory, "its logits are not finite")
    return logits.shape[-1]


def number(config: PreTrainedConfig, key: str) -> int:
    """Return a fact of the config for the card; 0 where this architecture does not have it."""
    value = getattr(config, key, 0)
    return value if isinstance(value, int) else 0


MASKED_LM = LibraryModel(load=load_masked_lm)
