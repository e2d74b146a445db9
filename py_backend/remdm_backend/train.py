"""This program trains a small language model on one text file.

Run it as ``python -m remdm_backend.train --text FILE --out DIR``; ``--objective`` says which
family: MDLM, SEDD or AR. It writes ``model.safetensors`` (the moving average of the weights),
``card.json`` and ``tokenizer.json``, which ``load_network(DIR)`` reads. Ctrl-C saves; the same
command continues, with the result that the uninterrupted run would have had. It needs the ``train``
extra (``tokenizers``).
"""

from __future__ import annotations

import hashlib
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import torch
from torch import nn

from remdm_backend.checkpoint.card_file import CARD_FILE
from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError
from remdm_backend.training.corpus import (
    Corpus,
    build_corpus,
    even_windows,
    random_windows,
    read_text,
)
from remdm_backend.training.export import export
from remdm_backend.training.objective import OBJECTIVES, Noised
from remdm_backend.training.options import Options, Recipe, parse
from remdm_backend.training.state import Run, step_generator

STATE_FILE = "training-state.pt"
VALIDATION_BATCH = 32


def main(argv: list[str] | None = None) -> int:
    """Run the trainer and return its exit code.

    0 finished, 2 cannot start (the reason is on stderr), 130 interrupted and saved.
    """
    recipe, options = parse(argv)
    try:
        return train(recipe, options)
    except (OSError, UnicodeDecodeError, ValueError, ImportError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2


def train(recipe: Recipe, options: Options) -> int:
    state_file = options.out / STATE_FILE
    if (options.out / CARD_FILE).exists() and not (state_file.exists() or options.overwrite):
        raise ValueError(
            f"{options.out} holds a finished checkpoint: give --overwrite to replace it"
        )
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    text = read_text(options.text)
    corpus = build_corpus(
        text,
        vocab=recipe.vocab,
        length=recipe.length,
        validation_share=recipe.validation_share,
        tokenizer=options.tokenizer,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    run = start(recipe, corpus, options, state_file)
    validation = validation_batches(recipe, corpus)
    print(
        f"{sum(p.numel() for p in run.network.parameters()):,} parameters, "
        f"{len(corpus.train):,} training and {len(corpus.validation):,} validation tokens, "
        f"from step {run.step}",
        flush=True,
    )
    if not loop(run, corpus, validation, options, state_file):
        print(f"saved at step {run.step}; the same command continues", flush=True)
        return 130
    dtype: torch.dtype = getattr(torch, options.weights_dtype)
    run.average.round_to(dtype)  # so that the card's loss is that of the file's weights
    final = validate(run, validation, corpus)
    export(run, corpus, options, text=text, validation_loss=final)
    state_file.unlink(missing_ok=True)
    print(f"wrote {options.out} (validation loss {final:.4f} nats per token)", flush=True)
    return 0


def start(recipe: Recipe, corpus: Corpus, options: Options, state_file: Path) -> Run:
    """Make a new run, or load the interrupted one."""
    torch.manual_seed(step_generator(recipe.seed, -1).initial_seed())
    network = OBJECTIVES[recipe.objective].network(recipe.shape(corpus.mask_id + 1))
    init = None if options.init is None else begin_with(network, options.init)
    run = Run(network.to(options.device), recipe, corpus.fingerprint, init)
    if state_file.exists():
        run.load(state_file)
    return run


def begin_with(network: nn.Module, checkpoint: Path) -> str:
    """Give ``network`` the weights of a checkpoint; return their fingerprint.

    Raises ``ValueError`` if the checkpoint has another shape.
    """
    try:
        weights = load_network(checkpoint, device="cpu").backbone.state_dict()
        network.load_state_dict(weights)
    except (BackendError, RuntimeError) as error:
        raise ValueError(f"--init {checkpoint}: {error}") from error
    digest = hashlib.sha256()
    for value in weights.values():
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def loop(
    run: Run, corpus: Corpus, validation: list[Noised], options: Options, state_file: Path
) -> bool:
    """Train to the last step; return ``False`` if a Ctrl-C ended it early. It saves in both
    cases."""
    recipe = run.recipe
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    previous = signal.signal(signal.SIGINT, ask)
    started, first, losses = time.monotonic() - run.seconds, run.step, 0.0
    begun = time.monotonic()
    try:
        while run.step < recipe.steps and not asked:
            losses += train_step(run, corpus)
            run.seconds = time.monotonic() - started
            done = run.step - first
            if run.step % 10 == 0 or run.step == recipe.steps:
                rate = done / (time.monotonic() - begun)
                since = run.step % 10 or 10
                print(
                    f"step {run.step}/{recipe.steps}  loss {losses / min(since, done):.4f}  "
                    f"{rate * recipe.batch * recipe.length:,.0f} tokens/s  "
                    f"left {(recipe.steps - run.step) / rate / 60:.1f} min",
                    flush=True,
                )
                losses = 0.0
            if run.step % options.validate_every == 0:
                value = validate(run, validation, corpus)
                print(f"step {run.step}  validation {value:.4f} nats per token", flush=True)
            if run.step % options.save_every == 0:
                run.save(state_file)
        run.save(state_file)
    finally:
        signal.signal(signal.SIGINT, previous)
    return run.step >= recipe.steps


def train_step(run: Run, corpus: Corpus) -> float:
    """Take one optimizer step; return the loss of its batch in nats per token."""
    recipe = run.recipe
    generator = step_generator(recipe.seed, run.step)
    x0 = random_windows(corpus.train, recipe.length, recipe.batch, generator)
    device = next(run.network.parameters()).device
    objective = OBJECTIVES[recipe.objective]
    batch = objective.draw(x0, corpus.ends, generator).to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=recipe.bf16):
        loss = objective.loss(run.network, batch, corpus.mask_id)
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(recipe, run.step)
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # PyTorch does not annotate it
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), recipe.clip)
    run.optimizer.step()
    run.average.update(run.network)
    run.step += 1
    return float(loss.detach())


def learning_rate(recipe: Recipe, step: int) -> float:
    """Return the rate of a step: linear warmup, then linear decay to zero ("Straight to Zero",
    arXiv 2502.15938)."""
    warmup = (step + 1) / max(1, recipe.warmup)
    decay = (recipe.steps - step) / max(1, recipe.steps - recipe.warmup)
    return recipe.lr * min(1, warmup, decay)


def validation_batches(recipe: Recipe, corpus: Corpus) -> list[Noised]:
    """Draw the same windows and the same noise every time, so that two validations can be
    compared."""
    generator = step_generator(recipe.seed, -2)
    windows = even_windows(corpus.validation, recipe.length, recipe.validation_windows)
    draw = OBJECTIVES[recipe.objective].draw
    parts = torch.split(windows, VALIDATION_BATCH)
    return [draw(part, corpus.ends, generator) for part in parts]


@torch.no_grad()
def validate(run: Run, batches: list[Noised], corpus: Corpus) -> float:
    """Return the objective on the validation windows, in nats per token, under the averaged
    weights.
    """
    loss = OBJECTIVES[run.recipe.objective].loss
    device = next(run.network.parameters()).device
    raw = {name: p.detach().clone() for name, p in run.network.named_parameters()}
    run.network.load_state_dict(run.average.shadow, strict=False)
    try:
        sizes = [batch.xt.numel() for batch in batches]
        totals = [
            float(loss(run.network, batch.to(device), corpus.mask_id)) * size
            for batch, size in zip(batches, sizes, strict=True)
        ]
    finally:
        run.network.load_state_dict(raw, strict=False)
    return sum(totals) / sum(sizes)


if __name__ == "__main__":
    sys.exit(main())
