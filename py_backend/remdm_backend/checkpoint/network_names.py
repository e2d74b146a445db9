"""The names of a network's tensors without what wrappers put before and into them.

``torch.compile`` renames ``backbone.x`` to ``backbone._orig_mod.x``, ``DistributedDataParallel`` to
``module.backbone.x``, Lightning's strategies to ``_forward_module.backbone.x``, FSDP and activation
checkpointing put their own part before any name. No name of our networks has these parts, so they
are left out wherever they stand; what is left has to fit the network one to one, shapes included
(``architecture.check_tensors``).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from remdm_backend.checkpoint.contents import invalid

PREFIX = "backbone."
ANCHOR = "vocab_embed.embedding"
"""A tensor that every network of ours has."""
WRAPPERS = frozenset({
    "_orig_mod", "module", "model", "_forward_module", "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
})  # fmt: skip


def network_names(path: Path, names: Iterable[str]) -> dict[str, str]:
    """Map each tensor's name in the network's state dict to its name in the file.

    Tensors under ``backbone.`` count where there are any, else all. Raises ``BackendError``
    ``checkpoint_invalid`` where there is no network, or two tensors would have the same name.
    """
    plain = {name: unwrapped(name) for name in names}
    if any(inner.startswith(PREFIX) for inner in plain.values()):
        plain = {
            name: inner.removeprefix(PREFIX)
            for name, inner in plain.items()
            if inner.startswith(PREFIX)
        }
    elif ANCHOR not in plain.values():
        raise invalid(path, f"it has no network: no tensors under '{PREFIX}' and no {ANCHOR}")
    found: dict[str, str] = {}
    for name, inner in plain.items():
        if inner in found:
            raise invalid(path, f"{found[inner]} and {name} are both the network's {inner}")
        found[inner] = name
    return found


def unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)
