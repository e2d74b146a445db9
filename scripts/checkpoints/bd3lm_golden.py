"""Make a tiny BD3-LM in the published format, and record what its authors' code makes of it.

    .venv/bin/python scripts/checkpoints/bd3lm_golden.py CHECKOUT test/golden/llm

CHECKOUT is kuleshov-group/bd3lms at ``REVISION``; its network also needs einops (0.8.2 was used).
Writes ``bd3lm/`` and ``bd3lm.json.gz``; ``test/golden/README.md`` says what is in them. The code
runs as it is on a CPU, except that its KV cache, which names a GPU and bfloat16, is laid out in
float32 in main memory.
"""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "parity" / "peers"))

from checkouts import imported, revision_of  # noqa: E402
from first_hitting import STAND_INS  # noqa: E402

REVISION = "1c3e8f43d88dfbcee5ff2aa6932a9e74b31ae1d7"
BLOCK, CONTEXT, VOCAB = 4, 32, 513
BOS = 0
SHAPE = {"hidden_dim": 32, "cond_dim": 16, "n_blocks": 2, "n_heads": 4}
Record = dict[str, Any]


def main(checkout: Path, out: Path) -> None:
    warnings.filterwarnings("ignore")
    if revision_of(checkout) != REVISION:
        raise SystemExit(f"{checkout} is at {revision_of(checkout)}, not at {REVISION}")
    sys.path.insert(0, str(checkout / "models"))
    hf = __import__("hf.modeling_bd3lm", fromlist=["BD3LM"])
    diffusion = imported(checkout, "diffusion.py", STAND_INS)
    model = made(hf)
    write(model, out / "bd3lm", checkout)
    golden = {
        "peer": "kuleshov-group/bd3lms", "revision": REVISION, "torch": torch.__version__,
        "eosId": BOS, "eotId": BOS, "forward": forward(model), "cached": cached(model),
        "cases": [case(diffusion, model, **options) for options in cases()],
    }  # fmt: skip
    text = json.dumps(golden, separators=(",", ":")).encode() + b"\n"
    (out / "bd3lm.json.gz").write_bytes(gzip.compress(text, 9, mtime=0))


def made(hf: Any) -> Any:  # noqa: ANN401
    """The published class with random weights, also where training begins with zeros."""
    torch.manual_seed(20)
    config = hf.BD3LMConfig(
        block_size=BLOCK, vocab_size=VOCAB, model_length=CONTEXT, attn_backend="sdpa",
        time_conditioning=False, return_dict=False, **SHAPE,
    )  # fmt: skip
    model = hf.BD3LM(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 0.3 if parameter.ndim == 1 else 1.5 * parameter.shape[-1] ** -0.5
            parameter.copy_(torch.randn_like(parameter) * spread + ("norm" in name))
        model.backbone.output_layer.linear.weight *= 0.3  # or one token would be drawn everywhere
    return model


def write(model: Any, directory: Path, checkout: Path) -> None:  # noqa: ANN401
    """As ``push_to_hf.py`` saves it, with the golden tokenizer beside it."""
    shutil.rmtree(directory, ignore_errors=True)
    published = f"kuleshov-group/bd3lm-owt-block_size{BLOCK}"
    model.config.auto_map = {
        "AutoConfig": f"{published}--configuration.BD3LMConfig",
        "AutoModelForMaskedLM": f"{published}--modeling_bd3lm.BD3LM",
    }
    model.save_pretrained(directory)
    shutil.copyfile(ROOT / "test" / "golden" / "tokenizer.json", directory / "tokenizer.json")


def packed(values: Tensor) -> str:
    return base64.b64encode(values.float().numpy().astype("<f4").tobytes()).decode()


def some_text(length: int, masked: int) -> Tensor:
    """``[2, length]``: tokens, with ``masked`` masks in the last block of the second text, and
    another in its middle."""
    x = torch.randint(1, VOCAB - 1, (2, length))
    x[:, 0] = BOS
    x[:, length - masked :] = VOCAB - 1
    x[1, length // 2] = VOCAB - 1
    return x


@torch.no_grad()
def forward(model: Any) -> Record:  # noqa: ANN401
    """Logits of one forward as it samples (block-causal), and as it is trained: the network is then
    given a noisy and a clean text at once, and predicts the noisy one."""
    torch.manual_seed(21)
    x = some_text(CONTEXT, 3)
    sigma = torch.zeros(2)
    logits = model(input_ids=x, timesteps=sigma, sample_mode=True)
    clean = torch.randint(1, VOCAB - 1, x.shape)
    clean = torch.where(x == VOCAB - 1, clean, x)
    trained = model(input_ids=torch.cat((x, clean), dim=1), timesteps=sigma, sample_mode=False)
    positions = [0, 1, 5, 15, 16, 17, 28, 29, 30, 31]
    return {
        "x": x.tolist(), "positions": positions, "shape": [2, len(positions), VOCAB],
        "output": packed(logits[:, positions]), "clean": clean.tolist(),
        "trained": packed(trained[:, positions]),
    }  # fmt: skip


def empty_cache(model: Any) -> None:  # noqa: ANN401
    """``reset_kv_cache``, in main memory and float32."""
    for block in model.backbone.blocks:
        block.kv_cache = torch.zeros(1, CONTEXT, 3 * SHAPE["hidden_dim"])
        block.cache_idx = 0


def no_cache(model: Any) -> None:  # noqa: ANN401
    for block in model.backbone.blocks:
        block.kv_cache = None


@torch.no_grad()
def cached(model: Any) -> Record:  # noqa: ANN401
    """Logits of the last block of a text of four times the context, block by block with the KV
    cache."""
    torch.manual_seed(22)
    x = some_text(4 * CONTEXT, 3)[:1]
    sigma = torch.zeros(1)
    empty_cache(model)
    for begin in range(0, x.shape[1] - BLOCK, BLOCK):
        block = x[:, begin : begin + BLOCK]
        model(input_ids=block, timesteps=sigma, sample_mode=True, store_kv=True)
    logits = model(input_ids=x[:, -BLOCK:], timesteps=sigma, sample_mode=True)
    no_cache(model)
    window = model(input_ids=x[:, -CONTEXT:], timesteps=sigma, sample_mode=True)[:, -BLOCK:]
    return {
        "x": x.tolist(), "shape": [BLOCK, VOCAB], "output": packed(logits),
        "windowApart": float((window - logits).abs().max()),
    }  # fmt: skip


def cases() -> list[Record]:
    return [
        {"seed": 1, "length": CONTEXT, "nucleus_p": 1.0, "kv_cache": False},
        {"seed": 1, "length": CONTEXT, "nucleus_p": 1.0, "kv_cache": True, "samples": 2},
        {"seed": 2, "length": CONTEXT, "nucleus_p": 0.9, "kv_cache": True},
        {"seed": 3, "length": 4 * CONTEXT, "nucleus_p": 0.9, "kv_cache": True},
        {"seed": 4, "length": 4 * CONTEXT, "nucleus_p": 1.0, "kv_cache": True},
        {"seed": 5, "length": CONTEXT, "nucleus_p": 1.0, "first_hitting": False, "num_steps": 8},
        {"seed": 6, "length": CONTEXT, "nucleus_p": 0.9, "first_hitting": False, "num_steps": 32},
        # Masks are left in the step that begins at time 0.
        {"seed": 7, "length": CONTEXT, "nucleus_p": 1.0, "first_hitting": False, "num_steps": 2},
        {"seed": 8, "length": CONTEXT, "nucleus_p": 0.9, "first_hitting": False, "num_steps": 2},
        {"seed": 9, "length": CONTEXT, "nucleus_p": 0.9, "first_hitting": False, "num_steps": 1},
    ]  # fmt: skip


@torch.no_grad()
def case(
    diffusion: Any,  # noqa: ANN401
    model: Any,  # noqa: ANN401
    *,
    seed: int,
    length: int,
    nucleus_p: float,
    kv_cache: bool = True,
    first_hitting: bool = True,
    num_steps: int = 5000,
    samples: int = 1,
) -> Record:
    """Runs of ``_semi_ar_sampler`` one after the other, seeded before the first."""
    calls: list[int] = []

    class OnTiny(diffusion.Diffusion):  # type: ignore[misc, name-defined]
        device = torch.device("cpu")
        dtype = torch.float32

        def __init__(self) -> None:
            nn.Module.__init__(self)
            self.config = SimpleNamespace(
                algo=SimpleNamespace(name="bd3lm", backbone="hf_dit"),
                model=SimpleNamespace(length=length),
                loader=SimpleNamespace(eval_batch_size=1),
                sampling=SimpleNamespace(
                    kv_cache=kv_cache, first_hitting=first_hitting, nucleus_p=nucleus_p,
                    var_length=False,
                ),
            )  # fmt: skip
            self.tokenizer = SimpleNamespace(bos_token_id=BOS, eos_token_id=BOS)
            self.mask_index = VOCAB - 1
            self.block_size = BLOCK
            self.parameterization = "subs"
            self.time_conditioning = False
            self.cross_attn = True
            self.neg_infinity = -1_000_000.0
            self.noise = diffusion.noise_schedule.LogLinearNoise()
            self.backbone = model

        def forward(self, x: Tensor, sigma: Tensor, **named: Any) -> Tensor:  # noqa: ANN401
            if not named.get("store_kv", False):
                calls.append(x.shape[1])
            logits: Tensor = super().forward(x, sigma, **named)
            return logits

    model.reset_kv_cache = lambda eval_batch_size: None
    sampler = OnTiny()
    torch.manual_seed(seed)
    np.random.seed(seed)
    tokens: list[int] = []
    for _ in range(samples):
        empty_cache(model) if kv_cache else no_cache(model)
        text, _ = sampler._semi_ar_sampler(1, num_steps, length // BLOCK, length, CONTEXT)
        tokens += text[0].tolist()
    options = {
        "length": length, "block_size": BLOCK, "num_steps": num_steps, "nucleus_p": nucleus_p,
        "first_hitting": first_hitting, "kv_cache": kv_cache, "samples": samples,
    }  # fmt: skip
    return {
        "sampler": "bd3lm", "options": options, "seed": seed, "promptIds": [BOS],
        "tokens": tokens, "forwardCalls": len(calls),
    }  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
