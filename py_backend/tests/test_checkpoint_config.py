"""What a training run's config decides about sampling is read, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from make_checkpoint import Recipe, checkpoint_dict, config_node, config_of, save

from remdm_backend.checkpoint.load import load_network
from remdm_backend.errors import BackendError
from remdm_backend.model.card import ModelCard

Family = Callable[[], dict[str, Any]]
RECIPE = Recipe(hidden=32, blocks=2, heads=2, cond=16, vocab=41, length=24)


def bd3lms(**changes: object) -> dict[str, Any]:
    """The settings of kuleshov-group/bd3lms for its ``algo=mdlm``, references included."""
    config = config_of(RECIPE)
    for key in ("backbone", "parameterization", "time_conditioning", "T", "subs_masking"):
        del config[key]
    return config | {
        "diffusion": "absorbing_state",
        "block_size": "${model.length}",
        "algo": {
            "name": "mdlm", "backbone": "dit", "parameterization": "subs", "T": 0,
            "time_conditioning": False, "causal_attention": False, "dropout": 0.0,
            "ignore_bos": True, "cross_attn": False, "var_min": False, "clip_search_widths": [],
            "sampler": "semi_ar", "mdlm_loss_scale": False,
        } | changes,
    }  # fmt: skip


def duo(**changes: object) -> dict[str, Any]:
    """The settings of s-sahoo/duo for its ``algo=mdlm``."""
    config = bd3lms()
    for key in ("diffusion", "block_size"):
        del config[key]
    return config | {
        "noise": {"type": "log-linear", "eps": 1e-3},
        "prior": {"type": "none"},
        "algo": {
            "name": "mdlm", "backbone": "dit", "parameterization": "subs", "T": 0,
            "time_conditioning": False, "subs_masking": False, "causal_attention": False,
            "ignore_bos": False, "loss_type": "elbo",
        } | changes,
    }  # fmt: skip


def written(path: Path, config: dict[str, Any]) -> Path:
    content = checkpoint_dict(RECIPE)
    content["hyper_parameters"]["config"] = config_node(config)
    save(content, path)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.ckpt"


def card_of(path: Path, config: dict[str, Any]) -> ModelCard:
    return load_network(written(path, config), device="cpu").card


def refusal(path: Path, config: dict[str, Any]) -> BackendError:
    with pytest.raises(BackendError) as caught:
        load_network(written(path, config), device="cpu")
    assert caught.value.remedy
    assert "Download" not in caught.value.remedy
    return caught.value


def deep(config: dict[str, Any], dotted: str, value: object) -> dict[str, Any]:
    """``config`` with one setting changed."""
    first, _, rest = dotted.partition(".")
    if not rest:
        return config | {first: value}
    return config | {first: deep(config.get(first, {}), rest, value)}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("diffusion", "uniform"),
        ("noise.type", "cosine"),
        ("noise.type", "geometric"),
        ("noise.type", "linear"),
        ("noise.type", "polynomial"),
        ("noise.eps", 0.1),
        ("prior.type", "uniform"),
        ("model.type", "dimamba"),
        ("model.type", "unet"),
        ("model.causal", True),
        ("model.causal_attention", True),
        ("block_size", 4),
        ("data.num_classes", 10),
    ],
)
@pytest.mark.parametrize("family", [lambda: config_of(RECIPE), bd3lms, duo])
def test_a_setting_that_is_not_sampled_here_is_refused_by_name(
    path: Path, family: Family, setting: str, value: object
) -> None:
    error = refusal(path, deep(family(), setting, value))
    assert error.code == "checkpoint_unsupported"
    assert f"{setting} is {value!r}" in error.message


@pytest.mark.parametrize("parameterization", ["sedd", "d3pm"])
def test_uniform_noise_is_refused_for_every_parameterization(
    path: Path, parameterization: str
) -> None:
    recipe = Recipe(hidden=32, heads=2, parameterization=parameterization)
    error = refusal(path, config_of(recipe) | {"diffusion": "uniform"})
    assert error.code == "checkpoint_unsupported"
    assert "diffusion is 'uniform', not 'absorbing_state'" in error.message


@pytest.mark.parametrize("family", [bd3lms, duo])
def test_the_mdlm_of_a_sibling_repository_loads(path: Path, family: Family) -> None:
    card = card_of(path, family())
    assert (card.kind, card.length, card.n_heads, card.time_conditioning) == ("mdlm", 24, 2, False)
    assert (card.vocab_size, card.mask_id, card.weights) == (41, 40, "ema")


@pytest.mark.parametrize("ignored", [True, False])
def test_a_first_token_that_training_never_masked_is_told_in_the_log(
    path: Path, ignored: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    card_of(path, bd3lms(ignore_bos=ignored))
    assert ("algo.ignore_bos" in capfd.readouterr().err) == ignored


def test_time_conditioning_of_a_sibling_is_read(path: Path) -> None:
    assert card_of(path, duo(time_conditioning=True)).time_conditioning


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (bd3lms(name="bd3lm", cross_attn=True), "algo.name is 'bd3lm'"),
        (bd3lms(name="sedd", parameterization="sedd"), "algo.name is 'sedd'"),
        (bd3lms(name="ar", parameterization="ar"), "algo.name is 'ar'"),
        (duo(name="duo", parameterization="mean"), "algo.name is 'duo'"),
        (duo(name="duo_base", parameterization="mean"), "algo.name is 'duo_base'"),
        (duo(name="d3pm", parameterization="mean"), "algo.name is 'd3pm'"),
        (duo(name="distillation", parameterization="mean"), "algo.name is 'distillation'"),
        (duo(parameterization="mean"), "parameterization is 'mean'"),
        (duo(parameterization="sedd"), "parameterization is 'sedd'"),
        (duo(backbone="dimamba"), "backbone is 'dimamba'"),
        (bd3lms(cross_attn=True), "algo.cross_attn is True"),
        (bd3lms(var_min=True), "algo.var_min is True"),
        (duo(causal_attention=True), "algo.causal_attention is True"),
    ],
)
def test_other_models_of_the_siblings_are_refused_by_name(
    path: Path, config: dict[str, Any], named: str
) -> None:
    error = refusal(path, config)
    assert error.code == "checkpoint_unsupported"
    assert named in error.message


def test_a_causal_baseline_that_is_not_causal_is_refused(path: Path) -> None:
    recipe = Recipe(hidden=32, heads=2, backbone="ar", parameterization="ar")
    error = refusal(path, deep(config_of(recipe), "model.causal", False))
    assert "model.causal is False, not True" in error.message


class TestReferences:
    """OmegaConf pickles ``${...}`` as it was written."""

    @pytest.mark.parametrize(
        "changes",
        [
            {"model.length": "${sizes.length}", "sizes": {"length": 24}},
            {"model.length": "${sizes.length}", "sizes": {"length": "${.same}", "same": 24}},
            {"model.length": "${..sizes.length}", "sizes": {"length": 24}},
            {"backbone": "${.network}", "network": "dit"},
        ],
    )
    def test_one_to_another_setting_is_followed(
        self, path: Path, changes: dict[str, object]
    ) -> None:
        config = config_of(RECIPE)
        for setting, value in changes.items():
            config = deep(config, setting, value)
        assert card_of(path, config).length == 24

    def test_a_whole_section_may_be_one(self, path: Path) -> None:
        config = config_of(RECIPE)
        config |= {"models": {"small": config["model"]}, "model": "${models.small}"}
        assert card_of(path, config).length == 24

    @pytest.mark.parametrize(
        ("setting", "text"),
        [
            ("model.length", "${oc.env:LENGTH}"),
            ("model.length", "${nowhere.length}"),
            ("model.n_heads", "${eval:2*1}"),
            ("noise.type", "${.kind}"),
            ("backbone", "d${model.rest}"),
            ("diffusion", "${diffusion}"),
            ("model", "${models.small}"),
        ],
    )
    def test_any_other_is_named_with_its_setting(self, path: Path, setting: str, text: str) -> None:
        error = refusal(path, deep(config_of(RECIPE), setting, text))
        assert error.code == "checkpoint_invalid"
        assert f"{setting} is the unresolved reference {text!r}" in error.message
        assert "OmegaConf.resolve" in error.remedy

    def test_references_that_branch_end(self, path: Path) -> None:
        """Each of the parts leads to all of the next: followed without a bound, 80 ** 9 steps."""
        rest = ".x" * 80
        config = config_of(RECIPE) | {"diffusion": f"${{a0{rest}}}"}
        for level in range(9):
            config[f"a{level}"] = {"x": f"${{a{level + 1}{rest}}}"}
        assert "unresolved reference" in refusal(path, config).message

    def test_a_very_long_one_is_not_followed(self, path: Path) -> None:
        config = config_of(RECIPE) | {"diffusion": "${model" + ".x" * 10**6 + "}"}
        error = refusal(path, config)
        assert "diffusion is the unresolved reference" in error.message
        assert len(error.message) < 500

    def test_one_that_nothing_here_needs_is_left_alone(self, path: Path) -> None:
        config = config_of(RECIPE) | {"loader": {"workers": "${eval:len(x)}"}}
        assert card_of(path, config).length == 24
