"""P2, self-planning (arXiv 2502.03540; pengzhangzhi/Path-Planning, `p2.py`)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from checkouts import Published, StandIns, imported, no_bar
from hash_network import HashNetwork
from recording import Case, Recording, case_of, network_of, recorded, start_of
from torch import Tensor

REPOSITORY = "pengzhangzhi/Path-Planning"

# The schedules' module can draw them with matplotlib; nobody asks it to.
STAND_INS: StandIns = {
    "matplotlib": {},
    "matplotlib.pyplot": {},
    "tqdm": {"tqdm": no_bar},
}
PROMPT = (3, 7, 1, 12, 5)
GAPS = [3, 19, 19, 1, 12, 19, 19, 19, 19, 5, 19, 19, 19, 19, 19, 8]


def record(checkout: Path) -> list[Recording]:
    sources = checkout / "src"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.cuda.amp.autocast: an old name, and no CUDA
        sampling = imported(sources, "path_planning/p2.py", STAND_INS)
        scores = imported(sources, "path_planning/score_function.py", STAND_INS)
        schedules = imported(sources, "path_planning/scheduler.py", STAND_INS)

        def sample(network: HashNetwork, case: Case) -> Tensor:
            tokens: Tensor = getattr(sampling, case["function"])(
                start_of(case),
                lambda x: network(x).logits,
                case["maskId"],
                **_named(case["options"], scores, schedules),
            )
            return tokens

        return [recorded(case, network_of(case), sample) for case in cases()]


def _named(options: dict[str, Any], scores: Published, schedules: Published) -> dict[str, Any]:
    """The options with functions in the place of their names."""
    functions = {"score_fn": scores, "kappa_fn": schedules}
    return {
        key: getattr(functions[key], value) if key in functions else value
        for key, value in options.items()
    }


def cases() -> list[Case]:
    return [*_likeliest(), *_equal_scores(), *_drawn(), *_fixed_orders()]


def _planned(
    steps: int,
    eta: float,
    *,
    tau: float = 0.0,
    score: str = "logP",
    kappa: str = "linear",
    length: int = 16,
    prompt: tuple[int, ...] = (3, 7, 1, 12),
    start: list[int] | None = None,
    seed: int = 0,
    sharpness: float = 1.0,
) -> Case:
    options = {
        "num_steps": steps,
        "tau": tau,
        "eta": eta,
        "score_fn": score,
        "kappa_fn": f"{kappa}_scheduler",
    }
    case = case_of(
        "p2_sampling", options, length=length, prompt=prompt, seed=seed, sharpness=sharpness
    )
    if start is not None:
        case["start"] = start
    return case


def _likeliest() -> list[Case]:
    """tau 0: nothing is drawn, at each position the likeliest token is planned with."""
    whole: dict[str, Any] = {"prompt": ()}
    return [
        *[_planned(16, eta, **whole) for eta in (0.0, 0.25, 1.0, 2.0, 8.0)],
        *[_planned(steps, 2.0, **whole) for steps in (1, 5, 7, 40)],
        *[_planned(10, eta, prompt=PROMPT) for eta in (0.0, 1.0, 4.0)],
        *[_planned(6, eta, prompt=(), start=GAPS) for eta in (0.0, 1.0, 4.0)],
        *[_planned(12, 1.5, sharpness=sharpness) for sharpness in (0.25, 4.0)],
        *[
            _planned(12, 1.0, kappa=kappa)
            for kappa in ("sine", "geometric", "log", "poly2", "poly05")
        ],
        *[_planned(12, eta, score="diff_top2") for eta in (0.5, 1.0)],
        _planned(24, 2.0, prompt=PROMPT, length=24),
        _planned(4, 1.0, prompt=tuple(range(15))),
        _planned(4, 1.0, prompt=tuple(range(16))),
    ]


def _equal_scores() -> list[Case]:
    """Probabilities that float64 cannot tell from 1 are equals: fewer are masked than asked for."""
    return [_planned(12, eta, sharpness=32.0) for eta in (0.0, 1.0, 2.0)]


def _drawn() -> list[Case]:
    return [
        *[
            _planned(12, eta, tau=tau, seed=seed)
            for seed, tau in ((1, 1.0), (2, 0.5))
            for eta in (0.0, 1.0, 2.0)
        ],
        *[
            _planned(12, eta, tau=tau, score="random_score", seed=3)
            for eta in (0.0, 1.0)
            for tau in (0.0, 1.0)
        ],
    ]


def _fixed_orders() -> list[Case]:
    """`p2_plus_sampling`: the first call fixes the order; None is a token a step."""
    settings = ((None, 0.0, ()), (5, 0.0, ()), (5, 0.0, PROMPT), (16, 1.0, ()))
    return [
        case_of(
            "p2_plus_sampling",
            {"num_steps": steps, "tau": tau},
            length=16,
            seed=4,
            prompt=prompt,
        )
        for steps, tau, prompt in settings
    ]
