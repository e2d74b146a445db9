"""This module reads the published format: Lightning ``.ckpt`` files of MDLM, ReMDM and siblings.

``state_dict`` holds the last step's weights under ``backbone.``, ``ema.shadow_params`` the moving
average in the order of the network's parameters or by their names, ``hyper_parameters`` a pickled
OmegaConf config and a pickled tokenizer, of which only the records of ``pickle_data`` are looked
at. Lightning's own ``WeightAveraging`` callback (since 2.6) has them the other way round: its
average is the ``state_dict``, and the last step's weights are the ``current_model_state``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor

from remdm_backend.checkpoint.architecture import ROTARY, parameter_names, shape_of
from remdm_backend.checkpoint.config_record import Config, mapping
from remdm_backend.checkpoint.contents import Contents, invalid
from remdm_backend.checkpoint.network_names import network_names
from remdm_backend.checkpoint.original_config import Facts, facts_of
from remdm_backend.checkpoint.registry import network_for
from remdm_backend.checkpoint.stored_tensor import StoredTensor
from remdm_backend.checkpoint.torch_archive import TorchArchive

Tensors = dict[str, StoredTensor]

CURRENT = "current_model_state"
"""Lightning's ``WeightAveraging``: the weights as training left them."""
RAW_WEIGHTS = (
    "To take the last step's weights, ask for raw weights: --raw-weights on the command line "
    "(--weights raw for convert), rawWeights: true in a program or for a model of an experiment's "
    "file (judgeRawWeights: true for its judge)."
)


def open_lightning(path: Path, *, raw_weights: bool) -> Contents:
    """Read everything but the weights. Raises ``BackendError``; ``OSError`` if the file is
    unreadable."""
    archive = TorchArchive(path)
    root = mapping(archive.root)
    if root is None or "state_dict" not in root:
        raise invalid(
            path,
            "a torch.save file without a state_dict",
            "Give the Lightning .ckpt file as the original repository saved it.",
        )
    facts = facts_of(path, Config(path, mapping(root.get("hyper_parameters"))))
    tensors = trained(archive, root) if raw_weights else averaged(archive, root, facts)

    def parts(name: str) -> Iterator[Tensor]:
        return archive.parts(tensors[name])

    return Contents(
        path=path,
        format="lightning",
        kind=facts.kind,
        architecture=network_for(facts.kind).name,
        length=facts.length,
        time_conditioning=facts.time_conditioning,
        subs_masking=facts.subs_masking,
        n_heads=facts.n_heads,
        weights="raw" if raw_weights else "ema",
        shapes={name: tensor.shape for name, tensor in tensors.items()},
        parts=parts,
    )


def trained(archive: TorchArchive, root: Mapping[str, object]) -> Tensors:
    """Return the tensors of the last step, by their names in the network."""
    key = CURRENT if CURRENT in root else "state_dict"
    return named(archive, root[key], key)


def averaged(archive: TorchArchive, root: Mapping[str, object], facts: Facts) -> Tensors:
    """Return the moving average's tensors, by their names in the network; buffers are the last
    step's."""
    kept = mapping(root.get("ema"))
    if not kept:
        if CURRENT in root:
            return named(archive, root["state_dict"], "state_dict")
        raise invalid(archive.path, "it has no moving average of the weights", RAW_WEIGHTS)
    shadow = kept.get("shadow_params", root["ema"])
    raw = trained(archive, root)
    if isinstance(shadow, list | tuple):
        average = in_order(archive, shadow, raw, facts)
    else:
        average = named(archive, shadow, "ema")
    return {ROTARY: raw[ROTARY], **average} if ROTARY in raw else average


def in_order(
    archive: TorchArchive, shadow: list[object] | tuple[object, ...], raw: Tensors, facts: Facts
) -> Tensors:
    """Name the tensors of ``shadow``, which lists the average in the order of the parameters."""
    shapes = {name: tensor.shape for name, tensor in raw.items()}
    entry = network_for(facts.kind)
    names = parameter_names(shape_of(archive.path, shapes, facts.n_heads, entry), entry)
    if len(shadow) != len(names):
        raise invalid(
            archive.path, f"its ema has {len(shadow)} tensors; the network has {len(names)}"
        )
    return {
        name: archive.tensor(value, f"ema.shadow_params[{index}]")
        for index, (name, value) in enumerate(zip(names, shadow, strict=True))
    }


def named(archive: TorchArchive, values: object, what: str) -> Tensors:
    """Return the network's tensors among ``values``, which has them by the names of a state
    dict."""
    entries = mapping(values)
    if entries is None:
        raise invalid(archive.path, f"its {what} is not a dictionary")
    names = network_names(archive.path, entries)
    return {name: archive.tensor(entries[key], key) for name, key in names.items()}
