"""Every kind of model has one network, and every published directory one entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from remdm_backend.checkpoint.architecture import OwnNetwork
from remdm_backend.checkpoint.architectures.a2d import A2D_LLAMA, A2D_QWEN2, A2D_QWEN3
from remdm_backend.checkpoint.architectures.autoregressive import AUTOREGRESSIVE
from remdm_backend.checkpoint.architectures.bd3lm import BD3LM, BD3LM_RELEASE
from remdm_backend.checkpoint.architectures.dit import DIT
from remdm_backend.checkpoint.architectures.dream import DREAM
from remdm_backend.checkpoint.architectures.huggingface_masked_lm import MASKED_LM
from remdm_backend.checkpoint.architectures.huggingface_mdlm import MDLM_RELEASE
from remdm_backend.checkpoint.architectures.llada import LLADA
from remdm_backend.checkpoint.huggingface_files import JsonObject
from remdm_backend.checkpoint.registry import (
    ARCHITECTURES,
    network_for,
    network_named,
    published_as,
)
from remdm_backend.errors import BackendError
from remdm_backend.model.card import Kind


def test_every_kind_has_one_network() -> None:
    own = [entry for entry in ARCHITECTURES if isinstance(entry, OwnNetwork)]
    kinds = [kind for entry in own for kind in entry.kinds]
    assert sorted(kinds) == sorted(get_args(Kind))
    assert len({entry.name for entry in own}) == len(own)
    assert [network_for(kind) for kind in ("mdlm", "sedd", "d3pm")] == [DIT] * 3
    assert network_for("ar") is AUTOREGRESSIVE
    assert network_named("dit") is DIT
    assert network_named("bd3lm") is BD3LM


@pytest.mark.parametrize(
    ("config", "entry"),
    [
        ({"model_type": "mdlm"}, MDLM_RELEASE),
        ({"model_type": "bd3lm"}, BD3LM_RELEASE),
        ({"model_type": "llada", "auto_map": {"AutoModel": "modeling_llada.LLaDAModelLM"}}, LLADA),
        ({"model_type": "Dream"}, DREAM),
        ({"model_type": "a2d-llama"}, A2D_LLAMA),
        ({"model_type": "a2d-qwen2"}, A2D_QWEN2),
        ({"model_type": "a2d-qwen3"}, A2D_QWEN3),
        ({"model_type": "bert"}, MASKED_LM),
        ({"model_type": ["llada"]}, MASKED_LM),
        ({}, MASKED_LM),
    ],
)
def test_a_config_belongs_to_the_entry_of_its_model_type(
    config: dict[str, object], entry: object, tmp_path: Path
) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    assert published_as(JsonObject(file)) is entry


def test_a_model_type_that_is_not_known_names_the_known_ones(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"model_type": "lladamoe", "auto_map": {"AutoModel": "x.Y"}}))
    with pytest.raises(BackendError) as caught:
        published_as(JsonObject(file))
    assert caught.value.code == "checkpoint_unsupported"
    assert "'lladamoe'" in caught.value.message
    assert "mdlm, bd3lm, llada, Dream, a2d-llama, a2d-qwen2, a2d-qwen3" in caught.value.remedy
