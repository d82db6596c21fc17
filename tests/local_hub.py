"""A Hub in memory on the loopback, for tests with the real `huggingface_hub`, `datasets` and `transformers` clients.

Models, data sets and Spaces of one branch; regular and LFS uploads, commits, trees, downloads with ranges; reading is
open, writing needs `TOKEN`. Clients need `LocalHub.environment`. It refuses cards that the Hub refuses. What it does
not know it answers with 501 and remembers in `unknown`, so that no client's request gets lost.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import yaml


TOKEN = "hf_of_the_local_hub"
READ_ONLY_TOKEN = "hf_that_may_only_read"
OWNER = "tester"
LFS_FROM = 10_000  # bytes; the Hub's own border is higher for text
BRANCH = "main"

# Of https://huggingface.co/docs/hub/repositories-licenses, those that our cards use or might.
LICENSES = {"apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-nc-4.0", "other", "unknown"}


@dataclass(frozen=True)
class Blob:
    """A file's content; `lfs` files are named by their SHA-256, others by their git object id."""

    content: bytes
    lfs: bool

    @property
    def git_oid(self) -> str:
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.git_oid


@dataclass
class Commit:
    """One commit and all files at it."""

    oid: str
    title: str
    files: dict[str, Blob]


@dataclass
class Repository:
    """A repository of one branch; the last commit is its head."""

    kind: str
    repo_id: str
    created: dict[str, Any]
    commits: list[Commit] = field(default_factory=list)

    def at(self, revision: str) -> Commit | None:
        """The commit of a branch name or (short) commit id."""
        if revision == BRANCH:
            return self.commits[-1]
        return next((commit for commit in self.commits if commit.oid.startswith(revision)), None)

    def commit(self, title: str, files: dict[str, Blob]) -> Commit:
        """Append a commit."""
        number = f"{self.kind}/{self.repo_id}/{len(self.commits)}/{title}"
        self.commits.append(Commit(hashlib.sha1(number.encode()).hexdigest(), title, files))
        return self.commits[-1]


class LocalHub:
    """The server: `with LocalHub() as hub: ...`.

    Attributes:
        url: its address.
        repositories: by (kind, id).
        requests: "METHOD path" of all that it got.
        unknown: those that it did not understand.
        refuse_commits: answers commits with this status instead of making them, where it is set.
    """

    def __init__(self) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.lfs: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.unknown: list[str] = []
        self.refuse_commits: int | None = None
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "LocalHub":
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def environment(self, home: Path, token: str = TOKEN) -> dict[str, str]:
        """Variables for a client process with its caches below `home`."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": token,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def files(self, kind: str, repo_id: str) -> dict[str, bytes]:
        """The files of a repository's head."""
        return {name: blob.content for name, blob in self.repositories[kind, repo_id].commits[-1].files.items()}


# --------------------------------------------------------------------------------------------------------------------
# Cards
# --------------------------------------------------------------------------------------------------------------------


def card_errors(content: str, kind: str) -> list[str]:
    """What the Hub refuses a README for: https://github.com/huggingface/hub-docs (modelcard.md, spaces config)."""
    match = re.match(r"---\r?\n(.*?)\r?\n---\r?\n", content, re.S)
    try:
        head = yaml.safe_load(match[1]) if match else {}
    except yaml.YAMLError as error:
        return [f"the YAML cannot be read: {error}"]
    if not isinstance(head, dict):
        return ["the YAML is no mapping"]
    errors = []
    if head.get("license", "other") not in LICENSES:
        errors.append(f'"license" must be one of the known ones, got {head["license"]}')
    for name in ("tags", "metrics", "task_categories"):
        if not all(isinstance(item, str) for item in head.get(name) or []):
            errors.append(f'"{name}" must be a list of strings')
    if kind == "space":
        if head.get("sdk") not in ("gradio", "streamlit", "docker", "static"):
            errors.append('"sdk" must be gradio, streamlit, docker or static')
        if len(str(head.get("short_description", ""))) > 60:
            errors.append('"short_description" is longer than 60 characters')
    return errors + _index_errors(head.get("model-index"))


def _index_errors(index: Any) -> list[str]:
    if index is None:
        return []
    errors = []
    for model in index if isinstance(index, list) else [{}]:
        if not isinstance(model, dict) or not isinstance(model.get("name"), str) or not model.get("results"):
            errors.append('"model-index" must be a list of models with name and results')
            continue
        for result in model["results"]:
            if not isinstance(result.get("task", {}).get("type"), str):
                errors.append('"model-index[].results[].task.type" is required')
            dataset = result.get("dataset", {})
            if not isinstance(dataset.get("name"), str) or not re.fullmatch(r"[\w.\-/]+", str(dataset.get("type", ""))):
                errors.append('"model-index[].results[].dataset" needs a name, and an identifier as its type')
            for metric in result.get("metrics") or [{}]:
                if not isinstance(metric.get("type"), str) or "value" not in metric:
                    errors.append('"model-index[].results[].metrics[]" need type and value')
    return errors


# --------------------------------------------------------------------------------------------------------------------
# Requests
# --------------------------------------------------------------------------------------------------------------------


class Answer(Exception):
    """End a request."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None):
        self.status, self.body, self.headers = status, body, headers or {}


def _missing(code: str, what: str) -> Answer:
    return Answer(404, {"error": f"{what} not found"}, {"X-Error-Code": code, "X-Error-Message": f"{what} not found"})


_KIND = r"(?P<kind>model|dataset|space)s"
_REPO = r"(?P<repo>[\w.\-]+(?:/[\w.\-]+)?)"
_REVISION = r"(?P<revision>[^/]+)"
_PREFIX = r"(?:(?P<kind>dataset|space)s/)?"


class _Handler(BaseHTTPRequestHandler):
    hub: LocalHub
    protocol_version = "HTTP/1.1"

    ROUTES: ClassVar[list[tuple[str, str, str]]] = [
        ("POST", r"/api/repos/create", "create"),
        ("POST", r"/api/validate-yaml", "validate_yaml"),
        ("GET", r"/api/whoami-v2", "who_am_i"),
        ("POST", rf"/api/{_KIND}/{_REPO}/preupload/{_REVISION}", "preupload"),
        ("POST", rf"/api/{_KIND}/{_REPO}/commit/{_REVISION}", "commit"),
        ("POST", rf"/api/{_KIND}/{_REPO}/paths-info/{_REVISION}", "paths_info"),
        ("GET", rf"/api/{_KIND}/{_REPO}/tree/{_REVISION}(?:/(?P<path>.*))?", "tree"),
        ("GET", rf"/api/{_KIND}/{_REPO}/commits/{_REVISION}", "commits"),
        ("GET", rf"/api/{_KIND}/{_REPO}/refs", "refs"),
        ("GET", rf"/api/{_KIND}/{_REPO}/revision/{_REVISION}", "info"),
        ("GET", rf"/api/{_KIND}/{_REPO}", "info"),
        ("POST", rf"/{_PREFIX}{_REPO}\.git/info/lfs/objects/batch", "lfs_batch"),
        ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", "lfs_put"),
        ("GET", rf"/{_PREFIX}{_REPO}/resolve/{_REVISION}/(?P<path>.+)", "resolve"),
    ]

    def _serve(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        self.hub.requests.append(f"{self.command} {address.path}")
        try:
            for method, pattern, name in self.ROUTES:
                match = re.fullmatch(pattern, address.path)
                if match and self.command in (method, "HEAD" if method == "GET" else method):
                    parts = {key: unquote(value) for key, value in match.groupdict().items() if value is not None}
                    if method != "GET" and name not in ("validate_yaml", "paths_info", "lfs_put"):
                        self._check_token()
                    answer: Callable[..., Any] = getattr(self, name)
                    with self.hub.lock:
                        raise Answer(200, answer(**parts))
            self.hub.unknown.append(f"{self.command} {self.path}")
            raise Answer(501, {"error": "the local Hub does not know this route"})
        except Answer as answer:
            self._send(answer)

    do_GET = do_HEAD = do_POST = do_PUT = _serve

    def log_message(self, *_: object) -> None:
        """Nothing: tests read `unknown`."""

    def _check_token(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token == READ_ONLY_TOKEN:
            raise Answer(403, {"error": "You don't have the rights to write here"})
        if token != TOKEN:
            raise Answer(401, {"error": "Invalid username or password."})

    def _send(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _repository(self, kind: str, repo: str) -> Repository:
        found = self.hub.repositories.get((kind, repo))
        if found is None:
            raise _missing("RepoNotFound", f"Repository {repo}")
        return found

    def _at(self, kind: str, repo: str, revision: str) -> tuple[Repository, Commit]:
        repository = self._repository(kind, repo)
        commit = repository.at(revision)
        if commit is None:
            raise _missing("RevisionNotFound", f"Revision {revision}")
        return repository, commit

    # Uploads

    def create(self) -> dict:
        wanted = json.loads(self.body)
        repo_id = f"{wanted.get('organization') or OWNER}/{wanted['name']}"
        key, url = (wanted.get("type", "model"), repo_id), f"{self.hub.url}/{repo_id}"
        if key[0] != "model":
            url = f"{self.hub.url}/{key[0]}s/{repo_id}"
        if key in self.hub.repositories:
            raise Answer(409, {"error": "You already created this repository", "url": url})
        self.hub.repositories[key] = Repository(*key, created=wanted)
        self.hub.repositories[key].commit("initial commit", {})
        return {"url": url, "name": repo_id, "id": repo_id}

    def who_am_i(self) -> dict:
        return {"type": "user", "name": OWNER, "orgs": []}

    def validate_yaml(self) -> dict:
        asked = json.loads(self.body)
        errors = card_errors(asked["content"], asked["repoType"])
        answer = {"errors": [{"message": message} for message in errors], "warnings": []}
        if errors:
            raise Answer(400, {"error": "Bad metadata", **answer})
        return answer

    def preupload(self, kind: str, repo: str, revision: str) -> dict:
        _, head = self._at(kind, repo, revision)
        files = []
        for item in json.loads(self.body)["files"]:
            known = head.files.get(item["path"])
            mode = "lfs" if item["size"] >= LFS_FROM else "regular"
            oid = None if known is None else known.etag
            files.append({"path": item["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return {"files": files}

    def lfs_batch(self, repo: str, kind: str = "model") -> dict:
        self._repository(kind, repo)
        objects = []
        for item in json.loads(self.body)["objects"]:
            entry = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in self.hub.lfs:
                entry["actions"] = {"upload": {"href": f"{self.hub.url}/lfs/{item['oid']}"}}
            objects.append(entry)
        return {"transfer": "basic", "objects": objects}

    def lfs_put(self, oid: str) -> dict:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Answer(400, {"error": "content and name differ"})
        self.hub.lfs[oid] = self.body
        return {}

    def commit(self, kind: str, repo: str, revision: str) -> dict:
        if self.hub.refuse_commits:
            raise Answer(self.hub.refuse_commits, {"error": "no commits today"})
        repository, head = self._at(kind, repo, revision)
        files, title = dict(head.files), ""
        for line in self.body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                title = value["summary"]
            elif entry["key"] == "file":
                files[value["path"]] = Blob(base64.b64decode(value["content"]), lfs=False)
            elif entry["key"] == "lfsFile":
                files[value["path"]] = Blob(self.hub.lfs[value["oid"]], lfs=True)
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
            else:
                raise Answer(400, {"error": f"unknown operation {entry['key']}"})
        made = repository.commit(title, files)
        return {"success": True, "commitOid": made.oid, "commitUrl": f"{self.hub.url}/{repo}/commit/{made.oid}"}

    # Reading

    def info(self, kind: str, repo: str, revision: str = BRANCH) -> dict:
        repository, commit = self._at(kind, repo, revision)
        siblings = [{"rfilename": path} for path in sorted(commit.files)]
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        about = {"id": repo, "sha": commit.oid, "private": False, "gated": False, "disabled": False, "tags": []}
        return about | {
            "siblings": siblings,
            "lastModified": time,
            "createdAt": time,
            "sdk": repository.created.get("sdk"),
        }

    def refs(self, kind: str, repo: str) -> dict:
        head = self._repository(kind, repo).commits[-1]
        return {"branches": [{"name": BRANCH, "ref": f"refs/heads/{BRANCH}", "targetCommit": head.oid}], "tags": []}

    def commits(self, kind: str, repo: str, revision: str) -> list[dict]:
        repository, _ = self._at(kind, repo, revision)
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return [
            {"id": commit.oid, "title": commit.title, "message": "", "date": time, "authors": [{"user": OWNER}]}
            for commit in reversed(repository.commits)
        ]

    def tree(self, kind: str, repo: str, revision: str, path: str = "") -> list[dict]:
        _, commit = self._at(kind, repo, revision)
        inside = path.strip("/") + "/" if path.strip("/") else ""
        below = {name: blob for name, blob in commit.files.items() if name.startswith(inside)}
        if inside and not below:
            raise _missing("EntryNotFound", path)
        entries = {}
        for name, blob in sorted(below.items()):
            parts = name[len(inside) :].split("/")
            for depth in range(1, len(parts)):
                folder = inside + "/".join(parts[:depth])
                entries[folder] = {
                    "type": "directory",
                    "path": folder,
                    "oid": hashlib.sha1(folder.encode()).hexdigest(),
                }
            entries[name] = _entry(name, blob)
        if self.query.get("recursive", "").lower() in ("1", "true"):
            return list(entries.values())
        return [entry for name, entry in entries.items() if "/" not in name[len(inside) :]]

    def paths_info(self, kind: str, repo: str, revision: str) -> list[dict]:
        _, commit = self._at(kind, repo, revision)
        content = self.body.decode()
        as_json = "json" in self.headers.get("Content-Type", "")
        asked = json.loads(content)["paths"] if as_json else parse_qs(content).get("paths", [])
        found = []
        for path in asked:
            if path in commit.files:
                found.append(_entry(path, commit.files[path]))
            elif any(name.startswith(f"{path}/") for name in commit.files):
                found.append({"type": "directory", "path": path, "oid": hashlib.sha1(path.encode()).hexdigest()})
        return found

    def resolve(self, repo: str, revision: str, path: str, kind: str = "model") -> None:
        _, commit = self._at(kind, repo, revision)
        headers = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
        if path not in commit.files:
            missing = _missing("EntryNotFound", path)
            raise Answer(404, missing.body, missing.headers | headers)
        blob = commit.files[path]
        headers |= {"ETag": f'"{blob.etag}"', "Content-Type": "application/octet-stream"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            raise Answer(200, blob.content, headers)
        first, last = int(asked[1]), int(asked[2] or len(blob.content) - 1)
        part = blob.content[first : last + 1]
        headers["Content-Range"] = f"bytes {first}-{first + len(part) - 1}/{len(blob.content)}"
        raise Answer(206, part, headers)


def _entry(path: str, blob: Blob) -> dict:
    entry = {"type": "file", "path": path, "oid": blob.git_oid, "size": len(blob.content)}
    if blob.lfs:
        entry["lfs"] = {"oid": blob.sha256, "size": len(blob.content), "pointerSize": 130}
    return entry
