"""Write an A2D model of Qwen2.5-0.5B's shape with random bfloat16 weights, to chat with.

``.venv/bin/python scripts/checkpoints/random_a2d.py OUT`` from the repository; ``OUT`` has 1 GB.
Its tokenizer is that of the tests' LLaDA, filled up to a vocabulary of this size, and so are its
special tokens and its chat template. A turn then takes as long as one of a trained model that does
not end early:

``echo "Who wrote Hamlet?" | npx remdm chat --checkpoint OUT --dtype float32``
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "py_backend"), str(Path(__file__).resolve().parent)]

from random_llada import write

from remdm_backend.checkpoint.architectures.a2d import A2D_QWEN2

TOKENIZER = ROOT / "test" / "golden" / "llm" / "llada"
COLUMNS = 151936
TOKENS = 151667
"""As Dream's tokenizer; the other columns are padding."""
CONFIG: dict[str, object] = {
    "architectures": ["A2DQwen2LMHeadModel"], "model_type": "a2d-qwen2",
    "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
    "num_attention_heads": 14, "num_key_value_heads": 2, "hidden_act": "silu",
    "rms_norm_eps": 1e-6, "rope_theta": 1e6, "max_position_embeddings": 32768,
    "tie_word_embeddings": True, "use_sliding_window": False, "vocab_size": COLUMNS,
    "eos_token_id": 0, "torch_dtype": "bfloat16",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a random A2D of Qwen2.5-0.5B's shape.")
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out
    write(out, CONFIG, A2D_QWEN2)
    tokenizer = json.loads((TOKENIZER / "tokenizer.json").read_text("utf-8"))
    added = [entry["id"] for entry in tokenizer["added_tokens"]]
    vocab = tokenizer["model"]["vocab"]
    first = max([*vocab.values(), *added]) + 1
    vocab |= {f"<unused {index}>": index for index in range(first, TOKENS)}
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), "utf-8")
    settings = (TOKENIZER / "tokenizer_config.json").read_text("utf-8")
    (out / "tokenizer_config.json").write_text(settings, "utf-8")


if __name__ == "__main__":
    main()
