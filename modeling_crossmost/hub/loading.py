"""Loading of a saved model with its processor: whatever is wrong with it is one sentence."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers.utils import logging as transformers_logging

from .. import CrossMoSTModel, CrossMoSTProcessor
from ..utils.command_line import first_line


Model = TypeVar("Model", bound=CrossMoSTModel)


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Without transformers' progress bars and its load report, which calls weights missing that are meant to be new."""
    verbosity, has_bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if has_bars:
            transformers_logging.enable_progress_bar()


@contextmanager
def _loading(name: str) -> Iterator[None]:
    # "assets/x" could be a Hub id, but not where there is a folder "assets"; asking the Hub would cost half a minute.
    if not Path(name).is_dir() and Path(Path(name).parts[0] if name else ".").is_dir():
        raise ValueError(f"the model {name!r} cannot be loaded: there is no such folder.")
    try:
        with quiet_loading():
            yield
    except Exception as error:  # a damaged file raises many types, and none of them is a bug of ours
        raise ValueError(f"the model {name!r} cannot be loaded ({first_line(error)}).") from error


def load_model(name: str, model_class: type[Model], new_weights: Sequence[str] = (), **options: Any) -> Model:
    """Load a saved model in fp32.

    Args:
        name: Hub id or folder.
        model_class: what to load it as.
        new_weights: beginnings of the names of weights that the checkpoint may lack.
        options: further arguments of `from_pretrained`.

    Raises:
        ValueError: nothing loadable there, or weights that do not fit.
    """
    with _loading(name):
        loaded: Any = model_class.from_pretrained(name, output_loading_info=True, **options)
    model, info = loaded
    lacking = sorted(key for key in info["missing_keys"] if not key.startswith(tuple(new_weights)))
    if lacking or info["mismatched_keys"]:
        first = lacking[0] if lacking else next(iter(info["mismatched_keys"]))
        what = f"it is incomplete, or no saved {model_class.__name__}"
        raise ValueError(f"the checkpoint {name!r} lacks weights of the model, such as {first}: {what}.")
    return model.to(torch.float32)


def load_model_and_processor(
    name: str, model_class: type[Model], new_weights: Sequence[str] = (), **options: Any
) -> tuple[Model, CrossMoSTProcessor]:
    """Load a saved model as [`load_model`] does, and its processor."""
    model = load_model(name, model_class, new_weights, **options)
    with _loading(name):
        return model, CrossMoSTProcessor.from_pretrained(name)


def bundled_model() -> str:
    """Return the folder of the checkpoint that comes with the repository.

    Raises:
        ValueError: the package was installed without the repository.
    """
    folder = Path(__file__).resolve().parents[2] / "assets" / "crossmost-mini"
    if not folder.is_dir():
        raise ValueError(
            "the bundled model is part of the repository and not of the installed package: name a Hub id or a folder "
            "with --model."
        )
    return str(folder)
