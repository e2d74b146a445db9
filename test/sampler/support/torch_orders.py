"""What PyTorch itself does to rows of numbers: in which order, with which roundings.

Reads a JSON list of questions from standard input, each with ``what``, ``dtype`` and ``values``
(base64 of little-endian float32 [rows, n]), and writes the list of answers: base64 of
little-endian int32 for orders, float32 for numbers.
"""

import base64
import json
import sys
from typing import Any

import torch
from torch import Tensor


def nucleus(p: Tensor, top_p: float) -> Tensor:
    """The original's filter, line by line (`_ddpm_caching_update`)."""
    ordered, ids = torch.sort(p, descending=True, dim=-1)
    kept = torch.cumsum(ordered, dim=-1) <= top_p
    kept[..., 0] = True
    ordered = ordered * kept
    ordered /= ordered.sum(dim=-1, keepdim=True)
    return torch.zeros_like(p).scatter_(-1, ids, ordered)


def answer(question: dict[str, Any]) -> str:
    data = bytearray(base64.b64decode(question["values"]))
    values = torch.frombuffer(data, dtype=torch.float32).view(question["rows"], -1)
    values = values.to(getattr(torch, question["dtype"]))
    match question["what"]:
        case "sort":
            result = torch.sort(values, descending=True, dim=-1).indices.int()
        case "topk":
            result = torch.topk(values, question["k"], dim=-1).indices.int()
        case "argmax":
            result = values.argmax(dim=-1).int()
        case "cumsum":
            result = values.cumsum(dim=-1).float()
        case "nucleus":
            result = nucleus(values, question["topP"]).float()
        case other:
            raise ValueError(other)
    return base64.b64encode(result.numpy().tobytes()).decode()


json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
