"""This module reads what the config of a training run decides about sampling.

A setting that asks for something else than is sampled here is refused by name. MDLM's and ReMDM's
repositories have the settings at the top (``parameterization``); their siblings bd3lms and duo have
them under ``algo``, beside the name of the algorithm.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from remdm_backend.checkpoint.config_record import Config, has_mask_token
from remdm_backend.checkpoint.contents import shown, unsupported
from remdm_backend.errors import BackendError
from remdm_backend.log import log
from remdm_backend.model.card import Kind

KINDS: dict[str, Kind] = {"subs": "mdlm", "sedd": "sedd", "d3pm": "d3pm"}
KNOWN = "Give an mdlm, sedd or d3pm checkpoint of the DiT backbone, or an ar checkpoint."
NOISES = (None, "loglinear", "log-linear")
EPS = 1e-3
"""Of the log-linear schedule alpha(t) = 1 - (1 - eps) t, in all four repositories."""
ABSENT_OR_FALSE = (None, False)
ABSENT_OR_TRUE = (None, True)

DIFFUSION: dict[str, tuple[object, ...]] = {
    "diffusion": (None, "absorbing_state"),
    "noise.type": NOISES,
    "noise.eps": (None, EPS),
    "prior.type": (None, "none"),
    "model.type": (None, "ddit"),
    "model.causal": ABSENT_OR_FALSE,
    "model.causal_attention": ABSENT_OR_FALSE,
    "algo.causal_attention": ABSENT_OR_FALSE,
    "algo.cross_attn": ABSENT_OR_FALSE,
    "algo.var_min": ABSENT_OR_FALSE,
    "data.num_classes": (None,),
}
"""Settings and what they may be for a diffusion model; ``None``: the config does not have it."""
AUTOREGRESSIVE: dict[str, tuple[object, ...]] = {
    "model.type": (None, "ddit"),
    "model.causal": ABSENT_OR_TRUE,
}


@dataclass(frozen=True)
class Facts:
    """What the config decides: ``length`` is the longest sequence, the rest is as in
    ``Contents``."""

    kind: Kind
    length: int
    n_heads: int
    time_conditioning: bool
    subs_masking: bool


def facts_of(path: Path, config: Config) -> Facts:
    """Read what the config says of the model, if it is one that can be run here.

    Raises ``BackendError``: ``checkpoint_unsupported`` by name where it is not,
    ``checkpoint_invalid`` where a setting is missing or cannot be read.
    """
    family = "algo." if config.has("algo") else ""
    kind = _kind(path, config, family)
    if has_mask_token(config.tokenizer):
        raise unsupported(
            path,
            "its tokenizer has a mask token of its own; only models whose mask is the index after "
            "the tokenizer's last are supported",
            "Give a checkpoint trained with GPT-2's tokenizer or one like it.",
        )
    length = config.integer("model.length")
    block_size = config.value("block_size")
    if kind != "ar" and block_size not in (None, length):
        raise refused(path, "block_size", block_size, (None, length))
    if config.value(family + "ignore_bos") is True:
        log(
            f"{path.name} was trained with {family}ignore_bos: its first token was never masked, "
            "so give it as a prompt (the original gives the tokenizer's token for the beginning)"
        )
    return Facts(
        kind=kind,
        length=length,
        n_heads=config.integer("model.n_heads"),
        time_conditioning=kind != "ar" and config.boolean(family + "time_conditioning"),
        subs_masking=kind == "d3pm" and config.boolean(family + "subs_masking"),
    )


def _kind(path: Path, config: Config, family: str) -> Kind:
    if family:
        algorithm = config.value("algo.name")
        if algorithm not in (None, "mdlm"):
            raise refused(path, "algo.name", algorithm, (None, "mdlm"))
    backbone = config.text(family + "backbone")
    parameterization = config.text(family + "parameterization")
    if not family and backbone == parameterization == "ar":
        _check(path, config, AUTOREGRESSIVE)
        return "ar"
    if backbone != "dit":
        raise unsupported(path, f"its backbone is {shown(backbone)}, not 'dit'", KNOWN)
    if parameterization not in (("subs",) if family else KINDS):
        raise unsupported(path, f"its parameterization is {shown(parameterization)}", KNOWN)
    _check(path, config, DIFFUSION)
    return KINDS[parameterization]


def _check(path: Path, config: Config, allowed: dict[str, tuple[object, ...]]) -> None:
    for setting, choices in allowed.items():
        value = config.value(setting)
        if value not in choices:
            raise refused(path, setting, value, choices)


def refused(path: Path, setting: str, value: object, choices: tuple[object, ...]) -> BackendError:
    known = " or ".join(repr(choice) for choice in choices if choice is not None)
    expected = f", not {known}" if known else ""
    return unsupported(path, f"its config's {setting} is {shown(value)}{expected}", KNOWN)
