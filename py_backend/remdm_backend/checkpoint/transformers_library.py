"""This module keeps Hugging Face's ``transformers`` at arm's length.

The library is imported when a model needs it, kept offline and quiet, and what it raises becomes a
typed error.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from remdm_backend.checkpoint.contents import invalid
from remdm_backend.errors import BackendError
from remdm_backend.installing import install_command
from remdm_backend.model.memory import is_out_of_memory

OLDEST = (5, 20)
"""What the tests ran with."""
RANGE = "transformers>=5.20,<6"
REQUIREMENTS = Path(__file__).parents[2] / "requirements-hf.txt"


@contextmanager
def transformers_at_work(directory: Path) -> Iterator[ModuleType]:
    """The library, for as long as it has to do with the model in ``directory``.

    Raises ``BackendError``: ``backend_start_failed`` if it is not installed, ``out_of_memory``, and
    ``checkpoint_invalid`` for anything else that it raises, for it checks a config by tripping over
    it. A file that cannot be read stays an ``OSError``.
    """
    transformers = import_transformers()
    hub: Any = importlib.import_module("huggingface_hub.constants")
    logging = transformers.utils.logging
    offline, verbosity = hub.HF_HUB_OFFLINE, logging.get_verbosity()
    progress_bars = logging.is_progress_bar_enabled()
    hub.HF_HUB_OFFLINE = True
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield transformers
    except (BackendError, OSError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise BackendError(
                "out_of_memory",
                f"The weights of {directory} do not fit the memory.",
                "Load them as bfloat16, or use a device with more memory.",
            ) from error
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        raise invalid(
            directory,
            f"transformers {transformers.__version__} cannot make a model of it ({reason})",
        ) from error
    finally:
        hub.HF_HUB_OFFLINE = offline
        logging.set_verbosity(verbosity)
        if progress_bars:
            logging.enable_progress_bar()


def import_transformers() -> ModuleType:
    """Import the library. Raises ``BackendError`` ``backend_start_failed`` if it is missing or too
    old."""
    try:
        transformers = importlib.import_module("transformers")
    except ImportError as error:
        raise _needed(f"it cannot be imported ({error})") from error
    version = str(transformers.__version__)
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        raise _needed(f"version {version} is there, and {RANGE} is needed")
    return transformers


def _needed(why: str) -> BackendError:
    return BackendError(
        "backend_start_failed",
        f"Models in the format of Hugging Face need the Python package transformers: {why}.",
        f"Install it: `{install_command(REQUIREMENTS, RANGE)}`",
    )
