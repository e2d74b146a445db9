"""The registry of architectures: one entry for each that this package can run.

How to add one. Write one file in ``architectures/`` that defines an entry, and add the entry to
``ARCHITECTURES``. ``checkpoint/architecture.py`` defines the four forms of an entry:

- ``OwnNetwork``: the network is ours (``model/``). The entry names the ``kinds`` of model that have
  it in Lightning files and in our own format, builds it empty for a shape, and says how a filled
  one runs. Its tensors are then read one by one, checked and converted like all others.
- ``PublishedTensors``: a directory of Hugging Face's format holds the tensors of an ``OwnNetwork``.
  The entry says of which model type it is, and what the files offer (``Contents``).
- ``PublishedTrunk``: a directory of Hugging Face's format whose network is
  ``model/transformer.py``. The entry says what its settings mean and how its tensors are called.
- ``LibraryModel``: ``transformers`` builds the network. The entry loads the model.

A directory of Hugging Face's format belongs to the entry with the ``model_type`` of its
``config.json``, and to ``MASKED_LM`` where no other entry has it. An architecture with a new name
also adds it to ``ArchitectureName`` in ``model/card.py`` and to ``ModelCard`` of the protocol
(``src/backend/wire/protocol.ts``); ``src/checkpoints/facts.ts`` has the model types.
"""

from __future__ import annotations

from typing import TypeAlias

from remdm_backend.checkpoint.architecture import (
    LibraryModel,
    OwnNetwork,
    PublishedTensors,
    PublishedTrunk,
)
from remdm_backend.checkpoint.architectures.a2d import A2D_LLAMA, A2D_QWEN2, A2D_QWEN3
from remdm_backend.checkpoint.architectures.autoregressive import AUTOREGRESSIVE
from remdm_backend.checkpoint.architectures.bd3lm import BD3LM, BD3LM_RELEASE
from remdm_backend.checkpoint.architectures.dit import DIT
from remdm_backend.checkpoint.architectures.dream import DREAM
from remdm_backend.checkpoint.architectures.huggingface_masked_lm import MASKED_LM
from remdm_backend.checkpoint.architectures.huggingface_mdlm import MDLM_RELEASE
from remdm_backend.checkpoint.architectures.llada import LLADA
from remdm_backend.checkpoint.contents import unsupported
from remdm_backend.checkpoint.huggingface_files import JsonObject
from remdm_backend.model.card import ArchitectureName, Kind

Published: TypeAlias = PublishedTensors | PublishedTrunk | LibraryModel
Architecture: TypeAlias = OwnNetwork | Published

ARCHITECTURES: tuple[Architecture, ...] = (
    DIT, AUTOREGRESSIVE, BD3LM, MDLM_RELEASE, BD3LM_RELEASE, LLADA, DREAM, A2D_LLAMA, A2D_QWEN2,
    A2D_QWEN3, MASKED_LM,
)  # fmt: skip


def network_for(kind: Kind) -> OwnNetwork:
    """Return the network that a ``kind`` of model has in Lightning files and in our own format."""
    return next(
        entry for entry in ARCHITECTURES if isinstance(entry, OwnNetwork) and kind in entry.kinds
    )


def network_named(name: ArchitectureName) -> OwnNetwork:
    """Return our network of this name."""
    return next(
        entry for entry in ARCHITECTURES if isinstance(entry, OwnNetwork) and entry.name == name
    )


def published_as(config: JsonObject) -> Published:
    """Return the entry that a ``config.json`` of Hugging Face's format describes.

    Raises ``BackendError`` ``checkpoint_unsupported`` for a model type that is not ours and brings
    code of its own.
    """
    found = config.fields.get("model_type")
    known: list[str] = []
    for entry in ARCHITECTURES:
        if isinstance(entry, PublishedTensors | PublishedTrunk):
            if found in entry.model_types:
                return entry
            known += entry.model_types
    if config.fields.get("auto_map"):
        raise unsupported(
            config.path.parent,
            f"its model type is {found!r:.60}, and its config asks for code that comes with the "
            "model (auto_map), which would have to be executed, and remdm never does that",
            f"Give a model of a type that remdm runs by itself ({', '.join(known)}), or one that "
            "transformers has built in.",
        )
    return MASKED_LM
