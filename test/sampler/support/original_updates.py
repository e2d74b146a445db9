"""The original's update rules in PyTorch, written from its formulas: they judge our dense form.

`_subs_parameterization`, `_ddpm_caching_update` (mdlm, remdm-conf, remdm-loop) and `_sample`, for
a network that gives a position the same logits whatever the other positions hold. Reads a JSON
list of questions from standard input and writes the list of answers. A question with ``x`` is one
step from there, one without is a whole run: the states after every step, and the final tokens.
"""

import base64
import json
import sys
from typing import Any

import torch
from torch import Tensor

Question = dict[str, Any]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
NEGATIVE_INFINITY = -1_000_000.0
EPSILON = 1e-5


def probabilities(logits: Tensor, x: Tensor, mask: int, top_p: float) -> Tensor:
    """p_x0 [B, L, V] under SUBS, after the nucleus."""
    logits = logits.clone()
    logits[..., mask] += NEGATIVE_INFINITY
    logits = logits - torch.logsumexp(logits, dim=-1, keepdim=True)
    revealed = x != mask
    logits[revealed] = NEGATIVE_INFINITY
    logits[revealed, x[revealed]] = 0
    p = logits.exp()
    if top_p == 1:
        return p
    ordered, ids = torch.sort(p, descending=True, dim=-1)
    kept = torch.cumsum(ordered, dim=-1) <= top_p
    kept[..., 0] = True
    ordered = ordered * kept
    ordered /= ordered.sum(dim=-1, keepdim=True)
    return torch.zeros_like(p).scatter_(-1, ids, ordered)


def draw(q: Tensor) -> Tensor:
    q = q.to(torch.float64)
    noise = 1e-10 - (torch.rand_like(q) + 1e-10).log()
    return (q / noise).argmax(dim=-1)


def ancestral(x: Tensor, p: Tensor, chance_t: Tensor, chance_s: Tensor, mask: int) -> Tensor:
    """MDLM: what is revealed stays. Both chances are float32 [B, 1, 1]."""
    q = p * (chance_t - chance_s)
    q[..., mask] = chance_s[..., 0]
    return torch.where(x != mask, x, draw(q))


def remask(
    x: Tensor, p: Tensor, sigma: Tensor | float, alphas: tuple[float, float], mask: int
) -> Tensor:
    """ReMDM. ``sigma``: one number, or [B, L, 1]."""
    alpha_t, alpha_s = alphas
    keep = p * (1 - sigma)
    keep[..., mask] = sigma if isinstance(sigma, float) else sigma[..., 0]
    reveal = p * ((alpha_s - (1 - sigma) * alpha_t) / (1 - alpha_t))
    stay = (1 - alpha_s - sigma * alpha_t) / (1 - alpha_t)
    reveal[..., mask] = stay if isinstance(stay, float) else stay[..., 0]
    return draw(torch.where((x != mask).unsqueeze(-1), keep, reveal))


def update(question: Question, x: Tensor, p: Tensor, t: Tensor, dt: float, conf: Tensor) -> Tensor:
    """One step. ``t``: float32 [B, 1, 1]; ``conf`` [B, L] is brought up to date."""
    mask = question["maskIndex"]
    match question["sampler"]:
        case "mdlm":
            return ancestral(x, p, t, t - dt, mask)
        case "remdm-loop":
            eta, on, off = question["eta"], question["tOn"], question["tOff"]
            alpha = question["alphaOn"]
            time = t.flatten()[0].item()
            if time > on:
                chances = (1 - (1 - t) * alpha / (1 - on), 1 - (1 - t + dt) * alpha / (1 - on))
                return ancestral(x, p, *chances, mask)
            if time <= off:
                return ancestral(x, p, t * (1 - alpha) / off, (t - dt) * (1 - alpha) / off, mask)
            return remask(x, p, eta, (alpha, alpha), mask)
        case "remdm-conf":
            alpha_t = (1 - t).flatten()[0].item()
            alpha_s = (1 - (t - dt)).flatten()[0].item()
            largest = min(1, (1 - alpha_s) / alpha_t) if alpha_t > 0 else 1
            share = conf.softmax(dim=-1)
            share[x == mask] = 0
            after = remask(x, p, (share * largest)[..., None], (alpha_t, alpha_s), mask)
            chosen = -p.gather(-1, after[..., None])[..., 0]
            revealed = (x == mask) & (after != mask)
            conf[revealed] = chosen[revealed]
            conf[(x != mask) & (after == mask)] = -torch.inf
            return after
        case other:
            raise ValueError(other)


def tensor(question: Question) -> Tensor:
    """Logits [L, V] or [B, L, V], as float32 numbers that the dtype holds."""
    data = bytearray(base64.b64decode(question["logits"]))
    logits = torch.frombuffer(data, dtype=torch.float32).view(*question["shape"])
    return logits.to(DTYPES[question["dtype"]])


def step(question: Question) -> list[list[int]]:
    logits, mask = tensor(question), question["maskIndex"]
    x = torch.tensor(question["x"])
    conf = torch.zeros(x.shape, dtype=logits.dtype)
    for b, values in enumerate(question.get("conf", [])):
        conf[b] = torch.tensor([-torch.inf if value is None else value for value in values])
    torch.manual_seed(question["seed"])
    t = torch.full((len(x), 1, 1), question["t"])
    p = probabilities(logits, x, mask, question["nucleusP"])
    return update(question, x, p, t, question["dt"], conf).tolist()


def run(question: Question) -> list[list[list[int]]]:
    mask, steps, batch = question["maskIndex"], question["steps"], question["batch"]
    logits = tensor(question).expand(batch, -1, -1).contiguous()
    x = torch.full(logits.shape[:2], mask)
    conf = torch.full(x.shape, -torch.inf, dtype=logits.dtype)
    torch.manual_seed(question["seed"])
    states = []
    cached: Tensor | None = None
    times = torch.linspace(1, EPSILON, steps + 1)
    for time in times[:-1]:
        p = probabilities(logits, x, mask, question["nucleusP"]) if cached is None else cached
        t = time * torch.ones(batch, 1, 1)
        after = update(question, x, p, t, (1 - EPSILON) / steps, conf)
        cached = p if torch.allclose(after, x) else None
        x = after
        states.append(x.tolist())
    last = probabilities(logits, x, mask, 1).argmax(dim=-1)
    states.append(last.tolist())
    return states


def main() -> None:
    questions: list[Question] = json.load(sys.stdin)
    json.dump([step(one) if "x" in one else run(one) for one in questions], sys.stdout)


main()
