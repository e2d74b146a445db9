"""The Hugging Face release of MDLM (``kuleshov-group/mdlm-owt`` and its like), read by our own DiT.

Its ``config.json`` has the model type ``mdlm`` and names code of its own (``auto_map``), which is
not looked at: the tensors, under ``backbone.``, are those of the network in ``model/dit.py``. What
was released is the moving average of the weights.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from remdm_backend.checkpoint.architecture import ROTARY, shape_of
from remdm_backend.checkpoint.contents import Contents, invalid, unsupported
from remdm_backend.checkpoint.huggingface_files import (
    CONFIG_FILE,
    JsonObject,
    directory_of,
    read_tensor,
)
from remdm_backend.checkpoint.lightning import PREFIX
from remdm_backend.checkpoint.safetensors_format import MODEL_FILE, tensor_shapes
from remdm_backend.model.rotary import inverse_frequencies

MODEL_TYPE = "mdlm"


def is_release(path: Path) -> bool:
    """Whether a directory of Hugging Face's format (``is_huggingface``) is such a release."""
    config = JsonObject(directory_of(path) / CONFIG_FILE)
    return config.fields.get("model_type") == MODEL_TYPE


def open_release(path: Path, *, raw_weights: bool) -> Contents:
    """Read everything but the weights. Raises ``BackendError``; ``OSError`` if a file is
    unreadable."""
    directory = directory_of(path)
    file = directory / MODEL_FILE
    if not file.is_file():
        raise invalid(directory, f"there is no {MODEL_FILE} in it")
    if raw_weights:
        raise unsupported(
            path, "it holds only the moving average of the weights", "Load it without raw weights."
        )
    config = JsonObject(directory / CONFIG_FILE)
    vocab_size = config.integer("vocab_size", least=2)
    hidden, n_blocks, n_heads = (
        config.integer(key, least=1) for key in ("hidden_dim", "n_blocks", "n_heads")
    )
    shapes = {
        name.removeprefix(PREFIX): shape
        for name, shape in tensor_shapes(file).items()
        if name.startswith(PREFIX)
    }
    if not shapes:
        raise invalid(file, f"it has no tensors under '{PREFIX}'")
    head_dim = hidden // n_heads
    computed = ROTARY not in shapes
    if computed:  # the same for every network of this size, so an export may leave it out
        shapes[ROTARY] = ((head_dim + 1) // 2,)
    shape = shape_of(file, shapes, n_heads, "mdlm")
    if (shape.hidden_size, shape.n_blocks) != (hidden, n_blocks):
        raise invalid(
            file,
            f"its config says hidden_dim {hidden} and {n_blocks} blocks, its tensors "
            f"{shape.hidden_size} and {shape.n_blocks}",
        )

    def read(name: str) -> Tensor:
        if computed and name == ROTARY:
            return inverse_frequencies(head_dim)
        return read_tensor(file, PREFIX + name)

    return Contents(
        path=file,
        format="huggingface",
        kind="mdlm",
        length=config.integer("model_length", least=1),
        time_conditioning=config.boolean("time_conditioning"),
        n_heads=n_heads,
        weights="ema",
        shapes=shapes,
        read=read,
        vocab_size=vocab_size,
        mask_id=vocab_size - 1,
    )
