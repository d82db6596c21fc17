"""`crossmost doctor`: what this machine has, what the package can use of it, and what is missing for which feature."""

import argparse
import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..utils.command_line import Parser, first_line, run_command
from ..utils.extras import EXTRAS, install_command, missing_modules
from ..utils.machine import available_cores, cpu_precision


LIBRARIES = (
    *("torch", "transformers", "huggingface_hub", "safetensors", "numpy", "trimesh", "embreex"),
    *("accelerate", "datasets", "evaluate", "timm", "matplotlib", "gradio", "onnxruntime"),
)
HUB_SECONDS = 3.0


def make_parser() -> Parser:
    """Return the command's options."""
    parser = Parser(
        "crossmost doctor",
        "Shows what this machine has, what the package can use of it, and what is missing for which feature.",
        "crossmost doctor --json",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser


def library_versions() -> dict[str, str | None]:
    """Version of the package and of every library that it may use; None where it is not installed."""
    found: dict[str, str | None] = {}
    for name in ("crossmost", *LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def devices() -> list[dict[str, Any]]:
    """CPU and accelerators: name, memory in GiB where it is known, and the precisions that are worth using there."""
    import torch

    cpu = ["fp32", *(["bf16"] if cpu_precision() == "bf16" else [])]
    found: list[dict[str, Any]] = [
        {"device": "cpu", "name": f"{available_cores()} cores, {platform.machine()}", "precision": cpu}
    ]
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        precision = ["fp32", "fp16"]
        if card.major >= 8:
            precision[1:1] = ["tf32", "bf16"]
        memory = round(card.total_memory / 2**30, 1)
        found.append({"device": f"cuda:{index}", "name": card.name, "memory": memory, "precision": precision})
    if torch.backends.mps.is_available():
        found.append({"device": "mps", "name": "Apple GPU", "precision": ["fp32", "fp16"]})
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        found.append({"device": "xpu", "name": torch.xpu.get_device_name(), "precision": ["fp32", "bf16", "fp16"]})
    return found


def hub_state() -> dict[str, Any]:
    """Address of the Hub, whether it answers within seconds, and whether a token is stored."""
    from huggingface_hub import constants, get_session, get_token

    state: dict[str, Any] = {"endpoint": constants.ENDPOINT, "token": get_token() is not None}
    if constants.HF_HUB_OFFLINE:
        return {**state, "reachable": False, "reason": "HF_HUB_OFFLINE is set"}
    try:
        get_session().head(constants.ENDPOINT, timeout=HUB_SECONDS)
    except Exception as error:  # every transport has errors of its own, and each means that nothing answers
        return {**state, "reachable": False, "reason": first_line(error)}
    return {**state, "reachable": True, "reason": ""}


def caches() -> dict[str, dict[str, Any]]:
    """Folders that fill up: where they are and how many MB they hold (0 where there is none)."""
    from huggingface_hub import constants

    datasets = os.environ.get("HF_DATASETS_CACHE") or str(Path(constants.HF_HOME) / "datasets")
    folders = {
        "Hub": constants.HF_HUB_CACHE,
        "datasets": datasets,
        "generated furniture": os.environ.get("CROSSMOST_CACHE") or str(Path(datasets) / "crossmost"),
    }
    return {name: {"folder": folder, "megabytes": _megabytes(Path(folder))} for name, folder in folders.items()}


def _megabytes(folder: Path) -> float:
    sizes = (path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return round(sum(sizes) / 1e6, 1) if folder.is_dir() else 0.0


def features() -> dict[str, dict[str, Any]]:
    """Every extra: what it is for, which of its libraries are missing, and what installs them."""
    found = {}
    for name, extra in EXTRAS.items():
        missing = missing_modules(name)
        remedy = install_command(name) if missing else ""
        found[name] = {"purpose": extra.purpose, "missing": missing, "remedy": remedy}
    return found


def examine() -> dict[str, Any]:
    """Everything that the command shows."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "versions": library_versions(),
        "devices": devices(),
        "hub": hub_state(),
        "caches": caches(),
        "features": features(),
    }


def as_text(found: dict[str, Any]) -> str:
    """Return what [`examine`] found, for a terminal."""
    lines = [f"Python {found['python']} on {found['system']}", "", "Libraries"]
    lines += [f"  {name:<18}{number or 'not installed'}" for name, number in found["versions"].items()]
    lines += ["", "Devices"]
    for device in found["devices"]:
        memory = f", {device['memory']} GiB" if "memory" in device else ""
        lines.append(f"  {device['device']:<18}{device['name']}{memory}; {', '.join(device['precision'])}")
    hub = found["hub"]
    answer = "reachable" if hub["reachable"] else f"not reachable ({hub['reason']})"
    lines += ["", "Hub", f"  {hub['endpoint']}  {answer}; {'a' if hub['token'] else 'no'} token is stored"]
    lines += ["", "Caches"]
    lines += [
        f"  {name:<20}{cache['megabytes']:>10,.1f} MB  {cache['folder']}" for name, cache in found["caches"].items()
    ]
    lines += ["", "Features", "  classify, pipeline: ready"]
    for name, feature in found["features"].items():
        state = f"missing {', '.join(feature['missing'])}: {feature['remedy']}" if feature["missing"] else "ready"
        lines.append(f"  {name} ({feature['purpose']}): {state}")
    return "\n".join(lines)


def run(arguments: argparse.Namespace) -> int:
    """Print what was found."""
    found = examine()
    print(json.dumps(found, indent=2) if arguments.json else as_text(found))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run_command(make_parser(), run, argv)
