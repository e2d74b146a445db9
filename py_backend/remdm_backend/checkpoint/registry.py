"""The registry of architectures: one entry for each that this package can run.

How to add one. Write one file in ``architectures/`` that defines an entry, and add the entry to
``ARCHITECTURES``. ``checkpoint/architecture.py`` defines the three forms of an entry:

- ``OwnNetwork``: the network is ours (``model/``). The entry names the ``kinds`` of model that have
  it in Lightning files and in our own format, builds it empty for a shape, and says how a filled
  one runs. Its tensors are then read one by one, checked and converted like all others.
- ``PublishedTensors``: a directory of Hugging Face's format holds the tensors of an ``OwnNetwork``.
  The entry recognises the ``config.json`` and says what the files offer (``Contents``).
- ``LibraryModel``: ``transformers`` builds the network. The entry recognises the ``config.json``
  and loads the model.

A directory of Hugging Face's format belongs to the first entry that recognises its ``config.json``,
so ``MASKED_LM``, which takes every one, stands last. An architecture with a new name also adds it
to ``ArchitectureName`` in ``model/card.py`` and to ``ModelCard`` of the protocol
(``src/backend/wire/protocol.ts``).
"""

from __future__ import annotations

from typing import TypeAlias

from remdm_backend.checkpoint.architecture import LibraryModel, OwnNetwork, PublishedTensors
from remdm_backend.checkpoint.architectures.autoregressive import AUTOREGRESSIVE
from remdm_backend.checkpoint.architectures.dit import DIT
from remdm_backend.checkpoint.architectures.huggingface_masked_lm import MASKED_LM
from remdm_backend.checkpoint.architectures.huggingface_mdlm import MDLM_RELEASE
from remdm_backend.checkpoint.huggingface_files import JsonObject
from remdm_backend.model.card import ArchitectureName, Kind

Architecture: TypeAlias = OwnNetwork | PublishedTensors | LibraryModel

ARCHITECTURES: tuple[Architecture, ...] = (DIT, AUTOREGRESSIVE, MDLM_RELEASE, MASKED_LM)


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


def published_as(config: JsonObject) -> PublishedTensors | LibraryModel:
    """Return the entry that a ``config.json`` of Hugging Face's format describes."""
    return next(
        entry
        for entry in ARCHITECTURES
        if not isinstance(entry, OwnNetwork) and entry.describes(config)
    )
