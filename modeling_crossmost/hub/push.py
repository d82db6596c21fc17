"""Uploads to the Hub: a model with its processor, code and card, a prepared data set, the Space.

    crossmost push model outputs/quickstart/crossmost your-name/crossmost-furniture
    crossmost push dataset pairs/mine your-name/my-pairs
    crossmost push space space_app your-name/crossmost

An upload is one commit: the repository gets all files or none, and the same upload again sends only what is missing.
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import yaml
from huggingface_hub import CommitOperationAdd, HfApi, constants, get_token, metadata_load
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled
from huggingface_hub.utils import validate_repo_id

from ..configuration_crossmost import CrossMoSTConfig
from ..modeling_crossmost import CrossMoSTModel
from ..processing_crossmost import CrossMoSTProcessor
from ..utils.command_line import first_line
from .model_card import FOLDER_PLACEHOLDER, model_card


PACKAGE = Path(__file__).parent.parent
ROOT = PACKAGE.parent
BUNDLED_MODEL = Path("assets/crossmost-mini")
FURNITURE = Path("dataset_scripts/furniture")
LOG_IN = "run `hf auth login`, or set HF_TOKEN to a token that may write"
# What a run keeps for itself; hidden files and unfinished ones (`.name.tmp`) never travel.
LEFT_OUT = ("checkpoints", "__pycache__")

Files = dict[str, Path | bytes]  # path in the repository -> where the content is, or the content itself


class HubError(ValueError):
    """An upload that cannot be made; the message is one sentence without its full stop, to become part of another."""


def upload(files: Mapping[str, Path | bytes], repo_id: str, kind: str = "model", private: bool | None = None) -> str:
    """Upload files in one commit; the repository is made where there is none.

    Args:
        files: path in the repository -> local file or content.
        repo_id: "owner/name", or "name" in your own namespace.
        kind: "model", "dataset" or "space".
        private: whether a new repository is private; default the owner's setting.

    Returns:
        The repository's address.

    Raises:
        HubError: no token, no permission, an unreachable Hub, or whatever else it refuses.
    """
    if get_token() is None:
        raise HubError(f"the upload to {repo_id!r} needs a Hugging Face token: {LOG_IN}")
    additions = [CommitOperationAdd(name, content) for name, content in sorted(files.items())]
    api = HfApi()
    try:
        sdk = "gradio" if kind == "space" else None
        url = api.create_repo(repo_id, repo_type=kind, private=private, exist_ok=True, space_sdk=sdk)
        api.create_commit(url.repo_id, additions, repo_type=kind, commit_message=f"Upload {kind}")
    except Exception as error:  # the client passes on its HTTP library's errors, which change with its version
        raise HubError(f"the upload to {repo_id!r} failed: {_reason(error)}") from error
    return str(url)


def _reason(error: Exception) -> str:
    """Return what went wrong and what helps, as the end of a sentence."""
    said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, unset it"
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status in (401, 403):
            return f"the Hub refuses your token ({status}), {LOG_IN}"
        return f"the Hub answered {status} ({error.server_message or said})"
    if isinstance(error, ValueError | LocalTokenNotFoundError):  # a bad name or a bad card
        return said
    return f"{constants.ENDPOINT} cannot be reached ({said})"


def warn_without_token() -> None:
    """Warn before hours of training that the upload at their end will need a token, which may still come until then."""
    if get_token() is None:
        sys.stderr.write(f"warning: there is no Hugging Face token for the upload at the end: {LOG_IN}.\n")


def check_repo_id(repo_id: str) -> None:
    """Refuse an unusable repository name before hours of training.

    Raises:
        ValueError: not "owner/name" or "name" in letters that the Hub allows.
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise ValueError(f"{repo_id!r} is no name of a repository such as your-name/crossmost: {said}.") from error


def local_files(folder: Path) -> Files:
    """All files below a folder that belong to others too, by their path in it."""
    found: Files = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") or part in LEFT_OUT for part in parts):
            found["/".join(parts)] = path
    return found


# --------------------------------------------------------------------------------------------------------------------
# Model
# --------------------------------------------------------------------------------------------------------------------


def push_to_hub(
    model: CrossMoSTModel,
    processor: CrossMoSTProcessor,
    repo_id: str,
    card: str | None = None,
    private: bool | None = None,
) -> str:
    """Upload a model, its processor, the code of both and a card as one commit.

    Args:
        model: any [`CrossMoSTModel`].
        processor: what makes its inputs.
        repo_id: "owner/name".
        card: the README; default [`model_card`] without results.
        private: whether a new repository is private.

    Returns, Raises: as [`upload`].
    """
    with tempfile.TemporaryDirectory() as scratch:
        saved = Path(scratch)
        model.save_pretrained(saved)
        processor.save_pretrained(saved)
        if card is not None:
            (saved / "README.md").write_text(card, encoding="utf-8")
        return push_model(saved, repo_id, private)


def push_model(folder: str | Path, repo_id: str, private: bool | None = None) -> str:
    """Upload a run's folder, without its checkpoints, or any other folder of a saved model and processor.

    What such a folder lacks is added to the upload: the code that `trust_remote_code=True` runs, and a card, with the
    numbers of `results.json` where there is one. Where files lay on this machine is left out of `args.yaml` and
    `results.json`, as it is of the card.

    Returns, Raises: as [`upload`]; [`HubError`] also where the folder holds no model of ours or no processor.
    """
    folder = Path(folder)
    files = local_files(folder) if folder.is_dir() else {}
    for name, what in {"config.json": "model", "processor_config.json": "processor"}.items():
        if name not in files:
            raise HubError(f"{str(folder)!r} holds no saved {what} (there is no {name}): use its save_pretrained first")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            results, args = _read_mapping(folder / "results.json"), _read_mapping(folder / "args.yaml")
            kind = CrossMoSTConfig.get_config_dict(folder)[0].get("model_type")
            if kind != CrossMoSTConfig.model_type:
                raise ValueError(f"its model_type is {kind!r} instead of {CrossMoSTConfig.model_type!r}")
            config = CrossMoSTConfig.from_pretrained(folder)
            if "modeling_crossmost.py" not in files:  # saved by a version that did not write its code beside it
                CrossMoSTModel.from_pretrained(folder).save_pretrained(scratch)
                CrossMoSTProcessor.from_pretrained(folder).save_pretrained(scratch)
        except Exception as error:  # a damaged file surfaces as many types
            raise HubError(f"the model in {str(folder)!r} cannot be loaded ({first_line(error)})") from error
        files |= local_files(Path(scratch))
        if results:
            files["results.json"] = (json.dumps(results, indent=2, ensure_ascii=False) + "\n").encode()
        if args:
            files["args.yaml"] = yaml.safe_dump(args, sort_keys=False, allow_unicode=True).encode()
        files["README.md"] = _card_of(folder, config, results, args | {"hub_model_id": repo_id}).encode()
        return upload(files, repo_id, "model", private)


def _read_mapping(path: Path) -> dict[str, Any]:
    """Read a JSON or YAML file, without the folders of absolute paths; {} where there is none."""
    read = json.loads if path.suffix == ".json" else yaml.safe_load
    content = read(path.read_text(encoding="utf-8")) if path.is_file() else None
    return {
        name: PurePath(value).name if isinstance(value, str) and PurePath(value).is_absolute() else value
        for name, value in (content or {}).items()
    }


def _card_of(folder: Path, config: CrossMoSTConfig, results: dict[str, Any], args: dict[str, Any]) -> str:
    """Return the folder's card, its example naming the repository; a new one where there is none."""
    if (folder / "README.md").is_file():
        return (folder / "README.md").read_text(encoding="utf-8").replace(FOLDER_PLACEHOLDER, args["hub_model_id"])
    return model_card(
        results,
        args,
        config.class_names,
        config.prompt_templates,
        config.up_axis,
        sorted(path.name for path in folder.glob("*.png")),
    )


def push_run(output_dir: str | Path, repo_id: str) -> str:
    """[`push_model`] at the end of a run.

    Raises:
        ValueError: it failed; the sentence says that the run is complete, and how to upload it later.
    """
    try:
        return push_model(output_dir, repo_id)
    except HubError as error:
        again = f"crossmost push model {output_dir} {repo_id}"
        raise ValueError(f"the run lies complete in {output_dir}, but {error}; upload it with `{again}`.") from error


# --------------------------------------------------------------------------------------------------------------------
# Data set and Space
# --------------------------------------------------------------------------------------------------------------------


def push_dataset(folder: str | Path, repo_id: str, private: bool | None = None) -> str:
    """Upload a folder of `crossmost-prepare`, so that `load_dataset(repo_id)` reads it.

    Returns, Raises: as [`upload`]; [`HubError`] also where the folder has no card.
    """
    folder = Path(folder)
    if not (folder / "README.md").is_file():
        raise HubError(f"{str(folder)!r} holds no prepared data set (there is no README.md): prepare it first")
    return upload(local_files(folder), repo_id, "dataset", private)


def push_space(folder: str | Path, repo_id: str, private: bool | None = None) -> str:
    """Upload the Space: the app's folder, beside it the package and the bundled model that it imports and loads, and
    the furniture generator that makes its examples.

    Returns, Raises: as [`upload`]; [`HubError`] also where the folder is no Gradio Space, or there is no bundled model.
    """
    folder = Path(folder)
    files = local_files(folder)
    readme = files.get("README.md")
    head = metadata_load(readme) if isinstance(readme, Path) else None
    app = (head or {}).get("app_file", "app.py")
    if (head or {}).get("sdk") != "gradio" or app not in files:
        raise HubError(f"{str(folder)!r} is no Gradio Space: it needs app.py and a README.md that begins with its YAML")
    if not (ROOT / BUNDLED_MODEL).is_dir():
        raise HubError(f"the Space needs {BUNDLED_MODEL}, which {str(ROOT)!r} does not have: call it from a clone")
    files |= {f"{PACKAGE.name}/{name}": content for name, content in local_files(PACKAGE).items()}
    for part in (BUNDLED_MODEL, FURNITURE):
        files |= {f"{part.as_posix()}/{name}": content for name, content in local_files(ROOT / part).items()}
    return upload(files, repo_id, "space", private)
