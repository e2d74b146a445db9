#!/bin/sh
# One would guess: with Lightning's EMAWeightAveraging, `trainer.save_checkpoint(file, weights_only=True)` always holds
# the same kind of weights, and a full file holds both kinds.
# In truth a file of weights only holds the trained weights while training runs and the average once it has ended; nothing
# in the file tells which. A full file written after the end has the average twice: the trained weights are gone.
# Hurt: who evaluates "the averaged model" from files of weights only, or wants to train on from the end.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet "lightning==2.6.6" "torch==2.13.0" "numpy==2.4.6"
cd "$place"
venv/bin/python - <<'PYTHON'
import logging
import warnings

warnings.filterwarnings("ignore")
import lightning
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Model(LightningModule):
    """One weight: 1, 2, 3 after the steps; its average with decay 0.5 is 1, 1.5, 2.25."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch, index):
        return -self.weight.sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


class Save(Callback):
    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == 3:
            both(trainer, "during")


def both(trainer, when):
    for only in (False, True):
        trainer.save_checkpoint(f"{when}-{only}.ckpt", weights_only=only)


trainer = Trainer(
    accelerator="cpu", max_epochs=1, logger=False, enable_progress_bar=False,
    enable_model_summary=False, enable_checkpointing=False,
    callbacks=[EMAWeightAveraging(decay=0.5), Save()],
)
trainer.fit(Model(), torch.utils.data.DataLoader(torch.zeros(3, 1)))
both(trainer, "after")

print(f"lightning {lightning.__version__}, torch {torch.__version__}")
seen = {}
for when in ("during", "after"):
    for only in (False, True):
        file = torch.load(f"{when}-{only}.ckpt", weights_only=False)
        values = [file[key]["weight"].item() for key in ("state_dict", "current_model_state") if key in file]
        seen[when, only] = values
        kind = "weights only" if only else "full        "
        print(f"{when:6} the training, {kind}: state_dict {values[0]}, current_model_state {values[1:] or 'none'}")
trained, average = 3.0, 2.25
expected = {
    ("during", False): [average, trained], ("during", True): [trained],
    ("after", False): [average, average], ("after", True): [average],
}
raise SystemExit(0 if seen == expected else "the behaviour has changed")
PYTHON
