"""Psi samplers (arXiv 2602.21185; s-sahoo/duo, `trainer_base.py`) of a masked model."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import TypedDict
from unittest import mock

import torch
from checkouts import Published, StandIns, Unused, imported
from hash_network import HashNetwork
from recording import Case, Recording, case_of, network_of, recorded
from torch import Tensor, nn

REPOSITORY = "s-sahoo/duo"

# What only training, data and the configuration of a checkpoint need.
STAND_INS: StandIns = {
    "fsspec": {},
    "hydra": {},
    "hydra.utils": {},
    "lightning": {"LightningModule": nn.Module},
    "transformers": {"PreTrainedTokenizer": Unused},
    **{name: {} for name in ("dataloader", "metrics", "models", "utils")},
}


class Chances(TypedDict):
    """What a step draws from: null where the state has no such position."""

    reveal: float | None  # chance of a mask to become a token
    remask: float | None  # chance of a token to become a mask


class Run(Recording):
    times: list[float]  # float32, one more than steps
    kappas: list[float]  # float32, one for each of the times; the last is not used
    chances: list[Chances]  # after each call; the last step, where it is drawn, included


def record(checkout: Path) -> list[Run]:
    published = imported(checkout, "algo.py", STAND_INS)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "CUDA is not available", UserWarning)
        return [_run(published, case) for case in cases()]


def _run(published: Published, case: Case) -> Run:
    network = network_of(case)
    model = _on(published, network, case)
    drawn: list[Tensor] = []
    draw = published.trainer_base.sample_categorical

    def watched(probabilities: Tensor) -> Tensor:
        drawn.append(probabilities)
        tokens: Tensor = draw(probabilities)
        return tokens

    def sample(_: HashNetwork, case: Case) -> Tensor:
        with mock.patch.object(published.trainer_base, "sample_categorical", watched):
            tokens: Tensor = model.generate_samples(1, num_steps=case["options"]["steps"])
        return tokens

    recording = recorded(case, network, sample)
    times = model._get_sampling_time_profile(1e-5, case["options"]["steps"])
    return {
        **recording,
        "times": times.tolist(),
        "kappas": model._get_kappas(times).tolist(),
        "chances": [
            _chances(asked, probabilities, case["maskId"])
            for asked, probabilities in zip(network.asked, drawn, strict=False)
        ],
    }


def _chances(tokens: Tensor, probabilities: Tensor, mask: int) -> Chances:
    """Reads both chances from the column of the mask: it is the same at all positions of a kind."""
    masked = tokens == mask
    reveals = 1 - probabilities[masked][:, mask]
    remasks = probabilities[~masked][:, mask]
    return {
        "reveal": reveals[0].item() if len(reveals) else None,
        "remask": remasks[0].item() if len(remasks) else None,
    }


def _on(published: Published, network: HashNetwork, case: Case) -> Published:
    """The published class without weights; the hash network stands for its backbone."""

    def backbone(x: Tensor, **_: object) -> Tensor:
        logits: Tensor = network(x).logits
        return logits

    class OnHash(published.MDLM):  # type: ignore[misc]
        device = torch.device("cpu")

        def __init__(self) -> None:
            nn.Module.__init__(self)
            self.config = _config(case)
            self.sampler = "psi"
            self.mask_index = case["maskId"]
            self.num_tokens = case["length"]
            self.num_classes = None
            self.class_conditional = False
            self.time_conditioning = False
            self.p_nucleus = 1.0
            self.neg_infinity = -1_000_000.0
            self.noise = published.trainer_base.LogLinear(1e-3)
            self.backbone = backbone

    return OnHash()


def _config(case: Case) -> SimpleNamespace:
    options = {**case["options"]}
    removal = options.pop("noise_removal")
    sampling = {"noise_removal": removal, "use_float64": True, "guid_weight": None}
    psi = SimpleNamespace(**options)
    return SimpleNamespace(sampling=SimpleNamespace(**sampling, predictor="psi", psi=psi))


MODES = (
    "pure-posterior",
    "pure-pc",
    "constant-0.9",
    "constant-0.25",
    "max-capped-0.05",
    "max-capped-0.5",
    "max-rescale-0.05",
    "max-rescale-0.5",
    "max-rescale-1.0",
    "constant-remdm-0.02",
    "constant-remdm-0.3",
)


def cases() -> list[Case]:
    thirds = ("pure-posterior", "max-capped-0.1", "constant-0.9")
    return [
        *[_case(seed, (mode, mode, mode)) for seed, mode in enumerate(MODES)],
        _case(20, thirds, steps=12),
        _case(21, thirds, steps=15, fractions=(0.25, 0.25)),  # halves round to even counts
        _case(22, ("pure-pc", "constant-0.5", "max-rescale-0.8"), fractions=(0.0, 0.5)),
        *[
            _case(seed, ("pure-posterior", mode, "pure-posterior"), steps=14, profile=profile)
            for seed, (mode, profile) in enumerate(
                (
                    ("constant-0.9", "linear-constant-linear-0.5"),
                    ("constant-remdm-0.05", "linear-constant-linear-0.5"),
                    ("max-capped-0.05", "linear-constant-linear-0.9-inv"),
                    ("pure-posterior", "linear-constant-linear-0.25"),
                ),
                start=30,
            )
        ],
        *[
            _case(seed, ("constant-0.9",) * 3, steps=4, removal=removal)
            for seed, removal in enumerate(("ancestral", "greedy", "none"), start=40)
        ],
        _case(43, ("constant-0.9",) * 3, steps=1),
    ]


def _case(
    seed: int,
    modes: tuple[str, str, str],
    *,
    steps: int = 8,
    fractions: tuple[float, float] = (0.2, 0.6),
    profile: str = "linear",
    removal: str = "ancestral",
) -> Case:
    high, middle, low = modes
    return case_of(
        "MDLM.generate_samples",
        {
            "steps": steps,
            "time_profile": profile,
            "high_mode": high,
            "middle_mode": middle,
            "low_mode": low,
            "high_frac": fractions[0],
            "middle_frac": fractions[1],
            "noise_removal": removal,
        },
        length=10,
        seed=seed,
        prompt=(),
        vocab_size=12,
    )
