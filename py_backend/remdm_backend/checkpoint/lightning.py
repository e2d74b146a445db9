"""The published format: Lightning ``.ckpt`` files of the MDLM and ReMDM repositories.

``state_dict`` holds the last step's weights under ``backbone.``, ``ema.shadow_params`` the moving
average as a list in the order of the network's parameters, ``hyper_parameters`` a pickled OmegaConf
config and a pickled tokenizer, of which only the records of ``pickle_data`` are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from remdm_backend.checkpoint.architecture import parameter_names, shape_of
from remdm_backend.checkpoint.card import Kind
from remdm_backend.checkpoint.config_record import Config, has_mask_token, mapping
from remdm_backend.checkpoint.contents import Contents, invalid, unsupported
from remdm_backend.checkpoint.torch_archive import StoredTensor, TorchArchive

PREFIX = "backbone."
ROTARY = "rotary_emb.inv_freq"
KINDS: dict[str, Kind] = {"subs": "mdlm", "sedd": "sedd", "d3pm": "d3pm"}
KNOWN = "Give an mdlm, sedd or d3pm checkpoint of the DiT backbone, or an ar checkpoint."


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
    config = Config(path, mapping(root.get("hyper_parameters")))
    kind = check_model(path, config)
    raw = backbone(archive, root["state_dict"])
    n_heads = config.integer("model.n_heads")
    tensors = raw if raw_weights else averaged(archive, root, raw, n_heads, kind)

    def read(name: str) -> Tensor:
        return archive.read(tensors[name])

    return Contents(
        path=path,
        format="lightning",
        kind=kind,
        length=config.integer("model.length"),
        time_conditioning=kind != "ar" and config.boolean("time_conditioning"),
        subs_masking=kind == "d3pm" and config.boolean("subs_masking"),
        n_heads=n_heads,
        weights="raw" if raw_weights else "ema",
        shapes={name: tensor.shape for name, tensor in tensors.items()},
        read=read,
    )


def check_model(path: Path, config: Config) -> Kind:
    """The kind of model, if it is one that can be run here."""
    backbone_name = config.text("backbone")
    parameterization = config.text("parameterization")
    if backbone_name == parameterization == "ar":
        _check_tokenizer(path, config)
        return "ar"
    if backbone_name != "dit":
        raise unsupported(path, f"its backbone is {backbone_name!r}, not 'dit'", KNOWN)
    if parameterization not in KINDS:
        raise unsupported(path, f"its parameterization is {parameterization!r}", KNOWN)
    noise = config.value("noise.type")
    if noise not in (None, "loglinear"):
        raise unsupported(path, f"its noise schedule is {noise!r}, not 'loglinear'", KNOWN)
    _check_tokenizer(path, config)
    return KINDS[parameterization]


def _check_tokenizer(path: Path, config: Config) -> None:
    """The mask must be the index after the tokenizer's last."""
    if has_mask_token(config.tokenizer):
        raise unsupported(
            path,
            "its tokenizer has a mask token of its own; only models whose mask is the index after "
            "the tokenizer's last are supported",
            "Give a checkpoint trained with GPT-2's tokenizer or one like it.",
        )


def backbone(archive: TorchArchive, state_dict: object) -> dict[str, StoredTensor]:
    """The network's tensors, by names without ``backbone.``."""
    entries = mapping(state_dict)
    if entries is None:
        raise invalid(archive.path, "its state_dict is not a dictionary")
    found = {
        name.removeprefix(PREFIX): archive.tensor(value, name)
        for name, value in entries.items()
        if name.startswith(PREFIX)
    }
    if not found:
        raise invalid(archive.path, "its state_dict has no tensors under 'backbone.'")
    return found


def averaged(
    archive: TorchArchive,
    root: Mapping[str, object],
    raw: dict[str, StoredTensor],
    n_heads: int,
    kind: Kind,
) -> dict[str, StoredTensor]:
    """The moving average's tensors under the parameters' names; buffers are those of the state
    dict."""
    path = archive.path
    average = mapping(root.get("ema"))
    shadow = average.get("shadow_params") if average else None
    if not isinstance(shadow, list):
        raise invalid(
            path,
            "it has no moving average of the weights (ema.shadow_params)",
            "Load the last step's weights instead (raw weights), if that is what you want.",
        )
    shapes = {name: tensor.shape for name, tensor in raw.items()}
    names = parameter_names(shape_of(path, shapes, n_heads, kind), kind)
    if len(shadow) != len(names):
        raise invalid(path, f"its ema has {len(shadow)} tensors; the network has {len(names)}")
    tensors = {
        name: archive.tensor(value, f"ema.shadow_params[{index}]")
        for index, (name, value) in enumerate(zip(names, shadow, strict=True))
    }
    return tensors | {ROTARY: raw[ROTARY]}
