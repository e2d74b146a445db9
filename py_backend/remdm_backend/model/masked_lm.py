"""This network makes any masked language model of ``transformers`` a backbone of MDLM.

Such a model is a denoiser already: it predicts the tokens under the masks from all the others, and
never looks at the time. What SUBS adds (``parameterization.py``) is arithmetic on its logits.

A model is cut in two where its last linear layer, the output embeddings, turns hidden states into
logits: the projection is computed on the rows asked for alone. Whether a model ends there, and does
nothing to the logits afterwards, is not taken on trust: ``split`` tries it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from remdm_backend.model.backbone import Backbone, States
from remdm_backend.model.packing import Packed, Tokens


class MaskedLm(Backbone):
    """``model`` takes ``input_ids`` and ``attention_mask`` ``[B, L]`` and gives ``logits``
    ``[B, L, V]``; ``absent [V]`` is true at the columns that no token has.

    Everything is computed in the type of the weights, plainly: no autocast.
    """

    absent: Tensor | None

    def __init__(
        self, model: nn.Module, projection: nn.Linear | None, absent: Tensor | None = None
    ) -> None:
        """``projection`` was cut off ``model`` by ``split``; ``None`` if it cannot be."""
        super().__init__()
        self.model = model
        self.projection = projection
        self.register_buffer("absent", absent, persistent=False)

    def trunk(self, tokens: Tokens, sigma: Tensor) -> States:
        """Hidden states ``[B, L, H]`` before the projection; logits ``[B, L, V]`` without one."""
        assert not isinstance(tokens, Packed)  # it does not mix lengths
        with torch.autocast(tokens.device.type, enabled=False):
            return (run(self.model, tokens),)

    def head(self, states: States, rows: Tensor) -> Tensor:
        logits = states[0].flatten(0, 1)[rows]
        if self.projection is not None:
            with torch.autocast(rows.device.type, enabled=False):
                logits = self.projection(logits)
        return logits if self.absent is None else logits.masked_fill(self.absent, -torch.inf)


def run(model: nn.Module, tokens: Tensor) -> Tensor:
    """``tokens [B, L]`` -> ``[B, L, V]``, nothing padded."""
    logits: Tensor = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits
    return logits


def split(model: nn.Module, projection: object, tokens: Tensor) -> nn.Linear | None:
    """Cut ``projection``, the output embeddings, off ``model`` and return it.

    ``tokens`` ``[B, L]`` are for the trial: with and without the cut the logits must be the same,
    bit for bit. ``None``, and the model is whole, if they are not.
    """
    place = next((name for name, part in model.named_modules() if part is projection), None)
    if type(projection) is not nn.Linear or not place:
        return None
    whole = run(model, tokens)
    parent_name, _, name = place.rpartition(".")
    parent = model.get_submodule(parent_name)
    setattr(parent, name, nn.Identity())
    try:
        same = torch.equal(projection(run(model, tokens)), whole)
    except (RuntimeError, AttributeError, TypeError, ValueError, IndexError):
        same = False  # the model does more with its logits, or with the layer, than this
    if same:
        return projection
    setattr(parent, name, projection)
    return None
