"""This module decides what a language model's ``config.json`` may say and what transformers sees.

A config can name code of its own, other weights, kernels to download or a thousand million layers.
It comes from wherever the model comes from, so all of that is refused or left out before
``transformers`` sees it.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from remdm_backend.checkpoint.contents import invalid, unsupported
from remdm_backend.checkpoint.huggingface_files import FIX, JsonObject

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

LEFT_OUT = frozenset({
    "attn_implementation", "dtype", "experts_implementation", "fusion_config", "id2label",
    "kernel_config", "label2id", "name_or_path", "num_labels", "reference_compile", "torch_dtype",
    "transformers_weights",
})  # fmt: skip
"""Keys that choose how and whence transformers loads a model, or are for classifiers. Those that
begin with an underscore are its own and left out as well."""

COUNT = re.compile(
    "layers|heads|blocks|groups|experts|(^|_)n_(layer|head)|group_num|block_sizes|block_repeats"
)
"""In names of what a network has several of, each an object to make."""
MAX_COUNT = 512
MAX_INTEGER = 2**31
MAX_DEPTH = 8
LENGTH_KEYS = ("max_position_embeddings", "n_positions", "model_length", "max_sequence_length")
MAX_LENGTH = 1 << 20
NATIVE = "Give a language model of an architecture that transformers has built in."


def masked_lm_config(
    transformers: ModuleType, directory: Path, fields: dict[str, object]
) -> PreTrainedConfig:
    """Make the config that ``AutoModelForMaskedLM`` takes, of ``checked_fields``. Raises as
    ``native_config``."""
    config = native_config(transformers, directory, fields)
    model_type = fields["model_type"]
    if type(config) not in transformers.models.auto.MODEL_FOR_MASKED_LM_MAPPING:
        raise unsupported(directory, f"{model_type!r} models do not predict masked tokens", NATIVE)
    if getattr(config, "is_decoder", False) or getattr(config, "is_encoder_decoder", False):
        raise unsupported(
            directory, "it is a decoder, whose positions do not see what follows them", NATIVE
        )
    return config


def native_config(
    transformers: ModuleType, directory: Path, fields: dict[str, object]
) -> PreTrainedConfig:
    """Make of ``checked_fields`` the config of an architecture that transformers has built in.

    Raises ``BackendError``, and whatever transformers does about fields that it does not like.
    """
    model_type, others = fields["model_type"], dict(fields)
    del others["model_type"]
    if model_type not in transformers.models.auto.CONFIG_MAPPING:
        raise unsupported(
            directory,
            f"transformers {transformers.__version__} knows no architecture {model_type!r:.60}, so "
            "code that comes with the model would have to be executed, which remdm never does",
            NATIVE,
        )
    config: PreTrainedConfig = transformers.AutoConfig.for_model(model_type, **others)
    return config


def checked_fields(file: JsonObject) -> dict[str, object]:
    """Return the fields that transformers may see; ``model_type``, a text, is among them. Raises
    ``BackendError``."""
    directory = file.path.parent
    if file.fields.get("auto_map"):
        raise unsupported(
            directory,
            "its config asks for code that comes with the model (auto_map), which would have to be "
            "executed, and remdm never does that",
            NATIVE,
        )
    if file.fields.get("quantization_config"):
        raise unsupported(directory, "its weights are quantized", "Give the model that it is of.")
    _check_numbers(file.path, file.fields, "config", 0)
    file.text("model_type")
    return _kept(file.fields)


def stated_length(config: PreTrainedConfig, directory: Path) -> int:
    """Return the longest sequence that the config allows, before any offset of its positions."""
    for key in LENGTH_KEYS:
        length = getattr(config, key, None)
        if isinstance(length, int):
            if 1 <= length <= MAX_LENGTH:
                return length
            raise invalid(directory, f"its {key} is {length}, not in [1, {MAX_LENGTH:,}]", FIX)
    raise invalid(
        directory,
        f"its config does not say how long a text may be ({', '.join(LENGTH_KEYS)})",
        FIX,
    )


def _kept(fields: dict[str, object]) -> dict[str, object]:
    return {
        key: _kept(value) if isinstance(value, dict) else value
        for key, value in fields.items()
        if key not in LEFT_OUT and not key.startswith("_")
    }


def _check_numbers(path: Path, value: object, key: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise invalid(path, f"it is nested more than {MAX_DEPTH} deep", FIX)
    if isinstance(value, dict):
        for name, item in value.items():
            _check_numbers(path, item, name, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_numbers(path, item, key, depth + 1)
    elif isinstance(value, int):
        most = MAX_COUNT if COUNT.search(key) else MAX_INTEGER
        if abs(value) > most:
            raise invalid(path, f"{key:.60} is {value!r:.40}, which is more than {most:,}", FIX)
