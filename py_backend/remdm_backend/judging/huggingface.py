"""This module loads causal language models of Hugging Face's ``transformers`` as judges.

GPT-2 large is the one of the published numbers.
``checkpoint/architectures/huggingface_masked_lm.py`` says what may be in the directory, and what is
never opened.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from remdm_backend.checkpoint.architectures.huggingface_masked_lm import (
    TRIAL_LENGTH,
    check_size,
    columns,
    number,
    read_model,
    trial_tokens,
)
from remdm_backend.checkpoint.contents import unsupported
from remdm_backend.checkpoint.huggingface_config import (
    NATIVE,
    checked_fields,
    native_config,
    stated_length,
)
from remdm_backend.checkpoint.huggingface_files import (
    CONFIG_FILE,
    JsonObject,
    directory_of,
    tensor_names,
    weight_files,
)
from remdm_backend.checkpoint.transformers_library import transformers_at_work
from remdm_backend.judging.judge import TransformersJudge, last_states
from remdm_backend.model.card import ModelCard

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

ROUNDING = {torch.float32: 1e-5, torch.bfloat16: 1e-2}
"""What states may differ by, as a share of their norm, where the same is computed: a mixture of
experts multiplies other portions when another token joins."""


def load_causal_lm(path: Path, device: torch.device, dtype: torch.dtype) -> TransformersJudge:
    """Load ``path``, a directory of Hugging Face's format or a file of weights in it.

    Raises ``BackendError``; ``OSError`` if a file is unreadable.
    """
    directory = directory_of(path)
    fields = checked_fields(JsonObject(directory / CONFIG_FILE))
    files = weight_files(path)
    places = files.places(tensor_names)
    with transformers_at_work(directory) as transformers:
        config = causal_lm_config(transformers, directory, fields)
        length = stated_length(config, directory)
        check_size(transformers.AutoModelForCausalLM, config, directory, files)
        choices = transformers.models.auto.MODEL_FOR_CAUSAL_LM_MAPPING
        model = read_model(choices, config, directory, places, dtype).to(device)
        body, projection = model.base_model, model.get_output_embeddings()
        with torch.no_grad():
            trial = trial_tokens(model, min(length, TRIAL_LENGTH), device)
            logits = checked_logits(directory, model, body, projection, trial)
            check_causal(directory, model, body, trial)
        card = ModelCard(
            kind="ar",
            vocab_size=logits.shape[-1],
            mask_id=logits.shape[-1],  # it has none
            length=length,
            time_conditioning=False,
            hidden_size=last_states(body, trial[:, :1]).shape[-1],
            n_blocks=number(config, "num_hidden_layers"),
            n_heads=number(config, "num_attention_heads"),
            cond_dim=0,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            weights="raw",
            name=path.name,
            format="huggingface",
            architecture="huggingface",
        )
    return TransformersJudge(card, body, projection, device=device, dtype=dtype)


def causal_lm_config(
    transformers: ModuleType, directory: Path, fields: dict[str, object]
) -> PreTrainedConfig:
    """Make the config that ``AutoModelForCausalLM`` takes, of ``checked_fields``. Raises as
    ``native_config``."""
    config = native_config(transformers, directory, fields)
    model_type = fields["model_type"]
    choices = transformers.models.auto.MODEL_FOR_CAUSAL_LM_MAPPING
    # Masked language models are in there too, to be used as decoders.
    bidirectional = type(config) in transformers.models.auto.MODEL_FOR_MASKED_LM_MAPPING
    if type(config) not in choices or bidirectional:
        raise unsupported(directory, f"{model_type!r} models do not predict the next token", NATIVE)
    return config


def checked_logits(
    directory: Path, model: PreTrainedModel, body: nn.Module, projection: nn.Module, tokens: Tensor
) -> Tensor:
    """Return ``[B, L, V]``, once they are ``projection`` of what ``body`` ends with.

    The features are that end, so it is not taken on trust. Raises ``BackendError`` otherwise.
    """
    whole = model(
        input_ids=tokens, attention_mask=torch.ones_like(tokens), output_hidden_states=True
    )
    columns(directory, whole.logits, tokens)
    states = last_states(body, tokens)
    same = torch.equal(states, whole.hidden_states[-1])
    if not same or not torch.equal(projection(states), whole.logits):
        raise unsupported(
            directory,
            "its logits are not a linear layer on its last hidden states",
            "Give a model of another architecture, such as GPT-2 or Llama.",
        )
    logits: Tensor = whole.logits
    return logits


def check_causal(directory: Path, model: PreTrainedModel, body: nn.Module, tokens: Tensor) -> None:
    """Refuse a model in which what a position says depends on the tokens after it.

    A config can turn causality off in architectures that have it by default, and then a text is
    scored by having been seen.
    """
    known = int(model.get_input_embeddings().weight.shape[0])
    changed = tokens.clone()
    changed[:, -1] = (changed[:, -1] + 1) % known
    before, after = (last_states(body, some)[:, :-1].float() for some in (tokens, changed))
    if (after - before).norm() > ROUNDING[model.dtype] * before.norm():
        raise unsupported(
            directory,
            "it looks at the tokens that follow, so it cannot say how likely they are",
            "Give a causal model, such as GPT-2 or Llama in its usual configuration.",
        )
