"""Loading of a saved model with its processor: whatever is wrong with it is one sentence."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers.utils import logging as transformers_logging

from .. import CrossMoSTModel, CrossMoSTProcessor


Model = TypeVar("Model", bound=CrossMoSTModel)


def load_model_and_processor(
    name: str, model_class: type[Model], new_weights: Sequence[str] = (), **options: Any
) -> tuple[Model, CrossMoSTProcessor]:
    """Loads a saved model in fp32, and its processor.

    Args:
        name: Hub id or folder.
        model_class: what to load it as.
        new_weights: beginnings of the names of weights that the checkpoint may lack.
        options: further arguments of `from_pretrained`.

    Raises:
        ValueError: nothing loadable there, or weights that do not fit.
    """
    # "assets/x" could be a Hub id, but not where there is a folder "assets"; asking the Hub would cost half a minute.
    if not Path(name).is_dir() and Path(Path(name).parts[0] if name else ".").is_dir():
        raise ValueError(f"the model {name!r} cannot be loaded: there is no such folder.")
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # the load report would call new weights missing
    try:
        loaded: Any = model_class.from_pretrained(name, output_loading_info=True, **options)
        model, info = loaded
        processor = CrossMoSTProcessor.from_pretrained(name)
    except Exception as error:  # a damaged file surfaces as many types, and each is the user's to mend
        reason = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
        raise ValueError(f"the model {name!r} cannot be loaded ({reason}).") from error
    finally:
        transformers_logging.set_verbosity(verbosity)
    lacking = sorted(key for key in info["missing_keys"] if not key.startswith(tuple(new_weights)))
    if lacking or info["mismatched_keys"]:
        first = lacking[0] if lacking else next(iter(info["mismatched_keys"]))
        raise ValueError(f"the checkpoint {name!r} lacks weights of the model, such as {first}: it is incomplete.")
    return model.to(torch.float32), processor


def bundled_model() -> str:
    """The folder of the checkpoint that comes with the repository.

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
