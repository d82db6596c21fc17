"""What each extra of the package is for, and the sentence for a library that is not installed."""

from importlib.util import find_spec
from typing import NamedTuple


class Extra(NamedTuple):
    """One `[extra]` of pyproject.toml: what it is for, and the modules that the core does without."""

    purpose: str
    modules: tuple[str, ...]


EXTRAS = {
    "train": Extra(
        "training and evaluation", ("accelerate", "datasets", "evaluate", "matplotlib", "timm", "tqdm", "yaml")
    ),
    "data": Extra(
        "preparation of point-view pairs",
        ("datasets", "filelock", "h5py", "mapbox_earcut", "pyarrow", "tqdm", "yaml"),
    ),
    "space": Extra("the Gradio page", ("gradio",)),
    "export": Extra("ONNX and torch.export files", ("onnx", "onnxruntime", "onnxscript")),
}


def missing_modules(extra: str) -> list[str]:
    """Modules of an extra that are not installed."""
    return [module for module in EXTRAS[extra].modules if find_spec(module) is None]


def install_command(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'crossmost[{extra}]'"


def missing_extra_sentence(error: ModuleNotFoundError) -> str | None:
    """What to install for a module that was not found; None where it belongs to no extra."""
    module = (error.name or "").split(".")[0]
    found = [name for name, extra in EXTRAS.items() if module in extra.modules]
    return f"{module} is not installed: {install_command(found[0])}" if found else None
