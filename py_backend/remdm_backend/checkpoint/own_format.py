"""Our own format: ``model.safetensors`` with ``card.json`` beside it.

Tensor names are those of the network's state dict (the published ones without ``backbone.``; what
wrappers put before them is left out), in float64, float32, float16 or bfloat16. The card says what
the tensors cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from remdm_backend.checkpoint.card_file import CARD_FILE, CardFile
from remdm_backend.checkpoint.contents import Contents, invalid, unsupported
from remdm_backend.checkpoint.network_names import network_names
from remdm_backend.checkpoint.registry import network_for
from remdm_backend.checkpoint.safetensors_file import MODEL_FILE, tensor_parts, tensor_shapes


def open_safetensors(path: Path, *, raw_weights: bool) -> Contents:
    """Read everything except the weights of ``path``, the directory or a ``.safetensors`` file in
    it.

    Raises ``BackendError``; ``OSError`` if a file is unreadable.
    """
    directory, file = (path, path / MODEL_FILE) if path.is_dir() else (path.parent, path)
    if not (directory / CARD_FILE).is_file():
        raise invalid(
            path,
            f"there is no {CARD_FILE} and no config.json in {directory}",
            f"Give a Lightning .ckpt file, or a directory with {MODEL_FILE} and {CARD_FILE} (ours) "
            "or config.json (Hugging Face).",
        )
    card = CardFile(directory / CARD_FILE)
    if not file.is_file():
        raise invalid(
            path,
            f"there is no {file.name} in {directory}",
            f"Put the weights beside {CARD_FILE}, or give the path of the file that has them.",
        )
    if raw_weights and card.weights != "raw":
        raise unsupported(
            path, "it holds only the moving average of the weights", "Load it without raw weights."
        )

    shapes = tensor_shapes(file)
    names = network_names(file, shapes)

    def parts(name: str) -> Iterator[Tensor]:
        return tensor_parts(file, names[name])

    return Contents(
        path=file,
        format="safetensors",
        kind=card.kind,
        architecture=network_for(card.kind).name,
        length=card.length,
        time_conditioning=card.kind != "ar" and card.time_conditioning,
        n_heads=card.n_heads,
        weights=card.weights,
        shapes={name: shapes[key] for name, key in names.items()},
        parts=parts,
        vocab_size=card.vocab_size,
        mask_id=card.mask_id,
        subs_masking=card.kind == "d3pm" and card.subs_masking,
    )
