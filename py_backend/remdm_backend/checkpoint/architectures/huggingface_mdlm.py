"""This entry reads the Hugging Face release of MDLM (``kuleshov-group/mdlm-owt``) for our own DiT.

Its ``config.json`` has the model type ``mdlm`` and names code of its own (``auto_map``), which is
not looked at: the tensors, under ``backbone.``, are the ones of the network in ``model/dit.py``.
What was released is the moving average of the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from remdm_backend.checkpoint.architecture import PublishedTensors, shape_of
from remdm_backend.checkpoint.architectures.dit import DIT
from remdm_backend.checkpoint.contents import Contents, invalid, unsupported
from remdm_backend.checkpoint.huggingface_files import (
    CONFIG_FILE,
    FIX,
    JsonObject,
    directory_of,
    weight_files,
)
from remdm_backend.checkpoint.network_names import network_names
from remdm_backend.checkpoint.safetensors_file import tensor_parts, tensor_shapes


def open_release(path: Path, *, raw_weights: bool) -> Contents:
    """Read everything but the weights. Raises ``BackendError``; ``OSError`` if a file is
    unreadable."""
    directory = directory_of(path)
    files = weight_files(path)
    if raw_weights:
        raise unsupported(
            path, "it holds only the moving average of the weights", "Load it without raw weights."
        )
    config = JsonObject(directory / CONFIG_FILE)
    vocab_size = config.integer("vocab_size", least=2)
    hidden, n_blocks, n_heads = (
        config.integer(key, least=1) for key in ("hidden_dim", "n_blocks", "n_heads")
    )
    in_files = {file: tensor_shapes(file) for file in files.files}
    places = {
        name: (file, in_files[file][name])
        for name, file in files.places(in_files.__getitem__).items()
    }
    file = files.files[0] if files.index is None else files.index
    names = network_names(file, places)
    shapes = {name: places[key][1] for name, key in names.items()}
    shape = shape_of(file, shapes, n_heads, DIT)
    if (shape.hidden_size, shape.n_blocks) != (hidden, n_blocks):
        raise invalid(
            file,
            f"its config says hidden_dim {hidden} and {n_blocks} blocks, its tensors "
            f"{shape.hidden_size} and {shape.n_blocks}",
            FIX,
        )

    def parts(name: str) -> Iterator[Tensor]:
        key = names[name]
        return tensor_parts(places[key][0], key)

    return Contents(
        path=file,
        format="huggingface",
        kind="mdlm",
        architecture=DIT.name,
        length=config.integer("model_length", least=1),
        time_conditioning=config.boolean("time_conditioning"),
        n_heads=n_heads,
        weights="ema",
        shapes=shapes,
        parts=parts,
        vocab_size=vocab_size,
        mask_id=vocab_size - 1,
        shards=files.files,
    )


MDLM_RELEASE = PublishedTensors(model_types=("mdlm",), open=open_release)
